// Adds up what steps did, by number; names are looked up once, at the end.
#pragma once

#include <map>
#include <tuple>

#include "runtime/simulate/night.h"

namespace dunlin::simulate {

class Tally {
 public:
  void add(const engine::CaseFile& case_file, const engine::StepResult& result);
  /// Case files that could not be read, and were set aside before a step.
  void add_unreadable(const std::string& why, int64_t count);
  void add(const Tally& other);
  NightReport report(const checked::Program& program) const;
  NightCounts counts;

 private:
  std::map<std::pair<int32_t, uint64_t>, int64_t> tasks_;                  // (queue, rule)
  std::map<std::tuple<int32_t, int32_t, uint64_t>, int64_t> transitions_;  // (from, to, rule)
  std::map<std::pair<std::string, std::string>, int64_t> faults_;          // (rule, message)
};

}  // namespace dunlin::simulate
