// What becomes of instances inside a strategy when a new version comes: `migrate`, `on change migrate | pin | restart`.
#pragma once

#include <string_view>

#include "lang/sema/checked.h"
#include "lang/syntax/words.h"

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

enum class OnChange : uint8_t { unsaid, migrate, pin, restart };

/// A strategy as an older version had it, kept for those who finish under it (docs/decisions/0028). It stands in Program::strategies behind all others,
/// under the same name, enrols nobody, and its text is that of a file below `kept_folder`.
struct KeptStrategy {
  Index strategy = none, base = none;  // Program::strategies: itself, and the one that goes by this name now
  int32_t version = 0;                 // its last version: also those of older ones stand in it, back to the kept one before
};
constexpr std::string_view kept_folder = "@kept/";
/// Of a file `@kept/4/soft.dun`, or `@kept/5-4/soft.dun` where the words are those of an earlier version: 4, or 5 and 4. 0: another file.
int32_t kept_version(std::string_view path);
int32_t kept_text_of(std::string_view path);

struct Transfers {
  std::vector<StageMove> stages;
  std::vector<VariableMove> variables;
  std::vector<OnChange> strategies, on_stage;  // by Program::strategies, Program::stages
  /// Hash of the text without layout and comments; 0 where nothing restarts.
  std::vector<uint64_t> strategy_text, stage_text;
  /// Keys that rules of moved stages had in the old stage, and have now.
  std::vector<std::pair<uint64_t, uint64_t>> rule_keys;
  std::vector<KeptStrategy> kept;  // by base, then version
  // Where something is kept, else empty:
  std::vector<Index> base_of;  // by strategy: the one that goes by its name now; itself
  std::vector<Index> read_as;  // by stage: the first of that name. This is what expressions, counts and rows know it by
};

/// The strategy as a kept one; null where it is the program's own.
const KeptStrategy* kept_at(const Program& program, Index strategy);
/// The strategy that goes by its name now.
Index base_of(const Program& program, Index strategy);
/// The stage that expressions, counts of visits, tasks and rows know this one by.
Index read_as(const Program& program, Index stage);
/// The stage of that name in a strategy; none.
Index counterpart(const Program& program, Index stage, Index strategy);
/// Whether whoever stands in `stage` of a kept strategy goes on there (`on change pin`, of the stage or else of the strategy, as it is written now).
bool stays_kept(const Program& program, const KeptStrategy& kept, Index stage);
/// Where an instance stands that was last stepped in `stage` (as in read_as) under `version`: there, or in the same stage of a kept strategy.
Index stage_under(const Program& program, Index stage, int32_t version);

}  // namespace dunlin::checked

namespace dunlin::sema {

/// FNV-1a over the words of a place without comments and layout: what was only laid out anew is the same. A line end and a comma both end an item. `words`: of
/// the file that `place` lies in.
uint64_t text_hash(const SourceMap& sources, const std::vector<Word>& words, Span place);

}  // namespace dunlin::sema
