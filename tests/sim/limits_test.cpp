// No limit is ever exceeded: tasks are handed out whenever they may be, and the log of what was done is counted by hand.
#include <algorithm>
#include <catch2/catch.hpp>

#include "compiler/abi/clock.h"
#include "tests/sim/world.h"

namespace dunlin::sim_test {

namespace {

const char* const policy = R"(
bundle capped "Capped" { timezone Europe/Berlin, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text, name : text personal, bankrupt : bool }
entity account of debtor { key id : text, overdue : money }
entity party of account { key id : text, name : text personal }
event complaint of debtor { }
event settled of debtor { }
outcomes call of account { reached, no_answer }
outcomes robot of account { played }
queue call { outcomes call }
queue robot { outcomes robot, counts as call }

limits "Caps" {
  call at most 2 per day, 4 per calendar week, 9 in any 20 days per debtor
  call at most 1 per day per person
  call at most 2 per calendar week per account counting conversations
  robot none for 2 days after call.reached per account
  call between 09:00 and 20:00 on working days, 10:00 and 13:00 on others
  never call, robot when debtor.bankrupt
  never robot from complaint until settled or 5 days
  reserve 1 call per calendar week for "important"
}

strategy soft "Soft" for account {
  enrol when overdue > 0
  stage calling {
    keep call "script" { again 1 hour, priority 5 }
    keep call "important" { again 3 days, priority 9 }
    keep call "party" to p for p in parties { again 2 hours }
    keep robot "robot" { again 90 minutes, priority 1 }
  }
}
)";

constexpr Instant hour = 3600 * abi::us_per_second;

/// One contact that was made.
struct Done {
  Instant at = 0;
  int64_t date = 0, seconds = 0;  // local
  std::string queue, treatment, outcome;
  int32_t account = 0;
  int64_t person = 0;
};

int64_t week_of(int64_t date) { return (date + 3) / 7; }

/// Counts the log as a lawyer would, line by line of the policy.
void recount(const std::vector<Done>& log, const std::vector<int64_t>& complaints) {
  for (size_t i = 0; i < log.size(); ++i) {
    const Done& last = log[i];
    int day = 0, week = 0, twenty = 0, person = 0, others = 0, spoken = 0;
    bool rested = true;
    for (size_t j = 0; j <= i; ++j) {
      const Done& one = log[j];
      if (one.date == last.date) ++day;
      if (one.date == last.date && one.person == last.person) ++person;
      if (week_of(one.date) == week_of(last.date)) {
        ++week;
        if (one.treatment != "important") ++others;
        if (one.account == last.account && one.outcome == "call.reached") ++spoken;
      }
      if (last.date - one.date < 20) ++twenty;
      if (j < i && last.queue == "robot" && one.outcome == "call.reached" && one.account == last.account && last.date - one.date < 2) rested = false;
    }
    INFO("contact " << i << " of " << log.size() << ": " << last.queue << " " << last.treatment << " on date " << last.date);
    REQUIRE(day <= 2);
    REQUIRE(week <= 4);
    REQUIRE(twenty <= 9);
    REQUIRE(person <= 1);
    REQUIRE(others <= 3);
    REQUIRE(spoken <= 2);
    REQUIRE(rested);
    const bool weekend = abi::weekday_of(last.date) >= 6;
    REQUIRE(last.seconds >= (weekend ? 10 : 9) * 3600);
    REQUIRE(last.seconds < (weekend ? 13 : 20) * 3600);
    if (last.queue != "robot") continue;
    for (const int64_t complaint : complaints) REQUIRE_FALSE((complaint <= last.date && last.date < complaint + 5));
  }
}

class Desk {
 public:
  Desk(const Compiled& compiled, uint64_t seed)
      : compiled_(compiled), dice_(seed), stepper_(compiled.program(), compiled.evaluator(), compiled.calendar(), compiled.settings()) {
    Portfolio portfolio(compiled);
    now_ = compiled.day_start(date_of(2026, 3, 2) + dice_.below(60));
    portfolio.put("debtor", "d", "d", "", {{"bankrupt", 0}}, now_ - 1);
    for (const char* account : {"a", "b"}) {
      portfolio.put("account", account, "d", "d", {{"overdue", 5000}}, now_ - 1);
      portfolio.put("party", std::string("p") + account, "d", account, {}, now_ - 1);
    }
    file_ = portfolio.case_of("a");
  }

  void live(int hours) {
    for (int h = 0; h < hours; ++h) {
      now_ += dice_.below(3) * hour / 2 + dice_.below(hour);
      if (dice_.one_in(150)) complain();
      step();
      hand_out();
    }
  }

  /// A state that the next step would mend, because another version wrote it: a question leaves it as it is.
  bool ask_is_silent() {
    REQUIRE_FALSE(std::as_const(*file_).tasks().empty());
    const int32_t account = std::as_const(*file_).tasks()[0].instance;
    file_->state(account).stage = -1;
    const engine::InstanceState before = file_->state(account);
    stepper_.refusal(*file_, 0, now_);
    const engine::InstanceState& after = file_->state(account);
    return after.strategy == before.strategy && after.stage == before.stage && after.step_number == before.step_number &&
           after.marks.size() == before.marks.size();
  }

  void complain() {
    file_->inbox().push_back({.at = now_, .type = type("complaint"), .instance = 0, .slots = {}});
    complaints.push_back(abi::zone_of(compiled_.calendar()).local(now_).date);
  }

  std::vector<Done> log;
  std::vector<int64_t> complaints;
  int refused = 0, withheld = 0;

