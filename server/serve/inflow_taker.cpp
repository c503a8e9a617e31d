#include "server/serve/inflow_taker.h"

#include <algorithm>
#include <chrono>

#include "server/import/inflow.h"
#include "server/import/value_reader.h"
#include "server/serve/clock_watch.h"
#include "server/serve/log.h"

namespace dunlin::server {

void InflowTaker::start() {
  thread_ = std::thread([this] { run(); });
}

void InflowTaker::stop() {
  {
    const std::lock_guard lock(guard_);
    stop_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void InflowTaker::run() {
  for (;;) {
    const auto active = scheduler_.active();
    // By a clock that has jumped nothing is changed; the scheduler looks at it before its first pass.
    if (active && scheduler_.totals().passes > 0 && unconfirmed_jump() == 0) {
      auto done = take(*active);
      if (!done) inflow_.reset();
      told(done);
    }
    std::unique_lock lock(guard_);
    if (woken_.wait_for(lock, std::chrono::seconds(1), [this] { return stop_.load(); })) return;
  }
}

store::Result<void> InflowTaker::take(const Runner& runner) {
  if (!inflow_) {
    auto opened = store::Inflow::open(database_);
    if (!opened) return std::unexpected(opened.error());
    inflow_ = std::move(*opened);
  }
  std::vector<std::string> entities;
  for (const auto& entity : runner.program().entities) {
    if (entity.table.empty()) entities.push_back(entity.name);  // the others come from the bank's own tables
  }
  auto waits = inflow_->waits(entities);
  if (!waits) return std::unexpected(waits.error());
  if (!*waits) return {};
  auto turn = inflow_->try_hold();
  if (!turn) return std::unexpected(turn.error());
  if (!*turn) return {};
  auto taken = take_held(runner);
  auto left = inflow_->let_go();
  return taken ? left : taken;
}

store::Result<void> InflowTaker::take_held(const Runner& runner) {
  auto store = store::open_postgres(database_);
  if (!store) return std::unexpected(store.error());
  // Refuses a schema that a newer program has made: it is not this one's to write to.
  if (auto ours = (*store)->migrate(); !ours) return ours;
  auto zone = import::Zone::find(runner.program().bundle);
  if (!zone) return std::unexpected(store::StoreError{store::StoreError::Kind::environment, zone.error()});
  import::PullOptions options{.as_of = scheduler_.now()};
  options.stopped = [this] { return stop_.load(); };
  auto tables = import::take_inflow(**store, *inflow_, database_, runner.program(), *zone, options, false);
  if (!tables) return stop_ ? store::Result<void>{} : std::unexpected(tables.error());
  int64_t news = 0;
  for (const auto& table : *tables) {
    const auto changed = table.counts.inserted + table.counts.changed, aside = table.rows_rejected + table.counts.set_aside;
    news += changed;
    log::write(aside > 0     ? log::Level::warn
               : changed > 0 ? log::Level::info
                             : log::Level::debug,
               "rows taken in",
               {{"table", table.table}, {"rows", std::to_string(table.rows_read)}, {"changed", std::to_string(changed)}, {"set_aside", std::to_string(aside)}});
  }
  if (news > 0) scheduler_.wake();
  return {};
}

/// A failure is told once as long as it stays the same.
void InflowTaker::told(const store::Result<void>& done) {
  const std::string trouble = done ? "" : done.error().message;
  if (trouble == trouble_) return;
  if (!done)
    log::write(log::Level::error, "what was written into `inflow` could not be taken in", {{"reason", trouble}});
  else
    log::write(log::Level::info, "what is written into `inflow` can be taken in again");
  trouble_ = trouble;
}

}  // namespace dunlin::server
