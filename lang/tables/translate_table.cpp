#include "lang/tables/translate_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "lang/tables/cell.h"
#include "lang/tables/dunlin_names.h"

namespace dunlin::tables {

namespace {

constexpr size_t rows_walked_max = 1'000;  // that Dunlin walks one by one

class TableTranslator {
 public:
  TableTranslator(Workshop& workshop, const TableRequest& request, Spot& spot, Answer& answer)
      : workshop_(workshop), request_(request), table_(request.table), spot_(spot), answer_(answer) {
    for (const auto& [name, column] : workshop.inputs) reserved_.insert(name);
  }

  Term run() {
    spot_.line = table_.line;
    check_shape();
    make_inputs();
    make_outputs();
    read_rows();
    order_rows();
    switch (table_.policy) {
      case dmn::HitPolicy::unique:
        return one_row("unique");
      case dmn::HitPolicy::any:
        return one_row("any");
      case dmn::HitPolicy::first:
      case dmn::HitPolicy::priority:
        return one_row("first");
      case dmn::HitPolicy::collect:
        if (table_.aggregation != dmn::Aggregation::none) return folded();
        [[fallthrough]];
      default:
        return all_rows();
    }
  }

 private:
  struct Input {
    Column column;
    Term argument;
    bool plain = false;  // the column is an input of the model by its name
  };
  struct Output {
    std::string name;         // of DMN
    Column column;            // its type is settled when all entries are read
    std::vector<Term> order;  // output values
    bool typed = false;
  };
  struct Row {
    std::vector<std::vector<std::string>> cells;  // alternatives, by column
    std::vector<Term> outputs;
    size_t number = 0;
  };

  [[noreturn]] static void refuse(std::string reason, std::string help = {}) { throw Refusal{std::move(reason), std::move(help)}; }

  void check_shape() {
    if (!table_.unknown_policy.empty()) refuse("DMN has no hit policy or aggregation `" + table_.unknown_policy + "`");
    if (table_.inputs.empty()) refuse("the table has no inputs");
    if (table_.outputs.empty()) refuse("the table has no outputs");
    const bool aggregates = table_.aggregation != dmn::Aggregation::none;
    if (aggregates && table_.policy != dmn::HitPolicy::collect) refuse("only the policy COLLECT has an aggregation");
    if (aggregates && table_.outputs.size() > 1) refuse("a table that aggregates has one output");
    for (size_t r = 0; r < table_.rules.size(); ++r) {
      if (table_.rules[r].inputs.size() == table_.inputs.size() && table_.rules[r].outputs.size() == table_.outputs.size()) continue;
      spot_ = {table_.rules[r].line, fmt::format("row {}", r + 1)};
      refuse(fmt::format("the row has {} inputs and {} outputs, the table {} and {}", table_.rules[r].inputs.size(), table_.rules[r].outputs.size(),
                         table_.inputs.size(), table_.outputs.size()));
    }
  }

  static std::string shown(const dmn::InputClause& clause) { return clause.label.empty() ? clause.expression.text : clause.label; }

  static void check_language(const dmn::Text& text) {
    if (text.language.empty() || text.language.find("FEEL") != std::string::npos || text.language.find("feel") != std::string::npos) return;
    refuse("the expression is written in `" + text.language + "`, not in FEEL", "write it in FEEL");
  }

  Term expression(const dmn::Text& text, const Scope& scope) {
    check_language(text);
    const auto tree = feel::parse_expression(text.text, request_.words);
    if (!tree) refuse(tree.error());
    return workshop_.expressions.translate(**tree, scope);
  }

  // ---- inputs ----

