#include "lang/lint/lint.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "lang/lint/walk.h"

namespace dunlin::lint {

namespace {

using service::Edit;
using service::Snapshot;
using service::SymbolKind;

bool is_bool(const ast::Expr& expr, bool value) {
  const auto* literal = std::get_if<ast::BoolLit>(&expr.node);
  return literal != nullptr && literal->value == value;
}
bool is_any_bool(const ast::Expr& expr) { return is_bool(expr, true) || is_bool(expr, false); }

bool is_number(const ast::Expr& expr) {
  return std::holds_alternative<ast::IntLit>(expr.node) || std::holds_alternative<ast::DecimalLit>(expr.node) ||
         std::holds_alternative<ast::PercentLit>(expr.node);
}
bool is_zero(const ast::Expr& expr) {
  const auto* literal = std::get_if<ast::IntLit>(&expr.node);
  return literal != nullptr && literal->digits == "0";
}

std::optional<const char*> opposite(ast::BinaryOp op) {
  switch (op) {
    case ast::BinaryOp::equal:
      return "!=";
    case ast::BinaryOp::not_equal:
      return "=";
    case ast::BinaryOp::less:
      return ">=";
    case ast::BinaryOp::less_equal:
      return ">";
    case ast::BinaryOp::greater:
      return "<=";
    case ast::BinaryOp::greater_equal:
      return "<";
    default:
      return std::nullopt;
  }
}

/// Stands by itself next to any operator.
bool is_simple(const ast::Expr& expr) {
  return std::holds_alternative<ast::NameRef>(expr.node) || std::holds_alternative<ast::Member>(expr.node) ||
         std::holds_alternative<ast::CallExpr>(expr.node) || std::holds_alternative<ast::AggregateExpr>(expr.node);
}

class Linter {
 public:
  explicit Linter(const Snapshot& snapshot) : snapshot_(snapshot) {}

  std::vector<Finding> run() {
    for (const auto& tree : snapshot_.trees) {
      if (snapshot_.is_library(tree->source)) continue;
      each_expression(*tree, [this](const ast::Expr& expr) { expression(expr); });
      unused_variables(*tree);
    }
    capital_names();
    allow();
    std::sort(findings_.begin(), findings_.end(), [](const Finding& a, const Finding& b) {
      return std::tuple(a.diagnostic.span.file, a.diagnostic.span.begin, a.diagnostic.code) <
             std::tuple(b.diagnostic.span.file, b.diagnostic.span.begin, b.diagnostic.code);
    });
    return std::move(findings_);
  }

 private:
  std::string text(Span span) const { return std::string(snapshot_.sources.text(span)); }
  std::string text(const ast::Expr& expr) const { return text(expr.span); }
  /// In brackets where an operator beside it could take a part of it.
  std::string closed(const ast::Expr& expr) const { return is_simple(expr) ? text(expr) : "(" + text(expr) + ")"; }

  void found(const char* code, Span span, std::string message, std::string help, std::vector<Edit> edits) {
    if (!span.known() || edits.empty()) return;
    Finding finding;
    finding.diagnostic.severity = Severity::warning;
    finding.diagnostic.code = code;
    finding.diagnostic.span = span;
    finding.diagnostic.message = std::move(message);
    finding.diagnostic.help = std::move(help);
    if (edits.size() == 1) finding.diagnostic.fixes.push_back({edits[0].span, edits[0].text, "change it"});
    finding.edits = std::move(edits);
    findings_.push_back(std::move(finding));
  }
  void instead(const char* code, const ast::Expr& expr, std::string message, const std::string& better) {
    found(code, expr.span, std::move(message), "write `" + better + "`", {{expr.span, better}});
  }

  void expression(const ast::Expr& expr) {
    if (const auto* binary = std::get_if<ast::Binary>(&expr.node)) {
      against_bool(expr, *binary);
      counted(expr, *binary);
      range(expr, *binary);
      default_first(*binary);
    } else if (const auto* unary = std::get_if<ast::Unary>(&expr.node)) {
      negation(expr, *unary);
    } else if (const auto* choice = std::get_if<ast::IfExpr>(&expr.node)) {
      choice_of_bools(expr, *choice);
    } else if (const auto* let = std::get_if<ast::LetExpr>(&expr.node)) {
      unused_let(*let);
    }
  }

