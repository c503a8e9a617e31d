// Runs every case below good/ and bad/ on the built `dunlin`. DUNLIN_RECORD=1 writes down what it says now; the difference is read in review.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "tests/golden/golden_case.h"

namespace fs = std::filesystem;
using namespace dunlin;

namespace {

std::vector<fs::path> cases_below(const fs::path& folder) {
  std::vector<fs::path> cases;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".golden") cases.push_back(entry.path());
  }
  std::sort(cases.begin(), cases.end());
  return cases;
}

void check_case(const fs::path& file) {
  auto expected = golden::read_case(file);
  auto ran = golden::run_case(expected, DUNLIN_COMMAND);
  if (std::getenv("DUNLIN_RECORD")) {
    expected.commands = ran;
    std::ofstream(file, std::ios::binary) << golden::write_case(expected);
    return;
  }
  for (size_t i = 0; i < ran.size(); ++i) {
    INFO(file.string() << "\n$ " << ran[i].line);
    CHECK(ran[i].output == expected.commands[i].output);
    CHECK(ran[i].exit_code == expected.commands[i].exit_code);
  }
}

}  // namespace

TEST_CASE("good input: done, exit 0") {
  auto cases = cases_below(fs::path(DUNLIN_SOURCE_DIR) / "tests/golden/good");
  REQUIRE_FALSE(cases.empty());
  for (const auto& file : cases) {
    DYNAMIC_SECTION(file.stem().string()) {
      check_case(file);
      for (const auto& command : golden::read_case(file).commands) CHECK(command.exit_code == 0);
    }
  }
}

TEST_CASE("bad input: what is wrong, where, what to do; the exit code says whose mistake it is; no trace of the machinery") {
  auto cases = cases_below(fs::path(DUNLIN_SOURCE_DIR) / "tests/golden/bad");
  REQUIRE_FALSE(cases.empty());
  for (const auto& file : cases) {
    DYNAMIC_SECTION(file.stem().string()) {
      check_case(file);
      auto commands = golden::read_case(file).commands;
      CHECK(std::any_of(commands.begin(), commands.end(), [](const auto& command) { return command.exit_code >= 1 && command.exit_code <= 3; }));
      for (const auto& command : commands) {
        CHECK(command.exit_code <= 3);
        for (auto word : {"std::", "terminate called", "SQLSTATE", "ERROR:  ", "pqxx", "libpq", "Assertion", "Segmentation", "toml::"}) {
          INFO(word);
          CHECK(command.output.find(word) == std::string::npos);
        }
      }
    }
  }
}

TEST_CASE("a case file is written as it was read") {
  for (auto folder : {"good", "bad"}) {
    for (const auto& file : cases_below(fs::path(DUNLIN_SOURCE_DIR) / "tests/golden" / folder)) {
      std::ifstream stream(file, std::ios::binary);
      std::string text(std::istreambuf_iterator<char>(stream), {});
      INFO(file.string());
      CHECK(golden::write_case(golden::read_case(file)) == text);
    }
  }
}
