#include "lang/sema/csv.h"

namespace dunlin::sema {

static char separator_of(std::string_view text) {
  bool quoted = false, semicolon = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n') break;
    if (c == ',' || c == '\t') return c;
    semicolon = semicolon || c == ';';
  }
  return semicolon ? ';' : ',';
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static void trim(CsvCell& cell) {
  size_t from = 0, to = cell.text.size();
  while (from < to && is_blank(cell.text[from])) ++from;
  while (to > from && is_blank(cell.text[to - 1])) --to;
  cell.text = cell.text.substr(from, to - from);
}

CsvText read_csv(std::string_view text) {
  CsvText out;
  const char separator = separator_of(text);
  size_t at = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  CsvRow row;
  row.begin = static_cast<uint32_t>(at);
  const auto end_row = [&](size_t here) {
    row.end = static_cast<uint32_t>(here);
    const bool empty = row.cells.size() == 1 && row.cells[0].text.empty() && !row.cells[0].quoted;
    if (!empty && !row.cells.empty()) out.rows.push_back(std::move(row));
    row = {};
  };
  while (at <= text.size()) {
    CsvCell cell;
    while (at < text.size() && is_blank(text[at]) && text[at] != separator) ++at;
    cell.begin = static_cast<uint32_t>(at);
    if (at < text.size() && text[at] == '"') {
      cell.quoted = true;
      const size_t open = at++;
      while (true) {
        if (at >= text.size()) {
          out.open_quote = static_cast<uint32_t>(open);
          return out;
        }
        if (text[at] != '"') {
          cell.text += text[at++];
        } else if (at + 1 < text.size() && text[at + 1] == '"') {
          cell.text += '"';
          at += 2;
        } else {
          ++at;
          break;
        }
      }
    }
    while (at < text.size() && text[at] != separator && text[at] != '\n') cell.text += text[at++];
    cell.end = static_cast<uint32_t>(at);
    trim(cell);
    row.cells.push_back(std::move(cell));
    if (at >= text.size() || text[at] == '\n') {
      end_row(at);
      row.begin = static_cast<uint32_t>(++at);
      if (at >= text.size()) break;
    } else {
      ++at;
    }
  }
  return out;
}

}  // namespace dunlin::sema
