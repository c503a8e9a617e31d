// A bundle as a document for those who answer for the policy and do not write it: one HTML page, self-contained, printable.
#pragma once

#include <string>

#include "lang/service/snapshot.h"

namespace dunlin::service {

/// Everything the bundle's own files declare, in reading order: what the department knows about a debt, how it judges, where work lies, what is done when, what
/// may never be done, and the promises that are tested. Texts come from `///` comments, tables and rules as they are written, drawings from graph.h.
/// The snapshot must be good.
std::string handbook(const Snapshot& snapshot);

}  // namespace dunlin::service
