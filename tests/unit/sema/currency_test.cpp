// Accounts with a currency of their own: what may meet, and what says so.
#include "lang/sema/currency.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "checking.h"

using namespace dunlin;
using namespace dunlin::sema_test;

namespace {

const std::string portfolio = R"(
entity debtor { key id : text, income : money }
entity account of debtor { key id : text, currency : currency, overdue : money, balance : money, open : bool }
entity writ of account { key id : text, amount : money }
event payment of account { amount : money }
event complaint of debtor
outcomes call of account { reached, no_answer }
queue call { outcomes call, cost 3 }
parameter smallest : money = 10
function larger(a : money, b : money) -> money = if a > b then a else b
table step(owed : money) -> (least : money) first { | owed || least |
  | < 100 || 5 |
  | >= 100 || 20 | }
)";
Checked analysed(const std::string& text) { return check_files({{"rules.dun", head + text}}, true); }
/// Derived fields of the account and the debtor, in use.
Checked derived(const std::string& account, const std::string& debtor = "x = 0") {
  return analysed(portfolio + "extend account { " + account + " }\nextend debtor { " + debtor + " }\n" +
                  "strategy soft \"Soft\" for account {\n enrol when open\n stage a { after 1 day : go b }\n stage b { after 1 day : go a }\n}\n");
}
/// Codes about currencies, and what is no value of an enumeration.
std::string mistakes(const Checked& made) {
  std::string codes;
  for (const Diagnostic& one : made.diagnostics.all()) {
    const bool ours = std::string(one.code).starts_with("E032") || std::string(one.code).starts_with("E02");
    if (ours) codes += (codes.empty() ? "" : " ") + std::string(one.code);
  }
  return codes;
}
bool mixes(const Checked& made) { return made.codes().find("E0327") != std::string::npos; }

}  // namespace

TEST_CASE("codes of currencies are those of ISO 4217 with as many places") {
  CHECK(sema::minor_digits_of("JPY") == 0);
  CHECK(sema::minor_digits_of("KWD") == 3);
  CHECK(sema::minor_digits_of("PLN") == 2);
  CHECK_FALSE(sema::minor_digits_of("zł"));
  std::set<std::string> all;
  size_t count = 0;
  for (int places = 0; places <= 3; ++places) {
    const auto codes = sema::currencies_with(places);
    CHECK(std::is_sorted(codes.begin(), codes.end()));
    for (const std::string& code : codes) CHECK(sema::minor_digits_of(code) == places);
    all.insert(codes.begin(), codes.end());
    count += codes.size();
  }
  CHECK(all.size() == count);
  CHECK(sema::currencies_with(7).empty());
}

TEST_CASE("amounts of one account meet, and so do figures without a currency") {
  const std::string fields =
      GENERATE("x = overdue + balance", "x = overdue > 50", "x = larger(overdue, balance) > smallest", "x = step(overdue) + overdue",
               "x = sum(payment.amount within 30 days) + overdue", "x = sum(w.amount for w in writs) > overdue", "x = last(payment).amount default 0 > overdue",
               "x = overdue / balance default 0", "x = max(overdue, 10)", "x = converted(overdue, 4.2, EUR) > debtor.income",
               "x = if currency = EUR then overdue > debtor.income else false", "x = currency = EUR and overdue > debtor.income",
               "x = sum(a.overdue for a in debtor.accounts where a.currency = currency) > overdue",
               "x = sum(a.overdue for a in debtor.accounts where a.open and a.currency = USD) > 100",
               "x = sum(converted(a.overdue, if a.currency = USD then 0.9 else 1.0, EUR) for a in debtor.accounts) > debtor.income",
               "x = count(a in debtor.accounts where a.overdue > a.balance) > 1", "x = spent since enrolment > debtor.income",
               "half = overdue * 0.5, x = half > overdue");
  const Checked made = derived(fields);
  INFO(fields << "\n" << made.text());
  CHECK_FALSE(mixes(made));
  CHECK(made.program);
}

