#include "tests/sim/history.h"

#include <algorithm>

namespace dunlin::sim_test {

const char* const clock_policy = R"(
bundle sim "Simulated" { timezone Europe/Berlin, currency EUR, calendar none, day starts 06:00 }

entity debtor { key id : text, bankrupt : bool }
entity account of debtor {
  key id        : text
  overdue       : money
  overdue_since : date?
  next_due      : date?
  score         : int?
  dpd           = days(overdue_since, today) default 0
}
entity phone of debtor { key id : text, good : bool, rank : int }

event payment of account { amount : money }
event chargeback of account cancels payment { }
event complaint of debtor { }
event flagged of account { }

outcomes call of account {
  reached     { promises as promise (amount : money, due : date), refuses }
  not_reached { no_answer, busy }
}
queue call { outcomes call, cost 12, fields { script : text? } }
queue sms { cost 1 }
queue mail { cost 2 }

extend debtor {
  best = first(p in phones where p.good by p.rank)
  owed = sum(a.overdue for a in accounts)
}
extend account {
  paid_lately = sum(payment.amount within 10 days)
  tries       = count(call within 7 days)
  peaceful    = not exists(complaint within 14 days per debtor)
}
segmentation risk for account {
  high     when score known and score < 500 or tries >= 3
  medium   when dpd > 20
  otherwise low
}
table urgency(dpd : int, risk : risk) -> (points : int) first {
  | dpd    | risk || points |
  | > 45   | any  || 90     |
  | > 15   | high || 70     |
  | any    | high || 50     |
  | any    | any  || 10     |
}
table retry(outcome : call.outcome, attempts : int) -> (wait : duration) first {
  | outcome   | attempts || wait           |
  | busy      | any      || 15 minutes     |
  | no_answer | < 3      || 2 days         |
  | any       | any      || 1 business day |
}

limits "Caps" {
  applies when not debtor.bankrupt
  call at most 1 per day, 3 per calendar week, 5 in any 10 days per debtor
  call at most 2 in any 72 hours per debtor and account
  call none for 3 days after call.reached per debtor and account
  any contact between 08:00 and 20:00 on working days, 10:00 and 14:00 on others
  never call, sms when debtor.owed > 1500 and exists(payment within 6 days per debtor)
  never mail except mail "last" from complaint until flagged or 6 days
  slots to higher priority, reserve 1 call per calendar week for "nobody"
}
hold quarrel for account { stops call, sms "due_soon", timers stop, lasts 9 days, then review by supervisor }
hold silence { stops everything except mail "last", until lifted }
deadline answer for account 15 business days from last(quarrel.placed where lifted_at missing).at {
  warn 4 business days before : mail "soon"
  suspended while overdue > 700 and not held(silence)
  calendar pl
  missed : mail "late", lift quarrel
}
limits "Spring" in force from 2026-03-20 to 2026-06-15 { call at most 1 in any 3 days per account }

approval favour(share : decimal) { by boss, due 20 hours, lapses after 2 business days }
quota seats 3 per calendar week by overdue desc, dpd
allocation round { by overdue, shares { north 60%, south 40% }, cap 3_000 per agency, split by debtor }

strategy soft "Soft" for account {
  enrol when dpd in 1..60
  var letters : int = 0

  rule "asks"
  every 5 days :                            ask favour { share: 10% }, request seats
  on favour.lapsed :                        note "nobody decided", place with round for 4 days
  on seats.granted :                        note "granted", extend placement 2 days
  on round.ended where not asked(favour) :  note "back from the round"

  when overdue <= 0 :                       go cured
  when dpd > 60 :                           go hard
  on complaint :                            note "complained", hold silence for 6 days
  on quarrel.ended :                        note "over"

  stage reminder {
    on entry :                              sms "reminder"
    at next_due - 2 days else skip :        sms "due_soon"
    after 3 days :                          go calling
  }
  stage calling {
    keep call "script" to debtor.best while paid_lately < 50 and peaceful {
      again     by retry(outcome, attempts)
      attempts  at most 2 per day, 6 in stage
      window    18:00..20:30
      priority  { urgency: urgency(dpd, risk), owed: if debtor.owed > 900 then 5 else 0 }
      due       1 business day
      fields    { script: "risk {risk}" }
    }
    on promise :                            go promised
    rule "weekly letter"
    every 5 days at most 3 times when peaceful :   set letters = letters + 1, mail "demand"
    on call.reached.refuses :               hold quarrel for dpd * 1 day
    after 12 days in soft when letters >= 2 and not held(quarrel) :      go last_letter
  }
  stage promised {
    at last(promise).due - 1 day else skip :       sms "promise_tomorrow"
    when sum(payment.amount since entry) > 40 :    go kept
    after last(promise).due + 2 business days :    go back
  }
  stage kept { after 8 days : go calling }
  stage last_letter {
    on entry :                              mail "last" stays
    after 10 days when tries = 0 :          raise flagged { }, go calling
  }
  final stage cured { enrol again when overdue > 0 }
}

strategy hard "Hard" for account {
  when overdue <= 0 :                       go paid
  stage triage {
    keep mail "each" to p for p in debtor.phones where p.good while dpd < 80 { again 20 days }
    every 1 month :                         mail "monthly"
    after 10 business days when risk != low :      go court
  }
  stage court {
    every 3 days at most 5 times in hard when exists(payment within 4 days) : mail "thanks"
    after 30 days :                         go triage
  }
  final stage paid { enrol again when dpd > 0 }
}

always for account {
  on payment where amount > 500 :           notify supervisor "large"
  on flagged :                              note "flagged", lift silence
}
)";

