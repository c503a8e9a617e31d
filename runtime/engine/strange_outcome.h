// Outcomes in the words of another version: what a program that does not name them knows of them all the same.
#pragma once

#include <optional>
#include <string_view>

#include "runtime/engine/case_file.h"

namespace dunlin::engine {

/// What an outcome is that `program` does not name: the nearest branch of a queue's outcomes that it lies below. `queue`: whose outcome it was; empty: it
/// is known to have been none; nothing: nobody knows, and its first word is taken for a queue's. `within` is -1 if it was no outcome, or no queue of the
/// program has such.
struct StrangeName {
  int32_t within = -1;
  bool reached = false;  // somebody was spoken to, as its words say
};
StrangeName strange_name(const checked::Program& program, std::string_view name, std::optional<std::string_view> queue);

/// Whether the words of an outcome say that somebody was spoken to.
bool says_reached(std::string_view name);

/// Whether such an outcome is, or may be, one of those below `root`. Who knows no better says yes; only what reached nobody is not taken for something that
/// did.
bool may_be_below(const checked::Program& program, const StrangeOutcome& outcome, checked::Index root);

}  // namespace dunlin::engine
