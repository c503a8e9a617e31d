// Bodies of the language's functions that are more than one machine instruction: called by the interpreter and by native code alike.
// Each returns abi::Fault as int32 (0: done). `arguments` and `result` are in slot form, without optional flags.
#pragma once

#include "compiler/abi/case_view.h"

namespace dunlin::abi {

using BuiltinBody = int32_t (*)(const EvalContext* context, const int64_t* arguments, int64_t* result);

/// Body of a checked::Builtin by its number, or null where the IR has an operation of its own for it.
/// `minor_digits` in format_money and the zone in datetime functions come from the context's calendar (see Zone).
BuiltinBody builtin_body(int builtin);
/// The C symbol of the body, for native code.
const char* builtin_symbol(int builtin);

}  // namespace dunlin::abi
