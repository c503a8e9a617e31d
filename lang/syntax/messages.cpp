#include "lang/syntax/messages.h"

#include <algorithm>
#include <array>

#include "DunlinParser.h"

namespace dunlin::syntax {

namespace {

using antlr4::Token;
using grammar::DunlinParser;

std::string in_backticks(std::string_view text) { return "`" + std::string(text) + "`"; }

/// What is said about a rule: where the mistake stands, and how it is written.
struct RuleWords {
  size_t rule;
  const char* place;
  const char* form;
};

constexpr RuleWords rule_words[] = {
    {DunlinParser::RuleBundleDecl, "in a bundle", "bundle NAME \"Title\" { … }"},
    {DunlinParser::RuleBundleItem, "in a bundle", "timezone, currency, calendar or `day starts 06:00`"},
    {DunlinParser::RuleUseDecl, "after `use`", "use std.collections"},
    {DunlinParser::RuleParameterDecl, "in a parameter", "parameter NAME : TYPE = VALUE"},
    {DunlinParser::RuleEntityDecl, "in an entity", "entity NAME of PARENT { … }"},
    {DunlinParser::RuleExtendDecl, "in `extend`", "extend ENTITY { … }"},
    {DunlinParser::RuleEventDecl, "in an event", "event NAME of ENTITY { … }"},
    {DunlinParser::RuleField, "in a field", "NAME : TYPE   or   NAME = EXPRESSION"},
    {DunlinParser::RuleSegmentationDecl, "in a segmentation", "segmentation NAME for ENTITY { … }"},
    {DunlinParser::RuleSegmentationCase, "in a segmentation", "SEGMENT when CONDITION   or   otherwise SEGMENT"},
    {DunlinParser::RuleTableDecl, "in a table", "table NAME(INPUT : TYPE, …) -> (OUTPUT : TYPE, …) unique { … }"},
    {DunlinParser::RuleRow, "in a row of a table", "| INPUT | INPUT || OUTPUT |"},
    {DunlinParser::RuleFunctionDecl, "in a function", "function NAME(PARAMETER : TYPE, …) -> TYPE = EXPRESSION"},
    {DunlinParser::RuleOutcomesDecl, "in outcomes", "outcomes NAME { … }"},
    {DunlinParser::RuleOutcome, "in an outcome", "NAME as EVENT (FIELD : TYPE, …) when CONDITION { … }"},
    {DunlinParser::RuleQueueDecl, "in a queue", "queue NAME { … }"},
    {DunlinParser::RuleStrategyDecl, "in a strategy", "strategy NAME \"Title\" for ENTITY { … }"},
    {DunlinParser::RuleStageDecl, "in a stage", "stage NAME { … }"},
    {DunlinParser::RuleOnRule, "in an `on` rule", "on EVENT where CONDITION : ACTION, go STAGE"},
    {DunlinParser::RuleWhenRule, "in a `when` rule", "when CONDITION : go STAGE"},
    {DunlinParser::RuleAfterRule, "in an `after` rule", "after 3 days when CONDITION : ACTION"},
    {DunlinParser::RuleAtRule, "in an `at` rule", "at DATE else skip : ACTION"},
    {DunlinParser::RuleEveryRule, "in an `every` rule", "every 7 days at most 4 times when CONDITION : ACTION"},
    {DunlinParser::RuleKeepRule, "in a `keep` rule", "keep QUEUE \"treatment\" while CONDITION { … }"},
    {DunlinParser::RuleKeepItem, "in a `keep` rule", nullptr},
    {DunlinParser::RuleTestDecl, "in a test", "test \"Title\" { … }"},
    {DunlinParser::RuleTestGiven, "in a test", "given ENTITY { FIELD: VALUE, … }   or   for any ENTITY where CONDITION : expect …"},
    {DunlinParser::RuleTestStep, "in a test", "at DATE : expect …   or   on DATE EVENT { … } : expect …"},
    {DunlinParser::RuleLimitsDecl, "in limits", "limits \"NAME\" { … }"},
    {DunlinParser::RuleLimitItem, "in limits",
     "call at most 1 per day per debtor   or   call between 08:00 and 22:00 in debtor.timezone   or   never call when CONDITION"},
    {DunlinParser::RuleHoldDecl, "in a hold", "hold NAME { stops QUEUE, timers stop, lasts 30 days }"},
    {DunlinParser::RuleDeadlineDecl, "in a deadline", "deadline NAME 3 months from DATE { warn 10 days before, missed : go STAGE }"},
    {DunlinParser::RuleApprovalDecl, "in an approval", "approval NAME(FIELD : TYPE, …) { by ROLE, due 1 business day, lapses after 3 business days }"},
    {DunlinParser::RuleQuotaDecl, "in a quota", "quota NAME 500 per calendar month by FIELD desc"},
    {DunlinParser::RuleAllocationDecl, "in an allocation", "allocation NAME { shares \"shares.csv\", cap 1_000_000 per agency, split by debtor }"},
    {DunlinParser::RuleFeedDecl, "in a feed", "feed NAME { due 07:00, late : hold HOLD, refuse file when bad_rows > 1% or total differs }"},
    {DunlinParser::RuleCampaignDecl, "in a campaign",
     "campaign \"NAME\" { among list \"list.csv\", run DATE to DATE between 09:00 and 12:00, call \"treatment\" }"},
    {DunlinParser::RuleExperimentDecl, "in an experiment", "experiment NAME { champion STRATEGY 90%, challenger STRATEGY 10%, split by debtor }"},
    {DunlinParser::RuleHoldoutDecl, "in a holdout", "holdout 2% by debtor"},
    {DunlinParser::RuleMigrateDecl, "in `migrate`", "migrate strategy.stage -> strategy.stage"},
    {DunlinParser::RuleScheduleDecl, "in a schedule", "schedule NAME { between 09:00 and 18:00 on working days, closed on sunday }"},
    {DunlinParser::RuleTerritoryDecl, "in a territory", "territory NAME { regions \"A\", \"B\", capacity 40 visit per day }"},
    {DunlinParser::RuleTemplateDecl, "in a template", "template \"TREATMENT\" for ENTITY in QUEUE from \"templates/file.txt\""},
    {DunlinParser::RuleDepartmentAction, "in an action", nullptr},
    {DunlinParser::RuleMatchArm, "in `match`", "match VALUE { | PATTERN -> RESULT | otherwise -> RESULT }"},
    {DunlinParser::RuleAggregateClause, "in a query", nullptr},
};

const RuleWords* words_for(size_t rule) {
  const auto found = std::find_if(std::begin(rule_words), std::end(rule_words), [&](const RuleWords& words) { return words.rule == rule; });
  return found == std::end(rule_words) ? nullptr : found;
}

/// Innermost rule of the way down that has words.
const RuleWords* innermost_words(const Mistake& mistake) {
  for (auto rule = mistake.rules.rbegin(); rule != mistake.rules.rend(); ++rule) {
    if (const RuleWords* words = words_for(*rule)) return words;
  }
  return nullptr;
}

std::string literal(size_t type) {
  static const DunlinParser vocabulary_holder(nullptr);
  const std::string quoted = vocabulary_holder.getVocabulary().getLiteralName(type);
  return quoted.size() > 2 ? quoted.substr(1, quoted.size() - 2) : std::string();
}

bool is_word(std::string_view text) { return !text.empty() && text[0] >= 'a' && text[0] <= 'z'; }

bool is_reserved(size_t type) { return type >= DunlinParser::ON && type <= DunlinParser::FALSE; }

/// Words that may stand at the place.
std::vector<std::string> expected_words(const antlr4::misc::IntervalSet& expected) {
  std::vector<std::string> words;
  for (const antlr4::misc::Interval& interval : expected.getIntervals()) {
    for (ssize_t type = interval.a; type <= interval.b; ++type) {
      if (type <= 0) continue;
      if (std::string word = literal(static_cast<size_t>(type)); is_word(word)) words.push_back(std::move(word));
    }
  }
  return words;
}

bool allows(const Mistake& mistake, size_t type) { return mistake.expected.contains(type); }

/// Punctuation and words that hold a construct together, in the order in which they are worth naming.
constexpr std::array<size_t, 19> landmarks = {DunlinParser::LBRACE, DunlinParser::COLON,  DunlinParser::ARROW,    DunlinParser::DBAR,  DunlinParser::THEN,
                                              DunlinParser::ELSE,   DunlinParser::EQ,     DunlinParser::LPAREN,   DunlinParser::WHEN,  DunlinParser::STARTS,
                                              DunlinParser::FOR,    DunlinParser::FROM,   DunlinParser::TIMES,    DunlinParser::MOST,  DunlinParser::STAGE,
                                              DunlinParser::BAR,    DunlinParser::RPAREN, DunlinParser::RBRACKET, DunlinParser::RBRACE};

std::string join_or(const std::vector<std::string>& parts) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) text += (i == 0 ? "" : i + 1 == parts.size() ? " or " : ", ") + parts[i];
  return text;
}

