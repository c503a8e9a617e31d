#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "lang/tables/feel.h"

namespace dunlin::tables::feel {

namespace {

constexpr size_t text_max = 100'000;
constexpr int depth_max = 120;

/// Thrown inside the parser only.
struct Refusal {
  std::string reason;
};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80; }
bool continues_name(char c) { return begins_name(c) || is_digit(c); }

constexpr std::array function_names = {
    "date and time",    "years and months duration", "starts with", "ends with",   "string length",   "upper case",    "lower case", "list contains",
    "substring before", "substring after",           "day of week", "day of year", "month of year",   "week of year",  "round up",   "round down",
    "round half up",    "round half down",           "get value",   "get entries", "distinct values", "insert before", "index of",   "string join"};
constexpr std::array keywords = {"if",     "then", "else",  "and",       "or",       "between", "in",    "instance", "for",
                                 "return", "some", "every", "satisfies", "function", "true",    "false", "null"};
constexpr std::array two_word_properties = {"time offset"};

class Parser {
 public:
  Parser(std::string_view text, const Names& names) : text_(text), names_(names) {
    if (text.size() > text_max) throw Refusal{"the expression is longer than 100,000 characters"};
    by_length(known_, names.known);
    by_length(properties_, names.properties);
  }

  NodePtr whole_expression() {
    NodePtr made = expression();
    require_end();
    return made;
  }

  std::vector<NodePtr> whole_tests() {
    std::vector<NodePtr> tests;
    blank();
    if (text_.substr(at_) == "-" || (peek() == '-' && trimmed_rest() == "-")) {
      tests.push_back(node(NodeKind::dash));
      return tests;
    }
    if (begins_negation()) {
      NodePtr made = node(NodeKind::negated);
      expect('(');
      made->items = test_list();
      expect(')');
      require_end();
      tests.push_back(std::move(made));
      return tests;
    }
    tests = test_list();
    require_end();
    return tests;
  }

 private:
  static void by_length(std::vector<std::string>& sorted, std::vector<std::string> names) {
    sorted = std::move(names);
    std::sort(sorted.begin(), sorted.end(), [](const std::string& a, const std::string& b) { return a.size() != b.size() ? a.size() > b.size() : a < b; });
  }

  static NodePtr node(NodeKind kind, std::string text = {}) {
    auto made = std::make_unique<Node>();
    made->kind = kind;
    made->text = std::move(text);
    return made;
  }
  static NodePtr binary(Op op, NodePtr left, NodePtr right) {
    NodePtr made = node(NodeKind::binary);
    made->op = op;
    made->items.push_back(std::move(left));
    made->items.push_back(std::move(right));
    return made;
  }

  // ---- characters ----

