#include "lang/tables/term.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lang/sema/civil.h"
#include "lang/tables/dunlin_names.h"

namespace dunlin::tables {

std::string type_text(const Type& type) {
  switch (type.kind) {
    case Kind::decimal:
      return "decimal";
    case Kind::integer:
      return "int";
    case Kind::money:
      return "money";
    case Kind::enumeration:
      return quoted_name(type.enumeration);
    case Kind::boolean:
      return "bool";
    case Kind::date:
      return "date";
    case Kind::time:
      return "time";
    case Kind::datetime:
      return "datetime";
    case Kind::days_time:
    case Kind::years_months:
      return "duration";
    default:
      return "text";
  }
}

std::string type_words(const Type& type) {
  switch (type.kind) {
    case Kind::null:
      return "null";
    case Kind::decimal:
    case Kind::integer:
    case Kind::money:
      return "a number";
    case Kind::text:
    case Kind::enumeration:
      return "a string";
    case Kind::boolean:
      return "a boolean";
    case Kind::date:
      return "a date";
    case Kind::time:
      return "a time";
    case Kind::datetime:
      return "a date and time";
    case Kind::days_time:
      return "a days and time duration";
    case Kind::years_months:
      return "a years and months duration";
    case Kind::record:
      return "a context";
    case Kind::list:
      return "a list";
  }
  return "a value";
}

namespace {

Term constant(Kind kind, std::string text) {
  Term made;
  made.type.kind = kind;
  made.text = std::move(text);
  return made;
}

std::string counted(int64_t amount, const char* unit) { return fmt::format("{} {}{}", amount, unit, amount == 1 ? "" : "s"); }

}  // namespace

Term null_term() {
  Term made = constant(Kind::null, "missing");
  made.nullable = true;
  return made;
}

Term figure_term(const ExactDecimal& value) {
  if (!millionths(value))
    throw Refusal{"the figure " + text_of(value) + " does not fit into a decimal of six places", "Dunlin's decimals have six places; scale the figure"};
  Term made = constant(Kind::decimal, text_of(value));
  if (value.mantissa < 0) made.text = "(" + made.text + ")";
  made.figure = value;
  return made;
}

Term words_term(std::string words) {
  Term made = constant(Kind::text, text_literal(words));
  made.words = std::move(words);
  return made;
}

Term truth_term(bool truth) {
  Term made = constant(Kind::boolean, truth ? "true" : "false");
  made.truth = truth;
  return made;
}

Term date_term(int64_t days) {
  Term made = constant(Kind::date, date_literal(days));
  made.key = days;
  return made;
}
Term time_term(int64_t seconds) {
  Term made = constant(Kind::time, time_literal(seconds));
  made.key = seconds;
  return made;
}
Term datetime_term(int64_t local_seconds) {
  const int64_t day = local_seconds >= 0 ? local_seconds / 86'400 : -((-local_seconds + 86'399) / 86'400);
  Term made = constant(Kind::datetime, date_literal(day) + " " + time_literal(local_seconds - day * 86'400));
  made.key = local_seconds;
  return made;
}

Term days_time_term(int64_t seconds) {
  const int64_t size = seconds < 0 ? -seconds : seconds;
  Term made = constant(Kind::days_time, size % 86'400 == 0  ? counted(size / 86'400, "day")
                                        : size % 3'600 == 0 ? counted(size / 3'600, "hour")
                                        : size % 60 == 0    ? counted(size / 60, "minute")
                                                            : counted(size, "second"));
  made.key = seconds;
  return made;
}
Term years_months_term(int64_t months) {
  const int64_t size = months < 0 ? -months : months;
  Term made = constant(Kind::years_months, size != 0 && size % 12 == 0 ? counted(size / 12, "year") : counted(size, "month"));
  made.key = months;
  return made;
}

// ---- reading -------------------------------------------------------------------------------------------

