// Folder of .dun files -> checked program.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "lang/diag/diagnostic.h"
#include "lang/sema/checked.h"

namespace dunlin {

struct SourceFile {
  std::string path;  // shown to people, relative to the bundle folder
  std::string text;
};

/// A bundle as it is stored in the database: everything needed to compile it again.
struct BundleSources {
  std::vector<SourceFile> files;  // .dun files and the files they name (CSV), sorted by path
};

/// Reads all *.dun files below `folder` and the data files they name. Problems (no such folder, unreadable file) become diagnostics E08xx.
BundleSources read_bundle(const std::filesystem::path& folder, Diagnostics& diagnostics, SourceMap& sources);

struct CheckOptions {
  /// Folder with the standard library's modules (std/collections.dun is `use std.collections`).
  std::filesystem::path stdlib;
  bool analyse = true;  // tables, strategies: gaps, overlaps, dead stages … (E05xx, E06xx)
  /// Rows of a `collect` table are walked by a loop from so many on; fewer are written out. Which one it is changes no result.
  size_t looped_rows_min = 64;
};

/// Checks a bundle. Returns null if there were errors; the diagnostics tell. The program does not refer to `sources` except by Span.
std::unique_ptr<checked::Program> check_bundle(const BundleSources& bundle, SourceMap& sources, Diagnostics& diagnostics, const CheckOptions& options);

}  // namespace dunlin
