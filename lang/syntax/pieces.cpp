#include "lang/syntax/pieces.h"

#include <algorithm>
#include <array>

#include "DunlinLexer.h"
#include "lang/syntax/shifted.h"

namespace dunlin::syntax {

namespace {

/// The words of begins_declaration in brackets.cpp: a bracket that is still open there is taken to be forgotten, so nothing runs on past them.
constexpr std::array<std::string_view, 16> heads = {"bundle",   "use",    "module",   "entity", "extend",   "event",  "segmentation", "table",
                                                    "function", "native", "outcomes", "queue",  "strategy", "always", "test",         "parameter"};

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

bool begins_with_head(std::string_view line) {
  return std::ranges::any_of(heads,
                             [&](std::string_view head) { return line.starts_with(head) && (line.size() == head.size() || !is_word_byte(line[head.size()])); });
}

/// Nothing but blanks (what the lexer takes for one) and a comment.
bool says_nothing(std::string_view line) {
  constexpr std::array<std::string_view, 8> blanks = {" ", "\t", "\r", "\n", "\f", "\u00A0", "\u3000", "\uFEFF"};
  for (;;) {
    const auto* const blank = std::ranges::find_if(blanks, [&](std::string_view one) { return line.starts_with(one); });
    if (blank == blanks.end()) return line.empty() || line.starts_with("//");
    line.remove_prefix(blank->size());
  }
}

void shift(Diagnostic& diagnostic, uint32_t file, uint32_t by) {
  const auto place = [&](Span& span) {
    if (span.known()) span = {file, span.begin + by, span.end + by};
  };
  place(diagnostic.span);
  for (Note& note : diagnostic.notes) place(note.span);
  for (Fix& fix : diagnostic.fixes) place(fix.span);
}

}  // namespace

void say(Diagnostics& diagnostics, Diagnostic one) {
  Diagnostic& said = one.severity == Severity::error ? diagnostics.error({}, {}, {}) : diagnostics.warning({}, {}, {});
  said = std::move(one);
}

std::vector<uint32_t> piece_starts(std::string_view text) {
  std::vector<uint32_t> starts = {0};
  size_t silent_from = std::string_view::npos;  // first of the comments and empty lines that lead to this line
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin);
    end = end == std::string_view::npos ? text.size() : end + 1;
    const std::string_view line = text.substr(begin, end - begin);
    if (says_nothing(line)) {
      if (silent_from == std::string_view::npos) silent_from = begin;
    } else {
      const size_t start = std::min(silent_from, begin);
      if (begins_with_head(line) && start > 0) starts.push_back(static_cast<uint32_t>(start));
      silent_from = std::string_view::npos;
    }
    begin = end;
  }
  return starts;
}

void PieceReader::run() {
  if (before_ != nullptr) {
    for (const FilePiece& piece : before_->pieces) by_text_.emplace(std::string_view(before_->text).substr(piece.begin, piece.end - piece.begin), &piece);
  }
  cut_text();
  std::vector<std::string_view> unmatched;
  for (const Cut& cut : cuts_) unmatched.push_back(cut.piece.unmatched);
  const bool all_closed = std::ranges::all_of(unmatched, [](std::string_view brackets) { return brackets.empty(); });
  // Words at the margin inside of brackets that do match are names.
  if (!all_closed && brackets_match(unmatched)) take_as_one();
  size_t mistakes_left = limits_.errors_max;
  for (Cut& cut : cuts_) {
    if (!take_known(cut, mistakes_left)) parse(cut, mistakes_left);
    made_.diagnostics.insert(made_.diagnostics.end(), cut.piece.diagnostics.begin(), cut.piece.diagnostics.end());
    mistakes_left -= std::min(mistakes_left, cut.piece.mistakes);
    made_.pieces.push_back(std::move(cut.piece));
    if (mistakes_left == 0) break;  // nothing more will be said, so nothing more needs to be read
  }
}

