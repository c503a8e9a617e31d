// What an outcome was about counts, also where its event no longer says so plainly: it is the debtor's, or the rule that asked for it has another name by now.
#include <algorithm>
#include <catch2/catch.hpp>

#include "runtime/engine/identity.h"
#include "tests/sim/world.h"

namespace dunlin::limits_test {

namespace {

using engine::Instant;
using sim_test::Compiled;
using sim_test::Portfolio;

constexpr Instant hour = 3'600'000'000;

const char* const head = R"(
bundle about "About" { timezone Europe/Berlin, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text, name : text personal }
entity account of debtor { key id : text, overdue : money }
entity party of account { key id : text, name : text personal }
)";

/// One debtor with two accounts and somebody beside each.
class Case {
 public:
  explicit Case(const std::string& text)
      : compiled_(head + text),
        stepper_(compiled_.program(), compiled_.evaluator(), compiled_.calendar(), compiled_.settings()),
        now_(compiled_.day_start(sim_test::date_of(2026, 3, 3)) + 3 * hour) {
    Portfolio portfolio(compiled_);
    portfolio.put("debtor", "d", "d", "", {}, now_ - hour);
    for (const char* account : {"a", "b"}) {
      portfolio.put("account", account, "d", "d", {{"overdue", 5000}}, now_ - hour);
      portfolio.put("party", std::string("p") + account, "d", account, {}, now_ - hour);
    }
    file_ = portfolio.case_of("a");
    step();
  }

  void pass(Instant by) {
    now_ += by;
    step();
  }

  /// What a task came to: an event of this instance, of the nature that the rule gave the task.
  void happened(const std::string& outcome, const std::string& owner, const std::string& owner_key, engine::TaskNature nature) {
    const auto type = checked::find_event(compiled_.program(), outcome);
    const checked::EventType& made = compiled_.program().events[type];
    std::vector<int64_t> slots(static_cast<size_t>(made.slot_count));
    const auto fill = [&](const char* name, int64_t value) {
      const checked::Field& field = made.fields[checked::find_field(made.fields, name)];
      slots[field.slot] = 1;
      slots[field.slot + 1] = value;
    };
    fill("treatment", reinterpret_cast<int64_t>(file_->text(std::string(nature.treatment))));
    fill("task_identity", static_cast<int64_t>(engine::task_identity(nature)));
    file_->inbox().push_back({.at = now_, .type = type, .instance = file_->find(engine::stable_id(owner, owner_key)), .slots = slots});
    step();
  }

  /// Whether limits keep the task of this account, with this treatment, from going out now.
  bool refused(const std::string& account, const std::string& treatment) {
    const auto& tasks = std::as_const(*file_).tasks();
    const int32_t of = file_->find(engine::stable_id("account", account));
    const auto task = std::ranges::find_if(tasks, [&](const engine::OpenTask& one) { return one.instance == of && one.treatment == treatment; });
    REQUIRE(task != tasks.end());
    return stepper_.refusal(*file_, static_cast<size_t>(task - tasks.begin()), now_).has_value();
  }

  static int64_t id(const char* entity, const char* key) { return engine::stable_id(entity, key); }

 private:
  void step() {
    engine::StepResult result;
    stepper_.step(*file_, now_, result, {.version = 1});
    REQUIRE_FALSE(result.fault.has_value());
  }

  Compiled compiled_;
  engine::Stepper stepper_;
  std::unique_ptr<engine::CaseFile> file_;
  Instant now_ = 0;
};

}  // namespace

TEST_CASE("an outcome that is the debtor's counts for the account that its task was about", "[limits]") {
  Case one(R"(
outcomes visit of debtor { met, nobody }
queue visit { outcomes visit }
limits "Caps" { visit at most 1 per day per account }
strategy soft for account { enrol when overdue > 0  stage first { keep visit "see" { again 1 hour } } }
)");
  CHECK_FALSE(one.refused("a", "see"));
  one.happened("visit.met", "debtor", "d",
               {.instance = Case::id("account", "a"), .strategy = engine::hash_text("soft"), .queue = engine::hash_text("visit"), .treatment = "see"});
  one.pass(2 * hour);
  CHECK(one.refused("a", "see"));
  CHECK_FALSE(one.refused("b", "see"));
}

TEST_CASE("a pause begins with an outcome that is the debtor's, for the account that its task was about", "[limits]") {
  Case one(R"(
outcomes visit of debtor { met, nobody }
queue visit { outcomes visit }
limits "Pauses" { visit none for 2 days after visit.met per account }
strategy soft for account { enrol when overdue > 0  stage first { keep visit "see" { again 1 hour } } }
)");
  one.happened("visit.met", "debtor", "d",
               {.instance = Case::id("account", "b"), .strategy = engine::hash_text("soft"), .queue = engine::hash_text("visit"), .treatment = "see"});
  one.pass(2 * hour);
  CHECK(one.refused("b", "see"));
  CHECK_FALSE(one.refused("a", "see"));
}

TEST_CASE("an outcome whose strategy has another name by now counts for everybody it may have been with", "[limits]") {
  Case one(R"(
outcomes call of account { reached, no_answer }
queue call { outcomes call }
limits "Caps" { call at most 1 per day per person }
strategy mild for account { enrol when overdue > 0  stage first { keep call "party" to p for p in parties { again 1 hour }, keep call "script" { again 1 hour } } }
)");
  CHECK_FALSE(one.refused("a", "party"));
  // As the strategy `soft` of the version before had asked for it.
  one.happened("call.no_answer", "account", "a",
               {.instance = Case::id("account", "a"),
                .strategy = engine::hash_text("soft"),
                .queue = engine::hash_text("call"),
                .treatment = "party",
                .recipient = Case::id("party", "pa")});
  one.pass(2 * hour);
  CHECK(one.refused("a", "party"));
}

TEST_CASE("an outcome of a task to nobody in particular is with the debtor", "[limits]") {
  Case one(R"(
outcomes call of account { reached, no_answer }
queue call { outcomes call }
limits "Caps" { call at most 1 per day per person }
strategy soft for account { enrol when overdue > 0  stage first { keep call "party" to p for p in parties { again 1 hour }, keep call "script" { again 1 hour } } }
)");
  one.happened("call.no_answer", "account", "a",
               {.instance = Case::id("account", "a"), .strategy = engine::hash_text("soft"), .queue = engine::hash_text("call"), .treatment = "script"});
  one.pass(2 * hour);
  CHECK(one.refused("b", "script"));
  CHECK_FALSE(one.refused("a", "party"));
}

}  // namespace dunlin::limits_test