/// "`:`", "a name", "a value" …; empty when there is nothing short to say.
std::string expectation(const Mistake& mistake) {
  const bool value = allows(mistake, DunlinParser::INT) && allows(mistake, DunlinParser::MATCH);
  if (value) return "a value";
  std::vector<std::string> parts;
  if (allows(mistake, DunlinParser::ID)) parts.push_back("a name");
  if (!allows(mistake, DunlinParser::ID) && allows(mistake, DunlinParser::TEXT)) parts.push_back("a text in quotes");
  if (allows(mistake, DunlinParser::TIME)) parts.push_back("a time such as 06:00");
  if (allows(mistake, DunlinParser::DATE)) parts.push_back("a date such as 2026-01-31");
  const bool operators = allows(mistake, DunlinParser::PLUS);
  if (parts.empty()) {
    for (const size_t type : landmarks) {
      if (operators && (type == DunlinParser::LPAREN || type == DunlinParser::EQ)) continue;
      if (allows(mistake, type) && parts.size() < 3) parts.push_back(in_backticks(literal(type)));
    }
  }
  if (parts.empty() && !operators) {
    std::vector<std::string> words = expected_words(mistake.expected);
    if (words.size() <= 5) {
      for (const std::string& word : words) parts.push_back(in_backticks(word));
    }
  }
  if (parts.empty() && allows(mistake, DunlinParser::SEP)) parts.push_back("the end of the line");
  return join_or(parts);
}

