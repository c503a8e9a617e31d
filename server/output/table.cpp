#include "server/output/table.h"

#include <algorithm>

#include "server/output/terminal.h"

namespace dunlin::server {
namespace {

std::string padded(const std::string& cell, size_t width, Table::Align align) {
  size_t taken = display_width(cell);
  std::string space(width > taken ? width - taken : 0, ' ');
  return align == Table::Align::right ? space + cell : cell + space;
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  for (auto& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text(bool color) const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = display_width(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[i]));
    widths.push_back(width);
  }
  std::string result;
  auto line = [&](auto cell_of, Style style) {
    std::string text;
    for (size_t i = 0; i < columns_.size(); ++i) text += (i > 0 ? "  " : "") + padded(cell_of(i), widths[i], columns_[i].align);
    text.erase(text.find_last_not_of(' ') + 1);
    result += styled(text, style, color) + "\n";
  };
  line([&](size_t i) { return columns_[i].title; }, Style::bold);
  for (const auto& row : rows_) line([&](size_t i) { return row[i]; }, Style::plain);
  return result;
}

}  // namespace dunlin::server
