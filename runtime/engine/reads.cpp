#include "runtime/engine/reads.h"

#include <algorithm>

namespace dunlin::engine {

namespace {
using checked::Expr;
using checked::Op;

checked::Index parameter_slot(const checked::Program& program, const checked::Root& root, checked::Index parameter) {
  checked::Index slot = 0;
  for (checked::Index p = 0; p < parameter; ++p) slot += checked::slot_count(program, root.parameters[p]);
  return slot;
}

}  // namespace

Reads::Reads(const checked::Program& program, const Evaluator& evaluator) : program_(program), evaluator_(evaluator), known_(program.roots.size()) {}

void Reads::collect(checked::RootId root, const abi::EvalContext& context, std::vector<ValueRead>& values) {
  if (root == checked::none) return;
  for (const Source& source : sources(root)) {
    if (std::ranges::any_of(values, [&](const ValueRead& read) { return read.name == source.name; })) continue;
    const int64_t* slots = value(source, program_.roots[root], context);
    if (slots != nullptr) values.push_back({source.name, checked::format_value(program_, source.type, slots)});
  }
}

const std::vector<Reads::Source>& Reads::sources(checked::RootId root) {
  Known& known = known_[root];
  if (!known.ready) {
    known.ready = true;
    if (program_.roots[root].body != nullptr) find(program_.roots[root], *program_.roots[root].body, known.sources);
  }
  return known.sources;
}

void Reads::find(const checked::Root& root, const Expr& expr, std::vector<Source>& found) const {
  Source source;
  if (find_here(root, expr, source)) {
    source.type = expr.type;
    if (std::ranges::none_of(found, [&](const Source& other) { return other.name == source.name; })) found.push_back(std::move(source));
    return;
  }
  for (const auto& argument : expr.args) {
    if (argument != nullptr) find(root, *argument, found);
  }
  // Inside an aggregate only its window, and what a table is asked with, belongs to this instance; the rest is read for each element.
  if (expr.aggregate != nullptr && expr.aggregate->window_value != nullptr) find(root, *expr.aggregate->window_value, found);
  if (expr.aggregate != nullptr && expr.aggregate->source == checked::Aggregate::Source::rows) find(root, *expr.aggregate->owner, found);
}

bool Reads::find_here(const checked::Root& root, const Expr& expr, Source& source) const {
  switch (expr.op) {
    case Op::field:
    case Op::derived: {
      if (!find_instance(root, *expr.args[0], source)) return false;
      const checked::Entity& entity = program_.entities[expr.args[0]->type.id];
      const bool stored = expr.op == Op::field;
      source.kind = stored ? Kind::field : Kind::derived;
      source.name += stored ? entity.fields[expr.index].name : entity.derived[expr.index].name;
      if (stored) source.slot = entity.fields[expr.index].slot;
      if (!stored) source.root = entity.derived[expr.index].root;
      return true;
    }
    case Op::variable:
      if (root.strategy == checked::none) return false;
      source.kind = Kind::variable;
      source.name = program_.strategies[root.strategy].variables[expr.index].name;
      source.slot = program_.strategies[root.strategy].variables[expr.index].slot;
      return true;
    case Op::event_field: {
      if (expr.args[0]->op != Op::event || root.event_type == checked::none) return false;
      const checked::EventType& type = program_.events[root.event_type];
      source.kind = Kind::event_field;
      source.name = type.name + "." + type.fields[expr.index].name;
      source.slot = type.fields[expr.index].slot;
      return true;
    }
    case Op::event_at:
      source.kind = Kind::event_at;
      source.name = "at";
      return expr.args[0]->op == Op::event;
    case Op::entered_at:
      source.kind = Kind::entered_at;
      source.name = "entered_at";
      return true;
    case Op::enrolled_at:
      source.kind = Kind::enrolled_at;
      source.name = "enrolled_at";
      return true;
    case Op::visits:
      source.kind = Kind::visits;
      source.name = "visits(" + program_.stages[expr.index].name + ")";
      source.slot = expr.index;
      return true;
    case Op::setting:
      source.kind = Kind::setting;
      source.name = program_.settings[expr.index].name;
      source.slot = program_.settings[expr.index].slot;
      return true;
    default:
      return false;
  }
}

/// self, an ancestor of it, or a parameter: what can be followed without evaluating anything.
bool Reads::find_instance(const checked::Root& root, const Expr& expr, Source& source) const {
  if (expr.op == Op::self) return true;
  if (expr.op == Op::parameter && expr.type.kind == checked::TypeKind::instance && !expr.type.optional) {
    source.parameter = parameter_slot(program_, root, expr.index);
    const bool named = static_cast<size_t>(expr.index) < parameter_names_.size() && !parameter_names_[expr.index].empty();
    source.name = (named ? parameter_names_[expr.index] : program_.entities[expr.type.id].name) + ".";
    return true;
  }
  if (expr.op != Op::ancestor || !find_instance(root, *expr.args[0], source)) return false;
  source.ancestor = expr.index;
  // What several hang on is told apart by who hangs there.
  const bool named = !source.name.empty() && source.name != program_.entities[expr.args[0]->type.id].name + ".";
  source.name = (named ? source.name : std::string()) + program_.entities[expr.index].name + ".";
  return true;
}

const int64_t* Reads::value(const Source& source, const checked::Root&, const abi::EvalContext& context) {
  const abi::Instance* instance = context.self;
  if (source.parameter != checked::none) instance = reinterpret_cast<const abi::Instance*>(context.arguments[source.parameter]);
  while (source.ancestor != checked::none && instance != nullptr && instance->entity != source.ancestor) instance = instance->parent;
  if (instance == nullptr) return nullptr;
  out_.resize(1);
  switch (source.kind) {
    case Kind::field:
      return instance->slots + source.slot;
    case Kind::variable:
      return instance->state->variables + source.slot;
    case Kind::setting:
      return context.settings + source.slot;
    case Kind::event_field:
      return context.event == nullptr ? nullptr : context.event->slots + source.slot;
    case Kind::event_at:
      if (context.event == nullptr) return nullptr;
      out_[0] = context.event->at;
      return out_.data();
    case Kind::entered_at:
      out_[0] = instance->state->entered_at;
      return out_.data();
    case Kind::enrolled_at:
      out_[0] = instance->state->enrolled_at;
      return out_.data();
    case Kind::visits:
      out_[0] = instance->state->visits[source.slot];
      return out_.data();
    case Kind::derived:
      break;
  }
  abi::EvalContext inner = context;
  inner.self = instance;
  inner.event = nullptr;
  inner.arguments = nullptr;
  out_.resize(static_cast<size_t>(checked::slot_count(program_, source.type)) + 1);
  return evaluator_.evaluate(source.root, inner, out_.data()).ok() ? out_.data() : nullptr;
}

}  // namespace dunlin::engine
