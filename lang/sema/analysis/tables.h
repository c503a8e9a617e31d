// Gaps, overlaps, shadowed rows and rows that can never match, each with a case that shows it.
#pragma once

#include "lang/sema/analysis.h"
#include "lang/sema/analysis/solver.h"

namespace dunlin::analysis {

void check_tables(const checked::Program& program, Solver& solver, Diagnostics& diagnostics, const AnalysisOptions& options);

}  // namespace dunlin::analysis
