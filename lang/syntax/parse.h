// Source text -> syntax tree. The only room that knows ANTLR.
#pragma once

#include "lang/diag/diagnostic.h"
#include "lang/syntax/ast.h"

namespace dunlin {

/// Limits that keep hostile input cheap. Exceeding one is an ordinary diagnostic (E01xx).
struct ParseLimits {
  size_t bytes_max = 8u << 20;        // one file
  size_t line_bytes_max = 64u << 10;  // one line
  size_t nesting_max = 200;           // brackets and nested expressions
  size_t errors_max = 50;             // syntax errors per file
};

/// Parses one file of the map. Always returns a tree; what could not be read is left out and reported.
/// Thread safe for different files.
ast::File parse_file(const SourceMap& sources, uint32_t file, Diagnostics& diagnostics, const ParseLimits& limits = {});

/// A part of a file that is read by itself: from a line at whose margin a declaration begins (and the comments above it) to the next such line.
struct FilePiece {
  uint32_t begin = 0, end = 0;   // bytes in the text
  uint32_t first = 0, last = 0;  // declarations of the tree, half open
  bool goes_on = false;          // another piece follows
  bool unfinished = false;       // its last item needs the line behind it, so it is read together with the next piece
  std::string unmatched;         // brackets that find no partner in it
  size_t mistakes = 0;           // of the grammar, reported or not
  bool cut_short = false;        // given up after too many of them: another time more may be read
  std::vector<Diagnostic> diagnostics;
};

/// A file that was read, with what is needed to read it again after a change at the cost of what changed.
struct ParsedFile {
  ast::File tree;
  std::string text;
  std::vector<Diagnostic> diagnostics;  // all of them
  std::vector<FilePiece> pieces;        // in order; may end early where nothing more was read
  size_t pieces_read = 0;               // how many were not taken from the file before
};

/// As parse_file, which is parse_again with nothing before: pieces whose text stood in `before` (in whatever file and place) are not parsed again.
/// The outcome is the same either way. Thread safe for different files.
ParsedFile parse_again(const SourceMap& sources, uint32_t file, const ParsedFile* before, const ParseLimits& limits = {});

/// Parses one expression (tests, `explain`, parameters given on the command line). Null if there were errors.
ast::ExprPtr parse_expression(const SourceMap& sources, uint32_t file, Diagnostics& diagnostics, const ParseLimits& limits = {});
/// One that is a part of a file which is no Dunlin text otherwise: a placeholder of a letter. The file is UTF-8.
ast::ExprPtr parse_expression(const SourceMap& sources, Span part, Diagnostics& diagnostics, const ParseLimits& limits = {});

}  // namespace dunlin
