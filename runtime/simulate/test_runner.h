// Runs the tests that stand beside the rules (`test "…" { given … at … : expect … }`) and says what they covered.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/evaluator.h"
#include "runtime/engine/step.h"
#include "runtime/simulate/recorder.h"

namespace dunlin::simulate {

using engine::Instant;

/// An expectation that was not met.
struct TestFailure {
  Span where;            // of the expectation, or of the step that could not be taken
  std::string expected;  // "stage soft.calling"
  std::string found;     // "stage soft.reminder"
  Instant at = 0;
};
struct TestResult {
  std::string title;
  Span where;
  int64_t expectations = 0;
  std::vector<TestFailure> failures;
  /// Of a property: `for any account …`.
  struct Tried {
    int64_t fitting = 0, unfit = 0;  // cases that were judged; cases that `where` or a range left out
    std::string smallest;            // the smallest case that fails, as an ordinary test; empty if none does
  };
  std::optional<Tried> tried;
  bool passed() const { return failures.empty(); }
};

/// What the tests reached.
struct RuleCoverage {
  std::string strategy, stage, name;  // strategy and stage are empty for `always`
  Span where;
  uint64_t key = 0;
  int64_t tried = 0, fired = 0;
};
struct StageCoverage {
  std::string name;  // "soft.calling"
  Span where;
  int64_t entered = 0;
};
struct TableRowCoverage {
  std::string table;
  int64_t row = 0;  // from 1, as written; 0: otherwise
  Span where;
  int64_t hits = 0;
};
struct OutcomeCoverage {
  std::string name;  // "call.reached.debtor.promises"
  Span where;
  int64_t happened = 0, handled = 0;
};
struct Coverage {
  std::vector<RuleCoverage> rules;
  std::vector<StageCoverage> stages;
  std::vector<TableRowCoverage> rows;  // empty without a tracer
  std::vector<OutcomeCoverage> outcomes;
};
struct TestReport {
  std::vector<TestResult> results;
  Coverage coverage;
  int64_t failed() const;
};

struct TestOptions {
  /// Evaluates instead of the evaluator and tells which rows of tables were hit. May be null.
  const Interpreter* tracer = nullptr;
  /// Runs only tests whose title contains this.
  std::string title_contains;
  /// Properties: how many cases each is tried on, and what they are drawn from. The same seed gives the same cases.
  int64_t tries = 100;
  uint64_t seed = 1;
};

TestReport run_tests(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, const TestOptions& options = {});

}  // namespace dunlin::simulate
