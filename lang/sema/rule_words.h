// How rules are called where people read of them.
#pragma once

#include "lang/sema/checked.h"

namespace dunlin::checked {

/// The word a rule begins with: "on", "on entry", "after" …
const char* kind_word(Rule::Kind kind);

}  // namespace dunlin::checked
