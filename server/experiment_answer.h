// Experiments as the command line and the API show and order them.
#pragma once

#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "runtime/simulate/experiment_figures.h"

namespace dunlin::checked {
struct Experiment;
}

namespace dunlin::server {

/// "25%" of 2500 hundredths of a percent.
std::string share_text(int64_t share);
/// "2026-03-01" of days since 1970; empty: open.
std::string open_date_text(int64_t date);
nlohmann::ordered_json experiment_json(const simulate::ExperimentFigures& figures);

struct OrderRefused {
  std::string message, help;
  bool unknown = false;  // there is no such experiment
};
/// Whether this may be ordered of it: `arm` is promoted, empty: it is stopped. Gives the arm that whoever enrols from then on goes into.
std::expected<std::string, OrderRefused> may_order(const checked::Program& program, const std::string& experiment, const std::string& arm);
/// The refusal where the version has no experiment of this name.
OrderRefused no_such_experiment(const checked::Program& program, const std::string& name);
const checked::Experiment* find_experiment(const checked::Program& program, const std::string& name);

}  // namespace dunlin::server
