#include "lang/tables/expression.h"

#include <fmt/format.h>

#include <algorithm>

#include "lang/tables/dunlin_names.h"
#include "lang/tables/expression_parts.h"

namespace dunlin::tables {

using feel::NodeKind;
using feel::Op;

namespace {

const char* sign_of(Op op) {
  switch (op) {
    case Op::less:
      return "<";
    case Op::less_equal:
      return "<=";
    case Op::greater:
      return ">";
    case Op::greater_equal:
      return ">=";
    case Op::equal:
      return "=";
    default:
      return "!=";
  }
}

bool holds(Op op, int order) {
  switch (op) {
    case Op::less:
      return order < 0;
    case Op::less_equal:
      return order <= 0;
    case Op::greater:
      return order > 0;
    case Op::greater_equal:
      return order >= 0;
    case Op::equal:
      return order == 0;
    default:
      return order != 0;
  }
}

/// A list that is written out and is no list of one, which could stand for its item.
bool is_several(const Term& term) { return term.type.kind == Kind::list && !term.rows && term.items.size() != 1; }

}  // namespace

const Term* Scope::find(const std::string& name) const {
  for (auto at = values.rbegin(); at != values.rend(); ++at) {
    if (at->first == name) return &at->second;
  }
  return nullptr;
}

void add_needs(Term& to, const Term& from) {
  for (const std::string& need : from.needs) {
    if (std::find(to.needs.begin(), to.needs.end(), need) == to.needs.end()) to.needs.push_back(need);
  }
}

Term lifted(const std::string& function, const std::vector<Term>& arguments, Kind result) {
  std::string text = function + "(";
  bool nullable = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    text += (i == 0 ? "" : ", ") + arguments[i].text;
    nullable = nullable || arguments[i].nullable;
  }
  Term made = bare(result, text + ")", nullable);
  for (const Term& argument : arguments) add_needs(made, argument);
  return made;
}

// ---- types ---------------------------------------------------------------------------------------------

Type Expressions::common(const Type& a, const Type& b) {
  if (a.kind == Kind::null) return b;
  if (b.kind == Kind::null || a == b) return a;
  if (a.is_words() && b.is_words()) return {Kind::text, {}};
  if (a.is_number() && b.is_number()) return {a.kind == Kind::money || b.kind == Kind::money ? Kind::money : Kind::decimal, {}};
  throw Refusal{fmt::format("one value is {}, another {}", type_words(a), type_words(b)), "a decision of Dunlin has one type"};
}

Term Expressions::as_text(const Term& value) {
  if (value.type.kind == Kind::text || value.words) return value;
  Enumeration& enumeration = enumerations_.at(value.type.enumeration);
  enumeration.written_out = true;
  return lifted(enumeration.name + "_text", {value}, Kind::text);
}

Term Expressions::as(const Term& term, const Type& type) {
  if (is_null(term) || term.type == type) return term;
  if (type.kind == Kind::text && term.type.is_words()) return as_text(term);
  if (type.kind == Kind::enumeration && term.words) {
    const Enumeration& enumeration = enumerations_.at(type.enumeration);
    const auto found = std::find(enumeration.texts.begin(), enumeration.texts.end(), *term.words);
    if (found == enumeration.texts.end())
      throw Refusal{fmt::format("\"{}\" is not among the allowed values", *term.words), "add it to the allowed values, or correct it"};
    Term made = term;
    made.type = type;
    made.text = quoted_name(enumeration.literals[static_cast<size_t>(found - enumeration.texts.begin())]);
    return made;
  }
  if (type.kind == Kind::decimal && term.type.kind == Kind::integer) {
    if (term.figure) return figure_term(*term.figure);
    return lifted("decimal_of", {term}, Kind::decimal);
  }
  if (type.kind == Kind::integer && term.figure && term.figure->is_whole()) {
    Term made = term;
    made.type = type;
    return made;
  }
  if (type.kind == Kind::money && term.figure && term.figure->places <= 2) {
    Term made = term;
    made.type = type;
    return made;
  }
  throw Refusal{fmt::format("the value is {}, but {} is needed", type_words(term.type), type_words(type)),
                term.type.is_number() && type.is_number() ? "give both the same type: a number, a whole number or an amount" : ""};
}

