#include <catch2/catch.hpp>
#include <iostream>

#include "tests/bench/night.h"

using namespace dunlin::bench;

namespace {

struct Expected {
  size_t accounts;
  Checks checks;
};

/// Facts of the workload: any engine that does the work comes to these sums.
const Expected expected[] = {
    {100, {2189305663, 1897446511, 77, 4388, {23, 27, 30, 16, 3, 1}}},
    {1'000, {181650386092, 148706351658, 677, 38910, {323, 252, 272, 106, 14, 33}}},
    {10'000, {1917953281909, 1596310248453, 6881, 400099, {3119, 2630, 2648, 1146, 131, 326}}},
    {100'000, {19023129499017, 15612681812493, 67940, 3933841, {32060, 25477, 26980, 10954, 1355, 3174}}},
};

const Night& night() {
  static const auto loaded = [] {
    auto made = Night::load(std::string(DUNLIN_SOURCE_DIR) + "/strategies/reference_night", std::string(DUNLIN_SOURCE_DIR) + "/stdlib");
    if (!made) {
      std::cerr << made.error();
      std::abort();
    }
    return std::move(*made);
  }();
  return *loaded;
}

}  // namespace

TEST_CASE("the hand-written twins come to the workload's sums") {
  for (const auto& [accounts, checks] : expected) {
    const auto columns = generate(accounts);
    std::vector<Decision> by_row(accounts);
    run_row(as_accounts(columns), by_row);
    CHECK(check(columns, by_row) == checks);
    DecisionColumns by_column(accounts);
    run_columnar(columns, by_column);
    CHECK(check(columns, by_column) == checks);
  }
}

TEST_CASE("an account is the same in every portfolio") {
  const auto whole = generate(50);
  const auto part = generate(10, 21);
  for (size_t i = 0; i < 10; ++i) CHECK(part.balance[i] == whole.balance[i + 20]);
}

TEST_CASE("the kernel comes to the workload's sums") {
  for (const auto& [accounts, checks] : expected) {
    const auto columns = generate(accounts);
    const auto typed = night().kernel_columns(columns);
    night().run_kernel(*typed);
    DecisionColumns decisions(accounts);
    night().read_decisions(*typed, decisions);
    CHECK(check(columns, decisions) == checks);
  }
}

TEST_CASE("native code a row and the interpreter come to the workload's sums") {
  for (const auto& [accounts, checks] : expected) {
    if (accounts > 10'000) continue;  // the interpreter takes its time
    const auto columns = generate(accounts);
    DecisionColumns decisions(accounts);
    night().run_native_rows(columns, decisions);
    CHECK(check(columns, decisions) == checks);
    if (accounts > 1'000) continue;
    DecisionColumns interpreted(accounts);
    night().run_interpreter(columns, interpreted);
    CHECK(check(columns, interpreted) == checks);
  }
}

TEST_CASE("the kernel works in vector registers, without branches and without calls") {
  const auto listing = night().kernel_listing();
  REQUIRE(listing);
  const auto count = [&](const std::string& word) {
    size_t found = 0;
    for (size_t at = listing->find(word); at != std::string::npos; at = listing->find(word, at + 1)) ++found;
    return found;
  };
  CHECK(count("select <") > 50);
  CHECK(count("icmp") > 50);
  CHECK(count("extractelement") == 0);  // nothing is done lane by lane
#ifdef __x86_64__
  CHECK(count("mm") > 100);  // xmm, ymm or zmm registers, by machine
#endif
  CHECK(count("idiv") == 0);
  CHECK(count("\tcall") == 0);
  CHECK(count("br i1") <= 2);  // into the loop, and back
}
