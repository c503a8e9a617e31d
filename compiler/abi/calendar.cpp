#include "compiler/abi/calendar.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "compiler/abi/clock.h"

namespace dunlin::abi {

namespace {

/// Offsets of the zone from before `first_year` to behind `last_year`.
std::expected<ZoneRules, std::string> rules_of(const std::string& name, int32_t first_year, int32_t last_year) {
  try {
    const date::time_zone* zone = date::locate_zone(name);
    std::vector<ZoneRules::Span> spans;
    date::sys_seconds at{std::chrono::seconds(date_of_civil(first_year - 1, 1, 1) * 86'400)};
    const date::sys_seconds end{std::chrono::seconds(date_of_civil(last_year + 2, 1, 1) * 86'400)};
    while (at < end) {
      const date::sys_info info = zone->get_info(at);
      const int64_t offset_s = std::chrono::seconds(info.offset).count();
      if (spans.empty() || spans.back().offset_s != offset_s) spans.push_back({at.time_since_epoch().count() * us_per_second, offset_s});
      if (info.end <= at) break;
      at = info.end;
    }
    return ZoneRules(std::move(spans));
  } catch (const std::exception&) {
    return std::unexpected(fmt::format("no time zone is called `{}`", name));
  }
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

/// year-month-day, or nothing.
bool read_date(std::string_view text, int32_t& date) {
  const auto parts = split(text, '-');
  if (parts.size() != 3) return false;
  int64_t numbers[3];
  for (size_t i = 0; i < 3; ++i) {
    const auto [end, error] = std::from_chars(parts[i].data(), parts[i].data() + parts[i].size(), numbers[i]);
    if (error != std::errc{} || end != parts[i].data() + parts[i].size()) return false;
  }
  if (numbers[0] < 1 || numbers[0] > 9999 || numbers[1] < 1 || numbers[1] > 12) return false;
  if (numbers[2] < 1 || numbers[2] > days_in_month(numbers[0], numbers[1])) return false;
  date = static_cast<int32_t>(date_of_civil(numbers[0], numbers[1], numbers[2]));
  return true;
}

}  // namespace

std::expected<void, std::string> read_calendar_csv(std::string_view text, CalendarSpec& spec) {
  const auto lines = split(text, '\n');
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::string_view line = trimmed(lines[i]);
    if (line.empty() || line.front() == '#') continue;
    const auto cells = split(line, ',');
    int32_t date = 0;
    if (!read_date(trimmed(cells[0]), date)) return std::unexpected(fmt::format("line {}: `{}` is not a date", i + 1, cells[0]));
    const std::string_view kind = cells.size() > 1 ? trimmed(cells[1]) : std::string_view();
    if (kind == "holiday") {
      spec.holidays.push_back(date);
    } else if (kind == "working") {
      spec.working_weekends.push_back(date);
    } else {
      return std::unexpected(fmt::format("line {}: `{}` is neither `holiday` nor `working`", i + 1, kind));
    }
  }
  return {};
}

std::expected<ZoneRules, std::string> zone_rules(const std::string& timezone, int32_t first_year, int32_t last_year) {
  return rules_of(timezone, first_year, last_year);
}

std::expected<std::unique_ptr<CalendarTables>, std::string> CalendarTables::make(const CalendarSpec& spec) {
  if (spec.first_year > spec.last_year || spec.first_year < 1900 || spec.last_year > 2200)
    return std::unexpected(fmt::format("a calendar cannot run from {} to {}", spec.first_year, spec.last_year));
  if (spec.day_start_s < 0 || spec.day_start_s >= 86'400) return std::unexpected(std::string("a day starts between 00:00 and 23:59"));
  auto zone = rules_of(spec.timezone, spec.first_year, spec.last_year);
  if (!zone) return std::unexpected(zone.error());
  return std::unique_ptr<CalendarTables>(new CalendarTables(spec, std::move(*zone)));
}

CalendarTables::CalendarTables(const CalendarSpec& spec, ZoneRules zone) : zone_(std::move(zone)) {
  const int64_t first = date_of_civil(spec.first_year, 1, 1);
  const int64_t count = date_of_civil(spec.last_year + 1, 1, 1) - first;
  day_start_us_.reserve(static_cast<size_t>(count) + 1);
  midnight_us_.reserve(static_cast<size_t>(count) + 1);
  for (int64_t i = 0; i <= count; ++i) {
    day_start_us_.push_back(zone_.instant(first + i, spec.day_start_s));
    midnight_us_.push_back(zone_.instant(first + i, 0));
  }
  auto holidays = spec.holidays;
  auto working = spec.working_weekends;
  std::sort(holidays.begin(), holidays.end());
  std::sort(working.begin(), working.end());
  working_before_.push_back(0);
  for (int64_t i = 0; i < count; ++i) {
    const auto date = static_cast<int32_t>(first + i);
    const bool works =
        weekday_of(date) <= 5 ? !std::binary_search(holidays.begin(), holidays.end(), date) : std::binary_search(working.begin(), working.end(), date);
    working_before_.push_back(working_before_.back() + (works ? 1 : 0));
  }
  view_.first_day = static_cast<int32_t>(first);
  view_.day_count = static_cast<int32_t>(count);
  view_.day_start_us = day_start_us_.data();
  view_.midnight_us = midnight_us_.data();
  view_.working_before = working_before_.data();
  view_.zone = &zone_;
  view_.minor_digits = spec.minor_digits;
}

}  // namespace dunlin::abi
