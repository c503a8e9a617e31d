#include "server/serve/inflow_taker.h"

#include "server/import/inflow.h"

namespace dunlin::server {

InflowTaker::InflowTaker(Scheduler& scheduler, store::PostgresOptions database)
    : RowTaker(scheduler, std::move(database), std::chrono::seconds(1),
               {"rows taken in", "what was written into `inflow` could not be taken in", "what is written into `inflow` can be taken in again"}) {}

bool InflowTaker::concerns(const checked::Program& program) const { return !import::inflow_entities(program).empty(); }

store::Result<bool> InflowTaker::waits(const checked::Program& program) {
  if (!inflow_) {
    auto opened = store::Inflow::open(database_);
    if (!opened) return std::unexpected(opened.error());
    inflow_ = std::move(*opened);
  }
  return inflow_->waits(import::inflow_entities(program));
}

store::Result<bool> InflowTaker::hold(store::BankReadings&) { return inflow_->try_hold(); }

store::Result<std::vector<import::PulledTable>> InflowTaker::take(store::Store& store, store::BankReadings& readings, const checked::Program& program,
                                                                  const import::Zone& zone, const import::PullOptions& options) {
  return import::take_inflow(store, *inflow_, readings, program, zone, options, false);
}

store::Result<void> InflowTaker::let_go() { return inflow_->let_go(); }

void InflowTaker::ended(const store::Result<Look>& look, const std::vector<import::PulledTable>&) {
  if (!look) inflow_.reset();
}

}  // namespace dunlin::server
