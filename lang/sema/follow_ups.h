// After a mistake in the grammar the parser goes on behind the item it cannot read, and what that item would have declared is unknown.
// Messages that only say so are follow-ups: they go when the item is mended, so nobody should read them.
#pragma once

#include "lang/diag/diagnostic.h"
#include "lang/diag/source.h"

namespace dunlin::sema {

/// Takes out of `diagnostics` what follows from a mistake of the grammar (E01xx): unknown names that stand in a declaration with such a mistake,
/// and what such a declaration seems to lack.
void drop_follow_ups(const SourceMap& sources, Diagnostics& diagnostics);

}  // namespace dunlin::sema
