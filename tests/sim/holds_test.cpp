// Holds against a register kept by hand: which stand, until when, what they stop, and how long clocks stood still.
#include <algorithm>
#include <catch2/catch.hpp>

#include "compiler/abi/clock.h"
#include "runtime/engine/holds.h"
#include "tests/sim/world.h"

namespace dunlin::sim_test {

namespace {

const char* const policy = R"(
bundle held "Held" { timezone Europe/Berlin, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text }
entity account of debtor { key id : text, overdue : money }
queue call { cost 1 }
queue mail { cost 1 }
hold quarrel for account { stops call, timers stop, lasts 48 hours, then review by supervisor }
hold estate { stops everything except mail "condolence", until lifted }
strategy soft "Soft" for account {
  enrol when overdue > 0
  var alarms : int = 0
  var ends : int = 0
  stage calling {
    keep call "script"
    keep mail "condolence"
    keep mail "demand" while not held(quarrel)
    rule "ticking"
    every 7 hours : set alarms = alarms + 1
    on quarrel.ended : set ends = ends + 1
    when held(quarrel) and held(estate) : go both
  }
  stage both {
    when not held(quarrel) or not held(estate) : go back
  }
}
strategy patience "Patience" for debtor {
  enrol when true
  stage waiting { after 100 hours : go done }
  stage done { }
}
)";

constexpr Instant hour = 3600 * abi::us_per_second;

/// The register: what a clerk would write down.
struct Entry {
  Instant from, until;  // until: by itself
  Instant lifted = abi::never;
  Instant to() const { return std::min(until, lifted); }
  bool stands(Instant t) const { return from <= t && t < to(); }
};

struct Register {
  std::vector<Entry> entries;
  void place(Instant at, Instant until) { entries.push_back({at, until}); }
  void lift(Instant at) {
    const auto first = std::ranges::find_if(entries, [&](const Entry& entry) { return entry.stands(at); });
    if (first != entries.end()) first->lifted = at;
  }
  bool stands(Instant t) const {
    return std::ranges::any_of(entries, [&](const Entry& entry) { return entry.stands(t); });
  }
  Instant last_end(Instant t) const {
    Instant end = t;
    for (const Entry& entry : entries) {
      if (entry.stands(t)) end = std::max(end, entry.to());
    }
    return end;
  }
};

class Desk {
 public:
  Desk(const Compiled& compiled, uint64_t seed)
      : compiled_(compiled), dice_(seed), stepper_(compiled.program(), compiled.evaluator(), compiled.calendar(), compiled.settings()) {
    Portfolio portfolio(compiled);
    now_ = begin_ = compiled.day_start(date_of(2026, 3, 2) + dice_.below(60));
    portfolio.put("debtor", "d", "d", "", {}, now_ - 1);
    portfolio.put("account", "a", "d", "d", {{"overdue", 5000}}, now_ - 1);
    file_ = portfolio.case_of("a");
    account_ = file_->find(engine::stable_id("account", "a"));
    step();
  }

  void live(int turns) {
    for (int turn = 0; turn < turns; ++turn) {
      const Instant to = now_ + 1 + dice_.below(20) * hour / 2 + dice_.below(hour);
      // Every wake on the way is kept.
      while (wake_ < to) {
        now_ = std::max(wake_, now_);
        step();
        look();
      }
      now_ = to;
      happen();
      step();
      look();
    }
  }

  Register quarrels, estates;
  int stopped = 0, alarms = 0, ends = 0;

 private:
  int32_t type(const char* name) const { return checked::find_event(compiled_.program(), name); }

  void post(const char* name, int32_t instance, std::optional<Instant> until = {}) {
    const checked::EventType& made = compiled_.program().events[type(name)];
    std::vector<int64_t> slots(static_cast<size_t>(made.slot_count));
    if (until) {
      const checked::Field& field = made.fields[checked::find_field(made.fields, "until")];
      slots[field.slot] = 1;
      slots[field.slot + 1] = *until;
    }
    file_->inbox().push_back({.at = now_, .type = type(name), .instance = instance, .slots = slots});
  }

  void happen() {
    switch (dice_.below(7)) {
      case 0: {
        post("quarrel.placed", account_);
        return quarrels.place(now_, now_ + 48 * hour);
      }
      case 1: {
        const Instant until = now_ + (1 + dice_.below(200)) * hour / 3;
        post("quarrel.placed", account_, until);
        return quarrels.place(now_, until);
      }
      case 2:
      case 3:
        post("quarrel.lifted", account_);
        return quarrels.lift(now_);
      case 4:
        if (dice_.one_in(2)) return;
        post("estate.placed", 0);
        return estates.place(now_, abi::never);
      case 5:
        post("estate.lifted", 0);
        return estates.lift(now_);
      default:
        return;
    }
  }

