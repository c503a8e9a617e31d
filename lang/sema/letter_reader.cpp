#include "lang/sema/letter_reader.h"

#include <algorithm>
#include <utility>

#include "lang/sema/letter_place.h"

namespace dunlin::sema {

namespace {

constexpr int nesting_max = 16;
constexpr size_t parts_max = 5'000;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80) != 0; }

/// What stands between braces, with texts and inner brackets left alone.
class Inside {
 public:
  Inside(std::string_view text, Span span) : text_(text), span_(span) { trim(span_); }

  Span all() const { return span_; }
  bool empty() const { return span_.begin == span_.end; }
  std::string_view view(Span part) const { return text_.substr(part.begin, part.end - part.begin); }
  std::string_view view() const { return view(span_); }

  /// The place of a word or sign that stands outside of texts and brackets; the last one where `last`. Nothing: it is not there.
  std::optional<uint32_t> find(std::string_view what, bool last = false) const {
    std::optional<uint32_t> found;
    int depth = 0;
    bool quoted = false;
    for (uint32_t i = span_.begin; i < span_.end; ++i) {
      const char c = text_[i];
      if (quoted) {
        if (c == '\\')
          ++i;
        else if (c == '"')
          quoted = false;
        continue;
      }
      if (c == '"') quoted = true;
      if (c == '(' || c == '[' || c == '{') ++depth;
      if (c == ')' || c == ']' || c == '}') --depth;
      if (depth != 0 || text_.substr(i, what.size()) != what || i + what.size() > span_.end) continue;
      const bool word = is_word(what[0]);
      if (word && ((i > span_.begin && is_word(text_[i - 1])) || (i + what.size() < span_.end && is_word(text_[i + what.size()])))) continue;
      found = i;
      if (!last) return found;
    }
    return found;
  }
  bool begins_with(std::string_view word) const { return view().starts_with(word) && (view().size() == word.size() || !is_word(view()[word.size()])); }
  Span part(uint32_t from, uint32_t to) const {
    Span made{span_.file, from, to};
    trim(made);
    return made;
  }
  Span behind(size_t letters) const { return part(span_.begin + static_cast<uint32_t>(letters), span_.end); }

 private:
  void trim(Span& part) const {
    while (part.begin < part.end && is_blank(text_[part.begin])) ++part.begin;
    while (part.end > part.begin && is_blank(text_[part.end - 1])) --part.end;
  }
  std::string_view text_;
  Span span_;
};

class Reader {
 public:
  Reader(const SourceMap& sources, uint32_t file, bool html, Diagnostics& diagnostics)
      : text_(sources.text(file)), file_(file), html_(html), diagnostics_(diagnostics) {}

  std::vector<WrittenPart> read() {
    std::vector<WrittenPart> parts;
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
    for (;;) {
      const End end = read_parts(parts, 0);
      if (end.kind == End::Kind::file) return parts;
      mistake(end.span, end.kind == End::Kind::end ? "nothing is open that `{end}` could close" : "there is no `{if}` that this `{else}` belongs to");
    }
  }

 private:
  struct End {
    enum class Kind : unsigned char { file, end, otherwise };
    Kind kind = Kind::file;
    Span span;
    Span condition;  // of `{else if …}`; empty: none
  };

  Diagnostic& mistake(Span span, std::string message) { return diagnostics_.error("E0792", span, std::move(message)); }
  Span span(size_t from, size_t to) const { return {file_, static_cast<uint32_t>(from), static_cast<uint32_t>(to)}; }

  // ---- words ----

  void put(char c) {
    words_ += c;
    if (html_) place_.feed(c);
  }

  void end_words(std::vector<WrittenPart>& out) {
    if (words_.empty()) return;
    WrittenPart part;
    part.span = span(words_from_, at_);
    part.words = std::move(words_);
    out.push_back(std::move(part));
    words_.clear();
    ++parts_;
  }

  /// A line that has nothing but this brace leaves no empty line behind.
  bool stands_alone(size_t from, size_t to) const {
    while (from > 0 && is_blank(text_[from - 1])) --from;
    while (to < text_.size() && is_blank(text_[to])) ++to;
    const bool at_begin = from == 0 || text_[from - 1] == '\n' || (from == 3 && text_.starts_with("\xEF\xBB\xBF"));
    return at_begin && (to == text_.size() || text_[to] == '\n');
  }