TEST_CASE("amounts of two currencies do not meet without a rate") {
  const std::string fields =
      GENERATE("x = overdue > debtor.income", "x = overdue + debtor.income > 0", "x = larger(overdue, debtor.income) > 0",
               "x = max(overdue, debtor.income) > 0", "x = spent since enrolment > overdue", "x = sum(a.overdue for a in debtor.accounts) > 100",
               "x = sum(payment.amount within 30 days per debtor) > 100", "x = max(a.overdue for a in debtor.accounts) default 0 > overdue",
               "x = (if open then overdue else debtor.income) > 0", "x = sum(a.overdue for a in debtor.accounts where a.currency = USD) > overdue",
               "x = sum(a.overdue for a in debtor.accounts where a.currency = USD) > debtor.income", "x = overdue / debtor.income > 0.5",
               "x = converted(overdue, 4.2, USD) > debtor.income", "x = exists(a in debtor.accounts where a.overdue > overdue)",
               "half = debtor.income * 0.5, x = half > overdue", "x = exists(a in debtor.accounts where a.currency = USD and a.overdue > debtor.income)");
  const Checked made = derived(fields);
  INFO(fields << "\n" << made.text());
  CHECK(mixes(made));
}

TEST_CASE("what a debtor owes in all is said in one currency") {
  CHECK(mixes(derived("x = 0", "total = sum(a.overdue for a in accounts)")));
  CHECK(mixes(derived("x = 0", "lead = first(a in accounts where a.open by a.overdue desc, a.id)")));
  const Checked euros = derived("x = debtor.total > debtor.income", "total = sum(a.overdue for a in accounts where a.currency = EUR)");
  INFO(euros.text());
  CHECK_FALSE(mixes(euros));
  CHECK(mixes(derived("x = debtor.total > overdue", "total = sum(a.overdue for a in accounts where a.currency = EUR)")));
}

TEST_CASE("what is derived from each of many is of many currencies too") {
  const Checked made = analysed(R"(
entity debtor { key id : text }
entity account of debtor { key id : text, open : bool }
entity loan of account { key id : text, currency : currency, amount : money }
extend debtor { owed = sum(first(l in a.loans by l.amount desc, l.id).amount default 0 for a in accounts) }
strategy soft "Soft" for account {
  enrol when open and debtor.owed > 5
  stage a { after 1 day : go b }
  stage b { after 1 day : go a }
}
)");
  INFO(made.text());
  CHECK(mixes(made));
}

TEST_CASE("an amount is kept where its currency is") {
  const auto kept = [](const std::string& rules) {
    return analysed(portfolio + "strategy soft \"Soft\" for account {\n enrol when open\n var promised : money = 0\n stage a { on payment : " + rules +
                    ", go b }\n" + " stage b { after 1 day when promised > 5 : go a }\n}\n");
  };
  const Checked good = kept("set promised = event.amount");
  INFO(good.text());
  CHECK_FALSE(mixes(good));
  CHECK(mixes(kept("set promised = debtor.income")));
}

TEST_CASE("a task that says how much says of which currency") {
  const auto asked = [](const std::string& fields, const std::string& values) {
    return analysed(portfolio + "queue mail { fields { " + fields + " } }\nstrategy soft \"Soft\" for account {\n enrol when open\n" +
                    " stage a { after 1 day : mail \"demand\" { " + values + " }, go b }\n stage b { after 1 day : go a }\n}\n");
  };
  CHECK(mistakes(asked("owed : money", "owed: overdue")) == "E0329");
  CHECK(mistakes(asked("owed : money, currency : currency", "owed: overdue, currency: currency")).empty());
  CHECK(mistakes(asked("owed : money", "owed: debtor.income")).empty());
}

TEST_CASE("currencies that are none are refused") {
  CHECK(mistakes(derived("x = currency = EUR")).empty());
  CHECK(mistakes(derived("x = currency = KWD")) == "E0216");  // three places: not counted like euros
  CHECK(analysed(portfolio + "entity loan of debtor { key id : text, a : currency, b : currency }").codes().find("E0328") != std::string::npos);
  CHECK(check_derived("x = converted(balance, 2.0, 1) > 0").codes().find("E0327") != std::string::npos);
  CHECK(check("enum currency { EUR, USD }\nentity debtor { key id : text }").codes().find("E0214") != std::string::npos);
}
