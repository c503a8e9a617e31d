#include "lang/service/snapshot.h"

#include <algorithm>

namespace dunlin::service {

uint32_t Snapshot::file(const std::string& path) const {
  for (uint32_t i = 0; i < sources.size(); ++i) {
    if (sources.path(i) == path) return i;
  }
  return Span::no_file;
}

bool Snapshot::is_library(uint32_t file) const { return std::find(library_files.begin(), library_files.end(), file) != library_files.end(); }

const ast::File* Snapshot::tree(uint32_t file) const {
  for (const auto& tree : trees) {
    if (tree->source == file) return tree.get();
  }
  return nullptr;
}

const Declared* Snapshot::declaration(const SymbolKey& key) const {
  const auto found = by_key.find(key);
  return found == by_key.end() ? nullptr : &declared[found->second];
}

const NamedUse* Snapshot::use_at(uint32_t file, uint32_t offset) const {
  // Names do not overlap, but two uses may share one: the first is as good.
  const NamedUse* touching = nullptr;
  auto at = std::upper_bound(uses.begin(), uses.end(), std::pair(file, offset),
                             [](const auto& place, const NamedUse& use) { return place < std::pair(use.span.file, use.span.begin); });
  for (int back = 0; back < 8 && at != uses.begin(); ++back) {
    --at;
    if (at->span.file != file || at->span.end < offset) break;
    if (offset < at->span.end) return &*at;
    touching = &*at;
  }
  return touching;
}

const Declared* Snapshot::declared_at(uint32_t file, uint32_t offset) const {
  const Declared* found = nullptr;
  for (const Declared& declaration : declared) {
    if (declaration.name_span.file == file && declaration.name_span.begin <= offset && offset <= declaration.name_span.end) {
      if (!found) found = &declaration;
    }
  }
  return found;
}

std::shared_ptr<Snapshot> take_snapshot(const BundleSources& bundle, const SnapshotOptions& options, ParseCache& cache) {
  auto snapshot = std::make_shared<Snapshot>();
  sema::SymbolIndex symbols;
  symbols.marker = options.marker;
  EditorCheck checked = check_for_editor(bundle, snapshot->sources, snapshot->diagnostics, options.check, cache, symbols);
  snapshot->diagnostics.sort();
  snapshot->program = std::move(checked.program);
  snapshot->trees = std::move(checked.trees);
  snapshot->library_files = std::move(checked.library_files);
  snapshot->good = checked.good;
  snapshot->analysed = options.check.analyse;
  snapshot->probe = std::move(symbols.probe);
  snapshot->uses_by_checker = std::move(symbols.uses);
  if (options.names) name_things(*snapshot);
  return snapshot;
}

void name_things(Snapshot& snapshot) {
  if (snapshot.named) return;
  snapshot.named = true;
  collect_declarations(snapshot);
  collect_uses(snapshot, std::move(snapshot.uses_by_checker));
}

}  // namespace dunlin::service
