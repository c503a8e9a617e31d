#include <catch2/catch.hpp>

#include "tests/unit/front/front_test.h"

using namespace dunlin::front_test;

namespace {

struct Example {
  const char* text;
  const char* tree;
};

void check_all(std::initializer_list<Example> examples) {
  for (const Example& example : examples) {
    INFO(example.text);
    CHECK(expression(example.text) == example.tree);
  }
}

}  // namespace

TEST_CASE("operators bind as documented") {
  check_all({
      {"a + b * c", "(a + (b * c))"},
      {"a - b - c", "((a - b) - c)"},
      {"-a + b", "((-a) + b)"},
      {"-x default 0", "(-(x default 0))"},
      {"x default 0 + 1", "((x default 0) + 1)"},
      {"1 + x default -2 * y", "(1 + ((x default (-2)) * y))"},
      {"x default y default z", "((x default y) default z)"},
      {"a mod b + c", "((a mod b) + c)"},
      {"not a = b and c or d", "(((not (a = b)) and c) or d)"},
      {"a or b and c", "(a or (b and c))"},
      {"a < b and b >= c", "((a < b) and (b >= c))"},
      {"score known and score < 500 or broken >= 2", "(((score known) and (score < 500)) or (broken >= 2))"},
      {"a.b.c missing", "(a.b.c missing)"},
      {"f(a, b).c + g()", "(f(a, b).c + g())"},
      {"x in today..today + 14 days", "(x in [today..(today + 14_day)])"},
      {"dpd in 1..<30", "(dpd in [1..<30])"},
      {"p in { card, cash_loan }", "(p in {card, cash_loan})"},
      {"p not in [a, b]", "(p not in {a, b})"},
      {"if a then b else if c then d else e or f", "(if a then b else (if c then d else (e or f)))"},
      {"(if a then 1 else 2) + 3", "((if a then 1 else 2) + 3)"},
  });
}

TEST_CASE("literals are exact") {
  check_all({
      {"50_000", "50000"},
      {"12.50", "12.50"},
      {"12%", "12%"},
      {"0.5%", "0.5%"},
      {"2026-01-05", "2026-01-05"},
      {"2026-01-05 09:30", "2026-01-05T09:30"},
      {"2024-02-29", "2024-02-29"},
      {"08:00", "08:00"},
      {"23:59:59", "23:59:59"},
      {"18:00..20:30", "[18:00..20:30]"},
      {"h default 18:00..<20:30", "(h default [18:00..<20:30])"},
      {"3 days", "3_day"},
      {"1 day", "1_day"},
      {"2 business days", "2_business_day"},
      {"45 minutes", "45_minute"},
      {"1 month", "1_month"},
      {"2 quarters + 1 year - 3 weeks", "((2_quarter + 1_year) - 3_week)"},
      {"grace * 1 day", "(grace * 1_day)"},
      {"true", "true"},
      {"\"plain\"", "\"plain\""},
      {"\"a \\\"b\\\" \\\\ \\{x\\}\"", "\"a \"b\" \\ {x}\""},
      {"\"Dear {debtor.name}, {a + 1} left\"", "\"Dear {debtor.name}, {(a + 1)} left\""},
      {"\"{f(\"x\")}\"", "\"{f(\"x\")}\""},
  });
}

TEST_CASE("soft words are names and reserved ones become names in backquotes") {
  check_all({
      {"days + day + to + of", "(((days + day) + to) + of)"},
      {"`stage`", "stage"},
      {"`any`.`first name`", "any.first name"},
      {"days(overdue_since, today)", "days(overdue_since, today)"},
      {"priority.due", "priority.due"},
      {"остаток + zaległość + 残高", "((остаток + zaległość) + 残高)"},
      {"spent + 1", "(spent + 1)"},
  });
}

TEST_CASE("a name has one spelling whatever way its accents are typed") { CHECK(expression("caf\xC3\xA9") == expression("cafe\xCC\x81")); }

TEST_CASE("queries over history and lists") {
  check_all({
      {"count(call within 7 days per debtor)", "<count of call within 7_day per debtor>"},
      {"count(days of call.reached within 30 days)", "<count days of call.reached within 30_day>"},
      {"count(mail.sent since last(payment).at default enrolled_at)", "<count of mail.sent since (<last of payment>.at default enrolled_at)>"},
      {"sum(payment.amount within 30 days)", "<sum value payment.amount within 30_day>"},
      {"sum(payment.amount)", "<sum value payment.amount>"},
      {"last(call.reached.debtor).at", "<last of call.reached.debtor>.at"},
      {"exists(complaint within 90 days where severity = high)", "<exists of complaint within 90_day where (severity = high)>"},
      {"exists(p in parties where p.role = guarantor)", "<exists each p of parties where (p.role = guarantor)>"},
      {"sum(a.overdue for a in debtor.accounts where a.open)", "<sum value a.overdue each a of debtor.accounts where a.open>"},
      {"first(a in accounts where a.open by a.secured desc, a.id)", "<first each a of accounts where a.open by a.secured desc, a.id>"},
      {"max(a.dpd for a in accounts) default 0", "(<max value a.dpd each a of accounts> default 0)"},
      {"max(a, b)", "max(a, b)"},
      {"min(a)", "<min value a>"},
      {"count(call this week)", "<count of call this week>"},
      {"spent since enrolment", "<spent since enrolment>"},
      {"count(call since entry)", "<count of call since entry>"},
      {"f(a in b)", "f((a in b))"},
      {"duty(claim: x, on: today)", "duty(claim: x, on: today)"},
  });
}

TEST_CASE("match") {
  check_all({
      {"match r { | low -> 1 | medium, high -> 2 | otherwise -> 0 }", "(match r | low -> 1 | medium, high -> 2 | otherwise -> 0)"},
      {"match s {\n | missing -> 0\n | < 400 -> 1\n | 400..<600 -> 2\n | not 7, 8 -> 3\n | any -> 4\n}",
       "(match s | missing -> 0 | < 400 -> 1 | [400..<600] -> 2 | not {7, 8} -> 3 | any -> 4)"},
  });
}

TEST_CASE("a long chain of conditions does not become a deep tree") {
  std::string text = "a = 0";
  for (int i = 1; i < 3000; ++i) text += " or\n a = " + std::to_string(i);
  const std::string found = expression(text);
  CHECK(found.starts_with("("));
  size_t deepest = 0, depth = 0;
  for (const char c : found) {
    depth += c == '(' ? 1 : 0;
    deepest = std::max(deepest, depth);
    depth -= c == ')' ? 1 : 0;
  }
  CHECK(deepest < 30);
}
