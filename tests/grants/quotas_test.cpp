// Quotas: the cap is never exceeded, the order is respected, nobody is granted twice.
#include "runtime/engine/requests.h"
#include "tests/grants/office.h"

namespace dunlin::grants_test {

namespace {

const char* const policy = R"(
bundle scarce "Scarce" { timezone Europe/Warsaw, currency PLN, calendar none, day starts 06:00 }
entity debtor { key id : text }
entity account of debtor { key id : text, overdue : money, worth : money }
parameter places : int = 4
quota filings places per calendar week by worth desc
strategy court "Court" for account {
  enrol when overdue > 0
  when overdue <= 0 : go settled
  stage waiting {
    on entry : request filings
    on filings.granted : go filed
  }
  stage filed { after 3 days : go waiting }
  final stage settled { enrol again when overdue > 0 }
}
)";

const Compiled& rules() {
  static const Compiled compiled(policy);
  return compiled;
}

/// Monday of the week in which an instant lies, as days since 1970.
int64_t week_of(int64_t date) { return date - (date + 3) % 7; }

}  // namespace

TEST_CASE("a quota grants the best first, up to its cap, anew in each period", "[grants]") {
  ON_BOTH_STORES();
  Office office(rules(), *place);  // a Monday
  for (int n = 1; n <= 9; ++n) {
    office.put_debtor(n);
    office.put(fmt::format("A-{}", n), n, 50, n);
  }
  office.night();
  for (int n = 1; n <= 9; ++n) CHECK(office.stage(fmt::format("A-{}", n)) == (n > 5 ? "court.filed" : "court.waiting"));
  office.put("A-5", 5, 0, 5);
  for (int day = 2; day <= 7; ++day) office.night();
  CHECK(office.by_status("quota").at("granted") == 4);
  CHECK(office.by_status("quota").at("withdrawn") == 1);
  office.night();  // the next Monday; the first four ask again, and are better
  CHECK(office.by_status("quota").at("granted") == 8);
  CHECK(office.stage("A-4") == "court.waiting");
  CHECK(office.entries("A-9", "court.filed") == 2);
}

TEST_CASE("requests that are alike are granted in the order in which they were asked", "[grants]") {
  ON_BOTH_STORES();
  Office office(rules(), *place);
  office.date += 6;  // a Sunday
  for (int n = 1; n <= 12; ++n) office.put_debtor(n);
  for (int n = 1; n <= 4; ++n) office.put(fmt::format("A-{}", n), n, 50, 9);
  office.night();
  CHECK(office.by_status("quota").at("granted") == 4);
  office.date -= 1;
  for (int n = 5; n <= 8; ++n) office.put(fmt::format("A-{}", n), n, 50, 5);
  office.night();
  for (int n = 9; n <= 12; ++n) office.put(fmt::format("A-{}", n), n, 50, 5);
  office.night();
  for (int n = 5; n <= 12; ++n) CHECK(office.stage(fmt::format("A-{}", n)) == (n <= 8 ? "court.filed" : "court.waiting"));
}

TEST_CASE("however accounts come and go, no week has more than its places, the best go first, and nobody is granted twice", "[grants]") {
  ON_BOTH_STORES();
  const char* wanted = std::getenv("DUNLIN_SIM_SEEDS");
  const int seeds = wanted == nullptr ? (kind == "memory" ? 12 : 1) : std::atoi(wanted);
  for (int seed = 1; seed <= seeds; ++seed) {
    INFO("seed " << seed);
    const auto own = store::test::make_place(kind);
    Office office(rules(), *own);
    Dice dice(static_cast<uint64_t>(seed));
    const bool fast = kind == "memory";
    const int count = fast ? 14 : 7, days = fast ? 24 : 9;
    std::vector<int64_t> overdue(static_cast<size_t>(count) + 1), worth(static_cast<size_t>(count) + 1);
    std::map<std::pair<int, Instant>, int64_t> worth_at;  // by account and night
    for (int n = 1; n <= count; ++n) office.put_debtor(n);
    std::set<int64_t> seen_granted;
    for (int day = 0; day < days; ++day) {
      for (int n = 1; n <= count; ++n) {
        if (!dice.one_in(day == 0 ? 1 : 5)) continue;
        overdue[static_cast<size_t>(n)] = dice.one_in(3) ? 0 : 50;
        worth[static_cast<size_t>(n)] = dice.below(4);
        office.put(fmt::format("A-{}", n), n, overdue[static_cast<size_t>(n)], worth[static_cast<size_t>(n)]);
      }
      const Instant now = office.now();
      for (int n = 1; n <= count; ++n) worth_at[{n, now}] = worth[static_cast<size_t>(n)];
      office.night();
      // What was granted this night comes before everything that is left waiting.
      const auto key = [&](const RequestRow& row) { return std::tuple(-worth_at.at({std::stoi(row.key.substr(2)), row.asked_at}), row.asked_at, row.id); };
      std::optional<std::tuple<int64_t, Instant, int64_t>> last_granted, first_waiting;
      std::map<int64_t, int> in_week;
      for (const RequestRow& row : office.requests("quota")) {
        if (row.status == "granted") {
          ++in_week[week_of(office.date - 1 - (now - row.decided_at + 12 * hour) / (24 * hour))];
          if (row.decided_at == now) {
            CHECK(seen_granted.insert(row.id).second);
            if (!last_granted || key(row) > *last_granted) last_granted = key(row);
          }
        }
        if (row.status == "open" && (!first_waiting || key(row) < *first_waiting)) first_waiting = key(row);
      }
      // Rows and history say the same of who waits.
      std::set<std::string> waiting;
      for (const RequestRow& row : office.requests("quota", "open")) waiting.insert(row.key);
      for (int n = 1; n <= (fast || day + 1 == days ? count : 0); ++n) {
        const std::string account = fmt::format("A-{}", n);
        const auto file = office.portfolio.case_of(account);
        const abi::Instance& instance = file->instance(file->find(engine::stable_id("account", account)));
        CHECK((engine::open_request(rules().program().requests[0], instance) != nullptr) == waiting.contains(account));
      }
      for (const auto& [week, granted] : in_week) CHECK(granted <= 4);
      if (last_granted && first_waiting) CHECK(*last_granted < *first_waiting);
      // Places are not left empty while somebody waits.
      if (first_waiting) CHECK(in_week[week_of(office.date - 1)] == 4);
    }
    int filed = 0;
    for (int n = 1; n <= count; ++n) filed += office.entries(fmt::format("A-{}", n), "court.filed");
    CHECK(filed == office.by_status("quota")["granted"]);
    CHECK(good(office.portfolio.store().quarantine(10)).empty());
  }
}

}  // namespace dunlin::grants_test
