// What can be said about a checked program without running it: gaps and overlaps of tables, stages that cannot be
// reached, circles without time, accounts that two strategies want. Every finding about values names a concrete case.
//
// Nothing here guesses: an error is reported only where the case is proved (tables: exact arithmetic over boxes;
// strategies: the guards are evaluated on the witness). What is too hard to decide is said to be undecided or left to
// the fault that the engine raises.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "lang/diag/diagnostic.h"
#include "lang/sema/checked.h"

namespace dunlin {

struct AnalysisOptions {
  /// Files (ids of the SourceMap) of library modules: what a bundle does not use of them is not worth a warning.
  std::vector<uint32_t> library_files;
  bool is_of_bundle(Span span) const { return span.known() && std::ranges::find(library_files, span.file) == library_files.end(); }
  /// Enumerations that are declared by themselves (`enum product { … }`).
  struct DeclaredEnum {
    checked::Index index = checked::none;
    Span span;
  };
  std::vector<DeclaredEnum> declared_enums;
  /// Queues that something outside of the program asks for tasks in: campaigns.
  std::set<std::string> queues_of_campaigns;
  /// Steps of search for one table before the answer is "not decided" (E0506).
  uint64_t table_work_max = 40'000'000;
  /// Conditions over arithmetic are put to Z3. An editor, which checks at every keystroke, does without.
  bool ask_solver = true;
  /// What was written, for advice that quotes it; without it nothing is quoted.
  const SourceMap* sources = nullptr;
};

/// Looks at a program that has been checked without errors. Codes E0501–E0549 (tables) and E0600–E0649 (strategies).
void analyse(const checked::Program& program, Diagnostics& diagnostics, const AnalysisOptions& options = {});

}  // namespace dunlin
