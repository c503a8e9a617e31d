#include "lang/sema/tables.h"

#include <algorithm>
#include <numeric>

#include "lang/sema/cells.h"
#include "lang/sema/data_path.h"
#include "lang/sema/declare.h"
#include "lang/sema/expression.h"

namespace dunlin::sema {

namespace {

/// Checks the rows of one table. Positions: written column -> declared column.
class TableChecker {
 public:
  TableChecker(Context& context, Index index) : context_(context), index_(index), declaration_(*context.tables[index].declaration) {
    const checked::Table& table = context.program.tables[index];
    for (const checked::TableColumn& column : table.inputs) around_.parameters.emplace_back(column.name, column.type);
    around_.label = "table " + table.name;
    inputs_.resize(table.inputs.size());
    outputs_.resize(table.outputs.size());
    std::iota(inputs_.begin(), inputs_.end(), 0);
    std::iota(outputs_.begin(), outputs_.end(), 0);
  }

  void run() {
    if (!read_header()) return;
    if (declaration_.from_file) {
      from_sheet();
    } else {
      for (const auto& row : declaration_.rows) add_row(row);
      if (!declaration_.otherwise.empty()) set_otherwise(declaration_.otherwise);
    }
    warn_unused_columns();
  }

 private:
  checked::Table& table() { return context_.program.tables[index_]; }

  /// The header may have the columns in another order than the declaration.
  bool read_header() {
    const auto& header = declaration_.header;
    if (header.empty()) return true;
    if (declaration_.header_inputs != inputs_.size() || header.size() - declaration_.header_inputs != outputs_.size()) {
      Diagnostic& diagnostic = context_.error("E0318", header.front().span,
                                              "the header has " + std::to_string(declaration_.header_inputs) + " inputs and " +
                                                  std::to_string(header.size() - declaration_.header_inputs) + " outputs, the declaration " +
                                                  std::to_string(inputs_.size()) + " and " + std::to_string(outputs_.size()));
      diagnostic.help = "name every column in the header, inputs before `||` and outputs behind it";
      return false;
    }
    bool good = true;
    for (size_t i = 0; i < header.size(); ++i) {
      const bool input = i < declaration_.header_inputs;
      good = place(header[i], input ? table().inputs : table().outputs, input ? inputs_ : outputs_, input ? i : i - declaration_.header_inputs) && good;
    }
    return good;
  }

  bool place(const ast::Name& name, const std::vector<checked::TableColumn>& columns, std::vector<size_t>& order, size_t written) {
    for (size_t column = 0; column < columns.size(); ++column) {
      if (columns[column].name != name.text) continue;
      order[written] = column;
      for (size_t earlier = 0; earlier < written; ++earlier) {
        if (order[earlier] != column) continue;
        report_duplicate(context_, name, {}, "a column");
        return false;
      }
      return true;
    }
    Diagnostic& diagnostic = context_.error("E0218", name.span, "the table has no column " + in_ticks(name.text) + " here");
    std::vector<std::string> candidates;
    for (const checked::TableColumn& column : columns) candidates.push_back(column.name);
    suggest(diagnostic, name.text, candidates);
    return false;
  }

  void from_sheet() {
    if (!declaration_.rows.empty()) context_.error("E0318", declaration_.from_file_span, "a table has its rows in a file or here, not both");
    const std::string& path = *declaration_.from_file;
    if (path.ends_with(".dmn")) {
      context_.error("E0901", declaration_.from_file_span, "a table cannot be read from a DMN model while a bundle is checked").help =
          "`dunlin import table` turns the model into text";
      return;
    }
    const auto file = data_file(context_, path, context_.tables[index_].file, declaration_.from_file_span);
    if (!file) return;
    for (size_t i = 0; i < inputs_.size(); ++i) inputs_[i] = i;
    for (size_t i = 0; i < outputs_.size(); ++i) outputs_[i] = i;
    const SheetRows sheet = read_sheet(context_, *file, table(), declaration_.from_file_span);
    for (const auto& row : sheet.rows) add_row(row);
    if (!sheet.otherwise.empty()) set_otherwise(sheet.otherwise);
  }

  bool right_width(size_t cells, size_t outputs, Span span) {
    const bool counts = table().policy == checked::HitPolicy::count && outputs == 0;
    if (cells == inputs_.size() && (outputs == outputs_.size() || counts)) return true;
    context_.error("E0318", span,
                   "this row has " + std::to_string(cells) + " cells and " + std::to_string(outputs) + " outputs, the table has " +
                       std::to_string(inputs_.size()) + " and " + std::to_string(outputs_.size()));
    return false;
  }