  void make_inputs() {
    for (size_t i = 0; i < table_.inputs.size(); ++i) {
      const dmn::InputClause& clause = table_.inputs[i];
      spot_ = {clause.expression.line, fmt::format("column `{}`", shown(clause))};
      Input input;
      input.argument = expression(clause.expression, request_.scope);
      const Kind kind = input.argument.type.kind;
      if (kind == Kind::record || kind == Kind::list)
        refuse("a column asks for " + type_words(input.argument.type) + ", which lies outside of what is imported");
      if (const auto declared = workshop_.types.find(clause.type); declared && !is_date_with_time(i, *declared, kind) && !agrees(input.argument, *declared)) {
        say(fmt::format("the column says {}, its expression gives {}: the expression counts", type_words(*declared), type_words(input.argument.type)));
      }
      input.argument = workshop_.expressions.placed(input.argument);
      input.column = {"", input.argument.type, input.argument.nullable};
      const auto known = workshop_.inputs.find(input.argument.text);
      input.plain = known != workshop_.inputs.end() && columns_.reserve(known->first);
      if (input.plain) {
        input.column.name = known->first;
      } else {
        input.column.name = fresh_column(shown(clause));
      }
      if (kind == Kind::null) {  // a constant null: every test meets it, but no column of Dunlin has such a type
        input.column.type = {Kind::boolean, {}};
      }
      inputs_.push_back(std::move(input));
    }
    asked_ = inputs_.size();
  }

  /// Camunda's `date` has a time of day: its columns are typed so, and their cells say `date and time("…")`.
  bool is_date_with_time(size_t column, const Type& declared, Kind given) const {
    if (declared.kind != Kind::date || given != Kind::datetime) return false;
    return std::any_of(table_.rules.begin(), table_.rules.end(),
                       [&](const dmn::Rule& rule) { return rule.inputs[column].text.find("date and time(") != std::string::npos; });
  }

  /// Names of the model's inputs are kept for them: an output may ask for one of them yet.
  std::string fresh_column(const std::string& foreign) {
    const std::string base = dunlin_name(foreign);
    std::string name = base;
    for (int i = 2; reserved_.contains(name) || !columns_.reserve(name); ++i) name = fmt::format("{}_{}", base, i);
    return name;
  }

  static bool agrees(const Term& value, const Type& declared) {
    const Type& type = value.type;
    return type.kind == Kind::null || type == declared || (type.is_number() && declared.is_number()) || (type.is_words() && declared.is_words());
  }
  void say(const std::string& remark) const {
    if (workshop_.expressions.remark) workshop_.expressions.remark(remark);
  }

  /// A condition that no cell takes is asked beside the table: a column of its own, where the row wants `true`.
  size_t condition_column(const Term& condition, size_t beside) {
    for (size_t i = asked_; i < inputs_.size(); ++i) {
      if (inputs_[i].argument.text == condition.text && inputs_[i].column.type.kind == Kind::boolean && !inputs_[i].plain) return i;
    }
    Input input;
    input.argument = condition;
    input.column = {fresh_column(inputs_[beside].column.name + "_fits"), {Kind::boolean, {}}, condition.nullable};
    inputs_.push_back(std::move(input));
    return inputs_.size() - 1;
  }

  // ---- outputs ----

  void make_outputs() {
    FreshNames members;
    for (size_t i = 0; i < table_.outputs.size(); ++i) {
      const dmn::OutputClause& clause = table_.outputs[i];
      Output output;
      output.name = clause.name;
      spot_ = {table_.line, fmt::format("output `{}`", clause.name.empty() ? std::to_string(i + 1) : clause.name)};
      const bool single = table_.outputs.size() == 1;
      output.column.name = members.take(!clause.name.empty() ? clause.name : !clause.label.empty() ? clause.label : single ? request_.name : "result");
      std::optional<Type> declared = workshop_.types.find(clause.type);
      const dmn::ItemDefinition* whole = workshop_.types.item(request_.type);
      std::optional<dmn::Text> allowed = clause.allowed;
      if (!single && whole != nullptr) {
        for (const dmn::ItemDefinition& component : whole->components) {
          if (component.name != clause.name) continue;
          if (!declared) declared = workshop_.types.find(component.type);
          if (!allowed) allowed = component.allowed;
        }
      }
      if (!declared && single && !request_.type.empty() && !(whole != nullptr && whole->collection)) declared = workshop_.types.find(request_.type);
      if (single && whole != nullptr && !allowed) allowed = whole->allowed;
      if (declared && declared->kind == Kind::record) declared.reset();
      if (allowed) read_output_values(*allowed, output);
      if (declared) {
        output.column.type = *declared;
        output.typed = true;
      }
      make_enumeration(allowed, output);
      outputs_.push_back(std::move(output));
    }
  }

