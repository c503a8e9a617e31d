#include "server/serve/row_taker.h"

#include "server/import/value_reader.h"
#include "server/serve/clock_watch.h"
#include "server/serve/log.h"

namespace dunlin::server {

void RowTaker::start() {
  if (pause_.count() > 0) thread_ = std::thread([this] { run(); });
}

void RowTaker::stop() {
  {
    const std::lock_guard lock(guard_);
    stop_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void RowTaker::run() {
  for (;;) {
    std::chrono::seconds pause{1};
    const auto active = scheduler_.active();
    // By a clock that has jumped nothing is changed; the scheduler looks at it before its first pass.
    if (active && concerns(active->program()) && scheduler_.totals().passes > 0 && unconfirmed_jump() == 0) {
      Tables taken;
      const auto looked = look(*active, taken);
      tell(taken);
      tell_trouble(looked);
      ended(looked, taken);
      pause = pause_;
    }
    std::unique_lock lock(guard_);
    if (woken_.wait_for(lock, pause, [this] { return stop_.load(); })) return;
  }
}

store::Result<RowTaker::Look> RowTaker::look(const Runner& runner, Tables& taken) {
  auto any = waits(runner.program());
  if (!any) return std::unexpected(any.error());
  if (!*any) return Look::nothing_waits;
  auto readings = store::BankReadings::open(database_);
  if (!readings) return std::unexpected(readings.error());
  // The scheduler has migrated the schema; a newer program may have brought it further since.
  if (auto ours = (*readings)->refuse_newer_schema(); !ours) return std::unexpected(ours.error());
  auto turn = hold(**readings);
  if (!turn) return std::unexpected(turn.error());
  if (!*turn) return Look::not_ours;
  auto tables = take_held(runner, **readings);
  auto left = let_go();
  if (!tables && stop_) return Look::not_ours;  // it was ended by us
  if (!tables) return std::unexpected(tables.error());
  taken = std::move(*tables);
  if (!left) return std::unexpected(left.error());
  return Look::taken;
}

store::Result<RowTaker::Tables> RowTaker::take_held(const Runner& runner, store::BankReadings& readings) {
  auto store = store::open_postgres(database_);
  if (!store) return std::unexpected(store.error());
  auto zone = import::Zone::find(runner.program().bundle);
  if (!zone) return std::unexpected(store::StoreError{store::StoreError::Kind::environment, zone.error()});
  import::PullOptions options{.as_of = scheduler_.now()};
  options.stopped = [this] { return stop_.load(); };
  return take(**store, readings, runner.program(), *zone, options);
}

/// Rows that do not fit are looked at again and again: they are warned of when there are more or fewer of them.
void RowTaker::tell(const Tables& taken) {
  bool any = false;
  for (const auto& table : taken) {
    const auto changed = table.counts.inserted + table.counts.changed, aside = table.rows_rejected + table.counts.set_aside;
    any = any || changed > 0;
    int64_t& before = set_aside_[table.table];
    const bool warned = aside > 0 && aside != before;
    before = aside;
    log::write(warned        ? log::Level::warn
               : changed > 0 ? log::Level::info
                             : log::Level::debug,
               words_.taken,
               {{"table", table.table},
                {"rows", std::to_string(table.rows_read)},
                {"changed", std::to_string(changed)},
                {"set_aside", std::to_string(aside)},
                {"older", std::to_string(table.counts.older)},
                {"since", table.since}});
  }
  if (any) scheduler_.wake();
}

void RowTaker::tell_trouble(const store::Result<Look>& look) {
  if (look && *look == Look::not_ours) return;
  const std::string trouble = look ? "" : look.error().message;
  if (trouble == trouble_) return;
  if (!look)
    log::write(log::Level::error, words_.failing, {{"reason", trouble}});
  else
    log::write(log::Level::info, words_.mended);
  trouble_ = trouble;
}

}  // namespace dunlin::server
