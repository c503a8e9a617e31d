// Lines of limits as the database keeps them, so that hand-out can judge a task without the program: docs/decisions/0012.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/abi/case_view.h"
#include "lang/sema/checked.h"

namespace dunlin::engine {

/// What a line says about every task alike. What it says about one stands in OpenTask::limits.
struct LimitLine {
  int64_t key = 0;                    // hash of all that follows: another text is another line
  std::string says;                   // "limits `Caps`: call at most 1 per day per debtor"
  std::string kind;                   // at_most, pause, hours, never
  std::string window;                 // at_most: day, week, month, quarter, year, days (the last `length` ones), exact (`length` microseconds)
  int64_t length = 0;                 // of a rolling window
  std::vector<std::string> queues;    // at_most: contacts through these count
  std::vector<std::string> channels;  // at_most: and contacts without a task that are said to be one of these
  bool any_contact = false;           // at_most: whatever their channel
  std::vector<std::string> outcomes;  // at_most: only outcomes below these; empty: all
  std::string reserves;               // at_most: JSON, [{"count": 1, "treatment": "x"}]
  std::optional<int64_t> from, to;    // dates in force, days since 1970-01-01
  std::string hours;                  // hours: JSON, [{"from": s, "to": s, "weekdays": bits, "working": bool}]
  std::vector<int64_t> odd_days;      // hours and pauses: dates that are working days though they are Saturdays or Sundays, or the other way round
  std::vector<std::string> after;     // pause: outcomes that close it
  int64_t pause = -1;                 // pause: packed duration; -1: without end
};
using LimitLines = std::vector<LimitLine>;

/// By block and rule. Needs the calendar for its odd days.
std::vector<LimitLines> limit_lines(const checked::Program& program, const abi::Calendar& calendar);

}  // namespace dunlin::engine
