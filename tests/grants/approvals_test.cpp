// Approvals: asked by a rule, decided by a person, come back as an event; once, in time, by the right one.
#include "runtime/store/bulk.h"
#include "tests/grants/office.h"

namespace dunlin::grants_test {

namespace {

const char* const policy = R"(
bundle talks "Talks" { timezone Europe/Warsaw, currency PLN, calendar none, day starts 06:00 }
entity debtor { key id : text }
entity account of debtor { key id : text, overdue : money, worth : money }
event better_offer of account { share : decimal }
approval settlement(discount : decimal, months : int) {
  by (if discount > 20% then "committee" else "leader")
  never requester
  due 1 day
  lapses after 3 days
}
strategy soft "Soft" for account {
  enrol when overdue > 0
  when overdue <= 0 : go cured
  var rate : decimal = 0
  stage talks {
    on entry : ask settlement { discount: 10%, months: 6, requester: "rita" }
    on better_offer : ask settlement { discount: event.share, months: 6 }
    on settlement.approved : set rate = event.discount default 0, go settled
    on settlement.declined, settlement.lapsed : go calling
  }
  stage settled { }
  stage calling { after 100 days : go talks }
  final stage cured
}
)";

const Compiled& rules() {
  static const Compiled compiled(policy);
  return compiled;
}

store::Decision yes(int64_t request, const std::string& who, Instant at) {
  return {.request = request, .approve = true, .who = who, .reason = "seen", .at = at};
}

}  // namespace

TEST_CASE("an approval is asked once, decided once, and its answer is an event", "[grants]") {
  ON_BOTH_STORES();
  Office office(rules(), *place);
  office.put_debtor(1);
  office.put("A-1", 1, 50, 0);
  const Instant asked_at = office.now();
  office.night();
  REQUIRE(office.stage("A-1") == "soft.talks");
  auto open = office.requests("approval", "open");
  REQUIRE(open.size() == 1);
  CHECK(open[0].role == "leader");
  CHECK(open[0].requester == "rita");
  CHECK(open[0].key == "A-1");
  CHECK(open[0].asked_at == asked_at);
  CHECK(open[0].due == asked_at + 24 * hour);
  CHECK(open[0].lapses_at == asked_at + 72 * hour);
  CHECK(open[0].payload_json.find("\"months\": 6") != std::string::npos);

  auto& store = office.portfolio.store();
  const int64_t id = open[0].id;
  CHECK_FALSE(store.decide(rules().program(), yes(id, "rita", asked_at + hour)).has_value());  // who asks does not decide
  CHECK_FALSE(store.decide(rules().program(), yes(id, "", asked_at + hour)).has_value());
  CHECK_FALSE(store.decide(rules().program(), yes(id + 1, "lena", asked_at + hour)).has_value());
  CHECK_FALSE(store.decide(rules().program(), yes(id, "lena", asked_at + 72 * hour)).has_value());  // too late
  CHECK(good(store.decide(rules().program(), yes(id, "lena", asked_at + hour))));
  CHECK_FALSE(good(store.decide(rules().program(), yes(id, "lena", asked_at + hour))));  // the same again
  CHECK_FALSE(store.decide(rules().program(), {.request = id, .approve = false, .who = "lena", .reason = "", .at = asked_at + 2 * hour}).has_value());
  office.night();
  CHECK(office.stage("A-1") == "soft.settled");
  open = office.requests("approval");
  REQUIRE(open.size() == 1);
  CHECK(open[0].status == "approved");
  CHECK(open[0].decided_by == "lena");
  for (int day = 0; day < 5; ++day) office.night();
  CHECK(office.stage("A-1") == "soft.settled");  // what is answered does not lapse
  CHECK(good(store.quarantine(10)).empty());
}

