// What the checker says of experiments and of `migrate`: each mistake by its code, and the account that shows it.
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>

#include "lang/diag/render.h"
#include "lang/sema/check.h"
#include "lang/sema/experiments.h"

namespace dunlin::trial_test {

namespace {

const std::string department = R"(
bundle trial "On trial" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text, kind : enum { person, company } }
entity account of debtor { key id : text, overdue : money, score : int in 300..850 }
entity writ of account { key id : text }
event payment of account { amount : money }
event complaint of account { }
queue call { cost 12 }
parameter tone : text = "friendly"
strategy soft "Soft" for account {
  enrol when overdue > 0
  stage first { keep call "script", after 5 days : go later }
  stage later { keep call by tone, after 5 days : go gone, on payment : go first, on complaint : go gone }
  final stage gone
}
strategy soft_sms "Messages" for account { stage first { keep call "sms", after 9 days : go gone }, final stage gone }
strategy soft_mail "Letters" for account { stage first { keep call "mail", after 9 days : go gone }, final stage gone }
strategy court "Court" for writ { enrol when account.overdue > 0, stage filed { after 9 days : go done }, final stage done }
)";

struct Said {
  std::string codes, text;
  std::unique_ptr<checked::Program> program;
};

Said said_of(const std::string& more, const std::string& base = department) {
  SourceMap sources;
  Diagnostics diagnostics;
  const BundleSources bundle{{{"trial.dun", base + more}}};
  auto program = check_bundle(bundle, sources, diagnostics, {.stdlib = std::filesystem::path(DUNLIN_SOURCE_DIR) / "stdlib", .analyse = true});
  Said said{"", render_text(diagnostics, sources, {}), std::move(program)};
  for (const Diagnostic& one : diagnostics.all()) {
    const std::string code = one.code;
    if (one.severity != Severity::error || said.codes.find(code) != std::string::npos) continue;
    said.codes += (said.codes.empty() ? "" : " ") + code;
  }
  return said;
}

std::string experiment(const std::string& items, const std::string& name = "sms") { return "experiment " + name + " {\n" + items + "\n}\n"; }

const std::string arms = "champion soft 90%\nchallenger soft_sms 10%\n", run = "run 2026-12-01 to 2027-02-28\n";

}  // namespace

TEST_CASE("experiments that are wrong are said to be wrong", "[trial]") {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {experiment(arms), "E0760"},
      {experiment(arms + "run 2027-02-28 to 2026-12-01"), "E0760"},
      {experiment(arms + "run 2026-12-01 to 2027-02-28 between 09:00 and 12:00"), "E0760"},
      {experiment("champion soft 90%\nchallenger soft_sms 20%\n" + run), "E0761"},
      {experiment("champion soft 99.995%\nchallenger soft_sms 0.005%\n" + run), "E0761"},
      {experiment("arms of x { a 50%, b 40% }\namong account\n" + run), "E0761"},
      {"holdout 100% by debtor\n", "E0761"},
      {experiment("champion soft 100%\n" + run), "E0762"},
      {experiment("challenger soft 50%\nchallenger soft_sms 50%\n" + run), "E0762"},
      {experiment("champion soft 50%\nchampion soft_sms 50%\n" + run), "E0762"},
      {experiment("champion soft 80%\nchallenger soft_sms 10%\nchallenger soft_sms 10%\n" + run), "E0762"},
      {experiment("arms of x { a 100% }\n" + run), "E0762"},
      {experiment(arms + "arms of x { a 50%, b 50% }\n" + run), "E0762"},
      {experiment(arms + "layer l\n" + run) + experiment("champion soft_sms 90%\nchallenger soft_mail 10%\nlayer l\n" + run, "other"), "E0762"},
      {"holdout 2% by debtor { layer x }\n", "E0762"},
      {experiment("champion soft 90%\nchallenger softsms 10%\n" + run), "E0205"},
      {experiment("champion soft 90%\nchallenger court 10%\n" + run), "E0763 E0764"},
      {experiment(arms + "among debtor where kind = person\n" + run), "E0763"},
      {experiment("arms of x { a 50%, b 50% }\n" + run), "E0763"},  // strategies for accounts and for writs: whose arms?
      {experiment("arms of x { a 50%, a 50% }\namong account\n" + run), "E0202"},
      {experiment("arms of nothing { a 50%, b 50% = \"x\" }\namong account\n" + run), "E0766"},
      {experiment("arms of tone { a 50%, b 50% = 7 }\namong account\n" + run), "E0301"},
      {experiment(arms + "split by writ\n" + run), "E0767"},
      {experiment(arms + "layer l\nsplit by debtor\n" + run) +
           experiment("champion soft 90%\nchallenger soft_mail 10%\nlayer l\nsplit by account\n" + run, "other"),
       "E0767"},
      {experiment(arms + "guardrail count(complaint) < 3\n" + run), "E0769"},
      {experiment(arms + "guardrail rate(complaint) >= 1%\n" + run), "E0769"},
      {experiment(arms + "guardrail rate(complain) <= 1%\n" + run), "E0204"},
      {experiment(arms + "success last(payment).amount\n" + run), "E0301"},
      {experiment(arms + "success sum(payment.amount within 60 days of birth)\n" + run), "E0219"},
      {experiment(arms + "cost cost of stamps\n" + run), "E0219"},
      {experiment(arms + "among account where scores > 1\n" + run), "E0201"},
      {experiment(arms + run) + experiment(arms + run), "E0202 E0762"},
      {"holdout 2% by debtor\nholdout 3% by debtor\n", "E0202"},
  };
  for (const auto& [text, codes] : wrong) {
    const Said said = said_of(text);
    INFO(text << said.text);
    CHECK(said.codes == codes);
  }
}