  void swallow_line(size_t from, size_t to) {
    if (!stands_alone(from, to)) {
      at_ = to;
      return;
    }
    while (!words_.empty() && is_blank(words_.back())) words_.pop_back();
    while (to < text_.size() && is_blank(text_[to])) ++to;
    at_ = std::min(to + 1, text_.size());
  }

  /// Behind the brace that closes the one at `from`; nothing: it is not closed on its line.
  std::optional<size_t> end_of_braces(size_t from) const {
    int depth = 0;
    bool quoted = false;
    for (size_t i = from; i < text_.size(); ++i) {
      const char c = text_[i];
      if (c == '\n') return std::nullopt;
      if (quoted) {
        if (c == '\\')
          ++i;
        else if (c == '"')
          quoted = false;
      } else if (c == '"') {
        quoted = true;
      } else if (c == '{') {
        ++depth;
      } else if (c == '}' && --depth == 0) {
        return i + 1;
      }
    }
    return std::nullopt;
  }

  // ---- parts ----

  End read_parts(std::vector<WrittenPart>& out, int level) {
    words_from_ = at_;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\\' && at_ + 1 < text_.size() && (text_[at_ + 1] == '{' || text_[at_ + 1] == '}' || text_[at_ + 1] == '\\')) {
        put(text_[at_ + 1]);
        at_ += 2;
        continue;
      }
      if (c != '{' || (html_ && place_.in_code())) {
        put(c);
        ++at_;
        continue;
      }
      const size_t from = at_;
      const auto to = end_of_braces(from);
      if (!to) {
        mistake(span(from, from + 1), "this placeholder is not closed on its line").help = "write `\\{` for a brace that is only a sign";
        put(c);
        ++at_;
        continue;
      }
      const Inside inside(text_, span(from + 1, *to - 1));
      if (const auto end = end_here(inside, from, *to)) {
        swallow_line(from, *to);
        end_words(out);
        return *end;
      }
      placeholder(inside, span(from, *to), out, level);
      words_from_ = at_;
    }
    end_words(out);
    return {};
  }

  static std::optional<End> end_here(const Inside& inside, size_t from, size_t to) {
    const Span whole{inside.all().file, static_cast<uint32_t>(from), static_cast<uint32_t>(to)};
    if (inside.view() == "end") return End{End::Kind::end, whole, {}};
    if (inside.view() == "else") return End{End::Kind::otherwise, whole, {}};
    if (!inside.begins_with("else")) return std::nullopt;
    const Span rest = inside.behind(4);
    if (!inside.view(rest).starts_with("if") || rest.end - rest.begin < 3) return std::nullopt;
    return End{End::Kind::otherwise, whole, inside.part(rest.begin + 2, rest.end)};
  }

  void placeholder(const Inside& inside, Span whole, std::vector<WrittenPart>& out, int level) {
    if (parts_ > parts_max) {
      if (!std::exchange(too_many_, true)) mistake(whole, "a letter has no more than " + std::to_string(parts_max) + " parts");
      at_ = whole.end;
      return;
    }
    ++parts_;
    const bool block_if = inside.begins_with("if") && !inside.find("then");
    const bool block_for = inside.begins_with("for");
    if (block_if || block_for) {
      if (level >= nesting_max) {
        mistake(whole, "blocks are nested too deeply here");
        at_ = whole.end;
        return;
      }
      swallow_line(whole.begin, whole.end);
      end_words(out);
      if (block_if) return branch(inside.behind(2), whole, out, level);
      return loop(inside, whole, out, level);
    }
    end_words(out);
    at_ = whole.end;
    if (inside.empty()) {
      mistake(whole, "there is nothing between these braces").help = "write `\\{` for a brace that is only a sign";
      return;
    }
    value(inside, whole, out);
  }

