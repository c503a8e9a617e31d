// The thread that pulls tables of the bank (`entity … from table`) while the server runs, once per interval over all nodes of a database.
#pragma once

#include <cstdint>

#include "server/serve/row_taker.h"

namespace dunlin::server {

/// What this node has pulled since it started, for metrics.
struct PullTotals {
  int64_t pulls = 0, failures = 0, rows = 0, changed = 0, set_aside = 0;  // changed: new and changed rows
  bool failing = false;                                                   // the last pull of this node
};
PullTotals pull_totals();

class TablePuller final : public RowTaker {
 public:
  /// `seconds` between two pulls; 0: never. What fails is said in /metrics and by `dunlin doctor`, too.
  TablePuller(Scheduler& scheduler, store::PostgresOptions database, int seconds);
  ~TablePuller() override { stop(); }

 private:
  bool concerns(const checked::Program& program) const override;
  store::Result<bool> hold(store::BankReadings& readings) override;
  store::Result<std::vector<import::PulledTable>> take(store::Store& store, store::BankReadings& readings, const checked::Program& program,
                                                       const import::Zone& zone, const import::PullOptions& options) override;
  void ended(const store::Result<Look>& look, const std::vector<import::PulledTable>& taken) override;

  const int seconds_;
};

}  // namespace dunlin::server
