// One suite over the Store port, run on both stores.
#include <algorithm>
#include <random>
#include <set>

#include "runtime/store/bulk.h"
#include "runtime/store/step_record.h"
#include "tests/store/office.h"

namespace dunlin::store::test {

namespace {

std::set<std::string> open_treatments(Office& office, const std::string& account) {
  std::set<std::string> found;
  for (const TaskRow& task : good(office.store->tasks_of("account", account))) {
    if (task.status == "ready") found.insert(task.treatment);
  }
  return found;
}

std::map<std::string, int64_t> funnel_of(Office& office) {
  std::map<std::string, int64_t> funnel;
  for (const FunnelRow& row : good(office.store->funnel())) funnel[row.strategy + "." + row.stage] = row.count;
  return funnel;
}

}  // namespace

TEST_CASE("rows are inserted, changed, left alone, or set aside with a reason", "[store]") {
  ON_BOTH_STORES();
  Office office(*place);
  std::vector<InstanceRow> rows = {office.debtor("D-1"), office.account("A-1", "D-1", 10'00), office.account("A-2", "D-1", 20'00)};
  auto counts = good(office.store->put_instances(office.desk.program, rows, on(1)));
  CHECK(counts.inserted == 3);
  CHECK(counts.unchanged == 0);

  rows = {office.account("A-1", "D-1", 10'00), office.account("A-2", "D-1", 25'00), office.account("A-3", "D-1", 1)};
  counts = good(office.store->put_instances(office.desk.program, rows, on(2)));
  CHECK(counts.inserted == 1);
  CHECK(counts.changed == 1);
  CHECK(counts.unchanged == 1);

  rows = {office.account("A-4", "D-9", 10'00)};
  counts = good(office.store->put_instances(office.desk.program, rows, on(2)));
  CHECK(counts.inserted == 0);
  CHECK(counts.set_aside == 1);
  const auto aside = good(office.store->quarantine(10));
  REQUIRE(aside.size() == 1);
  CHECK(aside[0].kind == "row");
  CHECK(aside[0].where.find("A-4") != std::string::npos);
  CHECK(!aside[0].reason.empty());
}

TEST_CASE("a row as of earlier than what is known is left alone", "[store]") {
  ON_BOTH_STORES();
  Office office(*place);
  const auto put = [&](std::vector<InstanceRow> rows, Arrival arrival) { return good(office.store->put_rows(office.desk.program, rows, arrival)); };
  const auto balance = [&](const char* key) {
    const auto case_file = good(office.store->load_case(office.desk.program, "account", key, std::nullopt));
    REQUIRE(case_file);
    return case_file->slots(case_file->find(engine::stable_id("account", key)))[1];
  };
  put({office.debtor("D-1"), office.account("A-1", "D-1", 10'00), office.account("A-2", "D-1", 20'00)}, {.as_of = on(3)});
  // Older than the row itself: nothing changes, and who asks is told.
  std::vector<OlderRow> older;
  auto counts = put({office.account("A-1", "D-1", 99'00), office.account("A-2", "D-1", 20'00)}, {.as_of = on(2), .older = &older});
  CHECK(counts.older == 1);
  CHECK(counts.changed == 0);
  CHECK(counts.unchanged == 1);  // what says the same is as before, however old it is
  REQUIRE(older.size() == 1);
  CHECK(older[0].entity == "account");
  CHECK(older[0].key == "A-1");
  CHECK(older[0].known == on(3));
  CHECK(balance("A-1") == 10'00);
  // Said again later, in part: only those rows are known as of then.
  put({office.account("A-1", "D-1", 10'00)}, {.as_of = on(6)});
  older.clear();
  counts = put({office.account("A-1", "D-1", 55'00), office.account("A-2", "D-1", 55'00)}, {.as_of = on(5), .older = &older});
  CHECK(counts.older == 1);
  CHECK(counts.changed == 1);
  REQUIRE(older.size() == 1);
  CHECK(older[0].key == "A-1");
  CHECK(older[0].known == on(6));
  CHECK(balance("A-1") == 10'00);
  CHECK(balance("A-2") == 55'00);
  // As of the same instant the last word counts.
  CHECK(put({office.account("A-1", "D-1", 11'00)}, {.as_of = on(6)}).changed == 1);
  // A correction has its way, and what is as of later than everything known still comes behind it.
  CHECK(put({office.account("A-1", "D-1", 77'00)}, {.as_of = on(4), .correct = true}).changed == 1);
  CHECK(balance("A-1") == 77'00);
  CHECK(put({office.account("A-1", "D-1", 78'00)}, {.as_of = on(5)}).older == 1);
  CHECK(put({office.account("A-1", "D-1", 79'00)}, {.as_of = on(7)}).changed == 1);
  // A table that was read just now is never older by the clock of who reads it; a row that says itself as of when it is can be.
  CHECK(put({office.account("A-1", "D-1", 80'00)}, {.as_of = on(4), .newest = true}).changed == 1);
  InstanceRow own = office.account("A-1", "D-1", 81'00);
  own.as_of = on(5);
  counts = put({own, office.account("A-2", "D-1", 82'00)}, {.as_of = on(4), .newest = true});
  CHECK(counts.older == 1);
  CHECK(counts.changed == 1);
  CHECK(balance("A-1") == 80'00);
  own.as_of = on(9);
  CHECK(put({own}, {.as_of = on(4), .newest = true}).changed == 1);
  CHECK(balance("A-1") == 81'00);
  CHECK(put({office.account("A-1", "D-1", 1)}, {.as_of = on(8)}).older == 1);
  // Nobody was woken for what was left alone.
  office.activate();
  office.night(on(9));
  put({office.account("A-1", "D-1", 1)}, {.as_of = on(8)});
  CHECK(office.night(on(9)) == 0);
}

TEST_CASE("files of several days come to the same in whatever order they arrive", "[store]") {
  ON_BOTH_STORES();
  std::mt19937 dice(20260504);
  const auto draw = [&](int below) { return static_cast<int>(dice() % static_cast<uint32_t>(below)); };
  for (int round = 0; round < 8; ++round) {
    Office office(*place);
    const std::string name = std::to_string(round);
    // Some files have all accounts, some have few; often a day says what the day before did.
    constexpr int days = 5, accounts = 12;
    std::vector<std::vector<InstanceRow>> files(days);
    std::map<std::string, int64_t> newest;
    std::vector<InstanceRow> debtors;
    for (int n = 0; n < accounts; ++n) debtors.push_back(office.debtor("D-" + name + "-" + std::to_string(n)));
    office.import(debtors);
    for (int day = 0; day < days; ++day) {
      const bool whole = draw(2) == 0;
      for (int n = 0; n < accounts; ++n) {
        if (!whole && draw(3) != 0) continue;
        const std::string key = "A-" + name + "-" + std::to_string(n);
        const int64_t balance = (1 + draw(3)) * 10'00;
        files[static_cast<size_t>(day)].push_back(office.account(key, "D-" + name + "-" + std::to_string(n), balance));
        newest[key] = balance;
      }
    }
    std::vector<int> order;
    for (int day = 0; day < days; ++day) order.push_back(day);
    std::shuffle(order.begin(), order.end(), dice);
    order.push_back(order[static_cast<size_t>(draw(days))]);  // one of them comes twice
    std::string came;
    for (const int day : order) {
      came += " " + std::to_string(day);
      good(office.store->put_rows(office.desk.program, files[static_cast<size_t>(day)], {.as_of = on(2 + day)}));
    }
    for (const auto& [key, balance] : newest) {
      INFO("order" << came << ", " << key);
      const auto case_file = good(office.store->load_case(office.desk.program, "account", key, std::nullopt));
      REQUIRE(case_file);
      CHECK(case_file->slots(case_file->find(engine::stable_id("account", key)))[1] == balance);
    }
  }
}

TEST_CASE("a row that hangs on another debtor than before is set aside", "[store]") {
  ON_BOTH_STORES();
  Office office(*place);
  office.import({office.debtor("D-1"), office.debtor("D-2"), office.account("A-1", "D-1", 10'00)});
  const auto counts = good(office.store->put_instances(office.desk.program, {office.account("A-1", "D-2", 10'00)}, on(2)));
  CHECK(counts.set_aside == 1);
  CHECK(counts.inserted == 0);
}

TEST_CASE("the same event twice is one event", "[store]") {
  ON_BOTH_STORES();
  Office office(*place);
  office.import_debtors(2);
  const auto payment = office.payment("D-1", "A-1", on(2), "p1");
  auto counts = good(office.store->post_events(office.desk.program, {payment, payment, office.payment("D-2", "A-2", on(2), "p2")}));
  CHECK(counts.inserted == 2);
  CHECK(counts.duplicates == 1);
  counts = good(office.store->post_events(office.desk.program, {payment}));
  CHECK(counts.inserted == 0);
  CHECK(counts.duplicates == 1);
  counts = good(office.store->post_events(office.desk.program, {office.payment("D-1", "A-77", on(2), "p3")}));
  CHECK(counts.inserted == 0);
  CHECK(counts.set_aside == 1);
}

TEST_CASE("an event is known by its source, its id and what it is about", "[store]") {
  ON_BOTH_STORES();
  Office office(*place);
  office.import_debtors(2);
  office.import({office.account("A-1b", "D-1", 5'00)});
  const auto say = [&](const char* debtor, const char* account, int64_t amount = 1'00) { return office.payment(debtor, account, on(2), "p1", amount); };
  // Two accounts of one debtor, two debtors, and two accounts that nobody knows yet.
  const std::vector<EventRow> all{say("D-1", "A-1"), say("D-1", "A-1b"), say("D-2", "A-2"), say("D-8", "A-8"), say("D-9", "A-9")};
  auto counts = good(office.store->post_events(office.desk.program, {all[0]}));
  CHECK(counts.inserted == 1);
  counts = good(office.store->post_events(office.desk.program, all));
  CHECK(counts.inserted == 2);
  CHECK(counts.duplicates == 1);
  CHECK(counts.set_aside == 2);
  counts = good(office.store->post_events(office.desk.program, all));
  CHECK(counts.duplicates == 5);
  CHECK(counts.inserted + counts.set_aside == 0);
  CHECK(good(office.store->quarantine(10)).size() == 2);
  // One that became known is taken when it is sent again, and only then once.
  office.import({office.debtor("D-9"), office.account("A-9", "D-9", 5'00)});
  CHECK(good(office.store->post_events(office.desk.program, all)).inserted == 1);
  CHECK(good(office.store->post_events(office.desk.program, all)).duplicates == 5);
  // Whatever else it says: about the same account it is the same event, and it is told that it differs.
  counts = good(office.store->post_events(office.desk.program, {say("D-1", "A-1b", 7'00)}));
  CHECK(counts.differs == 1);
  CHECK(counts.duplicates == 0);
  CHECK(counts.inserted + counts.set_aside == 0);
}

TEST_CASE("a night enrols, tasks stand in queues, and a second look finds nothing to do", "[store]") {
  ON_EACH(ways_through_a_night);
  Office office(*place);
  office.import_debtors(30);
  office.activate();
  CHECK(office.night(on(1), false, 7) == 30);
  CHECK(office.night(on(1)) == 0);
  CHECK(funnel_of(office) == std::map<std::string, int64_t>{{"soft.calling", 30}});
  CHECK(open_treatments(office, "A-3") == std::set<std::string>{"friendly", "script"});
  CHECK(good(office.store->tasks("call", "", 1000)).size() == 30);
  CHECK(good(office.store->tasks("call", "ready", 5)).size() == 5);
  const auto story = good(office.store->transitions("account", "A-3"));
  REQUIRE(story.size() == 1);
  CHECK(story[0].to == "soft.calling");
  CHECK(story[0].at == on(1));
  // The letter falls due three days after entry.
  CHECK(good(office.store->next_wake(on(1))) == on(4));
  CHECK(office.night(on(3)) == 0);
  CHECK(office.night(on(4)) == 30);
  CHECK(open_treatments(office, "A-3").contains("letter"));
}

TEST_CASE("waking only the awake leaves the same as stepping everybody", "[store]") {
  ON_EACH(ways_through_a_night);
  std::map<std::string, int64_t> seen[2];
  std::vector<std::set<std::string>> tasks[2];  // their ids, day by day: a gateway knows a task by it
  for (const bool full : {false, true}) {
    const auto own = make_place(kind);
    Office office(*own);
    office.import_debtors(12);
    office.activate();
    for (int day = 1; day <= 16; ++day) {
      if (day == 2) good(office.store->post_events(office.desk.program, {office.payment("D-5", "A-5", on(2), "p"), office.payment("D-6", "A-6", on(9), "q")}));
      if (day == 3) office.import({office.account("A-7", "D-7", 0)}, on(3));
      office.night(on(day), full);
      auto& ids = tasks[full ? 1 : 0].emplace_back();
      for (const TaskRow& task : good(office.store->tasks("", "ready", 1000))) ids.insert(task.id);
    }
    seen[full ? 1 : 0] = funnel_of(office);
  }
  CHECK(seen[0] == seen[1]);
  CHECK(tasks[0] == tasks[1]);
  CHECK(seen[0].at("soft.cured") == 1);
}

TEST_CASE("a stretch in which many are awake and the list of a few come to the same", "[store]") {
  ON_EACH(ways_through_a_night);
  constexpr int count = 400;  // enough of them for stretches
  Office office(*place);
  office.import_debtors(count);
  office.activate();
  CHECK(office.night(on(1), false, 90) == count);
  CHECK(office.night(on(1), false, 90) == 0);
  // Half of them by an event, some by data, some by both; the others sleep.
  std::vector<EventRow> events;
  std::vector<InstanceRow> rows;
  std::set<int> woken;
  for (int n = 1; n <= count; ++n) {
    const std::string number = std::to_string(n);
    if (n % 2 == 0) events.push_back(office.payment("D-" + number, "A-" + number, on(2), "p" + number));
    if (n % 5 == 0) rows.push_back(office.account("A-" + number, "D-" + number, 1'00));
    if (n % 2 == 0 || n % 5 == 0) woken.insert(n);
  }
  good(office.store->post_events(office.desk.program, events));
  office.import(rows, on(2));
  CHECK(office.night(on(2), false, 75) == static_cast<int64_t>(woken.size()));
  CHECK(office.night(on(2), false, 75) == 0);
  CHECK(funnel_of(office).at("soft.promised") == count / 2);
  // A new version wakes everybody; everybody once, whatever the size of the pieces.
  Office fresh(*place, "v2");
  fresh.activate(on(3));
  CHECK(fresh.night(on(3), false, 33) == count);
  CHECK(fresh.night(on(3), false, 33) == 0);
  CHECK(fresh.night(on(3), true, 120) == count);
}

TEST_CASE("what limits say of a task comes and goes with it", "[store]") {
  ON_BOTH_STORES();
  // Calls between 8 and 20, and none for two days after a payment.
  const auto limited = [](checked::Program& program) {
    using checked::LimitRule;
    checked::Limits limits{.name = "Caps"};
    LimitRule hours{.kind = LimitRule::Kind::between, .text = "call between 08:00 and 20:00", .queues = {0}};
    hours.hours.push_back({.from_s = 8 * 3600, .to_s = 20 * 3600});
    LimitRule pause{.kind = LimitRule::Kind::none_after, .text = "call none for 2 days after complaint", .queues = {0}, .after = {5}};
    pause.pause = abi::pack_duration(2, abi::DurationUnit::day);
    limits.rules = {hours, pause};
    program.limits.push_back(limits);
  };
  Office office(*place, "v1", limited);
  office.import_debtors(2);
  office.activate();
  office.night(on(1));
  const auto limits_of = [&](const std::string& account, const std::string& treatment) {
    const auto file = good(office.store->load_case(office.desk.program, "account", account, std::nullopt));
    for (const engine::OpenTask& task : std::as_const(*file).tasks()) {
      if (task.treatment == treatment) return task.limits;
    }
    return std::string("none");
  };
  const auto lines = [](const std::string& text) { return std::ranges::count(text, '{'); };
  CHECK(lines(limits_of("A-1", "script")) == 1);
  CHECK(limits_of("A-1", "friendly").empty());  // an SMS, which no line judges
  CHECK(limits_of("A-1", "script") == limits_of("A-2", "script"));
  if (place->is_postgres()) {
    auto connection = good(BulkConnection::open(place->url()));
    CHECK(good(connection->value("select string_agg(says, ', ' order by says) from dunlin.limit_line")) ==
          "limits `Caps`: call between 08:00 and 20:00, limits `Caps`: call none for 2 days after complaint");
    CHECK(good(connection->value("select count(*) from dunlin.task_body where limits is not null")) == "2");
  }
  good(office.store->post_events(office.desk.program, {office.complaint("D-1", on(2), "c1")}));
  office.night(on(2));
  CHECK(lines(limits_of("A-1", "script")) == 2);
  CHECK(lines(limits_of("A-2", "script")) == 1);
  CHECK(office.night(on(2)) == 0);  // writing it down wakes nobody
  // A version without limits takes them away.
  Office after(*place, "v2");
  after.activate(on(3));
  after.night(on(3));
  const auto file = good(after.store->load_case(after.desk.program, "account", "A-2", std::nullopt));
  for (const engine::OpenTask& task : std::as_const(*file).tasks()) CHECK(task.limits.empty());
}

TEST_CASE("events wait for their time and are handled once", "[store]") {
  ON_BOTH_STORES();
  Office office(*place);
  office.import_debtors(3);
  office.activate();
  good(office.store->post_events(office.desk.program, {office.payment("D-1", "A-1", on(2, 12), "p1")}));
  CHECK(office.night(on(1)) == 3);
  CHECK(office.stage_of("A-1") == "calling");
  CHECK(good(office.store->next_wake(on(1))) == on(2, 12));
  CHECK(office.night(on(2)) == 0);
  CHECK(office.night(on(3)) == 1);
  CHECK(office.stage_of("A-1") == "promised");
  CHECK(open_treatments(office, "A-1").empty());  // its stage is left: the call and the unsent message are withdrawn
  CHECK(office.night(on(3)) == 0);
  CHECK(good(office.store->transitions("account", "A-1")).size() == 2);
}

TEST_CASE("changed data wakes its case file only", "[store]") {
  ON_BOTH_STORES();
  Office office(*place);
  office.import_debtors(5);
  office.activate();
  office.night(on(1));
  office.import({office.account("A-2", "D-2", 20'00), office.account("A-4", "D-4", 0)}, on(2));
  CHECK(office.night(on(2)) == 1);
  CHECK(office.stage_of("A-4") == "cured");
  CHECK(office.stage_of("A-2") == "calling");
}

TEST_CASE("of two steps of one case file the second is refused, whole", "[store]") {
  ON_BOTH_STORES();
  Office first(*place);
  first.import_debtors(4);
  first.activate();
  Office second(*place);
  second.version = first.version;
  auto one = first.step_only(on(1)), other = second.step_only(on(1));
  REQUIRE(one.size() == 4);
  REQUIRE(other.size() == 4);
  // Only one case file is in both batches; the rest of the second must not come through either.
  one.resize(1);
  good(first.store->commit_all(first.desk.program, one, on(1)));
  const auto refused = second.store->commit_all(second.desk.program, other, on(1));
  REQUIRE(!refused);
  CHECK(refused.error().kind == StoreError::Kind::conflict);
  CHECK(good(first.store->tasks("call", "ready", 100)).size() == 1);
  CHECK(second.night(on(1)) == 3);
  CHECK(good(first.store->tasks("call", "ready", 100)).size() == 4);
}

TEST_CASE("a commit under a version that is not active any more is refused", "[store]") {
  ON_BOTH_STORES();
  Office old(*place);
  old.import_debtors(2);
  old.activate();
  const auto steps = old.step_only(on(1));
  Office fresh(*place, "v2");
  fresh.activate(on(1, 7));
  const auto refused = old.store->commit_all(old.desk.program, steps, on(1));
  REQUIRE(!refused);
  CHECK(refused.error().kind == StoreError::Kind::conflict);
  CHECK(fresh.night(on(1, 8)) == 2);
}

TEST_CASE("a new version steps every case file once and reads the states of the old one by name", "[store]") {
  ON_EACH(ways_through_a_night);
  Office old(*place);
  old.import_debtors(6);
  CHECK(old.activate().number == 1);
  old.night(on(1));
  good(old.store->post_events(old.desk.program, {old.payment("D-1", "A-1", on(2), "p1")}));
  old.night(on(2));
  CHECK(old.activate().number == 1);  // the same sources again
  CHECK(old.night(on(2)) == 0);

  // Numbers move: the queues change places, and so must everything that names them.
  Office fresh(*place, "v2", [](checked::Program& program) {
    std::ranges::rotate(program.queues, program.queues.begin() + 1);
    for (auto& type : program.events) type.queue = type.queue < 0 ? type.queue : 1 - type.queue;
    const auto turn = [](std::vector<checked::Rule>& rules) {
      for (auto& rule : rules) {
        if (rule.keep) rule.keep->queue = 1 - rule.keep->queue;
        for (auto& action : rule.actions) action.queue = action.queue < 0 ? action.queue : 1 - action.queue;
      }
    };
    for (auto& stage : program.stages) turn(stage.rules);
    for (auto& strategy : program.strategies) turn(strategy.rules);
  });
  const auto version = fresh.activate(on(3));
  CHECK(version.number == 2);
  CHECK(fresh.night(on(3)) == 6);
  CHECK(fresh.night(on(3)) == 0);
  CHECK(fresh.stage_of("A-1") == "promised");
  CHECK(fresh.stage_of("A-2") == "calling");
  // Tasks were recognised, not made again.
  CHECK(good(fresh.store->tasks("call", "ready", 100)).size() == 5);
  CHECK(good(fresh.store->tasks("sms", "ready", 100)).size() == 5);
  const auto versions = good(fresh.store->versions());
  REQUIRE(versions.size() == 2);
  CHECK_FALSE(versions[0].active);
  CHECK(versions[1].active);
  CHECK(good(fresh.store->sources_of(1)).files.at(0).text == "// v1");
}

TEST_CASE("a fault sets its case file aside and nobody else; new data brings it back", "[store]") {
  ON_BOTH_STORES();
  Office office(*place);
  office.import_debtors(4);
  office.activate();
  office.night(on(1));
  good(office.store->post_events(office.desk.program, {office.complaint("D-2", on(2), "c1"), office.payment("D-3", "A-3", on(2), "p1")}));
  office.desk.evaluator.fault_next = abi::Fault::overflow;
  CHECK(office.night(on(2)) == 2);
  CHECK(office.stage_of("A-3") == "promised");
  const auto aside = good(office.store->quarantine(10));
  REQUIRE(aside.size() == 1);
  CHECK(aside[0].kind == "case");
  CHECK(aside[0].where.find('2') != std::string::npos);
  CHECK(office.night(on(2)) == 0);
  CHECK(good(office.store->buckets_to_step(on(5), true)).size() <= 3);
  CHECK(office.night(on(5), true) == 3);
  office.desk.evaluator.fault_next = abi::Fault::none;
  office.import({office.account("A-2", "D-2", 21'00)}, on(6));
  CHECK(office.night(on(6)) == 1);
  CHECK(office.stage_of("A-2") == "calling");
  CHECK(open_treatments(office, "A-2").contains("letter"));
}

TEST_CASE("the past can be asked: data, stage and tasks as they were", "[store]") {
  ON_BOTH_STORES();
  Office office(*place);
  office.import_debtors(2, on(1));
  office.activate();
  office.night(on(1));
  office.import({office.account("A-1", "D-1", 5'00)}, on(2));
  good(office.store->post_events(office.desk.program, {office.payment("D-1", "A-1", on(3), "p1")}));
  office.night(on(2));
  office.night(on(3));
  CHECK(office.stage_of("A-1") == "promised");
  CHECK(office.stage_of("A-1", on(2, 12)) == "calling");
  const auto balance_at = [&](std::optional<Instant> at) {
    auto case_file = good(office.store->load_case(office.desk.program, "account", "A-1", at));
    return case_file->slots(case_file->find(engine::stable_id("account", "A-1")))[1];
  };
  CHECK(balance_at(on(1, 12)) == 10'00);
  CHECK(balance_at(on(2, 12)) == 5'00);
  CHECK(balance_at(std::nullopt) == 5'00);
  const auto before = good(office.store->load_case(office.desk.program, "account", "A-1", on(2, 12)));
  CHECK(before->view().events.count == 0);
  CHECK(before->tasks().size() == 2);
  const auto now = good(office.store->load_case(office.desk.program, "account", "A-1", std::nullopt));
  CHECK(now->view().events.count == 1);
  CHECK(now->tasks().empty());
  CHECK(!office.store->load_case(office.desk.program, "account", "nobody", std::nullopt));
}

TEST_CASE("a step that only a rule's firing tells of is in the past too", "[store]") {
  // A `set` makes no task and no transition, but a state that is gone all the same.
  ON_BOTH_STORES();
  Office office(*place);
  office.import_debtors(1);
  office.activate();
  office.night(on(1));
  office.import({office.account("A-1", "D-1", 5'00)}, on(2));
  std::vector<std::unique_ptr<engine::CaseFile>> pool;
  auto cases = good(office.store->load_awake(office.desk.program, on(2), false, {}, 10, pool));
  REQUIRE(cases.size() == 1);
  engine::CaseFile& case_file = *cases[0];
  const int32_t position = case_file.find(engine::stable_id("account", "A-1"));
  const auto may_enrol_at = [&](std::optional<Instant> at) {
    auto past = good(office.store->load_case(office.desk.program, "account", "A-1", at));
    return past->state(past->find(engine::stable_id("account", "A-1"))).may_enrol;
  };
  const bool before = case_file.state(position).may_enrol;
  case_file.state(position).may_enrol = !before;
  engine::StepResult result;
  result.changed = {position};
  result.firings.push_back({.instance = position, .rule = 1, .rule_name = "remember"});
  good(office.store->commit_all(office.desk.program, {{&case_file, &result}}, on(2)));
  CHECK(may_enrol_at(std::nullopt) == !before);
  CHECK(may_enrol_at(on(1, 12)) == before);
}

TEST_CASE("counts of tasks, decisions and every case file can be read", "[store]") {
  ON_BOTH_STORES();
  Office office(*place);
  office.import_debtors(9);
  office.activate();
  office.night(on(1));
  office.night(on(4));
  int64_t created = 0, open = 0;
  for (const auto& row : good(office.store->task_counts(on(1), on(2)))) {
    created += row.created;
    open += row.open;
    CHECK(row.strategy == "soft");
    CHECK(row.stage == "calling");
  }
  CHECK(created == 18);
  CHECK(open == 18);
  CHECK(good(office.store->task_counts(on(4), on(5))).size() == 1);
  const auto decided = good(office.store->decisions("account", "A-1", 10, abi::never));
  CHECK(!decided.empty());
  CHECK(good(office.store->decisions("account", "A-1", 1, abi::never)).size() == 1);
  // By an instant: what came later is looked past, and takes no place of those that are wanted.
  const auto line_at = [&](const std::string& line) {
    const auto at = store::decided_at(line);
    REQUIRE(at);
    return *at;
  };
  const Instant first = line_at(decided.back());
  CHECK(good(office.store->decisions("account", "A-1", 10, first)).back() == decided.back());
  CHECK(good(office.store->decisions("account", "A-1", 10, first - 1)).empty());
  const auto by_then = good(office.store->decisions("account", "A-1", 10, line_at(decided.front()) - 1));
  CHECK(by_then.size() < decided.size());
  for (const std::string& line : by_then) CHECK(line_at(line) < line_at(decided.front()));
  int64_t visited = 0;
  good(office.store->for_each_case(office.desk.program, on(5),
                                   [&](engine::CaseFile& case_file) { visited += static_cast<int64_t>(case_file.instance_count()); }));
  CHECK(visited == 18);
}

TEST_CASE("bucket by bucket comes to the same as all at once", "[store]") {
  ON_EACH(ways_through_a_night);
  Office office(*place);
  office.import_debtors(20);
  office.activate();
  const auto buckets = good(office.store->buckets_to_step(on(1), false));
  CHECK(std::set<int32_t>(buckets.begin(), buckets.end()).size() == buckets.size());
  size_t loaded = 0;
  std::vector<std::unique_ptr<engine::CaseFile>> pool;
  for (const int32_t bucket : buckets) {
    for (int64_t after = INT64_MIN;;) {
      auto cases = good(office.store->load(office.desk.program, bucket, on(1), false, after, 1, pool));
      if (cases.empty()) break;
      CHECK(cases[0]->bucket == bucket);
      after = cases[0]->debtor_id;
      loaded += cases.size();
    }
  }
  CHECK(loaded == 20);
}

}  // namespace dunlin::store::test
