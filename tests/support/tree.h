// Checked expressions written by hand, for tests of what reads them.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "compiler/abi/case_view.h"
#include "lang/sema/checked.h"

namespace dunlin::test::tree {

using checked::Aggregate;
using checked::Builtin;
using checked::Expr;
using checked::ExprPtr;
using checked::Index;
using checked::Op;
using checked::Type;
using checked::TypeKind;

inline Type type(TypeKind kind, bool optional = false, Index id = checked::none) { return {kind, optional, id}; }
inline const Type boolean = type(TypeKind::boolean), integer = type(TypeKind::integer), decimal = type(TypeKind::decimal), number = type(TypeKind::number),
                  money = type(TypeKind::money), text = type(TypeKind::text), date = type(TypeKind::date), datetime = type(TypeKind::datetime),
                  duration = type(TypeKind::duration);
inline Type instance(Index entity) { return type(TypeKind::instance, false, entity); }
inline Type event(Index event_type) { return type(TypeKind::event, false, event_type); }

template <class... Args>
ExprPtr make(Op op, Type result, Index index, Args&&... args) {
  auto made = std::make_unique<Expr>();
  made->op = op;
  made->type = result;
  made->index = index;
  (made->args.push_back(std::forward<Args>(args)), ...);
  return made;
}
inline ExprPtr literal(Type result, int64_t value) {
  auto made = make(Op::literal, result, checked::none);
  made->value = value;
  return made;
}
inline ExprPtr number_literal(double value) {
  auto made = make(Op::literal, number, checked::none);
  made->number = value;
  return made;
}
inline ExprPtr text_literal(const std::string& value) {
  auto made = make(Op::literal, text, checked::none);
  made->text = value;
  return made;
}
inline ExprPtr flag(bool value) { return literal(boolean, value ? 1 : 0); }
inline ExprPtr whole(int64_t value) { return literal(integer, value); }
inline ExprPtr days_long(int64_t days) { return literal(duration, abi::pack_duration(days, abi::DurationUnit::day)); }
inline ExprPtr hours_long(int64_t hours) { return literal(duration, abi::pack_duration(hours * 3600 * abi::us_per_second, abi::DurationUnit::microsecond)); }
inline ExprPtr today() { return make(Op::today, date, checked::none); }
inline ExprPtr now() { return make(Op::now, datetime, checked::none); }
inline ExprPtr self(Index entity) { return make(Op::self, instance(entity), checked::none); }
inline ExprPtr local(Type result, Index index) { return make(Op::local, result, index); }
inline ExprPtr parameter(Type result, Index index) { return make(Op::parameter, result, index); }
template <class... Args>
ExprPtr builtin(Builtin which, Type result, Args&&... args) {
  return make(Op::builtin, result, static_cast<Index>(which), std::forward<Args>(args)...);
}
inline ExprPtr compare(Op op, ExprPtr a, ExprPtr b) { return make(op, boolean, checked::none, std::move(a), std::move(b)); }
inline ExprPtr both(ExprPtr a, ExprPtr b) { return make(Op::logical_and, boolean, checked::none, std::move(a), std::move(b)); }
inline ExprPtr either(ExprPtr a, ExprPtr b) { return make(Op::logical_or, boolean, checked::none, std::move(a), std::move(b)); }
inline ExprPtr negated(ExprPtr a) { return make(Op::logical_not, boolean, checked::none, std::move(a)); }

/// A field of an instance by name.
inline ExprPtr field(const checked::Program& program, ExprPtr owner, const std::string& name) {
  const auto& fields = program.entities.at(static_cast<size_t>(owner->type.id)).fields;
  const Index index = checked::find_field(fields, name);
  return make(Op::field, fields.at(static_cast<size_t>(index)).type, index, std::move(owner));
}
inline ExprPtr event_field(const checked::Program& program, ExprPtr event, const std::string& name) {
  const auto& fields = program.events.at(static_cast<size_t>(event->type.id)).fields;
  const Index index = checked::find_field(fields, name);
  return make(Op::event_field, fields.at(static_cast<size_t>(index)).type, index, std::move(event));
}
inline ExprPtr derived(const checked::Program& program, ExprPtr owner, Index index) {
  const Type result = program.entities.at(static_cast<size_t>(owner->type.id)).derived.at(static_cast<size_t>(index)).type;
  return make(Op::derived, result, index, std::move(owner));
}

/// The expression of a root with its self.
inline checked::RootId add_root(checked::Program& program, ExprPtr body, Index self_entity, bool wants_wake, std::string label = "test", Index locals = 64) {
  checked::Root root;
  root.type = body->type;
  root.body = std::move(body);
  root.label = std::move(label);
  root.self_entity = self_entity;
  root.locals = locals;
  root.wants_wake = wants_wake;
  program.roots.push_back(std::move(root));
  return static_cast<checked::RootId>(program.roots.size()) - 1;
}

}  // namespace dunlin::test::tree