// ---- expressions ---------------------------------------------------------------------------------------

Term Expressions::translate(const feel::Node& node, const Scope& scope) {
  switch (node.kind) {
    case NodeKind::number: {
      const auto figure = read_decimal(node.text);
      if (!figure) throw Refusal{"the figure " + node.text + " has more than 34 digits", ""};
      return wide_figure_term(*figure);  // not yet held to six places: only what is left in the end must fit
    }
    case NodeKind::text:
      return words_term(node.text);
    case NodeKind::boolean:
      return truth_term(node.text == "true");
    case NodeKind::null:
      return null_term();
    case NodeKind::at_literal: {
      for (const auto read : {read_date, read_time, read_datetime, read_duration}) {
        if (auto made = read(node.text)) return *made;
      }
      throw Refusal{"`@\"" + node.text + "\"` is no date, time or duration", ""};
    }
    case NodeKind::name:
      if (const Term* found = scope.find(node.text)) return *found;
      // A parameter may be called `person.name`; elsewhere the same letters are a component.
      for (size_t dot = node.text.rfind('.'); dot != std::string::npos && dot > 0; dot = node.text.rfind('.', dot - 1)) {
        if (const Term* found = scope.find(node.text.substr(0, dot))) return components(*found, node.text.substr(dot + 1));
      }
      throw Refusal{"there is no input or decision `" + node.text + "` that this may use", "draw the requirement in the model, or correct the name"};
    case NodeKind::input:
      if (!scope.input) throw Refusal{"`?` has a meaning in the cells of a table only", ""};
      return *scope.input;
    case NodeKind::path:
      return path(translate(*node.items[0], scope), node.text);
    case NodeKind::negate:
      return negate(translate(*node.items[0], scope));
    case NodeKind::binary:
      return binary(node, scope);
    case NodeKind::call:
      return call(node, scope);
    case NodeKind::condition:
      return choice(translate(*node.items[0], scope), translate(*node.items[1], scope), translate(*node.items[2], scope));
    case NodeKind::list: {
      Term made;
      made.type.kind = Kind::list;
      for (const feel::NodePtr& item : node.items) {
        made.items.push_back(translate(*item, scope));
        add_needs(made, made.items.back());
      }
      return made;
    }
    case NodeKind::between: {
      const Term value = translate(*node.items[0], scope);
      return logical(Op::logical_and, compare(Op::greater_equal, value, translate(*node.items[1], scope)),
                     compare(Op::less_equal, value, translate(*node.items[2], scope)));
    }
    case NodeKind::in: {
      Scope inner = scope;
      inner.input = translate(*node.items[0], scope);
      std::optional<Term> all;
      for (size_t i = 1; i < node.items.size(); ++i) {
        Term one = test(*node.items[i], inner);
        all = all ? logical(Op::logical_or, *all, one) : one;
      }
      return *all;
    }
    case NodeKind::loop:
      return loop(node, scope);
    case NodeKind::filter:
      return filter(node, scope);
    case NodeKind::interval:
      throw Refusal{"an interval stands where a value should", "intervals are asked for with `in`"};
    default:
      throw Refusal{"a test stands where a value should", ""};
  }
}

/// Down a path with dots.
Term Expressions::components(const Term& base, const std::string& names) {
  Term found = base;
  for (size_t from = 0, dot = 0; dot != std::string::npos; from = dot + 1) {
    dot = names.find('.', from);
    found = path(found, names.substr(from, dot == std::string::npos ? dot : dot - from));
  }
  return found;
}

Term Expressions::binary(const feel::Node& node, const Scope& scope) {
  const Term a = translate(*node.items[0], scope), b = translate(*node.items[1], scope);
  switch (node.op) {
    case Op::logical_and:
    case Op::logical_or:
      return logical(node.op, a, b);
    case Op::equal:
    case Op::not_equal:
    case Op::less:
    case Op::less_equal:
    case Op::greater:
    case Op::greater_equal:
      return compare(node.op, a, b);
    default:
      return arithmetic(node.op, a, b);
  }
}

// ---- comparison ----------------------------------------------------------------------------------------

