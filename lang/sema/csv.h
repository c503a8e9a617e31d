// Comma-separated text: rows of cells with their places.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dunlin::sema {

struct CsvCell {
  std::string text;  // without quotes, trimmed
  uint32_t begin = 0, end = 0;
  bool quoted = false;
};
struct CsvRow {
  std::vector<CsvCell> cells;
  uint32_t begin = 0, end = 0;
};
struct CsvText {
  std::vector<CsvRow> rows;            // without empty lines
  std::optional<uint32_t> open_quote;  // where a quote begins that is never closed
};

/// The separator is `,` unless the first line has `;` and no `,` outside quotes.
CsvText read_csv(std::string_view text);

}  // namespace dunlin::sema
