// Functions and properties of FEEL.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lang/sema/civil.h"
#include "lang/tables/dunlin_names.h"
#include "lang/tables/expression.h"

namespace dunlin::tables {

using feel::Op;

namespace {

bool is_null(const Term& term) { return term.type.kind == Kind::null; }

Term placed(const Term& term) {
  if (!term.figure) return term;
  Term made = figure_term(*term.figure);
  made.type = term.type;
  return made;
}

void require(bool good, const std::string& function, const char* what) {
  if (!good) throw Refusal{fmt::format("`{}` is given what it has no result for: {}", function, what), ""};
}

void require_count(const std::string& function, const std::vector<Term>& arguments, size_t count) {
  if (arguments.size() == count) return;
  throw Refusal{fmt::format("`{}` takes {} argument{}, {} given", function, count, count == 1 ? "" : "s", arguments.size()), ""};
}

Term null_from(const std::vector<Term>& arguments) {
  Term made = null_term();
  for (const Term& argument : arguments) add_needs(made, argument);
  return made;
}

/// What the specification calls the parameters of the functions that are imported.
constexpr std::pair<std::string_view, std::array<std::string_view, 2>> parameter_names[] = {{"abs", {"n"}},
                                                                                            {"floor", {"n"}},
                                                                                            {"ceiling", {"n"}},
                                                                                            {"decimal", {"n", "scale"}},
                                                                                            {"modulo", {"dividend", "divisor"}},
                                                                                            {"even", {"number"}},
                                                                                            {"odd", {"number"}},
                                                                                            {"not", {"negand"}},
                                                                                            {"min", {"list"}},
                                                                                            {"max", {"list"}},
                                                                                            {"sum", {"list"}},
                                                                                            {"count", {"list"}},
                                                                                            {"mean", {"list"}},
                                                                                            {"all", {"list"}},
                                                                                            {"any", {"list"}},
                                                                                            {"list contains", {"list", "element"}},
                                                                                            {"contains", {"string", "match"}},
                                                                                            {"starts with", {"string", "match"}},
                                                                                            {"ends with", {"string", "match"}},
                                                                                            {"substring before", {"string", "match"}},
                                                                                            {"substring after", {"string", "match"}},
                                                                                            {"string length", {"string"}},
                                                                                            {"upper case", {"string"}},
                                                                                            {"lower case", {"string"}},
                                                                                            {"string", {"from"}},
                                                                                            {"date", {"from"}},
                                                                                            {"time", {"from"}},
                                                                                            {"date and time", {"from"}},
                                                                                            {"duration", {"from"}},
                                                                                            {"years and months duration", {"from", "to"}}};

std::vector<Term> by_position(const std::string& function, const std::vector<std::string>& names, std::vector<Term> arguments) {
  const auto* const known = std::find_if(std::begin(parameter_names), std::end(parameter_names), [&](const auto& one) { return one.first == function; });
  if (known == std::end(parameter_names) || arguments.size() > 2)
    throw Refusal{"arguments by name lie outside of what is imported for `" + function + "`", "write them by position"};
  std::vector<Term> placed(arguments.size());
  std::vector<bool> given(arguments.size());
  for (size_t i = 0; i < arguments.size(); ++i) {
    const auto found = std::find(known->second.begin(), known->second.end(), names[i]);
    const auto at = static_cast<size_t>(found - known->second.begin());
    if (names[i].empty() || at >= arguments.size() || given[at]) {
      throw Refusal{fmt::format("`{}` has no parameter `{}` at this place: DMN makes null of it", function, names[i]), "write the arguments by position"};
    }
    placed[at] = std::move(arguments[i]);
    given[at] = true;
  }
  return placed;
}

ExactDecimal whole(int64_t value) { return *multiply({static_cast<Wide>(value), 0}, {1, 0}); }

/// Rounded down to a whole figure.
ExactDecimal floor_of(const ExactDecimal& value) {
  if (value.is_whole()) return value;
  Wide scale = 1;
  for (int i = 0; i < value.places && i < 36; ++i) scale *= 10;
  Wide quotient = value.mantissa / scale;
  if (value.mantissa < 0) --quotient;  // it is not whole, so something was cut off
  return *multiply({quotient, 0}, {1, 0});
}

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

}  // namespace

// ---- properties ----------------------------------------------------------------------------------------

Term Expressions::path(const Term& base, const std::string& name) {
  if (is_null(base)) return base;
  if (base.type.kind == Kind::record) {
    for (const auto& [field, term] : base.fields) {
      if (field == name) return term;
    }
    throw Refusal{"there is no component `" + name + "` here", "the item definition or the table's outputs say which there are"};
  }
  const auto figure = [](int64_t value) { return figure_term(whole(value)); };
  if (base.type.kind == Kind::date || base.type.kind == Kind::datetime) {
    const Term date = base.type.kind == Kind::date ? base : lifted("local_date", {base}, Kind::date);
    if (base.key) {
      const int64_t day = base.type.kind == Kind::date ? *base.key : floor_div(*base.key, 86'400);
      const auto civil = sema::date_of_days(day);
      if (name == "year") return figure(civil.year);
      if (name == "month") return figure(civil.month);
      if (name == "day") return figure(civil.day);
      if (name == "weekday") return figure(((day + 3) % 7 + 7) % 7 + 1);
    }
    if (name == "year") return lifted("year_of", {date}, Kind::integer);
    if (name == "month") return lifted("month_of", {date}, Kind::integer);
    if (name == "day") return lifted("day_of", {date}, Kind::integer);
    if (name == "weekday") return lifted("weekday_of", {date}, Kind::integer);
  }
  if (base.type.kind == Kind::time || base.type.kind == Kind::datetime) {
    if (base.key) {
      const int64_t second = ((*base.key % 86'400) + 86'400) % 86'400;
      if (name == "hour") return figure(second / 3600);
      if (name == "minute") return figure(second / 60 % 60);
      if (name == "second") return figure(second % 60);
    }
    const Term time = base.type.kind == Kind::time ? base : lifted("time_of", {base}, Kind::time);
    if (name == "hour") return lifted("hour_of", {time}, Kind::integer);
    if (name == "minute") return lifted("minute_of", {time}, Kind::integer);
    if (name == "second") return lifted("second_of", {time}, Kind::integer);
  }
  if (base.type.kind == Kind::days_time) {
    if (base.key) {
      const int64_t s = *base.key;
      if (name == "days") return figure(s / 86'400);
      if (name == "hours") return figure(s / 3600 % 24);
      if (name == "minutes") return figure(s / 60 % 60);
      if (name == "seconds") return figure(s % 60);
    }
    if (base.counted && name == "days") {
      Term made = base;
      made.type.kind = Kind::integer;
      made.counted = false;
      return made;
    }
  }
  if (base.type.kind == Kind::days_time && !base.counted) {
    const auto part = [&](int64_t unit, int64_t turn) {
      return lifted("feel_duration_part", {lifted("duration_count", {base}, Kind::integer), figure(unit), figure(turn)}, Kind::integer);
    };
    if (name == "days") return part(86'400, 1'000'000'000);
    if (name == "hours") return part(3600, 24);
    if (name == "minutes") return part(60, 60);
    if (name == "seconds") return part(1, 60);
  }
  if (base.type.kind == Kind::years_months && !base.key && !base.counted && (name == "years" || name == "months")) {
    return lifted(name == "years" ? "feel_whole_years" : "feel_rest_months", {lifted("duration_count", {base}, Kind::integer)}, Kind::integer);
  }
  if (base.type.kind == Kind::years_months) {
    if (base.key && name == "years") return figure(*base.key / 12);
    if (base.key && name == "months") return figure(*base.key % 12);
    if (base.counted && name == "years") {
      Term count = base;
      count.type.kind = Kind::integer;
      count.counted = false;
      return lifted("feel_whole_years", {count}, Kind::integer);
    }
    if (base.counted && name == "months") {
      Term count = base;
      count.type.kind = Kind::integer;
      count.counted = false;
      return lifted("feel_rest_months", {count}, Kind::integer);
    }
  }
  throw Refusal{fmt::format("`.{}` of {} lies outside of what is imported", name, type_words(base.type)), ""};
}

// ---- functions -----------------------------------------------------------------------------------------

Term Expressions::call(const feel::Node& node, const Scope& scope) {
  std::vector<Term> arguments;
  for (const feel::NodePtr& item : node.items) arguments.push_back(translate(*item, scope));
  const bool named = std::any_of(node.names.begin(), node.names.end(), [](const std::string& name) { return !name.empty(); });
  if (scope.call) {
    if (auto made = scope.call(node.text, node.names, arguments)) return *made;
  }
  const std::string& name = node.text;
  if (named) arguments = by_position(name, node.names, std::move(arguments));
  if (name == "not") {
    require_count(name, arguments, 1);
    return logical_not(arguments[0]);
  }
  if (name == "date" || name == "time" || name == "date and time" || name == "duration") return literal_call(name, arguments);
  if (name == "min" || name == "max" || name == "sum" || name == "count") return fold(name, std::move(arguments));
  if (name == "mean") return mean(std::move(arguments), scope);
  if (name == "all" || name == "any") return all_or_any(name, std::move(arguments));
  if (name == "list contains") {
    require_count(name, arguments, 2);
    require(arguments[0].type.kind == Kind::list, name, "no list");
    if (arguments[0].rows) {
      const Rows& rows = *arguments[0].rows;
      require(rows.outputs.size() == 1 && !rows.null_without_hits && !is_null(arguments[1]), name, "rows that are not compared one by one");
      Term one;
      one.type = rows.outputs[0].type;
      one.text = "r";
      Term same = equality(one, arguments[1]);
      Term made = truth_term(false);
      made.truth.reset();
      made.text = fmt::format("exists(r in {} where {})", rows.call, same.text);
      add_needs(made, arguments[0]);
      add_needs(made, arguments[1]);
      return made;
    }
    return member_of(arguments[1], arguments[0]);
  }
  const bool some_null = std::any_of(arguments.begin(), arguments.end(), is_null);

  // numbers
  if (name == "abs" || name == "floor" || name == "ceiling") {
    require_count(name, arguments, 1);
    const Term& value = arguments[0];
    if (some_null) return null_from(arguments);
    if (value.key && name == "abs" && value.type.kind == Kind::days_time) return days_time_term(std::abs(*value.key));
    if (value.key && name == "abs" && value.type.kind == Kind::years_months) return years_months_term(std::abs(*value.key));
    require(value.type.is_number(), name, type_words(value.type).c_str());
    if (value.figure) {
      const ExactDecimal& figure = *value.figure;
      const ExactDecimal result = name == "abs"     ? (figure.mantissa < 0 ? tables::negate(figure) : figure)
                                  : name == "floor" ? floor_of(figure)
                                                    : tables::negate(floor_of(tables::negate(figure)));
      Term made = figure_term(result);
      return made;
    }
    if (name == "abs") return lifted("abs", {value}, value.type.kind);
    if (value.type.kind == Kind::integer) return value;
    require(value.type.kind == Kind::decimal, name, "an amount of money");
    return lifted(name == "floor" ? "whole" : "feel_ceiling", {value}, Kind::integer);
  }
  if (name == "decimal") {
    require_count(name, arguments, 2);
    if (some_null) return null_from(arguments);
    require(arguments[0].type.is_number() && arguments[1].type.is_number(), name, "no number");
    const auto places = arguments[1].figure ? millionths(*arguments[1].figure) : std::nullopt;
    if (!places || *places % 1'000'000 != 0 || *places < 0 || *places > 6'000'000) {
      throw Refusal{"`decimal` is imported with a constant number of places from 0 to 6", ""};
    }
    if (arguments[0].figure) {
      const auto made = rounded_half_even(*arguments[0].figure, static_cast<int>(*places / 1'000'000));
      if (!made) throw Refusal{"the result of a calculation with constants cannot be written exactly", "write the figure that is meant"};
      return figure_term(*made);
    }
    const Term value = as(placed(arguments[0]), {Kind::decimal, {}});
    return lifted("rounded", {value, figure_term(whole(*places / 1'000'000))}, Kind::decimal);
  }
  if (name == "modulo" || name == "even" || name == "odd") return remainder(name, arguments);

  // strings
  const bool cuts = name == "substring before" || name == "substring after";
  const bool two_texts = name == "contains" || name == "starts with" || name == "ends with" || cuts;
  if (two_texts || name == "string length" || name == "upper case" || name == "lower case") {
    require_count(name, arguments, two_texts ? 2 : 1);
    if (some_null) return null_from(arguments);
    for (Term& argument : arguments) {
      require(argument.type.is_words(), name, type_words(argument.type).c_str());
      argument = as_text(argument);
    }
    if (name == "contains") return lifted("contains", arguments, Kind::boolean);
    if (name == "starts with") return lifted("starts_with", arguments, Kind::boolean);
    if (name == "ends with") return lifted("ends_with", arguments, Kind::boolean);
    if (cuts) return lifted(name == "substring before" ? "text_before" : "text_after", arguments, Kind::text);
    if (name == "string length") return lifted("length", arguments, Kind::integer);
    return lifted(name == "upper case" ? "upper_case" : "lower_case", arguments, Kind::text);
  }
  if (name == "string") {
    require_count(name, arguments, 1);
    const Term value = placed(arguments[0]);
    if (some_null) return null_from(arguments);
    if (value.type.is_words()) return as_text(value);
    if (value.type.kind == Kind::decimal || value.type.kind == Kind::integer || value.type.kind == Kind::date) {
      if (value.figure) return words_term(text_of(*value.figure));
      if (value.key) return words_term(date_literal(*value.key));
      return lifted(value.type.kind == Kind::decimal   ? "feel_string"
                    : value.type.kind == Kind::integer ? "feel_string_int"
                                                       : "feel_string_date",
                    {value}, Kind::text);
    }
    if (value.truth) return words_term(*value.truth ? "true" : "false");
    if (value.type.kind == Kind::boolean) return lifted("feel_string_bool", {value}, Kind::text);
    throw Refusal{"`string` of " + type_words(value.type) + " lies outside of what is imported", ""};
  }
  if (name == "years and months duration") {
    require_count(name, arguments, 2);
    if (some_null) return null_from(arguments);
    require(arguments[0].type.kind == Kind::date && arguments[1].type.kind == Kind::date, name, "no dates");
    Term made = lifted("feel_whole_months", arguments, Kind::years_months);
    made.counted = true;
    return made;
  }
  if (name == "today" || name == "now") {
    throw Refusal{"`" + name + "()` lies outside of what is imported: a table of Dunlin sees its inputs only", "make it an input of the decision"};
  }
  throw Refusal{"there is no function `" + name + "` among those that are imported", "docs/guides/tables.md lists them"};
}

Term Expressions::literal_call(const std::string& name, const std::vector<Term>& arguments) {
  if (std::any_of(arguments.begin(), arguments.end(), is_null)) return null_from(arguments);
  const auto whole_figure = [&](size_t at) -> std::optional<int> {
    if (!arguments[at].figure) return std::nullopt;
    const auto value = millionths(*arguments[at].figure);
    if (!value || *value % 1'000'000 != 0 || std::abs(*value) > 10'000'000'000) return std::nullopt;
    return static_cast<int>(*value / 1'000'000);
  };
  if (arguments.size() == 1 && arguments[0].words) {
    const std::string& text = *arguments[0].words;
    const auto made = name == "date" ? read_date(text) : name == "time" ? read_time(text) : name == "duration" ? read_duration(text) : read_datetime(text);
    if (made) return *made;
    return null_term();  // FEEL: a text that is none gives null
  }
  if (name == "date" && arguments.size() == 1) {
    if (arguments[0].type.kind == Kind::date) return arguments[0];
    if (arguments[0].type.kind == Kind::datetime) {
      return arguments[0].key ? date_term(floor_div(*arguments[0].key, 86'400)) : lifted("local_date", arguments, Kind::date);
    }
  }
  if (name == "time" && arguments.size() == 1) {
    if (arguments[0].type.kind == Kind::time) return arguments[0];
    if (arguments[0].type.kind == Kind::datetime) {
      return arguments[0].key ? time_term(*arguments[0].key - floor_div(*arguments[0].key, 86'400) * 86'400) : lifted("time_of", arguments, Kind::time);
    }
  }
  if (name == "date" && arguments.size() == 3) {
    const auto year = whole_figure(0), month = whole_figure(1), day = whole_figure(2);
    if (year && month && day) {
      const auto days = sema::days_of_date(*year, *month, *day);
      return days ? date_term(*days) : null_term();
    }
  }
  if (name == "time" && arguments.size() == 3) {
    const auto hour = whole_figure(0), minute = whole_figure(1), second = whole_figure(2);
    if (hour && minute && second) {
      if (*hour < 0 || *hour > 23 || *minute < 0 || *minute > 59 || *second < 0 || *second > 59) return null_term();
      return time_term(*hour * 3600 + *minute * 60 + *second);
    }
  }
  if (name == "date and time" && arguments.size() == 2 && arguments[1].type.kind == Kind::time) {
    const Term date = arguments[0].type.kind == Kind::datetime ? literal_call("date", {arguments[0]}) : arguments[0];
    if (date.type.kind == Kind::date && date.key && arguments[1].key) return datetime_term(*date.key * 86'400 + *arguments[1].key);
  }
  throw Refusal{"`" + name + "` is imported with constants, and for parts of dates and times", "write `" + name + "(\"…\")`, or make it an input of its type"};
}

// ---- lists ---------------------------------------------------------------------------------------------

Term Expressions::fold_rows(const std::string& name, const Term& list) {
  const Rows& rows = *list.rows;
  const auto made = [&](Kind kind, std::string text, bool nullable) {
    Term term;
    term.type.kind = kind;
    term.text = std::move(text);
    term.nullable = nullable;
    add_needs(term, list);
    return term;
  };
  if (name == "count") {
    const std::string count = fmt::format("count(r in {})", rows.call);
    if (!rows.null_without_hits) return made(Kind::integer, count, false);
    return made(Kind::integer, fmt::format("(if {0} = 0 then missing else {0})", count), true);
  }
  require(rows.outputs.size() == 1, name, "rows of several outputs");
  const Type type = rows.outputs[0].type;
  if (name == "sum") {
    require(type.is_number(), name, type_words(type).c_str());
    return made(type.kind, fmt::format("(if count(r in {0}) = 0 then missing else sum(r for r in {0}))", rows.call), true);
  }
  require(type.is_number() || type.kind == Kind::date || type.kind == Kind::time || type.kind == Kind::datetime, name, type_words(type).c_str());
  return made(type.kind, fmt::format("{}(r for r in {})", name, rows.call), true);
}

Term Expressions::fold(const std::string& name, std::vector<Term> arguments) {
  if (arguments.size() == 1 && arguments[0].type.kind == Kind::list) {
    if (arguments[0].rows) return fold_rows(name, arguments[0]);
    arguments = std::vector<Term>(arguments[0].items);
  } else if (name == "count") {
    if (arguments.size() == 1 && !is_null(arguments[0])) return figure_term({1, 0});
    throw Refusal{"`count` is imported for lists", ""};
  }
  if (name == "count") return figure_term(whole(static_cast<int64_t>(arguments.size())));
  if (arguments.empty()) return null_term();
  for (const Term& argument : arguments) require(argument.type.kind != Kind::list && argument.type.kind != Kind::record, name, "a list in a list");
  if (std::any_of(arguments.begin(), arguments.end(), is_null)) return null_from(arguments);
  Scope exact;
  Term all = arguments[0];
  require(name != "sum" || all.type.is_number(), name, type_words(all.type).c_str());
  for (size_t i = 1; i < arguments.size(); ++i) {
    const Term& next = arguments[i];
    if (name == "sum") {
      require(next.type.is_number(), name, type_words(next.type).c_str());
      all = numeric(Op::add, all, next, exact);
      continue;
    }
    const bool ordered = all.type.is_number() || all.type.kind == Kind::date || all.type.kind == Kind::time || all.type.kind == Kind::datetime;
    require(ordered || (all.is_constant() && next.is_constant()), name, type_words(all.type).c_str());
    if (all.is_constant() && next.is_constant()) {
      const Term smaller = order(Op::less_equal, all, next);
      all = (*smaller.truth == (name == "min")) ? all : next;
      continue;
    }
    const bool both_whole = (all.type.kind == Kind::integer || (all.figure && all.figure->is_whole())) &&
                            (next.type.kind == Kind::integer || (next.figure && next.figure->is_whole()));
    const Type type = both_whole ? Type{Kind::integer, {}} : common(all.type, next.type);
    all = lifted(name, {as(placed(all), type), as(placed(next), type)}, type.kind);
  }
  return all;
}

Term Expressions::mean(std::vector<Term> arguments, const Scope& scope) {
  if (arguments.size() == 1 && arguments[0].type.kind == Kind::list) {
    if (arguments[0].rows) throw Refusal{"`mean` of the rows of another decision lies outside of what is imported", ""};
    arguments = std::vector<Term>(arguments[0].items);
  }
  if (arguments.empty()) return null_term();
  const Term count = figure_term(whole(static_cast<int64_t>(arguments.size())));
  const Term sum = fold("sum", std::move(arguments));
  return is_null(sum) ? sum : numeric(Op::divide, sum, count, scope);
}

/// The conjunction or disjunction of a list, with DMN's three truth values.
Term Expressions::all_or_any(const std::string& name, std::vector<Term> arguments) {
  if (arguments.size() == 1 && arguments[0].type.kind == Kind::list) {
    if (arguments[0].rows) throw Refusal{"`" + name + "` of the rows of another decision lies outside of what is imported", "ask with `some` or `every`"};
    arguments = std::vector<Term>(arguments[0].items);
  }
  Term made = truth_term(name == "all");
  for (const Term& argument : arguments) made = logical(name == "all" ? Op::logical_and : Op::logical_or, made, argument);
  return made;
}

/// `modulo` has the sign of the divisor; `even` and `odd` ask it of two, and a number that is not whole is neither.
Term Expressions::remainder(const std::string& name, std::vector<Term> arguments) {
  const bool parity = name != "modulo";
  require_count(name, arguments, parity ? 1 : 2);
  if (std::any_of(arguments.begin(), arguments.end(), is_null)) return null_from(arguments);
  if (parity) arguments.push_back(figure_term(whole(2)));
  for (const Term& argument : arguments) require(argument.type.is_number() && argument.type.kind != Kind::money, name, type_words(argument.type).c_str());
  const Term &dividend = arguments[0], &divisor = arguments[1];
  if (divisor.figure && divisor.figure->is_zero()) return null_from(arguments);
  if (dividend.figure && divisor.figure) {
    const auto a = millionths(*dividend.figure), b = millionths(*divisor.figure);
    if (!a || !b) throw Refusal{"the result of a calculation with constants cannot be written exactly", "write the figure that is meant"};
    const int64_t plain = *b == -1 ? 0 : *a % *b;  // the least figure has no quotient by -1
    const ExactDecimal rest = decimal_of_millionths(plain != 0 && (plain < 0) != (*b < 0) ? plain + *b : plain);
    return parity ? truth_term(rest == whole(name == "odd" ? 1 : 0)) : figure_term(rest);
  }
  if (parity) return lifted("feel_" + name, {as(placed(dividend), {Kind::decimal, {}})}, Kind::boolean);
  const auto is_whole = [](const Term& term) { return term.type.kind == Kind::integer || (term.figure && term.figure->is_whole()); };
  const bool both_whole = is_whole(dividend) && is_whole(divisor);
  const Type type{both_whole ? Kind::integer : Kind::decimal, {}};
  Term rest = lifted(both_whole ? "feel_modulo" : "feel_modulo_decimal", {as(placed(dividend), type), as(placed(divisor), type)}, type.kind);
  rest.nullable = true;
  return rest;
}

}  // namespace dunlin::tables