TEST_CASE("populations that meet outside of a layer are shown by an account", "[trial]") {
  const auto two = [](const std::string& first, const std::string& second) {
    return experiment(arms + run + first) + experiment("champion soft 90%\nchallenger soft_mail 10%\n" + run + second, "mail");
  };
  const Said met = said_of(two("among account where score < 600", "among account where score in 590..700"));
  INFO(met.text);
  CHECK(met.codes == "E0765");
  CHECK(met.text.find("score = 59") != std::string::npos);
  CHECK(said_of(two("among account where score < 600", "among account where score >= 600")).codes.empty());
  CHECK(said_of(two("among account where score < 600\nlayer one", "among account where score > 500\nlayer one")).codes.empty());
  CHECK(said_of(two("layer one", "layer two")).codes == "E0765");  // of one champion: its accounts would be wanted by both
  CHECK(said_of(two("", "")).codes == "E0765");
  std::string later = two("", "");
  later.replace(later.rfind("2026-12-01 to 2027-02-28"), 24, "2027-03-01 to 2027-04-30");
  CHECK(said_of(later).codes.empty());
  // Arms inside a strategy, too; and apart from it where both have a layer.
  const std::string letters = experiment("arms of tone { a 50%, b 50% }\namong account\n" + run, "letters");
  CHECK(said_of(experiment(arms + run) + letters).codes == "E0765");
  CHECK(
      said_of(experiment(arms + "layer one\n" + run) + experiment("arms of tone { a 50%, b 50% }\namong account\nlayer two\n" + run, "letters")).codes.empty());
}

TEST_CASE("nobody goes from arm to arm, and a challenger is reached by the draw", "[trial]") {
  const std::string trial = experiment(arms + run);
  const auto with = [&](const std::string& rule) {
    std::string base = department;
    base.insert(base.find("after 9 days : go gone"), rule + ", ");
    return said_of(trial, base).codes;
  };
  CHECK(with("on payment : go soft") == "E0768");
  CHECK(with("on payment : go soft.later") == "E0768");
  CHECK(with("on payment : go soft_mail").empty());
  CHECK(said_of(trial + "table next(overdue : money) -> (to : stage) first {\n  | overdue || to |\n  | < 5 || soft.later |\n  | any || soft_mail.first |\n}\n",
                [] {
                  std::string base = department;
                  base.insert(base.find("after 9 days : go gone"), "on payment : go by next(overdue), ");
                  return base;
                }())
            .codes == "E0768");
  const std::string other = "strategy parked \"Parked\" for account {\n  stage here { ";
  const std::string end = " }\n}\nalways for account { on complaint : go parked }\n";
  CHECK(said_of(trial + other + "on payment : go soft" + end).codes.empty());
  CHECK(said_of(trial + other + "on payment : go soft.first" + end).codes.empty());
  CHECK(said_of(trial + other + "on payment : go soft.later" + end).codes == "E0768");
  CHECK(said_of(trial + other + "on payment : go soft_sms" + end).codes == "E0768");
  // Without the experiment nobody comes into the challenger, which is only a warning.
  CHECK(said_of("").text.find("no account ever comes into strategy `soft_sms`") != std::string::npos);
  CHECK(said_of(trial).text.find("no account ever comes into strategy `soft_sms`") == std::string::npos);
}

