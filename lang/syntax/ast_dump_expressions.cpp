#include "lang/syntax/ast_dump.h"
#include "lang/syntax/ast_dump_parts.h"

namespace dunlin {

namespace {

using namespace ast;

const char* sign(BinaryOp op) {
  constexpr const char* signs[] = {"+", "-", "*", "/", "mod", "=", "!=", "<", "<=", ">", ">=", "and", "or"};
  return signs[static_cast<size_t>(op)];
}

const char* unit(DurationUnit unit) {
  constexpr const char* words[] = {"second", "minute", "hour", "day", "week", "business_day", "month", "quarter", "year"};
  return words[static_cast<size_t>(unit)];
}

std::string padded(int value, size_t width) {
  std::string text = std::to_string(value);
  return text.size() < width ? std::string(width - text.size(), '0') + text : text;
}

struct Dumper {
  static std::string of(const ExprPtr& e) { return e ? dump(*e) : "_"; }
  static std::string list(const std::vector<ExprPtr>& items) {
    std::string text;
    for (const ExprPtr& item : items) text += (text.empty() ? "" : ", ") + of(item);
    return text;
  }

  std::string operator()(const BoolLit& n) const { return n.value ? "true" : "false"; }
  std::string operator()(const IntLit& n) const { return n.digits; }
  std::string operator()(const DecimalLit& n) const { return n.digits; }
  std::string operator()(const PercentLit& n) const { return n.digits + "%"; }
  std::string operator()(const TextLit& n) const {
    std::string text = "\"";
    for (const TextLit::Part& part : n.parts) text += part.expr ? "{" + dump(*part.expr) + "}" : part.text;
    return text + "\"";
  }
  std::string operator()(const DateLit& n) const { return padded(n.year, 4) + "-" + padded(n.month, 2) + "-" + padded(n.day, 2); }
  std::string operator()(const TimeLit& n) const { return padded(n.hour, 2) + ":" + padded(n.minute, 2) + (n.second ? ":" + padded(n.second, 2) : ""); }
  std::string operator()(const DateTimeLit& n) const { return (*this)(n.date) + "T" + (*this)(n.time); }
  std::string operator()(const DurationLit& n) const { return n.digits + "_" + unit(n.unit); }
  std::string operator()(const NameRef& n) const { return n.name.text; }
  std::string operator()(const Member& n) const { return of(n.base) + "." + n.name.text; }
  std::string operator()(const CallExpr& n) const {
    std::string text;
    for (const Argument& a : n.arguments) text += (text.empty() ? "" : ", ") + (a.name ? a.name->text + ": " : "") + of(a.value);
    return of(n.callee) + "(" + text + ")";
  }
  std::string operator()(const Unary& n) const { return (n.op == UnaryOp::negate ? "(-" : "(not ") + of(n.operand) + ")"; }
  std::string operator()(const Binary& n) const { return "(" + of(n.left) + " " + sign(n.op) + " " + of(n.right) + ")"; }
  std::string operator()(const DefaultExpr& n) const { return "(" + of(n.value) + " default " + of(n.fallback) + ")"; }
  std::string operator()(const KnownTest& n) const { return "(" + of(n.value) + (n.known ? " known)" : " missing)"); }
  std::string operator()(const InExpr& n) const { return "(" + of(n.value) + (n.negated ? " not in " : " in ") + of(n.set) + ")"; }
  std::string operator()(const RangeExpr& n) const { return "[" + of(n.low) + (n.high_included ? ".." : "..<") + of(n.high) + "]"; }
  std::string operator()(const ListLit& n) const { return "{" + list(n.items) + "}"; }
  std::string operator()(const IfExpr& n) const { return "(if " + of(n.condition) + " then " + of(n.then_value) + " else " + of(n.else_value) + ")"; }
  std::string operator()(const MatchExpr& n) const {
    std::string text = "(match " + of(n.subject);
    for (const MatchArm& arm : n.arms) text += " | " + (arm.patterns.empty() ? "otherwise" : list(arm.patterns)) + " -> " + of(arm.value);
    return text + ")";
  }
  std::string operator()(const LetExpr& n) const { return "(let " + n.name.text + " = " + of(n.value) + "; " + of(n.body) + ")"; }
  std::string operator()(const CellComparison& n) const { return std::string(sign(n.op)) + " " + of(n.value); }
  std::string operator()(const CellNot& n) const { return "not " + of(n.value); }
  std::string operator()(const AnyCell&) const { return "any"; }
  std::string operator()(const MissingLit&) const { return "missing"; }
  std::string operator()(const RecordLit& n) const {
    std::string text;
    for (const RecordLit::Field& f : n.fields) text += (text.empty() ? "" : ", ") + f.name.text + ": " + of(f.value);
    return "{" + text + "}";
  }
  std::string operator()(const AggregateExpr& n) const {
    std::string text = "<" + n.function.text;
    if (n.distinct_days) text += " days";
    if (n.value) text += " value " + of(n.value);
    if (n.binder) text += " each " + n.binder->text;
    if (n.source) text += " of " + of(n.source);
    if (n.within) text += " within " + of(n.within);
    if (n.within_of) text += " of " + n.within_of->text;
    if (n.since) text += " since " + of(n.since);
    if (n.calendar_window) text += " this " + n.calendar_window->text;
    if (n.per) text += " per " + n.per->text;
    if (n.where) text += " where " + of(n.where);
    for (size_t i = 0; i < n.order.size(); ++i) text += (i == 0 ? " by " : ", ") + of(n.order[i].key) + (n.order[i].descending ? " desc" : "");
    return text + ">";
  }
};

}  // namespace

std::string dump(const ast::Expr& expression) { return std::visit(Dumper{}, expression.node); }

namespace syntax {

std::string dump_type(const ast::TypeExpr& type) {
  std::string text;
  switch (type.kind) {
    case TypeExpr::Kind::named:
      text = type.name.text();
      break;
    case TypeExpr::Kind::enumeration:
      for (const Name& literal : type.literals) text += (text.empty() ? "" : ", ") + literal.text;
      text = "enum{" + text + "}";
      break;
    case TypeExpr::Kind::record:
      for (const FieldDecl& f : type.fields) text += (text.empty() ? "" : ", ") + dump_field(f);
      text = "record{" + text + "}";
      break;
    case TypeExpr::Kind::list:
      text = "list of " + dump_type(*type.element);
      break;
  }
  if (type.optional) text += "?";
  if (type.in_range) text += " in " + dump(*type.in_range);
  return text;
}

std::string dump_field(const ast::FieldDecl& field) {
  std::string text = (field.key ? "key " : "") + field.name.text;
  if (field.type) text += " : " + dump_type(*field.type);
  if (field.personal) text += " personal";
  if (field.derived) text += " = " + dump(*field.derived);
  if (field.initial) text += " := " + dump(*field.initial);
  if (!field.doc.empty()) text += " // " + field.doc;
  return text;
}

}  // namespace syntax

}  // namespace dunlin
