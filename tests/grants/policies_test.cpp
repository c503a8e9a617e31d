// The policies that ask for approvals and placements pass their own tests.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <sstream>

#include "runtime/simulate/test_runner.h"
#include "tests/sim/world.h"

namespace dunlin::grants_test {

TEST_CASE("bundles that ask pass their own tests", "[grants]") {
  std::vector<std::string> folders = {"strategies/policies/07_restructuring", "strategies/policies/09_agencies"};
  if (const char* more = std::getenv("DUNLIN_GRANTS_BUNDLES")) {
    std::istringstream list(more);
    for (std::string folder; std::getline(list, folder, ':');) folders.push_back(folder);
  }
  for (const std::string& folder : folders) {
    INFO(folder);
    const sim_test::Compiled compiled = sim_test::Compiled::folder(folder);
    const auto report = simulate::run_tests(compiled.program(), compiled.evaluator(), compiled.calendar(), {.tracer = &compiled.evaluator()});
    CHECK_FALSE(report.results.empty());
    for (const auto& result : report.results) {
      for (const auto& failure : result.failures)
        FAIL_CHECK(result.title << ", " << compiled.source_map().locate(failure.where) << ": expected " << failure.expected << ", found " << failure.found);
    }
    if (!folder.starts_with("strategies/")) continue;
    for (const auto& rule : report.coverage.rules) {
      if (rule.fired == 0) FAIL_CHECK("no test reaches the rule `" << rule.name << "` at " << compiled.source_map().locate(rule.where));
    }
  }
}

}  // namespace dunlin::grants_test
