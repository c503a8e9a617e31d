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

namespace {

struct Unmatched {
  const checked::Native* native = nullptr;
  bool known = false;
  std::string message;
};

std::vector<Unmatched> find_unmatched(const checked::Program& program, const abi::NativeRegistry& registry) {
  std::vector<Unmatched> problems;
  for (const auto& native : program.natives) {
    const auto* known = registry.find(native.name);
    const std::string declared = signature_of(program, native);
    if (known == nullptr) {
      problems.push_back({&native, false, "no library brings the native function `" + native.name + "`"});
    } else if (known->signature != declared) {
      problems.push_back({&native, true, "the native function `" + declared + "` was written as `" + known->signature + "`"});
    }
  }
  return problems;
}

}  // namespace

std::vector<std::string> unmatched_natives(const checked::Program& program, const abi::NativeRegistry& registry) {
  std::vector<std::string> messages;
  for (auto& problem : find_unmatched(program, registry)) messages.push_back(std::move(problem.message));
  return messages;
}

void report_unmatched_natives(const checked::Program& program, const abi::NativeRegistry& registry, Diagnostics& diagnostics) {
  for (auto& problem : find_unmatched(program, registry)) {
    diagnostics.error(problem.known ? "E0326" : "E0325", problem.native->span, std::move(problem.message)).help =
        problem.known ? "make both signatures the same, names of the parameters too"
                      : "name the shared library that has it in DUNLIN_NATIVE_PATH; docs/guides/native-functions.md shows how to write one";
  }
}

}  // namespace dunlin::ir
