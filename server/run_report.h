// What `dunlin run` found out, as text for people and as JSON for programs.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "runtime/simulate/night.h"
#include "server/import/mapped_tables.h"
#include "server/roll_rates.h"

namespace dunlin::server {

struct RunReport {
  std::string bundle;
  int32_t version = 0;
  bool activated = false;  // by this run
  std::string from, to;    // dates; both empty for one pass
  std::string clock;       // of one pass
  simulate::NightReport nights;
  /// Stage -> month (or the clock) -> instances in it at that month's end.
  std::map<std::string, std::map<std::string, int64_t>> funnel;
  std::set<std::string> months;
  bool has_roll_rates = false;
  std::string roll_rate_of;
  RollRates roll_rates;
  std::vector<import::PulledTable> pulled;  // what came from tables of the bank first
  double seconds = 0;                       // all in all, with the report
};

/// Parts that can be asked for one by one.
enum class ReportPart { funnel, roll_rates, tasks, transitions, faults };

std::string run_report_json(const RunReport& report);
std::string run_report_text(const RunReport& report, const std::set<ReportPart>& parts, bool color);

}  // namespace dunlin::server
