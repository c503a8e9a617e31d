// scenario.toml in a bundle's folder: what `dunlin run` reports beside stages and tasks. A bundle without one has no such report.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "lang/sema/checked.h"

namespace dunlin::server {

struct Scenario {
  checked::Index entity = checked::none;
  /// Attribute whose moves from one sample to the next are counted: stored or derived, a whole number. Empty: none.
  std::string roll_rate;
  checked::Index field = checked::none, derived = checked::none;  // one of them
  std::vector<int64_t> dates;                                     // of samples, days since 1970-01-01
  int day_of_month = 0;                                           // samples on this day of each month (its last day where it is shorter), if no dates

  /// Dates of samples from one date to another, both included.
  std::vector<int64_t> samples(int64_t from, int64_t to) const;
};

/// The error is one sentence that begins with the file's name and the line.
std::expected<Scenario, std::string> load_scenario(const std::filesystem::path& bundle_folder, const checked::Program& program);

}  // namespace dunlin::server
