#include "lang/sema/analysis.h"

namespace dunlin {

void analyse(const checked::Program&, Diagnostics&, const AnalysisOptions&) {}

}  // namespace dunlin
