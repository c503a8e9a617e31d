#include "server/serve/table_puller.h"

#include <chrono>

#include "runtime/store/bank_readings.h"
#include "server/import/mapped_tables.h"
#include "server/import/value_reader.h"
#include "server/serve/clock_watch.h"
#include "server/serve/log.h"

namespace dunlin::server {

namespace {

std::mutex totals_guard;
PullTotals totals;

}  // namespace

int& seconds_between_pulls() {
  static int seconds = usual_seconds_between_pulls;
  return seconds;
}

PullTotals pull_totals() {
  const std::lock_guard lock(totals_guard);
  return totals;
}

void TablePuller::start() {
  if (seconds_between_pulls() > 0) thread_ = std::thread([this] { run(); });
}

void TablePuller::stop() {
  {
    const std::lock_guard lock(guard_);
    stop_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void TablePuller::run() {
  for (;;) {
    std::chrono::seconds pause{1};
    const auto active = scheduler_.active();
    // By a clock that has jumped nothing is changed; the scheduler looks at it before its first pass.
    if (active && import::has_bank_tables(active->program()) && scheduler_.totals().passes > 0 && unconfirmed_jump() == 0) {
      told(pull(*active));
      pause = std::chrono::seconds(seconds_between_pulls());
    }
    std::unique_lock lock(guard_);
    if (woken_.wait_for(lock, pause, [this] { return stop_.load(); })) return;
  }
}

store::Result<bool> TablePuller::pull(const Runner& runner) {
  auto readings = store::BankReadings::open(database_);
  if (!readings) return std::unexpected(readings.error());
  // The scheduler has migrated the schema; a newer program may have brought it further since.
  if (auto ours = (*readings)->refuse_newer_schema(); !ours) return std::unexpected(ours.error());
  auto turn = (*readings)->hold_if_due(seconds_between_pulls());
  if (!turn || !*turn) return turn;
  auto store = store::open_postgres(database_);
  if (!store) return std::unexpected(store.error());
  auto zone = import::Zone::find(runner.program().bundle);
  if (!zone) return std::unexpected(store::StoreError{store::StoreError::Kind::environment, zone.error()});
  import::PullOptions options{.as_of = scheduler_.now()};
  options.stopped = [this] { return stop_.load(); };
  auto tables = import::pull_bank_tables(**store, **readings, runner.program(), *zone, options);
  if (!tables) return stop_ ? store::Result<bool>(false) : std::unexpected(tables.error());
  bool any = false;
  for (const auto& table : *tables) {
    const auto changed = table.counts.inserted + table.counts.changed, aside = table.rows_rejected + table.counts.set_aside;
    any = any || changed > 0;
    {
      const std::lock_guard lock(totals_guard);
      totals.rows += table.rows_read;
      totals.changed += changed;
      totals.set_aside += aside;
    }
    log::write(changed > 0 ? log::Level::info : log::Level::debug, "table pulled",
               {{"table", table.table},
                {"rows", std::to_string(table.rows_read)},
                {"changed", std::to_string(changed)},
                {"set_aside", std::to_string(aside)},
                {"since", table.since}});
  }
  if (any) scheduler_.wake();
  return true;
}

/// A failure is told once as long as it stays the same.
void TablePuller::told(const store::Result<bool>& done) {
  if (done && !*done) return;
  {
    const std::lock_guard lock(totals_guard);
    ++(done ? totals.pulls : totals.failures);
    totals.failing = !done;
  }
  const std::string trouble = done ? "" : done.error().message;
  if (trouble == trouble_) return;
  if (!done)
    log::write(log::Level::error, "the tables of the bank could not be pulled", {{"reason", trouble}});
  else
    log::write(log::Level::info, "the tables of the bank can be pulled again");
  trouble_ = trouble;
}

}  // namespace dunlin::server
