// Every step of random histories is taken again from its record and gives the same, bit for bit; whoever changes a record is found.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>

#include "runtime/replay/replay.h"
#include "tests/sim/history.h"

namespace dunlin::sim_test {

namespace {

using replay::Difference;
using store::StepBatch;

int seeds(int usual) {
  const char* wanted = std::getenv("DUNLIN_SIM_SEEDS");
  return wanted == nullptr ? usual : std::atoi(wanted);
}

replay::Version version_of(const Compiled& compiled) { return {compiled.program(), compiled.evaluator(), compiled.calendar(), compiled.settings()}; }

struct Editions {
  Editions() : first(clock_policy), second(edited_clock_policy()) {}
  Compiled first, second;
};

/// A history of so many nights; the second edition is activated in the middle, if there is one.
struct Life {
  Life(const Compiled& compiled, uint64_t seed, int nights, bool every_wake, const Compiled* second = nullptr)
      : history{Dice(seed), {}, {}, date_of(2026, 2, 20) + static_cast<int64_t>(seed % 300)}, portfolios(compiled, 1) {
    found(compiled, portfolios, history, 3);
    const Compiled* now = &compiled;
    for (int n = 0; n < nights; ++n, ++history.date) {
      if (n == nights / 2 && second != nullptr) {
        REQUIRE(portfolios[0].store().prepare(second->program()).has_value());
        REQUIRE(portfolios[0].store().activate(second->program(), second->sources(), "tester", now->day_start(history.date)).has_value());
        now = second;
      }
      simulate::NightProgram night = now->night();
      night.version = now == second ? 2 : 1;
      const auto report = simulate::run_nights(portfolios[0].store(), night, history.date, history.date, {.batch_limit = 2, .every_wake = every_wake});
      REQUIRE(report.has_value());
      for (const std::string& account : history.accounts) {
        while (history.dice.one_in(6)) happen(compiled, portfolios, history, account);
      }
    }
  }
  store::StepLog& log() { return *store::step_log_of(portfolios[0].store()); }

  History history;
  Several portfolios;
};

replay::Report replayed(store::StepLog& log, const Compiled& first, const Compiled* second = nullptr) {
  const replay::Version one = version_of(first), two = version_of(second == nullptr ? first : *second);
  auto report = replay::replay_decisions(log, [&](int32_t number) -> store::Result<const replay::Version*> { return number == 1 ? &one : &two; },
                                         {.only_case = {}, .progress = {}, .seen = {}});
  REQUIRE(report.has_value());
  return *report;
}

std::string told(const replay::Report& report) {
  std::string text;
  for (const Difference& difference : report.differences) {
    text += std::string(replay::kind_text(difference.kind)) + " " + difference.key + " step " + std::to_string(difference.step) + "\n  recorded " +
            difference.recorded + "\n  computed " + difference.computed + "\n";
  }
  return text;
}

/// A log in which somebody has changed one thing.
class Changed final : public store::StepLog {
 public:
  explicit Changed(store::StepLog& log) : log_(log) {}
  std::function<bool(StepBatch&)> batch = [](StepBatch&) { return true; };  // false: the batch is gone
  std::function<void(std::vector<store::RecordedEvent>&)> events = [](auto&) {};

  store::Result<void> step_batches(int32_t bucket, const std::function<store::Result<void>(const StepBatch&)>& take) override {
    return log_.step_batches(bucket, [&](const StepBatch& kept) -> store::Result<void> {
      StepBatch changed = kept;
      if (!batch(changed)) return {};
      return take(changed);
    });
  }
  store::Result<std::vector<store::RecordedEvent>> recorded_events(const checked::Program& program, const store::SlotPlan& plan, int32_t bucket) override {
    auto found = log_.recorded_events(program, plan, bucket);
    if (found) events(*found);
    return found;
  }
  store::Result<std::vector<std::unique_ptr<engine::CaseFile>>> case_files_of(const checked::Program& program, int32_t bucket) override {
    return log_.case_files_of(program, bucket);
  }

