// Parse tree -> our own tree. The parts of the class stand in build_*.cpp.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "DunlinParser.h"
#include "lang/syntax/ast_department.h"
#include "lang/syntax/tokens.h"

namespace dunlin::syntax {

/// An expression inside a text. `level` counts texts within texts. Null if there were errors (reported).
ast::ExprPtr read_expression(const Slice& slice, Diagnostics& diagnostics, const ParseLimits& limits, int level);

class Builder {
 public:
  using P = grammar::DunlinParser;

  Builder(const Slice& slice, const TokenList& list, Diagnostics& diagnostics, const ParseLimits& limits, int level)
      : slice_(slice), list_(list), diagnostics_(diagnostics), limits_(limits), level_(level) {}

  void declarations(P::FileContext& context, ast::File& file);
  ast::ExprPtr only_expression(P::ExpressionOnlyContext& context);

 private:
  /// Thrown after a mistake was reported: the item it stands in is left out.
  struct DropItem {};

  /// Counts the nodes above the one being built; too many of them spoil the item.
  class Deeper {
   public:
    Deeper(Builder& builder, Span place);
    ~Deeper() { --builder_.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;

   private:
    Builder& builder_;
  };

  // ---- places and names (builder.cpp)
  Span span(const antlr4::ParserRuleContext& context) const;
  Span span(const antlr4::Token& token) const;
  std::string_view source(Span place) const { return slice_.sources.text(place); }
  std::string doc(const antlr4::ParserRuleContext& context) const;
  ast::Name name(P::IdentContext& context) const;
  ast::Name name_of(const antlr4::ParserRuleContext& context) const;
  ast::Name name_of(const antlr4::Token& token) const;
  ast::Path path(P::PathContext& context) const;
  std::vector<ast::Path> paths(const std::vector<P::PathContext*>& contexts) const;
  Diagnostic& mistake(const char* code, Span place, std::string message);
  /// Reports a setting that has been given already in its block; the second one is left out.
  void only_once(bool given, Span place, std::string_view setting);
  /// Text of a literal in quotes, escapes undone, braces as they stand.
  std::string plain_text(const antlr4::Token& token);
  std::string optional_text(antlr4::tree::TerminalNode* node) { return node == nullptr ? std::string() : plain_text(*node->getSymbol()); }

  /// Runs `build` for each item that was read whole; an item in which it finds a mistake is left out.
  template <class Context, class Build>
  void each_item(const std::vector<Context*>& items, Build build) {
    for (Context* item : items) {
      if (item->exception) continue;
      const int depth = depth_;
      try {
        build(*item);
      } catch (const DropItem&) {
        depth_ = depth;
      }
    }
  }

  // ---- expressions
  template <class Node>
  ast::ExprPtr make(Span place, Node node) const {
    auto made = std::make_unique<ast::Expr>();
    made->span = place;
    made->node = std::move(node);
    return made;
  }
  ast::ExprPtr expr(P::ExprContext& context);
  ast::ExprPtr optional_expr(P::ExprContext* context) { return context == nullptr ? nullptr : expr(*context); }
  ast::ExprPtr optional_sum(P::SumContext* context) { return context == nullptr ? nullptr : sum(*context); }
  ast::ExprPtr chain(P::ExprContext& context, ast::BinaryOp op);
  ast::ExprPtr comparison(P::ComparisonContext& context);
  ast::ExprPtr in_set(P::InSetContext& context);
  ast::ExprPtr sum(P::SumContext& context);
  ast::ExprPtr call(P::CallSumContext& context);
  ast::ExprPtr aggregate(P::CallSumContext& context, ast::ExprPtr callee);
  void aggregate_source(P::ArgumentContext& argument, ast::AggregateExpr& out);
  void aggregate_clause(P::AggregateClauseContext& context, ast::AggregateExpr& out);
  ast::ExprPtr primary(P::PrimaryContext& context);
  ast::ExprPtr spent(P::PrimaryContext& context);
  ast::ExprPtr match(P::PrimaryContext& context);
  std::vector<ast::ExprPtr> cell(P::CellContext& context);
  ast::ExprPtr cell_item(P::CellItemContext& context);
  ast::ExprPtr body(P::BodyContext& context);
  ast::ExprPtr let_body(P::LetBodyContext& context);
  ast::ExprPtr record(P::PayloadContext* context);  // null stays null
  ast::ExprPtr treatment(P::TreatmentContext* context);

