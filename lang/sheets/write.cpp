#include <fmt/format.h>
#include <xlsxwriter.h>

#include <charconv>
#include <cstdio>

#include "lang/sheets/workbook.h"

namespace dunlin::sheets {

namespace {

bool figure_of(const std::string& text, double& value) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  return read.ec == std::errc{} && read.ptr == text.data() + text.size();
}

lxw_error write(lxw_worksheet* sheet, lxw_row_t row, lxw_col_t column, const WrittenCell& cell, lxw_format* format, lxw_format* date) {
  double figure = 0;
  lxw_datetime day{};
  switch (cell.kind) {
    case WrittenCell::Kind::figure:
      if (figure_of(cell.text, figure)) return worksheet_write_number(sheet, row, column, figure, format);
      break;
    case WrittenCell::Kind::boolean:
      return worksheet_write_boolean(sheet, row, column, cell.text == "true" ? 1 : 0, format);
    case WrittenCell::Kind::date:
      if (std::sscanf(cell.text.c_str(), "%d-%d-%d", &day.year, &day.month, &day.day) == 3 && day.year >= 1900 && day.year <= 9999) {
        return worksheet_write_datetime(sheet, row, column, &day, date);
      }
      break;
    default:
      break;
  }
  return worksheet_write_string(sheet, row, column, cell.text.c_str(), format);
}

}  // namespace

std::expected<void, std::string> write_workbook(const std::string& path, const std::string& name, const std::vector<std::vector<WrittenCell>>& rows) {
  if (rows.size() > 1'048'576) return std::unexpected("a sheet has room for 1,048,576 rows");
  lxw_workbook_options options{};
  options.constant_memory = LXW_TRUE;
  lxw_workbook* book = workbook_new_opt(path.c_str(), &options);
  if (book == nullptr) return std::unexpected(fmt::format("`{}` cannot be written", path));
  lxw_worksheet* sheet = workbook_add_worksheet(book, name.substr(0, 31).c_str());
  if (sheet == nullptr) sheet = workbook_add_worksheet(book, nullptr);
  lxw_format* bold = workbook_add_format(book);
  format_set_bold(bold);
  lxw_format* date = workbook_add_format(book);
  format_set_num_format(date, "yyyy-mm-dd");
  worksheet_freeze_panes(sheet, 1, 0);
  lxw_error error = LXW_NO_ERROR;
  for (size_t r = 0; r < rows.size() && error == LXW_NO_ERROR; ++r) {
    for (size_t c = 0; c < rows[r].size() && error == LXW_NO_ERROR; ++c) {
      error = write(sheet, static_cast<lxw_row_t>(r), static_cast<lxw_col_t>(c), rows[r][c], r == 0 ? bold : nullptr, date);
    }
  }
  const lxw_error closed = workbook_close(book);
  if (error == LXW_NO_ERROR) error = closed;
  if (error != LXW_NO_ERROR) return std::unexpected(fmt::format("`{}` cannot be written: {}", path, lxw_strerror(error)));
  return {};
}

}  // namespace dunlin::sheets