  void read_output_values(const dmn::Text& allowed, Output& output) {
    const auto tests = feel::parse_unary_tests(allowed.text, request_.words);
    if (!tests) refuse("its output values: " + tests.error());
    const Scope nothing;
    for (const feel::NodePtr& test : *tests) {
      if (test->kind == feel::NodeKind::interval || test->kind == feel::NodeKind::comparison) return;  // a range: it has no order of its own
      const Term value = workshop_.expressions.translate(*test, nothing);
      if (value.type.kind == Kind::list) {
        output.order.insert(output.order.end(), value.items.begin(), value.items.end());
      } else {
        output.order.push_back(value);
      }
    }
  }

  /// Texts out of a list become an enumeration where every entry is one of them.
  void make_enumeration(const std::optional<dmn::Text>& allowed, Output& output) {
    if (!allowed || (output.typed && output.column.type.kind != Kind::text)) return;
    const auto texts = ModelTypes::texts(*allowed);
    if (!texts || !all_literal()) return;
    const std::string name = output.name.empty() ? request_.name + " value" : output.name;
    if (const auto made = workshop_.types.enumeration(name, *texts)) {
      output.column.type = *made;
      output.typed = true;
    }
  }
  bool all_literal() const {
    const auto literal = [](const dmn::Text& text) {
      return text.text.empty() || (text.text.front() == '"' && text.text.find('"', 1) == text.text.size() - 1);
    };
    for (const dmn::Rule& rule : table_.rules) {
      for (size_t i = 0; i < rule.outputs.size(); ++i) {
        if (table_.outputs.size() == 1 && !literal(rule.outputs[i])) return false;
      }
    }
    return true;
  }

  // ---- rows ----

  void read_rows() {
    for (size_t r = 0; r < table_.rules.size(); ++r) {
      const dmn::Rule& rule = table_.rules[r];
      Row row;
      row.number = r + 1;
      row.cells.resize(inputs_.size(), {"any"});
      bool possible = true;
      for (size_t c = 0; c < table_.inputs.size() && possible; ++c) possible = read_cell(rule.inputs[c], c, row);
      for (size_t o = 0; o < outputs_.size(); ++o) row.outputs.push_back(read_output(rule.outputs[o], o, fmt::format("row {}", r + 1)));
      if (possible) rows_.push_back(std::move(row));
    }
    for (size_t o = 0; o < outputs_.size(); ++o) {
      const auto& otherwise = table_.outputs[o].otherwise;
      has_default_ = has_default_ || otherwise.has_value();
      default_.push_back(otherwise ? read_output(*otherwise, o, "default") : null_term());
    }
    settle_types();
    for (Row& row : rows_) row.cells.resize(inputs_.size(), {"any"});
  }

  /// False if the row can never fit.
  bool read_cell(const dmn::Text& cell, size_t column, Row& row) {
    spot_ = {cell.line, fmt::format("row {}, column `{}`", row.number, shown(table_.inputs[column]))};
    check_language(cell);
    if (cell.text.empty() || cell.text == "-") return true;
    const auto tests = feel::parse_unary_tests(cell.text, request_.words);
    if (!tests) refuse(tests.error());
    const Input& input = inputs_[column];
    if (input.argument.type.kind != Kind::null && !input.argument.counted) {
      const auto constant = constant_cell(*tests, input.column.type, input.column.nullable, workshop_.expressions, workshop_.enumerations);
      if (constant) {
        row.cells[column] = constant->alternatives;
        return !constant->alternatives.empty();
      }
    }
    Scope scope = request_.scope;
    scope.input = input.argument;
    const Term condition = workshop_.expressions.tests(*tests, scope);
    if (condition.type.kind == Kind::null) return false;
    if (condition.truth) return *condition.truth;
    const size_t extra = condition_column(condition, column);
    row.cells.resize(inputs_.size(), {"any"});
    row.cells[extra] = {"true"};
    return true;
  }