  // L0001: bankrupt = true
  void against_bool(const ast::Expr& expr, const ast::Binary& binary) {
    if (binary.op != ast::BinaryOp::equal && binary.op != ast::BinaryOp::not_equal) return;
    const bool right = is_any_bool(*binary.right);
    if (!right && !is_any_bool(*binary.left)) return;
    const ast::Expr& literal = right ? *binary.right : *binary.left;
    const ast::Expr& value = right ? *binary.left : *binary.right;
    if (!is_simple(value) || is_any_bool(value)) return;
    const bool wanted = is_bool(literal, true) == (binary.op == ast::BinaryOp::equal);
    instead("L0001", expr, "a condition is compared with `" + text(literal) + "`", wanted ? text(value) : "not " + text(value));
  }

  // L0002: not x = y, not x known
  void negation(const ast::Expr& expr, const ast::Unary& unary) {
    if (unary.op != ast::UnaryOp::logical_not) return;
    const ast::Expr& inner = *unary.operand;
    if (const auto* known = std::get_if<ast::KnownTest>(&inner.node)) {
      instead("L0002", expr, "`not` stands before a test that has an opposite", text(*known->value) + (known->known ? " missing" : " known"));
    } else if (const auto* binary = std::get_if<ast::Binary>(&inner.node)) {
      const auto other = opposite(binary->op);
      if (other)
        instead("L0002", expr, "`not` stands before a comparison that has an opposite", text(*binary->left) + " " + *other + " " + text(*binary->right));
    }
  }

  // L0003: if c then true else false
  void choice_of_bools(const ast::Expr& expr, const ast::IfExpr& choice) {
    if (is_bool(*choice.then_value, true) && is_bool(*choice.else_value, false)) {
      instead("L0003", expr, "this choice is its own condition", "(" + text(*choice.condition) + ")");
    } else if (is_bool(*choice.then_value, false) && is_bool(*choice.else_value, true)) {
      instead("L0003", expr, "this choice is the opposite of its condition", "not " + closed(*choice.condition));
    }
  }

  // L0004: x >= 1 and x <= 30
  void range(const ast::Expr& expr, const ast::Binary& both) {
    if (both.op != ast::BinaryOp::logical_and) return;
    const auto* first = std::get_if<ast::Binary>(&both.left->node);
    const auto* second = std::get_if<ast::Binary>(&both.right->node);
    if (first == nullptr || second == nullptr || text(*first->left) != text(*second->left)) return;
    if (second->op == ast::BinaryOp::greater_equal) std::swap(first, second);
    const bool fits = first->op == ast::BinaryOp::greater_equal && (second->op == ast::BinaryOp::less_equal || second->op == ast::BinaryOp::less);
    if (!fits || !is_number(*first->right) || !is_number(*second->right)) return;
    const char* dots = second->op == ast::BinaryOp::less ? "..<" : "..";
    instead("L0004", expr, "two comparisons of `" + text(*first->left) + "` are a range",
            text(*first->left) + " in " + text(*first->right) + dots + text(*second->right));
  }

  // L0005: count(…) > 0
  void counted(const ast::Expr& expr, const ast::Binary& binary) {
    const auto* aggregate = std::get_if<ast::AggregateExpr>(&binary.left->node);
    if (aggregate == nullptr || aggregate->function.text != "count" || aggregate->distinct_days || !is_zero(*binary.right)) return;
    std::string exists = text(*binary.left);
    if (!exists.starts_with("count")) return;
    exists.replace(0, 5, "exists");
    if (binary.op == ast::BinaryOp::greater || binary.op == ast::BinaryOp::not_equal) {
      instead("L0005", expr, "counting stops at nothing: only whether there is one is asked", exists);
    } else if (binary.op == ast::BinaryOp::equal) {
      instead("L0005", expr, "counting stops at nothing: only whether there is one is asked", "not " + exists);
    }
  }

  // L0009: x default a + b
  void default_first(const ast::Binary& binary) {
    const bool computes =
        binary.op == ast::BinaryOp::add || binary.op == ast::BinaryOp::subtract || binary.op == ast::BinaryOp::multiply || binary.op == ast::BinaryOp::divide;
    const auto* left_default = std::get_if<ast::DefaultExpr>(&binary.left->node);
    if (!computes || left_default == nullptr) return;
    if (std::holds_alternative<ast::DefaultExpr>(binary.right->node)) return;  // `x default 0 + y default 0` reads as it is meant
    const Span left = binary.left->span;
    if (left_default->value->span.begin != left.begin) return;  // brackets say it already
    found("L0009", left, "`default` binds tighter than what is computed behind it", "write `(" + text(left) + ")`, or put brackets around the other value",
          {{left, "(" + text(left) + ")"}});
  }

  // ---- what nobody reads ----

  bool is_read(Span declared) const {
    for (const service::NamedUse& use : snapshot_.uses) {
      const bool local =
          use.key.kind == SymbolKind::local && use.key.owner == static_cast<int32_t>(declared.file) && use.key.index == static_cast<int32_t>(declared.begin);
      if (local && use.span != declared) return true;
    }
    return false;
  }

