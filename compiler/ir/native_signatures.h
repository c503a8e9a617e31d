// Whether each `native function` of a program has a body that was written for the same signature.
#pragma once

#include <string>
#include <vector>

#include "compiler/abi/native_registry.h"
#include "lang/diag/diagnostic.h"
#include "lang/sema/checked.h"

namespace dunlin::ir {

/// As it stands behind `native function`: "state_duty(claim : money, on : date) -> money".
std::string signature_of(const checked::Program& program, const checked::Native& native);

/// One sentence for each native function without a body, or whose body was written for another signature; empty if all agree.
std::vector<std::string> unmatched_natives(const checked::Program& program, const abi::NativeRegistry& registry);

/// The same as errors at the declarations: E0325 (no body), E0326 (another signature).
void report_unmatched_natives(const checked::Program& program, const abi::NativeRegistry& registry, Diagnostics& diagnostics);

}  // namespace dunlin::ir