  Term read_output(const dmn::Text& entry, size_t output, const std::string& where) {
    spot_ = {entry.line, fmt::format("{}, output `{}`", where, outputs_[output].name.empty() ? outputs_[output].column.name : outputs_[output].name)};
    if (entry.text.empty()) return null_term();
    Term value = expression(entry, request_.scope);
    const Kind kind = value.type.kind;
    if (kind == Kind::list || kind == Kind::record) refuse("an output that is " + type_words(value.type) + " lies outside of what is imported");
    value = as_duration(value);
    if (outputs_[output].typed) {
      const Type& declared = outputs_[output].column.type;
      if (!agrees(value, declared)) {
        value = workshop_.expressions.nothing(fmt::format("the type says {}, the entry gives {}", type_words(declared), type_words(value.type)), {&value});
      }
      if (declared.kind == Kind::enumeration) value = workshop_.expressions.as(value, declared);
    }
    return value;
  }

  void settle_types() {
    for (size_t o = 0; o < outputs_.size(); ++o) {
      Column& column = outputs_[o].column;
      spot_ = {table_.line, fmt::format("output `{}`", column.name)};
      std::vector<Term*> values;
      for (Row& row : rows_) values.push_back(&row.outputs[o]);
      values.push_back(&default_[o]);
      Type type;
      bool whole = true;
      for (const Term* value : values) {
        type = workshop_.expressions.common(type, value->type);
        if (value->type.kind == Kind::decimal && !(value->figure && value->figure->is_whole())) whole = false;
      }
      if (outputs_[o].typed) {
        const bool widen = column.type.kind == Kind::integer && type.kind == Kind::decimal && !whole;
        const bool computed_words = column.type.kind == Kind::enumeration && type.kind == Kind::text;
        if (!widen && !computed_words) type = column.type;
      }
      if (type.kind == Kind::null) refuse("no entry says what type this output has", "give the output a type");
      column.type = type;
      for (Term* value : values) {
        *value = workshop_.expressions.placed(*value);
        *value = workshop_.expressions.as(*value, type);
        add_outside(*value);
      }
    }
  }

  /// An output may use what no column asks for: then it becomes a column without tests.
  void add_outside(const Term& value) {
    for (const std::string& need : value.needs) {
      const bool there = std::any_of(inputs_.begin(), inputs_.end(), [&](const Input& input) { return input.plain && input.column.name == need; });
      if (there) continue;
      Input input;
      const Column& known = workshop_.inputs.at(need);
      input.column = known;
      input.argument.type = known.type;
      input.argument.nullable = known.nullable;
      input.argument.text = need;
      input.argument.needs = {need};
      input.plain = true;
      columns_.reserve(need);
      inputs_.push_back(std::move(input));
    }
  }

  // ---- order of outputs ----

  size_t place_in_order(const Output& output, const Term& value) const {
    for (size_t i = 0; i < output.order.size(); ++i) {
      const Term& one = output.order[i];
      const bool same = (one.words && value.words && *one.words == *value.words) || (one.figure && value.figure && *one.figure == *value.figure) ||
                        (one.truth && value.truth && *one.truth == *value.truth) || (one.key && value.key && one.type == value.type && *one.key == *value.key);
      if (same) return i;
    }
    return SIZE_MAX;
  }

  void order_rows() {
    if (table_.policy != dmn::HitPolicy::priority && table_.policy != dmn::HitPolicy::output_order) return;
    spot_ = {table_.line, ""};
    const bool some = std::any_of(outputs_.begin(), outputs_.end(), [](const Output& output) { return !output.order.empty(); });
    if (!some) refuse("the hit policy needs an order, but no output lists its values", "list the output's values, the most important first");
    std::vector<std::vector<size_t>> ranks(rows_.size());
    for (size_t r = 0; r < rows_.size(); ++r) {
      for (size_t o = 0; o < outputs_.size(); ++o) {
        if (outputs_[o].order.empty()) continue;
        const size_t rank = place_in_order(outputs_[o], rows_[r].outputs[o]);
        if (rank == SIZE_MAX) {
          spot_ = {table_.rules[rows_[r].number - 1].line, fmt::format("row {}, output `{}`", rows_[r].number, outputs_[o].column.name)};
          refuse("the entry is none of the output's values, so it has no place in their order", "list it among the output's values");
        }
        ranks[r].push_back(rank);
      }
    }
    std::vector<size_t> order(rows_.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return ranks[a] < ranks[b]; });
    std::vector<Row> sorted;
    for (const size_t r : order) sorted.push_back(std::move(rows_[r]));
    rows_ = std::move(sorted);
  }

