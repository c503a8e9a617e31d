// Constructs that the tour does not show, and the spellings of tests.
#include <catch2/catch.hpp>

#include "tests/unit/front/front_test.h"

using namespace dunlin::front_test;

TEST_CASE("bundle settings stand in any order and in one line") {
  CHECK(tree("bundle x \"X\" { timezone UTC currency EUR calendar none day starts 06:00 }") ==
        "bundle x \"X\" timezone UTC currency EUR calendar none day 06:00\n");
  CHECK(tree("bundle x { timezone America/Port-au-Prince, day starts 06:30 }") == "bundle x \"\" timezone America/Port-au-Prince day 06:30\n");
  CHECK(tree("bundle x { timezone America / Port-au-Prince }") == "bundle x \"\" timezone America/Port-au-Prince\n");
  CHECK(tree("bundle x { timezone \"Etc/GMT+3\" }") == "bundle x \"\" timezone Etc/GMT+3\n");
}

TEST_CASE("types") {
  CHECK(tree("record r { a : list of text?, b : record { c : int }, d : enum { x, y }?, e : money in 0..<100, f : list of list of int }") ==
        "type r record{a : list of text?, b : record{c : int}, d : enum{x, y}?, e : money in [0..<100], f : list of list of int}\n");
}

TEST_CASE("a parameter has a type, bounds and a value") {
  CHECK(tree("parameter p : decimal in 0%..50% = 30%") == "parameter p : decimal in [0%..50%] = 30%\n");
}

TEST_CASE("tables know their columns, hit policy, validity and file") {
  CHECK(tree("table t(a : int, b : text) -> (c : stage) collect in force from 2026-01-01 to 2026-06-30 from \"t.csv\"") ==
        "table t(a : int, b : text) -> (c : stage) collect in force from 2026-01-01 to 2026-06-30 from \"t.csv\"\n");
  CHECK(tree("table t(a : int) -> (b : int, c : text) {\n| a || b | c |\n| not 3, 4 || 1 | \"x\" |\n| missing || 2 | \"y\" |\n| otherwise || 0 | \"\" |\n}") ==
        "table t(a : int) -> (b : int, c : text)\n  header 1 a, b, c\n  not {3, 4} || 1 | \"x\"\n  missing || 2 | \"y\"\n  otherwise || 0 | \"\"\n");
}

TEST_CASE("an entity may lie over a table, with a column by which its changes are known") {
  CHECK(tree("entity a from table \"crm.a\" { key id : text }").starts_with("entity a from \"crm.a\"\n"));
  CHECK(tree("entity a of b from \"crm.a\" change by updated_at { key id : text }").starts_with("entity a of b from \"crm.a\" change by updated_at\n"));
  // A column may have a name that is a word of the language.
  CHECK(tree("entity a from table \"crm.a\" change by `stage` { key id : text }").starts_with("entity a from \"crm.a\" change by stage\n"));
  CHECK(tree("entity a change by updated_at { key id : text }").starts_with("mistakes"));
}

TEST_CASE("timers") {
  const auto rule = [](const std::string& text) {
    const std::string all = tree("always { " + text + " }");
    return all.substr(all.find('\n') + 3);
  };
  CHECK(rule("after 3 days when c : go x") == "after 3_day guard c : go x\n");
  CHECK(rule("after 45 days in soft : go x") == "after 45_day in soft : go x\n");
  CHECK(rule("at d.due - 1 day else skip : go x") == "at (d.due - 1_day) else skip : go x\n");
  CHECK(rule("at d else at once when c : go x") == "at d else at once guard c : go x\n");
  CHECK(rule("every 7 days at most 4 times when c : mail \"m\"") == "every 7_day at most 4 guard c : task mail \"m\"\n");
  CHECK(rule("every 1 month in soft : mail \"m\"") == "every 1_month in soft : task mail \"m\"\n");
  CHECK(rule("every 7 days at most n times in soft : mail \"m\"") == "every 7_day in soft at most n : task mail \"m\"\n");
  CHECK(rule("rule \"r\"\n on entry : restart stage") == "[r] on entry : restart\n");
  CHECK(rule("on a where b > 3 : go by next(x)") == "on a guard (b > 3) : go by next(x)\n");
}

TEST_CASE("actions") {
  const auto action = [](const std::string& text) {
    const std::string all = tree("always { on e : " + text + " }");
    const size_t at = all.find(" : ");
    return at == std::string::npos ? all : all.substr(at + 3);
  };
  CHECK(action("sms \"x\" to debtor { due: today } stays") == "task sms \"x\" to debtor {due: today} stays\n");
  CHECK(action("sms") == "task sms\n");
  CHECK(action("std.sms by letter(risk)") == "task std.sms letter(risk)\n");
  CHECK(action("raise promise { amount: 3 }, open writ { issued: today }") == "raise promise {amount: 3}, open writ {issued: today}\n");
  CHECK(action("cancel call \"x\", cancel call") == "cancel call \"x\", cancel call\n");
  CHECK(action("note \"n {x}\", notify supervisor \"s\"") == "note \"n {x}\", notify supervisor \"s\"\n");
  CHECK(action("ask settlement { discount: 30%   months: 6 }, place with first for 90 days") ==
        "ask settlement {discount: 30%, months: 6}, place first for 90_day\n");
}

TEST_CASE("a mistake in what a department adds spoils one item") {
  using List = std::vector<std::string>;
  CHECK(mistakes("limits \"l\" {\n  call at mots 7 in any 7 days\n  visit at most 1 per day\n  visit sometimes\n}\nuse x") == List{"E0106@2", "E0106@4"});
  CHECK(mistakes("experiment e \"x\" {\n  a soft 90%\n  champion soft 90%\n}") == List{"E0108@2"});
  CHECK(mistakes("hold h {\n  lasts 3 days\n  lasts 4 days\n}") == List{"E0123@3"});
}

TEST_CASE("tests stand beside the rules") {
  CHECK(tree("test \"t\" {\n"
             "  given account { balance: 12_000  overdue: 4_000 }\n"
             "  given party \"x\" of account { role: guarantor }\n"
             "  at 2026-01-05 09:30 : set account.balance = 0, expect not enrolled\n"
             "  expect no task call\n"
             "  expect no task\n"
             "  on 2026-01-06 payment of \"x\" { amount: 5 } : expect stage hard.triage of second, dpd = 4\n"
             "  on 2026-01-07 complaint\n"
             "}") ==
        "test \"t\"\n"
        "  given account {balance: 12000, overdue: 4000}\n"
        "  given party named x of account {role: guarantor}\n"
        "  at 2026-01-05T09:30\n"
        "    set account.balance = 0\n"
        "    expect not enrolled\n"
        "    expect no task call\n"
        "    expect no task\n"
        "  on 2026-01-06 payment of x {amount: 5}\n"
        "    expect stage hard.triage of second\n"
        "    expect expression (dpd = 4)\n"
        "  on 2026-01-07 complaint\n");
}
