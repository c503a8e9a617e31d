// What is known about a bundle at one moment of its writing: trees, the program as far as it goes, what each name stands for. Made anew after each change
// (files that did not change are not parsed again) and never changed afterwards.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lang/diag/diagnostic.h"
#include "lang/sema/check_for_editor.h"
#include "lang/sema/symbols.h"
#include "lang/service/position.h"
#include "lang/syntax/words.h"

namespace dunlin::service {

using sema::SymbolKey;
using sema::SymbolKind;

/// A name and where it is declared.
struct Declared {
  SymbolKey key;
  std::string name;
  Span name_span;
  Span whole;          // the declaration, without its documentation
  std::string doc;     // lines of `///`
  std::string head;    // how it is declared, in short: "stage calling", "table offer(balance : money) -> (…)"
  int container = -1;  // position of the declaration around it; -1: the file
};

/// A use with the place of its last word.
struct NamedUse {
  Span span;
  SymbolKey key;
  checked::Type type;
};

struct Snapshot {
  SourceMap sources;
  Diagnostics diagnostics;
  std::unique_ptr<checked::Program> program;
  std::vector<std::shared_ptr<const ast::File>> trees;
  std::vector<uint32_t> library_files;
  bool good = false;      // no errors
  bool analysed = false;  // gaps, dead stages and the like were looked for
  bool named = false;     // `declared`, `by_key` and `uses` are there
  std::vector<Declared> declared;
  std::map<SymbolKey, int> by_key;  // -> declared
  std::vector<NamedUse> uses;       // by place
  std::optional<sema::Probe> probe;
  std::vector<sema::Use> uses_by_checker;  // until they are named

  /// File of that path; Span::no_file if the bundle has none.
  uint32_t file(const std::string& path) const;
  bool is_library(uint32_t file) const;
  const ast::File* tree(uint32_t file) const;
  /// The declaration a key belongs to; null for what the language has built in.
  const Declared* declaration(const SymbolKey& key) const;
  /// The use that covers `offset`, or ends there; null if none does.
  const NamedUse* use_at(uint32_t file, uint32_t offset) const;
  /// The declaration whose name covers `offset`.
  const Declared* declared_at(uint32_t file, uint32_t offset) const;
};

struct SnapshotOptions {
  CheckOptions check;
  std::string marker;  // a name that stands where a completion is asked for
  bool names = true;   // false: what each name stands for is left for name_things; diagnostics do without
};

std::shared_ptr<Snapshot> take_snapshot(const BundleSources& bundle, const SnapshotOptions& options, ParseCache& cache);
/// Makes up what take_snapshot left out. Changes nothing in a snapshot that has its names.
void name_things(Snapshot& snapshot);

// Steps of name_things.
void collect_declarations(Snapshot& snapshot);
void collect_uses(Snapshot& snapshot, std::vector<sema::Use> from_checker);

}  // namespace dunlin::service
