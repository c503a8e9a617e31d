// The thread that takes in what other programs write into the tables inflow.ENTITY while the server runs: looks once a second, one node of a database at a
// time.
#pragma once

#include <memory>

#include "runtime/store/inflow.h"
#include "server/serve/row_taker.h"

namespace dunlin::server {

class InflowTaker final : public RowTaker {
 public:
  /// What cannot be taken in goes on waiting.
  InflowTaker(Scheduler& scheduler, store::PostgresOptions database);
  ~InflowTaker() override { stop(); }

 private:
  bool concerns(const checked::Program& program) const override;
  store::Result<bool> waits(const checked::Program& program) override;
  store::Result<bool> hold(store::BankReadings& readings) override;
  store::Result<std::vector<import::PulledTable>> take(store::Store& store, store::BankReadings& readings, const checked::Program& program,
                                                       const import::Zone& zone, const import::PullOptions& options) override;
  store::Result<void> let_go() override;
  void ended(const store::Result<Look>& look, const std::vector<import::PulledTable>& taken) override;

  std::unique_ptr<store::Inflow> inflow_;  // looks; opened anew after an error
};

}  // namespace dunlin::server