  void blank() {
    while (at_ < text_.size()) {
      if (is_blank(text_[at_])) {
        ++at_;
      } else if (text_.substr(at_, 2) == "\xC2\xA0") {
        at_ += 2;
      } else if (text_.substr(at_, 2) == "//") {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (text_.substr(at_, 2) == "/*") {
        const size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) throw Refusal{"a comment is never closed"};
        at_ = end + 2;
      } else {
        return;
      }
    }
  }
  char peek() {
    blank();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(std::string_view sign) {
    blank();
    if (!text_.substr(at_).starts_with(sign)) return false;
    at_ += sign.size();
    return true;
  }
  void expect(char c) {
    if (!take({&c, 1})) throw Refusal{std::string("a `") + c + "` is missing " + here()};
  }
  std::string here() {
    blank();
    if (at_ >= text_.size()) return "at the end of `" + shown(text_) + "`";
    return "before `" + shown(text_.substr(at_)) + "`";
  }
  static std::string shown(std::string_view text) {
    if (text.size() <= 40) return std::string(text);
    size_t end = 40;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return std::string(text.substr(0, end)) + "…";
  }
  void require_end() {
    blank();
    if (at_ < text_.size()) throw Refusal{"this is not understood: `" + shown(text_.substr(at_)) + "`"};
  }
  std::string_view trimmed_rest() {
    std::string_view rest = text_.substr(at_);
    while (!rest.empty() && is_blank(rest.back())) rest.remove_suffix(1);
    return rest;
  }

  // ---- names ----

  /// Length of the text that `name` covers here, blanks of any number between its words; 0 if it does not stand here.
  size_t covers(const std::string& name) const {
    size_t at = at_;
    for (size_t i = 0; i < name.size(); ++i) {
      if (name[i] == ' ') {
        if (at >= text_.size() || !is_blank(text_[at])) return 0;
        while (at < text_.size() && is_blank(text_[at])) ++at;
      } else {
        if (at >= text_.size() || text_[at] != name[i]) return 0;
        ++at;
      }
    }
    if (at < text_.size() && continues_name(text_[at]) && continues_name(name.back())) return 0;
    return at - at_;
  }
  size_t longest(const std::vector<std::string>& names, std::string& found) const {
    for (const std::string& name : names) {
      if (name.empty()) continue;
      if (const size_t length = covers(name); length > 0) {
        found = name;
        return length;
      }
    }
    return 0;
  }
  size_t word_length() const {
    size_t end = at_;
    if (end < text_.size() && begins_name(text_[end])) {
      while (end < text_.size() && continues_name(text_[end])) ++end;
    }
    return end - at_;
  }
  bool word_is(std::string_view word) {
    blank();
    if (text_.substr(at_, word_length()) != word) return false;
    std::string longer;
    return longest(known_, longer) <= word.size();
  }
  bool take_word(std::string_view word) {
    if (!word_is(word)) return false;
    at_ += word.size();
    return true;
  }
  void expect_word(std::string_view word) {
    if (!take_word(word)) throw Refusal{"`" + std::string(word) + "` is missing " + here()};
  }
  bool is_keyword(std::string_view word) const { return std::find(keywords.begin(), keywords.end(), word) != keywords.end(); }

  /// A name in sight, a function of FEEL, or a single word.
  std::string name() {
    blank();
    std::string found;
    const size_t known = longest(known_, found);
    size_t best = known;
    for (const char* function : function_names) {
      const size_t length = covers(function);
      if (length > best) {
        best = length;
        found = function;
      }
    }
    if (const size_t word = word_length(); word > best) {
      best = word;
      found = std::string(text_.substr(at_, word));
    }
    if (best == 0) throw Refusal{"a value is missing " + here()};
    at_ += best;
    return found;
  }
  std::string property() {
    blank();
    std::string found;
    size_t best = longest(properties_, found);
    for (const char* two : two_word_properties) {
      const size_t length = covers(two);
      if (length > best) {
        best = length;
        found = two;
      }
    }
    if (const size_t word = word_length(); word > best) {
      best = word;
      found = std::string(text_.substr(at_, word));
    }
    if (best == 0) throw Refusal{"a name is missing behind the dot " + here()};
    at_ += best;
    return found;
  }

  bool begins_negation() {
    const size_t before = at_;
    if (take_word("not") && peek() == '(') {
      // `not(…)` covers the whole cell, or it is a condition like any other.
      size_t depth = 0, at = at_;
      bool quoted = false;
      for (; at < text_.size(); ++at) {
        const char c = text_[at];
        if (c == '\\' && quoted) {
          ++at;
        } else if (c == '"') {
          quoted = !quoted;
        } else if (!quoted && c == '(') {
          ++depth;
        } else if (!quoted && c == ')' && --depth == 0) {
          break;
        }
      }
      std::string_view rest = at < text_.size() ? text_.substr(at + 1) : std::string_view("x");
      while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
      if (rest.empty()) return true;
    }
    at_ = before;
    return false;
  }

  // ---- tests ----

  std::vector<NodePtr> test_list() {
    std::vector<NodePtr> tests;
    do {
      tests.push_back(test());
    } while (take(","));
    return tests;
  }

  std::optional<Op> comparator() {
    for (const auto& [sign, op] :
         {std::pair{"<=", Op::less_equal}, {">=", Op::greater_equal}, {"!=", Op::not_equal}, {"<", Op::less}, {">", Op::greater}, {"=", Op::equal}}) {
      if (take(sign)) return op;
    }
    return std::nullopt;
  }

  NodePtr test() {
    if (const auto op = comparator()) {
      NodePtr made = node(NodeKind::comparison);
      made->op = *op;
      made->items.push_back(additive());
      return made;
    }
    return expression();
  }

  // ---- expressions ----

  struct Deeper {
    explicit Deeper(int& depth) : depth_(depth) {
      if (++depth_ > depth_max) throw Refusal{"the expression is nested too deeply"};
    }
    ~Deeper() { --depth_; }
    int& depth_;
  };

  NodePtr expression() {
    Deeper deeper(depth_);
    if (word_is("function")) throw Refusal{"`function` lies outside of what is imported"};
    for (const char* word : {"for", "some", "every"}) {
      if (take_word(word)) return loop(word);
    }
    if (take_word("if")) {
      NodePtr made = node(NodeKind::condition);
      made->items.push_back(expression());
      expect_word("then");
      made->items.push_back(expression());
      expect_word("else");
      made->items.push_back(expression());
      return made;
    }
    return disjunction();
  }

  /// `for x in [1, 2], y in 1..3 return …`, `some x in … satisfies …`
  NodePtr loop(std::string word) {
    const int intervals = std::exchange(interval_depth_, 0);
    NodePtr made = node(NodeKind::loop, word);
    do {
      blank();
      std::string variable = name();
      if (variable.empty() || is_keyword(variable)) throw Refusal{"a name is missing behind `" + word + "` " + here()};
      made->names.push_back(std::move(variable));
      expect_word("in");
      NodePtr low = expression();
      if (word == "for" && take("..")) {
        NodePtr range = node(NodeKind::interval);
        range->items.push_back(std::move(low));
        range->items.push_back(expression());
        low = std::move(range);
      }
      made->items.push_back(std::move(low));
    } while (take(","));
    expect_word(word == "for" ? "return" : "satisfies");
    made->items.push_back(expression());
    interval_depth_ = intervals;
    return made;
  }

  NodePtr disjunction() {
    NodePtr left = conjunction();
    while (take_word("or")) left = binary(Op::logical_or, std::move(left), conjunction());
    return left;
  }
  NodePtr conjunction() {
    NodePtr left = comparison();
    while (take_word("and")) left = binary(Op::logical_and, std::move(left), comparison());
    return left;
  }

  NodePtr comparison() {
    NodePtr left = additive();
    while (true) {
      if (const auto op = comparator()) {
        left = binary(*op, std::move(left), additive());
      } else if (take_word("between")) {
        NodePtr made = node(NodeKind::between);
        made->items.push_back(std::move(left));
        made->items.push_back(additive());
        expect_word("and");
        made->items.push_back(additive());
        left = std::move(made);
      } else if (take_word("in")) {
        left = membership(std::move(left));
      } else if (word_is("instance")) {
        throw Refusal{"`instance of` lies outside of what is imported"};
      } else {
        return left;
      }
    }
  }

  NodePtr membership(NodePtr value) {
    NodePtr made = node(NodeKind::in);
    made->items.push_back(std::move(value));
    const size_t before = at_;
    if (take("(")) {
      // `(5..8)` is an interval, `(1, < 5)` a list of tests.
      auto tests = test_list();
      if (take(")")) {
        for (NodePtr& one : tests) made->items.push_back(std::move(one));
        return made;
      }
      at_ = before;
    }
    if (const auto op = comparator()) {
      NodePtr one = node(NodeKind::comparison);
      one->op = *op;
      one->items.push_back(additive());
      made->items.push_back(std::move(one));
    } else {
      made->items.push_back(additive());
    }
    return made;
  }

  NodePtr additive() {
    NodePtr left = multiplicative();
    while (true) {
      if (take("+")) {
        left = binary(Op::add, std::move(left), multiplicative());
      } else if (take("-")) {
        left = binary(Op::subtract, std::move(left), multiplicative());
      } else {
        return left;
      }
    }
  }
  NodePtr multiplicative() {
    NodePtr left = exponentiation();
    while (true) {
      blank();
      if (text_.substr(at_).starts_with("**")) return left;
      if (take("*")) {
        left = binary(Op::multiply, std::move(left), exponentiation());
      } else if (take("/")) {
        left = binary(Op::divide, std::move(left), exponentiation());
      } else {
        return left;
      }
    }
  }
  NodePtr exponentiation() {
    NodePtr left = unary();
    while (take("**")) left = binary(Op::power, std::move(left), unary());
    return left;
  }
  NodePtr unary() {
    Deeper deeper(depth_);
    if (take("-")) {
      NodePtr made = node(NodeKind::negate);
      made->items.push_back(unary());
      return made;
    }
    return postfix();
  }

  NodePtr postfix() {
    NodePtr made = primary();
    while (true) {
      const char c = peek();
      if (c == '.' && !text_.substr(at_).starts_with("..")) {
        ++at_;
        NodePtr path = node(NodeKind::path, property());
        path->items.push_back(std::move(made));
        made = std::move(path);
      } else if (c == '(' && made->kind == NodeKind::name) {
        made = call(std::move(made->text));
      } else if (c == '[' && interval_depth_ > 0) {
        return made;  // it closes an interval, open at that end
      } else if (c == '[') {
        ++at_;
        NodePtr filter = node(NodeKind::filter);
        filter->items.push_back(std::move(made));
        filter->items.push_back(expression());
        expect(']');
        made = std::move(filter);
      } else {
        return made;
      }
    }
  }

  NodePtr call(std::string function) {
    NodePtr made = node(NodeKind::call, std::move(function));
    expect('(');
    if (take(")")) return made;
    do {
      const size_t before = at_;
      std::string given;
      blank();
      size_t colon = at_;
      while (colon < text_.size() && (continues_name(text_[colon]) || is_blank(text_[colon]))) ++colon;
      if (colon < text_.size() && text_[colon] == ':' && colon > at_ && begins_name(text_[at_])) {
        given = std::string(text_.substr(at_, colon - at_));
        while (!given.empty() && is_blank(given.back())) given.pop_back();
        at_ = colon + 1;
      } else {
        at_ = before;
      }
      made->items.push_back(expression());
      made->names.push_back(std::move(given));
    } while (take(","));
    expect(')');
    return made;
  }

  NodePtr interval_or(char open) {
    NodePtr low = expression();
    if (take("..")) {
      NodePtr made = node(NodeKind::interval);
      made->low_open = open != '[';
      made->items.push_back(std::move(low));
      ++interval_depth_;
      made->items.push_back(expression());
      --interval_depth_;
      if (take("]")) {
        made->high_open = false;
      } else if (take(")") || take("[")) {
        made->high_open = true;
      } else {
        throw Refusal{"the interval is never closed " + here()};
      }
      return made;
    }
    if (open == '(') {
      expect(')');
      return low;
    }
    if (open == ']') throw Refusal{"`]` begins an interval that has no `..`"};
    NodePtr list = node(NodeKind::list);
    list->items.push_back(std::move(low));
    while (take(",")) list->items.push_back(expression());
    expect(']');
    return list;
  }

  NodePtr primary() {
    const char c = peek();
    if (c == '\0') throw Refusal{"a value is missing " + here()};
    if (c == '"') return node(NodeKind::text, quoted());
    if (c == '@') {
      ++at_;
      if (peek() != '"') throw Refusal{"a text must follow `@`"};
      return node(NodeKind::at_literal, quoted());
    }
    if (c == '?') {
      ++at_;
      return node(NodeKind::input);
    }
    if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) return number();
    if (c == '{') throw Refusal{"contexts `{ }` lie outside of what is imported"};
    if (c == '(' || c == '[' || c == ']') {
      ++at_;
      if (c == '[' && take("]")) return node(NodeKind::list);
      return interval_or(c);
    }
    if (!begins_name(c)) {
      std::string found;
      if (longest(known_, found) == 0) throw Refusal{"this is not understood: `" + shown(text_.substr(at_)) + "`"};
    }
    std::string word = name();
    if (word == "true" || word == "false") return node(NodeKind::boolean, word);
    if (word == "null") return node(NodeKind::null);
    if (is_keyword(word)) throw Refusal{"`" + word + "` stands where a value should"};
    return node(NodeKind::name, std::move(word));
  }

