// Builds the tables of an abi::Calendar from a zone's rules and a list of holidays. The only place that asks the zone database.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/abi/case_view.h"
#include "compiler/abi/zone_rules.h"

namespace dunlin::abi {

struct CalendarSpec {
  std::string timezone = "UTC";  // IANA name
  int64_t day_start_s = 0;       // 0 … 86399, seconds on the clock of that zone
  int32_t minor_digits = 2;
  int32_t first_year = 1990;
  int32_t last_year = 2060;  // inclusive
  /// Dates that are not working days, and weekend dates that are. All other weekdays work, all other weekend days do not.
  std::vector<int32_t> holidays;
  std::vector<int32_t> working_weekends;
};

/// Reads a calendar file: lines `date,kind[,name]` with kind `holiday` or `working`, after a header line. Adds to the spec.
/// An error is one sentence with the line's number.
std::expected<void, std::string> read_calendar_csv(std::string_view text, CalendarSpec& spec);

/// Offsets of a zone over the years of a calendar. An error is one sentence.
std::expected<ZoneRules, std::string> zone_rules(const std::string& timezone, int32_t first_year = CalendarSpec{}.first_year,
                                                 int32_t last_year = CalendarSpec{}.last_year);

class CalendarTables {
 public:
  /// An error is one sentence: a zone nobody knows, years the wrong way round.
  static std::expected<std::unique_ptr<CalendarTables>, std::string> make(const CalendarSpec& spec);

  CalendarTables(const CalendarTables&) = delete;
  CalendarTables& operator=(const CalendarTables&) = delete;
  const Calendar* view() const { return &view_; }
  const ZoneRules& zone() const { return zone_; }

 private:
  CalendarTables(const CalendarSpec& spec, ZoneRules zone);
  ZoneRules zone_;
  std::vector<int64_t> day_start_us_, midnight_us_;
  std::vector<int32_t> working_before_;
  Calendar view_{};
};

}  // namespace dunlin::abi
