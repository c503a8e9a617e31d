// Strategies of an older version as text that a newer bundle can carry along: for those who finish on the version they entered (`on change pin`).
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "lang/sema/check_for_editor.h"

namespace dunlin::service {

struct Snapshot;
struct NamedUse;

/// The files of a version that people wrote: without what it carries along of older ones.
BundleSources own_files(const BundleSources& version);

/// What a strategy says, and all that it builds upon by name: derived fields, segmentations, tables with their sheets, functions, parameters.
class Keeper {
 public:
  /// `version` is good, or was when it was stored; what it carries along itself is left out.
  Keeper(const BundleSources& version, const CheckOptions& options);
  ~Keeper();

  bool good() const;
  bool has(const std::string& strategy) const;
  /// The same for texts that say the same in the same words; 0: there is no such strategy.
  uint64_t text_of(const std::string& strategy) const;
  /// Files below `@kept/NUMBER/` (`text`: the number of this version): the strategies under their own names, the rest under names with `@NUMBER` behind. Lines
  /// keep their numbers.
  std::vector<SourceFile> keep(int32_t number, int32_t text, const std::set<std::string>& strategies) const;

 private:
  std::set<int> needed_by(const std::string& strategy) const;
  std::set<int> same_name(int declared) const;
  int keepable(const NamedUse& use) const;
  std::vector<SourceFile> sheets_of(const std::string& folder, int table) const;

  BundleSources own_;
  std::unique_ptr<ParseCache> cache_;
  std::shared_ptr<const Snapshot> snapshot_;
};

}  // namespace dunlin::service
