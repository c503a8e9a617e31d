// Tables kept in a spreadsheet: cells of a CSV file are read as the cells of a table in the bundle, so that everything
// that holds for those holds for these too.
#include <algorithm>
#include <charconv>

#include "lang/sema/civil.h"
#include "lang/sema/csv.h"
#include "lang/sema/tables.h"
#include "lang/sheets/workbook.h"

namespace dunlin::sema {

namespace {

ast::ExprPtr node(Span span, auto made) {
  auto expr = std::make_unique<ast::Expr>();
  expr->span = span;
  expr->node = std::move(made);
  return expr;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// A column's name as the first line has it. Exported sheets say more: `balance : money`, and `-> fee : decimal` for an output.
std::string_view column_name(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with("->")) text = trimmed(text.substr(2));
  return trimmed(text.substr(0, text.find(':')));
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || c == '_'; });
}

/// Reads one cell of a column of a given type.
class CellText {
 public:
  CellText(Span span, Type type) : span_(span), type_(type) {}

  /// Null if it cannot be read.
  ast::ExprPtr input(std::string_view text) {
    text = trimmed(text);
    if (text.empty() || text == "any" || text == "*" || text == "-") return node(span_, ast::AnyCell{});
    if (text.starts_with("not ")) {
      auto inner = list(text.substr(4));
      return inner ? node(span_, ast::CellNot{std::move(inner)}) : nullptr;
    }
    return list(text);
  }

  ast::ExprPtr output(std::string_view text) {
    text = trimmed(text);
    if (text == "missing" && type_.optional) return node(span_, ast::MissingLit{});
    if (text.empty() && type_.optional) return node(span_, ast::MissingLit{});
    return value(text);
  }

