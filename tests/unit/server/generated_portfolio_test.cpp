// The generated portfolio follows the figures it was made from, and is the same wherever it is made.
#include "server/import/generated_portfolio.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <map>

using namespace dunlin;

namespace {

struct Portfolio {
  std::vector<std::string> lines;
  std::map<std::string, std::vector<int>> late;  // account -> months late by statement
  int64_t calls = 0, reached = 0, late_months = 0;
  double debt = 0, recovered = 0;  // of months in which an account is one to three months late
};

Portfolio make(const import::GeneratedOptions& options) {
  auto source = import::generate_portfolio(options);
  auto at = [&](const import::Row& row, const char* column) { return row.cells[static_cast<size_t>(source->header().find(column))]; };
  Portfolio portfolio;
  import::Row row;
  import::Rejection rejection;
  double billed = 0;
  int state = 0;
  while (source->next(row, rejection) == import::RowSource::Next::row) {
    portfolio.lines.push_back(import::row_text(row));
    if (at(row, "row") == "statement") {
      state = std::max(0, std::stoi(at(row, "months_late")));
      billed = std::stod(at(row, "billed"));
      bool last = static_cast<int>(portfolio.late[at(row, "account")].size()) + 1 == options.months;
      portfolio.late[at(row, "account")].push_back(state);
      if (state >= 1 && state <= 3 && !last) {
        ++portfolio.late_months;
        portfolio.debt += billed;
      }
    }
    bool early = state >= 1 && state <= 3;
    if (at(row, "row") == "payment" && early) portfolio.recovered += std::stod(at(row, "amount"));
    if (at(row, "row") == "call" && early) {
      ++portfolio.calls;
      auto outcome = at(row, "outcome");
      if (outcome == "promises" || outcome == "refuses") ++portfolio.reached;
    }
  }
  return portfolio;
}

}  // namespace

TEST_CASE("account n is the same in a small and in a large portfolio; another seed is another portfolio") {
  auto small = make({.accounts = 50, .seed = 3});
  auto large = make({.accounts = 200, .seed = 3});
  REQUIRE(large.lines.size() > small.lines.size());
  CHECK(std::equal(small.lines.begin(), small.lines.end(), large.lines.begin()));
  CHECK(make({.accounts = 50, .seed = 4}).lines != small.lines);
}

TEST_CASE("moves between months late follow the table") {
  auto portfolio = make({.accounts = 30'000, .seed = 1});
  std::array<std::array<double, 9>, 9> moves{};
  std::array<double, 9> from{};
  for (const auto& [account, late] : portfolio.late) {
    REQUIRE(late.size() == 6);
    for (size_t i = 0; i + 1 < late.size(); ++i) {
      ++moves[static_cast<size_t>(late[i])][static_cast<size_t>(late[i + 1])];
      ++from[static_cast<size_t>(late[i])];
    }
  }
  auto share = [&](size_t a, size_t b) { return moves[a][b] / from[a]; };
  CHECK(share(0, 0) == Approx(0.939).margin(0.003));
  CHECK(share(0, 2) == Approx(0.047).margin(0.003));
  CHECK(share(2, 0) == Approx(0.253).margin(0.012));
  CHECK(share(2, 2) == Approx(0.580).margin(0.012));
  CHECK(share(3, 4) == Approx(0.257).margin(0.04));
}

TEST_CASE("recovery, calls and contacts follow the figures of early arrears") {
  auto portfolio = make({.accounts = 30'000, .seed = 1});
  CHECK(portfolio.recovered / portfolio.debt * 12 == Approx(0.295).margin(0.02));
  CHECK(static_cast<double>(portfolio.calls) / static_cast<double>(portfolio.late_months) * 12 == Approx(41).margin(0.8));
  CHECK(static_cast<double>(portfolio.reached) / static_cast<double>(portfolio.calls) == Approx(0.068).margin(0.004));
}
