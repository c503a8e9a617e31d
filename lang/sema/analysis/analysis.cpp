#include "lang/sema/analysis.h"

#include "lang/sema/analysis/strategies.h"
#include "lang/sema/analysis/tables.h"

namespace dunlin {

void analyse(const checked::Program& program, Diagnostics& diagnostics, const AnalysisOptions& options) {
  using namespace analysis;
  Solver solver(program);
  const auto allow = [&](int64_t questions) { solver.allow(options.ask_solver ? questions : 0); };
  allow(400);
  check_tables(program, solver, diagnostics, options);
  Conditions conditions(program);
  const Flow flow(program);
  check_stages(program, flow, diagnostics);
  check_circles(program, conditions, flow, diagnostics);
  (void)check_skipped_stages(program, conditions, flow, diagnostics, options);
  check_anchors(program, conditions, flow, diagnostics);
  check_put_off(program, flow, diagnostics);
  allow(100);
  check_enrolment(program, conditions, solver, diagnostics);
  check_populations(program, conditions, diagnostics);
  allow(80);
  check_handlers(program, conditions, solver, diagnostics);
  allow(160);
  check_conditions(program, conditions, solver, diagnostics);
  check_permitted(program, conditions, diagnostics);
  check_hours(program, diagnostics);
  check_use(program, diagnostics, options);
  check_unused(program, diagnostics, options);
  check_requests_heard(program, diagnostics, options);
  check_histories(program, diagnostics, options);
  check_currencies(program, diagnostics);
}

}  // namespace dunlin
