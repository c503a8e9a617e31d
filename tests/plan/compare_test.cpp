// Comparing versions: what means the same shows no difference, and what differs is told exactly where.
#include "runtime/plan/compare.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "tests/support/bundle_world.h"

namespace dunlin {
namespace {

using plan::Change;
using plan::ChangeKind;
using plan::Comparison;
using test::BundleWorld;

const std::string head = "bundle b \"B\" { timezone UTC, currency EUR, calendar none, day starts 06:00 }\n";
const std::string data = R"(
entity account {
  key id : text
  overdue : money
  overdue_since : date?
  risk : enum { low, medium, high }
  dpd = days(overdue_since, today) default 0
}
event payment of account { amount : money }
queue mail { cost 1.50 }
queue call { cost 12 }
)";

Comparison compared(const std::string& before, const std::string& after) {
  const BundleWorld old_world(before), new_world(after);
  return plan::compare({old_world.program(), old_world.sources()}, {new_world.program(), new_world.sources()});
}

std::string strategy(const std::string& body) { return head + data + "strategy soft \"Soft\" for account {\n" + body + "\n}\n"; }

const std::string plain = strategy(R"(
  enrol when dpd > 0
  when overdue <= 0 : go cured
  when dpd > 90 : go late
  stage letters {
    on entry : mail "reminder"
    rule "weekly"
    every 7 days when risk = high and overdue > 50 : mail "demand" { }
    keep call "talk" while overdue > 100 { due 1 day }
  }
  stage late { after 30 days : mail "last" }
  final stage cured { enrol again when dpd > 0 }
)");

const Change* find(const Comparison& comparison, const std::string& part) {
  const auto found = std::ranges::find_if(comparison.changes, [&](const Change& change) { return change.name.find(part) != std::string::npos; });
  return found == comparison.changes.end() ? nullptr : &*found;
}

std::string limited(const std::string& lines) {
  return strategy("enrol when dpd > 0\n stage letters { keep phone \"talk\" while overdue > 0 { again 1 day } }") +
         "outcomes talk of account { spoke, busy }\nqueue phone { outcomes talk }\nlimits \"law\" {\n" + lines + "\n}\n";
}

TEST_CASE("a limit that may let more through is marked") {
  const std::string two = "phone at most 2 per day per account\nphone between 08:00 and 20:00";
  CHECK(compared(limited(two), limited("phone   between 08:00 and 20:00\n\nphone at most 2 per day per account")).same());
  const auto wider = [&](const std::string& before, const std::string& after) {
    const Comparison comparison = compared(limited(before), limited(after));
    CHECK_FALSE(comparison.same());
    return comparison.wider();
  };
  CHECK(wider(two, "phone at most 3 per day per account\nphone between 08:00 and 20:00"));
  CHECK_FALSE(wider(two, "phone at most 1 per day per account\nphone between 08:00 and 20:00"));
  CHECK(wider(two, "phone at most 1 per calendar week per account\nphone between 08:00 and 20:00"));  // seen as another line
  CHECK(wider(two, "phone at most 2 per day per account\nphone between 07:00 and 20:00"));
  CHECK(wider(two, "phone at most 2 per day per account"));
  CHECK_FALSE(wider("phone at most 2 per day per account", two));
  CHECK(wider("phone at most 2 per day per account", "applies when overdue > 10\nphone at most 1 per day per account"));
}

TEST_CASE("outcomes and events that are gone are told with what becomes of what they were told as") {
  const auto world = [](const std::string& outcomes, const std::string& queue, const std::string& line) {
    return strategy("enrol when dpd > 0\n stage letters { every 7 days : mail \"demand\" }") + "outcomes " + outcomes + "\nqueue phone { outcomes " + queue +
           " }\n" + "queue desk { outcomes hello }\noutcomes hello of account { yes, no }\nlimits \"law\" {\n" + line + "\n}\n";
  };
  const std::string daily = "phone at most 2 per day per account", was = world("talk of account { reached { spoke }, missed { busy } }", "talk", daily);
  const auto note = [&](const Comparison& comparison, const std::string& name) {
    const Change* change = find(comparison, name);
    REQUIRE(change != nullptr);
    CHECK(change->kind == ChangeKind::removed);
    return change->note;
  };
  SECTION("a branch has another name") {
    const Comparison comparison = compared(was, world("talk of account { reached { spoke }, unreached { busy } }", "talk", daily));
    CHECK(note(comparison, "talk.missed.busy").find("limits go on counting it as some `talk`;") != std::string::npos);
    CHECK(note(comparison, "talk.missed.busy").find("set aside") != std::string::npos);
    CHECK_FALSE(comparison.wider());
  }
  SECTION("the tree has another name") {
    const Comparison comparison = compared(was, world("chat of account { reached { spoke }, missed { busy } }", "chat", daily));
    CHECK(note(comparison, "talk.missed.busy").find("some `chat`") != std::string::npos);
    CHECK_FALSE(comparison.wider());
  }
  SECTION("its queue is gone") {
    std::string gone = world("chat of account { reached { spoke } }", "chat", "desk at most 1 per day per account");
    for (size_t at = gone.find("phone"); at != std::string::npos; at = gone.find("phone")) gone.replace(at, 5, "video");
    const Comparison comparison = compared(was, gone);
    const Change* change = find(comparison, "talk.missed.busy");
    REQUIRE(change != nullptr);
    CHECK(change->wider);
    CHECK(change->note.find("limits do not count these contacts any more") != std::string::npos);
    // What no line counted is no loss to any.
    const Comparison uncounted = compared(world("talk of account { reached { spoke }, missed { busy } }", "talk", "desk at most 1 per day per account"), gone);
    REQUIRE(find(uncounted, "talk.missed.busy") != nullptr);
    CHECK_FALSE(uncounted.wider());
  }
  SECTION("an event that is no outcome, and a field of another type") {
    const std::string plain_event = strategy("enrol when dpd > 0\n stage letters { every 7 days : mail \"demand\" }\n");
    CHECK(note(compared(plain_event + "event refund of account { total : money }\n", plain_event), "refund").find("set aside") != std::string::npos);
    const Comparison retyped =
        compared(plain_event + "event refund of account { total : money }\n", plain_event + "event refund of account { total : text }\n");
    REQUIRE(find(retyped, "refund") != nullptr);
    CHECK(find(retyped, "refund")->note == "`total` was money and is text; events that are kept cannot be read so");
  }
}

TEST_CASE("several lines that judge the same are paired by what they say") {
  const std::string first = "never phone when overdue < 5", second = "never phone when risk = low", both = first + "\n" + second;
  CHECK(compared(limited(both), limited(both)).same());
  CHECK(compared(limited(both), limited(second + "\n" + first)).same());
  const auto gone = compared(limited(both), limited(second));
  REQUIRE(gone.changes.size() == 1);
  CHECK(gone.changes[0].kind == ChangeKind::removed);
  CHECK(gone.changes[0].before == first);
  CHECK(gone.wider());
  const auto narrower = compared(limited(both), limited("never phone when overdue < 4\n" + second));
  REQUIRE(narrower.changes.size() == 1);
  CHECK(narrower.changes[0].before == first);
  CHECK(narrower.changes[0].after == "never phone when overdue < 4");
}

std::string limited_in_two_years(const std::string& first, const std::string& second) {
  return limited("phone at most 9 per calendar week per account") + "limits \"law\" in force from 2025-01-01 to 2025-12-31 {\n" + first +
         "\n}\nlimits \"law\" in force from 2026-01-01 {\n" + second + "\n}\n";
}

TEST_CASE("versions of a block of limits are compared each with its own") {
  const auto law = [](const std::string& first, const std::string& second) {
    std::string text = limited_in_two_years(first, second);
    text.replace(text.find("limits \"law\""), 12, "limits \"house\"");
    return text;
  };
  const std::string two = "phone at most 2 per day per account", one = "phone at most 1 per day per account";
  const std::string before = law(two, one);
  CHECK(compared(before, before).same());
  const auto wider = compared(before, law(two, two));
  REQUIRE(wider.changes.size() == 1);
  CHECK(wider.wider());
  CHECK(wider.changes[0].name.starts_with("law in force from 2026-01-01: "));
  CHECK(wider.changes[0].before == one);
  CHECK_FALSE(compared(before, law(one, one)).wider());
  CHECK(compared(before, law(two, one).replace(before.find("2025-12-31"), 10, "2025-11-30")).wider());
}

TEST_CASE("versions of a table are compared each with its own") {
  const auto fees = [](const std::string& to, const std::string& second) {
    return head + data + "table fee(overdue : money) -> (fee : decimal) in force from 2025-01-01 to " + to +
           " {\n| overdue || fee |\n| any || 2% |\n}\ntable fee(overdue : money) -> (fee : decimal) in force from 2026-01-01 {\n| overdue || fee |\n| any || " +
           second + " |\n}\nextend account { fee = fee(overdue) }\n";
  };
  const std::string before = fees("2025-12-31", "3%");
  CHECK(compared(before, before).same());
  const auto dearer = compared(before, fees("2025-12-31", "4%"));
  REQUIRE(dearer.changes.size() == 1);
  CHECK(dearer.changes[0].what == "table");
  CHECK(dearer.changes[0].name == "fee in force from 2026-01-01");
  REQUIRE(dearer.changes[0].cases.size() == 1);
  CHECK(dearer.changes[0].cases[0].before == "0.03");
  CHECK(dearer.changes[0].cases[0].after == "0.04");
  const auto shorter = compared(before, fees("2025-11-30", "3%"));
  const Change* dates = find(shorter, "fee in force from 2025-01-01 to 2025-11-30");
  REQUIRE(dates != nullptr);
  CHECK(dates->before == "in force from 2025-01-01 to 2025-12-31");
  std::string other = before;
  for (size_t at = other.find("fee("); at != std::string::npos; at = other.find("fee(", at + 5)) other.replace(at, 4, "cost(");
  const auto renamed = compared(before, other);
  CHECK(renamed.same());
  CHECK(renamed.renamed.size() == 1);
}

TEST_CASE("renamed, reordered and reformatted rules show no difference") {
  const std::string other = strategy(R"(
  enrol when 0 < dpd
  // exclusive: which stands first makes no difference
  when overdue <= 0 : go cured
  when dpd > 90 :
    go late
  final stage cured { enrol again when dpd > 0 }
  stage letters {
    keep call "talk" while 100 < overdue { due 1 day }
    rule "every week"
    every 7 days when overdue > 50 and risk = high : mail "demand"
    on entry : mail "reminder"
  }
  stage late { after 30 days : mail "last" }
)");
  const std::string first_stage_kept = other.substr(0, other.find("  final stage")) + other.substr(other.find("  stage letters"));
  std::string moved = first_stage_kept;
  moved.insert(moved.rfind('}'), "  final stage cured { enrol again when dpd > 0 }\n");
  const auto comparison = compared(plain, moved);
  for (const auto& change : comparison.changes) UNSCOPED_INFO(change.what << " " << change.name << ": " << change.before << " -> " << change.after);
  CHECK(comparison.same());
  REQUIRE(comparison.renamed.size() == 1);
  CHECK(comparison.renamed[0].after == "soft.letters: every week");
}

TEST_CASE("a condition that got a name of its own means the same") {
  std::string named = plain;
  named.replace(named.find("dpd > 90"), 8, "is_late");
  named.insert(named.find("strategy"), "extend account { is_late = dpd > 90 }\n");
  const auto comparison = compared(plain, named);
  REQUIRE(comparison.changes.size() == 1);
  CHECK(comparison.changes[0].what == "derived field");
  CHECK(comparison.changes[0].kind == ChangeKind::added);
}

TEST_CASE("a renamed definition is a renaming and nothing else") {
  const std::string before = head + data + "extend account { deep = dpd > 90\n worse = deep and overdue > 5 }\n";
  std::string after = before;
  for (size_t at = after.find("deep"); at != std::string::npos; at = after.find("deep", at + 4)) after.replace(at, 4, "late");
  const auto comparison = compared(before, after);
  CHECK(comparison.same());
  REQUIRE(comparison.renamed.size() == 1);
  CHECK(comparison.renamed[0].before == "account.deep");
  CHECK(comparison.renamed[0].after == "account.late");
}

TEST_CASE("each change is told where it was made") {
  struct Edit {
    std::string from, to, what, name;
    ChangeKind kind;
  };
  const std::vector<Edit> edits{
      {"every 7 days", "every 14 days", "rule", "soft.letters: weekly", ChangeKind::changed},
      {"overdue > 50", "overdue >= 50", "rule", "soft.letters: weekly", ChangeKind::changed},
      {"mail \"last\"", "call \"last\"", "rule", "soft.late", ChangeKind::removed},
      {"after 30 days", "after 30 days in soft", "rule", "soft.late", ChangeKind::changed},
      {"keep call \"talk\" while overdue > 100 { due 1 day }", "", "rule", "keep call", ChangeKind::removed},
      {"enrol when dpd > 0", "enrol when dpd > 5", "strategy", "soft", ChangeKind::changed},
      {"enrol again when dpd > 0", "enrol again when dpd > 1", "stage", "soft.cured", ChangeKind::changed},
      {"cost 12 ", "cost 13 ", "queue", "call", ChangeKind::changed},
      {"amount : money", "amount : money?", "event", "payment", ChangeKind::changed},
      {"overdue : money", "overdue : money personal", "field", "account.overdue", ChangeKind::changed},
      {"default 0", "default 1", "derived field", "account.dpd", ChangeKind::changed},
      {"06:00", "07:00", "bundle", "day starts", ChangeKind::changed},
  };
  for (const Edit& edit : edits) {
    std::string after = plain;
    const size_t at = after.find(edit.from);
    REQUIRE(at != std::string::npos);
    after.replace(at, edit.from.size(), edit.to);
    const auto comparison = compared(plain, after);
    INFO(edit.from << " -> " << edit.to);
    for (const auto& change : comparison.changes) UNSCOPED_INFO(change.what << " " << change.name << ": " << change.before << " -> " << change.after);
    const Change* change = find(comparison, edit.name);
    REQUIRE(change != nullptr);
    CHECK(change->what == edit.what);
    CHECK(change->kind == edit.kind);
    CHECK(comparison.changes.size() <= 2);  // a rule that does something else is one gone and one new
  }
}

TEST_CASE("the order of two rules is told where both could act, with an account") {
  const std::string a = "when overdue <= 0 : go cured\n", b = "when dpd > 90 : go late\n";
  std::string after = plain;
  const size_t from = after.find("when overdue");
  after.replace(from, after.find("  stage letters") - from, "when dpd > 90 : go late\n  when overdue <= 0 : go cured\n");
  const auto comparison = compared(plain, after);
  REQUIRE(comparison.changes.size() == 1);
  CHECK(comparison.changes[0].kind == ChangeKind::reordered);
  CHECK_FALSE(comparison.changes[0].witness.empty());
}

// ---- tables against the interpreter, on every case ----

struct RandomTable {
  std::string policy;
  std::vector<std::string> rows;
  std::string otherwise;
  std::string text() const {
    std::string all = "table t(a : int, r : risk, c : int?) -> (x : int) " + policy + " {\n| a | r | c || x |\n";
    for (const auto& row : rows) all += row;
    return all + otherwise + "}\n";
  }
};

class TableDice {
 public:
  explicit TableDice(uint32_t seed) : dice_(seed) {}
  int below(int n) { return static_cast<int>(dice_() % static_cast<uint32_t>(n)); }
  std::string number_cell(bool optional) {
    const int low = below(8), high = low + below(4);
    switch (below(optional ? 7 : 5)) {
      case 0:
        return "any";
      case 1:
        return "< " + std::to_string(low + 1);
      case 2:
        return ">= " + std::to_string(low);
      case 3:
        return std::to_string(low) + ".." + std::to_string(high);
      case 4:
        return std::to_string(low) + ", " + std::to_string(high + 1);
      case 5:
        return "missing";
      default:
        return "known";
    }
  }
  std::string risk_cell() {
    static const std::vector<std::string> cells{"any", "low", "medium", "high", "low, high", "not medium"};
    return cells[static_cast<size_t>(below(6))];
  }
  std::string row() { return "| " + number_cell(false) + " | " + risk_cell() + " | " + number_cell(true) + " || " + std::to_string(below(4)) + " |\n"; }
  RandomTable table() {
    static const std::vector<std::string> policies{"first", "sum", "count", "min", "priority"};
    RandomTable table{policies[static_cast<size_t>(below(5))], {}, ""};
    for (int r = 2 + below(4); r > 0; --r) table.rows.push_back(row());
    if (table.policy == "first" || table.policy == "priority") table.otherwise = "| otherwise || " + std::to_string(below(4)) + " |\n";
    return table;
  }
  RandomTable edited(RandomTable table) {
    for (int edits = 1 + below(2); edits > 0; --edits) {
      const auto at = static_cast<size_t>(below(static_cast<int>(table.rows.size())));
      switch (below(4)) {
        case 0:
          table.rows[at] = row();
          break;
        case 1:
          std::swap(table.rows[at], table.rows.front());
          break;
        case 2:
          table.rows.push_back(row());
          break;
        default:
          if (table.rows.size() > 1) table.rows.erase(table.rows.begin() + static_cast<std::ptrdiff_t>(at));
      }
    }
    return table;
  }

