// Definitions that are checked when first needed, so that their order in the files does not matter and a circle is found.
#pragma once

#include "lang/sema/context.h"

namespace dunlin::sema {

/// Checks the derived field if that has not happened yet. False if it needs itself (reported).
bool ensure_derived(Context& context, Index entity, Index derived, Span use);
bool ensure_function(Context& context, Index function, Span use);
bool ensure_table(Context& context, Index table, Span use);

/// Settings, derived fields, functions, tables and conditions of outcomes: all that has not been needed before.
void check_definitions(Context& context);
/// Calls that would nest deeper than both backends let them.
void check_call_depth(Context& context);
/// Costs, leases and fields of queues. Before anything that makes tasks.
void check_queues(Context& context);

/// Stage by name: `calling`, `hard.triage`. -1: there is none; -2: several strategies have one. The own strategy's comes first.
Index find_stage(const Context& context, const std::string& text, Index strategy);

}  // namespace dunlin::sema
