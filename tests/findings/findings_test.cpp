// Stages that are skipped, timers without an anchor, hours that never meet, what nothing uses: found where it is, and not where it is not. Of a skipped stage
// the engine itself is asked whether it is one.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "lang/diag/render.h"
#include "lang/sema/analysis/strategies.h"
#include "lang/sema/analysis/witness.h"
#include "lang/sema/check.h"
#include "runtime/simulate/test_runner.h"
#include "tests/sim/world.h"

namespace dunlin::sim_test {

namespace {

const std::string head = R"(
bundle planted "Planted" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text, status : enum { fresh, warned, filed } }
entity account of debtor { key id : text, balance : money, dpd : int, secured : bool, court_date : date?, late_since : date? }
event promise of account { due : date }
outcomes call of account { reached { promises, refuses }, no_answer }
queue call { outcomes call, cost 5 }
queue mail { cost 2 }
queue legal { cost 50 }
)";

struct Checked {
  std::vector<Diagnostic> all;
  std::string text;
  std::vector<std::string> codes() const {
    std::vector<std::string> codes;
    for (const Diagnostic& one : all) {
      // The head has more than each case needs.
      if (one.code != "E0612" && one.code != "E0613" && one.code != "E0603") codes.push_back(one.code);
    }
    return codes;
  }
  const Diagnostic& only(const std::string& code) const {
    const auto found = std::ranges::find(all, code, &Diagnostic::code);
    REQUIRE(found != all.end());
    return *found;
  }
};

Checked check(const std::string& text) {
  SourceMap sources;
  Diagnostics diagnostics;
  const BundleSources bundle{{{"planted.dun", text}}};
  (void)check_bundle(bundle, sources, diagnostics, CheckOptions{});
  return {diagnostics.all(), render_text(diagnostics, sources)};
}

using Codes = std::vector<std::string>;

std::string strategy(const std::string& stages, const std::string& more = "") {
  return head + "strategy soft \"Soft\" for account {\n  enrol when dpd > 0\n  when balance <= 0 : go paid\n" + more + stages +
         "  stage claim { on entry : legal \"claim\", after 90 days : go reminder }\n  final stage paid { enrol again when balance > 0 }\n}\n";
}

std::string ladder(const std::string& reminder, const std::string& notice) {
  return strategy("  stage reminder { every 7 days : mail \"reminder\"\n" + reminder + " }\n  stage notice {\n" + notice + " }\n");
}

std::string value_of(const Diagnostic& diagnostic, const std::string& name) {
  for (const auto& [key, value] : diagnostic.witness) {
    if (key == name) return value;
  }
  return "?";
}

/// The engine goes the way that the message tells.
void really_skipped(const std::string& text, const Diagnostic& found, const std::string& field, const std::string& lost) {
  std::string given;
  for (const auto& [name, value] : found.witness) {
    if (name.find(' ') == std::string::npos && name != "today" && name.find('.') == std::string::npos) given += fmt::format("{}: {}, ", name, value);
  }
  const Compiled compiled(text + fmt::format("test \"as told\" {{\n  given account {{ {}{}: {} }}\n  at 2026-01-05 : expect stage soft.reminder\n"
                                             "  at 2026-01-05 10:00 : set account.{} = {}, expect stage soft.claim, no task {}\n}}\n",
                                             given, field, value_of(found, field + " before"), field, value_of(found, field + " after"), lost));
  const auto report = simulate::run_tests(compiled.program(), compiled.evaluator(), compiled.calendar());
  REQUIRE(report.results.size() == 1);
  for (const auto& failure : report.results[0].failures) UNSCOPED_INFO(failure.expected << ", found " << failure.found);
  CHECK(report.results[0].passed());
}

}  // namespace

TEST_CASE("a jump of one figure leads through a stage") {
  const std::string text = ladder("when dpd >= 30 : go notice", "on entry : mail \"last_notice\"\n when dpd >= 60 : go claim");
  const Checked checked = check(text);
  INFO(checked.text);
  REQUIRE(checked.codes() == Codes{"E0616"});
  const Diagnostic& found = checked.only("E0616");
  CHECK(found.help.find("above the rule that leads in: `when dpd >= 60 : go claim`") != std::string::npos);
  CHECK(found.help.find("`after 1 day when dpd >= 60 : go claim`") != std::string::npos);
  CHECK(found.severity == Severity::warning);
  CHECK(value_of(found, "dpd after") == "60");
  CHECK(found.notes.at(0).message.find("with 30 in `soft.notice`") != std::string::npos);
  really_skipped(text, found, "dpd", "mail");
}

