#include "lang/sema/day_groups.h"

#include <algorithm>
#include <array>

#include "lang/sema/declare.h"

namespace dunlin::sema {

namespace {

constexpr std::array<const char*, 7> weekday_names = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
constexpr uint8_t weekend = 0x60;

}  // namespace

std::optional<DayGroup> day_group(Context& context, const std::vector<ast::Name>& days) {
  if (days.empty()) return DayGroup{};
  std::string name = days.front().text + (days.size() > 1 ? " days" : "");
  if (name == "others" || name == "other days") return DayGroup{};
  if (name == "working days") return DayGroup{.working_only = true};
  if (name == "weekends") return DayGroup{.weekdays = weekend};
  if (name.ends_with('s') && name.find(' ') == std::string::npos) name.pop_back();
  const auto weekday = std::find(weekday_names.begin(), weekday_names.end(), name);
  if (weekday != weekday_names.end()) return DayGroup{.weekdays = static_cast<uint8_t>(1U << (weekday - weekday_names.begin()))};
  const Span span{days.front().span.file, days.front().span.begin, days.back().span.end};
  context.error("E0219", span, "no group of days is called " + in_ticks(std::string(context.sources.text(span.file).substr(span.begin, span.end - span.begin))))
      .help = "write `working days`, `others`, `weekends` or the name of a weekday";
  return std::nullopt;
}

}  // namespace dunlin::sema