  // ---- literals
  ast::ExprPtr number(P::PrimaryContext& context);
  ast::ExprPtr text(const antlr4::Token& token);
  ast::ExprPtr date(P::PrimaryContext& context);
  ast::ExprPtr moment(P::MomentContext& context);
  ast::DateLit date_literal(const antlr4::Token& token);
  ast::TimeLit time_literal(const antlr4::Token& token);
  ast::ExprPtr date_time(Span place, const antlr4::Token& date, antlr4::tree::TerminalNode* time);
  std::string unescaped(Span place, bool& bad);

  // ---- declarations
  ast::Decl declaration(P::DeclarationContext& context);
  ast::BundleDecl bundle(P::BundleDeclContext& context);
  void bundle_item(P::BundleItemContext& context, ast::BundleDecl& out);
  ast::TypeExpr type(P::TypeExprContext& context);
  std::vector<ast::Name> enum_literals(P::EnumBlockContext& context) const;
  std::vector<ast::FieldDecl> fields(P::FieldBlockContext* context, bool initial_values = false);
  ast::FieldDecl field(P::FieldContext& context, bool initial_values);
  ast::EntityDecl entity(P::EntityDeclContext& context);
  ast::EventDecl event(P::EventDeclContext& context);
  ast::ParameterDecl parameter(P::ParameterDeclContext& context);
  ast::SegmentationDecl segmentation(P::SegmentationDeclContext& context);
  ast::TableDecl table(P::TableDeclContext& context);
  std::vector<ast::TableDecl::Column> columns(P::ColumnsContext& context);
  void table_rows(P::TableBlockContext& context, ast::TableDecl& out);
  void table_header(P::RowContext& context, ast::TableDecl& out);
  ast::Name header_name(const ast::Expr& cell);
  ast::TableDecl::Row row(P::RowContext& context);
  ast::ExprPtr one_cell(std::vector<ast::ExprPtr> items, Span place) const;
  ast::FunctionDecl function(P::FunctionDeclContext& context);
  ast::OutcomesDecl outcomes(P::OutcomesDeclContext& context);
  std::vector<ast::OutcomeNode> outcome_nodes(P::OutcomeBlockContext* context);
  ast::OutcomeNode outcome(P::OutcomeContext& context);
  ast::QueueDecl queue(P::QueueDeclContext& context);
  void queue_item(P::QueueItemContext& context, ast::QueueDecl& out);

  ast::Name zone(P::ZoneContext& context);

  // ---- limits and holds (build_limits.cpp)
  ast::Period period(P::PeriodContext& context) const;
  ast::Contacts contacts(P::ContactsContext& context) const;
  ast::Contacts counted(P::CountedContext& context) const;
  ast::ContactKind contact_kind(P::ContactKindContext& context);
  std::vector<ast::ContactKind> contact_kinds(const std::vector<P::ContactKindContext*>& contexts);
  ast::Hours hours(P::HoursContext& context);
  std::vector<ast::Name> day_group(P::DayGroupContext& context) const;
  std::vector<ast::Name> limit_key(P::LimitKeyContext* context) const;
  ast::LimitCap limit_cap(P::LimitCapContext& context);
  ast::LimitItem limit_item(P::LimitItemContext& context);
  void never(P::LimitItemContext& context, ast::LimitItem& out);
  ast::Part<ast::LimitsDecl> limits(P::LimitsDeclContext& context);
  void hold_item(P::HoldItemContext& context, ast::HoldDecl& out);
  ast::Part<ast::HoldDecl> hold(P::HoldDeclContext& context);
  ast::Action department_action(P::DepartmentActionContext& context);

