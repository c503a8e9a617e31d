#include <fmt/format.h>

#include "lang/sema/analysis/strategies.h"
#include "lang/sema/analysis/witness.h"

namespace dunlin::analysis {

using checked::Index;

namespace {

/// before[a][b]: it is written, directly or through others, that a comes before b.
std::vector<std::vector<bool>> written_order(const checked::Program& program) {
  const size_t count = program.strategies.size();
  std::vector<std::vector<bool>> before(count, std::vector<bool>(count));
  for (size_t a = 0; a < count; ++a) {
    for (Index b : program.strategies[a].before) before[a][static_cast<size_t>(b)] = true;
  }
  for (size_t via = 0; via < count; ++via) {
    for (size_t a = 0; a < count; ++a) {
      for (size_t b = 0; b < count; ++b) {
        if (before[a][via] && before[via][b]) before[a][b] = true;
      }
    }
  }
  return before;
}

void check_pair(const checked::Program& program, Conditions& conditions, const checked::Strategy& first, const checked::Strategy& second,
                Diagnostics& diagnostics) {
  if (conditions.exclude_each_other({first.enrol, second.enrol})) return;
  const auto witness = find_witness(program, {first.entity, {first.enrol, second.enrol}, {}});
  if (!witness) return;  // not decided: no such account is known
  auto& diagnostic = diagnostics.error(
      "E0605", second.span,
      fmt::format("strategies `{}` and `{}` would both enrol this {}", first.name, second.name, program.entities.at(static_cast<size_t>(first.entity)).name));
  diagnostic.label = "enrols it too";
  diagnostic.notes.push_back({first.span, fmt::format("`{}` is here", first.name)});
  diagnostic.witness = witness->text;
  diagnostic.help = fmt::format("make the conditions exclude each other, or write the order: `before {}` in strategy `{}`", second.name, first.name);
}

}  // namespace

void check_enrolment(const checked::Program& program, Conditions& conditions, Diagnostics& diagnostics) {
  const auto before = written_order(program);
  for (size_t b = 0; b < program.strategies.size(); ++b) {
    for (size_t a = 0; a < b; ++a) {
      const checked::Strategy& first = program.strategies[a];
      const checked::Strategy& second = program.strategies[b];
      if (first.entity != second.entity || first.enrol == checked::none || second.enrol == checked::none) continue;
      if (!before[a][b] && !before[b][a]) check_pair(program, conditions, first, second, diagnostics);
    }
  }
}

}  // namespace dunlin::analysis
