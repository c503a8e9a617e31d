// A segmentation that changed is told by accounts that fall into another segment: exactly those pairs of segments that there are.
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "runtime/plan/compare.h"
#include "tests/support/bundle_world.h"

namespace dunlin {
namespace {

using plan::Change;
using test::BundleWorld;

const std::string head =
    "bundle b \"B\" { timezone UTC, currency EUR, calendar none, day starts 06:00 }\n"
    "entity debtor { key id : text, kind : enum { person, company } }\n"
    "entity account of debtor { key id : text, score : int? in 0..20, overdue : money, begun : date? }\n";

plan::Comparison compared(const std::string& before, const std::string& after) {
  const BundleWorld old_world(head + before), new_world(head + after);
  return plan::compare({old_world.program(), old_world.sources()}, {new_world.program(), new_world.sources()});
}

std::string pairs_text(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string text;
  for (const auto& [name, value] : pairs) text += (text.empty() ? "" : ", ") + name + " " + value;
  return text;
}

/// `score known and score < a` or `score missing` …, with the test's own meaning of it.
struct Condition {
  int kind = 0, bound = 0;
  bool company = false;
  std::string text() const {
    static const char* forms[] = {"score known and score < ", "score known and score >= ", "score default 7 < ", "score missing or score > "};
    return (company ? "debtor.kind = company and (" : "(") + std::string(forms[kind]) + std::to_string(bound) + ")";
  }
  bool holds(int score, bool is_company) const {  // score -1: missing
    if (company && !is_company) return false;
    if (kind == 0) return score >= 0 && score < bound;
    if (kind == 1) return score >= 0 && score >= bound;
    if (kind == 2) return (score < 0 ? 7 : score) < bound;
    return score < 0 || score > bound;
  }
};

struct RandomSegments {
  std::vector<Condition> cases;
  std::vector<int> order;  // which segment stands where
  std::string text() const {
    static const char* names[] = {"red", "amber", "green"};
    std::string all = "segmentation risk for account {\n";
    for (size_t i = 0; i < cases.size(); ++i) all += std::string("  ") + names[order[i]] + " when " + cases[i].text() + "\n";
    return all + "  otherwise " + names[order.back()] + "\n}\n";
  }
  std::string of(int score, bool company) const {
    static const char* names[] = {"red", "amber", "green"};
    for (size_t i = 0; i < cases.size(); ++i) {
      if (cases[i].holds(score, company)) return names[order[i]];
    }
    return names[order.back()];
  }
};

RandomSegments drawn(std::mt19937& dice) {
  RandomSegments made{{}, {0, 1, 2}};
  for (int i = 0; i < 2; ++i) made.cases.push_back({static_cast<int>(dice() % 4), static_cast<int>(1 + dice() % 19), dice() % 3 == 0});
  if (dice() % 2 == 0) std::ranges::shuffle(made.order, dice);
  return made;
}

}  // namespace

TEST_CASE("the accounts of a changed segmentation are exactly the pairs of segments that there are, and real") {
  std::mt19937 dice(20261123);
  for (int round = 0; round < 150; ++round) {
    const RandomSegments before = drawn(dice), after = drawn(dice);
    std::set<std::pair<std::string, std::string>> wanted, told;
    for (int score = -1; score <= 20; ++score) {
      for (const bool company : {false, true}) {
        if (before.of(score, company) != after.of(score, company)) wanted.insert({before.of(score, company), after.of(score, company)});
      }
    }
    const auto comparison = compared(before.text(), after.text());
    INFO(before.text() << after.text());
    for (const Change& change : comparison.changes) {
      if (change.name != "account.risk") continue;
      for (const auto& one : change.cases) {
        CHECK(told.insert({one.before, one.after}).second);
        int score = -1;
        bool company = false;
        for (const auto& [name, value] : one.witness) {
          if (name == "score" && value != "missing") score = std::stoi(value);
          if (name == "debtor.kind") company = value == "company";
        }
        CHECK(before.of(score, company) == one.before);
        CHECK(after.of(score, company) == one.after);
      }
    }
    CHECK(told == wanted);
  }
}

TEST_CASE("an account is told by all that either version reads") {
  const auto comparison = compared("segmentation risk for account { red when score known and score < 5 and overdue > 100, otherwise green }\n",
                                   "segmentation risk for account { red when score known and score < 3, otherwise green }\n");
  REQUIRE(comparison.changes.size() == 1);
  const auto& cases = comparison.changes[0].cases;
  REQUIRE(cases.size() == 2);
  for (const auto& one : cases) CHECK(pairs_text(one.witness).find("score ") != std::string::npos);
  for (const auto& one : cases) CHECK(pairs_text(one.witness).find("overdue ") != std::string::npos);
  CHECK(cases[0].before == "green");
  CHECK(cases[0].after == "red");
}

TEST_CASE("a segment that one version does not have, a figure, and what hangs on the day") {
  const auto more = compared("segmentation risk for account { red when score known and score < 5, otherwise green }\n",
                             "segmentation risk for account { red when score known and score < 5, amber when overdue > 10, otherwise green }\n");
  bool amber = false;
  for (const Change& change : more.changes) {
    for (const auto& one : change.cases) amber = amber || (one.before == "green" && one.after == "amber");
  }
  CHECK(amber);
  const auto figure = compared("extend account { fee = overdue * 2% }\n", "extend account { fee = if overdue > 500 then overdue * 3% else overdue * 2% }\n");
  REQUIRE(figure.changes.size() == 1);
  REQUIRE(figure.changes[0].cases.size() == 1);
  CHECK(pairs_text(figure.changes[0].cases[0].witness) == "overdue 500.01");
  const auto day = compared("extend account { late = days(begun, today) default 0 > 30 }\n", "extend account { late = days(begun, today) default 0 > 29 }\n");
  REQUIRE(day.changes[0].cases.size() == 1);
  CHECK(day.changes[0].cases[0].after == "true");
  CHECK(pairs_text(day.changes[0].cases[0].witness).find("today 2026-01-05") != std::string::npos);
}

TEST_CASE("accounts are of the version after: other ranges, other literals, fields that came and went") {
  const auto with = [](const std::string& fields, const std::string& segments) {
    return "bundle b \"B\" { timezone UTC, currency EUR, calendar none, day starts 06:00 }\nentity account { key id : text, " + fields + " }\n" + segments;
  };
  const BundleWorld before(with("score : int in 0..20, kind : enum { a, b }, gone : int",
                                "segmentation s for account { red when score < 3 or kind = b or gone > 2, otherwise green }\n"));
  const BundleWorld after(
      with("kind : enum { c, b, a }, score : int in 10..20, came : bool", "segmentation s for account { red when kind = c or came, otherwise green }\n"));
  const auto comparison = plan::compare({before.program(), before.sources()}, {after.program(), after.sources()});
  bool told = false;
  for (const Change& change : comparison.changes) {
    if (change.name != "account.s") continue;
    for (const auto& one : change.cases) {
      told = true;
      for (const auto& [name, value] : one.witness) {
        if (name == "score") CHECK(std::stoi(value) >= 10);
        if (name == "kind") CHECK(value != "c");  // there was none before
      }
    }
  }
  CHECK(told);
}

TEST_CASE("an account that the version before could not have had is no example, and a range that nobody asks for makes no difference") {
  const auto with = [](const std::string& fields, const std::string& segments) {
    return "bundle b \"B\" { timezone UTC, currency EUR, calendar none, day starts 06:00 }\nentity account { key id : text, " + fields + " }\n" + segments;
  };
  const auto cases = [&](const std::string& old_fields, const std::string& old_segments, const std::string& fields, const std::string& segments) {
    const BundleWorld before(with(old_fields, old_segments)), after(with(fields, segments));
    std::vector<plan::TableCases> found;
    for (const Change& change : plan::compare({before.program(), before.sources()}, {after.program(), after.sources()}).changes) {
      if (change.name == "account.s") found.insert(found.end(), change.cases.begin(), change.cases.end());
    }
    return found;
  };
  const std::string low = "segmentation s for account { red when score < 3, otherwise green }\n";
  CHECK(
      cases("score : int in 0..10", low, "score : int in 0..20", "segmentation s for account { red when score < 3 or score > 15, otherwise green }\n").empty());
  const auto some =
      cases("score : int in 0..10", low, "score : int in 0..20", "segmentation s for account { red when score < 5 or score > 15, otherwise green }\n");
  REQUIRE(some.size() == 1);
  const int score = std::stoi(some[0].witness.at(0).second);
  CHECK((score >= 3 && score < 5));
  CHECK(cases("score : int in 0..10, age : int in 0..10", low, "score : int in 0..10, age : int in 20..30",
              "segmentation s for account { red when score < 5, otherwise green }\n")
            .size() == 1);
}

TEST_CASE("a flag is true or false, whatever stands beside a border of it") {
  const auto comparison = compared("extend account { seen : bool }\nsegmentation risk for account { red when seen = true, otherwise green }\n",
                                   "extend account { seen : bool }\nsegmentation risk for account { red when seen != true, otherwise green }\n");
  REQUIRE(comparison.changes.size() == 1);
  REQUIRE(comparison.changes[0].cases.size() == 2);
  for (const auto& one : comparison.changes[0].cases) CHECK(pairs_text(one.witness) == (one.before == "red" ? "seen true" : "seen false"));
}

TEST_CASE("what rests on history is not made up") {
  const std::string paid = "event payment of account { amount : money }\n";
  const auto comparison = compared(paid + "segmentation risk for account { red when count(payment within 30 days) > 2, otherwise green }\n",
                                   paid + "segmentation risk for account { red when count(payment within 30 days) > 3, otherwise green }\n");
  REQUIRE(comparison.changes.size() == 1);
  CHECK(comparison.changes[0].cases.empty());
}

}  // namespace dunlin
