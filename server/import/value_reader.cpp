#include "server/import/value_reader.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "server/import/exact_figure.h"

namespace dunlin::import {
namespace {

constexpr int64_t us_per_day = 86'400'000'000;

struct Moment {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

bool take_digits(std::string_view& text, size_t most, int& out) {
  size_t count = 0;
  out = 0;
  while (count < most && count < text.size() && text[count] >= '0' && text[count] <= '9') out = out * 10 + (text[count++] - '0');
  text.remove_prefix(count);
  return count > 0;
}

/// Reads as much of `text` as the pattern says; false where they do not agree.
bool match_pattern(std::string_view& text, std::string_view pattern, Moment& moment) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%' || i + 1 == pattern.size()) {
      if (text.empty() || text[0] != pattern[i]) return false;
      text.remove_prefix(1);
      continue;
    }
    char field = pattern[++i];
    int* target = field == 'Y'   ? &moment.year
                  : field == 'm' ? &moment.month
                  : field == 'd' ? &moment.day
                  : field == 'H' ? &moment.hour
                  : field == 'M' ? &moment.minute
                  : field == 'S' ? &moment.second
                                 : nullptr;
    if (!target || !take_digits(text, field == 'Y' ? 4 : 2, *target)) return false;
  }
  return true;
}

/// Days since 1970-01-01, or nothing for a date that the calendar does not have.
bool date_days(const Moment& moment, int64_t& days) {
  auto ymd = date::year(moment.year) / date::month(static_cast<unsigned>(moment.month)) / date::day(static_cast<unsigned>(moment.day));
  if (!ymd.ok() || moment.year < 1) return false;
  days = date::sys_days(ymd).time_since_epoch().count();
  return true;
}

bool time_seconds(const Moment& moment, int64_t& seconds) {
  if (moment.hour > 23 || moment.minute > 59 || moment.second > 59) return false;
  seconds = moment.hour * 3600 + moment.minute * 60 + moment.second;
  return true;
}

bool has_time(std::string_view pattern) { return pattern.find("%H") != std::string_view::npos; }

std::string_view trimmed(std::string_view text) {
  auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// "Z", "+03:00", "-0530", "+03" at the end of an instant.
bool read_offset(std::string_view text, int64_t& seconds) {
  if (text == "Z" || text == "z") {
    seconds = 0;
    return true;
  }
  bool negative = text.starts_with('-');
  if (!negative && !text.starts_with('+')) return false;
  text.remove_prefix(1);
  int hours = 0, minutes = 0;
  if (!take_digits(text, 2, hours) || hours > 18) return false;
  if (text.starts_with(':')) text.remove_prefix(1);
  if (!text.empty() && (!take_digits(text, 2, minutes) || minutes > 59)) return false;
  seconds = (hours * 3600 + minutes * 60) * (negative ? -1 : 1);
  return text.empty();
}

bool read_boolean(std::string_view text, int64_t& slot) {
  for (auto yes : {"true", "yes", "1", "TRUE", "True", "Y", "y"}) {
    if (text == yes) return slot = 1, true;
  }
  for (auto no : {"false", "no", "0", "FALSE", "False", "N", "n"}) {
    if (text == no) return slot = 0, true;
  }
  return false;
}

std::expected<int64_t, std::string> read_time(std::string_view text) {
  Moment moment;
  std::string_view rest = text;
  bool good = match_pattern(rest, "%H:%M", moment) && (rest.empty() || (match_pattern(rest, ":%S", moment) && rest.empty()));
  int64_t seconds = 0;
  if (!good || !time_seconds(moment, seconds)) return std::unexpected(fmt::format("`{}` is not a time of day (08:30 is expected)", text));
  return seconds;
}

std::expected<int64_t, std::string> read_number(std::string_view text, const ValueFormat& format) {
  std::string plain;
  for (char c : text) plain += c == format.decimal_point ? '.' : c;
  if (plain.starts_with('+')) plain.erase(0, 1);
  double value = 0;
  auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  if (error != std::errc{} || end != plain.data() + plain.size() || !std::isfinite(value)) {
    return std::unexpected(fmt::format("`{}` is not a number", text));
  }
  value = value * static_cast<double>(format.scale_numerator) / std::pow(10.0, format.scale_digits);
  return abi::as_slot(value);
}

/// "3 days", "2 business days", "1 month", "45 minutes".
std::expected<int64_t, std::string> read_duration(std::string_view text) {
  std::string_view rest = text;
  int amount = 0;
  bool good = take_digits(rest, 9, amount);
  rest = trimmed(rest);
  if (rest.ends_with('s')) rest.remove_suffix(1);
  using abi::DurationUnit;
  struct Unit {
    std::string_view name;
    DurationUnit unit;
    int64_t factor;
  };
  constexpr Unit units[] = {{"second", DurationUnit::microsecond, 1'000'000},
                            {"minute", DurationUnit::microsecond, 60'000'000},
                            {"hour", DurationUnit::microsecond, 3'600'000'000},
                            {"day", DurationUnit::day, 1},
                            {"week", DurationUnit::day, 7},
                            {"business day", DurationUnit::business_day, 1},
                            {"month", DurationUnit::month, 1},
                            {"year", DurationUnit::month, 12}};
  for (const Unit& unit : units) {
    if (good && rest == unit.name) return abi::pack_duration(amount * unit.factor, unit.unit);
  }
  return std::unexpected(fmt::format("`{}` is not a duration (`3 days` is expected)", text));
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size() && i < 12; ++i) text += (i > 0 ? ", " : "") + names[i];
  if (names.size() > 12) text += ", …";
  return text;
}

}  // namespace

