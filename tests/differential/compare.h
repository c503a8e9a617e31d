// Everything a step said and left behind, as text: two runs agree if their texts are equal.
#pragma once

#include <string>

#include "runtime/engine/step.h"

namespace dunlin::differential {

std::string describe(const checked::Program& program, engine::CaseFile& case_file, const engine::StepResult& result);

}  // namespace dunlin::differential
