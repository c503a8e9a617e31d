// Allocations: shares over time, caps, whole debtors, no agency twice.
#include <cmath>

#include "compiler/abi/arena.h"
#include "runtime/engine/grants.h"
#include "tests/grants/office.h"

namespace dunlin::grants_test {

namespace {

const char* const policy = R"(
bundle placed "Placed" { timezone Europe/Warsaw, currency PLN, calendar none, day starts 06:00 }
entity debtor { key id : text }
entity account of debtor { key id : text, overdue : money, worth : money }
event complaint of account { }
event promise of account { }
allocation first_round {
  by worth
  shares { north 50%, south 30%, east 20% }
  cap 900 per agency
  never same agency twice per debtor
  split by debtor
}
strategy agencies "Agencies" for account {
  enrol when overdue > 0
  when overdue <= 0 : go home
  stage waiting {
    on entry : place with first_round for 10 days
    on first_round.placed : go away
    on first_round.declined : go nobody
  }
  stage away {
    on promise : extend placement 5 days
    on complaint : recall reason "complaint"
    on first_round.ended, first_round.recalled : go pause
    when overdue > 100_000 : go nobody
  }
  stage pause { after 3 days : go waiting }
  stage nobody { after 300 days : go waiting }
  final stage home { on entry : recall reason "paid", enrol again when overdue > 0 }
}
)";

const Compiled& rules() {
  static const Compiled compiled(policy);
  return compiled;
}

}  // namespace

TEST_CASE("a placement has an agency, an end, can be extended and recalled", "[grants]") {
  ON_BOTH_STORES();
  Office office(rules(), *place);
  office.put_debtor(1);
  office.put("A-1", 1, 50, 100);
  const Instant first = office.now();
  office.night();
  CHECK(office.stage("A-1") == "agencies.away");
  auto rows = office.requests("allocation", "placed");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].agency == "north");
  CHECK(rows[0].amount == 100'00);
  CHECK(rows[0].until == first + 10 * 24 * hour);
  office.portfolio.post("promise", "account", "A-1", "D-1", {}, office.now());
  office.night();
  CHECK(office.requests("allocation", "placed").at(0).until == first + 15 * 24 * hour);
  for (int day = 2; day < 15; ++day) office.night();
  CHECK(office.stage("A-1") == "agencies.away");
  office.night();
  CHECK(office.stage("A-1") == "agencies.pause");
  CHECK(office.by_status("allocation") == std::map<std::string, int>{{"ended", 1}});
  for (int day = 0; day < 3; ++day) office.night();
  CHECK(office.requests("allocation", "placed").at(0).agency == "south");  // not north again
  office.portfolio.post("complaint", "account", "A-1", "D-1", {}, office.now());
  office.night();
  CHECK(office.by_status("allocation").at("recalled") == 1);
  CHECK(office.requests("allocation", "recalled").at(0).reason == "complaint");
  for (int day = 0; day < 3; ++day) office.night();
  CHECK(office.requests("allocation", "placed").at(0).agency == "east");
  for (int day = 0; day < 14; ++day) office.night();
  CHECK(office.stage("A-1") == "agencies.nobody");  // everybody has had it
  CHECK(office.by_status("allocation").at("declined") == 1);
}

