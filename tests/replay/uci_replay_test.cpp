// The main job on real input: 30,000 card accounts over six months. The roll rates that `dunlin run` reports come from the engine's view of
// each account (an attribute over its history); here they are counted straight from the raw file, and the two must be equal.
#include <fmt/format.h>

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

namespace {

namespace fs = std::filesystem;
const fs::path source_dir = DUNLIN_SOURCE_DIR;
const fs::path raw_file = source_dir / "../shared/data/uci_credit_default/credit_default.csv";

struct Ran {
  int exit_code;
  std::string output;
};

Ran run(const std::string& command) {
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 65536> buffer;
  while (size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), n);
  const int status = pclose(pipe);
  return {WEXITSTATUS(status), output};
}

/// months late now -> next month -> share, rounded to three places; and how many moves start there.
struct RollRates {
  std::map<int, std::map<int, double>> share;
  std::map<int, int> count;
};

RollRates count_raw() {
  std::ifstream file(raw_file);
  std::string line;
  std::getline(file, line);
  std::map<int, std::map<int, int>> moves;
  while (std::getline(file, line)) {
    std::vector<int> columns;
    std::stringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) columns.push_back(std::atoi(cell.c_str()));
    // X6 (September) … X11 (April) are columns 6 … 11; read them oldest first.
    for (int x = 11; x > 6; --x) ++moves[std::max(0, columns[static_cast<size_t>(x)])][std::max(0, columns[static_cast<size_t>(x - 1)])];
  }
  RollRates rates;
  for (const auto& [from, row] : moves) {
    for (const auto& [to, n] : row) rates.count[from] += n;
    for (const auto& [to, n] : row) rates.share[from][to] = std::round(1000.0 * n / rates.count[from]) / 1000.0;
  }
  return rates;
}

}  // namespace

TEST_CASE("roll rates of the replay equal those of the raw file") {
  if (!fs::exists(raw_file)) {
    WARN("skipped: ../shared/data/uci_credit_default/credit_default.csv is not there");
    return;
  }
  const RollRates expected = count_raw();
  // The table published with the data: a check of the counting above.
  CHECK(expected.share.at(0).at(0) == Approx(0.939));
  CHECK(expected.share.at(2).at(0) == Approx(0.253));
  CHECK(expected.share.at(6).at(7) == Approx(0.714));
  CHECK(expected.share.at(7).at(8) == Approx(0.110));

  const fs::path work = fs::temp_directory_path() / fmt::format("dunlin_replay_{}", getpid());
  fs::create_directories(work);
  fs::permissions(work, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  const std::string dunlin = DUNLIN_COMMAND;
  const std::string bundle = (source_dir / "strategies/card_collections").string();
  const std::string data = "--data " + (work / "data").string();
  const Ran import = run(fmt::format("{} import {} {} --mapping {}/uci_credit_default.toml {} --json", dunlin, bundle, raw_file.string(), bundle, data));
  INFO(import.output);
  REQUIRE(import.exit_code == 0);
  const Ran replay = run(fmt::format("{} run {} --from 2005-04-01 --to 2005-09-30 {} --json", dunlin, bundle, data));
  INFO(replay.output.substr(0, 4000));
  REQUIRE(replay.exit_code == 0);
  const auto report = nlohmann::json::parse(replay.output);
  const auto& rates = report.at("roll_rates");
  CHECK(rates.size() == expected.share.size());
  for (const auto& [from, row] : expected.share) {
    const auto& found = rates.at(std::to_string(from));
    CHECK(found.size() == row.size());
    for (const auto& [to, share] : row) {
      INFO(from << " -> " << to);
      CHECK(found.at(std::to_string(to)).get<double>() == Approx(share).margin(1e-9));
    }
  }
  fs::remove_all(work);
}