  /// The lines that `span` stands on, with the line end behind them.
  Span whole_lines(Span span) const {
    const std::string_view all = snapshot_.sources.text(span.file);
    uint32_t begin = span.begin, end = span.end;
    while (begin > 0 && (all[begin - 1] == ' ' || all[begin - 1] == '\t')) --begin;
    while (end < all.size() && (all[end] == ' ' || all[end] == '\t')) ++end;
    const bool alone = (begin == 0 || all[begin - 1] == '\n') && (end == all.size() || all[end] == '\n');
    if (!alone) return {};
    return {span.file, begin, std::min<uint32_t>(end + 1, static_cast<uint32_t>(all.size()))};
  }

  /// What to take out so that an item is gone: its lines, or, where others stand beside it, the item and one comma.
  Span without_item(Span item) const {
    const Span lines = whole_lines(item);
    if (lines.known()) return lines;
    const std::string_view all = snapshot_.sources.text(item.file);
    const auto blank = [&](uint32_t at) { return all[at] == ' ' || all[at] == '\t' || all[at] == '\r'; };
    uint32_t begin = item.begin, end = item.end;
    while (end < all.size() && blank(end)) ++end;
    while (begin > 0 && blank(begin - 1)) --begin;
    if (end < all.size() && all[end] == ',') {
      ++end;
      while (end < all.size() && blank(end)) ++end;
      return {item.file, item.begin, end};
    }
    if (begin > 0 && all[begin - 1] == ',') return {item.file, begin - 1, item.end};
    const bool last = end >= all.size() || all[end] == '\n';
    return last ? Span{item.file, begin, end} : Span{item.file, item.begin, end};
  }

  // L0006: let x = … that nobody reads
  void unused_let(const ast::LetExpr& let) {
    if (is_read(let.name.span)) return;
    const std::string_view all = snapshot_.sources.text(let.name.span.file);
    const size_t keyword = all.rfind("let", let.name.span.begin - 1);
    if (keyword == std::string_view::npos) return;
    const Span item = without_item({let.name.span.file, static_cast<uint32_t>(keyword), let.value->span.end});
    found("L0006", let.name.span, "nobody reads `" + let.name.text + "`", "take it out", {{item, ""}});
  }

  // L0006: var x that is neither read nor set
  void unused_variables(const ast::File& file) {
    for (const ast::Decl& declaration : file.declarations) {
      const auto* strategy = std::get_if<ast::StrategyDecl>(&declaration.node);
      if (strategy == nullptr) continue;
      for (const ast::FieldDecl& variable : strategy->variables) {
        if (service::references(snapshot_, file.source, variable.name.span.begin, false).empty()) {
          const std::string_view all = snapshot_.sources.text(file.source);
          uint32_t begin = variable.span.begin;
          const size_t keyword = all.rfind("var", variable.name.span.begin - 1);
          if (keyword != std::string_view::npos) begin = std::min(begin, static_cast<uint32_t>(keyword));
          const Span item = without_item({file.source, begin, variable.span.end});
          found("L0006", variable.name.span, "nobody reads `" + variable.name.text + "`", "take it out", {{item, ""}});
        }
      }
    }
  }

  // L0007: names in mixed case
  void capital_names() {
    std::set<uint64_t> seen;
    for (const service::Declared& declared : snapshot_.declared) {
      const Span span = declared.name_span;
      if (declared.key.index < 0 || snapshot_.is_library(span.file) || !seen.insert(uint64_t{span.file} << 32 | span.begin).second) continue;
      const std::string better = snake(declared.name);
      if (better == declared.name) continue;
      const auto edits = service::rename(snapshot_, span.file, span.begin, better);
      if (edits) found("L0007", span, "`" + declared.name + "` mixes capital and small letters", "call it `" + better + "`", *edits);
    }
  }