std::string edited_clock_policy() {
  std::string text = clock_policy;
  const auto edit = [&](const std::string& from, const std::string& to) { text.replace(text.find(from), from.size(), to); };
  edit("after 3 days :                          go calling", "after 2 days :                          go calling");
  edit("var letters : int = 0", "var letters : int = 0\n  var said : text = \"nothing\"");
  edit("on complaint :                            note \"complained\"",
       "on complaint :                            set said = \"much\", note \"complained {said}\"");
  edit("| > 45   | any  || 90     |", "| > 40   | any  || 95     |");
  return text;
}

std::vector<Given> History::account_fields(int64_t today) {
  const bool owes = !dice.one_in(4);
  return {{"overdue", owes ? 100 * (10 + dice.below(900)) : 0},
          {"overdue_since", today - dice.below(40), !owes},
          {"next_due", today + dice.below(20) - 3, dice.one_in(3)},
          {"score", 400 + dice.below(300), dice.one_in(3)}};
}

void found(const Compiled& compiled, Several& portfolios, History& history, int debtors) {
  const Instant at = compiled.day_start(history.date) - abi::us_per_second;
  for (int d = 0; d < debtors; ++d) {
    const std::string debtor = static_cast<size_t>(d) < history.names.size() ? history.names[static_cast<size_t>(d)] : "d" + std::to_string(d);
    history.debtors.push_back(debtor);
    portfolios.each([&](Portfolio& p) { p.put("debtor", debtor, debtor, "", {{"bankrupt", 0}}, at); });
    for (int64_t a = history.dice.below(2); a >= 0; --a) {
      const std::string account = debtor + "-" + std::to_string(a);
      history.accounts.push_back(account);
      const auto fields = history.account_fields(history.date);
      portfolios.each([&](Portfolio& p) { p.put("account", account, debtor, debtor, fields, at); });
    }
    for (int64_t f = history.dice.below(3); f >= 0; --f) {
      const std::vector<Given> fields{{"good", history.dice.below(2)}, {"rank", history.dice.below(5)}};
      portfolios.each([&](Portfolio& p) { p.put("phone", debtor + "-p" + std::to_string(f), debtor, debtor, fields, at); });
    }
  }
}