  // ---- what comes out ----

  static bool takes_all(const TableText::Row& row) {
    return std::all_of(row.cells.begin(), row.cells.end(), [](const std::string& cell) { return cell == "any"; });
  }

  TableText table_text(std::string name, std::string policy) const {
    TableText made;
    made.name = std::move(name);
    made.doc = request_.doc;
    made.policy = std::move(policy);
    for (const Input& input : inputs_) made.inputs.push_back(input.column);
    for (const Output& output : outputs_) made.outputs.push_back(output.column);
    for (const Row& row : rows_) append(row, made);
    return made;
  }

  static void append(const Row& row, TableText& table) {
    std::vector<std::vector<std::string>> all = {{}};
    for (const auto& alternatives : row.cells) {
      std::vector<std::vector<std::string>> next;
      for (const auto& begun : all) {
        for (const std::string& cell : alternatives) {
          next.push_back(begun);
          next.back().push_back(cell);
        }
      }
      all = std::move(next);
      if (all.size() > 64) throw Refusal{"the row would become more than 64 rows of Dunlin", "split it"};
    }
    std::vector<std::string> outputs;
    for (const Term& output : row.outputs) outputs.push_back(output.text);
    for (auto& cells : all) table.rows.push_back({std::move(cells), outputs});
  }