 private:
  /// Where the next item begins; a separator between quotes is a sign of a text.
  size_t end_of_item(std::string_view text) const {
    bool quoted = false;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '"' && is_text()) quoted = !quoted;
      if (!quoted && (text[i] == ',' || text[i] == ';')) return i;
    }
    return std::string_view::npos;
  }

  /// `"a, b"` is the text between the quotes, in which `""` is one quote: for texts that would mean something else, or be cut in two.
  static std::string unquoted(std::string_view text) {
    if (text.size() < 2 || !text.starts_with('"') || !text.ends_with('"')) return std::string(text);
    std::string out;
    text = text.substr(1, text.size() - 2);
    for (size_t i = 0; i < text.size(); ++i) {
      out += text[i];
      if (text.substr(i, 2) == "\"\"") ++i;
    }
    return out;
  }

  ast::ExprPtr list(std::string_view text) {
    std::vector<ast::ExprPtr> items;
    while (true) {
      const size_t end = end_of_item(text);
      auto one = item(trimmed(text.substr(0, end)));
      if (!one) return nullptr;
      items.push_back(std::move(one));
      if (end == std::string_view::npos) break;
      text.remove_prefix(end + 1);
    }
    if (items.size() == 1) return std::move(items.front());
    return node(span_, ast::ListLit{std::move(items)});
  }

  ast::ExprPtr item(std::string_view text) {
    using ast::BinaryOp;
    if (text == "missing") return node(span_, ast::MissingLit{});
    if (text == "any" || text == "*") return node(span_, ast::AnyCell{});
    if (text == "known" && type_.optional) return node(span_, ast::CellNot{node(span_, ast::MissingLit{})});
    if (is_text()) return value(text);
    static constexpr std::pair<std::string_view, BinaryOp> comparisons[] = {{">=", BinaryOp::greater_equal}, {"<=", BinaryOp::less_equal},
                                                                            {"!=", BinaryOp::not_equal},     {">", BinaryOp::greater},
                                                                            {"<", BinaryOp::less},           {"=", BinaryOp::equal}};
    for (const auto& [sign, op] : comparisons) {
      if (!text.starts_with(sign)) continue;
      auto end = value(trimmed(text.substr(sign.size())));
      return end ? node(span_, ast::CellComparison{op, std::move(end)}) : nullptr;
    }
    if (const size_t dots = text.find(".."); dots != std::string_view::npos) {
      std::string_view high = text.substr(dots + 2);
      const bool included = !high.starts_with('<');
      if (!included) high.remove_prefix(1);
      auto from = value(trimmed(text.substr(0, dots))), to = value(trimmed(high));
      return from && to ? node(span_, ast::RangeExpr{std::move(from), std::move(to), included}) : nullptr;
    }
    return value(text);
  }

  bool is_text() const {
    return type_.kind == TypeKind::text || type_.kind == TypeKind::timezone || type_.kind == TypeKind::file || type_.kind == TypeKind::location;
  }

  ast::ExprPtr value(std::string_view text) {
    if (text.empty() && !is_text()) return nullptr;
    if (is_text()) {
      ast::TextLit literal;
      literal.parts.push_back({unquoted(text), nullptr});
      return node(span_, std::move(literal));
    }
    switch (type_.kind) {
      case TypeKind::boolean:
        if (text == "true" || text == "yes" || text == "1") return node(span_, ast::BoolLit{true});
        if (text == "false" || text == "no" || text == "0") return node(span_, ast::BoolLit{false});
        return nullptr;
      case TypeKind::enumeration:
      case TypeKind::stage:
        return name(text);
      case TypeKind::date:
        return date(text);
      case TypeKind::datetime: {
        if (text.size() < 12) return nullptr;
        const auto day = date_of(text.substr(0, 10));
        const auto clock = time_of(trimmed(text.substr(10)));
        return day && clock ? node(span_, ast::DateTimeLit{*day, *clock}) : nullptr;
      }
      case TypeKind::time: {
        const auto clock = time_of(text);
        return clock ? node(span_, *clock) : nullptr;
      }
      case TypeKind::duration:
        return duration(text);
      default:
        return number(text);
    }
  }

  ast::ExprPtr name(std::string_view text) {
    ast::ExprPtr made;
    while (true) {
      const size_t dot = text.find('.');
      ast::Name part{std::string(trimmed(text.substr(0, dot))), span_};
      if (part.text.empty()) return nullptr;
      made = made ? node(span_, ast::Member{std::move(made), std::move(part)}) : node(span_, ast::NameRef{std::move(part)});
      if (dot == std::string_view::npos) return made;
      text.remove_prefix(dot + 1);
    }
  }

  ast::ExprPtr number(std::string_view text) {
    if (text.starts_with('-')) {
      auto inner = number(trimmed(text.substr(1)));
      return inner ? node(span_, ast::Unary{ast::UnaryOp::negate, std::move(inner)}) : nullptr;
    }
    const bool percent = text.ends_with('%');
    if (percent) text = trimmed(text.substr(0, text.size() - 1));
    const size_t dot = text.find('.');
    const bool good = all_digits(text.substr(0, dot)) && (dot == std::string_view::npos || all_digits(text.substr(dot + 1)));
    if (!good) return nullptr;
    std::string digits;
    for (const char c : text) {
      if (c != '_') digits += c;
    }
    if (percent) return node(span_, ast::PercentLit{digits});
    return dot == std::string_view::npos ? node(span_, ast::IntLit{digits}) : node(span_, ast::DecimalLit{digits});
  }

  static std::optional<int> figure(std::string_view text) {
    int value = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || end.ec != std::errc{} || end.ptr != text.data() + text.size()) return std::nullopt;
    return value;
  }

  static std::optional<ast::DateLit> date_of(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    const auto year = figure(text.substr(0, 4)), month = figure(text.substr(5, 2)), day = figure(text.substr(8, 2));
    if (!year || !month || !day || !days_of_date(*year, *month, *day)) return std::nullopt;
    return ast::DateLit{*year, *month, *day};
  }

  static std::optional<ast::TimeLit> time_of(std::string_view text) {
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const bool seconds = text.size() == colon + 6 && text[colon + 3] == ':';
    if (!seconds && text.size() != colon + 3) return std::nullopt;
    const auto hour = figure(text.substr(0, colon)), minute = figure(text.substr(colon + 1, 2));
    const auto second = seconds ? figure(text.substr(colon + 4)) : std::optional(0);
    if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59 || *hour < 0 || *minute < 0 || *second < 0) return std::nullopt;
    return ast::TimeLit{*hour, *minute, *second};
  }

  ast::ExprPtr date(std::string_view text) {
    const auto read = date_of(text);
    return read ? node(span_, *read) : nullptr;
  }

  ast::ExprPtr duration(std::string_view text) {
    using Unit = ast::DurationUnit;
    const size_t blank = text.find(' ');
    if (blank == std::string_view::npos || !all_digits(text.substr(0, blank))) return nullptr;
    static constexpr std::pair<std::string_view, Unit> units[] = {{"second", Unit::second}, {"minute", Unit::minute},   {"hour", Unit::hour},
                                                                  {"day", Unit::day},       {"week", Unit::week},       {"business day", Unit::business_day},
                                                                  {"month", Unit::month},   {"quarter", Unit::quarter}, {"year", Unit::year}};
    std::string_view unit = trimmed(text.substr(blank));
    for (const auto& [word, meaning] : units) {
      if (unit == word || (unit.starts_with(word) && unit.substr(word.size()) == "s"))
        return node(span_, ast::DurationLit{std::string(text.substr(0, blank)), meaning});
    }
    return nullptr;
  }

  Span span_;
  Type type_;
};

class Sheet {
 public:
  Sheet(Context& context, uint32_t file, const checked::Table& table, Span table_span)
      : context_(context), file_(file), table_(table), table_span_(table_span) {}