const FilePiece* PieceReader::known_piece(uint32_t begin, uint32_t end) const {
  const auto found = by_text_.find(std::string_view(made_.text).substr(begin, end - begin));
  return found == by_text_.end() ? nullptr : found->second;
}

PieceReader::Cut PieceReader::cut(uint32_t begin, uint32_t end) const {
  Cut made;
  made.piece.begin = begin;
  made.piece.end = end;
  made.piece.goes_on = end < made_.text.size();
  made.known = known_piece(begin, end);
  if (made.known != nullptr) {
    made.piece.unfinished = made.known->unfinished;
    made.piece.unmatched = made.known->unmatched;
  } else {
    lex(made);
  }
  return made;
}

void PieceReader::lex(Cut& cut) const {
  Diagnostics found;
  cut.raw = read_raw_tokens(slice_of(cut.piece), found, limits_);
  cut.of_lexer = std::move(found.all());
  cut.lexed = true;
  cut.piece.unmatched = unmatched_brackets(cut.raw);
  const auto says_something = [](const RawToken& token) { return token.type != grammar::DunlinLexer::NEWLINE && token.type != grammar::DunlinLexer::DOC; };
  const auto last = std::find_if(cut.raw.rbegin(), cut.raw.rend(), says_something);
  // A bracket that is mended is closed in front of the next declaration.
  cut.piece.unfinished = cut.piece.unmatched.empty() && last != cut.raw.rend() && item_goes_on_after(last->type);
}

void PieceReader::cut_text() {
  std::vector<uint32_t> places = piece_starts(made_.text);
  places.push_back(static_cast<uint32_t>(made_.text.size()));
  for (size_t i = 0; i + 1 < places.size();) {
    size_t next = i + 1;
    Cut piece = cut(places[i], places[next]);
    while (piece.piece.unfinished && next + 1 < places.size()) piece = cut(places[i], places[++next]);
    cuts_.push_back(std::move(piece));
    i = next;
  }
}

void PieceReader::take_as_one() {
  cuts_.clear();
  cuts_.push_back(cut(0, static_cast<uint32_t>(made_.text.size())));
}

/// False if it has to be parsed: it is new, or says something that depends on what stands behind it or before it.
bool PieceReader::take_known(Cut& cut, size_t mistakes_left) {
  if (cut.known == nullptr) return false;
  const FilePiece& known = *cut.known;
  if (known.cut_short || known.mistakes >= mistakes_left || (known.goes_on != cut.piece.goes_on && !known.diagnostics.empty())) return false;
  const uint32_t by = cut.piece.begin - known.begin;
  auto& declarations = made_.tree.declarations;
  cut.piece.first = static_cast<uint32_t>(declarations.size());
  for (uint32_t i = known.first; i < known.last; ++i) {
    ShiftedCopy copy(file_, by);
    if (copy.copy(before_->tree.declarations[i], declarations.emplace_back())) continue;
    declarations.resize(cut.piece.first);
    return false;
  }
  cut.piece.last = static_cast<uint32_t>(declarations.size());
  cut.piece.mistakes = known.mistakes;
  cut.piece.diagnostics = known.diagnostics;
  for (Diagnostic& diagnostic : cut.piece.diagnostics) shift(diagnostic, file_, by);
  return true;
}

void PieceReader::parse(Cut& cut, size_t mistakes_left) {
  if (!cut.lexed) lex(cut);
  ++made_.pieces_read;
  ParseLimits limits = limits_;
  limits.errors_max = mistakes_left;
  Diagnostics found;
  for (Diagnostic& one : cut.of_lexer) say(found, std::move(one));
  cut.piece.first = static_cast<uint32_t>(made_.tree.declarations.size());
  cut.piece.mistakes = read_declarations(slice_of(cut.piece), std::move(cut.raw), found, limits, made_.tree);
  cut.piece.cut_short = cut.piece.mistakes >= mistakes_left;
  cut.piece.last = static_cast<uint32_t>(made_.tree.declarations.size());
  cut.piece.diagnostics = std::move(found.all());
}

}  // namespace dunlin::syntax
