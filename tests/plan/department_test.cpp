// What a department adds to its strategies: each change is told, with what stood there and what stands there now.
#include <algorithm>
#include <catch2/catch.hpp>

#include "lang/sema/check.h"
#include "runtime/plan/compare.h"

namespace dunlin {
namespace {

const std::string department = R"(bundle d "D" { timezone Europe/Warsaw, currency PLN, calendar none, day starts 06:00 }
entity debtor { key id : text }
entity account of debtor { key id : text, overdue : money, dpd : int, stayed : bool }
segmentation risk for account {
  deep when dpd > 90
  otherwise low
}
event served of account { }
parameter most : int = 4
outcomes call of account { reached { promises as promise (amount : money), refuses }, no_answer }
schedule office "Office" { between 09:00 and 18:00 on working days, 10:00 and 14:00 on saturday  closed on sunday }
territory north "North" { regions "Kiel", "Rostock"  capacity 12 call per day  schedule office }
queue legal { cost 50 }
queue call {
  outcomes call
  cost     12.00   // each
  lease    10 minutes
  needs    skill "soft", test "contact rules" within 365 days
  late     notify head_of(worker) "call them now, before the day is over"
}
hold stale { stops call, lasts 5 days }
hold dispute for account { stops call, until lifted }
approval settlement(discount : decimal) {
  by (if discount > 20% then "committee" else "leader")
  never requester
  due 1 business day
  lapses after 3 business days
}
quota filings for account most per calendar month by overdue desc
allocation round for account { shares { north 50%, west 50% }, cap 1_000 per agency, never same agency twice per debtor, split by debtor }
strategy suit "Suit" for account {
  enrol when overdue > 0
  stage waiting {
    keep call "script" while risk = low { again 1 hour }
    deadline answer 14 days from served {
      warn 3 business days before : legal "remind"
      suspended while stayed
      calendar pl
      missed : go by_default
    }
  }
  final stage by_default
}
deadline reply for account 20 days from served { calendar none, missed : note "late" }
feed balances "Balances" { due 07:00, late : hold outbound, refuse file when bad_rows > 50% or rows < 2 or total differs }
campaign "payday" { among list "payday.csv", run 2025-05-05 to 2025-05-07 between 09:00 and 12:00, call "payday", priority +50, at most 300 per day }
experiment tone { arms of letter_tone { soft 50%, firm 50% }, run 2026-12-01 to 2027-02-28 }
)";

struct Compared {
  SourceMap sources;
  std::unique_ptr<checked::Program> program;
  explicit Compared(const std::string& text, const std::string& list = "account\nA1\nA2\n") {
    Diagnostics diagnostics;
    const auto stdlib = std::string(DUNLIN_SOURCE_DIR) + "/stdlib";
    program = check_bundle({{{"bundle.dun", text}, {"payday.csv", list}}}, sources, diagnostics, {.stdlib = stdlib, .analyse = false});
    for (const auto& one : diagnostics.all()) UNSCOPED_INFO(one.code << " " << one.message << " " << sources.locate(one.span));
    REQUIRE(program != nullptr);
  }
  plan::VersionView view() const { return {*program, sources}; }
};

struct Edit {
  std::string from, to, what, name;
};

TEST_CASE("every declaration of a department is compared, and shown as it was and is") {
  const std::vector<Edit> edits{
      {"most : int = 4", "most : int = 5", "parameter", "most"},
      {"dpd > 90", "dpd > 60", "derived field", "account.risk"},
      {"18:00 on working", "17:00 on working", "schedule", "office"},
      {"\"Rostock\"", "\"Bremen\"", "territory", "north"},
      {"capacity 12", "capacity 13", "territory", "north"},
      {"12.00", "13.00", "queue", "call"},
      {"10 minutes", "11 minutes", "queue", "call"},
      {"within 365 days", "within 30 days", "queue", "call"},
      {"before the day is over", "before noon", "queue", "call"},
      {"queue legal { cost 50 }", "queue legal { cost 50, counts as call }", "queue", "legal"},
      {"lasts 5 days", "lasts 4 days", "hold", "stale"},
      {"discount > 20%", "discount > 25%", "request", "settlement"},
      {"lapses after 3", "lapses after 4", "request", "settlement"},
      {"per calendar month by overdue desc", "per calendar month by overdue", "request", "filings"},
      {"north 50%, west 50%", "north 60%, west 40%", "request", "round"},
      {"cap 1_000", "cap 2_000", "request", "round"},
      {"answer 14 days", "answer 30 days", "deadline", "answer"},
      {"calendar pl", "calendar ru", "deadline", "answer"},
      {"while stayed", "while not stayed", "deadline", "answer"},
      {"20 days from served", "21 days from served", "deadline", "reply"},
      {"due 07:00", "due 08:00", "feed", "balances"},
      {"late : hold outbound, refuse file when bad_rows > 50% or ", "refuse file when ", "feed", "balances"},
      {"rows < 2", "rows < 3", "feed", "balances"},
      {"or total differs", "", "feed", "balances"},
      {"at most 300 per day", "at most 400 per day", "campaign", "payday"},
      {"between 09:00 and 12:00", "between 10:00 and 12:00", "campaign", "payday"},
      {"run 2025-05-05", "run 2025-05-06", "campaign", "payday"},
      {"priority +50", "priority +60", "campaign", "payday"},
      {"soft 50%, firm 50%", "soft 60%, firm 40%", "experiment", "tone"},
  };
  const Compared before(department);
  CHECK(plan::compare(before.view(), Compared(department).view()).same());
  for (const Edit& edit : edits) {
    INFO(edit.from << " -> " << edit.to);
    std::string text = department;
    REQUIRE(text.find(edit.from) != std::string::npos);
    text.replace(text.find(edit.from), edit.from.size(), edit.to);
    const Compared after(text);
    const auto changes = plan::compare(before.view(), after.view()).changes;
    for (const auto& one : changes) UNSCOPED_INFO(one.what << " " << one.name << ": " << one.before << " -> " << one.after << " " << one.note);
    const auto told = std::ranges::find_if(changes, [&](const auto& one) { return one.what == edit.what && one.name == edit.name; });
    REQUIRE(told != changes.end());
    CHECK(told->kind == plan::ChangeKind::changed);
    CHECK(told->before != told->after);
    CHECK(told->note.find("made of") == std::string::npos);
    if (edit.what == "experiment") continue;  // its arms, by their shares
    const size_t word = edit.from.find_last_of(" :") == std::string::npos ? 0 : edit.from.find_last_of(" :") + 1;
    if (!edit.to.empty()) CHECK(told->before.find(edit.from.substr(word)) != std::string::npos);
  }
}

TEST_CASE("another list is another campaign") {
  const Compared before(department), after(department, "account\nA1\nA3\n"), laid_out(department, "account,note\nA1,x\nA2,y\n");
  const auto changes = plan::compare(before.view(), after.view()).changes;
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].what == "campaign");
  CHECK(plan::compare(before.view(), laid_out.view()).same());
}

}  // namespace
}  // namespace dunlin
