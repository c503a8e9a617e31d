// Values between slots, table columns, packed bytes and JSON.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/engine/case_file.h"
#include "runtime/store/bulk_binary.h"
#include "runtime/store/layout.h"

namespace dunlin::store {

/// Adds the leaf's value to a column of its type.
void add_value(const checked::Program& program, const Leaf& leaf, const int64_t* slots, Column& column);
/// Puts a column's value into the slots; texts go to the case file's arena. A missing value leaves the slots as they are (blank).
/// False if the value means nothing to this program (a literal that is gone).
bool read_value(const checked::Program& program, const Leaf& leaf, FieldBytes field, engine::CaseFile& case_file, int64_t* slots);

/// Values by dictionary number of their field, so that they outlive a version. Missing ones are left out.
std::string pack_values(const checked::Program& program, const std::vector<Leaf>& leaves, const int64_t* slots);
/// Values of fields that this program has with the same type; the others are skipped. False if the bytes are damaged.
bool unpack_values(const checked::Program& program, const std::vector<Leaf>& leaves, std::string_view bytes, engine::CaseFile& case_file, int64_t* slots);

/// Packed values of whatever version as JSON; `names`: of the fields, by their dictionary numbers. Damaged bytes give what could be read.
std::string packed_to_json(const checked::Program& program, const std::unordered_map<int32_t, std::string>& names, std::string_view bytes);

/// {"amount": 12.50, "due": "2026-01-15"}
std::string values_to_json(const checked::Program& program, const std::vector<Leaf>& leaves, const int64_t* slots);
bool json_to_values(const checked::Program& program, const std::vector<Leaf>& leaves, std::string_view json, engine::CaseFile& case_file, int64_t* slots);

/// Adds a JSON string with its quotes.
void append_json_text(std::string& out, std::string_view text);
/// 2026-01-15T07:00:00Z
std::string instant_text(Instant at);

/// Why an event of a type that the program does not have is set aside.
std::string strange_event_reason(const std::string& name);
/// An event that a step did not take, as quarantine keeps it: the owner, the reason, and all that came with it.
SetAside set_aside_of(const checked::Program& program, const engine::CaseFile& case_file, const engine::RefusedEvent& refused);

}  // namespace dunlin::store