/// True if the place is the end of a line: a SEP, or a line end that needed none because `}` or the end of the file follows.
bool ends_line(const Mistake& mistake, const Slice& slice) {
  const size_t type = mistake.found->getType();
  if (type == DunlinParser::SEP) return true;
  if (mistake.before == nullptr || (type != DunlinParser::RBRACE && type != Token::EOF)) return false;
  const Span between = slice.span(span_of(slice, *mistake.before).end, span_of(slice, *mistake.found).begin);
  return slice.sources.text(between).find('\n') != std::string_view::npos;
}

std::string found_words(const Mistake& mistake, const Slice& slice) {
  const Token& found = *mistake.found;
  if (ends_line(mistake, slice)) return "the end of the line";
  if (found.getType() == Token::EOF && slice.goes_on) return "the end of the declaration";
  if (found.getType() == Token::EOF) return slice.end < slice.sources.text(slice.file).size() ? "the end of the braces" : "the end of the file";
  std::string_view text = slice.sources.text(span_of(slice, found));
  constexpr size_t length_max = 40;
  if (text.size() <= length_max) return in_backticks(text);
  size_t cut = length_max;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return in_backticks(std::string(text.substr(0, cut)) + "…");
}

/// Mistakes that the lexer already knows by name.
bool describe_bad_token(const Mistake& mistake, const Slice& slice, Diagnostics& diagnostics) {
  const Span span = span_of(slice, *mistake.found);
  const std::string text(slice.sources.text(span));
  switch (mistake.found->getType()) {
    case DunlinParser::BAD_DATE:
      diagnostics.error("E0111", span, in_backticks(text) + " is not a date").help =
          "a date has four, two and two digits: 2026-01-05; a subtraction has blanks around `-`";
      return true;
    case DunlinParser::BAD_TIME:
      diagnostics.error("E0112", span, in_backticks(text) + " is not a time of day").help = "a time is written 08:00 or 08:00:00";
      return true;
    case DunlinParser::BAD_NUMBER: {
      Diagnostic& d = diagnostics.error("E0113", span, in_backticks(text) + " is not a number");
      const size_t letters = text.find_first_not_of("0123456789_");
      d.help = letters == std::string::npos ? "underscores stand between digits: 50_000" : "put a blank between a number and its unit: 3 days";
      return true;
    }
    case DunlinParser::BAD_TEXT:
      if (slice.sources.text(Span{span.file, span.end, span.end + 1}) == "\"") {
        diagnostics.error("E0121", span, "the `{` in this text is never closed").help = "write `\\{` for a brace that is only a sign";
      } else {
        diagnostics.error("E0109", span, "this text never ends").help = "close it with `\"` on the same line; write `\\\"` for a quote inside a text";
      }
      return true;
    case DunlinParser::BAD_QUOTED_ID:
      diagnostics.error("E0109", span, text == "``" ? "there is no name between these backquotes" : "this backquoted name never ends").help =
          "a backquoted name ends with a backquote on the same line";
      return true;
    case DunlinParser::BAD_OPERATOR: {
      static const std::pair<std::string_view, const char*> ours[] = {{"==", "="},  {"<>", "!="}, {"&&", "and"}, {"=>", ">="}, {"=<", "<="},
                                                                      {"!", "not"}, {":=", "="},  {"≤", "<="},   {"≥", ">="},  {"≠", "!="},
                                                                      {"×", "*"},   {"−", "-"},   {"…", ".."}};
      Diagnostic& d = diagnostics.error("E0115", span, in_backticks(text) + " is not an operator of Dunlin");
      for (const auto& [theirs, own] : ours) {
        if (theirs != text) continue;
        d.help = "write " + in_backticks(own);
        d.fixes.push_back({span, own, d.help});
      }
      if (text == "%") d.help = "a percentage is written without a blank, `12%`; the remainder of a division is `a mod b`";
      return true;
    }
    case DunlinParser::BAD_CHARACTER:
      diagnostics.error("E0114", span, text == std::string(1, '\0') ? "a zero byte means nothing here" : in_backticks(text) + " means nothing here").help =
          text == "'" ? "a text stands in double quotes" : "remove it";
      return true;
    default:
      return false;
  }
}

