// What the arms of an experiment came to so far: who was drawn into them, what was gained and what it cost. Figures only; whether they mean
// something is for statistics.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/simulate/night.h"

namespace dunlin::simulate {

/// A sum over the instances of an arm, exact where the type is.
struct Figure {
  checked::Type type;
  std::string total;     // as a decimal figure: "1234.50"
  std::string per_head;  // the same, rounded half to even to two places more
};

struct GuardrailFigure {
  std::string text;      // "rate(complaint) <= 0.2%"
  int64_t happened = 0;  // instances to which it has happened since the draw
  bool passed = true;    // its share is within what the guardrail allows
};

struct ArmFigures {
  std::string arm;
  bool control = false;
  int64_t share = 0;  // hundredths of a percent, as written
  int64_t enrolled = 0;
  int64_t faults = 0;  // instances whose figures could not be worked out; they are not in the sums
  std::optional<Figure> success, cost;
  std::vector<GuardrailFigure> guardrails;
};

struct ExperimentFigures {
  std::string name, title, kind;  // kind: "strategies", "arms", "holdout"
  std::string status;             // "running", "not yet", "over", "stopped", "promoted ARM"
  int64_t from = 0, to = 0;       // dates; INT64_MIN, INT64_MAX: open
  std::string layer, unit;
  std::vector<ArmFigures> arms;
};

/// Over the whole portfolio as known at `now`. `name` empty: all experiments. `enrolment` of success and cost is the instant of the draw.
store::Result<std::vector<ExperimentFigures>> experiment_figures(store::Store& store, const NightProgram& program, const std::string& name, Instant now);

}  // namespace dunlin::simulate
