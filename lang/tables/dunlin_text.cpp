// Declarations as Dunlin text.
#include <fmt/format.h>

#include <algorithm>

#include "lang/tables/dunlin_names.h"
#include "lang/tables/translate.h"

namespace dunlin::tables {

namespace {

size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string documented(const std::string& doc) {
  std::string out;
  size_t at = 0;
  while (at < doc.size()) {
    const size_t end = std::min(doc.find('\n', at), doc.size());
    out += "/// " + doc.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return out;
}

std::string column(const Column& column) { return fmt::format("{} : {}{}", quoted_name(column.name), type_text(column.type), column.nullable ? "?" : ""); }

std::string columns(const std::vector<Column>& all) {
  std::string out;
  for (const Column& one : all) out += (out.empty() ? "" : ", ") + column(one);
  return out;
}

/// Rows as lines; the inputs of an `otherwise` row are one cell that spans them.
class Grid {
 public:
  explicit Grid(const TableText& table) : table_(table) {
    std::vector<std::string> names, results;
    for (const Column& one : table.inputs) names.push_back(quoted_name(one.name));
    for (const Column& one : table.outputs) results.push_back(quoted_name(one.name));
    widen(names, input_widths_);
    widen(results, output_widths_);
    for (const TableText::Row& row : table.rows) {
      widen(row.cells, input_widths_);
      widen(row.outputs, output_widths_);
    }
    if (table.otherwise) widen(*table.otherwise, output_widths_);
    for (size_t& width : input_widths_) width = std::min<size_t>(width, 40);
    for (size_t& width : output_widths_) width = std::min<size_t>(width, 40);
    size_t all = 0;
    for (const size_t width : input_widths_) all += width + 3;
    if (table.otherwise && all < 12) input_widths_.back() += 12 - all;  // room for the word
    head_ = line(names, results);
  }

  std::string text() const {
    std::string out = head_;
    for (const TableText::Row& row : table_.rows) out += line(row.cells, row.outputs);
    if (table_.otherwise) {
      size_t width = 0;
      for (const size_t one : input_widths_) width += one + 3;
      out += "  | " + padded("otherwise", width - 3) + " ||" + cells(*table_.otherwise, output_widths_) + " |\n";
    }
    return out;
  }

 private:
  static void widen(const std::vector<std::string>& texts, std::vector<size_t>& widths) {
    widths.resize(std::max(widths.size(), texts.size()));
    for (size_t i = 0; i < texts.size(); ++i) widths[i] = std::max(widths[i], width_of(texts[i]));
  }
  static std::string padded(const std::string& text, size_t width) {
    const size_t own = width_of(text);
    return own >= width ? text : text + std::string(width - own, ' ');
  }
  static std::string cells(const std::vector<std::string>& texts, const std::vector<size_t>& widths) {
    std::string out;
    for (size_t i = 0; i < texts.size(); ++i) out += (i == 0 ? " " : " | ") + padded(texts[i], widths[i]);
    return out;
  }
  std::string line(const std::vector<std::string>& inputs, const std::vector<std::string>& outputs) const {
    return "  |" + cells(inputs, input_widths_) + " ||" + cells(outputs, output_widths_) + " |\n";
  }

  const TableText& table_;
  std::vector<size_t> input_widths_, output_widths_;
  std::string head_;
};

}  // namespace

std::string dunlin_text(const TableText& table) {
  return documented(table.doc) +
         fmt::format("table {}({}) -> ({}) {} {{\n", quoted_name(table.name), columns(table.inputs), columns(table.outputs), table.policy) +
         Grid(table).text() + "}\n";
}

std::string dunlin_text(const Enumeration& enumeration) {
  const std::string type = quoted_name(enumeration.name);
  std::string literals, arms;
  for (size_t i = 0; i < enumeration.literals.size(); ++i) {
    const std::string literal = quoted_name(enumeration.literals[i]);
    literals += (i == 0 ? "" : ", ") + literal;
    arms += fmt::format("  | {} -> {}\n", literal, text_literal(enumeration.texts[i]));
  }
  std::string out = fmt::format("enum {} {{ {} }}\n", type, literals);
  if (enumeration.written_out) out += fmt::format("\nfunction {}_text(a : {}) -> text = match a {{\n{}}}\n", enumeration.name, type, arms);
  if (enumeration.compared) {
    out += fmt::format("\nfunction same_{0}(a : {1}?, b : {1}?) -> bool = if a missing then b missing else b known and a = b\n", enumeration.name, type);
  }
  return out;
}

std::string dunlin_text(const Translation& translation) {
  std::string body;
  for (const Enumeration& enumeration : translation.enumerations) body += "\n" + dunlin_text(enumeration);
  for (const Definition& definition : translation.definitions) {
    if (const auto* table = std::get_if<TableText>(&definition)) {
      body += "\n" + dunlin_text(*table);
    } else {
      const auto& function = std::get<FunctionText>(definition);
      body += "\n" + documented(function.doc) +
              fmt::format("function {}({}) -> {}{} = {}\n", quoted_name(function.name), columns(function.parameters), type_text(function.result.type),
                          function.result.nullable ? "?" : "", function.body);
    }
  }
  if (body.empty()) return body;
  body.erase(0, 1);
  const auto functions = library_functions();
  const auto calls = [&](std::string_view function) { return body.find(std::string(function) + "(") != std::string::npos; };
  const bool library = body.find("feel_") != std::string::npos || std::any_of(functions.begin(), functions.end(), calls);
  return library ? "use std.feel\n\n" + body : body;
}

}  // namespace dunlin::tables