bool is_comparator(size_t type) {
  return type == DunlinParser::EQ || type == DunlinParser::NE || type == DunlinParser::LT || type == DunlinParser::LE || type == DunlinParser::GT ||
         type == DunlinParser::GE;
}

/// True if a comparison stands to the left in the same expression.
bool compares_before(const Mistake& mistake) {
  constexpr size_t tokens_max = 100;
  int depth = 0;
  const size_t found = mistake.found->getTokenIndex();
  for (size_t i = found; i > 0 && found - i < tokens_max; --i) {
    const size_t type = mistake.tokens->get(i - 1)->getType();
    if (type == DunlinParser::RPAREN || type == DunlinParser::RBRACKET) ++depth;
    if (type == DunlinParser::LPAREN || type == DunlinParser::LBRACKET) --depth;
    if (depth < 0) return false;
    if (depth > 0) continue;
    if (is_comparator(type)) return true;
    if (type == DunlinParser::SEP || type == DunlinParser::COLON || type == DunlinParser::COMMA || type == DunlinParser::LBRACE || type == DunlinParser::BAR ||
        type == DunlinParser::DBAR || (is_reserved(type) && type != DunlinParser::DEFAULT)) {
      return false;
    }
  }
  return false;
}

/// True if the mistake ends a table row in which no `||` has been seen.
bool row_lacks_outputs(const Mistake& mistake) {
  if (std::find(mistake.rules.begin(), mistake.rules.end(), static_cast<size_t>(DunlinParser::RuleRow)) == mistake.rules.end()) return false;
  for (size_t i = mistake.found->getTokenIndex(); i > 0; --i) {
    const size_t type = mistake.tokens->get(i - 1)->getType();
    if (type == DunlinParser::DBAR) return false;
    if (type == DunlinParser::SEP || type == DunlinParser::LBRACE) return true;
  }
  return true;
}