Term Expressions::compare(Op op, const Term& a, const Term& b) {
  if (op == Op::equal) return equality(a, b);
  if (op == Op::not_equal) return logical_not(equality(a, b));
  return order(op, a, b);
}

Term Expressions::unlike(const Term& a, const Term& b) {
  return nothing(fmt::format("this compares {} and {}", type_words(a.type), type_words(b.type)), {&a, &b});
}

/// Values of two types are neither equal nor not; but either may be null, and null equals null only.
Term Expressions::unlike_but_null(const Term& a, const Term& b) {
  Term made = unlike(a, b);
  if (!a.nullable && !b.nullable) return made;
  const Term &one = a.nullable ? a : b, &other = a.nullable ? b : a;
  const std::string text = other.nullable ? fmt::format("(if {0} missing and {1} missing then true else if {0} missing or {1} missing then false else missing)",
                                                        one.text, other.text)
                                          : fmt::format("(if {} missing then false else missing)", one.text);
  return with_needs(bare(Kind::boolean, text, true), {&a, &b});
}

bool Expressions::is_wide(const Term& term) { return !term.wide.empty() || (term.figure && !millionths(*term.figure)); }

/// A figure as the text of its digits. They are written in one way only, so equal figures have equal texts.
Term Expressions::wide_operand(const Term& term) {
  Term made = bare(Kind::text, wide_text(term), term.nullable);
  return with_needs(std::move(made), {&term});
}

Term Expressions::equality(const Term& a, const Term& b) {
  if (is_null(a) || is_null(b)) {
    const Term& other = is_null(a) ? b : a;
    if (is_null(other)) return truth_term(true);
    if (other.type.kind == Kind::list && !other.rows) return with_needs(truth_term(false), {&other});
    if (other.type.kind == Kind::list || other.type.kind == Kind::record)
      throw Refusal{"whether a list or context is null lies outside of what is imported", ""};
    if (!other.nullable) return with_needs(truth_term(false), {&other});
    return with_needs(bare(Kind::boolean, "(" + other.text + " missing)"), {&other});
  }
  if (is_duration(a) && a.type == b.type) return duration_order(Op::equal, a, b);
  if (a.type.kind == Kind::list && b.type.kind == Kind::list) return same_lists(a, b);
  if (a.type.is_number() && b.type.is_number()) {
    if (a.figure && b.figure) return truth_term(*a.figure == *b.figure);
    if (is_wide(a) || is_wide(b)) {
      Term made = lifted("feel_same_text", {wide_operand(a), wide_operand(b)}, Kind::boolean);
      made.nullable = false;
      return made;
    }
    const bool whole = is_whole(a) && is_whole(b);
    const Type type = whole ? Type{Kind::integer, {}} : common(a.type, b.type).kind == Kind::money ? Type{Kind::money, {}} : Type{Kind::decimal, {}};
    const Term x = as(placed(a), type), y = as(placed(b), type);
    if (x.nullable || y.nullable) {
      Term made = lifted(std::string("feel_same") + suffix_of(type.kind), {x, y}, Kind::boolean);
      made.nullable = false;
      return made;
    }
    return with_needs(bare(Kind::boolean, fmt::format("({} = {})", x.text, y.text)), {&a, &b});
  }
  if (a.type.is_words() && b.type.is_words()) {
    if (a.words && b.words) return truth_term(*a.words == *b.words);
    if (a.type.kind == Kind::enumeration || b.type.kind == Kind::enumeration) {
      const Type type = a.type.kind == Kind::enumeration ? a.type : b.type;
      const bool both = a.type == b.type;
      const Term& constant = a.words ? a : b;
      const Enumeration& enumeration = enumerations_.at(type.enumeration);
      const bool listed = constant.words && std::find(enumeration.texts.begin(), enumeration.texts.end(), *constant.words) != enumeration.texts.end();
      if (both || listed) {
        const Term x = as(a, type), y = as(b, type);
        if (!x.nullable && !y.nullable) return with_needs(bare(Kind::boolean, fmt::format("({} = {})", x.text, y.text)), {&a, &b});
        enumerations_.at(type.enumeration).compared = true;
        Term made = lifted("same_" + type.enumeration, {x, y}, Kind::boolean);
        made.nullable = false;
        return made;
      }
    }
  }
  const Type type = a.type.is_words() && b.type.is_words() ? Type{Kind::text, {}} : a.type;
  if (is_several(a) != is_several(b) && a.type.kind != Kind::record && b.type.kind != Kind::record) return unlike_but_null(a, b);
  for (const Term* side : {&a, &b}) {
    if (side->type.kind == Kind::list || side->type.kind == Kind::record) throw Refusal{"lists and contexts are not compared here", ""};
  }
  if (!(a.type.is_words() && b.type.is_words()) && a.type != b.type) return unlike_but_null(a, b);
  const Term x = type.kind == Kind::text ? as_text(a) : a, y = type.kind == Kind::text ? as_text(b) : b;
  if (a.key && b.key) return truth_term(*a.key == *b.key);
  if (a.truth && b.truth) return truth_term(*a.truth == *b.truth);
  if (x.nullable || y.nullable) {
    Term made = lifted(std::string("feel_same") + suffix_of(type.kind), {x, y}, Kind::boolean);
    made.nullable = false;
    return made;
  }
  return with_needs(bare(Kind::boolean, fmt::format("({} = {})", x.text, y.text)), {&a, &b});
}