  void value(const Inside& inside, Span whole, std::vector<WrittenPart>& out) {
    WrittenPart part;
    part.kind = WrittenPart::Kind::value;
    part.span = whole;
    part.expression = inside.all();
    if (const auto bar = inside.find("|", true)) {
      part.expression = inside.part(inside.all().begin, *bar);
      part.style = inside.part(*bar + 1, inside.all().end);
    }
    if (html_) {
      if (const auto why = place_.refusal()) {
        Diagnostic& diagnostic = diagnostics_.error("E0797", whole, "no value can stand here");
        diagnostic.label = *why;
        diagnostic.help =
            "put it between elements or into an attribute with quotes; a link begins with fixed words, such as `href=\"https://pay.example/account/{id}\"`";
      }
      part.in_url = place_.in_url();
      place_.feed_value();
    }
    out.push_back(std::move(part));
  }

  /// Behind `{if …}`: up to its `{end}`, with everything that hangs on `{else}`.
  void branch(Span condition, Span whole, std::vector<WrittenPart>& out, int level) {
    WrittenPart part;
    part.kind = WrittenPart::Kind::branch;
    part.span = whole;
    part.expression = condition;
    if (condition.begin == condition.end) mistake(whole, "it is not said if what").help = "write `{if balance > 0}`";
    refuse_in_link(whole);
    const HtmlPlace before = place_;
    End end = read_parts(part.then, level + 1);
    const HtmlPlace after = place_;
    place_ = before;
    if (end.kind == End::Kind::otherwise && end.condition.begin != end.condition.end) {
      branch(end.condition, end.span, part.otherwise, level + 1);
      if (!after.same(place_)) torn(whole);
      out.push_back(std::move(part));
      return;
    }
    if (end.kind == End::Kind::otherwise) end = read_parts(part.otherwise, level + 1);
    if (end.kind == End::Kind::otherwise) {
      mistake(end.span, "an `{if}` has one `{else}`");
      std::vector<WrittenPart> lost;
      end = read_parts(lost, level + 1);
    }
    if (end.kind == End::Kind::file) mistake(whole, "this `{if}` has no `{end}`");
    if (!after.same(place_)) torn(whole);
    out.push_back(std::move(part));
  }

  void loop(const Inside& inside, Span whole, std::vector<WrittenPart>& out, int level) {
    WrittenPart part;
    part.kind = WrittenPart::Kind::loop;
    part.span = whole;
    const auto in = inside.find("in"), where = inside.find("where");
    if (!in) {
      mistake(whole, "it is not said what to go through").help = "write `{for a in debtor.accounts}` or `{for a in accounts where a.overdue > 0}`";
      part.name = part.expression = inside.part(inside.all().end, inside.all().end);
    } else {
      part.name = inside.part(inside.all().begin + 3, *in);
      part.expression = inside.part(*in + 2, where ? *where : inside.all().end);
      if (where) part.where = inside.part(*where + 5, inside.all().end);
    }
    refuse_in_link(whole);
    const HtmlPlace before = place_;
    End end = read_parts(part.then, level + 1);
    while (end.kind == End::Kind::otherwise) {
      mistake(end.span, "there is no `{if}` that this `{else}` belongs to");
      end = read_parts(part.then, level + 1);
    }
    if (end.kind == End::Kind::file) mistake(whole, "this `{for}` has no `{end}`");
    if (!before.same(place_)) torn(whole);
    if (in) out.push_back(std::move(part));
  }

  void refuse_in_link(Span whole) {
    if (!html_ || !place_.in_url()) return;
    diagnostics_.error("E0797", whole, "a link cannot be made of parts that may be there or not").help = "write the whole link in each branch";
  }

  void torn(Span whole) {
    if (!html_) return;
    diagnostics_.error("E0797", whole, "the mark-up is not the same behind each way through this block").help =
        "open and close a tag, an attribute or a comment inside the same branch";
  }

  std::string_view text_;
  uint32_t file_;
  bool html_;
  Diagnostics& diagnostics_;
  size_t at_ = 0, words_from_ = 0, parts_ = 0;
  bool too_many_ = false;
  std::string words_;
  HtmlPlace place_;
};

}  // namespace

std::vector<WrittenPart> read_letter(const SourceMap& sources, uint32_t file, bool html, Diagnostics& diagnostics) {
  return Reader(sources, file, html, diagnostics).read();
}

}  // namespace dunlin::sema