  /// dpdBucket -> dpd_bucket; a name in capitals only is left as it is.
  static std::string snake(const std::string& name) {
    bool small = false, capital = false;
    for (const char c : name) {
      small = small || (c >= 'a' && c <= 'z');
      capital = capital || (c >= 'A' && c <= 'Z');
    }
    if (!small || !capital) return name;
    std::string made;
    for (size_t i = 0; i < name.size(); ++i) {
      const char c = name[i];
      const bool is_capital = c >= 'A' && c <= 'Z';
      if (is_capital && i > 0 && made.back() != '_' && !(name[i - 1] >= 'A' && name[i - 1] <= 'Z')) made += '_';
      made += is_capital ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return made;
  }

  // ---- what is allowed ----

  struct Allowance {
    Span span;
    std::string code, reason;
    uint32_t line;  // of the comment
    bool alone;     // nothing else stands on its line
    bool used = false;
  };

  void allow() {
    std::vector<Allowance> allowances;
    for (const auto& tree : snapshot_.trees) {
      if (!snapshot_.is_library(tree->source)) read_allowances(tree->source, allowances);
    }
    for (Finding& finding : findings_) {
      const uint32_t line = snapshot_.sources.position(finding.diagnostic.span.file, finding.diagnostic.span.begin).line;
      for (Allowance& allowance : allowances) {
        const bool here = allowance.span.file == finding.diagnostic.span.file && (allowance.line == line || (allowance.alone && allowance.line + 1 == line));
        if (!here || allowance.code != finding.diagnostic.code || allowance.reason.empty()) continue;
        finding.allowed = allowance.used = true;
        finding.reason = allowance.reason;
      }
    }
    // L0008: an allowance without a reason, or of nothing
    for (const Allowance& allowance : allowances) {
      if (allowance.used) continue;
      const Span line = whole_lines(allowance.span);
      found("L0008", allowance.span,
            allowance.reason.empty() ? "this allows without a reason" : "there is nothing here that " + allowance.code + " could be about",
            allowance.reason.empty() ? "write `because …` and why" : "take the comment out", {{line.known() ? line : allowance.span, ""}});
    }
  }

  void read_allowances(uint32_t file, std::vector<Allowance>& allowances) {
    const std::string_view all = snapshot_.sources.text(file);
    for (const Word& word : read_words(snapshot_.sources, file)) {
      if (word.kind != WordKind::comment) continue;
      std::string_view comment = all.substr(word.begin, word.end - word.begin);
      while (!comment.empty() && (comment.front() == '/' || comment.front() == ' ')) comment.remove_prefix(1);
      constexpr std::string_view opening = "dunlin: allow ";
      if (!comment.starts_with(opening)) continue;
      comment.remove_prefix(opening.size());
      Allowance made;
      made.span = {file, word.begin, word.end};
      made.code = comment.substr(0, comment.find(' '));
      const size_t because = comment.find("because ");
      if (because != std::string_view::npos) made.reason = comment.substr(because + 8);
      made.line = snapshot_.sources.position(file, word.begin).line;
      const std::string_view line = snapshot_.sources.line(file, word.begin);
      made.alone = line.substr(0, line.find("//")).find_first_not_of(" \t") == std::string_view::npos;
      allowances.push_back(std::move(made));
    }
  }

  const Snapshot& snapshot_;
  std::vector<Finding> findings_;
};

}  // namespace

const std::vector<Rule>& rules() {
  static const std::vector<Rule> list = {{"L0001", "a condition is compared with true or false"},
                                         {"L0002", "`not` before a test that has an opposite"},
                                         {"L0003", "a choice between true and false"},
                                         {"L0004", "two comparisons that are a range"},
                                         {"L0005", "counting where only existence is asked"},
                                         {"L0006", "a name that nobody reads"},
                                         {"L0007", "a name in mixed case"},
                                         {"L0008", "an allowance without a reason, or of nothing"},
                                         {"L0009", "`default` before a computation"}};
  return list;
}

std::vector<Finding> lint(const Snapshot& snapshot) { return Linter(snapshot).run(); }

std::string mended(const Snapshot& snapshot, uint32_t file, const std::vector<Finding>& findings) {
  // A renaming is all or nothing over all files: one at a time, and only when nothing else is left that could overlap it.
  const bool small_left = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) { return !finding.allowed && finding.edits.size() == 1; });
  std::vector<Edit> edits;
  for (const Finding& finding : findings) {
    const bool renames = finding.edits.size() > 1;
    if (finding.allowed || renames == small_left) continue;
    for (const Edit& edit : finding.edits) {
      if (edit.span.file == file) edits.push_back(edit);
    }
    if (renames) break;
  }
  std::sort(edits.begin(), edits.end(),
            [](const Edit& a, const Edit& b) { return std::tuple(a.span.begin, b.span.end) < std::tuple(b.span.begin, a.span.end); });
  std::string text(snapshot.sources.text(file));
  std::vector<Edit> kept;
  for (Edit& edit : edits) {
    if (kept.empty() || kept.back().span.end <= edit.span.begin) kept.push_back(std::move(edit));
  }
  for (auto edit = kept.rbegin(); edit != kept.rend(); ++edit) text.replace(edit->span.begin, edit->span.end - edit->span.begin, edit->text);
  return text;
}

}  // namespace dunlin::lint