TEST_CASE("caps hold, debtors stay together and meet nobody twice, however accounts come and go", "[grants]") {
  ON_BOTH_STORES();
  const char* wanted = std::getenv("DUNLIN_SIM_SEEDS");
  const int seeds = wanted == nullptr ? (kind == "memory" ? 10 : 1) : std::atoi(wanted);
  for (int seed = 1; seed <= seeds; ++seed) {
    INFO("seed " << seed);
    const auto own = store::test::make_place(kind);
    Office office(rules(), *own);
    Dice dice(static_cast<uint64_t>(seed));
    const bool fast = kind == "memory";
    const int debtors = fast ? 10 : 4, accounts = fast ? 18 : 7, days = fast ? 40 : 10;
    for (int n = 1; n <= debtors; ++n) office.put_debtor(n);
    for (int day = 0; day < days; ++day) {
      for (int a = 1; a <= accounts; ++a) {
        if (!dice.one_in(day == 0 ? 2 : 9)) continue;
        office.put(fmt::format("A-{}", a), a % debtors + 1, dice.one_in(3) ? 0 : 50, 20 + dice.below(200));
      }
      if (dice.one_in(3)) {
        const int a = static_cast<int>(dice.below(accounts)) + 1;
        if (office.portfolio.store().load_case(rules().program(), "account", fmt::format("A-{}", a), std::nullopt)) {
          office.portfolio.post(dice.one_in(2) ? "complaint" : "promise", "account", fmt::format("A-{}", a), fmt::format("D-{}", a % debtors + 1), {},
                                office.now());
        }
      }
      office.night();
      std::map<std::string, int64_t> standing;
      std::map<std::string, std::set<std::string>> with;  // by debtor, standing
      for (const RequestRow& row : office.requests("allocation")) {
        if (row.status != "placed") continue;
        standing[row.agency] += row.amount;
        const int debtor = std::stoi(row.key.substr(2)) % debtors;
        with[std::to_string(debtor)].insert(row.agency);
      }
      for (const auto& [agency, amount] : standing) CHECK(amount <= 900'00);
      for (const auto& [debtor, agencies] : with) CHECK(agencies.size() == 1);
    }
    // In the whole story an agency has a debtor for one stretch of time.
    std::map<std::pair<int, std::string>, std::vector<std::pair<Instant, Instant>>> had;
    for (const RequestRow& row : office.requests("allocation")) {
      if (row.agency.empty() || row.status == "withdrawn") continue;
      had[{std::stoi(row.key.substr(2)) % debtors, row.agency}].push_back({row.decided_at, row.over_at});
    }
    for (auto& [whom, stretches] : had) {
      std::ranges::sort(stretches);
      Instant end = stretches.front().second;
      for (const auto& [from, to] : stretches) {
        CHECK(from <= end);
        end = std::max(end, to);
      }
    }
  }
}

TEST_CASE("shares are kept over time: nobody is ahead of its share by more than one amount", "[grants]") {
  abi::Arena arena;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    Dice dice(seed);
    // A program with other shares and no exclusions.
    const int64_t a = 5 + dice.below(50), b = 5 + dice.below(40);
    static std::map<std::pair<int64_t, int64_t>, std::unique_ptr<Compiled>> compiled;
    if (seed <= 8) {
      compiled[{a, b}] = std::make_unique<Compiled>(fmt::format(R"(
bundle shared "Shared" {{ timezone UTC, currency EUR, calendar none, day starts 06:00 }}
entity account {{ key id : text, overdue : money }}
allocation round {{ by overdue, shares {{ a {}%, b {}%, c {}% }} }}
strategy s "S" for account {{
  enrol when overdue > 0
  stage waiting {{ on entry : place with round, on round.placed : go away, on round.declined : go away }}
  stage away {{ after 300 days : go waiting }}
}}
)",
                                                                a, b, 100 - a - b));
    }
    auto chosen = compiled.begin();
    std::advance(chosen, dice.below(static_cast<int64_t>(compiled.size())));
    const Compiled& world = *chosen->second;
    const auto passes =
        engine::grant_passes(world.program(), world.evaluator(), world.calendar(), world.settings(), world.day_start(sim_test::date_of(2026, 3, 2)));
    REQUIRE(passes.has_value());
    std::map<std::string, int64_t> ever;
    int64_t all = 0, largest = 0, id = 0;
    for (int pass = 0; pass < 30; ++pass) {
      std::vector<engine::WaitingRequest> waiting;
      for (int64_t n = dice.below(6); n > 0; --n) {
        ++id;
        waiting.push_back({.id = id, .case_file = id, .instance = id, .asked_at = pass, .order = {}, .amount = 1 + dice.below(1000), .length = 0});
      }
      std::vector<engine::AgencyTotal> totals;
      for (const auto& [agency, amount] : ever) totals.push_back({agency, amount, amount});
      const auto grants = passes->front().place(waiting, totals, {});
      REQUIRE(grants.size() == waiting.size());
      for (const engine::Grant& grant : grants) {
        ever[grant.agency] += grant.amount;
        all += grant.amount;
        largest = std::max(largest, grant.amount);
        for (const auto& share : world.program().requests[0].shares) {
          const double ahead = static_cast<double>(ever[share.name]) - static_cast<double>(share.share) / 1e6 * static_cast<double>(all);
          CHECK(ahead <= static_cast<double>(largest));
          CHECK(ahead >= -2.0 * static_cast<double>(largest));  // what two others are ahead
        }
      }
    }
  }
}

}  // namespace dunlin::grants_test
