// Two accounts, one conversation: tasks that go out together take one slot, and what comes of them counts once. Counted by hand from the log.
#include <algorithm>
#include <catch2/catch.hpp>

#include "compiler/abi/clock.h"
#include "tests/sim/world.h"

namespace dunlin::sim_test {

namespace {

const char* const policy = R"(
bundle merging "Merging" { timezone Europe/Berlin, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text }
entity account of debtor { key id : text, overdue : money, dpd : int }
outcomes call of account { reached, no_answer }
outcomes mail of account { sent }
queue call { outcomes call, merge per debtor { lead by dpd desc, overdue desc, counts once } }
queue mail { outcomes mail, counts as call }
limits "Caps" {
  call, mail at most 1 per day, 3 per calendar week, 7 in any 20 days per debtor
  call at most 2 per calendar week per account
}
strategy soft "Soft" for account {
  enrol when overdue > 0
  stage calling {
    keep call "script" { again 1 hour, priority { size: if overdue > 70 then 6 else 5 } }
    keep mail "letter" while dpd > 20 { again 4 days, priority 1 }
  }
}
)";

constexpr Instant hour = 3600 * abi::us_per_second;
int64_t week_of(int64_t date) { return (date + 3) / 7; }

/// A contact with the debtor, about one account or more.
struct Talk {
  int64_t date = 0;
  bool mail = false;
  std::vector<int32_t> accounts;
};

class Debtor {
 public:
  Debtor(const Compiled& compiled, uint64_t seed, bool hands_out_together)
      : compiled_(compiled),
        dice_(seed),
        together_(hands_out_together),
        stepper_(compiled.program(), compiled.evaluator(), compiled.calendar(), compiled.settings()) {
    Portfolio portfolio(compiled);
    now_ = compiled.day_start(date_of(2026, 3, 2) + dice_.below(60));
    portfolio.put("debtor", "d", "d", "", {}, now_ - 1);
    for (const char* account : {"a", "b", "c"}) {
      portfolio.put("account", account, "d", "d", {{"overdue", 5000 + dice_.below(5000)}, {"dpd", dice_.below(40)}}, now_ - 1);
    }
    file_ = portfolio.case_of("a");
  }

  void live(int hours) {
    for (int h = 0; h < hours; ++h) {
      now_ += dice_.below(5) * hour + dice_.below(hour);
      step();
      look_at_ranks();
      hand_out();
    }
  }

  std::vector<Talk> log;
  int joint = 0, refused = 0;

 private:
  int32_t type(const char* name) const { return checked::find_event(compiled_.program(), name); }
  const std::vector<engine::OpenTask>& tasks() const { return std::as_const(*file_).tasks(); }
  int64_t field(const engine::OpenTask& task, const char* name) const {
    const abi::Instance& account = std::as_const(*file_).instance(task.instance);
    const auto& fields = compiled_.program().entities[account.entity].fields;
    return account.slots[fields[checked::find_field(fields, name)].slot];
  }
  bool is_call(const engine::OpenTask& task) const { return compiled_.program().queues[task.queue].name == "call"; }

  void step() {
    engine::StepResult result;
    stepper_.step(*file_, now_, result, {.version = 1});
    REQUIRE_FALSE(result.fault.has_value());
    // The law of sleeping holds for slots and places in the order, too.
    if (result.wake_at <= now_ + 1) return;
    const Instant last = std::min(result.wake_at - 1, now_ + 400 * 24 * hour);
    engine::StepResult again;
    stepper_.step(*file_, dice_.one_in(2) ? last : now_ + 1 + static_cast<Instant>(dice_.next() % static_cast<uint64_t>(last - now_)), again, {.version = 1});
    REQUIRE_FALSE(again.fault.has_value());
    REQUIRE_FALSE(again.had_effect());
  }

