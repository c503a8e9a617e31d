// What people do to a bundle while they write it: break it, mend it, rename, move and delete declarations.
#pragma once

#include <string>

#include "lang/sema/check.h"
#include "tests/fuzz/mutations.h"

namespace dunlin::test {

/// Changes one file, or the list of files, at random. `original` is what a mended file goes back to. Says what it did.
std::string edit(BundleSources& bundle, const BundleSources& original, fuzz::Random& random);

}  // namespace dunlin::test
