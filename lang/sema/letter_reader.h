// The text of a letter's file -> its words, placeholders, branches and loops. Knows no names and no types.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lang/diag/diagnostic.h"

namespace dunlin::sema {

struct WrittenPart {
  enum class Kind : unsigned char { words, value, branch, loop };
  Kind kind = Kind::words;
  Span span;                  // with its braces
  std::string words;          // escapes undone
  Span expression;            // value, condition, list
  std::optional<Span> style;  // behind `|`
  Span name;                  // loop: the element's
  std::optional<Span> where;  // loop
  bool in_url = false;        // value: inside a link of a page
  std::vector<WrittenPart> then, otherwise;
};

/// Reads a whole file of the map. Mistakes become E0792, in a page also E0797; what could be read is returned.
std::vector<WrittenPart> read_letter(const SourceMap& sources, uint32_t file, bool html, Diagnostics& diagnostics);

}  // namespace dunlin::sema
