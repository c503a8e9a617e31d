#include <fmt/format.h>

#include <algorithm>

#include "lang/tables/export.h"
#include "lang/tables/export_values.h"

namespace dunlin::tables {

namespace {

using checked::Cell;
using checked::TypeKind;
using sheets::WrittenCell;

/// A text as an item of a cell; in quotes where it would be cut in two or mean something else.
std::string item_text(const std::string& text) {
  const bool word = text.empty() || text == "any" || text == "*" || text == "-" || text == "missing" || text == "known" || text == "otherwise" ||
                    text.starts_with("not ") || text.front() == ' ' || text.back() == ' ' || text.front() == '\t' || text.back() == '\t';
  if (!word && text.find_first_of(",;\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return out;
}

std::string cell_text(const checked::Program& program, const Cell& cell, const checked::Type& type) {
  std::vector<std::string> items;
  if (is_words(type)) {
    for (const std::string& text : cell.texts) items.push_back(item_text(text));
    if (cell.texts_negated) {
      if (items.empty()) return cell.accepts_missing || !type.optional ? "any" : "known";
      if (cell.accepts_missing) throw Unwritable{"it takes all texts but some, and missing too: no cell of a sheet says that"};
      return "not " + joined(items);
    }
  } else {
    const Cell::Interval all = whole_domain(program, type);
    for (const Cell::Interval& interval : cell.intervals) {
      const bool from_start = interval.low <= all.low, to_end = interval.high >= all.high;
      if (from_start && to_end && cell.intervals.size() == 1) {
        if (cell.accepts_missing || !type.optional) return "any";
        return "known";
      }
      if (is_listed(type)) {
        for (int64_t key = interval.low; key <= interval.high; ++key) items.push_back(value_text(program, type, key));
      } else if (interval.low == interval.high) {
        items.push_back(value_text(program, type, interval.low));
      } else if (from_start) {
        items.push_back("<= " + value_text(program, type, interval.high));
      } else if (to_end) {
        items.push_back(">= " + value_text(program, type, interval.low));
      } else {
        items.push_back(value_text(program, type, interval.low) + ".." + value_text(program, type, interval.high));
      }
    }
  }
  if (cell.accepts_missing) items.push_back("missing");
  if (items.empty()) throw Unwritable{"it takes no value at all"};
  return joined(items);
}

WrittenCell written(std::string text, const checked::Type& type) {
  const auto figure = [](const std::string& s) {
    return !s.empty() && s.size() <= 15 && s.find_first_not_of("0123456789.-") == std::string::npos && s.find('-', 1) == std::string::npos &&
           s.find("..") == std::string::npos;
  };
  const bool number = type.kind == TypeKind::integer || type.kind == TypeKind::decimal || type.kind == TypeKind::money || type.kind == TypeKind::number;
  if (number && figure(text) && text != "-") return {WrittenCell::Kind::figure, std::move(text)};
  if (type.kind == TypeKind::boolean && (text == "true" || text == "false")) return {WrittenCell::Kind::boolean, std::move(text)};
  const bool date = type.kind == TypeKind::date && text.size() == 10 && text[4] == '-' && text.find_first_not_of("0123456789-") == std::string::npos;
  if (date) return {WrittenCell::Kind::date, std::move(text)};
  return {WrittenCell::Kind::text, std::move(text)};
}

std::string output_text(const checked::Program& program, const checked::TableOutput& output, const checked::Type& type) {
  if (!output.constant) throw Unwritable{"it is computed: a sheet has room for constants only"};
  if (is_missing(output, type)) return "missing";
  if (!is_words(type)) return value_text(program, type, output.slots.back());
  return item_text(output.text);
}

}  // namespace

std::expected<Grid, Problem> export_sheet(const checked::Program& program, const checked::Table& table) {
  Grid grid(1);
  for (const auto& column : table.inputs) grid[0].push_back({WrittenCell::Kind::text, column.name + " : " + checked::type_name(program, column.type)});
  for (const auto& column : table.outputs) grid[0].push_back({WrittenCell::Kind::text, "-> " + column.name + " : " + checked::type_name(program, column.type)});
  std::string place;
  try {
    const auto add_outputs = [&](const checked::TableRow& row, std::vector<WrittenCell>& line) {
      for (size_t o = 0; o < table.outputs.size(); ++o) {
        place = fmt::format("output `{}`", table.outputs[o].name);
        line.push_back(written(output_text(program, row.outputs[o], table.outputs[o].type), table.outputs[o].type));
      }
    };
    for (size_t r = 0; r < table.rows.size(); ++r) {
      std::vector<WrittenCell> line;
      for (size_t c = 0; c < table.inputs.size(); ++c) {
        place = fmt::format("column `{}`", table.inputs[c].name);
        const Cell& cell = table.rows[r].cells[c];
        if (cell.predicate != checked::none) throw Unwritable{"it is computed: a sheet has room for constants only"};
        line.push_back(written(cell_text(program, cell, table.inputs[c].type), table.inputs[c].type));
      }
      try {
        add_outputs(table.rows[r], line);
      } catch (const Unwritable& unwritable) {
        return std::unexpected(Problem{0, fmt::format("row {}, {}", r + 1, place), unwritable.reason, "keep this table in the bundle"});
      }
      grid.push_back(std::move(line));
      place.clear();
    }
    if (table.otherwise) {
      std::vector<WrittenCell> line(table.inputs.size());
      line[0].text = "otherwise";
      add_outputs(*table.otherwise, line);
      grid.push_back(std::move(line));
    }
  } catch (const Unwritable& unwritable) {
    return std::unexpected(Problem{0, fmt::format("row {}, {}", grid.size(), place), unwritable.reason, "keep this table in the bundle"});
  }
  return grid;
}

std::string csv_of(const Grid& grid) {
  sheets::Sheet sheet;
  for (const auto& row : grid) {
    sheet.rows.emplace_back();
    for (const WrittenCell& cell : row) sheet.rows.back().push_back(cell.text);
  }
  return sheets::csv_text(sheet);
}

}  // namespace dunlin::tables
