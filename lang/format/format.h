// One layout for every rule file: the same words in the same order, with line breaks where the writer put them.
//
// What is changed: indentation, blanks between words, columns that belong together (fields, settings, rules, tables, trailing comments), line ends,
// blank lines in a row. A block that goes over several lines begins and ends on lines of its own. Nothing else: no word, comment or blank line is moved.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "lang/diag/diagnostic.h"

namespace dunlin {

/// The file laid out anew; the same text if it is well laid out. Fails if the file has syntax errors (they are in `diagnostics`): such a file is best
/// left alone, since a bracket that is missing moves everything behind it.
std::expected<std::string, std::string> format_file(const SourceMap& sources, uint32_t file, Diagnostics& diagnostics);

}  // namespace dunlin
