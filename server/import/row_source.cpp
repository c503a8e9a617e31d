#include "server/import/row_source.h"

namespace dunlin::import {

int Header::find(std::string_view name) const {
  auto found = positions_.find(name);
  return found == positions_.end() ? -1 : found->second;
}

int Header::add(std::string_view name) {
  auto [place, added] = positions_.try_emplace(std::string(name), static_cast<int>(names_.size()));
  if (added) names_.emplace_back(name);
  return place->second;
}

std::string row_text(const Row& row) {
  if (!row.text.empty()) return row.text;
  std::string text;
  for (size_t i = 0; i < row.cells.size(); ++i) {
    if (i > 0) text += ',';
    const std::string& cell = row.cells[i];
    if (cell.find_first_of(",\"\n\r") == std::string::npos) {
      text += cell;
      continue;
    }
    text += '"';
    for (char c : cell) {
      if (c == '"') text += '"';
      text += c;
    }
    text += '"';
  }
  return text;
}

}  // namespace dunlin::import
