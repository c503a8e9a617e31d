// Loops and filters of FEEL. Lists are written out in the model, so they are gone through while it is read; rows of another decision are walked by Dunlin.
#include <fmt/format.h>

#include "lang/tables/expression.h"
#include "lang/tables/expression_parts.h"

namespace dunlin::tables {

using feel::NodeKind;
using feel::Op;

namespace {

constexpr size_t turns_max = 1'000;

std::optional<int64_t> whole_constant(const Term& term) {
  if (!term.figure || !term.figure->is_whole()) return std::nullopt;
  const auto value = millionths(*term.figure);
  return value ? std::optional(*value / 1'000'000) : std::nullopt;
}

}  // namespace

/// What a variable goes through: a list that is written out, or whole numbers from one to another.
std::vector<Term> Expressions::domain(const feel::Node& node, const Scope& scope) {
  if (node.kind == NodeKind::interval) {
    const auto low = whole_constant(translate(*node.items[0], scope)), high = whole_constant(translate(*node.items[1], scope));
    if (!low || !high) throw Refusal{"a loop over a range that is no constant lies outside of what is imported", "write both ends as whole numbers"};
    if (std::abs(*high - *low) >= static_cast<int64_t>(turns_max)) throw Refusal{"a loop has more than 1,000 turns", ""};
    std::vector<Term> all;
    for (int64_t i = *low;; i += *low <= *high ? 1 : -1) {
      all.push_back(figure_term({i, 0}));
      if (i == *high) return all;
    }
  }
  Term list = translate(node, scope);
  if (is_null(list)) throw Refusal{"a loop over null: DMN makes null of it", ""};
  if (list.type.kind != Kind::list) return {std::move(list)};  // FEEL: one value is a list of it
  if (list.rows) throw Refusal{"a loop over the rows of another decision lies outside of what is imported", "`some` and `every` over one output of them are"};
  return std::move(list.items);
}

Term Expressions::loop(const feel::Node& node, const Scope& scope) {
  const size_t variables = node.names.size();
  if (variables == 1 && node.items[0]->kind != NodeKind::interval && node.text != "for") {
    const Term list = translate(*node.items[0], scope);
    if (list.type.kind == Kind::list && list.rows) return loop_over_rows(node, list, scope);
  }
  Term made;
  made.type.kind = Kind::list;
  std::vector<Term> results;
  // Later lists may use earlier variables.
  const auto turn = [&](const auto& again, const Scope& inside, size_t variable) -> void {
    if (variable == variables) {
      if (results.size() >= turns_max) throw Refusal{"a loop has more than 1,000 turns", ""};
      results.push_back(translate(*node.items[variables], inside));
      return;
    }
    for (Term& value : domain(*node.items[variable], inside)) {
      Scope inner = inside;
      inner.values.emplace_back(node.names[variable], std::move(value));
      again(again, inner, variable + 1);
    }
  };
  turn(turn, scope, 0);
  if (node.text == "for") {
    for (const Term& result : results) add_needs(made, result);
    made.items = std::move(results);
    return made;
  }
  const bool some = node.text == "some";
  Term all = truth_term(!some);
  for (const Term& result : results) all = logical(some ? Op::logical_or : Op::logical_and, all, result);
  return all;
}

Term Expressions::loop_over_rows(const feel::Node& node, const Term& list, const Scope& scope) {
  const Rows& rows = *list.rows;
  if (rows.outputs.size() != 1 || rows.null_without_hits)
    throw Refusal{"`" + node.text + "` over rows of several outputs, or that may be null, lies outside of what is imported", ""};
  Term one;
  one.type = rows.outputs[0].type;
  one.text = fmt::format("row{}", scope.values.size());
  const std::string binder = one.text;
  Scope inner = scope;
  inner.values.emplace_back(node.names[0], one);
  Term holds = translate(*node.items[1], inner);
  if (is_null(holds) || holds.type.kind != Kind::boolean || holds.nullable)
    throw Refusal{"a condition on the rows of another decision that may be null lies outside of what is imported", "compare with values that are always there"};
  const bool some = node.text == "some";
  if (holds.truth) holds.text = *holds.truth ? "true" : "false";
  Term made;
  made.type.kind = Kind::boolean;
  made.text = some ? fmt::format("exists({} in {} where {})", binder, rows.call, holds.text)
                   : fmt::format("(not exists({} in {} where not {}))", binder, rows.call, holds.text);
  add_needs(made, list);
  add_needs(made, holds);
  return made;
}

/// `list[2]`, `list[-1]`, `list[item > 3]`. What a condition keeps must be known when the model is read.
Term Expressions::filter(const feel::Node& node, const Scope& scope) {
  Term list = translate(*node.items[0], scope);
  if (is_null(list)) return list;
  if (list.type.kind == Kind::list && list.rows) throw Refusal{"a filter of the rows of another decision lies outside of what is imported", ""};
  if (list.type.kind != Kind::list) {
    Term one = list;
    list = Term{};
    list.type.kind = Kind::list;
    list.needs = one.needs;
    list.items.push_back(std::move(one));
  }
  Term kept;
  kept.type.kind = Kind::list;
  for (size_t i = 0; i < list.items.size(); ++i) {
    Scope inner = scope;
    inner.values.emplace_back("item", list.items[i]);
    const Term asked = translate(*node.items[1], inner);
    if (asked.type.is_number()) {
      const auto index = whole_constant(asked);
      if (!index) throw Refusal{"an index that is no whole constant lies outside of what is imported", ""};
      const auto count = static_cast<int64_t>(list.items.size());
      const int64_t at = *index > 0 ? *index - 1 : count + *index;
      return *index == 0 || at < 0 || at >= count ? null_term() : list.items[static_cast<size_t>(at)];
    }
    if (is_null(asked)) continue;
    if (!asked.truth) throw Refusal{"a filter that hangs on inputs lies outside of what is imported", "`some`, `every` and `if` can ask the same"};
    if (!*asked.truth) continue;
    kept.items.push_back(list.items[i]);
    add_needs(kept, list.items[i]);
  }
  return kept;
}

}  // namespace dunlin::tables