TEST_CASE("a standing task and a timer are lost too, and the date that days are counted from may jump") {
  for (const std::string work : {"keep call \"last\"", "after 3 days : mail \"last_notice\""}) {
    const std::string text = ladder("when dpd >= 30 and secured : go notice", work + "\n when dpd >= 60 : go claim");
    const Checked checked = check(text);
    INFO(checked.text);
    REQUIRE(checked.codes() == Codes{"E0616"});
    CHECK(value_of(checked.only("E0616"), "secured") == "true");
    really_skipped(text, checked.only("E0616"), "dpd", "call");
  }
  const Checked dated =
      check(ladder("when days(late_since, today) default 0 >= 30 : go notice", "keep call \"last\"\n when days(late_since, today) default 0 >= 60 : go claim"));
  CHECK(dated.codes() == Codes{"E0616"});
  const Checked status = check(ladder("when debtor.status != fresh : go notice", "keep call \"last\"\n when debtor.status = filed : go claim"));
  CHECK(status.codes() == Codes{"E0616"});
}

TEST_CASE("no stage is said to be skipped where nothing is lost, or where it is meant") {
  const auto quiet = [](const std::string& reminder, const std::string& notice) {
    const Checked checked = check(ladder(reminder, notice));
    INFO(checked.text);
    CHECK(checked.codes().empty());
  };
  const std::string mail = "on entry : mail \"last_notice\"\n";
  quiet("when dpd >= 60 : go claim\n when dpd >= 30 : go notice", mail + "when dpd >= 60 : go claim");  // it says so
  quiet("when dpd >= 30 : go notice", mail + "after 14 days when dpd >= 60 : go claim");                // its work comes first
  quiet("when dpd in 30..59 : go notice", mail + "when dpd >= 60 : go claim");                          // both never hold at once
  quiet("when dpd >= 30 : go notice", mail + "when balance > 1_000 : go claim");                        // two figures
  quiet("when dpd >= 30 : go notice", "on entry : mail \"last_notice\" stays\n when dpd >= 60 : go claim");
  quiet("when dpd >= 30 : go notice", mail + "when balance <= 0 and dpd >= 60 : go paid\n after 20 days : go claim");
  quiet("when dpd >= 30 : go notice", "when dpd >= 60 : go claim");  // nothing to lose
  quiet("when secured : go notice", mail + "when dpd >= 60 and secured : go claim");
}

