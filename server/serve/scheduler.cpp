#include "server/serve/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "compiler/abi/clock.h"
#include "server/serve/log.h"

namespace dunlin::server {

using store::StoreError;

Scheduler::Scheduler(std::unique_ptr<store::Store> store, const ServeConfig& config, std::filesystem::path stdlib, int64_t clock_offset_us)
    : store_(std::move(store)), config_(config), stdlib_(std::move(stdlib)), offset_us_(clock_offset_us) {}

Scheduler::~Scheduler() { stop(); }

void Scheduler::start() {
  thread_ = std::thread([this] { run(); });
}

void Scheduler::stop() {
  {
    const std::lock_guard lock(guard_);
    stop_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Scheduler::wake() {
  {
    const std::lock_guard lock(guard_);
    look_ = true;
  }
  woken_.notify_all();
}

int64_t Scheduler::now() const {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count() + offset_us_;
}

StepTotals Scheduler::totals() const {
  const std::lock_guard lock(guard_);
  return totals_;
}

std::shared_ptr<const Runner> Scheduler::active() const {
  const std::lock_guard lock(guard_);
  return active_;
}

void Scheduler::run() {
  for (;;) {
    {
      const std::lock_guard lock(guard_);
      if (stop_) return;
      look_ = false;
    }
    if (take_version()) pass();
    rest();
  }
}

/// Compiles the active version where it is another than before. The old one lives on for as long as somebody holds it. False: nothing to step with.
bool Scheduler::take_version() {
  auto number = active_version(*store_);
  if (!number) {
    const std::lock_guard lock(guard_);
    ++failures_in_a_row_;
    ++totals_.failures;
    totals_.database_there = false;
    log::write(log::Level::error, "the database does not answer", {{"reason", number.error().message}});
    return false;
  }
  {
    const std::lock_guard lock(guard_);
    totals_.database_there = true;
  }
  if (*number == 0) return false;
  if (active_ && active_->number == *number) return true;
  const auto begin = std::chrono::steady_clock::now();
  auto runner = runner_of_version(*store_, *number, stdlib_, true);
  std::optional<std::string> trouble;
  if (!runner) trouble = runner.error().message;
  if (runner) {
    if (auto prepared = store_->prepare((*runner)->program()); !prepared) trouble = prepared.error().message;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const std::lock_guard lock(guard_);
  totals_.compile_seconds += seconds;
  if (trouble) {
    ++failures_in_a_row_;
    ++totals_.failures;
    log::write(log::Level::error, "the active version cannot be run", {{"version", std::to_string(*number)}, {"reason", *trouble}});
    return false;
  }
  active_ = std::shared_ptr<const Runner>(std::move(*runner));
  totals_.version = *number;
  log::write(log::Level::info, "version in use", {{"version", std::to_string(*number)}, {"compile_ms", fmt::format("{:.0f}", seconds * 1000)}});
  return true;
}

void Scheduler::pass() {
  const int64_t at = now();
  auto report = simulate::run_once(*store_, active_->night(), at, {.steppers = config_.step_threads});
  const std::lock_guard lock(guard_);
  ++totals_.passes;
  if (!report) {
    // A switch of versions makes a batch fail whole; it is read and stepped again under the new one.
    const bool overtaken = report.error().kind == StoreError::Kind::conflict;
    ++(overtaken ? totals_.overtaken : totals_.failures);
    totals_.database_there = overtaken;
    if (overtaken) look_ = true;
    ++failures_in_a_row_;
    log::write(overtaken ? log::Level::info : log::Level::error, "a pass did not end",
               {{"batch", std::to_string(totals_.passes)}, {"reason", report.error().message}});
    return;
  }
  failures_in_a_row_ = 0;
  const auto& counts = report->counts;
  totals_.cases += counts.cases;
  totals_.events += counts.events;
  totals_.transitions += counts.transitions;
  totals_.tasks_created += counts.tasks_created;
  totals_.tasks_updated += counts.tasks_updated;
  totals_.tasks_withdrawn += counts.tasks_withdrawn;
  totals_.faults += counts.faults;
  totals_.step_seconds += counts.step_s;
  totals_.commit_seconds += counts.commit_s;
  if (counts.cases == 0) return;
  log::write(log::Level::info, "stepped",
             {{"batch", std::to_string(totals_.passes)},
              {"cases", std::to_string(counts.cases)},
              {"transitions", std::to_string(counts.transitions)},
              {"tasks_created", std::to_string(counts.tasks_created)},
              {"faults", std::to_string(counts.faults)},
              {"seconds", fmt::format("{:.3f}", counts.total_s)}});
}

/// Until somebody calls, or for the time of one look; longer and longer while the database is away.
void Scheduler::rest() {
  std::unique_lock lock(guard_);
  auto wait = std::chrono::milliseconds(config_.poll_ms);
  if (failures_in_a_row_ > 0) wait = std::min(std::chrono::milliseconds(30'000), std::chrono::milliseconds(100 << std::min(failures_in_a_row_, 9)));
  woken_.wait_for(lock, wait, [this] { return stop_ || (look_ && failures_in_a_row_ < 3); });
}

}  // namespace dunlin::server
