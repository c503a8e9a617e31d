// Queries that walk all of history, over and over: the longer a debt lives, the more they cost.
#include <fmt/format.h>

#include <algorithm>

#include "lang/sema/analysis/scope.h"
#include "lang/sema/analysis/strategies.h"

namespace dunlin::analysis {

namespace {

using checked::Aggregate;

/// The latest or the first event is found whatever lies before or behind it; what is added up or counted needs all of them.
const char* walks_all(const Aggregate& over) {
  if (over.source != Aggregate::Source::events || over.window != Aggregate::Window::unlimited) return nullptr;
  switch (over.function) {
    case checked::AggregateFunction::count:
    case checked::AggregateFunction::count_days:
      return "counts";
    case checked::AggregateFunction::sum:
    case checked::AggregateFunction::average:
      return "adds up";
    case checked::AggregateFunction::minimum:
    case checked::AggregateFunction::maximum:
    case checked::AggregateFunction::all:
      return "looks through";
    default:
      return nullptr;
  }
}

}  // namespace

void check_histories(const checked::Program& program, Diagnostics& diagnostics, const AnalysisOptions& options) {
  for (const checked::Root& root : program.roots) {
    if (!root.body || root.label.starts_with("test ")) continue;  // a test asks once
    for_each_part(*root.body, [&](const checked::Expr& part) {
      const char* does = part.aggregate ? walks_all(*part.aggregate) : nullptr;
      if (does == nullptr || !options.is_of_bundle(part.span)) return;
      auto& diagnostic = diagnostics.warning("E0614", part.span, fmt::format("this {} all of history, at every look", does));
      diagnostic.help = "say how far back it goes: `within 365 days`, `since enrolment`, `this year`";
    });
  }
}

}  // namespace dunlin::analysis
