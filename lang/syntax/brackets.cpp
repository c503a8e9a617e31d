// Brackets are matched before anything is parsed: one that is missing is reported where it was opened, and the rest of the
// file is still read as it was meant.
#include <algorithm>
#include <optional>

#include "DunlinLexer.h"
#include "lang/syntax/tokens.h"

namespace dunlin::syntax {

namespace {

using grammar::DunlinLexer;

bool opens(size_t type) { return type == DunlinLexer::LBRACE || type == DunlinLexer::LPAREN || type == DunlinLexer::LBRACKET; }
bool closes(size_t type) { return type == DunlinLexer::RBRACE || type == DunlinLexer::RPAREN || type == DunlinLexer::RBRACKET; }

size_t closer_of(size_t opener) {
  switch (opener) {
    case DunlinLexer::LBRACE:
      return DunlinLexer::RBRACE;
    case DunlinLexer::LPAREN:
      return DunlinLexer::RPAREN;
    default:
      return DunlinLexer::RBRACKET;
  }
}

/// Words that begin a declaration and, at the start of a line, hardly anything else.
bool begins_declaration(size_t type) {
  switch (type) {
    case DunlinLexer::BUNDLE:
    case DunlinLexer::USE:
    case DunlinLexer::MODULE:
    case DunlinLexer::ENTITY:
    case DunlinLexer::EXTEND:
    case DunlinLexer::EVENT:
    case DunlinLexer::SEGMENTATION:
    case DunlinLexer::TABLE:
    case DunlinLexer::FUNCTION:
    case DunlinLexer::NATIVE:
    case DunlinLexer::OUTCOMES:
    case DunlinLexer::QUEUE:
    case DunlinLexer::STRATEGY:
    case DunlinLexer::ALWAYS:
    case DunlinLexer::TEST:
    case DunlinLexer::PARAMETER:
      return true;
    default:
      return false;
  }
}

class BracketMender {
 public:
  BracketMender(std::vector<RawToken>& tokens, const Slice& slice, Diagnostics& diagnostics, const ParseLimits& limits)
      : tokens_(tokens), slice_(slice), diagnostics_(diagnostics), limits_(limits) {}

  bool run() {
    const std::optional<bool> matched = all_match();
    if (!matched) return false;
    if (!*matched) mend();
    return true;
  }

 private:
  struct Open {
    size_t type;
    size_t index;                                    // in tokens_
    std::optional<bool> has_partner = std::nullopt;  // looked for once, at the first line end behind it
  };

  /// Nothing if the nesting is too deep.
  std::optional<bool> all_match() {
    std::vector<size_t> open;
    bool good = true;
    for (const RawToken& token : tokens_) {
      if (opens(token.type)) {
        open.push_back(token.type);
        if (open.size() > limits_.nesting_max) {
          Diagnostic& d = diagnostics_.error("E0103", slice_.span(token.begin, token.end), "brackets are nested too deeply here");
          d.help = "at most " + std::to_string(limits_.nesting_max) + " brackets may be open at once; name parts with `let` or a function";
          return std::nullopt;
        }
      } else if (closes(token.type)) {
        if (!open.empty() && closer_of(open.back()) == token.type) {
          open.pop_back();
        } else {
          good = false;
          if (!open.empty()) open.pop_back();
        }
      }
    }
    return good && open.empty();
  }

  void mend() {
    for (size_t i = 0; i < tokens_.size(); ++i) {
      const RawToken token = tokens_[i];
      if (starts_line(i) && begins_declaration(token.type)) close_all_at(token.begin);
      if (token.type == DunlinLexer::NEWLINE) {
        close_round(token.begin);
        out_.push_back(token);
      } else if (opens(token.type)) {
        const bool opens_block = token.type == DunlinLexer::LBRACE && i + 1 < tokens_.size() && tokens_[i + 1].type == DunlinLexer::NEWLINE;
        if (opens_block) close_round(token.begin);
        open_.push_back({token.type, i});
        out_.push_back(token);
      } else if (closes(token.type)) {
        close(i);
      } else {
        out_.push_back(token);
      }
    }
    close_all_at(slice_.end);
    tokens_ = std::move(out_);
  }

  /// True for a token in the first column.
  bool starts_line(size_t index) const {
    const uint32_t at = tokens_[index].begin;
    return at == slice_.begin || (index > 0 && tokens_[index - 1].type == DunlinLexer::NEWLINE && tokens_[index - 1].end == at);
  }

  /// A round or square bracket that has no partner at all is taken to end with its line.
  void close_round(uint32_t at) {
    while (!open_.empty() && open_.back().type != DunlinLexer::LBRACE) {
      Open& innermost = open_.back();
      if (!innermost.has_partner) innermost.has_partner = has_partner(innermost.index);
      if (*innermost.has_partner) return;
      never_closed(innermost);
      close_top(at);
    }
  }

