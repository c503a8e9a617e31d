// Hashes that are the same on every node, in every run and in every version of the program: identities of instances and tasks.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/engine/case_file.h"

namespace dunlin::engine {

/// 64 bits from bytes. Written into databases: never change it.
uint64_t hash_text(std::string_view bytes, uint64_t seed = 0);
/// 64 bits from two numbers; the order counts.
uint64_t hash_mix(uint64_t a, uint64_t b);

/// What makes two tasks the same task.
struct TaskNature {
  int64_t instance = 0;              // Instance::id
  uint64_t strategy = 0, queue = 0;  // hash_text of their names
  std::string_view treatment;
  uint64_t rule = 0;      // Rule::key of a rule with a name of its own, else 0
  int64_t recipient = 0;  // Instance::id; 0: none
};
/// Positive, so that it fits the field `task_identity : int?` of an outcome.
uint64_t task_identity(const TaskNature& nature);

}  // namespace dunlin::engine
