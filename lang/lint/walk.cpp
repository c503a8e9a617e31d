#include "lang/lint/walk.h"

#include "lang/syntax/ast_department.h"

namespace dunlin::lint {

namespace {

class Walker {
 public:
  explicit Walker(const Visit& visit) : visit_(visit) {}

  void go(const ast::ExprPtr& expr) {
    if (expr) go(*expr);
  }
  void go(const ast::Expr& expr) {
    visit_(expr);
    std::visit([this](const auto& node) { inside(node); }, expr.node);
  }

  void go(const ast::File& file) {
    for (const ast::Decl& declaration : file.declarations) std::visit([this](const auto& node) { in(node); }, declaration.node);
  }

 private:
  void all(const std::vector<ast::ExprPtr>& list) {
    for (const ast::ExprPtr& expr : list) go(expr);
  }

  // ---- inside expressions ----

  void inside(const ast::TextLit& node) {
    for (const auto& part : node.parts) go(part.expr);
  }
  void inside(const ast::Member& node) { go(node.base); }
  void inside(const ast::CallExpr& node) {
    for (const ast::Argument& argument : node.arguments) go(argument.value);
  }
  void inside(const ast::Unary& node) { go(node.operand); }
  void inside(const ast::Binary& node) {
    go(node.left);
    go(node.right);
  }
  void inside(const ast::DefaultExpr& node) {
    go(node.value);
    go(node.fallback);
  }
  void inside(const ast::KnownTest& node) { go(node.value); }
  void inside(const ast::InExpr& node) {
    go(node.value);
    go(node.set);
  }
  void inside(const ast::RangeExpr& node) {
    go(node.low);
    go(node.high);
  }
  void inside(const ast::ListLit& node) { all(node.items); }
  void inside(const ast::IfExpr& node) {
    go(node.condition);
    go(node.then_value);
    go(node.else_value);
  }
  void inside(const ast::MatchExpr& node) {
    go(node.subject);
    for (const ast::MatchArm& arm : node.arms) {
      all(arm.patterns);
      go(arm.value);
    }
  }
  void inside(const ast::LetExpr& node) {
    go(node.value);
    go(node.body);
  }
  void inside(const ast::CellComparison& node) { go(node.value); }
  void inside(const ast::CellNot& node) { go(node.value); }
  void inside(const ast::RecordLit& node) {
    for (const auto& field : node.fields) go(field.value);
  }
  void inside(const ast::AggregateExpr& node) {
    go(node.value);
    go(node.source);
    go(node.within);
    go(node.since);
    go(node.where);
    for (const auto& key : node.order) go(key.key);
  }
  template <class Leaf>
  void inside(const Leaf&) {}

  // ---- declarations ----

  void fields(const std::vector<ast::FieldDecl>& list) {
    for (const ast::FieldDecl& field : list) {
      go(field.derived);
      go(field.initial);
    }
  }
  void in(const ast::ParameterDecl& node) { go(node.value); }
  void in(const ast::EntityDecl& node) { fields(node.fields); }
  void in(const ast::ExtendDecl& node) { fields(node.fields); }
  void in(const ast::SegmentationDecl& node) {
    for (const auto& one : node.cases) go(one.when);
  }
  void in(const ast::TableDecl& node) {
    for (const auto& row : node.rows) {
      all(row.cells);
      all(row.outputs);
    }
    all(node.otherwise);
  }
  void in(const ast::FunctionDecl& node) { go(node.body); }
  void in(const ast::StrategyDecl& node) {
    go(node.enrol);
    go(node.enrol_again);
    fields(node.variables);
    rules(node.rules);
    deadlines(node.deadlines);
    for (const ast::StageDecl& stage : node.stages) {
      go(stage.enrol_again);
      rules(stage.rules);
      deadlines(stage.deadlines);
    }
  }
  void in(const ast::AlwaysDecl& node) { rules(node.rules); }
  void in(const ast::TestDecl& node) {
    for (const ast::TestGiven& given : node.given) go(given.where);
    for (const ast::TestStep& step : node.steps) {
      for (const ast::TestExpect& expect : step.expects) go(expect.expression);
    }
  }
  void in(const ast::Part<ast::HoldDecl>& node) { go(node->lasts); }
  void in(const ast::Part<ast::DeadlineDecl>& node) { deadlines({node}); }
  template <class Other>
  void in(const Other&) {}

  void deadlines(const std::vector<ast::Part<ast::DeadlineDecl>>& list) {
    for (const auto& deadline : list) {
      for (const auto* part : {&deadline->length, &deadline->from, &deadline->suspended_while, &deadline->calendar}) go(*part);
      for (const auto& warning : deadline->warnings) {
        go(warning.before);
        actions(warning.actions);
      }
      actions(deadline->missed);
    }
  }

  void rules(const std::vector<ast::Rule>& list) {
    for (const ast::Rule& rule : list) {
      go(rule.moment);
      go(rule.at_most);
      go(rule.guard);
      actions(rule.actions);
      if (rule.keep) keep(*rule.keep);
    }
  }

  void actions(const std::vector<ast::Action>& list) {
    for (const ast::Action& action : list) {
      go(action.go.by);
      go(action.value);
      go(action.recipient);
      go(action.payload);
      if (action.department) go(action.department->duration);
    }
  }

  void keep(const ast::KeepSpec& keep) {
    for (const auto* part : {&keep.treatment, &keep.source, &keep.where, &keep.while_condition, &keep.to, &keep.again, &keep.window, &keep.due, &keep.fields})
      go(*part);
    if (keep.recipient) go(*keep.recipient);
    for (const auto& term : keep.priority) go(term.value);
  }

  const Visit& visit_;
};

}  // namespace

void each_expression(const ast::Expr& expr, const Visit& visit) { Walker(visit).go(expr); }
void each_expression(const ast::File& file, const Visit& visit) { Walker(visit).go(file); }

}  // namespace dunlin::lint
