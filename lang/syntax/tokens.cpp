#include "lang/syntax/tokens.h"

#include <array>

#include "DunlinLexer.h"
#include "lang/syntax/caches.h"

namespace dunlin::syntax {

namespace {

using antlr4::CommonToken;
using grammar::DunlinLexer;

constexpr size_t types_max = DunlinLexer::SEP + 1;
using TypeSet = std::array<bool, types_max>;

constexpr TypeSet set_of(std::initializer_list<size_t> types) {
  TypeSet set{};
  for (const size_t type : types) set[type] = true;
  return set;
}

bool has(const TypeSet& set, size_t type) { return type < types_max && set[type]; }

/// After one of these an item cannot be over.
constexpr TypeSet goes_on_after = set_of({
    DunlinLexer::EQ,      DunlinLexer::NE,    DunlinLexer::LE,    DunlinLexer::GE,    DunlinLexer::LT,     DunlinLexer::GT,    DunlinLexer::PLUS,
    DunlinLexer::MINUS,   DunlinLexer::STAR,  DunlinLexer::SLASH, DunlinLexer::AND,   DunlinLexer::OR,     DunlinLexer::NOT,   DunlinLexer::IN,
    DunlinLexer::DEFAULT, DunlinLexer::COLON, DunlinLexer::COMMA, DunlinLexer::ARROW, DunlinLexer::LBRACE, DunlinLexer::RANGE, DunlinLexer::RANGE_BELOW,
    DunlinLexer::IF,      DunlinLexer::THEN,  DunlinLexer::ELSE,  DunlinLexer::WHERE, DunlinLexer::WHILE,  DunlinLexer::WHEN,  DunlinLexer::WITHIN,
    DunlinLexer::SINCE,   DunlinLexer::DBAR,  DunlinLexer::SEP,
});

/// An item cannot begin with one of these, so the line before goes on. `-` is not among them: a line may not begin with it.
constexpr TypeSet goes_on_before = set_of({
    DunlinLexer::EQ,      DunlinLexer::NE,    DunlinLexer::LE,    DunlinLexer::GE,     DunlinLexer::LT,     DunlinLexer::GT,
    DunlinLexer::PLUS,    DunlinLexer::STAR,  DunlinLexer::SLASH, DunlinLexer::AND,    DunlinLexer::OR,     DunlinLexer::IN,
    DunlinLexer::DEFAULT, DunlinLexer::COLON, DunlinLexer::COMMA, DunlinLexer::ARROW,  DunlinLexer::RANGE,  DunlinLexer::RANGE_BELOW,
    DunlinLexer::DOT,     DunlinLexer::THEN,  DunlinLexer::ELSE,  DunlinLexer::WHERE,  DunlinLexer::WHILE,  DunlinLexer::WITHIN,
    DunlinLexer::SINCE,   DunlinLexer::KNOWN, DunlinLexer::DBAR,  DunlinLexer::LBRACE, DunlinLexer::RBRACE,
});

/// Byte offset of every code point of the slice; empty when all of it is ASCII.
std::vector<uint32_t> byte_offsets(std::string_view text) {
  bool ascii = true;
  for (const char c : text) ascii = ascii && static_cast<unsigned char>(c) < 0x80;
  std::vector<uint32_t> offsets;
  if (ascii) return offsets;
  for (uint32_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) offsets.push_back(i);
  }
  offsets.push_back(static_cast<uint32_t>(text.size()));
  return offsets;
}

class LexerRun {
 public:
  LexerRun(const Slice& slice, Diagnostics& diagnostics, const ParseLimits& limits) : slice_(slice), diagnostics_(diagnostics), limits_(limits) {}

