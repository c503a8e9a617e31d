// One short history in which much is asked for: nights, decisions of people, grants. Killed anywhere and run again it must come to the same end.
#include <cstdio>
#include <string>

#include "runtime/store/bulk.h"
#include "tests/grants/office.h"

namespace dunlin::grants_test {

namespace {

const char* const policy = R"(
bundle all_of_it "All of it" { timezone Europe/Warsaw, currency PLN, calendar none, day starts 06:00 }
entity debtor { key id : text }
entity account of debtor { key id : text, overdue : money, worth : money }
approval settlement(discount : decimal) { by leader, lapses after 3 days }
quota filings 2 per day by worth desc
allocation round { by worth, shares { north 60%, south 40% }, cap 200 per agency, split by debtor }
strategy soft "Soft" for account {
  enrol when overdue > 0
  when overdue <= 0 : go cured
  stage talks {
    on entry : ask settlement { discount: 10% }
    on settlement.approved : go queueing
    on settlement.declined, settlement.lapsed : go away
  }
  stage queueing { on entry : request filings, on filings.granted : go filed }
  stage filed { }
  stage away { on entry : place with round for 3 days, on round.placed : note "placed", on round.declined, round.ended : go talks }
  final stage cured { on entry : recall reason "paid" }
}
)";

/// Each thing in its order, and a note of the last one that was finished; what was under way when the lights went out is done again.
class Clerk {
 public:
  explicit Clerk(store::BulkConnection& notes) : notes_(notes) {
    good(notes_.run("create table if not exists public.finished (thing int)"));
    finished_ = std::atoi(good(notes_.value("select coalesce(max(thing), 0) from public.finished")).value_or("0").c_str());
  }
  template <class Work>
  void next(Work work) {
    if (++thing_ <= finished_) return;
    work();
    good(notes_.run("insert into public.finished values (" + std::to_string(thing_) + ")"));
  }

 private:
  store::BulkConnection& notes_;
  int thing_ = 0, finished_ = 0;
};

constexpr const char* contents[] = {
    "select bucket, id, status, agency, decided_at, decided_by, reason, until, over_at from dunlin.request order by 1, 2",
    "select k.key, n.name from dunlin.state s join dunlin.instance_key k on k.id = s.instance_id left join dunlin.name n on n.id = s.stage order by 1",
    "select bucket, case_id, at, n.name, source, external_id from dunlin.event e join dunlin.name n on n.id = e.type order by 1, 2, 3, 4, 6",
    "select bucket, case_id, at, n.name, rule from dunlin.transition t left join dunlin.name n on n.id = t.to_stage order by 1, 2, 3, 4",
    "select name, decided_at, count(*) from dunlin.request where status = 'granted' group by 1, 2 order by 1, 2",
    "select count(*) from dunlin.inbox",
    "select count(*) from dunlin.audit where action in ('approve', 'decline')"};

class Given final : public store::test::Place {
 public:
  explicit Given(std::string url) : url_(std::move(url)) {}
  std::unique_ptr<store::Store> open() override { return store::test::open_at(url_); }
  std::string url() const override { return url_; }

 private:
  std::string url_;
};

}  // namespace

TEST_CASE("the history", "[.history]") {
  const char* url = std::getenv("DUNLIN_CRASH_URL");
  REQUIRE(url != nullptr);
  const Compiled rules(policy);
  Given place(url);
  Office office(rules, place);
  const auto notes = good(store::BulkConnection::open(url));
  Clerk clerk(*notes);
  const int64_t first = office.date;
  clerk.next([&] {
    for (int n = 1; n <= 8; ++n) {
      office.put_debtor(n);
      office.put(fmt::format("A-{}", n), n, 50, 30 + 7 * (n % 5));
    }
  });
  for (int day = 0; day < 7; ++day) {
    office.date = first + day;
    if (day == 3) clerk.next([&] { office.put("A-6", 6, 0, 30); });
    clerk.next([&] { good(simulate::run_nights(office.portfolio.store(), rules.night(), office.date, office.date, {})); });
    clerk.next([&] {
      for (const RequestRow& row : office.requests("approval", "open")) {
        const int n = std::stoi(row.key.substr(2));
        if (n % 4 == 0) continue;  // nobody looks at these
        good(office.portfolio.store().decide(rules.program(),
                                             {.request = row.id, .approve = n % 3 != 0, .who = "lena", .reason = "", .at = office.now() + hour}));
      }
    });
  }
  const auto connection = good(store::BulkConnection::open(url));
  for (const char* query : contents) {
    const auto all = good(connection->value(std::string("select string_agg(r::text, e'\\n') from (") + query + ") r"));
    std::printf("%s\n--\n", all.value_or("").c_str());
  }
}

}  // namespace dunlin::grants_test
