#include "compiler/ir/native_signatures.h"

namespace dunlin::ir {

std::string signature_of(const checked::Program& program, const checked::Native& native) {
  std::string text = native.name + "(";
  for (size_t i = 0; i < native.parameters.size(); ++i) {
    if (i > 0) text += ", ";
    if (i < native.parameter_names.size()) text += native.parameter_names[i] + " : ";
    text += checked::type_name(program, native.parameters[i]);
  }
  return text + ") -> " + checked::type_name(program, native.result);
}

std::vector<std::string> unmatched_natives(const checked::Program& program, const abi::NativeRegistry& registry) {
  std::vector<std::string> problems;
  for (const auto& native : program.natives) {
    const auto* known = registry.find(native.name);
    const std::string declared = signature_of(program, native);
    if (known == nullptr) {
      problems.push_back("no library brings the native function `" + native.name + "`");
    } else if (known->signature != declared) {
      problems.push_back("the native function `" + declared + "` was written as `" + known->signature + "`");
    }
  }
  return problems;
}

}  // namespace dunlin::ir
