#include "lang/syntax/error_strategy.h"

#include "DunlinParser.h"

namespace dunlin::syntax {

namespace {

using antlr4::ParserRuleContext;
using antlr4::Token;
using grammar::DunlinParser;

/// Items: a mistake inside one of these spoils it and nothing else.
bool recoverable(size_t rule) {
  switch (rule) {
    case DunlinParser::RuleDeclaration:
    case DunlinParser::RuleBundleItem:
    case DunlinParser::RuleField:
    case DunlinParser::RuleSegmentationCase:
    case DunlinParser::RuleRow:
    case DunlinParser::RuleOutcome:
    case DunlinParser::RuleQueueItem:
    case DunlinParser::RuleStrategyItem:
    case DunlinParser::RuleStageItem:
    case DunlinParser::RuleAlwaysItem:
    case DunlinParser::RuleKeepItem:
    case DunlinParser::RuleTestItem:
    case DunlinParser::RuleLimitItem:
    case DunlinParser::RuleHoldItem:
    case DunlinParser::RuleDeadlineItem:
    case DunlinParser::RuleApprovalItem:
    case DunlinParser::RuleAllocationItem:
    case DunlinParser::RuleFeedItem:
    case DunlinParser::RuleCampaignItem:
    case DunlinParser::RuleExperimentItem:
    case DunlinParser::RuleScheduleItem:
    case DunlinParser::RuleTerritoryItem:
    case DunlinParser::RuleTemplateItem:
    case DunlinParser::RuleMergeItem:
    case DunlinParser::RuleExpressionOnly:
      return true;
    default:
      return false;
  }
}

/// Lists of items: what begins no item is skipped here.
bool is_block(size_t rule) {
  switch (rule) {
    case DunlinParser::RuleFile:
    case DunlinParser::RuleBundleBlock:
    case DunlinParser::RuleFieldBlock:
    case DunlinParser::RuleSegmentationBlock:
    case DunlinParser::RuleTableBlock:
    case DunlinParser::RuleOutcomeBlock:
    case DunlinParser::RuleQueueBlock:
    case DunlinParser::RuleStrategyBlock:
    case DunlinParser::RuleStageBlock:
    case DunlinParser::RuleAlwaysBlock:
    case DunlinParser::RuleKeepBlock:
    case DunlinParser::RuleTestBlock:
    case DunlinParser::RuleLimitsBlock:
    case DunlinParser::RuleHoldBlock:
    case DunlinParser::RuleDeadlineBlock:
    case DunlinParser::RuleApprovalBlock:
    case DunlinParser::RuleAllocationBlock:
    case DunlinParser::RuleFeedBlock:
    case DunlinParser::RuleCampaignBlock:
    case DunlinParser::RuleExperimentBlock:
    case DunlinParser::RuleScheduleBlock:
    case DunlinParser::RuleTerritoryBlock:
    case DunlinParser::RuleTemplateBlock:
    case DunlinParser::RuleMergeBlock:
      return true;
    default:
      return false;
  }
}

/// Nested rules (expressions, types) that may stand inside one another before the stack is at risk.
constexpr int frames_per_level = 4;

std::vector<size_t> rule_path(antlr4::RuleContext* innermost) {
  std::vector<size_t> rules;
  for (antlr4::tree::ParseTree* at = innermost; at != nullptr; at = at->parent) rules.push_back(static_cast<antlr4::RuleContext*>(at)->getRuleIndex());
  return {rules.rbegin(), rules.rend()};
}

/// What could have stood at the token at which a look ahead over several tokens ended.
antlr4::misc::IntervalSet expected_behind(const antlr4::RecognitionException& error) {
  antlr4::misc::IntervalSet expected;
  const auto* dead_end = dynamic_cast<const antlr4::NoViableAltException*>(&error);
  if (dead_end == nullptr || dead_end->getDeadEndConfigs() == nullptr) return expected;
  for (const auto& config : dead_end->getDeadEndConfigs()->configs) {
    for (const antlr4::atn::Transition* transition : config->state->transitions) {
      if (!transition->isEpsilon()) expected.addAll(transition->label());
    }
  }
  return expected;
}

/// True if a bracket was added to the line of the mistake: what goes wrong there is the bracket's fault, which has been reported.
bool stands_in_mended_item(const Mistake& mistake) {
  const auto ends_line = [&](size_t index) {
    const size_t type = mistake.tokens->get(index)->getType();
    return type == DunlinParser::SEP || type == DunlinParser::LBRACE || type == Token::EOF;
  };
  const size_t found = mistake.found->getTokenIndex();
  for (size_t i = found; i > 0 && !ends_line(i - 1); --i) {
    if (is_added(*mistake.tokens->get(i - 1))) return true;
  }
  for (size_t i = found; !ends_line(i); ++i) {
    if (is_added(*mistake.tokens->get(i))) return true;
  }
  return false;
}

Mistake mistake_at(antlr4::Parser* parser, Token* found) {
  Mistake mistake;
  mistake.rules = rule_path(parser->getContext());
  mistake.expected = parser->getATN().getExpectedTokens(parser->getState(), parser->getContext());
  mistake.tokens = parser->getTokenStream();
  mistake.found = found;
  const size_t index = found->getTokenIndex();
  if (index > 0) mistake.before = mistake.tokens->get(index - 1);
  return mistake;
}

}  // namespace

void ErrorStrategy::reportError(antlr4::Parser* parser, const antlr4::RecognitionException& error) {
  if (trial_ || pending_) return;  // the same mistake, one rule further out
  Mistake mistake = mistake_at(parser, error.getOffendingToken() ? error.getOffendingToken() : parser->getCurrentToken());
  if (mistake.found != parser->getCurrentToken()) mistake.expected = expected_behind(error);
  mistake.too_deep = static_cast<DunlinParser*>(parser)->depth > static_cast<int>(limits_.nesting_max) * frames_per_level;
  pending_ = std::move(mistake);
}

void ErrorStrategy::recover(antlr4::Parser* parser, std::exception_ptr error) {
  if (trial_) throw antlr4::ParseCancellationException();
  ParserRuleContext* context = parser->getContext();
  if (!recoverable(context->getRuleIndex()) && context->getRuleIndex() != DunlinParser::RuleFile) std::rethrow_exception(error);
  publish(*pending_);
  pending_.reset();
  skip_item(parser, context->start->getTokenIndex());
}

Token* ErrorStrategy::recoverInline(antlr4::Parser* parser) { throw antlr4::InputMismatchException(parser); }

void ErrorStrategy::sync(antlr4::Parser* parser) {
  if (static_cast<DunlinParser*>(parser)->depth > static_cast<int>(limits_.nesting_max) * frames_per_level) throw antlr4::InputMismatchException(parser);
  if (!is_block(parser->getContext()->getRuleIndex())) return;
  const antlr4::atn::ATNState* state = parser->getATN().states[parser->getState()];
  const antlr4::misc::IntervalSet& next = parser->getATN().nextTokens(const_cast<antlr4::atn::ATNState*>(state));
  for (size_t type = parser->getTokenStream()->LA(1); !next.contains(type) && type != Token::EOF && type != DunlinParser::RBRACE;
       type = parser->getTokenStream()->LA(1)) {
    refuse_unknown_item(parser);
  }
}

void ErrorStrategy::refuse_unknown_item(antlr4::Parser* parser) {
  if (trial_) throw antlr4::ParseCancellationException();
  Mistake mistake = mistake_at(parser, parser->getCurrentToken());
  mistake.unknown_item = true;
  publish(mistake);
  skip_item(parser, mistake.found->getTokenIndex());
}

/// Moves to the end of the item that begins at `first_token`, but never back.
void ErrorStrategy::skip_item(antlr4::Parser* parser, size_t first_token) {
  antlr4::TokenStream* tokens = parser->getTokenStream();
  const size_t here = tokens->index();
  if (errors_ >= limits_.errors_max) {  // nothing more will be said, so nothing more needs to be read
    tokens->seek(tokens->size() - 1);
    return;
  }
  int depth = 0;
  for (size_t i = first_token;; ++i) {
    const size_t type = tokens->get(i)->getType();
    if (type == DunlinParser::LBRACE) ++depth;
    const bool line_ends = type == DunlinParser::SEP && tokens->get(i + 1)->getType() != DunlinParser::MINUS;
    const bool ends = type == Token::EOF || (depth == 0 && (type == DunlinParser::RBRACE || (line_ends && i >= here)));
    if (type == DunlinParser::RBRACE && depth > 0) --depth;
    if (!ends || i < here) continue;
    // A `}` without an opener can only be stray at the level of the file; step over it there.
    if (i == here && i == first_token && type != Token::EOF) ++i;
    while (tokens->index() < i) parser->consume();
    return;
  }
}

void ErrorStrategy::publish(const Mistake& mistake) {
  if (++errors_ > limits_.errors_max) return;
  if (stands_in_mended_item(mistake)) return;
  describe(mistake, slice_, diagnostics_);
  if (errors_ == limits_.errors_max && !diagnostics_.all().empty()) {
    diagnostics_.all().back().notes.push_back({{}, "there may be more mistakes in this file; no further ones are shown"});
  }
}

}  // namespace dunlin::syntax
