#include <algorithm>
#include <array>

#include "lang/syntax/builder.h"

namespace dunlin::syntax {

namespace {

using ast::BinaryOp;
using P = grammar::DunlinParser;

constexpr std::array<std::string_view, 9> query_words = {"count", "sum", "min", "max", "avg", "exists", "all", "first", "last"};

bool is_query_word(std::string_view word) { return std::find(query_words.begin(), query_words.end(), word) != query_words.end(); }

/// Queries whose argument is what is looked at, not a value taken from it.
bool looks_at_source(std::string_view word) { return word == "count" || word == "exists" || word == "first" || word == "last"; }

BinaryOp comparison_op(size_t type) {
  switch (type) {
    case P::EQ:
      return BinaryOp::equal;
    case P::NE:
      return BinaryOp::not_equal;
    case P::LT:
      return BinaryOp::less;
    case P::LE:
      return BinaryOp::less_equal;
    case P::GT:
      return BinaryOp::greater;
    default:
      return BinaryOp::greater_equal;
  }
}

/// Long chains become balanced trees: nothing that walks an expression has to recurse once for each operand. `and` and `or`
/// are associative and still evaluated from left to right.
ast::ExprPtr balanced(std::vector<ast::ExprPtr>& operands, const std::vector<Span>& op_spans, size_t begin, size_t end, BinaryOp op) {
  if (end - begin == 1) return std::move(operands[begin]);
  constexpr size_t left_leaning_max = 8;
  const size_t middle = end - begin <= left_leaning_max ? end - 1 : begin + (end - begin) / 2;
  ast::ExprPtr left = balanced(operands, op_spans, begin, middle, op);
  ast::ExprPtr right = balanced(operands, op_spans, middle, end, op);
  auto made = std::make_unique<ast::Expr>();
  made->span = cover(left->span, right->span);
  made->node = ast::Binary{op, std::move(left), std::move(right), op_spans[middle - 1]};
  return made;
}

}  // namespace

Builder::Deeper::Deeper(Builder& builder, Span place) : builder_(builder) {
  if (++builder_.depth_ <= static_cast<int>(builder_.limits_.nesting_max)) return;
  const std::string most = std::to_string(builder_.limits_.nesting_max);
  builder_.mistake("E0103", place, "this expression is nested too deeply").help =
      "at most " + most + " parts may stand inside one another; name parts with `let` or a function";
  throw DropItem{};
}

ast::ExprPtr Builder::expr(P::ExprContext& context) {
  if (auto* simple = dynamic_cast<P::ComparisonExprContext*>(&context)) return comparison(*simple->comparison());
  const Span place = span(context);
  const Deeper deeper(*this, place);
  if (dynamic_cast<P::AndExprContext*>(&context)) return chain(context, BinaryOp::logical_and);
  if (dynamic_cast<P::OrExprContext*>(&context)) return chain(context, BinaryOp::logical_or);
  if (auto* negation = dynamic_cast<P::NotExprContext*>(&context)) return make(place, ast::Unary{ast::UnaryOp::logical_not, expr(*negation->expr())});
  auto& choice = dynamic_cast<P::IfExprContext&>(context);
  ast::ExprPtr condition = expr(*choice.expr(0));
  ast::ExprPtr then_value = expr(*choice.expr(1));
  return make(place, ast::IfExpr{std::move(condition), std::move(then_value), expr(*choice.expr(2))});
}

ast::ExprPtr Builder::chain(P::ExprContext& context, BinaryOp op) {
  std::vector<P::ExprContext*> contexts;
  std::vector<Span> op_spans;
  P::ExprContext* at = &context;
  for (;;) {
    auto* both = dynamic_cast<P::AndExprContext*>(at);
    auto* either = dynamic_cast<P::OrExprContext*>(at);
    if (op == BinaryOp::logical_and ? both == nullptr : either == nullptr) break;
    contexts.push_back(both ? both->expr(1) : either->expr(1));
    op_spans.push_back(span(*(both ? both->AND() : either->OR())->getSymbol()));
    at = both ? both->expr(0) : either->expr(0);
  }
  contexts.push_back(at);
  std::reverse(contexts.begin(), contexts.end());
  std::reverse(op_spans.begin(), op_spans.end());
  std::vector<ast::ExprPtr> operands;
  for (P::ExprContext* operand : contexts) operands.push_back(expr(*operand));
  return balanced(operands, op_spans, 0, operands.size(), op);
}

ast::ExprPtr Builder::comparison(P::ComparisonContext& context) {
  ast::ExprPtr left = sum(*context.sum(0));
  const Span place = span(context);
  if (P::ComparatorContext* op = context.comparator()) {
    return make(place, ast::Binary{comparison_op(op->start->getType()), std::move(left), sum(*context.sum(1)), span(*op)});
  }
  if (P::InSetContext* set = context.inSet()) return make(place, ast::InExpr{std::move(left), in_set(*set), context.NOT() != nullptr});
  if (context.KNOWN()) return make(place, ast::KnownTest{std::move(left), true});
  if (context.MISSING()) return make(place, ast::KnownTest{std::move(left), false});
  return left;
}

ast::ExprPtr Builder::in_set(P::InSetContext& context) {
  if (context.LBRACE() == nullptr) return sum(*context.sum(0));
  ast::ListLit list;
  for (P::SumContext* item : context.sum()) list.items.push_back(sum(*item));
  return make(span(context), std::move(list));
}

ast::ExprPtr Builder::sum(P::SumContext& context) {
  if (auto* simple = dynamic_cast<P::PrimarySumContext*>(&context)) return primary(*simple->primary());
  const Span place = span(context);
  const Deeper deeper(*this, place);
  if (auto* member = dynamic_cast<P::MemberSumContext*>(&context)) return make(place, ast::Member{sum(*member->sum()), name(*member->ident())});
  if (auto* called = dynamic_cast<P::CallSumContext*>(&context)) return call(*called);
  if (auto* fallback = dynamic_cast<P::DefaultSumContext*>(&context)) {
    ast::ExprPtr value = sum(*fallback->sum(0));
    return make(place, ast::DefaultExpr{std::move(value), sum(*fallback->sum(1))});
  }
  if (auto* negative = dynamic_cast<P::NegateSumContext*>(&context)) return make(place, ast::Unary{ast::UnaryOp::negate, sum(*negative->sum())});
  if (auto* range = dynamic_cast<P::RangeSumContext*>(&context)) {
    ast::ExprPtr low = sum(*range->sum(0));
    return make(place, ast::RangeExpr{std::move(low), sum(*range->sum(1)), range->RANGE() != nullptr});
  }
  const auto binary = [&](BinaryOp op, P::SumContext* left, antlr4::tree::TerminalNode* sign, P::SumContext* right) {
    ast::ExprPtr first = sum(*left);
    return make(place, ast::Binary{op, std::move(first), sum(*right), span(*sign->getSymbol())});
  };
  if (auto* product = dynamic_cast<P::ProductSumContext*>(&context)) {
    if (product->STAR()) return binary(BinaryOp::multiply, product->sum(0), product->STAR(), product->sum(1));
    if (product->SLASH()) return binary(BinaryOp::divide, product->sum(0), product->SLASH(), product->sum(1));
    return binary(BinaryOp::modulo, product->sum(0), product->MOD(), product->sum(1));
  }
  auto& plus = dynamic_cast<P::PlusSumContext&>(context);
  if (plus.PLUS()) return binary(BinaryOp::add, plus.sum(0), plus.PLUS(), plus.sum(1));
  return binary(BinaryOp::subtract, plus.sum(0), plus.MINUS(), plus.sum(1));
}

ast::ExprPtr Builder::call(P::CallSumContext& context) {
  ast::ExprPtr callee = sum(*context.sum());
  const Span place = span(context);
  if (!std::holds_alternative<ast::NameRef>(callee->node) && !std::holds_alternative<ast::Member>(callee->node)) {
    mistake("E0106", callee->span, "only a function can be called").help = "a name stands before the brackets: f(x)";
    throw DropItem{};
  }
  P::ArgumentsContext* arguments = context.arguments();
  const auto* word = std::get_if<ast::NameRef>(&callee->node);
  const bool query_word = word != nullptr && is_query_word(word->name.text);
  if (arguments != nullptr) {
    bool clauses = arguments->DAYS() != nullptr;
    for (P::ArgumentContext* argument : arguments->argument()) clauses = clauses || argument->FOR() || !argument->aggregateClause().empty();
    const bool one = arguments->argument().size() == 1 && arguments->argument(0)->word() == nullptr;
    if (clauses && !query_word) {
      mistake("E0106", callee->span, "`" + std::string(source(callee->span)) + "` does not look over a list or history").help =
          "only count, sum, min, max, avg, exists, all, first and last take `for`, `where`, `within`, `since`, `per` and `by`";
      throw DropItem{};
    }
    if (query_word && (clauses || one)) return aggregate(context, std::move(callee));
  }
  ast::CallExpr made;
  made.callee = std::move(callee);
  if (arguments != nullptr) {
    for (P::ArgumentContext* argument : arguments->argument()) {
      ast::Argument item;
      if (argument->word()) item.name = name_of(*argument->word());
      item.value = expr(*argument->expr());
      made.arguments.push_back(std::move(item));
    }
  }
  return make(place, std::move(made));
}

ast::ExprPtr Builder::aggregate(P::CallSumContext& context, ast::ExprPtr callee) {
  ast::AggregateExpr out;
  out.function = std::get<ast::NameRef>(callee->node).name;
  P::ArgumentsContext& arguments = *context.arguments();
  if (arguments.DAYS()) {
    out.distinct_days = true;
    const ast::Path events = path(*arguments.path());
    for (const ast::Name& part : events.parts) {
      if (out.source == nullptr) {
        out.source = make(part.span, ast::NameRef{part});
      } else {
        const Span so_far = cover(out.source->span, part.span);
        out.source = make(so_far, ast::Member{std::move(out.source), part});
      }
    }
    for (P::AggregateClauseContext* clause : arguments.aggregateClause()) aggregate_clause(*clause, out);
    return make(span(context), std::move(out));
  }
  if (arguments.argument().size() > 1) {
    mistake("E0106", span(*arguments.argument(1)), "`" + out.function.text + "` with `for`, `where`, `within` and the like takes one value only");
    throw DropItem{};
  }
  aggregate_source(*arguments.argument(0), out);
  for (P::AggregateClauseContext* clause : arguments.argument(0)->aggregateClause()) aggregate_clause(*clause, out);
  return make(span(context), std::move(out));
}

void Builder::aggregate_source(P::ArgumentContext& argument, ast::AggregateExpr& out) {
  ast::ExprPtr subject = expr(*argument.expr());
  if (argument.FOR()) {
    out.value = std::move(subject);
    out.binder = name(*argument.ident());
    out.source = sum(*argument.sum());
    return;
  }
  // `p in parties` reads like a test of membership, and is one anywhere else.
  const bool in_brackets = source(subject->span).starts_with('(');
  if (auto* membership = std::get_if<ast::InExpr>(&subject->node); membership && !membership->negated && !in_brackets) {
    if (const auto* binder = std::get_if<ast::NameRef>(&membership->value->node)) {
      out.binder = binder->name;
      out.source = std::move(membership->set);
      return;
    }
  }
  (looks_at_source(out.function.text) ? out.source : out.value) = std::move(subject);
}

void Builder::aggregate_clause(P::AggregateClauseContext& context, ast::AggregateExpr& out) {
  const auto once = [&](bool given) {
    if (!given) return;
    mistake("E0106", span(context), "`" + std::string(source(span(*context.start))) + "` stands twice in this query");
    throw DropItem{};
  };
  if (context.WITHIN()) {
    once(out.within != nullptr);
    out.within = sum(*context.sum());
    if (context.OF()) out.within_of = name(*context.ident());
  } else if (context.SINCE()) {
    once(out.since != nullptr);
    out.since = sum(*context.sum());
  } else if (context.THIS()) {
    once(out.calendar_window.has_value());
    out.calendar_window = name(*context.ident());
  } else if (context.PER()) {
    once(out.per.has_value());
    out.per = name(*context.ident());
  } else if (context.WHERE()) {
    once(out.where != nullptr);
    out.where = expr(*context.expr());
  } else {
    once(!out.order.empty());
    for (P::OrderKeyContext* key : context.orderKey()) out.order.push_back({sum(*key->sum()), key->DESC() != nullptr});
  }
}

ast::ExprPtr Builder::primary(P::PrimaryContext& context) {
  const Span place = span(context);
  if (context.ident()) return make(place, ast::NameRef{name(*context.ident())});
  if (context.INT() || context.DECIMAL() || context.PERCENT()) return number(context);
  if (context.TEXT()) return text(*context.TEXT()->getSymbol());
  if (context.DATE() || !context.TIME().empty()) return date(context);
  if (context.TRUE() || context.FALSE()) return make(place, ast::BoolLit{context.TRUE() != nullptr});
  if (context.MISSING()) return make(place, ast::MissingLit{});
  if (context.MATCH()) return match(context);
  if (context.SPENT()) return spent(context);
  if (context.ENTRY()) return make(place, ast::NameRef{name_of(context)});
  if (context.LBRACKET()) {
    ast::ListLit list;
    const Deeper deeper(*this, place);
    for (P::ExprContext* item : context.expr()) list.items.push_back(expr(*item));
    return make(place, std::move(list));
  }
  ast::ExprPtr inner = expr(*context.expr(0));
  inner->span = place;  // with its brackets, so that a fix may replace all of it
  return inner;
}

ast::ExprPtr Builder::spent(P::PrimaryContext& context) {
  ast::AggregateExpr out;
  out.function = name_of(*context.SPENT()->getSymbol());
  P::SpentWindowContext& window = *context.spentWindow();
  (window.SINCE() ? out.since : out.within) = sum(*window.sum());
  return make(span(context), std::move(out));
}

ast::ExprPtr Builder::match(P::PrimaryContext& context) {
  const Span place = span(context);
  const Deeper deeper(*this, place);
  ast::MatchExpr out;
  out.subject = sum(*context.sum());
  for (P::MatchArmContext* arm : context.matchArm()) {
    ast::MatchArm made;
    made.span = span(*arm);
    if (arm->cell()) made.patterns = cell(*arm->cell());
    made.value = expr(*arm->expr());
    out.arms.push_back(std::move(made));
  }
  return make(place, std::move(out));
}

std::vector<ast::ExprPtr> Builder::cell(P::CellContext& context) {
  std::vector<ast::ExprPtr> items;
  for (P::CellItemContext* item : context.cellItem()) items.push_back(cell_item(*item));
  if (context.NOT() == nullptr) return items;
  const Span place = span(context);
  std::vector<ast::ExprPtr> negated;
  negated.push_back(make(place, ast::CellNot{one_cell(std::move(items), place)}));
  return negated;
}

ast::ExprPtr Builder::cell_item(P::CellItemContext& context) {
  const Span place = span(context);
  if (context.ANY()) return make(place, ast::AnyCell{});
  if (context.KNOWN()) return make(place, ast::CellNot{make(place, ast::MissingLit{})});
  if (context.comparator()) return make(place, ast::CellComparison{comparison_op(context.comparator()->start->getType()), sum(*context.sum())});
  return expr(*context.expr());
}

ast::ExprPtr Builder::one_cell(std::vector<ast::ExprPtr> items, Span place) const {
  if (items.size() == 1) return std::move(items[0]);
  return make(place, ast::ListLit{std::move(items)});
}

ast::ExprPtr Builder::body(P::BodyContext& context) { return let_body(*context.letBody()); }

ast::ExprPtr Builder::let_body(P::LetBodyContext& context) {
  ast::ExprPtr result = expr(*context.expr());
  std::vector<P::LetLineContext*> lines = context.letLine();
  if (lines.size() > limits_.nesting_max) {
    mistake("E0103", span(*lines.back()), "there are too many `let` lines here").help =
        "at most " + std::to_string(limits_.nesting_max) + "; split the function";
    throw DropItem{};
  }
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    const Span place = cover(span(**line), result->span);
    result = make(place, ast::LetExpr{name(*(*line)->ident()), expr(*(*line)->expr()), std::move(result)});
  }
  return result;
}

ast::ExprPtr Builder::record(P::PayloadContext* context) {
  if (context == nullptr) return nullptr;
  ast::RecordLit out;
  for (P::PayloadFieldContext* field : context->payloadField()) out.fields.push_back({name(*field->ident()), expr(*field->expr())});
  return make(span(*context), std::move(out));
}

ast::ExprPtr Builder::treatment(P::TreatmentContext* context) {
  if (context == nullptr) return nullptr;
  return context->text() ? text(*context->text()->start) : sum(*context->sum());
}

}  // namespace dunlin::syntax