TEST_CASE("many stages and conditions take no more work than is set apart for them") {
  std::string text = head + "extend account { ";
  for (int figure = 0; figure < 8; ++figure) text += fmt::format("f{} : int, ", figure);
  text += "}\nstrategy soft \"Soft\" for account {\n  enrol when balance > 0\n";
  constexpr int stages = 40;
  for (int stage = 0; stage < stages; ++stage) {
    text += fmt::format("  stage s{} {{ every 7 days : mail \"m{}\", after 30 days : go s{}\n", stage, stage, (stage + 1) % stages);
    for (int rule = 0; rule < 4; ++rule) {
      text += fmt::format("    when f{} >= {} and f{} < {} : go s{}\n", (stage + rule) % 8, 30 + stage * 7 + rule * 3, (stage * 3 + rule) % 8,
                          500 + stage - rule, (stage + 1 + rule * 3) % stages);
    }
    text += "  }\n";
  }
  text += "}\n";
  SourceMap sources;
  Diagnostics diagnostics;
  const auto program = check_bundle({{{"many.dun", text}}}, sources, diagnostics, CheckOptions{.analyse = false});
  INFO(render_text(diagnostics, sources));
  REQUIRE(program);
  analysis::Conditions conditions(*program);
  const analysis::Flow flow(*program);
  Diagnostics found;
  const uint64_t work = analysis::check_skipped_stages(*program, conditions, flow, found, {});
  CHECK(work < analysis::skipped_stages_work_max + 5'000);
  CHECK(found.all().size() > 20);
}

TEST_CASE("a timer that nobody gives an anchor, and nothing else leads on") {
  const auto stages = [](const std::string& waiting) {
    return check(strategy("  stage waiting {\n" + waiting +
                          "\n  }\n  stage reminder { every 7 days : mail \"reminder\", after 60 days : go waiting, when dpd > 90 : go claim }\n"));
  };
  const Checked found = stages("after court_date + 1 day : go reminder");
  INFO(found.text);
  REQUIRE(found.codes() == Codes{"E0617"});
  CHECK(value_of(found.only("E0617"), "court_date") == "missing");
  CHECK(stages("after court_date + 1 day : go reminder\n keep call \"ask\" while dpd > 5").codes() == Codes{"E0617"});
  // By this way in there is a promise, by that there is none.
  CHECK(stages("after last(promise).due + 1 day : go reminder").codes() == Codes{"E0617"});
  CHECK(stages("on promise : note \"promised\"\n after last(promise).due + 1 day : go reminder").codes() == Codes{"E0617"});
  // Somebody deals with it, somebody works for it, something else leads on, it is always there.
  CHECK(stages("after court_date + 1 day : go reminder\n every 30 days when court_date missing : legal \"ask\"").codes().empty());
  CHECK(stages("after court_date + 1 day : go reminder\n after 300 days : go reminder").codes().empty());
  CHECK(stages("after court_date + 1 day : go reminder\n on promise : go reminder").codes().empty());
  CHECK(stages("after court_date default today + 1 day : go reminder").codes().empty());
  CHECK(stages("keep call \"ask\"\n after last(call.reached).at + 1 day : go reminder").codes().empty());
  CHECK(stages("at court_date : legal \"go_there\"\n after 9 days : go reminder").codes().empty());
}

TEST_CASE("an event of the whole strategy leads on, too, unless it ends it") {
  const auto with = [](const std::string& event) {
    return check(strategy(
                     "  stage waiting { after court_date + 1 day : go reminder }\n  stage reminder { after 60 days : go waiting, when dpd > 90 : go claim }\n",
                     "  on promise : " + event + "\n"))
        .codes();
  };
  CHECK(with("go claim").empty());
  CHECK(with("go paid") == Codes{"E0617"});
}

TEST_CASE("standing tasks of one queue follow the account, and a literal that is none is no place to jump from") {
  const auto steps = [](const std::string& queue) {
    return check(head +
                 "strategy soft \"Soft\" for account {\n  enrol when dpd > 0\n  stage early { keep mail \"soft\", when dpd >= 30 : go middle }\n"
                 "  stage middle { keep call \"firm\", when dpd >= 60 : go late }\n  stage late { keep " +
                 queue + " \"hard\", after 90 days : go early }\n}\n")
        .codes();
  };
  CHECK(steps("call").empty());
  CHECK(steps("legal") == Codes{"E0616"});
  const Checked sorted =
      check(head +
            "strategy soft \"Soft\" for account {\n  enrol when dpd > 0\n"
            "  stage triage { when debtor.status = fresh or debtor.status = warned or debtor.status = filed : go home }\n"
            "  stage home { keep mail \"look\", when debtor.status = filed : go far }\n  stage far { keep call \"script\", after 90 days : go home }\n}\n");
  INFO(sorted.text);
  CHECK(std::ranges::none_of(sorted.all, [](const Diagnostic& one) { return one.code == "E0616"; }));
}

TEST_CASE("whoever comes in has what the timer counts from") {
  const auto entered = [](const std::string& way_in, const std::string& timer) {
    return check(strategy("  stage reminder { every 7 days : mail \"reminder\"\n" + way_in + " }\n  stage waiting { " + timer + " : go claim }\n"));
  };
  CHECK(entered("on promise : go waiting", "after last(promise).due + 2 days").codes().empty());
  CHECK(entered("when exists(promise) : go waiting", "after last(promise).due + 2 days").codes().empty());
  CHECK(entered("when court_date known : go waiting", "after court_date + 2 days").codes().empty());
  CHECK(entered("after court_date : go waiting", "after court_date + 2 days").codes().empty() == false);  // of the first stage, not of the second
  CHECK(entered("when dpd > 20 : go waiting", "after court_date + 2 days").codes() == Codes{"E0617"});
  CHECK(entered("on promise : go waiting, after 30 days : go waiting", "after last(promise).due + 2 days").codes() == Codes{"E0617"});
}

TEST_CASE("a timer that never comes due, or is put off again and again") {
  const auto calling = [](const std::string& rules) {
    return check(strategy(
        "  stage calling {\n" + rules + "\n  }\n  stage reminder { every 7 days : mail \"reminder\", after 60 days : go calling, when dpd > 90 : go claim }\n",
        "  var visit_on : date? = missing\n  var tries : int = 0\n"));
  };
  CHECK(calling("on promise : go reminder, after last(promise since entry).due + 2 days : go claim, after 9 days : go claim").codes() == Codes{"E0617"});
  CHECK(calling("on promise : note \"x\", after last(promise since entry).due + 2 days : go claim, after 9 days : go claim").codes().empty());
  CHECK(calling("at visit_on : legal \"visit\", after 9 days : go reminder").codes() == Codes{"E0617"});
  CHECK(calling("at visit_on : legal \"visit\", after 9 days : go reminder, on promise : set visit_on = today").codes().empty());

  CHECK(calling("keep call \"script\" { again 2 days }\n after last(call).at + 10 days : go reminder").codes() == Codes{"E0618"});
  CHECK(calling("keep call \"script\"\n after last(call).at + 10 days : go reminder").codes() == Codes{"E0618"});
  for (const std::string quiet :
       {"keep call \"script\" { again 2 days, attempts at most 6 in stage }\n after last(call).at + 10 days : go reminder",
        "keep call \"script\" while dpd > 3 { again 2 days }\n after last(call).at + 10 days : go reminder",
        "keep call \"script\" { again 20 days }\n after last(call).at + 10 days : go reminder",
        "keep call \"script\" { again 2 days }\n on call : go reminder\n after last(call).at + 10 days : go reminder",
        "keep call \"script\" { again 2 days }\n when count(call since entry) > 5 : go claim\n after last(call).at + 10 days : go reminder",
        "keep call \"script\" { again 2 days }\n after last(promise).at + 10 days : go reminder\n after 90 days : go claim",
        "keep call \"script\" { again 2 days }\n on call : set tries = tries + 1\n when tries >= 5 : go claim\n after last(call).at + 10 days : go reminder",
        "keep call \"script\" { again 2 days }\n after 60 days : go claim\n after last(call).at + 10 days : go reminder"}) {
    const Checked checked = calling(quiet);
    INFO(quiet << "\n" << checked.text);
    CHECK(checked.codes().empty());
  }
}

TEST_CASE("hours of several lines") {
  const auto with = [](const std::string& limits, const std::string& rule = "keep call \"script\"") {
    return check(head + limits + "strategy soft \"Soft\" for account {\n  enrol when dpd > 0\n  stage calling { " + rule + " }\n}\n").codes();
  };
  CHECK(with("limits \"A\" { call between 08:00 and 12:00 }\nlimits \"B\" { call between 13:00 and 20:00 }\n") == Codes{"E0734"});
  CHECK(with("limits \"A\" { call between 08:00 and 12:00, any contact between 13:00 and 20:00 }\n") == Codes{"E0734"});
  CHECK(with("limits \"A\" { call between 08:00 and 12:00 }\nlimits \"B\" { call between 12:00 and 20:00 }\n", "every 7 days : call \"once\"") ==
        Codes{"E0734"});
  CHECK(with("limits \"A\" { call between 08:00 and 13:00, call between 12:00 and 17:00, call between 16:00 and 20:00 }\n") == Codes{"E0734"});
  // One line for the week and one for the weekend: no day has both.
  CHECK(with("limits \"A\" { call between 08:00 and 12:00 on working days }\nlimits \"B\" { call between 08:00 and 12:00 on weekends }\n") == Codes{"E0734"});
  CHECK(with("limits \"A\" { call between 08:00 and 12:00 on working days, 10:00 and 12:00 on others }\nlimits \"B\" { call between 11:00 and 20:00 }\n")
            .empty());
  CHECK(with("limits \"A\" { call between 08:00 and 12:00 }\nlimits \"B\" { mail between 13:00 and 20:00 }\n").empty());
  CHECK(with("limits \"A\" { call between 08:00 and 12:00 }\nlimits \"B\" { applies when secured_debtor, call between 13:00 and 20:00 }\n"
             "extend debtor { secured_debtor = exists(a in accounts where a.secured) }\n")
            .empty());
  CHECK(with("limits \"A\" in force from 2026-01-01 to 2026-01-31 { call between 08:00 and 12:00 }\nlimits \"B\" { call between 13:00 and 20:00 }\n").empty());
}

TEST_CASE("hours of several lines and the window of a task") {
  const auto with = [](const std::string& limits, const std::string& window) {
    const Checked checked =
        check(head + "limits \"A\" { " + limits +
              " }\nstrategy soft \"Soft\" for account {\n  enrol when dpd > 0\n  stage calling { keep call \"script\" { window " + window + " } }\n}\n");
    std::string said;
    for (const Diagnostic& one : checked.all) said += one.code == "E0734" ? one.message + "\n" : "";
    return said;
  };
  // Each line leaves something of the window, both together nothing.
  CHECK(with("call between 08:00 and 13:00, any contact between 11:00 and 20:00", "19:00..09:00") ==
        "the limits `A` withhold this task for ever: its window 19:00..09:00 and their hours for `call` share no minute of any day\n");
  CHECK(with("call between 08:00 and 13:00, any contact between 11:00 and 20:00", "19:00..11:01").empty());
  CHECK(with("call between 08:00 and 13:00, any contact between 11:00 and 20:00", "09:00..11:01").empty());
  // Of a line that is enough by itself the others are not told.
  CHECK(with("call between 08:00 and 20:00, any contact between 07:00 and 21:00", "20:00..07:30") ==
        "the limits `A` withhold this task for ever: its window 20:00..07:30 and the hours that are permitted share no minute of any day\n");
  // Hours that meet nowhere are told once, whatever the window.
  CHECK(with("call between 08:00 and 12:00, any contact between 13:00 and 20:00", "09:00..10:00") ==
        "the limits `A` withhold this task for ever: their hours for `call` share no minute of any day\n");
  // On a Saturday the second line permits what the first forbids on working days.
  CHECK(with("call between 08:00 and 12:00 on working days, 10:00 and 18:00 on others, any contact between 11:00 and 20:00", "14:00..16:00").empty());
  CHECK_FALSE(with("call between 08:00 and 12:00 on working days, 10:00 and 14:00 on others, any contact between 11:00 and 20:00", "14:00..16:00").empty());
}

TEST_CASE("one line and the window of a task") {
  const auto with = [](const std::string& window, const std::string& line) {
    std::string entities = head;
    if (line.find("debtor.home") != std::string::npos) entities.replace(entities.find("entity debtor { "), 16, "entity debtor { home : timezone, ");
    return check(entities + "limits \"L\" { " + line + " }\nstrategy soft \"Soft\" for account {\n  enrol when dpd > 0\n  stage a { keep call \"x\" { window " +
                 window + " } }\n}\n")
        .codes();
  };
  CHECK(with("20:00..22:00", "call between 08:00 and 20:00") == Codes{"E0734"});  // the end is left out
  CHECK(with("19:59..22:00", "call between 08:00 and 20:00").empty());
  CHECK(with("22:00..08:00", "call between 08:00 and 20:00") == Codes{"E0734"});
  CHECK(with("22:00..08:01", "call between 08:00 and 20:00").empty());
  CHECK(with("20:00..22:00", "call between 08:00 and 20:00 on working days, 10:00 and 21:00 on others").empty());
  CHECK(with("20:00..22:00", "call between 08:00 and 20:00 in debtor.home").empty());  // some debtor's evening is another's noon
  CHECK(with("18:00..19:00", "never call") == Codes{"E0734"});
  CHECK(with("18:00..19:00", "never call when debtor.status = filed").empty());
}

TEST_CASE("a flag is tried as true and as false, and as nothing else") {
  SourceMap sources;
  Diagnostics diagnostics;
  const auto program =
      check_bundle({{{"planted.dun", head + "strategy soft \"Soft\" for account { enrol when secured = true and dpd > 0, stage calling { } }\n"}}}, sources,
                   diagnostics, CheckOptions{.analyse = false});
  INFO(render_text(diagnostics, sources));
  REQUIRE(program);
  const auto worth = analysis::values_worth_trying(*program, {.entity = 1, .roots = {program->strategies.at(0).enrol}, .accept = {}});
  const auto secured = worth.values.find({1, checked::find_field(program->entities.at(1).fields, "secured")});
  REQUIRE(secured != worth.values.end());
  std::vector<int64_t> slots;
  for (const analysis::Value& value : secured->second) slots.push_back(value.slot);
  std::ranges::sort(slots);
  CHECK(slots == std::vector<int64_t>{0, 1});
}

TEST_CASE("bans that are certainly about a task") {
  const auto with = [](const std::string& limits, const std::string& rule = "keep call \"script\"") {
    return check(head +
                 "entity party of debtor { key id : text, name : text personal }\nextend account { wording = if secured then \"law\" else \"script\" }\nlimits "
                 "\"A\" { " +
                 limits + " }\nstrategy soft \"Soft\" for account {\n  enrol when dpd > 0\n  stage calling { " + rule + " }\n}\n")
        .codes();
  };
  CHECK(with("never call") == Codes{"E0734"});
  CHECK(with("never call", "every 7 days : call \"once\"") == Codes{"E0734"});
  CHECK(with("never call except call \"script\"").empty());
  CHECK(with("never call except call \"law\"") == Codes{"E0734"});
  CHECK(with("never call except call \"law\"", "keep call by wording").empty());
  CHECK(with("never call to debtor") == Codes{"E0734"});
  CHECK(with("never call to party").empty());
  CHECK(with("never call to party", "keep call \"script\" to first(p in debtor.parties)") == Codes{"E0734"});
  CHECK(with("never call to debtor", "keep call \"script\" to first(p in debtor.parties)").empty());
  CHECK(with("never call to party", "keep call \"script\" for p in debtor.parties") == Codes{"E0734"});
}

TEST_CASE("the parts of a condition that exclude each other") {
  const Checked checked = check(head +
                                "extend account { private = not secured and dpd > 0 }\nstrategy soft \"Soft\" for account {\n"
                                "  enrol when dpd > 0 and balance > 10 and private and debtor.status = fresh and secured and dpd < 90 and balance < 1_000\n"
                                "  stage calling { keep call \"script\" }\n}\n");
  INFO(checked.text);
  const Diagnostic& found = checked.only("E0607");
  REQUIRE(found.notes.size() == 2);
  CHECK(found.notes[0].span.end - found.notes[0].span.begin == std::string("private").size());
  CHECK(found.notes[1].span.end - found.notes[1].span.begin == std::string("secured").size());
  CHECK(found.help.find("the others do not matter") != std::string::npos);
}

TEST_CASE("what is declared and never used") {
  const auto unused = [](const std::string& text) {
    std::vector<std::string> messages;
    for (const Diagnostic& one : check(R"(
bundle planted "Planted" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text }
entity account of debtor { key id : text, dpd : int }
queue mail { cost 2 }
strategy soft "Soft" for account { enrol when dpd > 0, stage letters { every 7 days : mail "demand" } }
)" + text)
                                     .all) {
      messages.push_back(one.code == "E0613" ? one.message : one.code + " " + one.message);
    }
    return messages;
  };
  using Messages = std::vector<std::string>;
  CHECK(unused("queue visit { cost 30 }\n") == Messages{"queue `visit` is never used"});
  CHECK(unused("enum branch { north, south }\n") == Messages{"enumeration `branch` is never used"});
  CHECK(unused("segmentation risk for account { high when dpd > 60, otherwise low }\n") == Messages{"segmentation `risk` is never used"});
  CHECK(unused("enum branch { north, south }\nextend account { home : branch }\n").empty());
  CHECK(
      unused(
          "segmentation risk for account { high when dpd > 60, otherwise low }\ntest \"r\" { given account { dpd: 70 }, at 2026-01-05 : expect risk = high }\n")
          .empty());
  CHECK(unused("queue visit { cost 30 }\nqueue drone { cost 3, counts as visit }\nalways for account { on seen : drone \"look\" }\nevent seen of account { }\n")
            .empty());
  CHECK(unused("outcomes visit of account { met }\nqueue visit { outcomes visit }\nextend account { seen = exists(visit.met) }\n").empty());
  CHECK(unused("hold calm { stops mail, until lifted }\nschedule office \"Office\" { between 09:00 and 18:00 on working days }\n").empty());
}

TEST_CASE("a failing expectation names the instance that a value belongs to") {
  const Compiled compiled(head + R"(
strategy soft "Soft" for account { enrol when dpd > 0, stage calling { every 7 days : call "script" } }
test "equal" {
  given debtor { status: filed }
  given account one { balance: 5 }
  given account two { balance: 7 }
  at 2026-01-05 : expect one.balance = two.balance
}
)");
  const auto report = simulate::run_tests(compiled.program(), compiled.evaluator(), compiled.calendar());
  REQUIRE(report.results.size() == 1);
  REQUIRE(report.results[0].failures.size() == 1);
  const std::string& found = report.results[0].failures[0].found;
  INFO(found);
  CHECK(found.find("one.balance = 5.00") != std::string::npos);
  CHECK(found.find("two.balance = 7.00") != std::string::npos);
}

}  // namespace dunlin::sim_test
