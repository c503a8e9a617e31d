// Looks for a real account on which several conditions hold at once: stored fields are given values near the constants
// that the conditions compare them with, and the conditions are evaluated. What is found is certain; nothing found
// means nothing.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lang/sema/analysis/evaluate.h"

namespace dunlin::analysis {

struct WitnessQuestion {
  checked::Index entity = checked::none;  // of the instance that asks
  std::vector<checked::RootId> roots;     // conditions whose fields and constants are looked at
  /// Whether these facts are what is looked for. Without it: every root is true.
  std::function<bool(const Facts&)> accept;
  Facts given = {};             // of fields that the conditions do not ask for; `self_entity` and `today` of it are not looked at
  uint64_t trials_max = 8'000;  // combinations of values
};

struct Witness {
  Facts facts;
  std::vector<std::pair<checked::Index, checked::Index>> sought;  // (entity, field) that were given values
  std::vector<std::pair<std::string, std::string>> text;          // (name, value as Dunlin text)
};

std::optional<Witness> find_witness(const checked::Program& program, const WitnessQuestion& question);

/// By (entity, field): values to try.
using Tries = std::map<std::pair<checked::Index, checked::Index>, std::vector<Value>>;

/// What such a search would try.
struct WorthTrying {
  Tries values;
  int64_t today = 0;  // of all its cases
  bool uses_today = false;
};
WorthTrying values_worth_trying(const checked::Program& program, const WitnessQuestion& question);
/// Gives the fields all combinations of these values, or `trials_max` of them where there are more, the same ones each time, until `tried` says true. False:
/// it never did, or a field has no values.
bool try_combinations(const Tries& values, uint64_t trials_max, Facts& facts, const std::function<bool()>& tried);
/// These facts, told by the fields that were tried.
Witness witness_of(const checked::Program& program, checked::Index entity, const WorthTrying& worth, const Facts& facts);
/// Whether a stored field of this version can have the value.
bool is_value_of(const checked::Program& program, const checked::Field& field, const Value& value);
/// A value of such a field as Dunlin text.
std::string text_of_value(const checked::Program& program, const checked::Type& type, const Value& value);

}  // namespace dunlin::analysis
