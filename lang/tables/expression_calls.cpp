// Functions and properties of FEEL.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lang/sema/civil.h"
#include "lang/tables/dunlin_names.h"
#include "lang/tables/expression.h"
#include "lang/tables/expression_parts.h"

namespace dunlin::tables {

using feel::Op;

namespace {

/// Thrown by functions that DMN gives null for, caught where they are called.
struct NoResult {
  std::string reason;
};

/// A limit of what is imported.
void require(bool good, const std::string& function, const char* what) {
  if (!good) throw Refusal{fmt::format("`{}` is given what it has no result for: {}", function, what), ""};
}

/// What DMN itself asks for: else the result is null.
void needed(bool good, const std::string& function, const std::string& what) {
  if (!good) throw NoResult{fmt::format("`{}` of {}", function, what)};
}

void require_count(const std::string& function, const std::vector<Term>& arguments, size_t count) {
  if (arguments.size() == count) return;
  throw NoResult{fmt::format("`{}` takes {} argument{}, {} given", function, count, count == 1 ? "" : "s", arguments.size())};
}

Term null_from(const std::vector<Term>& arguments) {
  Term made = null_term();
  for (const Term& argument : arguments) add_needs(made, argument);
  return made;
}

/// What the specification calls the parameters of the functions that are imported; some functions can be asked in several ways.
constexpr std::pair<std::string_view, std::array<std::string_view, 4>> parameter_names[] = {
    {"abs", {"n"}},
    {"floor", {"n"}},
    {"floor", {"n", "scale"}},  // refused, as it is by position
    {"ceiling", {"n"}},
    {"ceiling", {"n", "scale"}},
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
    {"substring", {"string", "start position", "length"}},
    {"substring before", {"string", "match"}},
    {"substring after", {"string", "match"}},
    {"string length", {"string"}},
    {"upper case", {"string"}},
    {"lower case", {"string"}},
    {"string", {"from"}},
    {"date", {"from"}},
    {"date", {"year", "month", "day"}},
    {"time", {"from"}},
    {"time", {"hour", "minute", "second", "offset"}},
    {"date and time", {"from"}},
    {"date and time", {"date", "time"}},
    {"duration", {"from"}},
    {"years and months duration", {"from", "to"}},
};

/// The arguments in the order of the parameters. Names that the function does not have give null; of a function that is not imported nobody knows which it has,
/// so its arguments are left as they are: it is refused where it is called.
std::vector<Term> by_position(const std::string& function, const std::vector<std::string>& names, std::vector<Term> arguments) {
  bool imported = false;
  for (const auto& [known, parameters] : parameter_names) {
    if (known != function) continue;
    imported = true;
    const auto count = static_cast<size_t>(std::find(parameters.begin(), parameters.end(), "") - parameters.begin());
    if (arguments.size() > count) continue;
    std::vector<Term> placed(arguments.size());
    std::vector<bool> given(arguments.size());
    bool all = true;
    for (size_t i = 0; i < arguments.size() && all; ++i) {
      const auto at = static_cast<size_t>(std::find(parameters.begin(), parameters.end(), names[i]) - parameters.begin());
      all = !names[i].empty() && at < arguments.size() && !given[at];
      if (!all) break;
      placed[at] = arguments[i];
      given[at] = true;
    }
    if (all) return placed;
  }
  if (!imported) return arguments;
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  throw NoResult{fmt::format("`{}` has no parameters `{}`", function, all)};
}

/// A time, date and time or duration as FEEL's `string` writes it.
std::string iso_text(const Term& value) {
  const int64_t key = *value.key, size = std::abs(key);
  const auto clock = [](int64_t seconds) { return fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60); };
  if (value.type.kind == Kind::time) return clock(key);
  if (value.type.kind == Kind::datetime) {
    const int64_t day = key / 86'400 - (key % 86'400 < 0 ? 1 : 0);
    return date_literal(day) + "T" + clock(key - day * 86'400);
  }
  std::string out = key < 0 ? "-P" : "P";
  const auto part = [&](int64_t amount, const char* unit) {
    if (amount != 0) out += fmt::format("{}{}", amount, unit);
  };
  if (value.type.kind == Kind::years_months) {
    part(size / 12, "Y");
    part(size % 12, "M");
    return size == 0 ? "P0M" : out;
  }
  part(size / 86'400, "D");
  if (size % 86'400 != 0) out += "T";
  part(size / 3600 % 24, "H");
  part(size / 60 % 60, "M");
  part(size % 60, "S");
  return size == 0 ? "PT0S" : out;
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
  const bool clocked = base.type.kind == Kind::time || base.type.kind == Kind::datetime;
  if (clocked && (name == "time offset" || name == "timezone")) return with_needs(null_term(), {&base});  // local times have none
  const bool of_time = name == "hour" || name == "minute" || name == "second" || name == "time offset" || name == "timezone" || name == "value";
  if (base.type.kind == Kind::list || of_time) {
    throw Refusal{fmt::format("`.{}` of {} lies outside of what is imported", name, type_words(base.type)), ""};
  }
  return nothing(fmt::format("{} has no `{}`", type_words(base.type), name), {&base});
}

// ---- functions -----------------------------------------------------------------------------------------

Term Expressions::call(const feel::Node& node, const Scope& scope) {
  std::vector<Term> arguments;
  for (const feel::NodePtr& item : node.items) arguments.push_back(translate(*item, scope));
  const bool named = std::any_of(node.names.begin(), node.names.end(), [](const std::string& name) { return !name.empty(); });
  if (scope.call) {
    if (auto made = scope.call(node.text, node.names, arguments)) return *made;
  }
  try {
    return built_in(node.text, named ? by_position(node.text, node.names, arguments) : arguments);
  } catch (const NoResult& no) {
    Term made = nothing(no.reason, {});
    for (const Term& argument : arguments) add_needs(made, argument);
    return made;
  }
}

Term Expressions::built_in(const std::string& name, std::vector<Term> arguments) {
  const bool of_list =
      name == "min" || name == "max" || name == "sum" || name == "count" || name == "mean" || name == "all" || name == "any" || name == "list contains";
  for (Term& argument : arguments) {
    // FEEL takes a list of one for its item, where no list is asked for.
    if (!of_list && argument.rows) throw Refusal{"`" + name + "` of the rows of another decision lies outside of what is imported", ""};
    if (!of_list && argument.type.kind == Kind::list && argument.items.size() == 1) argument = Term(argument.items[0]);
  }
  if (name == "not") {
    require_count(name, arguments, 1);
    return logical_not(arguments[0]);
  }
  if (name == "date" || name == "time" || name == "date and time" || name == "duration") return literal_call(name, arguments);
  if (name == "min" || name == "max" || name == "sum" || name == "count") return fold(name, std::move(arguments));
  if (name == "mean") return mean(std::move(arguments));
  if (name == "all" || name == "any") return all_or_any(name, std::move(arguments));
  if (name == "list contains") {
    require_count(name, arguments, 2);
    needed(arguments[0].type.kind == Kind::list, name, type_words(arguments[0].type));
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
  if ((name == "floor" || name == "ceiling") && arguments.size() == 2) {
    throw Refusal{"`" + name + "` with a scale is of a later DMN than 1.3", "use `decimal`, or scale the figure"};
  }
  if (name == "abs" || name == "floor" || name == "ceiling") {
    require_count(name, arguments, 1);
    const Term& value = arguments[0];
    if (some_null) return null_from(arguments);
    if (value.key && name == "abs" && value.type.kind == Kind::days_time) return days_time_term(std::abs(*value.key));
    if (value.key && name == "abs" && value.type.kind == Kind::years_months) return years_months_term(std::abs(*value.key));
    if (name == "abs" && is_duration(value)) {
      return duration_of(value.type.kind, lifted("abs", {count_of(value)}, Kind::integer));
    }
    needed(value.type.is_number(), name, type_words(value.type));
    if (value.figure) {
      const ExactDecimal& figure = *value.figure;
      const ExactDecimal result = name == "abs"     ? (figure.mantissa < 0 ? tables::negate(figure) : figure)
                                  : name == "floor" ? floor_of(figure)
                                                    : tables::negate(floor_of(tables::negate(figure)));
      return wide_figure_term(result);
    }
    if (!value.wide.empty() && name != "abs") return lifted(name == "floor" ? "wide_floor" : "wide_ceiling", {wide_operand(value)}, Kind::integer);
    if (name == "abs" && !value.wide.empty()) return from_wide("feel_wide_abs(" + value.wide + ")", value.nullable, {&value});
    if (name == "abs") return lifted("abs", {value}, value.type.kind);
    if (value.type.kind == Kind::integer) return value;
    require(value.type.kind == Kind::decimal, name, "an amount of money");
    return lifted(name == "floor" ? "whole" : "feel_ceiling", {value}, Kind::integer);
  }
  if (name == "decimal") {
    require_count(name, arguments, 2);
    if (some_null) return null_from(arguments);
    for (const Term& argument : arguments) needed(argument.type.is_number(), name, type_words(argument.type));
    const auto places = arguments[1].figure ? millionths(*arguments[1].figure) : std::nullopt;
    if (!places || *places % 1'000'000 != 0 || *places < 0 || *places > 6'000'000) {
      throw Refusal{"`decimal` is imported with a constant number of places from 0 to 6", ""};
    }
    if (arguments[0].figure) {
      const auto made = rounded_half_even(*arguments[0].figure, static_cast<int>(*places / 1'000'000));
      if (!made) throw Refusal{"the result of a calculation with constants cannot be written exactly", "write the figure that is meant"};
      return figure_term(*made);
    }
    if (!arguments[0].wide.empty()) return lifted("wide_rounded", {wide_operand(arguments[0]), figure_term(whole(*places / 1'000'000))}, Kind::decimal);
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
      needed(argument.type.is_words(), name, type_words(argument.type));
      argument = as_text(argument);
    }
    if (name == "contains") return lifted("contains", arguments, Kind::boolean);
    if (name == "starts with") return lifted("starts_with", arguments, Kind::boolean);
    if (name == "ends with") return lifted("ends_with", arguments, Kind::boolean);
    if (cuts) return lifted(name == "substring before" ? "text_before" : "text_after", arguments, Kind::text);
    if (name == "string length") return lifted("length", arguments, Kind::integer);
    return lifted(name == "upper case" ? "upper_case" : "lower_case", arguments, Kind::text);
  }
  if (name == "substring") return part_of_text(name, std::move(arguments));
  if (name == "string") {
    require_count(name, arguments, 1);
    if (some_null) return null_from(arguments);
    if (!arguments[0].wide.empty()) return with_needs(wide_operand(arguments[0]), {});
    const Term& value = arguments[0];
    if (value.type.is_words()) return as_text(value);
    if (value.type.kind == Kind::decimal || value.type.kind == Kind::integer || value.type.kind == Kind::date) {
      if (value.figure) return words_term(text_of(*arguments[0].figure));
      if (value.key) return words_term(date_literal(*value.key));
      return lifted(value.type.kind == Kind::decimal   ? "feel_string"
                    : value.type.kind == Kind::integer ? "feel_string_int"
                                                       : "feel_string_date",
                    {value}, Kind::text);
    }
    if (value.key) return words_term(iso_text(value));
    if (value.truth) return words_term(*value.truth ? "true" : "false");
    if (value.type.kind == Kind::boolean) return lifted("feel_string_bool", {value}, Kind::text);
    throw Refusal{"`string` of " + type_words(value.type) + " lies outside of what is imported", ""};
  }
  if (name == "years and months duration") {
    require_count(name, arguments, 2);
    if (some_null) return null_from(arguments);
    for (Term& argument : arguments) {
      if (argument.type.kind == Kind::datetime) argument = literal_call("date", {argument});
      needed(argument.type.kind == Kind::date, name, type_words(argument.type));
    }
    Term made = lifted("feel_whole_months", arguments, Kind::years_months);
    made.counted = true;
    return made;
  }
  if (name == "today" || name == "now") {
    throw Refusal{"`" + name + "()` lies outside of what is imported: a table of Dunlin sees its inputs only", "make it an input of the decision"};
  }
  throw Refusal{"there is no function `" + name + "` among those that are imported", "docs/guides/tables.md lists them"};
}

Term Expressions::literal_call(const std::string& name, const std::vector<Term>& given) {
  std::vector<Term> arguments = given;
  if (name == "time" && arguments.size() == 4 && is_null(arguments[3])) arguments.pop_back();  // no offset: a local time
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
      if (*year < 1 && *month >= 1 && *month <= 12 && *day >= 1 && *day <= 31) {
        throw Refusal{"a date outside of the years 1 to 9999 lies outside of what is imported", ""};
      }
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
  const bool one_text = arguments.size() == 1 && arguments[0].type.is_words();
  const size_t parts = name == "date" || name == "time" ? 3 : name == "date and time" ? 2 : 1;
  if (arguments.size() == 1 && !one_text) {
    const Kind kind = arguments[0].type.kind;
    const bool never = arguments[0].type.is_number() || kind == Kind::boolean || name == "duration" || is_duration(arguments[0]);
    needed(!never, name, type_words(arguments[0].type));
  }
  if (arguments.size() != 1 && arguments.size() != parts && !(name == "time" && arguments.size() == 4)) {
    throw NoResult{fmt::format("`{}` is given {} arguments", name, arguments.size())};
  }
  if (parts == 3) {
    for (size_t i = 0; i < arguments.size() && arguments.size() > 1 && i < 3; ++i) needed(arguments[i].type.is_number(), name, type_words(arguments[i].type));
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
    needed(!arguments.empty(), name, "nothing");
    throw Refusal{"`count` is imported for lists", ""};
  }
  if (name == "count") return figure_term(whole(static_cast<int64_t>(arguments.size())));
  if (arguments.empty()) return null_term();
  for (const Term& argument : arguments) require(argument.type.kind != Kind::list && argument.type.kind != Kind::record, name, "a list in a list");
  if (std::any_of(arguments.begin(), arguments.end(), is_null)) return null_from(arguments);
  Term all = arguments[0];
  needed(name != "sum" || all.type.is_number(), name, type_words(all.type));
  for (size_t i = 1; i < arguments.size(); ++i) {
    const Term& next = arguments[i];
    if (name == "sum") {
      needed(next.type.is_number(), name, type_words(next.type));
      all = numeric(Op::add, all, next);
      continue;
    }
    const bool alike = all.type == next.type || (all.type.is_number() && next.type.is_number()) || (all.type.is_words() && next.type.is_words());
    needed(alike, name, type_words(all.type) + " and " + type_words(next.type));
    const bool ordered = all.type.is_number() || all.type.kind == Kind::date || all.type.kind == Kind::time || all.type.kind == Kind::datetime;
    require(ordered || (all.is_constant() && next.is_constant()), name, type_words(all.type).c_str());
    if (all.is_constant() && next.is_constant()) {
      const Term smaller = order(Op::less_equal, all, next);
      all = (*smaller.truth == (name == "min")) ? all : next;
      continue;
    }
    if (is_wide(all) || is_wide(next)) {
      all = from_wide(fmt::format("feel_wide_{}({}, {})", name, wide_text(all), wide_text(next)), all.nullable || next.nullable, {&all, &next});
      continue;
    }
    const bool both_whole = (all.type.kind == Kind::integer || (all.figure && all.figure->is_whole())) &&
                            (next.type.kind == Kind::integer || (next.figure && next.figure->is_whole()));
    const Type type = both_whole ? Type{Kind::integer, {}} : common(all.type, next.type);
    all = lifted(name, {as(placed(all), type), as(placed(next), type)}, type.kind);
  }
  return all;
}

Term Expressions::mean(std::vector<Term> arguments) {
  if (arguments.size() == 1 && arguments[0].type.kind == Kind::list) {
    if (arguments[0].rows) throw Refusal{"`mean` of the rows of another decision lies outside of what is imported", ""};
    arguments = std::vector<Term>(arguments[0].items);
  }
  if (arguments.empty()) return null_term();
  const Term count = figure_term(whole(static_cast<int64_t>(arguments.size())));
  const Term sum = fold("sum", std::move(arguments));
  return is_null(sum) ? sum : numeric(Op::divide, sum, count);
}

/// From a place that counts from 1, or from the end where it is negative, to the end or so many letters.
Term Expressions::part_of_text(const std::string& name, std::vector<Term> arguments) {
  if (arguments.size() != 3) require_count(name, arguments, 2);
  if (std::any_of(arguments.begin(), arguments.end(), is_null)) return null_from(arguments);
  needed(arguments[0].type.is_words(), name, type_words(arguments[0].type));
  arguments[0] = as_text(arguments[0]);
  for (size_t i = 1; i < arguments.size(); ++i) {
    needed(arguments[i].type.is_number(), name, type_words(arguments[i].type));
    if (arguments[i].type.kind == Kind::decimal && !arguments[i].figure) arguments[i] = lifted("whole", {arguments[i]}, Kind::integer);
    arguments[i] = as(arguments[i], {Kind::integer, {}});
  }
  Term made = lifted(arguments.size() == 3 ? "feel_substring" : "feel_substring_from", arguments, Kind::text);
  made.nullable = true;
  return made;
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
  for (const Term& argument : arguments) {
    needed(argument.type.is_number(), name, type_words(argument.type));
    require(argument.type.kind != Kind::money, name, "an amount of money");
  }
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
  const bool both_whole = is_whole(dividend) && is_whole(divisor);
  const Type type{both_whole ? Kind::integer : Kind::decimal, {}};
  Term rest = lifted(both_whole ? "feel_modulo" : "feel_modulo_decimal", {as(placed(dividend), type), as(placed(divisor), type)}, type.kind);
  rest.nullable = true;
  return rest;
}

}  // namespace dunlin::tables
