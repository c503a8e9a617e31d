// Every policy is without a warning, passes its own tests on both backends, and its tests reach every rule, stage and table row.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
const fs::path source_dir = DUNLIN_SOURCE_DIR;
const fs::path policies = source_dir / "strategies/policies";

struct Ran {
  int exit_code;
  std::string output;
};

Ran run(const std::string& arguments) {
  std::string output;
  FILE* pipe = popen((std::string(DUNLIN_COMMAND) + " " + arguments + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 65536> buffer;
  while (const size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), n);
  const int status = pclose(pipe);
  return {WEXITSTATUS(status), output};
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<fs::path> bundles() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(policies)) {
    if (entry.is_directory()) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

TEST_CASE("there are twelve policies, each with its number") {
  const auto all = bundles();
  REQUIRE(all.size() == 12);
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string name = all[i].filename().string();
    CHECK(std::stoul(name.substr(0, 2)) == i + 1);
  }
}

TEST_CASE("every policy is without a warning") {
  for (const fs::path& bundle : bundles()) {
    const Ran checked = run("check --json " + bundle.string());
    INFO(checked.output);
    REQUIRE(checked.exit_code == 0);
    const json said = json::parse(checked.output);
    CHECK(said.at("errors") == 0);
    CHECK(said.at("warnings") == 0);
  }
}

TEST_CASE("every policy passes its tests, and they reach all of it") {
  for (const fs::path& bundle : bundles()) {
    const Ran tested = run("test --coverage --json " + bundle.string());
    INFO(bundle.filename().string() << "\n" << tested.output);
    REQUIRE(tested.exit_code == 0);
    const json said = json::parse(tested.output);
    CHECK(said.at("tests") >= 8);
    CHECK(said.at("failed") == 0);
    CHECK(said.at("disagreements") == 0);
    for (const char* kind : {"rules", "stages", "table_rows"}) {
      INFO(kind);
      CHECK(said.at("coverage").at(kind).at("reached") == said.at("coverage").at(kind).at("all"));
    }
  }
}
