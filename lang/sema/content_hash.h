// The name of a version: a digest of all its sources.
#pragma once

#include <string>

#include "lang/sema/check.h"

namespace dunlin::sema {

/// SHA-256 in hex over paths and texts, each with its length in front, in the order of the paths.
std::string content_hash(const std::vector<SourceFile>& files);

}  // namespace dunlin::sema
