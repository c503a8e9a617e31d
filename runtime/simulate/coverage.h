// Counts what a run of tests reached.
#pragma once

#include <unordered_map>

#include "runtime/simulate/test_runner.h"

namespace dunlin::simulate {

class CoverageCounter final : public engine::StepListener {
 public:
  explicit CoverageCounter(const checked::Program& program);
  void rule_tried(int32_t instance, const checked::Rule& rule, checked::RootId condition, bool held) override;
  void rule_fired(int32_t instance, const checked::Rule& rule) override;
  void stage_entered(int32_t instance, int32_t stage) override;
  void events(const engine::StepResult& result);
  void rows(const Trace& trace);
  Coverage take(bool with_rows);

 private:
  void add_rules(const std::vector<checked::Rule>& rules, const std::string& strategy, const std::string& stage);
  const checked::Program& program_;
  Coverage coverage_;
  std::unordered_map<uint64_t, size_t> rule_at_;
  std::vector<size_t> first_row_;   // by table
  std::vector<size_t> outcome_at_;  // by event type
};

}  // namespace dunlin::simulate
