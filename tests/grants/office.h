// A portfolio of accounts that want what is scarce, on either store.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "tests/sim/world.h"
#include "tests/store/office.h"

namespace dunlin::grants_test {

using engine::Instant;
using sim_test::Compiled;
using sim_test::Dice;
using sim_test::Portfolio;
using store::RequestRow;
using store::test::good;

constexpr Instant hour = 3600 * 1'000'000LL;

/// Account A-n of debtor D-n.
struct Office {
  Office(const Compiled& rules, store::test::Place& place)
      : compiled(rules), portfolio(rules, place.open(), Portfolio::InNew{}), date(sim_test::date_of(2026, 3, 2)) {}

  void put_debtor(int n) { portfolio.put("debtor", fmt::format("D-{}", n), fmt::format("D-{}", n), "", {}, now()); }
  void put(const std::string& account, int debtor, int64_t overdue, int64_t worth) {
    const std::string of = fmt::format("D-{}", debtor);
    portfolio.put("account", account, of, of, {{"overdue", overdue * 100}, {"worth", worth * 100}}, now());
  }
  /// The night of `date`; then the next day.
  simulate::NightReport night() {
    auto report = portfolio.night(date, {});
    ++date;
    return report;
  }
  Instant now() const { return compiled.day_start(date); }
  std::vector<RequestRow> requests(const std::string& kind, const std::string& status = "") { return good(portfolio.store().requests(kind, status, 100'000)); }
  std::map<std::string, int> by_status(const std::string& kind) {
    std::map<std::string, int> found;
    for (const RequestRow& row : requests(kind)) ++found[row.status];
    return found;
  }
  std::string stage(const std::string& account) { return portfolio.stage_of(account); }
  /// How often an account went into this stage.
  int entries(const std::string& account, const std::string& into) {
    const auto way = good(portfolio.store().transitions("account", account));
    return static_cast<int>(std::ranges::count(way, into, &store::TransitionRow::to));
  }

  const Compiled& compiled;
  Portfolio portfolio;
  int64_t date;
};

}  // namespace dunlin::grants_test
