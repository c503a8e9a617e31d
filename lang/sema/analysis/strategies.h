// What is wrong with strategies as a whole: stages, circles, enrolment, handlers, conditions.
#pragma once

#include "lang/sema/analysis.h"
#include "lang/sema/analysis/conditions.h"
#include "lang/sema/analysis/flow.h"
#include "lang/sema/analysis/solver.h"

namespace dunlin::analysis {

/// Stages no one can reach or leave, rules of final stages, `go back` with nowhere to go.
void check_stages(const checked::Program& program, const Flow& flow, Diagnostics& diagnostics);
/// Circles that take no time, where an account that runs in one can be named.
void check_circles(const checked::Program& program, Conditions& conditions, const Flow& flow, Diagnostics& diagnostics);
/// Stages that an account passes through in one step when a single fact jumps. Returns how many conditions were worked out for it: there is a bound on them.
uint64_t check_skipped_stages(const checked::Program& program, Conditions& conditions, const Flow& flow, Diagnostics& diagnostics,
                              const AnalysisOptions& options);
constexpr uint64_t skipped_stages_work_max = 3'000'000;
/// Timers that count from something that may never be there.
void check_anchors(const checked::Program& program, Conditions& conditions, const Flow& flow, Diagnostics& diagnostics);
/// Timers that the work of their own stage puts off, again and again.
void check_put_off(const checked::Program& program, const Flow& flow, Diagnostics& diagnostics);
/// Two strategies that would enrol the same account.
void check_enrolment(const checked::Program& program, Conditions& conditions, Solver& solver, Diagnostics& diagnostics);
/// Two experiments among the same accounts outside of a layer.
void check_populations(const checked::Program& program, Conditions& conditions, Diagnostics& diagnostics);
/// Handlers that never get an event, `when` rules that come too late.
void check_handlers(const checked::Program& program, Conditions& conditions, Solver& solver, Diagnostics& diagnostics);
/// Conditions that never or always hold, cases of segmentations that are never reached.
void check_conditions(const checked::Program& program, Conditions& conditions, Solver& solver, Diagnostics& diagnostics);
/// Tasks that limits forbid whenever they are wanted.
void check_permitted(const checked::Program& program, Conditions& conditions, Diagnostics& diagnostics);
/// Tasks that no hour of any day is left for, where several lines of limits give hours.
void check_hours(const checked::Program& program, Diagnostics& diagnostics);
/// What is declared and never used; events that nothing handles or asks for.
void check_use(const checked::Program& program, Diagnostics& diagnostics, const AnalysisOptions& options);
/// Queues, segmentations and enumerations that nothing uses.
void check_unused(const checked::Program& program, Diagnostics& diagnostics, const AnalysisOptions& options);
/// Approvals, quotas and allocations that nobody uses, and answers to them that nobody waits for.
void check_requests_heard(const checked::Program& program, Diagnostics& diagnostics, const AnalysisOptions& options);
/// Queries over unlimited history that have to look at all of it.
void check_histories(const checked::Program& program, Diagnostics& diagnostics, const AnalysisOptions& options);
/// Amounts of two currencies that are added, compared or kept in one place, where accounts carry currencies of their own.
void check_currencies(const checked::Program& program, Diagnostics& diagnostics);

}  // namespace dunlin::analysis