/// Mistakes of form with a code of their own.
bool describe_known_form(const Mistake& mistake, const Slice& slice, Diagnostics& diagnostics) {
  const size_t type = mistake.found->getType();
  const Span span = span_of(slice, *mistake.found);
  const size_t before = mistake.before == nullptr ? 0 : mistake.before->getType();
  if (mistake.too_deep) {
    diagnostics.error("E0103", span, "this expression is nested too deeply").help = "name its parts with `let` or a function";
    return true;
  }
  const bool minus_follows = type == DunlinParser::SEP && mistake.tokens->get(mistake.found->getTokenIndex() + 1)->getType() == DunlinParser::MINUS;
  if (minus_follows || (type == DunlinParser::MINUS && before == DunlinParser::SEP)) {
    const Span minus = minus_follows ? span_of(slice, *mistake.tokens->get(mistake.found->getTokenIndex() + 1)) : span;
    diagnostics.error("E0116", minus, "a line may not begin with `-`").help = "leave the `-` at the end of the line before, or put the expression in brackets";
    return true;
  }
  if (is_comparator(type) && compares_before(mistake)) {
    diagnostics.error("E0118", span, "comparisons cannot be chained").help = "write `a < b and b < c`, or a range: `b in 1..30`";
    return true;
  }
  if (ends_line(mistake, slice) && mistake.rules.back() != DunlinParser::RuleMatchArm && row_lacks_outputs(mistake)) {
    diagnostics.error("E0106", span_of(slice, *mistake.before), "this row has no outputs").help =
        "`||` stands between inputs and outputs: | INPUT | INPUT || OUTPUT |";
    return true;
  }
  if (is_reserved(type) && allows(mistake, DunlinParser::ID) && !allows(mistake, DunlinParser::INT)) {
    const std::string word(slice.sources.text(span));
    Diagnostic& d = diagnostics.error("E0117", span, in_backticks(word) + " is a reserved word and cannot be a name");
    d.help = "choose another name, or write it in backquotes: `" + word + "`";
    d.fixes.push_back({span, "`" + word + "`", "write it in backquotes"});
    return true;
  }
  return false;
}

std::string suggestion(const Mistake& mistake, const Slice& slice) {
  if (mistake.found->getType() != DunlinParser::ID) return {};
  return nearest_word(slice.sources.text(span_of(slice, *mistake.found)), expected_words(mistake.expected));
}

bool begins_action(size_t type) { return type == DunlinParser::GO || type == DunlinParser::SET || type == DunlinParser::RAISE || type == DunlinParser::RECALL; }

bool chooses(const Mistake& mistake) { return mistake.found->getType() == DunlinParser::IF || mistake.found->getType() == DunlinParser::MATCH; }

bool begins_rule(size_t type) {
  switch (type) {
    case DunlinParser::ON:
    case DunlinParser::WHEN:
    case DunlinParser::AFTER:
    case DunlinParser::EVERY:
    case DunlinParser::RULE:
    case DunlinParser::KEEP:
    case DunlinParser::STAGE:
    case DunlinParser::FINAL:
    case DunlinParser::GO:
    case DunlinParser::VAR:
    case DunlinParser::ENROL:
      return true;
    default:
      return false;
  }
}

