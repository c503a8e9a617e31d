// One short history of an office: import, events, nights. Killed anywhere and run again it must come to the same end.
// crash_night URL: does what is left to do and prints what the database holds in the end.
#include <cstdio>
#include <string>

#include "runtime/store/bulk.h"
#include "tests/judge/judge.h"
#include "tests/store/office.h"

namespace dunlin::store::test {

namespace {

std::vector<EventRow> events_of(Office& office) {
  std::vector<EventRow> events;
  for (int n = 1; n <= 12; n += 2) {
    const std::string number = std::to_string(n);
    events.push_back(office.payment("D-" + number, "A-" + number, on(1 + n % 5, 12), "p" + number));
  }
  events.push_back(office.complaint("D-4", on(3), "c4"));
  return events;
}

/// What a clerk would do: each thing in its order, and a note of the last one that was finished. The thing under way when the lights went out is
/// done again.
class Clerk {
 public:
  explicit Clerk(BulkConnection& notes) : notes_(notes) {
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
  BulkConnection& notes_;
  int thing_ = 0, finished_ = 0;
};

/// Everything that must not depend on where the history was broken off. Times of recording and numbers of arrival may.
constexpr const char* contents[] = {
    "select bucket, case_id, step_no > 0, wake_at, set_aside from dunlin.case_file order by 1, 2",
    "select s.bucket, s.case_id, s.instance_id, t.name, g.name, s.entered_at, s.wake_at, md5(s.body) from dunlin.state s left "
    "join dunlin.name t on t.id = s.strategy left join "
    "dunlin.name g on g.id = s.stage order by 1, 2, 3",
    "select bucket, case_id, task, status, priority from dunlin.task_open order by 1, 2, 3",
    "select bucket, case_id, task, treatment, created_at, expires from dunlin.task_body order by 1, 2, 3",
    "select bucket, case_id, task, status, done_at, reason from dunlin.task_done order by 1, 2, 3",
    "select bucket, case_id, at, instance_id, external_id from dunlin.event order by 1, 2, 3, 5",
    // By name: a set-up that was cut off leaves a gap in the numbers of the dictionary.
    "select bucket, case_id, at, n.name, rule from dunlin.transition t left join dunlin.name n on n.id = t.to_stage order by 1, 2, 3, 4",
    "select count(*) from dunlin.inbox", "select kind, location, reason from dunlin.quarantine order by 1, 2, 3",
    "select dunlin_key, balance from portfolio.account order by 1"};

void print_contents(BulkConnection& connection) {
  for (const char* query : contents) {
    const auto all = good(connection.value(std::string("select string_agg(r::text, e'\\n') from (") + query + ") r"));
    std::printf("%s\n--\n", all.value_or("").c_str());
  }
}

/// The one judge of all harnesses, on what the history has left behind.
void print_judgement(Office& office, const std::vector<EventRow>& posted) {
  const replay::Version version{office.desk.program, office.desk.evaluator, *office.desk.calendar->view(), {}};
  judge::Evidence evidence{.store = *office.store,
                           .log = *step_log_of(*office.store),
                           .versions = [&](int32_t) -> Result<const replay::Version*> { return &version; },
                           .active = office.version,
                           .now = on(8),
                           .sent = {}};
  for (const EventRow& event : posted) evidence.sent.push_back({.source = event.source, .external_id = event.external_id, .accepted = true, .task = {}});
  const auto findings = good(judge::judge(evidence));
  std::printf("the judge: %s\n", findings.empty() ? "nothing found" : judge::text_of(findings).c_str());
}

class Given final : public Place {
 public:
  explicit Given(std::string url) : url_(std::move(url)) {}
  std::unique_ptr<Store> open() override { return open_at(url_); }
  std::string url() const override { return url_; }

 private:
  std::string url_;
};

}  // namespace

TEST_CASE("the history", "[.history]") {
  const char* url = std::getenv("DUNLIN_CRASH_URL");
  REQUIRE(url != nullptr);
  Given place(url);
  Office office(place);
  const auto notes = good(BulkConnection::open(url));
  Clerk clerk(*notes);
  clerk.next([&] { office.import_debtors(12); });
  const std::vector<EventRow> posted = events_of(office);
  clerk.next([&] { good(office.store->post_events(office.desk.program, posted)); });
  office.activate();
  office.desk.evaluator.fault_next = abi::Fault::overflow;
  for (int day = 1; day <= 8; ++day) {
    if (day == 5) clerk.next([&] { office.import({office.account("A-6", "D-6", 0), office.account("A-8", "D-8", 1)}, on(5)); });
    clerk.next([&] { office.night(on(day), false, 5); });
  }
  print_contents(*good(BulkConnection::open(url)));
  print_judgement(office, posted);
}

}  // namespace dunlin::store::test