std::expected<Zone, std::string> Zone::find(const checked::Bundle& bundle) {
  Zone zone;
  try {
    zone.zone_ = date::locate_zone(bundle.timezone);
  } catch (const std::exception&) {
    return std::unexpected(fmt::format("this machine has no time zone `{}`; install the package tzdata", bundle.timezone));
  }
  zone.day_start_s_ = bundle.day_start_s;
  return zone;
}

int64_t Zone::instant(int64_t local_us) const {
  auto local = date::local_time<std::chrono::microseconds>(std::chrono::microseconds(local_us));
  auto system = static_cast<const date::time_zone*>(zone_)->to_sys(local, date::choose::earliest);
  return std::chrono::time_point_cast<std::chrono::microseconds>(system).time_since_epoch().count();
}

int64_t Zone::local(int64_t instant_us) const {
  auto system = date::sys_time<std::chrono::microseconds>(std::chrono::microseconds(instant_us));
  auto local = static_cast<const date::time_zone*>(zone_)->to_local(system);
  return std::chrono::time_point_cast<std::chrono::microseconds>(local).time_since_epoch().count();
}

int64_t Zone::day_start(int64_t date) const { return instant(date * us_per_day + day_start_s_ * 1'000'000); }

std::expected<int64_t, std::string> read_date(std::string_view text) {
  Moment moment;
  std::string_view rest = text;
  int64_t days = 0;
  if (!match_pattern(rest, "%Y-%m-%d", moment) || !rest.empty() || !date_days(moment, days)) {
    return std::unexpected(fmt::format("`{}` is not a date (2005-04-28 is expected)", text));
  }
  return days;
}

std::string date_text(int64_t days) {
  auto ymd = date::year_month_day(date::sys_days(date::days(days)));
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()));
}

std::expected<int64_t, std::string> ValueReader::read_instant(std::string_view text, const ValueFormat& format) const {
  text = trimmed(text);
  auto wrong = [&] { return std::unexpected(fmt::format("`{}` is not a point in time (2005-04-28 12:00 is expected)", text)); };
  Moment moment;
  std::string_view rest = text;
  int64_t days = 0, seconds = 0;
  if (!match_pattern(rest, format.date, moment) || !date_days(moment, days)) return wrong();
  bool timed = has_time(format.date);
  if (!timed && (rest.starts_with(' ') || rest.starts_with('T'))) {
    rest.remove_prefix(1);
    if (!match_pattern(rest, "%H:%M", moment)) return wrong();
    if (rest.starts_with(':') && !match_pattern(rest, ":%S", moment)) return wrong();
    timed = true;
  }
  if (!timed) return rest.empty() ? std::expected<int64_t, std::string>(zone_.day_start(days)) : wrong();
  int64_t micros = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    for (int64_t unit = 100'000; !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; unit /= 10, rest.remove_prefix(1)) micros += unit * (rest[0] - '0');
  }
  if (!time_seconds(moment, seconds)) return wrong();
  int64_t local = days * us_per_day + seconds * 1'000'000 + micros;
  if (rest.empty()) return zone_.instant(local);
  int64_t offset = 0;
  if (!read_offset(rest, offset)) return wrong();
  return local - offset * 1'000'000;
}

