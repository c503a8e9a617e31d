// What becomes of instances inside a strategy when a new version comes: `migrate`, `on change migrate | restart`.
#pragma once

#include "lang/sema/checked.h"

namespace dunlin::checked {

/// `migrate soft.calling -> soft.dialing`: the old stage is gone, whoever stood in it stands in the new one.
struct StageMove {
  std::string from_strategy, from_stage;
  Index to = none;  // Program::stages
  Span span;
};
/// `migrate soft.letters -> soft.mails = letters + 1`: a variable that is gone, and what the new one takes from it.
struct VariableMove {
  std::string from_strategy, from;   // names of the old ones
  Index strategy = none, to = none;  // Program::strategies, Strategy::variables
  RootId value = none;               // parameter: the old value, of the new one's type; none: as it was
  Span span;
};

/// Rule::key that stands for `on change restart` in transitions; a row of dunlin.rule has its name.
constexpr uint64_t restart_key = 0x6f6e'2063'6861'6e67;

enum class OnChange : uint8_t { unsaid, migrate, restart };

struct Transfers {
  std::vector<StageMove> stages;
  std::vector<VariableMove> variables;
  std::vector<OnChange> strategies, on_stage;  // by Program::strategies, Program::stages
  /// Hash of the text without layout and comments; 0 where nothing restarts.
  std::vector<uint64_t> strategy_text, stage_text;
  /// Keys that rules of moved stages had in the old stage, and have now.
  std::vector<std::pair<uint64_t, uint64_t>> rule_keys;
};

}  // namespace dunlin::checked
