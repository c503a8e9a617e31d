// Rows that other programs have written into inflow.ENTITY go the way of every import. docs/guides/inflow.md.
#pragma once

#include "runtime/store/inflow.h"
#include "server/import/mapped_tables.h"

namespace dunlin::import {

/// Names of the entities that rows are written for there: those that do not come from tables of the bank.
std::vector<std::string> inflow_entities(const checked::Program& program);

/// Takes in what waits, parents before children, in batches of one transaction each; one table for each entity of which something waited. `inflow` of the
/// same database, held, and `readings` of it. `tried`: rows that did not fit are all looked at again, and not only those of a minute ago.
store::Result<std::vector<PulledTable>> take_inflow(store::Store& store, store::Inflow& inflow, store::BankReadings& readings, const checked::Program& program,
                                                    const Zone& zone, const PullOptions& options, bool tried);
/// The same, opened and held for it: waits until it is its turn. Nothing waits: nothing is opened but one connection.
store::Result<std::vector<PulledTable>> take_inflow(store::Store& store, const store::PostgresOptions& database, const checked::Program& program,
                                                    const Zone& zone, const PullOptions& options);

}  // namespace dunlin::import
