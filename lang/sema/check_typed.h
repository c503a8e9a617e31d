// What somebody types beside a bundle, line by line (`dunlin repl`): the bundle is read once, the typed expression each time.
#pragma once

#include <memory>
#include <string>

#include "lang/sema/check_for_editor.h"

namespace dunlin {

/// An expression and what it may see.
struct TypedExpression {
  std::string path;                         // name of its file in the SourceMap
  std::string text;                         // empty: none
  checked::Index entity = checked::none;    // whose names it sees
  checked::Index strategy = checked::none;  // whose variables
};

struct TypedCheck {
  std::unique_ptr<checked::Program> program;  // null if there were errors
  checked::RootId root = checked::none;       // of the expression; wants a wake unless it names the clock itself
};

/// Checks the bundle, which should be good, and the expression with it. Entities, fields, events and stages have the numbers that they have without it.
TypedCheck check_typed(const BundleSources& bundle, SourceMap& sources, Diagnostics& diagnostics, const CheckOptions& options, ParseCache& cache,
                       const TypedExpression& typed);

}  // namespace dunlin
