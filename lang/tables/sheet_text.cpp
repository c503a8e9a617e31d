#include "lang/tables/sheet_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "lang/tables/dunlin_names.h"
#include "lang/tables/translate.h"

namespace dunlin::tables {

namespace {

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

bool is_any(std::string_view cell) { return cell.empty() || cell == "any" || cell == "*" || cell == "-"; }

std::string unquoted(std::string_view text) {
  if (text.size() < 2 || !text.starts_with('"') || !text.ends_with('"')) return std::string(text);
  std::string out;
  text = text.substr(1, text.size() - 2);
  for (size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (text.substr(i, 2) == "\"\"") ++i;
  }
  return out;
}

/// Items between `,` or `;`; those between quotes belong to a text.
std::vector<std::string_view> items_of(std::string_view cell) {
  std::vector<std::string_view> out;
  bool quoted = false;
  size_t from = 0;
  for (size_t i = 0; i <= cell.size(); ++i) {
    if (i < cell.size() && cell[i] == '"') quoted = !quoted;
    if (i == cell.size() || (!quoted && (cell[i] == ',' || cell[i] == ';'))) {
      out.push_back(trimmed(cell.substr(from, i - from)));
      from = i + 1;
    }
  }
  return out;
}

bool digits(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789_") == std::string_view::npos; }

/// What a single value looks like.
const char* type_of_value(std::string_view text) {
  if (text == "true" || text == "false") return "bool";
  const std::string_view figure = text.starts_with('-') ? text.substr(1) : text;
  if (digits(figure)) return "int";
  const bool percent = figure.ends_with('%');
  const std::string_view plain = percent ? figure.substr(0, figure.size() - 1) : figure;
  const size_t dot = plain.find('.');
  if ((percent && digits(plain)) || (dot != std::string_view::npos && digits(plain.substr(0, dot)) && digits(plain.substr(dot + 1)))) return "decimal";
  if (text.size() >= 10 && text[4] == '-' && text[7] == '-' && digits(text.substr(0, 4))) return text.size() == 10 ? "date" : "datetime";
  const size_t colon = text.find(':');
  if (colon != std::string_view::npos && colon <= 2 && digits(text.substr(0, colon))) return "time";
  const size_t blank = text.find(' ');
  if (blank != std::string_view::npos && digits(text.substr(0, blank))) {
    for (const char* unit : {"second", "minute", "hour", "day", "week", "business day", "month", "quarter", "year"}) {
      if (text.substr(blank + 1).starts_with(unit)) return "duration";
    }
  }
  return "text";
}

/// Without the signs of comparisons and ranges.
std::vector<std::string_view> values_of(std::string_view item) {
  for (const std::string_view sign : {">=", "<=", "!=", ">", "<", "="}) {
    if (item.starts_with(sign)) return {trimmed(item.substr(sign.size()))};
  }
  const size_t dots = item.find("..");
  if (dots == std::string_view::npos || item.starts_with('"')) return {item};
  std::string_view high = item.substr(dots + 2);
  if (high.starts_with('<')) high.remove_prefix(1);
  return {trimmed(item.substr(0, dots)), trimmed(high)};
}

class SheetTable {
 public:
  SheetTable(const sheets::Sheet& sheet, const SheetTableOptions& options) : sheet_(sheet), options_(options) {}

  std::expected<std::string, Problem> text() {
    if (sheet_.rows.empty() || sheet_.rows[0].empty())
      return std::unexpected(Problem{0, "", "the sheet has no header", "its first row has the names of the columns"});
    if (auto read = read_header(); !read) return std::unexpected(read.error());
    for (size_t r = 1; r < sheet_.rows.size(); ++r) {
      if (auto done = add_row(r); !done) return std::unexpected(done.error());
    }
    // Column types are foreign text here, so the head is written by hand and only the rows are laid out.
    TableText table;
    for (const Column& column : columns_) (column.output ? table.outputs : table.inputs).push_back({column.name, {}, false});
    table.rows = std::move(rows_);
    if (!otherwise_.empty()) table.otherwise = std::move(otherwise_);
    const std::string laid_out = dunlin_text(table);
    return fmt::format("table {}({}) -> ({}) {} {}", quoted_name(options_.name), head(false), head(true), options_.policy,
                       laid_out.substr(laid_out.find("{\n")));
  }

 private:
  struct Column {
    std::string name, type;
    bool output = false;
    bool is_text() const { return type == "text" || type == "text?"; }
  };

  static Problem problem(size_t row, size_t column, std::string reason, std::string help = {}) {
    return {0, "cell " + sheets::cell_name(row + 1, column + 1), std::move(reason), std::move(help)};
  }

  std::string head(bool outputs) const {
    std::string out;
    for (const Column& column : columns_) {
      if (column.output == outputs) out += (out.empty() ? "" : ", ") + quoted_name(column.name) + " : " + column.type;
    }
    return out;
  }

  std::expected<void, Problem> read_header() {
    const auto& header = sheet_.rows[0];
    bool marked = false;
    for (size_t c = 0; c < header.size(); ++c) {
      std::string_view cell = trimmed(header[c]);
      Column column;
      column.output = cell.starts_with("->");
      marked = marked || column.output;
      if (column.output) cell = trimmed(cell.substr(2));
      if (marked && !column.output) return std::unexpected(problem(0, c, "an input stands behind an output", "put the outputs last"));
      const size_t colon = cell.find(':');
      column.name = dunlin_name(trimmed(cell.substr(0, colon)));
      if (trimmed(cell.substr(0, colon)).empty()) return std::unexpected(problem(0, c, "the column has no name"));
      if (colon != std::string_view::npos) column.type = std::string(trimmed(cell.substr(colon + 1)));
      for (const Column& other : columns_) {
        if (other.name == column.name) return std::unexpected(problem(0, c, "the column `" + column.name + "` stands here twice"));
      }
      columns_.push_back(std::move(column));
    }
    if (!marked) {
      if (options_.outputs == 0 || options_.outputs >= columns_.size())
        return std::unexpected(problem(0, 0, "a table has inputs and outputs", "mark outputs with `->`, or say how many there are"));
      for (size_t c = columns_.size() - options_.outputs; c < columns_.size(); ++c) columns_[c].output = true;
    }
    if (columns_[0].output) return std::unexpected(problem(0, 0, "the table has no inputs"));
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (columns_[c].type.empty()) columns_[c].type = found_type(c);
    }
    return {};
  }

  std::string cell(size_t row, size_t column) const {
    return column < sheet_.rows[row].size() ? std::string(trimmed(sheet_.rows[row][column])) : std::string();
  }

  std::string found_type(size_t column) const {
    std::string type;
    bool optional = false;
    for (size_t r = 1; r < sheet_.rows.size(); ++r) {
      const std::string whole = cell(r, column);
      std::string_view text = whole;
      if (column == 0 && text == "otherwise") continue;
      if (!columns_[column].output && is_any(text)) continue;
      if (columns_[column].output && text.empty() && cell(r, 0).empty()) continue;
      if (text.starts_with("not ")) text = trimmed(text.substr(4));
      for (const std::string_view item : columns_[column].output ? std::vector{text} : items_of(text)) {
        if (item == "missing" || item == "known" || item.empty()) {
          optional = true;
          continue;
        }
        for (const std::string_view value : columns_[column].output ? std::vector{item} : values_of(item)) {
          const std::string found = type_of_value(value);
          if (type.empty() || (type == "int" && found == "decimal")) {
            type = found;
          } else if (type != found && !(type == "decimal" && found == "int")) {
            type = "text";
          }
        }
      }
    }
    return (type.empty() ? "text" : type) + (optional ? "?" : "");
  }

  std::expected<void, Problem> add_row(size_t r) {
    const auto& row = sheet_.rows[r];
    if (std::all_of(row.begin(), row.end(), [](const std::string& text) { return trimmed(text).empty(); })) return {};
    for (size_t c = columns_.size(); c < row.size(); ++c) {
      if (!trimmed(row[c]).empty()) return std::unexpected(problem(r, c, "a cell stands beyond the last column of the header"));
    }
    const bool otherwise = cell(r, 0) == "otherwise";
    if (otherwise && !otherwise_.empty()) return std::unexpected(problem(r, 0, "there is an `otherwise` already"));
    TableText::Row made;
    for (size_t c = 0; c < columns_.size(); ++c) {
      const std::string text = cell(r, c);
      if (text.size() > 2'000) return std::unexpected(problem(r, c, "the cell is longer than 2,000 characters"));
      if (!columns_[c].output) {
        if (!otherwise) made.cells.push_back(input_text(text, columns_[c]));
        continue;
      }
      if (text.empty() && !columns_[c].type.ends_with('?')) return std::unexpected(problem(r, c, "the output is empty"));
      made.outputs.push_back(output_text(text, columns_[c]));
    }
    if (otherwise) {
      otherwise_ = std::move(made.outputs);
    } else {
      rows_.push_back(std::move(made));
    }
    return {};
  }

  static std::string value_text(std::string_view text, const Column& column) {
    if (column.is_text()) return text_literal(unquoted(text));
    const bool truth = column.type == "bool" || column.type == "bool?";
    if (truth && (text == "yes" || text == "1")) return "true";
    if (truth && (text == "no" || text == "0")) return "false";
    return std::string(text);
  }

  static std::string input_text(std::string_view text, const Column& column) {
    if (is_any(text)) return "any";
    const bool negated = text.starts_with("not ");
    std::string out;
    for (const std::string_view item : items_of(negated ? trimmed(text.substr(4)) : text)) {
      const bool word = item == "missing" || item == "any" || (item == "known" && column.type.ends_with('?'));
      out += (out.empty() ? "" : ", ") + (word ? std::string(item) : value_text(item, column));
    }
    return (negated ? "not " : "") + out;
  }

  static std::string output_text(std::string_view text, const Column& column) {
    const bool optional = column.type.ends_with('?');
    if (optional && (text.empty() || text == "missing")) return "missing";
    return value_text(text, column);
  }

  const sheets::Sheet& sheet_;
  const SheetTableOptions& options_;
  std::vector<Column> columns_;
  std::vector<TableText::Row> rows_;
  std::vector<std::string> otherwise_;
};

}  // namespace

std::expected<std::string, Problem> sheet_table_text(const sheets::Sheet& sheet, const SheetTableOptions& options) { return SheetTable(sheet, options).text(); }

}  // namespace dunlin::tables