 private:
  std::mt19937 dice_;
};

/// Whether a value stands in a side as the comparison words it.
bool takes(const std::string& side, const std::string& value) {
  if (side == "any") return true;
  size_t from = 0;
  while (from <= side.size()) {
    size_t to = side.find(", ", from);
    if (to == std::string::npos) to = side.size();
    const std::string part = side.substr(from, to - from);
    from = to + 2;
    if (part == value) return true;
    if (value == "missing" || part == "missing" || value.empty() || !(std::isdigit(value[0]) || value[0] == '-')) continue;
    const int number = std::stoi(value);
    if (part == "known") return true;
    if (part.starts_with(">= ") && number >= std::stoi(part.substr(3))) return true;
    if (part.starts_with("<= ") && number <= std::stoi(part.substr(3))) return true;
    const size_t dots = part.find("..");
    if (dots != std::string::npos && number >= std::stoi(part.substr(0, dots)) && number <= std::stoi(part.substr(dots + 2))) return true;
  }
  return false;
}

std::string looked_up(BundleWorld& world, int a, int risk, int c) {
  test::CaseBuilder builder(world.program());
  auto* account = builder.add("account");
  builder.set(account, "a", a).set(account, "r", risk);
  if (c >= 0) builder.set(account, "c", c);
  const auto answer = world.ask("x", builder, account, world.at("2026-01-05 12:00"));
  return answer.fault == abi::Fault::none ? answer.value : "fault";
}

TEST_CASE("the cases of a changed table are exactly those that come out otherwise") {
  static const std::vector<std::string> risks{"low", "medium", "high"};
  int with_difference = 0;
  for (uint32_t seed = 0; seed < 60; ++seed) {
    TableDice dice(seed);
    const RandomTable table = dice.table(), other = dice.edited(table);
    const std::string frame = head + "enum risk { low, medium, high }\nentity account { key id : text, a : int, r : risk, c : int?, x = t(a, r, c) }\n";
    BundleWorld before(frame + table.text()), after(frame + other.text());
    const auto comparison = plan::compare({before.program(), before.sources()}, {after.program(), after.sources()});
    INFO("seed " << seed << "\n" << table.text() << other.text());
    std::vector<plan::TableCases> cases;
    for (const auto& change : comparison.changes) {
      CHECK(change.what == "table");
      CHECK(change.note == "");
      cases.insert(cases.end(), change.cases.begin(), change.cases.end());
    }
    with_difference += cases.empty() ? 0 : 1;
    for (int a = -1; a < 13; ++a) {
      for (int risk = 0; risk < 3; ++risk) {
        for (int c = -1; c < 13; ++c) {
          const bool differs = looked_up(before, a, risk, c) != looked_up(after, a, risk, c);
          const std::vector<std::string> values{std::to_string(a), risks[static_cast<size_t>(risk)], c < 0 ? "missing" : std::to_string(c)};
          const auto told = std::ranges::count_if(cases, [&](const auto& box) {
            return takes(box.where[0].second, values[0]) && takes(box.where[1].second, values[1]) && takes(box.where[2].second, values[2]);
          });
          if (told > 1) FAIL("told twice: " << values[0] << " " << values[1] << " " << values[2]);
          if (differs && told == 0) FAIL("not told: " << values[0] << " " << values[1] << " " << values[2]);
          if (!differs && told == 1) FAIL("told though it is the same: " << values[0] << " " << values[1] << " " << values[2]);
        }
      }
    }
  }
  CHECK(with_difference > 30);
}

}  // namespace
}  // namespace dunlin
