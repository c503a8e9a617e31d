// The words of a file as a tool sees them: every token, comment and line end, in order. Made by the lexer the parser uses, so that a formatter or
// an editor never has an opinion of its own about where a text ends or which words are reserved.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lang/diag/source.h"

namespace dunlin {

enum class WordKind : uint8_t {
  reserved,  // `stage`, `when`
  soft,      // a word of the language that may also be a name: `queue`, `day`
  name,      // an identifier, with its backquotes if it has them
  number,    // 50_000, 12.5, 12%
  text,      // "…"
  moment,    // a date or a time of day
  punctuation,
  doc,      // `/// …` up to the line's end
  comment,  // `// …` up to the line's end
  line_end,
  mistake,  // what no rule of the language accepts
};

struct Word {
  WordKind kind = WordKind::mistake;
  uint32_t begin = 0;  // bytes in the file
  uint32_t end = 0;
  bool ends_item = false;  // line_end: an item ends here (elsewhere the line end means nothing)
};

/// All words of one file; blanks stand between them. Never fails: what cannot be read is a `mistake`.
/// Too deeply nested files have no line end that ends an item.
std::vector<Word> read_words(const SourceMap& sources, uint32_t file);

}  // namespace dunlin
