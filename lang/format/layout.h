// The words of a file with what the formatter knows about each. Private to lang/format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lang/syntax/words.h"

namespace dunlin::format {

/// What stands between a pair of brackets, as far as its layout differs.
enum class BlockKind : uint8_t {
  file,
  settings,  // bundle, queue, keep: a word and what is set
  fields,    // entity, event, record: `name : type`
  words,     // enum { a, b }, in { a, b }
  segments,  // segmentation
  rows,      // table rows and arms of `match`
  body,      // of a function or a derived field
  outcomes,  // a tree of names
  rules,     // strategy, stage, always
  test,      // given, at, on
  payload,   // { name: value }
  declared,  // ( ) with `name : type`
  values,    // other ( ) and [ ]
  other,     // limits, holds, …: lines of words
};

constexpr size_t nowhere = SIZE_MAX;

struct Piece {
  WordKind kind;
  std::string_view text;
  uint32_t width = 0;       // letters
  uint32_t gap = 0;         // blanks in front as written (line breaks apart)
  bool line_break = false;  // stands first on its line
  bool blank_line = false;  // and a blank line is kept above it
  bool starts_item = false;
  size_t block = nowhere;                // the opening bracket around it
  size_t partner = nowhere;              // of a bracket
  BlockKind inside = BlockKind::values;  // of an opening bracket
  uint32_t spaces = 0;                   // blanks to write in front, if it does not stand first

  bool is(std::string_view word) const { return text == word && kind != WordKind::text; }
  bool is_word() const { return kind == WordKind::reserved || kind == WordKind::soft || kind == WordKind::name; }
  bool is_comment() const { return kind == WordKind::comment || kind == WordKind::doc; }
  bool opens() const { return kind == WordKind::punctuation && (text == "{" || text == "(" || text == "["); }
  bool closes() const { return kind == WordKind::punctuation && (text == "}" || text == ")" || text == "]"); }
};

struct Line {
  size_t first = 0, last = 0;  // pieces, `last` included
  uint32_t indent = 0;
};

using Pieces = std::vector<Piece>;

/// Reads the words, matches brackets, names blocks and decides where lines break.
Pieces read_pieces(const SourceMap& sources, uint32_t file);
/// Blanks between neighbours on a line, before anything is aligned.
void space_out(Pieces& pieces);
/// Lines with their indentation.
std::vector<Line> lay_lines(const Pieces& pieces);
/// Makes columns of what belongs together, by adding blanks.
void align(Pieces& pieces, const std::vector<Line>& lines);

inline BlockKind kind_around(const Pieces& pieces, size_t at) { return pieces[at].block == nowhere ? BlockKind::file : pieces[pieces[at].block].inside; }

}  // namespace dunlin::format