std::expected<int64_t, std::string> ValueReader::read_slot(const checked::Type& type, std::string_view text, const ValueFormat& format,
                                                           abi::Arena& arena) const {
  using checked::TypeKind;
  switch (type.kind) {
    case TypeKind::boolean: {
      int64_t slot = 0;
      if (!read_boolean(text, slot)) return std::unexpected(fmt::format("`{}` is neither true nor false", text));
      return slot;
    }
    case TypeKind::integer:
      return read_figure(text, format, 0, "a whole number");
    case TypeKind::decimal:
      if (text.ends_with('%')) {
        ValueFormat percent = format;
        percent.scale_digits += 2;
        return read_figure(trimmed(text.substr(0, text.size() - 1)), percent, 6, "a percentage");
      }
      return read_figure(text, format, 6, "a decimal number");
    case TypeKind::money:
      return read_figure(text, format, program_.bundle.minor_digits, "an amount of money");
    case TypeKind::number:
      return read_number(text, format);
    case TypeKind::date: {
      Moment moment;
      std::string_view rest = text;
      int64_t days = 0;
      if (!match_pattern(rest, format.date, moment) || !rest.empty() || !date_days(moment, days)) {
        return std::unexpected(fmt::format("`{}` is not a date ({} is expected)", text, format.date == "%Y-%m-%d" ? "2005-04-28" : format.date));
      }
      return days;
    }
    case TypeKind::time:
      return read_time(text);
    case TypeKind::datetime:
      return read_instant(text, format);
    case TypeKind::duration:
      return read_duration(text);
    case TypeKind::enumeration: {
      const auto& literals = program_.enums.at(static_cast<size_t>(type.id)).literals;
      for (size_t i = 0; i < literals.size(); ++i) {
        if (literals[i] == text) return static_cast<int64_t>(i);
      }
      return std::unexpected(fmt::format("`{}` is none of {}", text, listed(literals)));
    }
    case TypeKind::text:
    case TypeKind::timezone:
    case TypeKind::file:
    case TypeKind::location:
      return static_cast<int64_t>(reinterpret_cast<uintptr_t>(arena.text(text)));
    default:
      return std::unexpected("a value of this type cannot be read from a file");
  }
}

std::expected<void, std::string> ValueReader::read(const checked::Type& type, std::string_view text, const ValueFormat& format, abi::Arena& arena,
                                                   int64_t* slots) const {
  bool is_text = type.kind == checked::TypeKind::text;
  std::string_view value = is_text ? text : trimmed(text);
  if (type.optional && trimmed(text).empty()) {
    slots[0] = 0;
    slots[1] = 0;
    return {};
  }
  if (!type.optional && trimmed(text).empty()) return std::unexpected("there is no value");
  auto slot = read_slot(type, value, format, arena);
  if (!slot) return std::unexpected(slot.error());
  if (type.optional) *slots++ = 1;
  *slots = *slot;
  return {};
}

std::expected<void, std::string> ValueReader::read_field(const checked::Field& field, std::string_view text, const ValueFormat& format, abi::Arena& arena,
                                                         int64_t* slots) const {
  auto done = read(field.type, text, format, arena, slots);
  if (!done) return done;
  bool known = !field.type.optional || slots[0] == 1;
  int64_t value = slots[field.type.optional ? 1 : 0];
  bool low = field.minimum && value < *field.minimum, high = field.maximum && value > *field.maximum;
  if (!known || (!low && !high)) return {};
  auto shown = [&](int64_t bound) { return checked::format_value(program_, field.type.known(), &bound); };
  return std::unexpected(low ? fmt::format("{} is below the least allowed, {}", trimmed(text), shown(*field.minimum))
                             : fmt::format("{} is above the most allowed, {}", trimmed(text), shown(*field.maximum)));
}

}  // namespace dunlin::import
