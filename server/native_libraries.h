// Native functions that this process can call: those of the standard library, and those of the shared libraries in DUNLIN_NATIVE_PATH.
#pragma once

#include <expected>
#include <string>

#include "compiler/abi/native_registry.h"

namespace dunlin::server {

/// Loads the libraries at the first call; they stay. An error names every library that cannot be used.
std::expected<const abi::NativeRegistry*, std::string> native_functions();

}  // namespace dunlin::server