  void add_row(const ast::TableDecl::Row& written) {
    if (!right_width(written.cells.size(), written.outputs.size(), written.span)) return;
    checked::TableRow row;
    row.span = written.span;
    row.cells.resize(inputs_.size());
    for (size_t i = 0; i < written.cells.size(); ++i) row.cells[inputs_[i]] = make_cell(*written.cells[i], inputs_[i]);
    add_outputs(written.outputs, row);
    table().rows.push_back(std::move(row));
  }

  void set_otherwise(const std::vector<ast::ExprPtr>& written) {
    const Span span = written.front()->span;
    if (table().policy != checked::HitPolicy::unique && table().policy != checked::HitPolicy::first && table().policy != checked::HitPolicy::any &&
        table().policy != checked::HitPolicy::priority) {
      context_.error("E0324", span, "a table that folds its rows has no `otherwise`");
      return;
    }
    if (!right_width(inputs_.size(), written.size(), span)) return;
    checked::TableRow row;
    row.span = span;
    add_outputs(written, row);
    table().otherwise = std::move(row);
  }

  checked::Cell make_cell(const ast::Expr& pattern, size_t column) {
    const Type type = table().inputs[column].type;
    checked::Cell cell;
    cell.span = pattern.span;
    if (type.is_error()) return cell;
    ExpressionChecker checker(context_, around_);
    CellReader reader(context_, checker, type);
    if (const auto constant = reader.read(pattern)) return *constant;
    if (reader.failed()) return cell;
    ExpressionChecker again(context_, around_);
    ExprPtr value = make_node(Op::parameter, type, pattern.span);
    value->index = static_cast<Index>(column);
    ExprPtr condition = again.pattern_condition(pattern, *value);
    if (!condition->type.is_error()) cell.predicate = add_root(context_, around_, std::move(condition), again.locals(), pattern.span);
    return cell;
  }

  void add_outputs(const std::vector<ast::ExprPtr>& written, checked::TableRow& row) {
    row.outputs.resize(outputs_.size());
    for (size_t i = 0; i < written.size(); ++i) row.outputs[outputs_[i]] = make_output(*written[i], table().outputs[outputs_[i]].type);
    if (written.empty()) {  // `count` asks for none
      for (size_t i = 0; i < outputs_.size(); ++i)
        row.outputs[i].slots.assign(static_cast<size_t>(checked::slot_count(context_.program, table().outputs[i].type)), 0);
    }
  }

  checked::TableOutput make_output(const ast::Expr& written, Type type) {
    checked::TableOutput output;
    if (type.is_error()) return output;
    ExpressionChecker checker(context_, around_);
    ExprPtr value = folded(checker.check_as(written, type));
    if (value->type.is_error()) return output;
    if (fold(*value, type, output)) return output;
    output.constant = false;
    output.root = add_root(context_, around_, std::move(value), checker.locals(), written.span);
    return output;
  }

  bool fold(const checked::Expr& value, Type type, checked::TableOutput& output) {
    if (value.op == Op::missing) {
      output.slots.assign(static_cast<size_t>(checked::slot_count(context_.program, type)), 0);
      return true;
    }
    const checked::Expr& literal = value.op == Op::to_optional ? *value.args[0] : value;
    if (literal.op != Op::literal) return false;
    if (type.optional) output.slots.push_back(1);
    const TypeKind kind = type.kind;
    if (kind == TypeKind::text || kind == TypeKind::timezone || kind == TypeKind::file || kind == TypeKind::location) {
      output.text = literal.text;
      return true;
    }
    output.slots.push_back(literal.value);
    return true;
  }

  void warn_unused_columns() {
    if (table().rows.size() < 2) return;
    for (size_t column = 0; column < inputs_.size(); ++column) {
      const Type type = table().inputs[column].type;
      bool used = type.is_error();
      for (const checked::TableRow& row : table().rows) used = used || !accepts_all(row.cells[column], type);
      if (used) continue;
      Diagnostic& diagnostic = context_.warning("E0319", table().inputs[column].span, "no row of the table asks for " + in_ticks(table().inputs[column].name));
      diagnostic.help = "leave the column away";
    }
  }

  bool accepts_all(const checked::Cell& cell, const Type& type) const {
    if (cell.predicate != none || (type.optional && !cell.accepts_missing)) return false;
    if (type.kind == TypeKind::text) return cell.texts_negated && cell.texts.empty();
    const auto domain = domain_of(context_.program, type);
    return cell.intervals.size() == 1 && cell.intervals[0].low <= domain.low && cell.intervals[0].high >= domain.high;
  }

  Context& context_;
  Index index_;
  const ast::TableDecl& declaration_;
  Surroundings around_;
  std::vector<size_t> inputs_, outputs_;
};

}  // namespace

void check_table(Context& context, Index table) { TableChecker(context, table).run(); }

}  // namespace dunlin::sema
