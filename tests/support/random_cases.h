// Random case files of the debt program around an instant, and calendars in zones where the clocks change in every way.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "compiler/abi/calendar.h"
#include "tests/support/case_builder.h"
#include "tests/support/debt_program.h"

namespace dunlin::test {

struct ZonedCalendar {
  std::string name;
  std::unique_ptr<abi::CalendarTables> tables;
  /// Instants around which clocks change, or any for zones where they do not.
  std::vector<int64_t> changes;
};

/// Six zones; the day starts at different hours, one of them within the skipped hour.
std::vector<ZonedCalendar> zoned_calendars();

struct RandomCase {
  std::unique_ptr<CaseBuilder> builder;
  std::vector<abi::Instance*> accounts;
};

/// Up to three accounts with events in the 40 days before `now`.
RandomCase random_case(const checked::Program& program, const abi::Calendar& calendar, int64_t now, std::mt19937_64& random);

}  // namespace dunlin::test