TEST_CASE("`arm` is asked in rules, of arms that there are", "[trial]") {
  const std::string trial = experiment("arms of letter_tone { friendly 50%, firm 50% }\namong account\n" + run, "letters");
  const auto with = [&](const std::string& rule) {
    std::string base = department;
    base.insert(base.find("after 5 days : go later"), rule + ", ");
    return said_of(trial, base);
  };
  CHECK(with("keep call \"firm\" while arm(letter_tone) = firm").codes.empty());
  CHECK(with("keep call \"firm\" while arm(letters) = firm").codes.empty());
  CHECK(with("keep call \"firm\" while arm(letter_tune) = firm").codes == "E0766");
  CHECK_FALSE(with("keep call \"firm\" while arm(letter_tone) = form").codes.empty());
  CHECK(with("keep call \"firm\" while arm() = firm").codes == "E0304");
  CHECK(said_of(trial + "extend account { is_firm = arm(letter_tone) = firm }").codes == "E0215");
  CHECK(said_of(trial + "test \"t\" { given account { letters: form }, at 2026-12-01 : expect not enrolled }").codes == "E0766");
}

TEST_CASE("challengers have the numbers from below, so that one that grows keeps those it has", "[trial]") {
  const auto shares = [](const std::string& items) {
    const Said said = said_of(experiment(items + run));
    INFO(said.text);
    REQUIRE(said.program);
    std::map<std::string, std::pair<int64_t, int64_t>> made;
    for (const auto& arm : said.program->trials->experiments[0].arms) made[arm.name] = {arm.from, arm.share};
    return made;
  };
  using Shares = std::map<std::string, std::pair<int64_t, int64_t>>;
  CHECK(shares("champion soft 89.5%\nchallenger soft_sms 10%\nchallenger soft_mail 0.5%\n") ==
        Shares{{"soft_sms", {0, 1000}}, {"soft_mail", {1000, 50}}, {"soft", {1050, 8950}}});
  CHECK(shares("challenger soft_sms 50%\nchampion soft 50%\n") == Shares{{"soft_sms", {0, 5000}}, {"soft", {5000, 5000}}});
}

TEST_CASE("`migrate` is for what is gone, and says where to", "[trial]") {
  const std::vector<std::pair<std::string, std::string>> lines = {
      {"migrate soft.calling -> soft.later\n", ""},        {"migrate old -> soft\n", ""},
      {"migrate soft.first -> soft.later\n", "E0770"},     {"migrate soft_mail -> soft\n", "E0770"},
      {"migrate soft.calling -> soft.latter\n", "E0205"},  {"migrate soft.calling -> sofd.later\n", "E0205"},
      {"migrate soft.calling -> soft\n", "E0205"},         {"migrate soft.calling -> soft.later\nmigrate soft.calling -> soft.first\n", "E0771"},
      {"migrate soft.calls -> soft.later = 1\n", "E0205"},
  };
  for (const auto& [text, codes] : lines) {
    const Said said = said_of(text);
    INFO(text << said.text);
    CHECK(said.codes == codes);
  }
  std::string base = department;
  base.insert(base.find("enrol when overdue > 0"), "var letters : int = 0\n  ");
  CHECK(said_of("migrate soft.mails -> soft.letters = mails + 1\n", base).codes.empty());
  CHECK(said_of("migrate soft.mails -> soft.letters\n", base).codes.empty());
  CHECK(said_of("migrate soft.mails -> soft.letters = \"one\"\n", base).codes == "E0301");
  const auto on_change = [&](const std::string& word) {
    std::string text = department;
    text.insert(text.find("enrol when overdue > 0"), "on change " + word + "\n  ");
    return said_of("", text).codes;
  };
  CHECK(on_change("restart").empty());
  CHECK(on_change("migrate").empty());
  CHECK(on_change("pin").empty());
  CHECK(on_change("forget") == "E0219");
}

}  // namespace dunlin::trial_test