  /// 0, 1, 2 …, by days past due and then by what is overdue, the greatest first; alone: none.
  void look_at_ranks() const {
    std::vector<const engine::OpenTask*> calls;
    for (const auto& task : tasks()) {
      if (is_call(task)) calls.push_back(&task);
      if (!is_call(task)) REQUIRE(task.lead_rank == -1);
    }
    for (const auto* task : calls) {
      int64_t before = 0;
      for (const auto* other : calls) {
        before += std::pair(field(*other, "dpd"), field(*other, "overdue")) > std::pair(field(*task, "dpd"), field(*task, "overdue")) ? 1 : 0;
      }
      REQUIRE(task->lead_rank == (calls.size() > 1 ? before : -1));
      REQUIRE((task->age_rank >= 0) == (calls.size() > 1));
    }
  }

  /// One that may go out, and with it the other accounts' whose slot has come; each leaves its outcome at one instant.
  void hand_out() {
    for (size_t t = 0; t < tasks().size(); ++t) {
      const engine::OpenTask task = tasks()[t];
      if (task.status != engine::TaskStatus::ready || task.not_before > now_) continue;
      if (stepper_.refusal(*file_, t, now_)) {
        ++refused;
        continue;
      }
      std::vector<engine::OpenTask> gone = {task};
      for (size_t other = 0; together_ && is_call(task) && other < tasks().size(); ++other) {
        const engine::OpenTask& rider = tasks()[other];
        if (other == t || !is_call(rider) || rider.status != engine::TaskStatus::ready || rider.not_before > now_ || stepper_.refusal(*file_, other, now_))
          continue;
        gone.push_back(rider);
      }
      work(gone);
      return;
    }
  }

  void work(const std::vector<engine::OpenTask>& gone) {
    const std::string outcome = !is_call(gone[0]) ? "mail.sent" : dice_.one_in(3) ? "call.reached" : "call.no_answer";
    Talk talk{.date = abi::zone_of(compiled_.calendar()).local(now_).date, .mail = !is_call(gone[0])};
    joint += gone.size() > 1;
    for (const engine::OpenTask& task : gone) {
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
      talk.accounts.push_back(task.instance);
    }
    log.push_back(std::move(talk));
    step();
  }

  const Compiled& compiled_;
  Dice dice_;
  bool together_;
  engine::Stepper stepper_;
  std::unique_ptr<engine::CaseFile> file_;
  Instant now_ = 0;
};

void recount(const std::vector<Talk>& log) {
  for (size_t i = 0; i < log.size(); ++i) {
    int day = 0, week = 0, twenty = 0;
    std::map<int32_t, int> calls;
    for (size_t j = 0; j <= i; ++j) {
      if (log[j].date == log[i].date) ++day;
      if (log[i].date - log[j].date < 20) ++twenty;
      if (week_of(log[j].date) != week_of(log[i].date)) continue;
      ++week;
      if (log[i].mail || log[j].mail) continue;
      for (const int32_t account : log[j].accounts) ++calls[account];
    }
    INFO("contact " << i << " on date " << log[i].date);
    REQUIRE(day <= 1);
    REQUIRE(week <= 3);
    REQUIRE(twenty <= 7);
    for (const int32_t account : log[i].accounts) {
      if (!log[i].mail) REQUIRE(calls[account] <= 2);
    }
  }
}

}  // namespace

TEST_CASE("what goes out together takes one slot and counts once, and no limit is exceeded", "[merge]") {
  const Compiled compiled(policy);
  int joint = 0, refused = 0;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    INFO("seed " << seed);
    Debtor debtor(compiled, seed, true);
    debtor.live(200);
    recount(debtor.log);
    joint += debtor.joint;
    refused += debtor.refused;
    // Seven in twenty days, whatever the number of accounts.
    CHECK(debtor.log.size() >= 6);
  }
  CHECK(joint > 20);
  CHECK(refused == 0);
}

TEST_CASE("handed out one by one each is a contact, merged or not", "[merge]") {
  const Compiled compiled(policy);
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    INFO("seed " << seed);
    Debtor debtor(compiled, seed, false);
    debtor.live(150);
    recount(debtor.log);
  }
}

}  // namespace dunlin::sim_test
