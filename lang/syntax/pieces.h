// A file is read piece by piece, so that a change costs the piece it stands in. Private to lang/syntax.
#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

#include "lang/syntax/parse.h"
#include "lang/syntax/tokens.h"

namespace dunlin::syntax {

/// Parses the declarations of a slice that is lexed already and adds them to `file`. Number of mistakes of the grammar.
size_t read_declarations(const Slice& slice, std::vector<RawToken> raw, Diagnostics& diagnostics, const ParseLimits& limits, ast::File& file);

/// Says again what was said elsewhere.
void say(Diagnostics& diagnostics, Diagnostic one);

/// Where pieces begin: 0, and each line whose first word, at the margin, begins a declaration, with the comments and empty lines above it.
std::vector<uint32_t> piece_starts(std::string_view text);

class PieceReader {
 public:
  PieceReader(const SourceMap& sources, uint32_t file, const ParseLimits& limits, const ParsedFile* before, ParsedFile& made)
      : sources_(sources), file_(file), limits_(limits), before_(before), made_(made) {}
  void run();

 private:
  /// A piece of the new text before it is parsed.
  struct Cut {
    FilePiece piece;
    const FilePiece* known = nullptr;  // in `before`
    bool lexed = false;
    std::vector<RawToken> raw;
    std::vector<Diagnostic> of_lexer;
  };

  const FilePiece* known_piece(uint32_t begin, uint32_t end) const;
  Cut cut(uint32_t begin, uint32_t end) const;
  void lex(Cut& cut) const;
  void cut_text();
  void take_as_one();
  bool take_known(Cut& cut, size_t mistakes_left);
  void parse(Cut& cut, size_t mistakes_left);
  Slice slice_of(const FilePiece& piece) const { return {sources_, file_, piece.begin, piece.end, piece.goes_on}; }

  const SourceMap& sources_;
  uint32_t file_;
  const ParseLimits& limits_;
  const ParsedFile* before_;
  ParsedFile& made_;
  std::unordered_map<std::string_view, const FilePiece*> by_text_;
  std::vector<Cut> cuts_;
};

}  // namespace dunlin::syntax
