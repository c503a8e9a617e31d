#include "server/serve/table_puller.h"

namespace dunlin::server {

namespace {

std::mutex totals_guard;
PullTotals totals;

}  // namespace

PullTotals pull_totals() {
  const std::lock_guard lock(totals_guard);
  return totals;
}

TablePuller::TablePuller(Scheduler& scheduler, store::PostgresOptions database, int seconds)
    : RowTaker(scheduler, std::move(database), std::chrono::seconds(seconds),
               {"table pulled", "the tables of the bank could not be pulled", "the tables of the bank can be pulled again"}),
      seconds_(seconds) {}

bool TablePuller::concerns(const checked::Program& program) const { return import::has_bank_tables(program); }

store::Result<bool> TablePuller::hold(store::BankReadings& readings) { return readings.hold_if_due(seconds_); }

store::Result<std::vector<import::PulledTable>> TablePuller::take(store::Store& store, store::BankReadings& readings, const checked::Program& program,
                                                                  const import::Zone& zone, const import::PullOptions& options) {
  return import::pull_bank_tables(store, readings, program, zone, options);
}

void TablePuller::ended(const store::Result<Look>& look, const std::vector<import::PulledTable>& taken) {
  if (look && *look != Look::taken) return;
  const std::lock_guard lock(totals_guard);
  ++(look ? totals.pulls : totals.failures);
  totals.failing = !look;
  for (const auto& table : taken) {
    totals.rows += table.rows_read;
    totals.changed += table.counts.inserted + table.counts.changed;
    totals.set_aside += table.rows_rejected + table.counts.set_aside;
  }
}

}  // namespace dunlin::server