TEST_CASE("a rule that asks for more than the range allows has a fault and asks nothing", "[grants]") {
  std::string text = policy;
  text.replace(text.find("discount : decimal"), 18, "discount : decimal in 0..40%");
  const Compiled bounded(text);
  ON_BOTH_STORES();
  Office office(bounded, *place);
  office.put_debtor(1);
  office.put("A-1", 1, 50, 0);
  office.night();
  const int64_t first = office.requests("approval", "open").at(0).id;
  office.portfolio.post("better_offer", "account", "A-1", "D-1", {{"share", 410'000}}, office.now());
  office.night();
  CHECK(office.requests("approval", "open").at(0).id == first);
  const auto aside = good(office.portfolio.store().quarantine(10));
  REQUIRE(aside.size() == 1);
  CHECK(aside[0].reason.find("`discount` is 0.41, outside of 0..0.4") != std::string::npos);
}

TEST_CASE("an approval that nobody decides on is overdue after a day and lapses after three", "[grants]") {
  ON_BOTH_STORES();
  Office office(rules(), *place);
  office.put_debtor(1);
  office.put("A-1", 1, 50, 0);
  office.night();
  office.night();
  CHECK(office.stage("A-1") == "soft.talks");
  auto notes = good(office.portfolio.store().notes("account", "A-1"));
  CHECK(std::ranges::count(notes, std::string("leader"), &store::Store::NoteRow::whom) == 2);  // asked, and overdue
  office.night();
  office.night();
  CHECK(office.stage("A-1") == "soft.calling");
  CHECK(office.by_status("approval") == std::map<std::string, int>{{"lapsed", 1}});
  notes = good(office.portfolio.store().notes("account", "A-1"));
  CHECK(std::ranges::count(notes, std::string("leader"), &store::Store::NoteRow::whom) == 2);
}

TEST_CASE("who pays does not wait for an answer, and an answer that comes all the same is set aside", "[grants]") {
  ON_BOTH_STORES();
  Office office(rules(), *place);
  office.put_debtor(1);
  office.put("A-1", 1, 50, 0);
  office.night();
  const int64_t id = office.requests("approval", "open").at(0).id;
  // Decided before the step that sees the payment, for an instant after it: the step withdraws what it asked for, and meets the answer later.
  good(office.portfolio.store().decide(rules().program(), yes(id, "lena", office.now() + hour)));
  office.put("A-1", 1, 0, 0);
  office.night();
  CHECK(office.stage("A-1") == "soft.cured");
  CHECK(office.by_status("approval") == std::map<std::string, int>{{"withdrawn", 1}});
  office.night();
  CHECK(office.stage("A-1") == "soft.cured");
  const auto aside = good(office.portfolio.store().quarantine(10));
  REQUIRE(aside.size() == 1);
  CHECK(aside[0].reason.find("settlement") != std::string::npos);
  CHECK_FALSE(office.portfolio.store().decide(rules().program(), yes(id, "lena", office.now())).has_value());
}

TEST_CASE("the same question again is none; another one takes its place, and an answer to the first does not answer it", "[grants]") {
  ON_BOTH_STORES();
  Office office(rules(), *place);
  office.put_debtor(1);
  office.put("A-1", 1, 50, 0);
  office.night();
  const int64_t first = office.requests("approval", "open").at(0).id;
  office.portfolio.post("better_offer", "account", "A-1", "D-1", {{"share", 100'000}}, office.now());  // 10%, as before
  office.night();
  CHECK(office.requests("approval", "open").at(0).id == first);
  office.portfolio.post("better_offer", "account", "A-1", "D-1", {{"share", 300'000}}, office.now());
  good(office.portfolio.store().decide(rules().program(), yes(first, "lena", office.now() + hour)));
  office.night();
  const auto open = office.requests("approval", "open");
  REQUIRE(open.size() == 1);
  CHECK(open[0].id != first);
  CHECK(open[0].role == "committee");
  office.night();  // the answer to the first
  CHECK(office.stage("A-1") == "soft.talks");
  good(office.portfolio.store().decide(rules().program(), yes(open[0].id, "lena", office.now())));
  office.night();
  CHECK(office.stage("A-1") == "soft.settled");
}

TEST_CASE("nobody reports an approval as an event, and a role that was given is held to", "[grants]") {
  const auto place = store::test::make_place("postgres");
  if (!place) return;
  Office office(rules(), *place);
  office.put_debtor(1);
  office.put("A-1", 1, 50, 0);
  office.night();
  const auto connection = good(store::BulkConnection::open(place->url()));
  CHECK_FALSE(connection->value("select dunlin.post_event('forger', '1', 'settlement.approved', 'account', 'A-1', now(), '{}')").has_value());
  const int64_t id = office.requests("approval", "open").at(0).id;
  good(connection->value("select dunlin.set_approver('leader', 'omar', true, 'admin')"));
  const std::string at = fmt::format("timestamptz 'epoch' + interval '1 microsecond' * {}", office.now());
  CHECK_FALSE(connection->value(fmt::format("select dunlin.approve({}, 'lena', null, {})", id, at)).has_value());
  CHECK(good(connection->value(fmt::format("select dunlin.approve({}, 'omar', 'seen', {})", id, at))).value_or("") == "approved");
  CHECK(good(connection->value("select detail->>'approval' from dunlin.audit where action = 'approve' and who = 'omar'")).value_or("") == "settlement");
  office.night();
  CHECK(office.stage("A-1") == "soft.settled");
}

TEST_CASE("many approvals may lapse in one night", "[grants]") {
  constexpr int debtors = 250;
  ON_BOTH_STORES();
  Office office(rules(), *place);
  for (int n = 1; n <= debtors; ++n) {
    office.put_debtor(n);
    office.put(fmt::format("A-{}", n), n, 50, 0);
  }
  for (int night = 0; night < 5; ++night) office.night();
  CHECK(good(office.portfolio.store().quarantine(10)).empty());
  CHECK(office.by_status("approval") == std::map<std::string, int>{{"lapsed", debtors}});
}

TEST_CASE("what lapses at once and is asked for again sets the case aside", "[grants]") {
  static const Compiled endless(R"(
bundle talks "Talks" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text }
entity account of debtor { key id : text, overdue : money, worth : money }
approval settlement(discount : decimal) { by leader, lapses after (if discount > 5% then 0 days else 1 day) }
strategy soft "Soft" for account {
  enrol when overdue > 0
  stage talks {
    on entry : ask settlement { discount: 10% }
    on settlement.lapsed : ask settlement { discount: 20% }
    on settlement.approved, settlement.declined : go over
  }
  stage over { after 1 day : go talks }
}
)");
  ON_BOTH_STORES();
  Office office(endless, *place);
  office.put_debtor(1);
  office.put("A-1", 1, 50, 0);
  office.night();
  const auto aside = good(office.portfolio.store().quarantine(10));
  REQUIRE(aside.size() == 1);
  CHECK(aside[0].reason.find("without end") != std::string::npos);
}

}  // namespace dunlin::grants_test
