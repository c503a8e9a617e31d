// States and slots as bytes that outlive a version: strategies, stages, rules and variables are written by stable name hash, so a
// state written under one version is read under the next; what no longer exists is dropped, what is new takes its initial value.
#pragma once

#include <string>
#include <string_view>

#include "runtime/engine/case_file.h"

namespace dunlin::engine {

/// Everything of a state but strategy, stage, entered_at, version, step_number and wake_at, which are columns of their own.
std::string encode_state(const checked::Program& program, const InstanceState& state);
/// `state.strategy` must be set: the variables are its. False (and why) if the bytes are damaged.
bool decode_state(const checked::Program& program, std::string_view bytes, abi::Arena& arena, InstanceState& state, std::string& error);

/// The stage that a state of another version stands in: the one of that name ("soft.calling"), or where `migrate` has moved it; none if it is gone.
checked::Index stage_in(const checked::Program& program, const std::string& name);

/// One value of a type, by the same rules.
std::string encode_value(const checked::Program& program, const checked::Type& type, const int64_t* slots);
/// False if the bytes are damaged or the value means nothing in this version; `slots` are then undefined.
bool decode_value(const checked::Program& program, const checked::Type& type, std::string_view bytes, abi::Arena& arena, int64_t* slots);

}  // namespace dunlin::engine
