// A version has words for outcomes and events that another one does not have: limits go on counting what was a contact, and nothing new is swallowed.
#include <algorithm>

#include "tests/store/office.h"

namespace dunlin::store::test {

namespace {

using Names = std::vector<std::pair<int, std::string>>;

/// One call a day for each account, whatever came of it or only those that reached somebody, and these names for events.
std::function<void(Desk&)> capped(const Names& names = {}, bool reached_only = false) {
  return [names, reached_only](Desk& desk) {
    using checked::LimitRule;
    LimitRule once{.kind = LimitRule::Kind::at_most, .text = "call at most 1 per day per account", .queues = {desk.call_queue}};
    once.count = desk.constant(checked::TypeKind::integer, 1);
    once.keys = {{.entity = desk.account_entity}};
    once.counted_queues = {desk.call_queue};
    if (reached_only) once.counted_events = {desk.reached};
    checked::Limits limits{.name = "Caps"};
    limits.rules = {once};
    desk.program.limits.push_back(limits);
    for (const auto& [event, name] : names) desk.program.events[static_cast<size_t>(event)].name = name;
  };
}

EventRow outcome(Office& office, checked::Index type, Instant at, const std::string& id) {
  return {"D-1", office.desk.account_entity, "A-1", at, type, "dialler", id, {0, 0, 0, 0, 0, 0}};
}

engine::OpenTask call_of(Office& office) {
  const auto file = good(office.store->load_case(office.desk.program, "account", "A-1", std::nullopt));
  for (const engine::OpenTask& task : std::as_const(*file).tasks()) {
    if (task.treatment == "script") return task;
  }
  FAIL("there is no call");
  return {};
}

/// A call of the fifth that came to `type` under the first version, read by it; then `names` become active the same day.
bool counts_under(Place& place, checked::Index type, const Names& names, bool reached_only) {
  Office old(place, "v1", capped({}, reached_only));
  old.import_debtors(1);
  old.activate();
  old.night(on(5));
  good(old.store->post_events(old.desk.program, {outcome(old, type, on(5, 8), "o1")}));
  CHECK(old.night(on(5, 9)) == 1);
  Office fresh(place, "v2", capped(names, reached_only));
  fresh.activate(on(5, 10));
  CHECK(fresh.night(on(5, 10)) == 1);
  const engine::OpenTask task = call_of(fresh);
  CHECK((task.limits.find("happened") != std::string::npos) == (task.not_before >= on(6, 0)));
  CHECK(fresh.night(on(6, 9)) <= 1);
  CHECK(call_of(fresh).not_before <= on(6, 9));  // a day is over after a day
  return task.not_before >= on(6, 0);
}

}  // namespace

TEST_CASE("limits count a contact whose outcome the version calls otherwise", "[store]") {
  ON_BOTH_STORES();
  const Desk desk;
  const auto every = [&](checked::Index type, const Names& names) { return counts_under(*place, type, names, false); };
  SECTION("the leaf has another name") { CHECK(every(desk.no_answer, {{desk.no_answer, "call.silence"}})); }
  SECTION("it went into a branch of its own") { CHECK(every(desk.no_answer, {{desk.no_answer, "call.unreached.no_answer"}})); }
  SECTION("the whole tree has another name") {
    CHECK(every(desk.no_answer, {{desk.call, "phone"}, {desk.reached, "phone.reached"}, {desk.no_answer, "phone.no_answer"}}));
  }
}

TEST_CASE("an event that is no outcome is no contact, whatever a queue is called", "[store]") {
  ON_BOTH_STORES();
  // The payment has the name of the queue, whose outcomes are called otherwise, and the next version does not have it.
  const auto named = [](const std::string& event) {
    return [event](Desk& desk) {
      capped({{desk.payment, event}, {desk.call, "talk"}, {desk.reached, "talk.reached"}, {desk.no_answer, "talk.no_answer"}})(desk);
    };
  };
  Office old(*place, "v1", named("call"));
  CHECK(old.desk.program.queues[static_cast<size_t>(old.desk.call_queue)].name == "call");
  old.import_debtors(1);
  old.activate();
  old.night(on(5));
  good(old.store->post_events(old.desk.program, {old.payment("D-1", "A-1", on(5, 8), "p1")}));
  CHECK(old.night(on(5, 9)) == 1);
  Office fresh(*place, "v2", named("payment"));
  fresh.activate(on(5, 10));
  fresh.night(on(5, 10));
  const auto file = good(fresh.store->load_case(fresh.desk.program, "account", "A-1", std::nullopt));
  CHECK(file->strange_outcomes().empty());
}

TEST_CASE("a line that counts some outcomes counts those that may be among them", "[store]") {
  ON_BOTH_STORES();
  const Desk desk;
  const auto reached = [&](checked::Index type, const Names& names) { return counts_under(*place, type, names, true); };
  SECTION("it reached somebody, whatever that is called now") { CHECK(reached(desk.reached, {{desk.reached, "call.met"}})); }
  SECTION("it reached somebody, and the words do not tell any more") { CHECK(reached(desk.reached, {{desk.reached, "call.spoke"}})); }
  SECTION("it reached nobody") { CHECK_FALSE(reached(desk.no_answer, {{desk.no_answer, "call.silence"}})); }
}

TEST_CASE("an event that the version does not have is set aside, and what it has is handled", "[store]") {
  ON_BOTH_STORES();
  Office old(*place, "v1", capped());
  old.import_debtors(2);
  old.activate();
  old.night(on(5));
  Office fresh(*place, "v2", capped({{old.desk.no_answer, "call.silence"}}));
  fresh.activate(on(5, 7));
  fresh.night(on(5, 7));
  // Told in the words of the version before, at the same moment as something that both know.
  good(old.store->post_events(old.desk.program, {outcome(old, old.desk.no_answer, on(5, 8), "o1"), old.payment("D-1", "A-1", on(5, 8), "p1")}));
  CHECK(fresh.night(on(5, 9)) == 1);
  CHECK(fresh.stage_of("A-1") == "promised");
  const auto aside = good(fresh.store->quarantine(10));
  REQUIRE(aside.size() == 1);
  CHECK(aside.front().kind == "event");
  CHECK(aside.front().where == "account A-1");
  CHECK(aside.front().reason.find("no event `call.no_answer`") != std::string::npos);
  CHECK(aside.front().body.find("\"external_id\": \"o1\"") != std::string::npos);
  CHECK(fresh.night(on(5, 10)) == 0);
  // It is in no history, under neither version, and may come again.
  old.activate(on(5, 11));
  old.night(on(5, 11));
  CHECK(good(old.store->post_events(old.desk.program, {outcome(old, old.desk.no_answer, on(5, 8), "o1")})).inserted == 1);
  CHECK(old.night(on(5, 12)) == 1);
  CHECK(good(old.store->quarantine(10)).size() == 1);
  const auto file = good(old.store->load_case(old.desk.program, "account", "A-1", std::nullopt));
  CHECK(file->view().events.count == 2);
}

TEST_CASE("a node that has seen neither a switch nor the way back knows the words that came between", "[store]") {
  ON_BOTH_STORES();
  Office node(*place, "v1", capped());
  node.import_debtors(1);
  node.activate();
  node.night(on(5));
  Office other(*place, "v2", capped({{node.desk.no_answer, "call.silence"}}));
  other.activate(on(5, 7));
  other.night(on(5, 7));
  good(other.store->post_events(other.desk.program, {outcome(other, other.desk.no_answer, on(5, 8), "o1")}));
  CHECK(other.night(on(5, 9)) == 1);
  Office back(*place, "v1", capped());
  CHECK(back.activate(on(5, 10)).number == node.version);
  // It looks, and the version is the one that it has.
  good(node.store->versions());
  CHECK(node.night(on(5, 10)) == 1);
  CHECK(call_of(node).not_before >= on(6, 0));
}

}  // namespace dunlin::store::test