namespace {

std::optional<int> figures(std::string_view text, size_t from, size_t count) {
  if (from + count > text.size()) return std::nullopt;
  int value = 0;
  const char* end = text.data() + from + count;
  const auto read = std::from_chars(text.data() + from, end, value);
  if (read.ec != std::errc{} || read.ptr != end || text[from] == '-' || text[from] == '+') return std::nullopt;
  return value;
}

std::optional<int64_t> seconds_of(std::string_view text) {
  if (text.size() != 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
  if (text == "24:00:00") throw Refusal{"24:00:00 lies outside of what is imported", "write 00:00:00, of the next day where there is one"};
  const auto hour = figures(text, 0, 2), minute = figures(text, 3, 2), second = figures(text, 6, 2);
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  return *hour * 3600 + *minute * 60 + *second;
}

/// Cuts off what a bundle has one of for all: offsets and zones. Fractions of a second are more than Dunlin's times have.
std::string_view local_part(std::string_view text) {
  const size_t end = text.find_first_of("Z@+", 0);
  const size_t minus = text.find('-');
  if (end != std::string_view::npos || minus != std::string_view::npos) {
    throw Refusal{"a time with a zone or an offset lies outside of what is imported", "a bundle has one zone: write local times"};
  }
  if (const size_t point = text.find('.'); point != std::string_view::npos) {
    if (text.find_first_not_of('0', point + 1) != std::string_view::npos) {
      throw Refusal{"fractions of a second lie outside of what is imported", ""};
    }
    text = text.substr(0, point);
  }
  return text;
}

/// A date of FEEL may lie a thousand million years off, before our era too.
bool is_distant_date(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const size_t year = std::min(text.find('-'), text.size());
  if (year < 4 || year > 9 || text.size() != year + 6 || text[year + 3] != '-' || (year > 4 && text[0] == '0')) return false;
  const auto month = figures(text, year + 1, 2), day = figures(text, year + 4, 2);
  return figures(text, 0, year) && month && day && *month >= 1 && *month <= 12 && *day >= 1 && *day <= 31;
}

std::optional<int64_t> days_of(std::string_view text) {
  if ((text.starts_with("0000-") || text.starts_with('-') || text.size() > 10) && is_distant_date(text)) {
    throw Refusal{"a date outside of the years 1 to 9999 lies outside of what is imported", ""};
  }
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = figures(text, 0, 4), month = figures(text, 5, 2), day = figures(text, 8, 2);
  return year && month && day ? sema::days_of_date(*year, *month, *day) : std::nullopt;
}

}  // namespace

std::optional<Term> read_date(std::string_view text) {
  const auto days = days_of(text);
  return days ? std::optional(date_term(*days)) : std::nullopt;
}

std::optional<Term> read_time(std::string_view text) {
  const auto seconds = seconds_of(local_part(text));
  return seconds ? std::optional(time_term(*seconds)) : std::nullopt;
}

std::optional<Term> read_datetime(std::string_view text) {
  const size_t mark = text.find('T');
  const auto days = days_of(text.substr(0, mark));
  if (mark == std::string_view::npos) return days ? std::optional(datetime_term(*days * 86'400)) : std::nullopt;
  if (!days) return std::nullopt;
  const auto seconds = seconds_of(local_part(text.substr(mark + 1)));
  return days && seconds ? std::optional(datetime_term(*days * 86'400 + *seconds)) : std::nullopt;
}

std::optional<Term> read_duration(std::string_view text) {
  bool negative = false;
  if (text.starts_with('-')) {
    negative = true;
    text.remove_prefix(1);
  }
  if (!text.starts_with('P')) return std::nullopt;
  text.remove_prefix(1);
  int64_t months = 0, seconds = 0;
  bool some_months = false, some_seconds = false, clock = false;
  while (!text.empty()) {
    if (text.front() == 'T') {
      if (clock) return std::nullopt;
      clock = true;
      text.remove_prefix(1);
      if (text.empty()) return std::nullopt;
      continue;
    }
    int64_t amount = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), amount);
    const size_t used = static_cast<size_t>(read.ptr - text.data());
    if (read.ec == std::errc::invalid_argument || used == 0 || text.front() == '-' || used >= text.size()) return std::nullopt;
    if (read.ec != std::errc{} || amount > 1'000'000'000)
      throw Refusal{"a duration with a part of more than 1,000,000,000 lies outside of what is imported", ""};
    if (text[used] == '.') throw Refusal{"fractions of a second lie outside of what is imported", ""};
    const char unit = text[used];
    text.remove_prefix(used + 1);
    if (!clock && unit == 'Y') {
      months += amount * 12;
      some_months = true;
    } else if (!clock && unit == 'M') {
      months += amount;
      some_months = true;
    } else if (!clock && unit == 'D') {
      seconds += amount * 86'400;
      some_seconds = true;
    } else if (clock && (unit == 'H' || unit == 'M' || unit == 'S')) {
      seconds += amount * (unit == 'H' ? 3600 : unit == 'M' ? 60 : 1);
      some_seconds = true;
    } else {
      return std::nullopt;
    }
  }
  if (some_months == some_seconds) return std::nullopt;  // neither, or a mixture that FEEL has no type for
  return some_months ? years_months_term(negative ? -months : months) : days_time_term(negative ? -seconds : seconds);
}

}  // namespace dunlin::tables