  bool all_plain() const {
    return std::all_of(inputs_.begin(), inputs_.end(), [](const Input& input) { return input.plain; });
  }
  std::string arguments() const {
    std::string out;
    for (const Input& input : inputs_) out += (out.empty() ? "" : ", ") + input.argument.text;
    if (out.size() > 60'000) refuse("the expression becomes too long when the decisions it rests on are put in", "split it into decisions with names");
    return out;
  }
  Term with_needs(Term made) const {
    for (const Input& input : inputs_) add_needs(made, input.argument);
    return made;
  }
  std::vector<Column> parameters(const Term& value) const {
    std::vector<Column> out;
    for (const std::string& need : value.needs) out.push_back(workshop_.inputs.at(need));
    return out;
  }
  static std::string call(const std::string& name, const std::vector<Column>& parameters) {
    std::string out;
    for (const Column& parameter : parameters) out += (out.empty() ? "" : ", ") + quoted_name(parameter.name);
    return quoted_name(name) + "(" + out + ")";
  }

  void set_nullable(TableText& table) {
    for (size_t o = 0; o < outputs_.size(); ++o) {
      bool nullable = false;
      for (const Row& row : rows_) nullable = nullable || row.outputs[o].nullable;
      if (table.otherwise) nullable = nullable || default_[o].nullable;
      table.outputs[o].nullable = nullable;
      outputs_[o].column.nullable = nullable;
    }
  }

  bool has_conditions() const {
    for (size_t i = asked_; i < inputs_.size(); ++i) {
      if (!inputs_[i].plain) return true;
    }
    return false;
  }

  /// Whether rows with conditions meet shows only when they are asked: so they are counted. Empty where that is not needed.
  std::string guard(const std::string& policy) {
    if (!has_conditions() || policy == "first" || rows_.size() < 2) return {};
    if (policy == "any") {
      for (const Row& row : rows_) {
        for (size_t o = 0; o < outputs_.size(); ++o) {
          if (row.outputs[o].text != rows_[0].outputs[o].text)
            refuse("whether rows that fit together agree cannot be shown, since they ask conditions", "use the policy FIRST");
        }
      }
      return {};
    }
    TableText hits = table_text(workshop_.names.take(request_.dunlin_name + "_hits"), "count");
    hits.outputs = {{"hit", {Kind::integer, {}}, false}};
    for (TableText::Row& row : hits.rows) row.outputs = {"1"};
    std::string made = quoted_name(hits.name) + "(" + arguments() + ") > 1";
    workshop_.definitions.push_back(std::move(hits));
    return made;
  }

  Term one_row(const std::string& wanted) {
    const std::string several = guard(wanted);
    TableText table = table_text(request_.dunlin_name, has_conditions() ? "first" : wanted);
    if (std::none_of(table.rows.begin(), table.rows.end(), takes_all)) {
      table.otherwise.emplace();
      for (const Term& value : default_) table.otherwise->push_back(value.text);
    }
    set_nullable(table);
    for (Output& output : outputs_) output.column.nullable = output.column.nullable || !several.empty();
    Term value;
    value = with_needs(value);
    const bool single = outputs_.size() == 1;
    if (single) value.type = outputs_[0].column.type;
    value.nullable = single && outputs_[0].column.nullable;
    const auto arguments_text = arguments();
    if (all_plain()) {
      value.text = quoted_name(table.name) + "(" + arguments_text + ")";
      workshop_.definitions.push_back(std::move(table));
    } else if (single) {
      FunctionText function{request_.dunlin_name, request_.doc, parameters(value), outputs_[0].column, ""};
      table.name = workshop_.names.take(request_.dunlin_name + "_rows");
      function.body = quoted_name(table.name) + "(" + arguments_text + ")";
      if (!several.empty()) function.body = "if " + several + " then missing else " + function.body;
      value.text = call(function.name, function.parameters);
      workshop_.definitions.push_back(std::move(table));
      workshop_.definitions.push_back(std::move(function));
    } else {
      table.doc += (table.doc.empty() ? "" : "\n") + fmt::format("Asked as {}({}).", quoted_name(table.name), arguments_text);
      value.text = quoted_name(table.name) + "(" + arguments_text + ")";
      workshop_.definitions.push_back(std::move(table));
    }
    if (!single) make_record(value, several);
    return value;
  }

  void make_record(Term& value, const std::string& several) {
    value.type = {Kind::record, {}};
    bool distinct = false;  // some output that is never null tells a row of nulls from no row
    for (const Output& output : outputs_) {
      Term field;
      field.type = output.column.type;
      field.nullable = output.column.nullable;
      field.text = value.text + "." + quoted_name(output.column.name);
      if (!several.empty()) field.text = "(if " + several + " then missing else " + field.text + ")";
      field.needs = value.needs;
      value.fields.emplace_back(output.name.empty() ? output.column.name : output.name, std::move(field));
    }
    for (size_t o = 0; o < outputs_.size(); ++o) {
      bool never = true;
      for (const Row& row : rows_) never = never && !row.outputs[o].nullable;
      distinct = distinct || never;
    }
    if (!distinct && !has_default_)
      refuse("every output may be null, so that no row and a row of nulls could not be told apart", "give one output a value in every row");
  }

  Term folded() {
    spot_ = {table_.line, ""};
    const bool nullable = std::any_of(rows_.begin(), rows_.end(), [](const Row& row) { return row.outputs[0].nullable; });
    const bool number = outputs_[0].column.type.is_number();
    if (table_.aggregation != dmn::Aggregation::count && !number)
      refuse("only numbers are aggregated here, the output is " + type_words(outputs_[0].column.type));
    const bool zero = has_default_ && default_[0].figure && default_[0].figure->is_zero();
    const bool counts = table_.aggregation == dmn::Aggregation::count;
    if (counts && has_default_ && !zero) refuse("a default of a table that counts lies outside of what is imported");
    if (nullable)
      return fold_nullable(counts                                            ? "count"
                           : table_.aggregation == dmn::Aggregation::sum     ? "sum"
                           : table_.aggregation == dmn::Aggregation::minimum ? "min"
                                                                             : "max");
    switch (table_.aggregation) {
      case dmn::Aggregation::sum:
        return zero ? fold_policy("sum", outputs_[0].column, "") : fold_sum();
      case dmn::Aggregation::count: {
        return fold_policy("count", {"", {Kind::integer, {}}, false}, "");
      }
      default: {
        const char* policy = table_.aggregation == dmn::Aggregation::minimum ? "min" : "max";
        Column result = outputs_[0].column;
        result.nullable = !has_default_ || default_[0].nullable;
        return fold_policy(policy, result, result.nullable ? "" : " default " + default_[0].text);
      }
    }
  }

  /// A table that folds its rows by itself; `behind` is put behind the call.
  Term fold_policy(const char* policy, Column result, const std::string& behind) {
    TableText table = table_text(request_.dunlin_name, policy);
    Term value = with_needs({});
    value.type = result.type;
    value.nullable = result.nullable;
    const auto arguments_text = arguments();
    if (all_plain() && behind.empty()) {
      value.text = quoted_name(table.name) + "(" + arguments_text + ")";
      workshop_.definitions.push_back(std::move(table));
      return value;
    }
    table.name = workshop_.names.take(request_.dunlin_name + "_rows");
    FunctionText function{request_.dunlin_name, request_.doc, parameters(value), result, quoted_name(table.name) + "(" + arguments_text + ")" + behind};
    value.text = call(function.name, function.parameters);
    workshop_.definitions.push_back(std::move(table));
    workshop_.definitions.push_back(std::move(function));
    return value;
  }

  Term fold_sum() {
    require_walkable();
    TableText table = table_text(workshop_.names.take(request_.dunlin_name + "_rows"), "collect");
    Term value = with_needs({});
    value.type = outputs_[0].column.type;
    value.nullable = !has_default_ || default_[0].nullable;
    const std::string rows = quoted_name(table.name) + "(" + arguments() + ")";
    Column result = outputs_[0].column;
    result.nullable = value.nullable;
    FunctionText function{request_.dunlin_name, request_.doc, parameters(value), result,
                          fmt::format("if count(r in {0}) = 0 then {1} else sum(r for r in {0})", rows, default_[0].text)};
    value.text = call(function.name, function.parameters);
    workshop_.definitions.push_back(std::move(table));
    workshop_.definitions.push_back(std::move(function));
    return value;
  }

  /// Where an output may be null, the rows are walked: DMN makes null of a sum that meets one.
  Term fold_nullable(const std::string& fold) {
    require_walkable();
    TableText table = table_text(workshop_.names.take(request_.dunlin_name + "_rows"), "collect");
    const std::string member = quoted_name(table.outputs[0].name);
    table.outputs[0].nullable = true;
    table.outputs.push_back({member == "hit" ? "hit_2" : "hit", {Kind::integer, {}}, false});  // rows of one missing value would be no rows
    for (TableText::Row& row : table.rows) row.outputs.push_back("1");
    const bool counts = fold == "count";
    Term value = with_needs({});
    Column result = outputs_[0].column;
    if (counts) result.type = {Kind::integer, {}};
    result.nullable = !counts;
    value.type = result.type;
    value.nullable = result.nullable;
    const std::string rows = quoted_name(table.name) + "(" + arguments() + ")";
    FunctionText function{
        request_.dunlin_name, request_.doc, parameters(value), result,
        counts ? fmt::format("count(r in {})", rows)
               : fmt::format("if count(r in {0}) = 0 then {1} else if exists(r in {0} where r.{2} missing) then missing else {3}(r.{2} default 0 for r in {0})",
                             rows, default_[0].text, member, fold)};
    value.text = call(function.name, function.parameters);
    workshop_.definitions.push_back(std::move(table));
    workshop_.definitions.push_back(std::move(function));
    return value;
  }

  void require_walkable() {
    if (rows_.size() > rows_walked_max) refuse(fmt::format("a list of more than {} rows cannot be walked", rows_walked_max));
    if (rows_.empty()) refuse("the table has no row that could ever fit");
  }

  Term all_rows() {
    spot_ = {table_.line, ""};
    require_walkable();
    if (has_default_) add_default_row();
    for (size_t o = 0; o < outputs_.size(); ++o) {
      const bool nullable = std::any_of(rows_.begin(), rows_.end(), [&](const Row& row) { return row.outputs[o].nullable; });
      if (nullable && outputs_.size() == 1) refuse("a list with null in it lies outside of what is imported", "give every row a value");
      outputs_[o].column.nullable = nullable;
    }
    TableText table = table_text(request_.dunlin_name, "collect");
    for (size_t o = 0; o < outputs_.size(); ++o) table.outputs[o].nullable = outputs_[o].column.nullable;
    Term value = with_needs({});
    value.type = {Kind::list, {}};
    auto rows = std::make_shared<Rows>();
    rows->call = quoted_name(table.name) + "(" + arguments() + ")";
    rows->null_without_hits = table_.policy != dmn::HitPolicy::collect && !has_default_;
    for (const Output& output : outputs_) rows->outputs.push_back({output.name, outputs_.size() == 1 ? "" : output.column.name, output.column.type});
    value.rows = rows;
    value.text = rows->call;
    describe_rows(table);
    workshop_.definitions.push_back(std::move(table));
    return value;
  }

  /// Where no row fits, the default is the only item: DMN makes a list of one value where the type of the decision asks for a list.
  void add_default_row() {
    const dmn::ItemDefinition* whole = workshop_.types.item(request_.type);
    if (whole == nullptr || !whole->collection) {
      refuse("the default of a table that gives lists: only a type that is a collection says that it stands in a list", "give the decision such a type");
    }
    TableText hits = table_text(workshop_.names.take(request_.dunlin_name + "_hits"), "count");
    if (std::any_of(hits.rows.begin(), hits.rows.end(), takes_all)) return;
    hits.outputs = {{"hit", {Kind::integer, {}}, false}};
    for (TableText::Row& row : hits.rows) row.outputs = {"1"};
    Input nothing;
    nothing.argument = with_needs({});
    nothing.argument.type = {Kind::boolean, {}};
    nothing.argument.text = "(" + quoted_name(hits.name) + "(" + arguments() + ") = 0)";
    nothing.column = {fresh_column("nothing fits"), {Kind::boolean, {}}, false};
    workshop_.definitions.push_back(std::move(hits));
    inputs_.push_back(std::move(nothing));
    for (Row& row : rows_) row.cells.resize(inputs_.size(), {"any"});
    Row last;
    last.cells.assign(inputs_.size(), {"any"});
    last.cells.back() = {"true"};
    last.outputs = default_;
    last.number = rows_.size() + 1;
    rows_.push_back(std::move(last));
  }

  void describe_rows(const TableText& table) {
    answer_.list = true;
    answer_.null_without_hits = table_.policy != dmn::HitPolicy::collect && !has_default_;
    answer_.arguments = arguments();
    for (const Output& output : outputs_) {
      answer_.parts.push_back({outputs_.size() == 1 ? "" : output.name, output.column.type, true, quoted_name(output.column.name)});
    }
    for (const TableText::Row& row : table.rows) {
      TableText one;
      one.policy = "first";
      one.inputs = table.inputs;
      one.outputs = table.outputs;
      one.outputs.push_back({"fits", {Kind::boolean, {}}, false});
      for (Column& column : one.outputs) column.nullable = true;
      one.rows = {row};
      one.rows[0].outputs.push_back("true");
      if (!takes_all(row)) one.otherwise = std::vector<std::string>(one.outputs.size(), "missing");
      answer_.rows.push_back(std::move(one));
    }
  }

  Workshop& workshop_;
  const TableRequest& request_;
  const dmn::DecisionTable& table_;
  Spot& spot_;
  Answer& answer_;
  FreshNames columns_;
  std::set<std::string> reserved_;
  std::vector<Input> inputs_;
  size_t asked_ = 0;  // columns of DMN; behind them conditions and what outputs need
  std::vector<Output> outputs_;
  std::vector<Row> rows_;
  std::vector<Term> default_;
  bool has_default_ = false;
};

}  // namespace

Term translate_table(Workshop& workshop, const TableRequest& request, Spot& spot, Answer& answer) {
  return TableTranslator(workshop, request, spot, answer).run();
}

}  // namespace dunlin::tables