void describe_unknown_item(const Mistake& mistake, const Slice& slice, Diagnostics& diagnostics) {
  const size_t before = mistake.before == nullptr ? 0 : mistake.before->getType();
  if (before != 0 && before != DunlinParser::SEP && before != DunlinParser::COMMA && before != DunlinParser::LBRACE) {
    // The item before is whole, as far as it goes: something was added to it that does not belong there.
    Diagnostic& d = diagnostics.error("E0106", span_of(slice, *mistake.found), "expected the end of the line, found " + found_words(mistake, slice));
    const std::string near = suggestion(mistake, slice);
    if (!near.empty()) {
      d.help = "did you mean " + in_backticks(near) + "?";
    } else if (begins_action(mistake.found->getType())) {
      d.help = "a comma stands between two actions: mail \"reminder\", go calling";
    } else if (chooses(mistake)) {
      d.help = "what a task is called is chosen behind `by`, in brackets: mail by (if dpd > 30 then \"firm\" else \"friendly\")";
    }
    return;
  }
  const bool top = mistake.rules.size() == 1;
  const RuleWords* words = innermost_words(mistake);
  const std::string found = found_words(mistake, slice);
  const std::string message = top ? found + " does not begin a declaration" : found + " cannot stand " + (words ? words->place : "here");
  Diagnostic& d = diagnostics.error(top ? "E0107" : "E0108", span_of(slice, *mistake.found), message);
  const std::string near = suggestion(mistake, slice);
  if (!near.empty()) {
    d.help = "did you mean " + in_backticks(near) + "?";
    d.fixes.push_back({d.span, near, "write " + in_backticks(near)});
    return;
  }
  if (top && begins_rule(mistake.found->getType())) {
    d.help = "rules and stages stand inside `strategy … { }` or `always { }`; was a block closed too early?";
    return;
  }
  if (begins_action(mistake.found->getType()) && allows(mistake, DunlinParser::ON)) {
    d.help = "an action stands behind the `:` of a rule, and a comma between two actions, also at the end of a line: on EVENT : ACTION, go STAGE";
    return;
  }
  std::vector<std::string> possible = expected_words(mistake.expected);
  if (allows(mistake, DunlinParser::BAR)) possible.push_back("|");
  if (possible.size() > 40 || possible.empty()) return;
  for (std::string& word : possible) word = in_backticks(word);
  d.help = (top ? "a declaration begins with " : "here may stand ") + join_or(possible);
  if (!top && mistake.found->getType() == DunlinParser::ID && allows(mistake, DunlinParser::ON))
    d.help += "; a task stands behind the `:` of a rule, on entry : mail \"reminder\", or is kept: keep mail \"reminder\"";
}

void describe_expectation(const Mistake& mistake, const Slice& slice, Diagnostics& diagnostics) {
  const std::string found = found_words(mistake, slice);
  std::string wanted = expectation(mistake);
  std::string message = wanted.empty() ? found + " does not fit here" : "expected " + wanted + ", found " + found;
  Span span = span_of(slice, *mistake.found);
  if (ends_line(mistake, slice) && mistake.before != nullptr) {
    const Span before = span_of(slice, *mistake.before);  // a line end is best shown right behind the last word
    span = {before.file, before.end, before.end};
  }
  Diagnostic& d = diagnostics.error("E0106", span, message);
  const RuleWords* words = innermost_words(mistake);
  if (words != nullptr) d.label = words->place;
  const std::string near = suggestion(mistake, slice);
  if (!near.empty()) {
    d.help = "did you mean " + in_backticks(near) + "?";
    d.fixes.push_back({d.span, near, "write " + in_backticks(near)});
  } else if (chooses(mistake)) {
    d.help = "a choice between values stands in brackets here: (if dpd > 30 then 5 else 3)";
  } else if (words != nullptr && words->form != nullptr) {
    d.help = std::string("it is written ") + words->form;
  }
}

/// Letters to insert, remove, change or swap with the next one to make `a` of `b`.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) next[j] = std::min(next[j], before[j - 2] + 1);
    }
    before.swap(row);
    row.swap(next);
  }
  return row[b.size()];
}

}  // namespace

bool is_added(const Token& token) {
  return token.getType() != Token::EOF && token.getType() != DunlinParser::SEP && token.getStartIndex() == token.getStopIndex() + 1;
}

Span span_of(const Slice& slice, const Token& token) {
  return slice.span(static_cast<uint32_t>(token.getStartIndex()), static_cast<uint32_t>(token.getStopIndex() + 1));
}

void describe(const Mistake& mistake, const Slice& slice, Diagnostics& diagnostics) {
  if (describe_bad_token(mistake, slice, diagnostics)) return;
  if (describe_known_form(mistake, slice, diagnostics)) return;
  if (mistake.unknown_item) {
    describe_unknown_item(mistake, slice, diagnostics);
  } else {
    describe_expectation(mistake, slice, diagnostics);
  }
}

std::string nearest_word(std::string_view written, const std::vector<std::string>& words) {
  constexpr size_t length_max = 30;
  if (written.size() > length_max || written.size() < 3) return {};
  std::string best;
  size_t best_distance = written.size() <= 4 ? 2 : 3;  // exclusive
  for (const std::string& word : words) {
    const size_t d = distance(written, word);
    if (d < best_distance) {
      best = word;
      best_distance = d;
    }
  }
  return best;
}

}  // namespace dunlin::syntax