  NodePtr number() {
    const size_t from = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    if (at_ + 1 < text_.size() && text_[at_] == '.' && is_digit(text_[at_ + 1])) {
      ++at_;
      while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      size_t ahead = at_ + 1;
      if (ahead < text_.size() && (text_[ahead] == '+' || text_[ahead] == '-')) ++ahead;
      if (ahead < text_.size() && is_digit(text_[ahead])) {
        at_ = ahead;
        while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
      }
    }
    return node(NodeKind::number, std::string(text_.substr(from, at_ - from)));
  }

  static void append_code_point(std::string& text, uint32_t code) {
    if (code < 0x80) {
      text += static_cast<char>(code);
    } else if (code < 0x800) {
      text += static_cast<char>(0xC0 | (code >> 6));
      text += static_cast<char>(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      text += static_cast<char>(0xE0 | (code >> 12));
      text += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
      text += static_cast<char>(0x80 | (code & 0x3F));
    } else {
      text += static_cast<char>(0xF0 | (code >> 18));
      text += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
      text += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
      text += static_cast<char>(0x80 | (code & 0x3F));
    }
  }

  uint32_t hexadecimal(size_t digits) {
    uint32_t code = 0;
    for (size_t i = 0; i < digits; ++i) {
      const char c = at_ < text_.size() ? text_[at_++] : ' ';
      const int value = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (value < 0) throw Refusal{"an escape in a text needs four hexadecimal digits"};
      code = code * 16 + static_cast<uint32_t>(value);
    }
    return code;
  }

  std::string quoted() {
    std::string text;
    ++at_;
    while (true) {
      if (at_ >= text_.size()) throw Refusal{"a text is never closed"};
      const char c = text_[at_++];
      if (c == '"') return text;
      if (c != '\\' || at_ >= text_.size()) {
        text += c;
        continue;
      }
      const char escaped = text_[at_++];
      switch (escaped) {
        case 'n':
          text += '\n';
          break;
        case 't':
          text += '\t';
          break;
        case 'r':
          text += '\r';
          break;
        case '"':
        case '\'':
        case '\\':
          text += escaped;
          break;
        case 'u': {
          uint32_t code = hexadecimal(4);
          if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
            at_ += 2;
            const uint32_t low = hexadecimal(4);
            if (low < 0xDC00 || low > 0xDFFF) throw Refusal{"an escape in a text is half of a pair"};
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
          }
          if (code == 0 || (code >= 0xD800 && code <= 0xDFFF)) throw Refusal{"an escape in a text is no character"};
          append_code_point(text, code);
          break;
        }
        case 'U': {
          const uint32_t code = hexadecimal(6);
          if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) throw Refusal{"an escape in a text is no character"};
          append_code_point(text, code);
          break;
        }
        default:
          text += '\\';
          text += escaped;
      }
    }
  }

  std::string_view text_;
  const Names& names_;
  std::vector<std::string> known_, properties_;
  size_t at_ = 0;
  int depth_ = 0;
  int interval_depth_ = 0;  // upper ends of intervals that are being read
};

}  // namespace

std::expected<NodePtr, std::string> parse_expression(std::string_view text, const Names& names) {
  try {
    return Parser(text, names).whole_expression();
  } catch (const Refusal& refusal) {
    return std::unexpected(refusal.reason);
  }
}

std::expected<std::vector<NodePtr>, std::string> parse_unary_tests(std::string_view text, const Names& names) {
  try {
    return Parser(text, names).whole_tests();
  } catch (const Refusal& refusal) {
    return std::unexpected(refusal.reason);
  }
}

}  // namespace dunlin::tables::feel
