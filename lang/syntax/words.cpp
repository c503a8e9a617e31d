#include "lang/syntax/words.h"

#include <algorithm>

#include "DunlinLexer.h"
#include "lang/syntax/tokens.h"

namespace dunlin {

namespace {

using grammar::DunlinLexer;

WordKind kind_of(size_t type) {
  switch (type) {
    case DunlinLexer::DATE:
    case DunlinLexer::TIME:
      return WordKind::moment;
    case DunlinLexer::PERCENT:
    case DunlinLexer::DECIMAL:
    case DunlinLexer::INT:
      return WordKind::number;
    case DunlinLexer::TEXT:
      return WordKind::text;
    case DunlinLexer::ID:
    case DunlinLexer::QUOTED_ID:
      return WordKind::name;
    case DunlinLexer::DOC:
      return WordKind::doc;
    case DunlinLexer::NEWLINE:
      return WordKind::line_end;
    case DunlinLexer::BAD_DATE:
    case DunlinLexer::BAD_TIME:
    case DunlinLexer::BAD_NUMBER:
    case DunlinLexer::BAD_TEXT:
    case DunlinLexer::BAD_QUOTED_ID:
    case DunlinLexer::BAD_OPERATOR:
    case DunlinLexer::BAD_CHARACTER:
      return WordKind::mistake;
    default:
      break;
  }
  // The grammar lists reserved words first, soft words behind them, then literals.
  if (type <= DunlinLexer::FALSE) return WordKind::reserved;
  return type < DunlinLexer::DATE ? WordKind::soft : WordKind::punctuation;
}

/// The lexer skips blanks and comments: what lies between two tokens is read again here.
void add_skipped(std::string_view text, uint32_t begin, uint32_t end, std::vector<Word>& words) {
  const std::string_view gap = text.substr(begin, end - begin);
  const size_t comment = gap.find("//");
  if (comment == std::string_view::npos) return;
  size_t last = gap.size();
  while (last > comment && (gap[last - 1] == ' ' || gap[last - 1] == '\t' || gap[last - 1] == '\r' || gap[last - 1] == '\n')) --last;
  words.push_back({WordKind::comment, begin + static_cast<uint32_t>(comment), begin + static_cast<uint32_t>(last), false});
}

}  // namespace

std::vector<Word> read_words(const SourceMap& sources, uint32_t file) {
  const std::string_view text = sources.text(file);
  const syntax::Slice slice{sources, file, 0, static_cast<uint32_t>(text.size())};
  Diagnostics unheard;
  const std::vector<syntax::RawToken> raw = syntax::read_raw_tokens(slice, unheard, ParseLimits{});
  std::vector<Word> words;
  words.reserve(raw.size() + 16);
  uint32_t at = 0;
  for (const syntax::RawToken& token : raw) {
    if (token.begin > at) add_skipped(text, at, token.begin, words);
    words.push_back({kind_of(token.type), token.begin, token.end, false});
    at = std::max(at, token.end);
  }
  if (text.size() > at) add_skipped(text, at, static_cast<uint32_t>(text.size()), words);
  for (const uint32_t place : syntax::item_ends(slice, raw)) {
    const auto word = std::lower_bound(words.begin(), words.end(), place, [](const Word& w, uint32_t begin) { return w.begin < begin; });
    for (auto found = word; found != words.end() && found->begin == place; ++found) found->ends_item |= found->kind == WordKind::line_end;
  }
  return words;
}

}  // namespace dunlin