  std::vector<RawToken> all() {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    std::string_view text = slice_.text();
    uint32_t base = slice_.begin;
    if (text.starts_with(byte_order_mark)) {  // the stream would drop it, and every place would be off
      text.remove_prefix(byte_order_mark.size());
      base += static_cast<uint32_t>(byte_order_mark.size());
    }
    antlr4::ANTLRInputStream input{std::string(text)};
    DunlinLexer lexer(&input);
    lexer.removeErrorListeners();
    thread_local PredictionCache cache;
    cache.prepare(lexer.getATN());
    lexer.setInterpreter(new antlr4::atn::LexerATNSimulator(&lexer, lexer.getATN(), cache.tables, cache.contexts));

    const std::vector<uint32_t> offsets = byte_offsets(text);
    const auto byte = [&](size_t index) {
      if (offsets.empty()) return static_cast<uint32_t>(std::min(index, text.size()));
      return offsets[std::min(index, offsets.size() - 1)];
    };
    std::vector<RawToken> tokens;
    for (;;) {
      const auto token = lexer.nextToken();
      if (token->getType() == antlr4::Token::EOF) break;
      add(tokens, {token->getType(), base + byte(token->getStartIndex()), base + byte(token->getStopIndex() + 1)});
      // A text that is spoiled by an open `{` still ends at its quote.
      if (token->getType() == DunlinLexer::BAD_TEXT && closed_behind(tokens.back())) input.seek(token->getStopIndex() + 2);
    }
    return tokens;
  }

 private:
  void add(std::vector<RawToken>& tokens, RawToken token) {
    if (swallow_line_) {
      if (token.type != DunlinLexer::NEWLINE) return;
      swallow_line_ = false;
    }
    switch (token.type) {
      case DunlinLexer::ID:
        check_identifier(slice_.sources.text(slice_.span(token.begin, token.end)), slice_.span(token.begin, token.end), diagnostics_);
        break;
      case DunlinLexer::BAD_CHARACTER:
        if (slice_.sources.text(slice_.span(token.begin, token.end)) == ";") return semicolon(tokens, token);
        break;
      case DunlinLexer::BAD_TEXT:
        tokens.push_back(token);
        return unfinished_text(tokens, token);
      default:
        break;
    }
    tokens.push_back(token);
  }

  /// `;` ends an item in many languages: read it so, but say that it does not belong here.
  void semicolon(std::vector<RawToken>& tokens, RawToken token) {
    if (++semicolons_ <= limits_.errors_max) {
      Diagnostic& d = diagnostics_.error("E0114", slice_.span(token.begin, token.end), "`;` means nothing here");
      d.help = "an item ends at the end of the line or at a comma";
      d.fixes.push_back({d.span, "", "remove the `;`"});
    }
    tokens.push_back({DunlinLexer::NEWLINE, token.begin, token.end});
  }

  bool closed_behind(const RawToken& token) const { return slice_.sources.text(slice_.span(token.end, std::min(token.end + 1, slice_.end))) == "\""; }

  /// Nothing after the opening quote can be trusted, but a block that opens at the end of the line usually does open there.
  void unfinished_text(std::vector<RawToken>& tokens, RawToken token) {
    if (closed_behind(token)) return;
    swallow_line_ = true;
    const std::string_view text = slice_.text();
    size_t end = token.end - slice_.begin;
    while (end < text.size() && text[end] != '\n' && text[end] != '\r') ++end;
    while (end > token.begin - slice_.begin && (text[end - 1] == ' ' || text[end - 1] == '\t')) --end;
    if (text[end - 1] == '{') tokens.push_back({DunlinLexer::LBRACE, slice_.begin + static_cast<uint32_t>(end - 1), slice_.begin + static_cast<uint32_t>(end)});
  }

  const Slice& slice_;
  Diagnostics& diagnostics_;
  const ParseLimits& limits_;
  size_t semicolons_ = 0;
  bool swallow_line_ = false;
};

/// Decides which line ends count and moves documentation aside.
class Layout {
 public:
  Layout(const Slice& slice, const std::vector<RawToken>& raw) : slice_(slice), raw_(raw) {}

  TokenList list() {
    TokenList result;
    result.tokens.reserve(raw_.size() + 1);
    for (size_t i = 0; i < raw_.size(); ++i) {
      const RawToken& token = raw_[i];
      if (token.type == DunlinLexer::DOC) {
        add_doc(token);
      } else if (token.type == DunlinLexer::NEWLINE) {
        if (ends_item(i)) put(result, DunlinLexer::SEP, token.begin, token.end);
      } else {
        if (!doc_.empty()) result.docs.emplace(result.tokens.size(), std::move(doc_));
        doc_.clear();
        track(token.type);
        put(result, token.type, token.begin, token.end);
      }
    }
    put(result, antlr4::Token::EOF, slice_.end, slice_.end);
    return result;
  }

