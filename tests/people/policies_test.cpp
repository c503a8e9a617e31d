// What the checker makes of schedules, territories and the settings of queues.
#include <catch2/catch.hpp>

#include "lang/sema/checked_people.h"
#include "tests/unit/sema/checking.h"

namespace dunlin::sema_test {

namespace {

const std::string desk = R"(
entity debtor { key id : text, name : text personal }
entity account of debtor { key id : text, overdue : money, dpd : int, region : text, begun : date? }
outcomes call of account { reached { promises as promise (amount : money), refuses }, no_answer }
)";
const std::string strategy = R"(
strategy soft "Soft" for account {
  enrol when overdue > 0
  when overdue <= 0 : go cured
  stage calling { keep call "script" }
  final stage cured
}
)";

Checked queue(const std::string& settings, const std::string& more = "") {
  return check(desk + more + "\nqueue call { outcomes call\n" + settings + " }\n" + strategy);
}

Checked with_file(const std::string& settings, const std::string& path, const std::string& text) {
  return check_files({{"main.dun", head + desk + "\nqueue call { outcomes call\n" + settings + " }\n" + strategy}, {path, text}});
}

}  // namespace

TEST_CASE("a queue's policy is what was written", "[people]") {
  const Checked made = queue(R"(  merge per debtor { lead by dpd desc, overdue   promise oldest first   counts once }
    assign sticky on promise, by territory, one operator per debtor
    needs skill "soft", test "contact rules" within 365 days
    late notify head_of(worker) "hurry")",
                             "territory north \"North\" { regions \"Narvik\", \"Bodo\"  capacity 12 call per day }");
  INFO(made.text());
  REQUIRE(made.program != nullptr);
  const checked::QueuePolicy& policy = *made.program->queues[0].policy;
  REQUIRE(policy.merge.has_value());
  CHECK(policy.merge->per == 0);
  CHECK(policy.merge->counts_once);
  REQUIRE(policy.merge->lead.size() == 2);
  CHECK(policy.merge->lead[0].descending);
  CHECK_FALSE(policy.merge->lead[1].descending);
  CHECK(policy.merge->lead[0].by_entity.size() == 1);
  REQUIRE(policy.merge->orders.size() == 1);
  CHECK(made.program->events[policy.merge->orders[0].event].alias == "promise");
  CHECK(policy.assign == std::vector{checked::AssignWay::sticky, checked::AssignWay::territory, checked::AssignWay::one_operator});
  REQUIRE(policy.needs.size() == 2);
  CHECK_FALSE(policy.needs[0].test);
  CHECK(policy.needs[1].within >> 3 == 365);
  CHECK(policy.late_whom == "head_of(worker)");
  CHECK(policy.late_text == "hurry");
  REQUIRE(made.program->territories.size() == 1);
  CHECK(made.program->territories[0]->capacities[0].count == 12);
}

TEST_CASE("tasks of one debtor, or of one account, in the order they were made", "[people]") {
  const Checked per_debtor = queue("assign oldest first per debtor, by load");
  INFO(per_debtor.text());
  REQUIRE(per_debtor.program != nullptr);
  CHECK(per_debtor.program->queues[0].policy->order_per == 0);
  CHECK(per_debtor.program->queues[0].policy->assign == std::vector{checked::AssignWay::load});
  const Checked per_account = queue("assign oldest first per account");
  REQUIRE(per_account.program != nullptr);
  CHECK(per_account.program->queues[0].policy->order_per == 1);
  CHECK(queue("assign by load").program->queues[0].policy->order_per == checked::none);
  CHECK(queue("assign oldest first per branch").codes() == "E0209");
  CHECK(queue("assign oldest last per debtor").codes() == "E0219");
  CHECK(queue("assign oldest first per debtor, oldest first per account").codes() == "E0123");
  CHECK(queue("merge per debtor\n assign oldest first per debtor").codes() == "E0783");
  CHECK(queue("batch daily at 16:00 as register \"f103\"\n assign oldest first per debtor").codes() == "E0783");
}