 private:
  store::StepLog& log_;
};

std::vector<StepBatch> all_batches(store::StepLog& log) {
  std::vector<StepBatch> batches;
  for (int32_t bucket = 0; bucket < engine::bucket_count; ++bucket) {
    REQUIRE(log.step_batches(bucket,
                             [&](const StepBatch& batch) -> store::Result<void> {
                               batches.push_back(batch);
                               return {};
                             })
                .has_value());
  }
  return batches;
}

}  // namespace

TEST_CASE("every recorded step, taken again, gives what was recorded") {
  const Editions editions;
  int64_t steps = 0, decisions = 0;
  for (int seed = 1; seed <= seeds(12); ++seed) {
    INFO("seed " << seed);
    Life life(editions.first, static_cast<uint64_t>(seed), 50, seed % 3 == 0, seed % 2 == 0 ? &editions.second : nullptr);
    const auto report = replayed(life.log(), editions.first, &editions.second);
    INFO(told(report));
    REQUIRE(report.different == 0);
    REQUIRE(report.not_from_the_beginning == 0);
    REQUIRE(report.case_files == 3);
    steps += report.steps;
    decisions += report.decisions;
  }
  CHECK(steps > 500);
  CHECK(decisions > 500);
}

TEST_CASE("another program in the place of the version is found") {
  const Editions editions;
  Life life(editions.first, 5, 40, false);
  CHECK(replayed(life.log(), editions.first).different == 0);
  CHECK(replayed(life.log(), editions.second).different > 0);
}

TEST_CASE("a changed decision is found, whatever byte of it") {
  const Editions editions;
  Life life(editions.first, 3, 30, false);
  const auto batches = all_batches(life.log());
  Dice dice(11);
  int tried = 0;
  while (tried < 60) {
    const StepBatch& chosen = batches[static_cast<size_t>(dice.below(static_cast<int64_t>(batches.size())))];
    if (chosen.decisions.empty()) continue;
    ++tried;
    const auto at = static_cast<size_t>(dice.below(static_cast<int64_t>(chosen.decisions.size())));
    Changed changed(life.log());
    changed.batch = [&](StepBatch& batch) {
      if (batch.batch == chosen.batch && batch.bucket == chosen.bucket) batch.decisions[at] = static_cast<char>(batch.decisions[at] ^ 1);
      return true;
    };
    INFO("byte " << at << " of " << chosen.decisions);
    const auto report = replayed(changed, editions.first);
    REQUIRE(report.different > 0);
    CHECK(report.differences.front().kind == replay::Kind::decision);
  }
}

TEST_CASE("a batch that is gone, an event that is gone or another, an outcome that was changed: all are found") {
  const Editions editions;
  Life life(editions.first, 4, 40, false);
  const auto batches = all_batches(life.log());
  for (size_t b = 0; b < batches.size(); b += 3) {
    Changed gone(life.log());
    gone.batch = [&](StepBatch& batch) { return batch.batch != batches[b].batch || batch.bucket != batches[b].bucket; };
    const auto without = replayed(gone, editions.first);
    // Of the oldest it can only be said that the others cannot be taken again without it.
    const bool only = batches.size() > 1 && std::ranges::count(batches, batches[b].bucket, &StepBatch::bucket) == 1;
    CHECK((without.different > 0 || (batches[b].batch == 1 && (only || without.not_from_the_beginning > 0))));
    Changed other(life.log());  // the bytes after the number of the case file and of the step are what came of it
    other.batch = [&](StepBatch& batch) {
      if (batch.batch == batches[b].batch && batch.bucket == batches[b].bucket) batch.records[12] = static_cast<char>(batch.records[12] ^ 4);
      return true;
    };
    CHECK(replayed(other, editions.first).different > 0);
    Changed cut(life.log());
    cut.batch = [&](StepBatch& batch) {
      if (batch.batch == batches[b].batch && batch.bucket == batches[b].bucket) batch.records.pop_back();
      return true;
    };
    CHECK(replayed(cut, editions.first).different > 0);
  }
  const checked::Index payment = checked::find_event(editions.first.program(), "payment");
  Changed lost(life.log());
  lost.events = [&](auto& events) { std::erase_if(events, [&](const auto& event) { return event.type == payment && !event.waiting; }); };
  CHECK(replayed(lost, editions.first).different > 0);
  Changed larger(life.log());
  larger.events = [&](auto& events) {
    for (auto& event : events) {
      if (event.type == payment) event.values[0] = static_cast<char>(event.values[0] ^ 64);
    }
  };
  CHECK(replayed(larger, editions.first).different > 0);
  Changed unraised(life.log());
  unraised.events = [&](auto& events) { std::erase_if(events, [](const auto& event) { return event.raised; }); };
  CHECK(replayed(unraised, editions.first).different > 0);
}

TEST_CASE("every month begins with records that say all: whoever gives up what was before it can check what is left") {
  const Editions editions;
  int64_t later = 0;
  for (int seed = 1; seed <= seeds(8); ++seed) {
    INFO("seed " << seed);
    Life life(editions.first, static_cast<uint64_t>(seed), 75, seed % 3 == 0, seed % 2 == 0 ? &editions.second : nullptr);
    const auto all = replayed(life.log(), editions.first, &editions.second);
    const auto batches = all_batches(life.log());
    int32_t first = INT32_MAX, last = 0;
    for (const StepBatch& batch : batches) {
      first = std::min(first, store::month_of(batch.at));
      last = std::max(last, store::month_of(batch.at));
    }
    REQUIRE(first < last);
    for (int32_t month = first; month <= last; ++month) {
      INFO("from month " << month << " on");
      const auto left = [&](const StepBatch& batch) { return store::month_of(batch.at) >= month; };
      Changed changed(life.log());
      changed.batch = left;
      const auto report = replayed(changed, editions.first, &editions.second);
      INFO(told(report));
      REQUIRE(report.different == 0);
      REQUIRE(report.not_from_the_beginning == 0);
      REQUIRE((report.begin_later > 0) == (month > first));
      REQUIRE((report.steps == all.steps) == (month == first));
      later += report.begin_later;
      // The last outcome that is left, changed: the bytes after the number of the case file and of the step.
      const StepBatch& chosen = *std::ranges::find_if(batches.rbegin(), batches.rend(), left);
      changed.batch = [&](StepBatch& batch) {
        if (batch.batch == chosen.batch && batch.bucket == chosen.bucket) batch.records[12] = static_cast<char>(batch.records[12] ^ 4);
        return left(batch);
      };
      REQUIRE(replayed(changed, editions.first, &editions.second).different > 0);
    }
  }
  CHECK(later > 20);
}

TEST_CASE("bytes of any kind in the place of records are damaged records, never a crash") {
  const Editions editions;
  Life life(editions.first, 6, 20, false);
  const auto batches = all_batches(life.log());
  Dice dice(17);
  int found = 0;
  constexpr int tries = 300;
  for (int n = 0; n < tries; ++n) {
    const StepBatch& chosen = batches[static_cast<size_t>(dice.below(static_cast<int64_t>(batches.size())))];
    const auto at = static_cast<size_t>(dice.below(static_cast<int64_t>(chosen.records.size())));
    const auto bits = static_cast<char>(1 + dice.below(255));
    Changed changed(life.log());
    changed.batch = [&](StepBatch& batch) {
      if (batch.batch == chosen.batch && batch.bucket == chosen.bucket) batch.records[at] = static_cast<char>(batch.records[at] ^ bits);
      return true;
    };
    found += replayed(changed, editions.first).different > 0 ? 1 : 0;
  }
  // What is left is values that no rule has read.
  CHECK(found > tries * 3 / 4);
}

TEST_CASE("the case file is given as a step of the past had read it, whatever came to light later") {
  const Compiled compiled(R"(
bundle late "Late" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity account { key id : text, overdue : money, note : text? }
event payment of account { amount : money }
queue call { cost 1 }
extend account { paid = sum(payment.amount within 10 days) }
strategy soft "Soft" for account {
  enrol when overdue > 0
  stage calling { keep call "script" while paid < 50 and overdue > 0 { } }
}
)");
  Portfolio portfolio(compiled);
  const int64_t day = date_of(2026, 3, 1);
  const Instant first = compiled.day_start(day), second = compiled.day_start(day + 1);
  portfolio.put("account", "a", "a", "", {{"overdue", 90'000}}, first);
  portfolio.night(day, {});
  // The balance changes after the step, and a payment of the time before it arrives late.
  portfolio.put("account", "a", "a", "", {{"overdue", 40'000}}, second - 1);
  portfolio.post("payment", "account", "a", "a", {{"amount", 7'000}}, first - 1);
  portfolio.night(day + 1, {});
  const auto any = [](int32_t) { return true; };
  store::StepLog& log = *store::step_log_of(portfolio.store());
  const int64_t id = engine::stable_id("account", "a");
  auto then = replay::as_read(log, version_of(compiled), id, first, any);
  REQUIRE(then.has_value());
  REQUIRE(then->file != nullptr);
  CHECK(then->file->instance(0).slots[1] == 90'000);
  CHECK(then->file->view().events.count == 0);
  then = replay::as_read(log, version_of(compiled), id, second, any);
  REQUIRE(then.has_value());
  REQUIRE(then->file != nullptr);
  CHECK(then->file->instance(0).slots[1] == 40'000);
  CHECK(then->file->inbox().size() == 1);
  CHECK(then->file->tasks().size() == 1);
  CHECK(replay::as_read(log, version_of(compiled), id, second + 1, any)->file == nullptr);
}

}  // namespace dunlin::sim_test