  // ---- the rest of a department (build_department.cpp)
  void department(P::DeclarationContext& context, ast::Decl& out);
  ast::Part<ast::DeadlineDecl> deadline(P::DeadlineDeclContext& context);
  ast::Part<ast::ApprovalDecl> approval(P::ApprovalDeclContext& context);
  ast::Part<ast::QuotaDecl> quota(P::QuotaDeclContext& context);
  ast::Part<ast::AllocationDecl> allocation(P::AllocationDeclContext& context);
  ast::Part<ast::FeedDecl> feed(P::FeedDeclContext& context);
  ast::Part<ast::CampaignDecl> campaign(P::CampaignDeclContext& context);
  void experiment_item(P::ExperimentItemContext& context, ast::ExperimentDecl& out);
  ast::Part<ast::ExperimentDecl> experiment(P::ExperimentDeclContext& context);
  ast::Part<ast::HoldoutDecl> holdout(P::HoldoutDeclContext& context);
  ast::Part<ast::MigrateDecl> migrate(P::MigrateDeclContext& context);
  ast::Part<ast::OnChange> on_change(P::OnChangeContext& context) const;
  ast::Part<ast::ScheduleDecl> schedule(P::ScheduleDeclContext& context);
  ast::Part<ast::TerritoryDecl> territory(P::TerritoryDeclContext& context);
  ast::Part<ast::TemplateDecl> letter_template(P::TemplateDeclContext& context);
  ast::Among among(P::AmongContext& context);
  ast::RunTime run_time(P::RunTimeContext& context);
  std::vector<ast::Share> shares(P::ShareBlockContext& context);
  ast::ExprPtr percent(const antlr4::Token& token) const;
  std::vector<ast::AggregateExpr::OrderKey> order(const std::vector<P::OrderKeyContext*>& keys);
  void queue_setting(P::QueueItemContext& context, ast::QueueSettings& out);
  void merge_item(P::MergeItemContext& context, ast::QueueSettings::Merge& out);
  ast::QueueSettings::Batch batch(P::QueueItemContext& context);
  ast::QueueSettings::Assign assign_way(P::AssignWayContext& context);

  // ---- strategies
  ast::StrategyDecl strategy(P::StrategyDeclContext& context);
  void strategy_item(P::StrategyItemContext& context, ast::StrategyDecl& out);
  ast::FieldDecl variable(P::StrategyItemContext& context);
  ast::StageDecl stage(P::StageDeclContext& context);
  ast::AlwaysDecl always(P::AlwaysDeclContext& context);
  ast::Rule rule(P::RuleItemContext& context);
  void on_rule(P::OnRuleContext& context, ast::Rule& out);
  void at_rule(P::AtRuleContext& context, ast::Rule& out);
  void every_rule(P::EveryRuleContext& context, ast::Rule& out);
  ast::ExprPtr guard(P::GuardContext* context, size_t word);
  std::vector<ast::Action> actions(P::ActionsContext& context);
  ast::Action action(P::ActionContext& context);
  ast::Action task(P::ActionContext& context);
  void go(P::GoActionContext& context, ast::Action& out);
  ast::KeepSpec keep(P::KeepRuleContext& context);
  void keep_item(P::KeepItemContext& context, ast::KeepSpec& out);
  ast::ExprPtr count(P::AttemptCountContext& context);
  ast::AttemptLimit attempt_limit(P::AttemptLimitContext& context);
  std::vector<ast::PriorityTerm> priority(P::KeepItemContext& context);

  // ---- tests
  ast::TestDecl test(P::TestDeclContext& context);
  ast::TestGiven given(P::TestGivenContext& context);
  ast::TestStep any_day(P::TestGivenContext& context);
  ast::TestStep step(P::TestStepContext& context);
  void step_part(P::StepPartContext& context, ast::TestStep& out);
  void continued(P::TestContinuedContext& context, ast::TestStep& out);
  void step_set(P::TestSetContext& context, ast::TestStep& out);
  ast::TestExpect expectation(P::ExpectationContext& context);
  template <class Context>
  std::optional<ast::Name> behind_of(Context& context) const;

  const Slice& slice_;
  const TokenList& list_;
  Diagnostics& diagnostics_;
  const ParseLimits& limits_;
  int level_;      // texts around this expression
  int depth_ = 0;  // of the expression being built
};

}  // namespace dunlin::syntax
