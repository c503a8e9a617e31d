// Walking the rows that a `collect` table finds. A few rows are written out: a sum over a table of three rows is the sum of three
// choices. Over many rows a loop is made (Aggregate::Source::rows), which the backends run over the table's data.
#include <algorithm>

#include "lang/sema/cells.h"
#include "lang/sema/expression.h"

namespace dunlin::sema {

using checked::AggregateFunction;
using checked::Cell;

namespace {

const Type boolean = type_of(TypeKind::boolean);

/// Joins parts two by two, so that the tree stays shallow.
ExprPtr balanced(std::vector<ExprPtr> parts, const std::function<ExprPtr(ExprPtr, ExprPtr)>& join_two) {
  while (parts.size() > 1) {
    std::vector<ExprPtr> halved;
    for (size_t i = 0; i + 1 < parts.size(); i += 2) halved.push_back(join_two(std::move(parts[i]), std::move(parts[i + 1])));
    if (parts.size() % 2 == 1) halved.push_back(std::move(parts.back()));
    parts = std::move(halved);
  }
  return std::move(parts.front());
}

void shift_locals(checked::Expr& expr, Index by) {
  if (expr.op == Op::local || expr.op == Op::let || expr.op == Op::map) expr.index += by;
  for (ExprPtr& argument : expr.args) shift_locals(*argument, by);
  if (!expr.aggregate) return;
  checked::Aggregate& aggregate = *expr.aggregate;
  aggregate.local += by;
  for (ExprPtr* part : {&aggregate.owner, &aggregate.value, &aggregate.where, &aggregate.window_value}) {
    if (*part) shift_locals(**part, by);
  }
  for (auto& key : aggregate.order) shift_locals(*key.key, by);
}

void replace_parameters(ExprPtr& expr, const std::vector<ExprPtr>& arguments) {
  if (expr->op == Op::parameter) {
    expr = clone(*arguments[static_cast<size_t>(expr->index)]);
    return;
  }
  for (ExprPtr& argument : expr->args) replace_parameters(argument, arguments);
}

ExprPtr constant(const Type& type, const checked::TableOutput& output, Span span) {
  if (type.optional && output.slots.at(0) == 0) return make_node(Op::missing, type, span);
  const Type known = type.known();
  ExprPtr made;
  if (known.kind == TypeKind::text || known.kind == TypeKind::timezone || known.kind == TypeKind::file || known.kind == TypeKind::location) {
    made = make_text(output.text, span);
    made->type = known;
  } else {
    made = make_literal(known, output.slots.at(type.optional ? 1 : 0), span);
    if (known.kind == TypeKind::number) made = make_number(__builtin_bit_cast(double, made->value), span);
  }
  return type.optional ? make_node(Op::to_optional, type, span, std::move(made)) : std::move(made);
}

ExprPtr bound(const Type& type, int64_t key, Span span) {
  return type.kind == TypeKind::number ? make_number(checked::double_of_order_key(key), span) : make_literal(type, key, span);
}

ExprPtr in_interval(const checked::Expr& value, const Cell::Interval& interval, const Cell::Interval& domain, Span span) {
  const auto compared = [&](Op op, int64_t key) { return make_node(op, boolean, span, clone(value), bound(value.type, key, span)); };
  if (interval.low == interval.high) return compared(Op::equal, interval.low);
  std::vector<ExprPtr> parts;
  if (interval.low > domain.low) parts.push_back(compared(Op::greater_equal, interval.low));
  if (interval.high < domain.high) parts.push_back(compared(Op::less_equal, interval.high));
  return parts.empty() ? make_bool(true, span) : join(Op::logical_and, std::move(parts), span);
}

/// Values without an order are compared one by one.
ExprPtr in_intervals(const checked::Expr& value, const Cell& cell, const Cell::Interval& domain) {
  std::vector<ExprPtr> parts;
  for (const Cell::Interval& interval : cell.intervals) {
    if (is_ordered(value.type.kind)) {
      parts.push_back(in_interval(value, interval, domain, cell.span));
      continue;
    }
    for (int64_t key = interval.low; key <= interval.high; ++key) parts.push_back(in_interval(value, {key, key}, domain, cell.span));
  }
  return parts.empty() ? make_bool(false, cell.span) : join(Op::logical_or, std::move(parts), cell.span);
}

ExprPtr in_texts(const checked::Expr& value, const Cell& cell) {
  std::vector<ExprPtr> parts;
  for (const std::string& text : cell.texts) {
    ExprPtr literal = make_text(text, cell.span);
    literal->type = value.type;
    parts.push_back(make_node(Op::equal, boolean, cell.span, clone(value), std::move(literal)));
  }
  ExprPtr any = parts.empty() ? make_bool(false, cell.span) : join(Op::logical_or, std::move(parts), cell.span);
  return cell.texts_negated ? make_node(Op::logical_not, boolean, cell.span, std::move(any)) : std::move(any);
}

ExprPtr accepts(const Cell& cell, const checked::Expr& argument, const checked::Program& program) {
  const Type& type = argument.type;
  ExprPtr known_argument = type.optional ? make_node(Op::unwrap, type.known(), cell.span, clone(argument)) : clone(argument);
  const bool text = type.kind == TypeKind::text || type.kind == TypeKind::timezone || type.kind == TypeKind::file || type.kind == TypeKind::location;
  ExprPtr inside = text ? in_texts(*known_argument, cell) : in_intervals(*known_argument, cell, domain_of(program, type));
  if (!type.optional) return inside;
  ExprPtr known = make_node(Op::known, boolean, cell.span, clone(argument));
  if (!cell.accepts_missing) return make_node(Op::logical_and, boolean, cell.span, std::move(known), std::move(inside));
  return make_node(Op::logical_or, boolean, cell.span, make_node(Op::logical_not, boolean, cell.span, std::move(known)), std::move(inside));
}

bool accepts_all(const Cell& cell, const Type& type, const checked::Program& program) {
  if (cell.predicate != none || (type.optional && !cell.accepts_missing)) return false;
  if (cell.texts_negated) return cell.texts.empty();
  const auto domain = domain_of(program, type);
  return cell.intervals.size() == 1 && cell.intervals[0].low <= domain.low && cell.intervals[0].high >= domain.high;
}

}  // namespace

/// The body of a cell or an output that is not constant, with the arguments of the call in place of the table's inputs.
ExprPtr ExpressionChecker::inlined(RootId root, const std::vector<ExprPtr>& arguments) {
  const checked::Root& found = context_.program.roots[root];
  ExprPtr body = clone(*found.body);
  shift_locals(*body, locals_);
  locals_ += found.locals;
  replace_parameters(body, arguments);
  return body;
}

ExprPtr ExpressionChecker::row_matches(const checked::Table& table, const checked::TableRow& row, const std::vector<ExprPtr>& arguments) {
  std::vector<ExprPtr> parts;
  for (size_t i = 0; i < row.cells.size(); ++i) {
    if (accepts_all(row.cells[i], table.inputs[i].type, context_.program)) continue;
    parts.push_back(row.cells[i].predicate != none ? inlined(row.cells[i].predicate, arguments) : accepts(row.cells[i], *arguments[i], context_.program));
  }
  return parts.empty() ? make_bool(true, row.span) : join(Op::logical_and, std::move(parts), row.span);
}

ExprPtr ExpressionChecker::row_element(const checked::Table& table, const checked::TableRow& row, Type type, const std::vector<ExprPtr>& arguments) {
  std::vector<ExprPtr> outputs;
  for (size_t i = 0; i < row.outputs.size(); ++i) {
    const checked::TableOutput& output = row.outputs[i];
    outputs.push_back(output.constant ? constant(table.outputs[i].type, output, row.span) : inlined(output.root, arguments));
  }
  if (type.kind != TypeKind::record || outputs.size() == 1) return std::move(outputs.front());
  ExprPtr record = make_node(Op::record, type, row.span);
  record->args = std::move(outputs);
  return record;
}

/// Of two optional values the first one known, or the smaller or greater where both are.
ExprPtr ExpressionChecker::merged(ExprPtr a, ExprPtr b, AggregateFunction function, Span span) {
  const Type type = a->type;
  const Index first = add_local(type), second = add_local(type);
  const auto local = [&](Index index) { return make_local(index, type, span); };
  const auto known = [&](Index index) { return make_node(Op::known, boolean, span, local(index)); };
  const auto bind = [&](Index index, ExprPtr value, ExprPtr body) {
    ExprPtr made = make_node(Op::let, type, span, std::move(value), std::move(body));
    made->index = index;
    return made;
  };
  if (function == AggregateFunction::first || function == AggregateFunction::last) {
    return bind(first, std::move(a), make_node(Op::condition, type, span, known(first), local(first), std::move(b)));
  }
  const auto value = [&](Index index) { return make_node(Op::unwrap, type.known(), span, local(index)); };
  ExprPtr better = make_node(Op::builtin, type.known(), span, value(first), value(second));
  better->index = static_cast<Index>(function == AggregateFunction::minimum ? checked::Builtin::minimum : checked::Builtin::maximum);
  ExprPtr both = make_node(Op::to_optional, type, span, std::move(better));
  ExprPtr with_first = make_node(Op::condition, type, span, known(second), std::move(both), local(first));
  ExprPtr choice = make_node(Op::condition, type, span, known(first), std::move(with_first), local(second));
  return bind(first, std::move(a), bind(second, std::move(b), std::move(choice)));
}

/// What is asked of each row: whether it counts (`where`, may be null), and its value where the query takes one. False: it was refused.
bool ExpressionChecker::row_question(const ast::AggregateExpr& written, AggregateFunction function, Type type, Index local, ExprPtr& where, ExprPtr& value,
                                     Span span) {
  if (written.binder) bindings_.push_back({written.binder->text, local, type, written.binder->span});
  if (written.binder) context_.note_use(written.binder->span, SymbolKind::local, local, none, type, written.binder->span);
  const Facts before = facts_;
  where = written.where ? check_condition(*written.where) : nullptr;
  if (where) learn(*where, true, facts_);
  const bool values = function == AggregateFunction::sum || function == AggregateFunction::minimum || function == AggregateFunction::maximum ||
                      function == AggregateFunction::average;
  if (values && written.value && written.source) value = check(*written.value);
  if (values && !value) value = make_local(local, type, span);
  if (value) require_known(value, written.function.text.c_str());
  facts_ = before;
  if (written.binder) bindings_.pop_back();
  if ((where && where->type.is_error()) || (value && value->type.is_error())) return false;
  const Type asked = value ? value->type : type;
  const bool adds = function == AggregateFunction::sum || function == AggregateFunction::average;
  const bool compares = function == AggregateFunction::minimum || function == AggregateFunction::maximum;
  if ((adds && !is_numeric(asked.kind)) || (compares && (!is_ordered(asked.kind) || asked.kind == TypeKind::duration))) {
    context_.error("E0302", span, in_ticks(written.function.text) + " cannot take values of type " + in_ticks(context_.type_text(asked)));
    return false;
  }
  return true;
}

/// One row's part in the whole: what it adds, whether it counts, what it offers.
ExprPtr ExpressionChecker::row_part(const ast::AggregateExpr& written, AggregateFunction function, ExprPtr matches, ExprPtr element, Span span) {
  const Type type = element->type;
  const Index local = add_local(type);
  ExprPtr accepted = make_local(local, type, span);
  ExprPtr where, value;
  if (!row_question(written, function, type, local, where, value, span)) return make_wrong(span);
  const auto with_element = [&](ExprPtr body) {
    const Type result = body->type;
    ExprPtr made = make_node(Op::let, result, span, std::move(element), std::move(body));
    made->index = local;
    return made;
  };
  if (function == AggregateFunction::all) {
    ExprPtr fails = make_node(Op::logical_not, boolean, span, std::move(matches));
    return with_element(make_node(Op::logical_or, boolean, span, std::move(fails), std::move(where)));
  }
  ExprPtr counts = where ? make_node(Op::logical_and, boolean, span, std::move(matches), std::move(where)) : std::move(matches);
  if (function == AggregateFunction::exists) return with_element(std::move(counts));
  if (function == AggregateFunction::count) {
    const Type integer = type_of(TypeKind::integer);
    return with_element(make_node(Op::condition, integer, span, std::move(counts), make_literal(integer, 1, span), make_literal(integer, 0, span)));
  }
  if (function == AggregateFunction::sum || function == AggregateFunction::average) {
    const Type number = value->type;
    ExprPtr nothing = number.kind == TypeKind::number ? make_number(0, span) : make_literal(number, 0, span);
    return with_element(make_node(Op::condition, number, span, std::move(counts), std::move(value), std::move(nothing)));
  }
  ExprPtr offered = value ? std::move(value) : std::move(accepted);
  const Type optional = offered->type.maybe();
  if (!offered->type.optional) offered = make_node(Op::to_optional, optional, span, std::move(offered));
  return with_element(make_node(Op::condition, optional, span, std::move(counts), std::move(offered), make_node(Op::missing, optional, span)));
}

/// The same over many rows, as a loop.
ExprPtr ExpressionChecker::looped_rows(const ast::AggregateExpr& written, AggregateFunction function, ExprPtr call, Span span) {
  const Type element = context_.program.lists[call->type.id];
  ExprPtr node = make_node(Op::aggregate, {}, span);
  node->aggregate = std::make_unique<checked::Aggregate>();
  checked::Aggregate& made = *node->aggregate;
  const bool average = function == AggregateFunction::average;
  made.function = average ? AggregateFunction::sum : function;
  made.source = checked::Aggregate::Source::rows;
  made.local = add_local(element);
  if (!row_question(written, function, element, made.local, made.where, made.value, span)) return make_wrong(span);
  made.owner = std::move(call);
  switch (function) {
    case AggregateFunction::exists:
    case AggregateFunction::all:
      node->type = boolean;
      return node;
    case AggregateFunction::sum:
    case AggregateFunction::average:
      node->type = made.value->type;
      break;
    case AggregateFunction::minimum:
    case AggregateFunction::maximum:
      node->type = made.value->type.maybe();
      return node;
    case AggregateFunction::first:
    case AggregateFunction::last:
      node->type = element.maybe();
      if (element.optional) {  // a row that does not know its value offers nothing
        ExprPtr known = make_node(Op::known, boolean, span, make_local(made.local, element, span));
        made.where = made.where ? make_node(Op::logical_and, boolean, span, std::move(made.where), std::move(known)) : std::move(known);
      }
      return node;
    default:
      node->type = type_of(TypeKind::integer);
  }
  if (!average) return node;
  ExprPtr count = clone(*node);
  count->type = type_of(TypeKind::integer);
  count->aggregate->function = AggregateFunction::count;
  count->aggregate->value = nullptr;
  return mean(std::move(node), std::move(count), span);
}

static bool all_constant(const checked::Table& table) {
  return std::all_of(table.rows.begin(), table.rows.end(),
                     [](const checked::TableRow& row) {
                       return std::all_of(row.cells.begin(), row.cells.end(), [](const Cell& cell) { return cell.predicate == none; }) &&
                              std::all_of(row.outputs.begin(), row.outputs.end(), [](const checked::TableOutput& output) { return output.constant; });
                     }) &&
         std::none_of(table.inputs.begin(), table.inputs.end(), [](const checked::TableColumn& column) { return column.type.kind == TypeKind::duration; });
}

namespace {

/// What a query gives where there are no rows.
ExprPtr of_no_rows(AggregateFunction function, Type type, Span span) {
  if (function == AggregateFunction::exists || function == AggregateFunction::all) return make_bool(function == AggregateFunction::all, span);
  if (type.optional) return make_node(Op::missing, type, span);
  return type.kind == TypeKind::number ? make_number(0, span) : make_literal(type, 0, span);
}

}  // namespace

/// The rows of the version that is in force today; of none where none is.
ExprPtr ExpressionChecker::check_rows(const ast::AggregateExpr& written, AggregateFunction function, ExprPtr call, Span span) {
  const std::vector<Index> versions = context_.tables[static_cast<size_t>(call->index)].versions;
  const auto dated = [&](Index table) { return context_.tables[static_cast<size_t>(table)].from || context_.tables[static_cast<size_t>(table)].to; };
  if (versions.empty() || (versions.size() == 1 && !dated(versions.front()))) return walk_rows(written, function, std::move(call), span);
  if (around_.constant) {
    context_.error("E0321", span, "which table is in force depends on the date: this must be constant");
    return make_wrong(span);
  }
  ExprPtr chain;
  for (const Index version : versions) {
    ExprPtr own = clone(*call);
    own->index = version;
    ExprPtr walked = walk_rows(written, function, std::move(own), span);
    if (walked->type.is_error()) return walked;
    const Type type = walked->type;
    ExprPtr in_force = table_in_force(version, span);
    if (!in_force) {
      chain = std::move(walked);  // the one without dates, below all others
      continue;
    }
    if (!chain) chain = of_no_rows(function, type, span);
    chain = make_node(Op::condition, type, span, std::move(in_force), std::move(walked), std::move(chain));
  }
  return chain;
}

ExprPtr ExpressionChecker::walk_rows(const ast::AggregateExpr& written, AggregateFunction function, ExprPtr call, Span span) {
  constexpr size_t rows_max = 1'000;
  const checked::Table& table = context_.program.tables[call->index];
  const Type element_type = context_.program.lists[call->type.id];
  if (written.per || written.within || written.since || written.calendar_window || function == AggregateFunction::count_days || !written.order.empty()) {
    context_.error("E0308", span, "the rows of a table have neither a history nor another order than the written one").help = "choose rows with `where`";
    return make_wrong(span);
  }
  if (function == AggregateFunction::all && !written.where) {
    context_.error("E0304", span, "`all` needs a condition").help = "write `all(r in " + table.name + "(…) where …)`";
    return make_wrong(span);
  }
  const bool well_formed = std::all_of(table.rows.begin(), table.rows.end(), [&](const checked::TableRow& row) {
    return row.cells.size() == table.inputs.size() && row.outputs.size() == table.outputs.size() && !row.outputs.empty();
  });
  if (!well_formed) return make_wrong(span);
  if (table.rows.size() >= context_.looped_rows_min && all_constant(table)) return looped_rows(written, function, std::move(call), span);
  if (table.rows.size() > rows_max) {
    context_.error("E0308", span, "a table of more than " + std::to_string(rows_max) + " rows of which some are computed cannot be walked").help =
        "write the cells and results of " + in_ticks(table.name) + " as constants, and compute where the table is asked";
    return make_wrong(span);
  }
  std::vector<ExprPtr> arguments;
  std::vector<std::pair<Index, ExprPtr>> shared;
  for (const ExprPtr& argument : call->args) {
    const Index local = add_local(argument->type);
    shared.emplace_back(local, clone(*argument));
    arguments.push_back(make_local(local, argument->type, argument->span));
  }
  std::vector<ExprPtr> parts, counts;
  for (const checked::TableRow& row : table.rows) {
    if (row.cells.size() != arguments.size() || row.outputs.empty()) return make_wrong(span);
    parts.push_back(row_part(written, function, row_matches(table, row, arguments), row_element(table, row, element_type, arguments), span));
    if (parts.back()->type.is_error()) return make_wrong(span);
    if (function == AggregateFunction::average) {
      counts.push_back(row_part(written, AggregateFunction::count, row_matches(table, row, arguments), row_element(table, row, element_type, arguments), span));
    }
  }
  if (parts.empty()) {
    context_.error("E0324", span, "the table " + in_ticks(table.name) + " has no rows to walk");
    return make_wrong(span);
  }
  if (function == AggregateFunction::last) std::reverse(parts.begin(), parts.end());
  const Type type = parts.front()->type;
  const auto summed = [&](std::vector<ExprPtr> terms) {
    const Type of = terms.front()->type;
    const auto add = [&](ExprPtr a, ExprPtr b) { return make_node(Op::add, of, span, std::move(a), std::move(b)); };
    constexpr size_t chained_max = 64;
    if (terms.size() > chained_max) return balanced(std::move(terms), add);
    ExprPtr sum = std::move(terms.front());  // from the first row on, as a loop adds
    for (size_t i = 1; i < terms.size(); ++i) sum = add(std::move(sum), std::move(terms[i]));
    return sum;
  };
  ExprPtr whole;
  switch (function) {
    case AggregateFunction::exists:
    case AggregateFunction::all:
      whole = join(function == AggregateFunction::all ? Op::logical_and : Op::logical_or, std::move(parts), span);
      break;
    case AggregateFunction::sum:
    case AggregateFunction::count:
      whole = summed(std::move(parts));
      break;
    case AggregateFunction::average:
      whole = mean(summed(std::move(parts)), summed(std::move(counts)), span);
      break;
    default:
      whole = type.optional ? balanced(std::move(parts), [&](ExprPtr a, ExprPtr b) { return merged(std::move(a), std::move(b), function, span); })
                            : make_wrong(span);
  }
  // The call itself stands in a name that is never asked for: so the table is seen to be used.
  shared.emplace_back(add_local(call->type), std::move(call));
  for (auto at = shared.rbegin(); at != shared.rend(); ++at) {
    const Type of = whole->type;
    whole = make_node(Op::let, of, span, std::move(at->second), std::move(whole));
    whole->index = at->first;
  }
  return whole;
}

ExprPtr ExpressionChecker::mean(ExprPtr sum, ExprPtr count, Span span) {
  const Type integer = type_of(TypeKind::integer);
  const Index local = add_local(integer);
  Type type = sum->type;
  ExprPtr divisor = make_local(local, integer, span);
  if (type.kind == TypeKind::decimal) divisor = make_node(Op::int_to_decimal, type, span, std::move(divisor));
  if (type.kind == TypeKind::number) divisor = make_node(Op::int_to_number, type, span, std::move(divisor));
  if (type.kind == TypeKind::integer) type = type_of(TypeKind::decimal);
  ExprPtr quotient = make_node(Op::to_optional, type.maybe(), span, make_node(Op::divide, type, span, std::move(sum), std::move(divisor)));
  ExprPtr some = make_node(Op::greater, boolean, span, make_local(local, integer, span), make_literal(integer, 0, span));
  ExprPtr choice = make_node(Op::condition, type.maybe(), span, std::move(some), std::move(quotient), make_node(Op::missing, type.maybe(), span));
  ExprPtr made = make_node(Op::let, type.maybe(), span, std::move(count), std::move(choice));
  made->index = local;
  return made;
}

}  // namespace dunlin::sema
