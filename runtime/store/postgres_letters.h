// The words of letters, kept by what they are, so that a letter can be read when its version is long gone.
#pragma once

#include "runtime/store/layout.h"
#include "runtime/store/postgres_small.h"

namespace dunlin::store {

void remember_letters(SmallWork& work, const Layout& layout);

}  // namespace dunlin::store
