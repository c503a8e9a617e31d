// Checking again and again while somebody types: only files that changed are parsed, and a program with mistakes is kept as far as it goes.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "lang/sema/check.h"
#include "lang/sema/symbols.h"
#include "lang/syntax/ast.h"

namespace dunlin {

/// Trees of the files of earlier checks. A tree is good as long as its file has the same text and the same number in the SourceMap.
class ParseCache {
 public:
  struct Entry {
    std::string text;
    uint32_t file = Span::no_file;
    std::shared_ptr<const ast::File> tree;
    std::vector<Diagnostic> diagnostics;  // of the parser
  };
  /// Parses, or takes what is there.
  std::shared_ptr<const ast::File> parse(const SourceMap& sources, uint32_t file, Diagnostics& diagnostics);
  /// The parts of `parse`, for files that are read side by side: `read` touches nothing else.
  static Entry read(const SourceMap& sources, uint32_t file);
  bool holds(const SourceMap& sources, uint32_t file) const;
  void keep(const std::string& path, Entry entry);
  size_t parsed() const { return parsed_; }  // how often a file had to be read anew

 private:
  std::unordered_map<std::string, Entry> by_path_;
  size_t parsed_ = 0;
};

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
