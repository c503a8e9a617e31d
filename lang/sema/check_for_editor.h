// Checking again and again while somebody types: only files that changed are parsed, and a program with mistakes is kept as far as it goes.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "lang/sema/check.h"
#include "lang/sema/symbols.h"
#include "lang/syntax/ast.h"
#include "lang/syntax/parse.h"

namespace dunlin {

/// Trees of the files of the last check. Of a file that has changed only the declarations that did are parsed anew.
class ParseCache {
 public:
  /// Parses, or takes what is there.
  std::shared_ptr<const ast::File> parse(const SourceMap& sources, uint32_t file, Diagnostics& diagnostics);
  /// The parts of `parse`, for files that are read side by side: `read` changes nothing.
  ParsedFile read(const SourceMap& sources, uint32_t file) const;
  bool holds(const SourceMap& sources, uint32_t file) const;
  void keep(const std::string& path, ParsedFile parsed);
  /// Forgets files that the map does not have.
  void forget_others(const SourceMap& sources);
  size_t parsed() const { return parsed_; }  // how often a file was not as it had been
  size_t pieces_parsed() const { return pieces_parsed_; }

 private:
  std::unordered_map<std::string, std::shared_ptr<const ParsedFile>> by_path_;
  size_t parsed_ = 0;
  size_t pieces_parsed_ = 0;
};

/// As check_bundle in check.h, with trees of an earlier check.
std::unique_ptr<checked::Program> check_bundle(const BundleSources& bundle, SourceMap& sources, Diagnostics& diagnostics, const CheckOptions& options,
                                               ParseCache& cache);

struct EditorCheck {
  /// Never null. With errors in the bundle it holds what could be made out and must not be run.
  std::unique_ptr<checked::Program> program;
  std::vector<std::shared_ptr<const ast::File>> trees;  // bundle's files first, then modules of the library
  std::vector<uint32_t> library_files;                  // files of the SourceMap
  bool good = false;
};

/// As check_bundle, with every use of a name in `symbols`. `options.analyse` false leaves out the search for gaps, dead stages and the like.
EditorCheck check_for_editor(const BundleSources& bundle, SourceMap& sources, Diagnostics& diagnostics, const CheckOptions& options, ParseCache& cache,
                             sema::SymbolIndex& symbols);

}  // namespace dunlin
