// Rows from JSON lines: one object a line. Keys are columns; an object below a key gives columns `key.inner`. Null means missing.
#pragma once

#include <expected>
#include <filesystem>
#include <memory>

#include "server/import/row_source.h"

namespace dunlin::import {

std::expected<std::unique_ptr<RowSource>, std::string> open_json_lines(const std::filesystem::path& file, size_t line_bytes_max = 256u << 10);

}  // namespace dunlin::import