/// Lists that are written out are equal if they are as long and their items are.
Term Expressions::same_lists(const Term& a, const Term& b) {
  if (a.rows || b.rows) throw Refusal{"the rows of another decision are not compared here", ""};
  if (a.items.size() != b.items.size()) return truth_term(false);
  Term all = truth_term(true);
  for (size_t i = 0; i < a.items.size(); ++i) all = logical(Op::logical_and, all, equality(a.items[i], b.items[i]));
  return all;
}

Term as_duration(const Term& value) {
  const bool days = value.type.kind == Kind::days_time;
  if (!days && value.type.kind != Kind::years_months) return value;
  if (value.counted) {
    Term count = value;
    count.counted = false;
    return lifted(days ? "feel_days" : "feel_months", {count}, value.type.kind);
  }
  if (!value.key || *value.key >= 0) return value;
  const bool whole_days = days && *value.key % 86'400 == 0;
  Term made = lifted(!days        ? "feel_months"
                     : whole_days ? "feel_days"
                                  : "feel_seconds",
                     {figure_term({whole_days ? *value.key / 86'400 : *value.key, 0})}, value.type.kind);
  made.key = value.key;
  return made;
}

Term Expressions::order(Op op, const Term& a, const Term& b) {
  if (is_null(a) || is_null(b)) return null_of({&a, &b});
  Term x = a, y = b;
  if (a.type.is_number() && b.type.is_number()) {
    if (a.figure && b.figure) {
      const auto known = tables::compare(*a.figure, *b.figure);
      if (!known) throw Refusal{"these figures lie too far apart to be compared exactly", ""};
      return truth_term(holds(op, *known));
    }
    if (is_wide(a) || is_wide(b)) {
      const bool swapped = op == Op::greater || op == Op::greater_equal;
      const Term x = wide_operand(swapped ? b : a), y = wide_operand(swapped ? a : b);
      return lifted(op == Op::less || op == Op::greater ? "feel_wide_less" : "feel_wide_at_most", {x, y}, Kind::boolean);
    }
    const bool whole = is_whole(a) && is_whole(b);
    const Type type = whole ? Type{Kind::integer, {}} : common(a.type, b.type).kind == Kind::money ? Type{Kind::money, {}} : Type{Kind::decimal, {}};
    x = as(placed(a), type);
    y = as(placed(b), type);
  } else if (a.type.is_words() && b.type.is_words()) {
    // By code point, as the bytes of UTF-8 are.
    if (a.words && b.words) return truth_term(holds(op, a.words->compare(*b.words)));
    x = as_text(a);
    y = as_text(b);
  } else if (is_several(a) || is_several(b)) {
    return unlike(a, b);
  } else if (a.type.kind == Kind::list || b.type.kind == Kind::list || a.type.kind == Kind::record || b.type.kind == Kind::record) {
    throw Refusal{"lists and contexts are not compared here", ""};
  } else if (a.type != b.type) {
    return unlike(a, b);
  } else if (a.type.kind == Kind::days_time || a.type.kind == Kind::years_months) {
    return duration_order(op, a, b);
  } else if (a.type.kind != Kind::date && a.type.kind != Kind::time && a.type.kind != Kind::datetime) {
    return nothing(fmt::format("this asks for an order of {} and {}", type_words(a.type), type_words(b.type)), {&a, &b});
  } else if (a.key && b.key) {
    return truth_term(holds(op, *a.key < *b.key ? -1 : *a.key > *b.key ? 1 : 0));
  }
  const bool plain = !x.nullable && !y.nullable && x.type.kind != Kind::text;
  if (plain) return with_needs(bare(Kind::boolean, fmt::format("({} {} {})", x.text, sign_of(op), y.text)), {&x, &y});
  const bool strict = op == Op::less || op == Op::greater;
  const bool swapped = op == Op::greater || op == Op::greater_equal;
  return lifted(std::string(strict ? "feel_less" : "feel_at_most") + suffix_of(x.type.kind), swapped ? std::vector{y, x} : std::vector{x, y}, Kind::boolean);
}

/// Durations are compared by their size: seconds or months. Days between two dates stay days where both sides are.
Term Expressions::duration_order(Op op, const Term& a, const Term& b) {
  if (a.key && b.key) return truth_term(holds(op, *a.key < *b.key ? -1 : *a.key > *b.key ? 1 : 0));
  const bool days = a.type.kind == Kind::days_time;
  bool in_seconds = false;
  for (const Term* side : {&a, &b}) in_seconds = in_seconds || (days && (side->key ? *side->key % 86'400 != 0 : !side->counted));
  const auto count = [&](const Term& side) {
    if (side.key) {
      Term made = figure_term({days && !in_seconds ? *side.key / 86'400 : *side.key, 0});
      made.type.kind = Kind::integer;
      return made;
    }
    if (!side.counted) return lifted("duration_count", {side}, Kind::integer);
    Term made = side;
    made.type = {Kind::integer, {}};
    made.counted = false;
    if (in_seconds) made = lifted("feel_multiply_int", {made, figure_term({86'400, 0})}, Kind::integer);
    return made;
  };
  const Term x = count(a), y = count(b);
  return op == Op::equal ? equality(x, y) : order(op, x, y);
}

// ---- logic ---------------------------------------------------------------------------------------------

Term Expressions::logical(Op op, const Term& a, const Term& b) {
  const bool conjunction = op == Op::logical_and;
  for (const Term* side : {&a, &b}) {
    if (is_null(*side) || side->type.kind == Kind::boolean) continue;
    const Term none = nothing(fmt::format("`{}` of {}", conjunction ? "and" : "or", type_words(side->type)), {side});
    return side == &a ? logical(op, none, b) : logical(op, a, none);
  }
  for (const auto& [one, other] : {std::pair{&a, &b}, {&b, &a}}) {
    if (!one->truth) continue;
    if (*one->truth != conjunction) return truth_term(!conjunction);
    if (is_null(*other)) return null_of({&a, &b});
    return *other;
  }
  if (is_null(a) && is_null(b)) return null_term();
  if (!a.nullable && !b.nullable) return with_needs(bare(Kind::boolean, fmt::format("({} {} {})", a.text, conjunction ? "and" : "or", b.text)), {&a, &b});
  Term made = lifted(conjunction ? "feel_and" : "feel_or", {a, b}, Kind::boolean);
  made.nullable = true;
  return made;
}

Term Expressions::logical_not(const Term& value) {
  if (is_null(value)) return value;
  if (value.type.kind != Kind::boolean) return nothing("`not` of " + type_words(value.type), {&value});
  if (value.truth) return truth_term(!*value.truth);
  if (value.nullable) return lifted("feel_not", {value}, Kind::boolean);
  return with_needs(bare(Kind::boolean, "(not " + value.text + ")"), {&value});
}

Term Expressions::choice(const Term& condition, const Term& yes, const Term& no) {
  if (is_null(condition)) return no;
  if (condition.type.kind != Kind::boolean) {
    if (remark) remark("the condition of `if` is " + type_words(condition.type) + ": DMN takes the part behind `else`");
    return with_needs(no, {&condition});
  }
  if (condition.truth) return *condition.truth ? yes : no;
  if (yes.type.kind == Kind::list || no.type.kind == Kind::list || yes.type.kind == Kind::record || no.type.kind == Kind::record) {
    throw Refusal{"`if` between lists or contexts lies outside of what is imported", ""};
  }
  Type type =
      is_whole(yes) && is_whole(no) && (yes.type.kind == Kind::integer || no.type.kind == Kind::integer) ? Type{Kind::integer, {}} : common(yes.type, no.type);
  const Term a = as_duration(as(placed(yes), type)), b = as_duration(as(placed(no), type));
  const std::string asked = condition.nullable ? fmt::format("({} default false)", condition.text) : condition.text;
  Term made = bare(type.kind, fmt::format("(if {} then {} else {})", asked, a.text, b.text), a.nullable || b.nullable);
  made.type = type;
  if (is_wide(yes) || is_wide(no)) made.wide = fmt::format("(if {} then {} else {})", asked, wide_text(yes), wide_text(no));
  return with_needs(made, {&condition, &a, &b});
}

// ---- tests ---------------------------------------------------------------------------------------------

namespace {

bool mentions_input(const feel::Node& node) {
  if (node.kind == NodeKind::input) return true;
  return std::any_of(node.items.begin(), node.items.end(), [](const feel::NodePtr& item) { return mentions_input(*item); });
}

}  // namespace

Term Expressions::in_interval(const feel::Node& interval, const Term& value, const Scope& scope) {
  const Term low = translate(*interval.items[0], scope), high = translate(*interval.items[1], scope);
  return logical(Op::logical_and, compare(interval.low_open ? Op::greater : Op::greater_equal, value, low),
                 compare(interval.high_open ? Op::less : Op::less_equal, value, high));
}

Term Expressions::member_of(const Term& value, const Term& list) {
  Term found = truth_term(false);
  for (const Term& item : list.items) {
    if (value.type.kind == Kind::list && item.type.kind != Kind::list && !is_null(item)) {
      throw Refusal{"whether a list is among values that are no lists lies outside of what is imported", ""};
    }
    Term same = equality(value, item);
    if (is_null(same)) continue;  // an item of another type is not the value
    if (same.nullable) same = with_needs(bare(Kind::boolean, "(" + same.text + " default false)"), {&same});
    found = logical(Op::logical_or, found, same);
  }
  return found;
}

Term Expressions::test(const feel::Node& node, const Scope& scope) {
  switch (node.kind) {
    case NodeKind::dash:
      return truth_term(true);
    case NodeKind::negated:
      return logical_not(tests(node.items, scope));
    case NodeKind::comparison:
      return compare(node.op, *scope.input, translate(*node.items[0], scope));
    case NodeKind::interval:
      return in_interval(node, *scope.input, scope);
    default:
      break;
  }
  if (node.kind == NodeKind::list &&
      std::any_of(node.items.begin(), node.items.end(), [](const feel::NodePtr& item) { return item->kind == NodeKind::interval; })) {
    return tests(node.items, scope);
  }
  if (mentions_input(node)) {
    Term made = translate(node, scope);
    if (!is_null(made) && made.type.kind != Kind::boolean) throw Refusal{"a test with `?` must be a condition", ""};
    return made;
  }
  const Term value = translate(node, scope);
  if (value.type.kind == Kind::list) {
    if (value.rows) throw Refusal{"a test against the rows of another decision lies outside of what is imported", ""};
    return member_of(*scope.input, value);
  }
  if (value.type.kind == Kind::boolean && scope.input->type.kind != Kind::boolean) {
    throw Refusal{"a condition without `?` stands where a value should", "write the condition on `?`"};
  }
  return equality(*scope.input, value);
}

Term Expressions::tests(const std::vector<feel::NodePtr>& nodes, const Scope& scope) {
  std::optional<Term> all;
  for (const feel::NodePtr& node : nodes) {
    Term one = test(*node, scope);
    all = all ? logical(Op::logical_or, *all, one) : one;
  }
  return all ? *all : truth_term(true);
}

}  // namespace dunlin::tables
