#include "lang/sema/civil.h"

#include <date/tz.h>

namespace dunlin::sema {

std::optional<int64_t> days_of_date(int year, int month, int day) {
  const date::year_month_day written{date::year{year}, date::month{static_cast<unsigned>(month)}, date::day{static_cast<unsigned>(day)}};
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || !written.ok()) return std::nullopt;
  return date::sys_days{written}.time_since_epoch().count();
}

Date date_of_days(int64_t days) {
  constexpr int64_t range = 10'000'000;  // beyond that no calendar of ours reaches
  if (days > range) days = range;
  if (days < -range) days = -range;
  const date::year_month_day found{date::sys_days{date::days{days}}};
  return {int{found.year()}, static_cast<int>(unsigned{found.month()}), static_cast<int>(unsigned{found.day()})};
}

std::string clock_text(int64_t seconds) {
  const auto two = [](int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  const std::string text = two(seconds / 3600) + ":" + two(seconds / 60 % 60);
  return seconds % 60 == 0 ? text : text + ":" + two(seconds % 60);
}

static const date::time_zone* find_zone(const std::string& name) {
  try {
    return date::locate_zone(name);
  } catch (const std::exception&) {
    return nullptr;
  }
}

bool zone_exists(const std::string& name) { return !name.empty() && find_zone(name) != nullptr; }

std::optional<int64_t> instant_of_local(const std::string& zone, int64_t days, int64_t second_of_day) {
  const date::time_zone* found = find_zone(zone);
  if (found == nullptr) return std::nullopt;
  const date::local_seconds local{std::chrono::seconds{days * 86'400 + second_of_day}};
  const date::local_info info = found->get_info(local);
  if (info.result == date::local_info::nonexistent) return info.second.begin.time_since_epoch().count() * 1'000'000;
  return (local.time_since_epoch() - info.first.offset).count() * 1'000'000;
}

LocalTime local_of_instant(const std::string& zone, int64_t microseconds) {
  const auto instant = date::floor<std::chrono::seconds>(date::sys_time<std::chrono::microseconds>{std::chrono::microseconds{microseconds}});
  const date::time_zone* found = find_zone(zone);
  const int64_t offset = found == nullptr ? 0 : found->get_info(instant).offset.count();
  const int64_t seconds = instant.time_since_epoch().count() + offset;
  int64_t day = seconds / 86'400, rest = seconds % 86'400;
  if (rest < 0) {
    rest += 86'400;
    --day;
  }
  return {day, rest};
}

}  // namespace dunlin::sema