  SheetRows read() {
    const CsvText csv = read_csv(context_.sources.text(file_));
    if (csv.open_quote) {
      context_.error("E0811", {file_, *csv.open_quote, *csv.open_quote + 1}, "this quote is never closed");
      return {};
    }
    if (csv.rows.empty()) {
      context_.error("E0812", table_span_, "the file is empty").help = "its first line has the names of the columns";
      return {};
    }
    SheetRows out;
    if (!header(csv.rows.front())) return out;
    for (size_t i = 1; i < csv.rows.size(); ++i) add(csv.rows[i], i + 1, out);
    return out;
  }

 private:
  Span place(const CsvCell& cell) const { return {file_, cell.begin, std::max(cell.end, cell.begin)}; }
  Span place(const CsvRow& row) const { return {file_, row.begin, row.end}; }

  bool header(const CsvRow& row) {
    const size_t inputs = table_.inputs.size();
    positions_.assign(inputs + table_.outputs.size(), SIZE_MAX);
    std::vector<std::string> names;
    for (const auto& column : table_.inputs) names.push_back(column.name);
    for (const auto& column : table_.outputs) names.push_back(column.name);
    bool good = true;
    for (size_t i = 0; i < row.cells.size(); ++i) {
      const std::string written(column_name(row.cells[i].text));
      const auto found = std::find(names.begin(), names.end(), written);
      if (found == names.end()) {
        Diagnostic& diagnostic = context_.error("E0812", place(row.cells[i]), cell_of(1, i) + "the table has no column " + in_ticks(written));
        suggest(diagnostic, written, names);
        good = false;
        continue;
      }
      size_t& position = positions_[static_cast<size_t>(found - names.begin())];
      if (position != SIZE_MAX) {
        context_.error("E0812", place(row.cells[i]), cell_of(1, i) + "the column " + in_ticks(written) + " stands here twice");
        good = false;
      }
      position = i;
    }
    for (size_t i = 0; i < names.size(); ++i) {
      if (positions_[i] != SIZE_MAX) continue;
      context_.error("E0812", place(row), "the file has no column " + in_ticks(names[i]));
      good = false;
    }
    width_ = row.cells.size();
    return good;
  }

  /// Of a workbook people know a cell by its name.
  std::string cell_of(size_t row, size_t column) const { return workbook_ ? "cell " + sheets::cell_name(row, column + 1) + ": " : std::string(); }

  /// Sheets of a workbook have empty rows, and rows that end where their last cell does.
  bool fit_to_header(CsvRow& row) const {
    if (!workbook_) return true;
    while (row.cells.size() > width_ && row.cells.back().text.empty()) row.cells.pop_back();
    CsvCell end;
    end.begin = end.end = row.end;
    while (row.cells.size() < width_) row.cells.push_back(end);
    return std::any_of(row.cells.begin(), row.cells.end(), [](const CsvCell& cell) { return !cell.text.empty(); });
  }

  void add(CsvRow row, size_t number, SheetRows& out) {
    if (!fit_to_header(row)) return;
    if (row.cells.size() != width_) {
      context_.error("E0813", place(row), "this row has " + std::to_string(row.cells.size()) + " cells, the header " + std::to_string(width_));
      return;
    }
    const size_t inputs = table_.inputs.size();
    ast::TableDecl::Row made;
    made.span = place(row);
    const bool otherwise = inputs > 0 && row.cells[positions_[0]].text == "otherwise";
    bool good = true;
    for (size_t i = 0; i < positions_.size(); ++i) {
      const CsvCell& cell = row.cells[positions_[i]];
      const bool input = i < inputs;
      if (input && otherwise) continue;
      const Type type = input ? table_.inputs[i].type : table_.outputs[i - inputs].type;
      CellText reader(place(cell), type);
      ast::ExprPtr expr = input ? reader.input(cell.text) : reader.output(cell.text);
      if (!expr && !type.is_error()) {
        context_.error("E0814", place(cell), cell_of(number, positions_[i]) + "\"" + cell.text + "\" cannot be read as " + in_ticks(context_.type_text(type)));
        good = false;
        continue;
      }
      if (!expr) expr = node(place(cell), ast::AnyCell{});
      (input ? made.cells : made.outputs).push_back(std::move(expr));
    }
    if (!good) return;
    if (otherwise) {
      out.otherwise = std::move(made.outputs);
    } else {
      out.rows.push_back(std::move(made));
    }
  }

  Context& context_;
  uint32_t file_;
  const checked::Table& table_;
  Span table_span_;
  std::vector<size_t> positions_;  // declared column -> cell of a row
  size_t width_ = 0;
  bool workbook_ = context_.sources.path(file_).find(".xlsx#") != std::string::npos;
};

}  // namespace

SheetRows read_sheet(Context& context, uint32_t file, const checked::Table& table, Span table_span) { return Sheet(context, file, table, table_span).read(); }

}  // namespace dunlin::sema
