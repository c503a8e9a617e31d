// Reads CSV as it really comes: quotes, a byte order mark, CRLF, lines over several lines, half lines, wrong column counts, bytes that are no UTF-8.
// One bad record never spoils the next: an open quote costs the line it stands in, nothing more.
#pragma once

#include <expected>
#include <filesystem>
#include <memory>

#include "server/import/row_source.h"

namespace dunlin::import {

struct CsvOptions {
  char delimiter = ',';
  /// The first line names the columns; otherwise they are called 1, 2, 3 …
  bool header = true;
  /// Longer records are rejected.
  size_t record_bytes_max = 256u << 10;
};

/// Fails with one sentence: no such file, empty, not text, a header that names a column twice.
std::expected<std::unique_ptr<RowSource>, std::string> open_csv(const std::filesystem::path& file, const CsvOptions& options);

}  // namespace dunlin::import