  void step() {
    engine::StepResult result;
    stepper_.step(*file_, now_, result, {.version = 1});
    REQUIRE_FALSE(result.fault.has_value());
    for (const engine::NoteEffect& note : result.notes) reviews_ += note.whom == "supervisor";
    wake_ = result.wake_at;
    REQUIRE(wake_ > now_);
    const Instant last = std::min(wake_ - 1, now_ + 90 * 24 * hour);
    engine::StepResult again;
    stepper_.step(*file_, dice_.one_in(2) ? last : now_ + static_cast<Instant>(dice_.next() % static_cast<uint64_t>(last - now_ + 1)), again, {.version = 1});
    REQUIRE_FALSE(again.fault.has_value());
    REQUIRE_FALSE(again.had_effect());
  }

  /// Hours from the beginning in which no quarrel stood, by adding up stretches between everything that was written down.
  Instant free_time() const {
    std::vector<Instant> marks{begin_, now_};
    for (const Entry& entry : quarrels.entries) {
      marks.push_back(std::clamp(entry.from, begin_, now_));
      marks.push_back(std::clamp(entry.to(), begin_, now_));
    }
    std::ranges::sort(marks);
    Instant free = 0;
    for (size_t m = 1; m < marks.size(); ++m) {
      if (!quarrels.stands(marks[m - 1])) free += marks[m] - marks[m - 1];
    }
    return free;
  }

  void look() {
    const engine::InstanceState& state = file_->state(account_);
    const bool quarrel = quarrels.stands(now_), estate = estates.stands(now_);
    const checked::Program& program = compiled_.program();
    INFO("after " << (now_ - begin_) / hour << " hours");
    CHECK((program.stages[state.stage].name == "both") == (quarrel && estate));
    CHECK(engine::held_until(program.holds[checked::find_hold(program, "quarrel")], file_->instance(account_), now_) == quarrels.last_end(now_));
    CHECK(engine::standing_holds(program, file_->view(), now_).size() ==
          static_cast<size_t>(std::ranges::count_if(quarrels.entries, [&](const Entry& e) { return e.stands(now_); }) +
                              std::ranges::count_if(estates.entries, [&](const Entry& e) { return e.stands(now_); })));
    for (const engine::OpenTask& task : std::as_const(*file_).tasks()) {
      const std::string queue = program.queues[task.queue].name;
      const bool by_quarrel = queue == "call" && quarrel, by_estate = task.treatment != "condolence" && estate;
      if (by_estate) {
        CHECK(task.status == engine::TaskStatus::withheld);
      } else if (by_quarrel) {
        CHECK(task.status == engine::TaskStatus::ready);
        CHECK(task.not_before == quarrels.last_end(now_));
      } else {
        CHECK(task.status == engine::TaskStatus::ready);
        CHECK(task.not_before <= now_);
      }
      stopped += by_quarrel || by_estate;
    }
    // The stage's clock is kept by `go back`, and a tick that falls due meanwhile is not looked at: only an upper bound there.
    const Instant ticks = free_time() / (7 * hour);
    CHECK(state.variables[0] <= ticks);
    if (estates.entries.empty()) CHECK(state.variables[0] == ticks);
    alarms = static_cast<int>(state.variables[0]);
    ends = reviews_;
    // The debtor's own clock is no matter of a quarrel over one account.
    CHECK((program.stages[file_->state(0).stage].name == "done") == (now_ - begin_ >= 100 * hour));
  }

  const Compiled& compiled_;
  Dice dice_;
  engine::Stepper stepper_;
  std::unique_ptr<engine::CaseFile> file_;
  int32_t account_ = -1;
  Instant now_ = 0, begin_ = 0, wake_ = 0;
  int reviews_ = 0;
};

}  // namespace

TEST_CASE("holds stand, end and stop what the register says") {
  const Compiled compiled(policy);
  int stopped = 0, alarms = 0, ends = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    Desk desk(compiled, seed);
    desk.live(60);
    stopped += desk.stopped;
    alarms += desk.alarms;
    ends += desk.ends;
  }
  CHECK(stopped > 500);
  CHECK(alarms > 100);
  CHECK(ends > 30);
}

TEST_CASE("periods that meet are one") {
  const auto all = engine::joined({{10, 20}, {0, 5}, {20, 30}, {28, abi::never}, {7, 8}});
  REQUIRE(all.size() == 3);
  CHECK(all[2].from == 10);
  CHECK(all[2].to == abi::never);
  CHECK(all[1].to == 8);
}

}  // namespace dunlin::sim_test