namespace {

/// To a stage of either strategy, in which it may not be at all; or the order before is lifted.
void order(const Compiled& compiled, Several& portfolios, Dice& dice, const std::string& account, const std::string& debtor, Instant at) {
  static abi::Arena texts;
  const auto text = [&](const char* field, const std::string& value) { return Given{field, reinterpret_cast<int64_t>(texts.text(value))}; };
  const auto& stages = compiled.program().stages;
  const auto& stage = stages[static_cast<size_t>(dice.below(static_cast<int64_t>(stages.size())))];
  std::vector<Given> fields{text("who", "greta"), text("reason", "a word")};
  if (!dice.one_in(5)) {
    fields.push_back(text("strategy", compiled.program().strategies[static_cast<size_t>(stage.strategy)].name));
    fields.push_back(text("stage", stage.name));
    if (!dice.one_in(3)) fields.push_back({"until", at + dice.below(500) * 3600 * abi::us_per_second});
  }
  portfolios.each([&](Portfolio& p) { p.post("stage of account", "account", account, debtor, fields, at); });
}

}  // namespace

void happen(const Compiled& compiled, Several& portfolios, History& history, const std::string& account) {
  Dice& dice = history.dice;
  const std::string debtor = account.substr(0, account.find('-'));
  const Instant start = compiled.day_start(history.date), next = compiled.day_start(history.date + 1);
  Instant at = start + 1 + dice.below((next - start) / 1000) * 1000;
  if (dice.one_in(8)) at = next;
  if (dice.one_in(10)) at -= dice.below(4) * 86'400 * abi::us_per_second;
  if (dice.one_in(12)) at += dice.below(5) * 86'400 * abi::us_per_second;
  const Instant now = std::max(at, start + 1);
  if (history.orders && dice.one_in(4)) return order(compiled, portfolios, dice, account, debtor, at);
  switch (dice.below(10)) {
    case 0: {
      const std::vector<Given> amount{{"amount", 100 * (1 + dice.below(700))}};
      return portfolios.each([&](Portfolio& p) { p.post("payment", "account", account, debtor, amount, at); });
    }
    case 1:
      return portfolios.each([&](Portfolio& p) { p.post("chargeback", "account", account, debtor, {}, at); });
    case 2:
      return portfolios.each([&](Portfolio& p) { p.post("complaint", "debtor", debtor, debtor, {}, at); });
    case 3:
    case 4: {
      const auto fields = history.account_fields(history.date);
      return portfolios.each([&](Portfolio& p) { p.put("account", account, debtor, debtor, fields, std::min(now, next)); });
    }
    case 5: {
      const std::vector<Given> until{{"until", at + (dice.below(400) - 20) * 3600 * abi::us_per_second, dice.one_in(2)}};
      return portfolios.each([&](Portfolio& p) { p.post("quarrel.placed", "account", account, debtor, until, at); });
    }
    case 6: {
      const bool one = dice.one_in(2);
      return portfolios.each(
          [&](Portfolio& p) { p.post(one ? "quarrel.lifted" : "silence.lifted", one ? "account" : "debtor", one ? account : debtor, debtor, {}, at); });
    }
    default: {
      if (!history.calls) return;
      const auto file = portfolios[0].case_of(account);
      const auto rows = portfolios[0].store().tasks_of("account", account);
      for (const auto& task : std::as_const(*file).tasks()) {
        if (compiled.program().queues[task.queue].name != "call") continue;
        static const char* const outcomes[] = {"call.reached.promises", "call.reached.refuses", "call.not_reached.no_answer", "call.not_reached.busy"};
        const std::string outcome = outcomes[dice.below(4)];
        std::vector<Given> fields;
        if (outcome == outcomes[0]) fields = {{"amount", 5000}, {"due", history.date + dice.below(9)}};
        const auto row = std::ranges::find(*rows, task.id.text(), &store::TaskRow::id);
        if (row == rows->end() || row->entity != "account" || row->key != account) continue;
        portfolios.each([&](Portfolio& p) { p.complete(*row, static_cast<int64_t>(task.identity), outcome, fields, std::min(now, next)); });
        return;
      }
    }
  }
}

}  // namespace dunlin::sim_test