TEST_CASE("registers have their numbers from a sheet", "[people]") {
  const std::string settings = "numbers \"ranges.csv\"\n batch daily at 16:00 as register \"f103\"\n status by barcode";
  const Checked made = with_file(settings, "ranges.csv", "prefix,from,to,suffix,check\nRR,00000100,00000199,DE,s10\nRR,00000300,00000300,DE,s10\n");
  INFO(made.text());
  REQUIRE(made.program != nullptr);
  const checked::QueuePolicy& policy = *made.program->queues[0].policy;
  REQUIRE(policy.numbers.size() == 2);
  CHECK(policy.numbers[0].digits == 8);
  CHECK(policy.numbers[0].to == 199);
  CHECK(policy.check_digit == 8);
  CHECK(policy.batch_s == 16 * 3600);
  CHECK(policy.register_name == "f103");
  for (const char* text :
       {"from,to\n5,4\n", "from,to\n1,22\n", "from,to\nx,y\n", "from,to\n10,20\n15,30\n", "from,to,check\n10,20,luhn\n", "from,to,check\n10,20,s10\n"}) {
    INFO(text);
    CHECK(with_file(settings, "ranges.csv", text).codes() == "E0815");
  }
  CHECK(with_file(settings, "ranges.csv", "from\n5\n").codes() == "E0812");
  CHECK(with_file(settings, "ranges.csv", "from,to\n5\n").codes() == "E0813");
  CHECK(with_file(settings, "other.csv", "from,to\n5,6\n").codes() == "E0810");
}

TEST_CASE("what a queue cannot ask for is said", "[people]") {
  CHECK(queue("merge per branch").codes() == "E0209");
  CHECK(queue("merge per debtor { lead by colour }").codes() == "E0201");
  CHECK(queue("merge per debtor { lead by region }").codes() == "E0302");
  CHECK(queue("merge per debtor { lead by begun }").codes() == "E0302");
  CHECK(queue("merge per debtor { payment oldest first }").codes() == "E0783");
  CHECK(queue("merge per debtor { promise biggest first }").codes() == "E0219");
  CHECK(queue("merge per debtor { promise oldest last }").codes() == "E0219");
  CHECK(queue("assign by mood").codes() == "E0219");
  CHECK(queue("assign by load, by load").codes() == "E0123");
  CHECK(queue("assign by territory").codes() == "E0782");
  CHECK(queue("assign two operators per debtor").codes() == "E0219");
  CHECK(queue("assign sticky on payment").codes() == "E0783");
  CHECK(queue("needs degree \"law\"").codes() == "E0219");
  CHECK(queue("needs skill \"\"").codes() == "E0784");
  CHECK(queue("needs skill \"soft\" within 10 minutes").codes() == "E0309");
  CHECK(queue("late notify 1 + 1").codes() == "E0785");
  CHECK(queue("batch hourly at 16:00").codes() == "E0219");
  CHECK(queue("status by barcode").codes() == "E0787");
  CHECK(queue("batch daily at 16:00").codes().empty());
}

TEST_CASE("schedules and territories", "[people]") {
  const auto more = [](const std::string& text) { return queue("", text); };
  const Checked made = more(
      "schedule office \"Office\" { between 09:00 and 18:00 on working days  closed on sunday  timezone Europe/Berlin }\n"
      "schedule night { between 22:00 and 06:00 }\n"
      "territory north { regions \"Narvik\"  schedule office }");
  INFO(made.text());
  REQUIRE(made.program != nullptr);
  // The first one is the bundle's calendar.
  REQUIRE(made.program->schedules.size() == 3);
  CHECK(made.program->schedules[0]->name.empty());
  const checked::Schedule& office = *made.program->schedules[1];
  CHECK(office.closed == 0x40);
  CHECK(office.hours[0].working_only);
  CHECK(office.zone == "Europe/Berlin");
  CHECK(made.program->schedules[2]->hours[0].to_s == 6 * 3600);
  CHECK(more("schedule s { }").codes() == "E0781");
  CHECK(more("schedule s { between 09:00 and 09:00 }").codes() == "E0781");
  CHECK(more("schedule s { between 09:00 and 10:00 on feasts }").codes() == "E0219");
  CHECK(more("schedule s { between 09:00 and 10:00, timezone Mars/Base }").codes() == "E0804");
  CHECK(more("schedule s { between 09:00 and 10:00 }\nschedule s { between 09:00 and 10:00 }").codes() == "E0202");
  CHECK(more("territory t { }").codes() == "E0782");
  CHECK(more("territory t { regions \"A\", capacity 5 call per month }").codes() == "E0782");
  CHECK(more("territory t { regions \"A\", capacity 5 cal per day }").codes() == "E0206");
  CHECK(more("territory t { regions \"A\", schedule s }").codes() == "E0781");
  CHECK(more("territory t { regions \"A\" }\nterritory u { regions \"B\", \"A\" }").codes() == "E0782");
}

}  // namespace dunlin::sema_test
