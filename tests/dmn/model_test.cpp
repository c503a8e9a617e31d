// DMN models with the results that they must give, computed by both backends: every hit policy, every construct that is imported.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lang/tables/dmn.h"
#include "server/tables/trial.h"

using namespace dunlin;
namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("models give what their test cases expect") {
  const fs::path folder = fs::path(DUNLIN_SOURCE_DIR) / "tests/dmn/models";
  size_t models = 0, compared = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".dmn") continue;
    ++models;
    INFO(entry.path().filename().string());
    const auto model = tables::dmn::read_model(read(entry.path()));
    REQUIRE(model);
    const auto translation = tables::translate(*model);
    for (const auto& problem : translation.refused) UNSCOPED_INFO(problem.place << ": " << problem.reason);
    CHECK(translation.refused.empty());
    const auto cases = tables::read_test_cases(read(folder / (entry.path().stem().string() + "-test-01.xml")));
    REQUIRE(cases);
    const auto lines = server::try_tables(translation, *cases, fs::path(DUNLIN_SOURCE_DIR) / "stdlib");
    if (!lines) UNSCOPED_INFO(lines.error());
    REQUIRE(lines);
    for (const auto& line : *lines) {
      INFO("case " << line.test << ", " << line.decision << ": expected " << line.expected << ", interpreter " << line.interpreted << ", native " << line.native
                   << " " << line.reason);
      CHECK(line.outcome == server::TrialLine::Outcome::equal);
      ++compared;
    }
  }
  CHECK(models >= 5);
  CHECK(compared > 200);
}

TEST_CASE("a wrong expectation is seen") {
  const fs::path folder = fs::path(DUNLIN_SOURCE_DIR) / "tests/dmn/models";
  const auto model = tables::dmn::read_model(read(folder / "hit_policies.dmn"));
  auto cases = tables::read_test_cases(read(folder / "hit_policies-test-01.xml"));
  REQUIRE(cases);
  for (auto& one : *cases) {
    for (auto& expected : one.expected) {  // every list one item longer, every null a value, every value another
      auto& value = expected.value;
      if (value.shape == tables::TestValue::Shape::list) {
        value.items.emplace_back();
      } else if (value.shape == tables::TestValue::Shape::record) {
        value.fields.front().second = {tables::TestValue::Shape::scalar, "otherwise", {}, {}};
      } else {
        value = {tables::TestValue::Shape::scalar, "otherwise", {}, {}};
      }
    }
  }
  const auto lines = server::try_tables(tables::translate(*model), *cases, fs::path(DUNLIN_SOURCE_DIR) / "stdlib");
  REQUIRE(lines);
  CHECK(std::none_of(lines->begin(), lines->end(), [](const auto& line) { return line.outcome == server::TrialLine::Outcome::equal; }));
}
