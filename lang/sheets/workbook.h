// Spreadsheets as Excel and LibreOffice save them (.xlsx): sheets of texts, read within limits, written plainly.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace dunlin::sheets {

struct Sheet {
  std::string name;
  /// As Dunlin's cells write values: figures without exponents, `true`, 2026-01-05, 08:30, 2026-01-05 08:30; errors as shown (`#REF!`).
  /// Rows may be shorter than others; the first row is row 1 of the sheet.
  std::vector<std::vector<std::string>> rows;
};

struct Workbook {
  std::vector<Sheet> sheets;  // in the order of the tabs
};

/// The error is one sentence. Refused: not a workbook, more than 200 MB unpacked, more than 1,100,000 rows or 4,000,000 cells, encrypted.
std::expected<Workbook, std::string> read_workbook(std::string_view bytes);

/// "B7" for row 7, column 2 (both from 1).
std::string cell_name(size_t row, size_t column);

/// As comma-separated text that gives the same cells: row n of the sheet is row n of the text, empty rows included.
std::string csv_text(const Sheet& sheet);

/// One cell of a sheet that is written: a figure, a date and `true` as such, everything else as text.
struct WrittenCell {
  enum class Kind { text, figure, boolean, date };
  Kind kind = Kind::text;
  std::string text;
};
/// One sheet, its first row bold and kept in sight. The error is one sentence.
std::expected<void, std::string> write_workbook(const std::string& path, const std::string& sheet, const std::vector<std::vector<WrittenCell>>& rows);

}  // namespace dunlin::sheets