  /// Whether the bracket opened at `index` closes before a curly bracket closes around it.
  bool has_partner(size_t index) const {
    std::vector<size_t> inner;
    for (size_t i = index; i < tokens_.size(); ++i) {
      const size_t type = tokens_[i].type;
      if (opens(type)) inner.push_back(type);
      if (i > index && starts_line(i) && begins_declaration(type)) return false;
      if (!closes(type)) continue;
      if (closer_of(inner.back()) != type) return false;
      inner.pop_back();
      if (inner.empty()) return true;
    }
    return false;
  }

  void close(size_t index) {
    const RawToken token = tokens_[index];
    const bool curly = token.type == DunlinLexer::RBRACE;
    const auto partner = std::find_if(open_.rbegin(), open_.rend(),
                                      [&](const Open& open) { return closer_of(open.type) == token.type || (!curly && open.type == DunlinLexer::LBRACE); });
    if (partner == open_.rend() || closer_of(partner->type) != token.type) {
      Diagnostic& d = diagnostics_.error("E0105", span_of(token), "this " + quoted(token) + " closes nothing");
      d.help = "remove it, or add the bracket that it should close";
      return;
    }
    while (closer_of(open_.back().type) != token.type) {
      never_closed(open_.back());
      close_top(token.begin);
    }
    if (curly) remember_indentation(index);
    open_.pop_back();
    out_.push_back(token);
  }

  /// A `}` that stands further left than the line that opened its block probably closes an outer one.
  void remember_indentation(size_t index) {
    if (suspect_ || (index > 0 && tokens_[index - 1].type != DunlinLexer::NEWLINE)) return;
    if (indentation(tokens_[open_.back().index].begin) > indentation(tokens_[index].begin)) suspect_ = open_.back();
  }

  size_t indentation(uint32_t at) const {
    const std::string_view line = slice_.sources.line(slice_.file, at);
    return std::min(line.find_first_not_of(" \t"), line.size());
  }

  void close_all_at(uint32_t at) {
    if (open_.empty()) return;
    never_closed(suspect_.value_or(open_.back()));
    suspect_.reset();
    while (!open_.empty()) close_top(at);
  }

  void close_top(uint32_t at) {
    out_.push_back({closer_of(open_.back().type), at, at});
    open_.pop_back();
  }

  void never_closed(const Open& open) {
    const RawToken& token = tokens_[open.index];
    Diagnostic& d = diagnostics_.error("E0104", span_of(token), "this " + quoted(token) + " is never closed");
    const char* closer = open.type == DunlinLexer::LBRACE ? "`}`" : open.type == DunlinLexer::LPAREN ? "`)`" : "`]`";
    d.help = std::string("add the ") + closer + " that belongs to it";
  }

  Span span_of(const RawToken& token) const { return slice_.span(token.begin, token.end); }
  std::string quoted(const RawToken& token) const { return "`" + std::string(slice_.sources.text(span_of(token))) + "`"; }

  std::vector<RawToken>& tokens_;
  const Slice& slice_;
  Diagnostics& diagnostics_;
  const ParseLimits& limits_;
  std::vector<Open> open_;
  std::vector<RawToken> out_;
  std::optional<Open> suspect_;
};

}  // namespace

namespace {

char letter_of(size_t type) {
  switch (type) {
    case DunlinLexer::LBRACE:
      return '{';
    case DunlinLexer::RBRACE:
      return '}';
    case DunlinLexer::LPAREN:
      return '(';
    case DunlinLexer::RPAREN:
      return ')';
    case DunlinLexer::LBRACKET:
      return '[';
    case DunlinLexer::RBRACKET:
      return ']';
    default:
      return 0;
  }
}

void add_bracket(std::string& unmatched, char bracket) {
  const char opener = bracket == '}' ? '{' : bracket == ')' ? '(' : bracket == ']' ? '[' : 0;
  if (opener != 0 && !unmatched.empty() && unmatched.back() == opener) {
    unmatched.pop_back();
  } else {
    unmatched += bracket;
  }
}

}  // namespace

std::string unmatched_brackets(const std::vector<RawToken>& tokens) {
  std::string unmatched;
  for (const RawToken& token : tokens) {
    if (const char bracket = letter_of(token.type)) add_bracket(unmatched, bracket);
  }
  return unmatched;
}

bool brackets_match(const std::vector<std::string_view>& unmatched) {
  std::string left;
  for (const std::string_view part : unmatched) {
    for (const char bracket : part) add_bracket(left, bracket);
  }
  return left.empty();
}

bool mend_brackets(std::vector<RawToken>& tokens, const Slice& slice, Diagnostics& diagnostics, const ParseLimits& limits) {
  return BracketMender(tokens, slice, diagnostics, limits).run();
}

}  // namespace dunlin::syntax
