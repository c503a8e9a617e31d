// Limits: channels, figures, windows, hours, and what is wrong with them.
#include <catch2/catch.hpp>

#include "checking.h"

using namespace dunlin;
using namespace dunlin::sema_test;
using checked::LimitRule;

namespace {

const std::string bundle = R"(
entity debtor { key id : text, timezone : timezone, kind : enum { person, company }, bankrupt : bool, n : int }
entity account of debtor { key id : text, overdue : money }
event frozen of debtor
event thawed of debtor
outcomes call of account { reached { debtor, third_party }, no_answer }
outcomes robot of account { played }
outcomes sms of account { sent }
queue call { outcomes call }
queue robot { outcomes robot, counts as call }
queue sms { outcomes sms, counts as message }
queue letter { counts as nothing }
strategy soft "Soft" for account {
  enrol when overdue > 0
  when overdue <= 0 : go cured
  stage calling { keep call "x", keep robot "x", keep sms "x", keep letter "x" }
  final stage cured
}
)";
Checked limits(const std::string& items) { return check(bundle + "limits \"L\" {\n" + items + "\n}\n"); }
const checked::Limits& made(const Checked& checked) {
  INFO(checked.text());
  REQUIRE(checked.program);
  return checked.program->limits.at(0);
}
using List = std::vector<checked::Index>;

}  // namespace

TEST_CASE("each figure of a line is a rule of its own, over the queues of the channel") {
  const Checked checked = limits("call at most 1 per day, 7 in any 7 days, n in any 36 hours per debtor and account");
  const auto& rules = made(checked).rules;
  REQUIRE(rules.size() == 3);
  CHECK(rules[0].queues == List{0, 1});
  CHECK(rules[0].window == LimitRule::Window::day);
  CHECK(rules[1].window == LimitRule::Window::rolling_days);
  CHECK(rules[1].length == 7);
  CHECK(rules[2].window == LimitRule::Window::rolling_exact);
  CHECK(rules[2].length == 36 * 3'600'000'000LL);
  CHECK(rules[1].text == "call at most 7 in any 7 days per debtor and account");
  CHECK(rules[1].keys.size() == 2);
  CHECK(made(checked).zone != checked::none);  // the debtor's own
  CHECK(made(limits("message at most 2 per calendar quarter")).rules[0].queues == List{2});
  CHECK(made(limits("any contact at most 2 per day per person")).rules[0].queues == List{0, 1, 2});
  CHECK(made(limits("call at most 2 per day counting conversations")).rules[0].counted_events.size() == 1);
  CHECK(made(limits("call at most 2 per day counting any contact")).rules[0].counted_queues == List{0, 1, 2});
  CHECK(made(limits("call at most 2 per day counting call.reached.debtor")).rules[0].counted_queues == List{0});
}

TEST_CASE("hours, pauses, bans and reserves") {
  const auto hours = made(limits("call between 08:00 and 22:00 on working days, 10:00 and 14:00 on saturday, 12:00 and 13:00 on others")).rules[0].hours;
  REQUIRE(hours.size() == 3);
  CHECK(hours[0].working_only);
  CHECK(hours[1].weekdays == 0x20);
  CHECK(hours[2].weekdays == 0x7f);
  const auto pause = made(limits("call none for 7 days after call.reached.debtor or frozen")).rules[0];
  CHECK(pause.after.size() == 2);
  CHECK(pause.pause == 7 * 8 + 1);
  const auto ban = made(limits("never any contact except letter, sms \"law\" to debtor from frozen until thawed or 60 days")).rules[0];
  CHECK(ban.except.size() == 2);
  CHECK(ban.until.size() == 1);
  CHECK(ban.pause == 60 * 8 + 1);
  const auto reserved = made(limits("message at most 4 per calendar week, 1 per day\nreserve 1 message per calendar week for \"promise\"")).rules;
  CHECK(reserved[0].reserves.size() == 1);
  CHECK(reserved[1].reserves.empty());
  CHECK(made(check(bundle + "limits \"A\" in force from 2026-01-01 to 2026-06-30 { call at most 1 per day }\n" +
                   "limits \"A\" in force from 2026-07-01 { call at most 2 per day }\n"))
            .from.has_value());
}

TEST_CASE("limits that are wrong") {
  CHECK(limits("calls at most 1 per day").codes() == "E0730");
  CHECK(limits("call at most 0 per day").codes() == "E0731");
  CHECK(limits("call between 20:00 and 08:00").codes() == "E0731");
  CHECK(limits("never any contact").codes() == "E0731");
  CHECK(limits("letter at most 1 per day").codes() == "E0732");
  CHECK(limits("sms at most 1 per day counting conversations").codes() == "E0732");
  CHECK(limits("reserve 1 message per calendar week for \"x\"").codes() == "E0733");
  CHECK(limits("message at most 1 per day\nreserve 2 message per day for \"x\"").codes() == "E0733");
  CHECK(limits("call at most 1 per day per debtr").codes() == "E0209");
  CHECK(limits("call at most 1 in any 2 months").codes() == "E0309");
  CHECK(limits("call between 08:00 and 20:00 on feast days").codes() == "E0219");
  CHECK(limits("call between 08:00 and 20:00 on others, 09:00 and 10:00 on monday").codes() == "E0504");
  CHECK(limits("slots to lower priority").codes() == "E0219");
  CHECK(limits("never call from thaw until thawed").codes() == "E0204");
  CHECK(limits("never call when debtor.kind").codes() == "E0307");
  CHECK(limits("applies when debtor.bankrupt\napplies when debtor.bankrupt").codes() == "E0123");
  CHECK(check(bundle + "limits \"A\" { call at most 1 per day }\nlimits \"A\" in force from 2026-07-01 { call at most 2 per day }\n").codes() == "E0202");
}