 private:
  int32_t type(const char* name) const { return checked::find_event(compiled_.program(), name); }

  void step() {
    engine::StepResult result;
    stepper_.step(*file_, now_, result, {.version = 1});
    REQUIRE_FALSE(result.fault.has_value());
    for (const auto& task : std::as_const(*file_).tasks()) withheld += task.status == engine::TaskStatus::withheld;
    // The law: nothing happens before the wake.
    if (result.wake_at <= now_ + 1) return;
    const Instant last = std::min(result.wake_at - 1, now_ + 400 * 24 * hour);
    engine::StepResult again;
    stepper_.step(*file_, dice_.one_in(2) ? last : now_ + 1 + static_cast<Instant>(dice_.next() % static_cast<uint64_t>(last - now_)), again, {.version = 1});
    REQUIRE_FALSE(again.fault.has_value());
    REQUIRE_FALSE(again.had_effect());
  }

  /// Whatever may go out goes out, one after the other; each leaves its outcome before the next is asked for.
  void hand_out() {
    for (size_t t = 0; t < file_->tasks().size(); ++t) {
      const engine::OpenTask task = std::as_const(*file_).tasks()[t];
      if (task.status != engine::TaskStatus::ready || task.not_before > now_) continue;
      if (stepper_.refusal(*file_, t, now_)) {
        ++refused;
        continue;
      }
      work(task);
      step();
      return;
    }
  }

  void work(const engine::OpenTask& task) {
    const std::string queue = compiled_.program().queues[task.queue].name;
    const std::string outcome = queue == "robot" ? "robot.played" : dice_.one_in(3) ? "call.reached" : "call.no_answer";
    const checked::EventType& made = compiled_.program().events[type(outcome.c_str())];
    std::vector<int64_t> slots(static_cast<size_t>(made.slot_count));
    const auto fill = [&](const char* name, int64_t value) {
      const checked::Field& field = made.fields[checked::find_field(made.fields, name)];
      slots[field.slot] = 1;
      slots[field.slot + 1] = value;
    };
    fill("treatment", reinterpret_cast<int64_t>(file_->text(task.treatment)));
    fill("task_identity", static_cast<int64_t>(task.identity));
    file_->inbox().push_back({.at = now_, .type = type(outcome.c_str()), .instance = task.instance, .slots = slots});
    const abi::LocalTime local = abi::zone_of(compiled_.calendar()).local(now_);
    log.push_back({now_, local.date, local.seconds, queue, task.treatment, outcome, task.instance, task.recipient});
  }

  const Compiled& compiled_;
  Dice dice_;
  engine::Stepper stepper_;
  std::unique_ptr<engine::CaseFile> file_;
  Instant now_ = 0;
};

}  // namespace

TEST_CASE("a pause that ends beyond the calendar withholds, and is no fault") {
  std::string text = policy;
  const std::string line = "never robot from complaint until settled or 5 days";
  text.replace(text.find(line), line.size(), "call, robot none for 60000 days after complaint\n  never robot from complaint until settled");
  const Compiled compiled(text);
  Desk desk(compiled, 1);
  desk.live(30);
  CHECK(desk.withheld == 0);
  desk.complain();
  desk.live(30);
  CHECK(desk.withheld > 0);
}

TEST_CASE("a task says until when the conditions of its limits hold") {
  std::string text = policy;
  const std::string line = "limits \"Caps\" {";
  text.replace(text.find(line), line.size(), "limits \"Later\" {\n  applies when today >= 2026-05-20\n  call at most 1 per day\n}\n" + line);
  const Compiled compiled(text);
  Portfolio portfolio(compiled);
  const Instant before = compiled.day_start(date_of(2026, 5, 11)), turn = compiled.day_start(date_of(2026, 5, 20));
  portfolio.put("debtor", "d", "d", "", {{"bankrupt", 0}}, before);
  portfolio.put("account", "a", "d", "d", {{"overdue", 5000}}, before);
  const auto file = portfolio.case_of("a");
  engine::Stepper stepper(compiled.program(), compiled.evaluator(), compiled.calendar(), compiled.settings());
  const auto lines_at = [&](Instant now) {
    engine::StepResult result;
    stepper.step(*file, now, result, {.version = 1});
    REQUIRE_FALSE(result.fault.has_value());
    REQUIRE_FALSE(std::as_const(*file).tasks().empty());
    CHECK(result.wake_at <= std::as_const(*file).tasks()[0].limits_until);
    return std::ranges::count(std::as_const(*file).tasks()[0].limits, '{');
  };
  const auto early = lines_at(before);
  CHECK(std::as_const(*file).tasks()[0].limits_until == turn);
  CHECK(lines_at(turn - 1) == early);
  CHECK(std::as_const(*file).tasks()[0].limits_until == turn);
  CHECK(lines_at(turn) == early + 1);
  CHECK(std::as_const(*file).tasks()[0].limits_until > turn);
}

TEST_CASE("asking whether a task may go out changes nothing") {
  const Compiled compiled(policy);
  Desk desk(compiled, 1);
  desk.live(30);
  CHECK(desk.ask_is_silent());
}

TEST_CASE("no limit is ever exceeded") {
  const Compiled compiled(policy);
  size_t contacts = 0, important = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    Desk desk(compiled, seed);
    desk.live(600);
    INFO("seed " << seed);
    recount(desk.log, desk.complaints);
    contacts += desk.log.size();
    for (const Done& done : desk.log) important += done.treatment == "important";
  }
  CHECK(contacts > 120);  // the limits are not kept by doing nothing
  CHECK(important > 20);
}

}  // namespace dunlin::sim_test