 private:
  void add_doc(const RawToken& token) {
    std::string_view line = slice_.sources.text(slice_.span(token.begin, token.end)).substr(3);
    if (line.starts_with(' ')) line.remove_prefix(1);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    if (!doc_.empty()) doc_ += '\n';
    doc_ += line;
  }

  void track(size_t type) {
    if (type == DunlinLexer::LBRACE || type == DunlinLexer::LPAREN || type == DunlinLexer::LBRACKET) open_.push_back(type);
    if ((type == DunlinLexer::RBRACE || type == DunlinLexer::RPAREN || type == DunlinLexer::RBRACKET) && !open_.empty()) open_.pop_back();
  }

  bool ends_item(size_t at) const {
    if (!open_.empty() && open_.back() != DunlinLexer::LBRACE) return false;
    if (previous_ == 0 || has(goes_on_after, previous_)) return false;
    size_t next = at + 1;
    while (next < raw_.size() && (raw_[next].type == DunlinLexer::NEWLINE || raw_[next].type == DunlinLexer::DOC)) ++next;
    if (next == raw_.size()) return slice_.goes_on;
    if (raw_[next].type == DunlinLexer::FOR) {
      // `keep … to g` may go on with `for g in …` on the next line; a field may also be called `for`, and `for any` begins a property.
      const size_t behind = next + 1 < raw_.size() ? raw_[next + 1].type : 0;
      return behind == DunlinLexer::COLON || behind == DunlinLexer::EQ || behind == DunlinLexer::ANY;
    }
    // The rule of a timer is not over before its colon: `at due - 1 day else skip` may go on with `when …` on the next line.
    if (raw_[next].type == DunlinLexer::WHEN && in_timer_) return false;
    return !has(goes_on_before, raw_[next].type);
  }

  void put(TokenList& list, size_t type, uint32_t begin, uint32_t end) {
    auto token = std::make_unique<CommonToken>(std::pair<antlr4::TokenSource*, antlr4::CharStream*>(nullptr, nullptr), type, antlr4::Token::DEFAULT_CHANNEL,
                                               begin, static_cast<size_t>(end) - 1);
    list.tokens.push_back(std::move(token));
    if (type == DunlinLexer::SEP || type == DunlinLexer::COMMA || type == DunlinLexer::LBRACE || type == DunlinLexer::RBRACE || type == DunlinLexer::COLON) {
      in_timer_ = false;
      begins_ = type != DunlinLexer::COLON;
    } else {
      if (begins_) in_timer_ = type == DunlinLexer::AT || type == DunlinLexer::AFTER || type == DunlinLexer::EVERY;
      begins_ = false;
    }
    previous_ = type;
  }

  const Slice& slice_;
  const std::vector<RawToken>& raw_;
  std::vector<size_t> open_;
  size_t previous_ = 0;
  bool begins_ = true;     // nothing of the item has been read
  bool in_timer_ = false;  // `at`, `after` or `every` and what follows, before the colon
  std::string doc_;
};

}  // namespace

std::vector<RawToken> read_raw_tokens(const Slice& slice, Diagnostics& diagnostics, const ParseLimits& limits) {
  return LexerRun(slice, diagnostics, limits).all();
}

std::vector<uint32_t> item_ends(const Slice& slice, std::vector<RawToken> raw) {
  std::vector<uint32_t> places;
  Diagnostics unheard;
  if (!mend_brackets(raw, slice, unheard, ParseLimits{})) return places;
  const TokenList list = Layout(slice, raw).list();
  for (const auto& token : list.tokens) {
    if (token->getType() == DunlinLexer::SEP) places.push_back(static_cast<uint32_t>(token->getStartIndex()));
  }
  return places;
}

bool item_goes_on_after(size_t type) { return has(goes_on_after, type); }

TokenList read_tokens(const Slice& slice, std::vector<RawToken> raw, Diagnostics& diagnostics, const ParseLimits& limits) {
  if (!mend_brackets(raw, slice, diagnostics, limits)) {
    raw.clear();
    TokenList unusable = Layout(slice, raw).list();
    unusable.usable = false;
    return unusable;
  }
  return Layout(slice, raw).list();
}

TokenList read_tokens(const Slice& slice, Diagnostics& diagnostics, const ParseLimits& limits) {
  return read_tokens(slice, read_raw_tokens(slice, diagnostics, limits), diagnostics, limits);
}

}  // namespace dunlin::syntax
