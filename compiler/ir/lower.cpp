#include "compiler/ir/lower.h"

#include <stdexcept>

#include "compiler/ir/lowering.h"

namespace dunlin::ir {

using checked::Type;
using checked::TypeKind;

ProgramLowering::ProgramLowering(const checked::Program& checked, const LowerOptions& options)
    : checked(checked), options(options), program_(std::make_unique<Program>()) {
  program_->checked = &checked;
}

int64_t ProgramLowering::text(const std::string& text) {
  const auto [place, added] = texts_.try_emplace(text, static_cast<int64_t>(program_->texts.size()));
  if (added) program_->texts.push_back(text);
  return place->second;
}

FunctionId ProgramLowering::add(Function made) {
  program_->functions.push_back(std::move(made));
  return static_cast<FunctionId>(program_->functions.size()) - 1;
}

namespace {

constexpr FunctionId in_the_making = -2;

/// The function for this key, made once. What calls itself has got past the checker.
template <class Key, class Make>
FunctionId once(std::map<Key, FunctionId>& made, const Key& key, const Make& make) {
  const auto [place, added] = made.try_emplace(key, in_the_making);
  if (!added) {
    if (place->second == in_the_making) throw std::logic_error("a function calls itself");
    return place->second;
  }
  const FunctionId id = make();
  made[key] = id;
  return id;
}

std::string wake_suffix(const Variant& variant) { return !variant.wake ? "" : variant.slope_arguments ? " (wake, growing arguments)" : " (wake)"; }

}  // namespace

FunctionId ProgramLowering::of_root(checked::RootId id, Variant variant) {
  return once(roots_, {id, variant}, [&] {
    const auto& root = checked.roots[static_cast<size_t>(id)];
    FunctionLowering f(*this, root.label + wake_suffix(variant), variant.wake);
    f.scope.strategy = root.strategy;
    if (root.self_entity != checked::none) {
      f.scope.self = f.b.leaf(Op::self, Kind::pointer);
      f.made.takes_self = true;
    }
    f.take_parameters(root.parameters, variant.slope_arguments);
    f.finish(root.type, f.lower(*root.body), variant);
    f.made.root = id;
    const int64_t steepest = variant.slope_result ? slope_max[none] : 0;
    const FunctionId made = add(f.take());
    slope_max[made] = steepest;
    return made;
  });
}

FunctionId ProgramLowering::of_segmentation(checked::Index index, Variant variant) {
  return once(segmentations_, {index, variant}, [&] {
    const auto& segmentation = checked.segmentations[static_cast<size_t>(index)];
    FunctionLowering f(*this, "segmentation " + segmentation.name + wake_suffix(variant), variant.wake);
    f.made.takes_self = true;
    f.scope.self = f.b.leaf(Op::self, Kind::pointer);
    const Type type{TypeKind::enumeration, false, segmentation.enumeration};
    Value result = f.fact(f.b.fault(abi::Fault::no_table_row, Kind::integer, {}));
    for (size_t i = segmentation.cases.size(); i-- > 0;) {
      const Value literal = f.fact(f.b.constant(static_cast<int64_t>(i)));
      const checked::RootId when = segmentation.cases[i].when;
      if (when == checked::none) {
        result = literal;
        continue;
      }
      const Value test = f.call_root(when, f.scope.self, {});
      result = f.choose(test.scalar(), literal, result);
      result.wake = f.earlier(test.wake, result.wake);
    }
    f.finish(type, result, variant);
    return add(f.take());
  });
}

FunctionId ProgramLowering::of_table(checked::Index index, Variant variant) {
  return once(tables_, {index, variant}, [&] {
    const auto& table = checked.tables[static_cast<size_t>(index)];
    FunctionLowering f(*this, "table " + table.name + wake_suffix(variant), variant.wake);
    std::vector<Type> types;
    for (const auto& input : table.inputs) types.push_back(input.type);
    f.take_parameters(types, variant.slope_arguments);
    const int32_t rows = row_table(index);
    f.finish(table.result, rows == none ? f.table_by_rows(table) : f.table_by_row_table(table, rows), variant);
    return add(f.take());
  });
}

void FunctionLowering::take_parameters(const std::vector<Type>& types, bool slopes) {
  for (const Type& type : types) {
    Value value = fact(std::vector<NodeId>{});
    const bool valid = type.kind == TypeKind::instance || type.kind == TypeKind::event ? !type.optional : true;
    for (const Kind kind : kinds_of(checked, type)) value.slots.push_back(b.argument(next_argument++, kind, valid));
    scope.parameters.push_back(std::move(value));
  }
  for (size_t i = 0; slopes && i < types.size(); ++i) {
    if (!can_grow(types[i])) continue;
    scope.parameters[i].slope = b.argument(next_argument++, Kind::integer, false);
    scope.parameters[i].slope_max = argument_slope_limit;
  }
}

void FunctionLowering::finish(const Type& type, const Value& value, Variant variant) {
  made.results = value.slots;
  made.has_wake = variant.wake;
  if (variant.wake && variant.slope_result) {
    made.results.push_back(value.slope);
    program.slope_max[none] = value.slope_max;
  }
  if (variant.wake) made.results.push_back(variant.slope_result ? value.wake : changes(type, value));
  made.result_kinds.clear();
  made.may_fault = false;
  for (const NodeId result : made.results) {
    made.result_kinds.push_back(b.at(result).kind);
    made.may_fault |= b.may_fault(result);
  }
  made.argument_slots = next_argument;
}

Function FunctionLowering::take() { return std::move(made); }

std::unique_ptr<Program> ProgramLowering::run() {
  program_->of_root.assign(checked.roots.size(), none);
  for (size_t i = 0; i < checked.roots.size(); ++i) {
    if (!checked.roots[i].body) continue;
    program_->of_root[i] = of_root(static_cast<checked::RootId>(i), {checked.roots[i].wants_wake, false, false});
  }
  return std::move(program_);
}

std::unique_ptr<Program> lower(const checked::Program& checked, const LowerOptions& options) { return ProgramLowering(checked, options).run(); }

}  // namespace dunlin::ir
