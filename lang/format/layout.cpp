#include "lang/format/layout.h"

#include <algorithm>
#include <initializer_list>

namespace dunlin::format {

namespace {

bool one_of(const Piece& piece, std::initializer_list<std::string_view> words) {
  return piece.kind != WordKind::text && std::find(words.begin(), words.end(), piece.text) != words.end();
}

uint32_t letters(std::string_view text) {
  return static_cast<uint32_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// Documentation reads the same with or without the blank behind its slashes.
std::string_view without_trailing_blanks(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

class Reader {
 public:
  Reader(const SourceMap& sources, uint32_t file) : text_(sources.text(file)), words_(read_words(sources, file)) {}

  Pieces read() {
    collect();
    match_brackets();
    name_blocks();
    break_blocks();
    return std::move(pieces_);
  }

 private:
  void collect() {
    size_t line_ends = 0;
    bool item_ended = true;
    uint32_t end = 0;
    for (const Word& word : words_) {
      if (word.kind == WordKind::line_end) {
        ++line_ends;
        item_ended = item_ended || word.ends_item;
        end = word.end;
        continue;
      }
      Piece piece{word.kind, without_trailing_blanks(text_.substr(word.begin, word.end - word.begin))};
      piece.width = letters(piece.text);
      piece.gap = word.begin - end;
      piece.line_break = pieces_.empty() || line_ends > 0;
      piece.blank_line = !pieces_.empty() && line_ends > 1;
      piece.starts_item = item_ended;
      if (!piece.is_comment()) item_ended = false;
      line_ends = 0;
      end = word.end;
      pieces_.push_back(piece);
    }
  }

  void match_brackets() {
    std::vector<size_t> open;
    for (size_t i = 0; i < pieces_.size(); ++i) {
      Piece& piece = pieces_[i];
      if (piece.closes() && !open.empty()) {
        piece.partner = open.back();
        pieces_[open.back()].partner = i;
        open.pop_back();
      }
      piece.block = open.empty() ? nowhere : open.back();
      if (piece.opens()) open.push_back(i);
    }
  }

  // ---- what a block is ----

  void name_blocks() {
    for (size_t i = 0; i < pieces_.size(); ++i) {
      Piece& piece = pieces_[i];
      mark_item(i);
      if (piece.opens()) piece.inside = piece.text == "{" ? brace_kind(i) : bracket_kind(i);
    }
  }

  /// Commas end items where nothing but items stands; so does the closing bracket of a declaration.
  void mark_item(size_t i) {
    const size_t before = previous(i);
    if (before == nowhere || before < begin_of_block(i)) {
      pieces_[i].starts_item = true;
      return;
    }
    switch (kind_around(pieces_, i)) {
      case BlockKind::fields:
      case BlockKind::words:
      case BlockKind::payload:
      case BlockKind::outcomes:
      case BlockKind::segments:
        pieces_[i].starts_item |= pieces_[before].is(",");
        break;
      case BlockKind::file:
        pieces_[i].starts_item |= pieces_[before].is("}") && !pieces_[i].closes();
        break;
      default:
        break;
    }
  }

  size_t begin_of_block(size_t i) const { return pieces_[i].block == nowhere ? 0 : pieces_[i].block + 1; }

  /// The nearest piece before this one that is no comment.
  size_t previous(size_t i) const {
    while (i-- > 0) {
      if (!pieces_[i].is_comment()) return i;
    }
    return nowhere;
  }

  size_t item_start(size_t i) const {
    const size_t block = pieces_[i].block;
    size_t at = i;
    while (at > begin_of_block(i) && !(pieces_[at].block == block && pieces_[at].starts_item && !pieces_[at].is_comment())) --at;
    return at;
  }

  BlockKind brace_kind(size_t i) const {
    const size_t before = previous(i);
    const Piece* previous_piece = before == nowhere ? nullptr : &pieces_[before];
    if (previous_piece && one_of(*previous_piece, {"enum", "in"})) return BlockKind::words;
    if (i + 1 < pieces_.size() && pieces_[i + 1].is("|")) return BlockKind::rows;
    const size_t start = item_start(i);
    const Piece& head = pieces_[start];
    switch (kind_around(pieces_, i)) {
      case BlockKind::file:
        return declaration_kind(head);
      case BlockKind::rules:
        return rule_block_kind(start, i);
      case BlockKind::settings:
        if (one_of(head, {"fields"})) return in_queue(i) ? BlockKind::fields : BlockKind::payload;
        return one_of(head, {"priority"}) ? BlockKind::payload : BlockKind::other;
      case BlockKind::fields:
        if (previous_piece && previous_piece->is("record")) return BlockKind::fields;
        return BlockKind::body;
      case BlockKind::outcomes:
        return BlockKind::outcomes;
      case BlockKind::other:
        return BlockKind::other;
      default:
        return BlockKind::payload;
    }
  }

  static BlockKind declaration_kind(const Piece& head) {
    if (one_of(head, {"bundle", "queue"})) return BlockKind::settings;
    if (one_of(head, {"entity", "extend", "event", "record"})) return BlockKind::fields;
    if (one_of(head, {"enum"})) return BlockKind::words;
    if (one_of(head, {"segmentation"})) return BlockKind::segments;
    if (one_of(head, {"table"})) return BlockKind::rows;
    if (one_of(head, {"function", "native"})) return BlockKind::body;
    if (one_of(head, {"outcomes"})) return BlockKind::outcomes;
    if (one_of(head, {"strategy", "always"})) return BlockKind::rules;
    if (one_of(head, {"test"})) return BlockKind::test;
    return BlockKind::other;
  }

  /// Inside a strategy the nearest word tells: items may stand side by side.
  BlockKind rule_block_kind(size_t start, size_t i) const {
    const size_t block = pieces_[i].block;
    for (size_t at = i; at-- > start;) {
      const Piece& piece = pieces_[at];
      if (piece.block != block || piece.is_comment()) continue;
      if (piece.is(":")) return BlockKind::payload;
      if (piece.is("keep")) return BlockKind::settings;
      if (piece.is("stage")) return BlockKind::rules;
    }
    return one_of(pieces_[start], {"on", "when", "after", "at", "every", "var", "rule"}) ? BlockKind::payload : BlockKind::other;
  }

  bool in_queue(size_t i) const { return pieces_[item_start(pieces_[i].block)].is("queue"); }

  BlockKind bracket_kind(size_t i) const {
    if (pieces_[i].text == "[") return BlockKind::values;
    const BlockKind around = kind_around(pieces_, i);
    if (around == BlockKind::outcomes) return BlockKind::declared;
    if (around != BlockKind::file) return BlockKind::values;
    const size_t start = item_start(i);
    if (!one_of(pieces_[start], {"function", "native", "table", "approval"})) return BlockKind::values;
    for (size_t at = start; at < i; ++at) {
      if (pieces_[at].is("=") && pieces_[at].block == pieces_[i].block) return BlockKind::values;
    }
    return BlockKind::declared;
  }

  // ---- where lines break ----

  void break_blocks() {
    for (size_t i = 1; i < pieces_.size(); ++i) {
      if (pieces_[i].is("{") && pieces_[i].line_break && !pieces_[i - 1].is_comment()) pieces_[i].line_break = pieces_[i].blank_line = false;
    }
    std::vector<size_t> breaks(pieces_.size() + 1, 0);  // line breaks before piece i
    for (size_t i = 0; i < pieces_.size(); ++i) breaks[i + 1] = breaks[i] + (pieces_[i].line_break ? 1 : 0);
    for (size_t i = 0; i < pieces_.size(); ++i) {
      const size_t close = pieces_[i].partner;
      if (!pieces_[i].is("{") || close == nowhere || close == i + 1 || breaks[close + 1] == breaks[i + 1]) continue;
      pieces_[close].line_break = true;
      size_t first = i + 1;
      while (first < close && pieces_[first].is_comment() && !pieces_[first].line_break) ++first;
      pieces_[first].line_break = true;
      pieces_[i + 1].blank_line = false;
      pieces_[close].blank_line = false;
    }
  }

  std::string_view text_;
  std::vector<Word> words_;
  Pieces pieces_;
};

class Indenter {
 public:
  explicit Indenter(const Pieces& pieces) : pieces_(pieces) {}

  std::vector<Line> lines() {
    for (size_t i = 0; i < pieces_.size(); ++i) {
      if (pieces_[i].line_break) start_line(i);
      lines_.back().last = i;
      track(i);
    }
    return std::move(lines_);
  }

 private:
  struct Open {
    uint32_t line_indent;  // where its closing bracket stands
    uint32_t inside;
    bool brace;
  };

  void start_line(size_t i) {
    continued_ = false;
    uint32_t indent = open_.empty() ? 0 : open_.back().inside;
    if (pieces_[i].closes() && !open_.empty()) {
      indent = open_.back().line_indent;
    } else if (continues(i)) {
      indent += 2;
      continued_ = true;
    } else if (belongs_to_step(i)) {
      indent += 2;
    }
    lines_.push_back({i, i, indent});
  }

  /// A comment is indented as what follows it.
  size_t meant(size_t i) const {
    while (i < pieces_.size() && pieces_[i].is_comment()) ++i;
    return i;
  }

  bool continues(size_t i) const {
    if (!open_.empty() && !open_.back().brace) return false;
    const size_t next = meant(i);
    return next < pieces_.size() && !pieces_[next].starts_item && !pieces_[next].closes();
  }

  /// `expect` and `set` on lines of their own belong to the step above.
  bool belongs_to_step(size_t i) const {
    const size_t next = meant(i);
    return next < pieces_.size() && kind_around(pieces_, next) == BlockKind::test && (pieces_[next].is("expect") || pieces_[next].is("set"));
  }

  void track(size_t i) {
    const uint32_t indent = lines_.back().indent;
    if (pieces_[i].opens()) {
      const bool brace = pieces_[i].is("{");
      const uint32_t base = brace && continued_ ? indent - 2 : indent;
      open_.push_back({base, base + 2, brace});
    } else if (pieces_[i].closes() && !open_.empty()) {
      open_.pop_back();
    }
  }

  const Pieces& pieces_;
  std::vector<Line> lines_;
  std::vector<Open> open_;
  bool continued_ = false;
};

}  // namespace

Pieces read_pieces(const SourceMap& sources, uint32_t file) { return Reader(sources, file).read(); }

std::vector<Line> lay_lines(const Pieces& pieces) { return Indenter(pieces).lines(); }

}  // namespace dunlin::format
