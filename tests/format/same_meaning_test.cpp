// The promises of the formatter, held over every rule text of the repository and many spoiled ones: the same meaning, the same comments, and nothing left to
// do.
#include <catch2/catch.hpp>

#include "lang/format/format.h"
#include "lang/syntax/ast_dump.h"
#include "lang/syntax/parse.h"
#include "lang/syntax/words.h"
#include "tests/format/corpus.h"
#include "tests/fuzz/mutations.h"

using namespace dunlin;

namespace {

/// The tree without places and blanks (it keeps some settings as they were written); nothing if the text has mistakes.
std::optional<std::string> tree_of(const std::string& text) {
  if (find_invalid_utf8(text) != std::string::npos) return std::nullopt;
  SourceMap sources;
  Diagnostics diagnostics;
  const uint32_t file = sources.add("x.dun", text);
  const ast::File tree = parse_file(sources, file, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  std::string written = dump(tree);
  std::erase_if(written, [](char c) { return c == ' ' || c == '\t' || c == '\r'; });
  return written;
}

std::expected<std::string, std::string> formatted(const std::string& text) {
  SourceMap sources;
  Diagnostics diagnostics;
  const uint32_t file = sources.add("x.dun", text);
  return format_file(sources, file, diagnostics);
}

std::vector<std::string> comments_of(const std::string& text) {
  SourceMap sources;
  const uint32_t file = sources.add("x.dun", text);
  std::vector<std::string> comments;
  for (const Word& word : read_words(sources, file)) {
    if (word.kind == WordKind::comment) comments.emplace_back(sources.text(Span{file, word.begin, word.end}));
  }
  return comments;
}

/// False if the text has mistakes and there is nothing to hold.
bool hold_promises(const std::string& text) {
  const auto tree = tree_of(text);
  if (!tree) return false;
  const auto once = formatted(text);
  INFO(text);
  REQUIRE(once.has_value());
  INFO(*once);
  REQUIRE(tree_of(*once) == tree);
  REQUIRE(comments_of(*once) == comments_of(text));
  const auto twice = formatted(*once);
  REQUIRE(twice.has_value());
  REQUIRE(*twice == *once);
  return true;
}

/// The same words with other blanks: where a blank stands, or a line end that means nothing, others may stand.
std::string other_blanks(const std::string& text, fuzz::Random& random) {
  SourceMap sources;
  const uint32_t file = sources.add("x.dun", text);
  std::string result;
  uint32_t at = 0;
  for (const Word& word : read_words(sources, file)) {
    const bool blank = word.begin > at;
    if (blank) result.append(1 + random.below(4), random.one_in(9) ? '\t' : ' ');
    if (word.kind == WordKind::line_end && random.one_in(4)) result += random.one_in(2) ? "\n" : "\r\n   ";
    if (word.kind == WordKind::line_end && random.one_in(4)) result += "  ";
    result.append(text, word.begin, word.end - word.begin);
    at = word.end;
  }
  return result;
}

}  // namespace

TEST_CASE("every rule text of the repository keeps its meaning and its comments, and is formatted after one pass") {
  const auto samples = test::rule_texts();
  REQUIRE(samples.size() > 60);
  size_t held = 0;
  for (const auto& sample : samples) {
    INFO(sample.name);
    held += hold_promises(sample.text) ? 1 : 0;
  }
  CHECK(held > samples.size() / 2);  // the rest are wrong on purpose, or pieces
}

TEST_CASE("other blanks, the same layout") {
  fuzz::Random random(7);
  for (const auto& sample : test::rule_texts()) {
    if (!tree_of(sample.text)) continue;
    for (int i = 0; i < 3; ++i) {
      const std::string text = other_blanks(sample.text, random);
      INFO(sample.name);
      REQUIRE(tree_of(text) == tree_of(sample.text));
      REQUIRE(hold_promises(text));
    }
  }
}

TEST_CASE("spoiled texts: what still parses keeps its meaning, what does not is left alone") {
  std::vector<std::string> corpus;
  for (const auto& sample : test::rule_texts()) {
    if (sample.text.size() < 6'000) corpus.push_back(sample.text);
  }
  fuzz::Random random(2026);
  size_t held = 0;
  for (int i = 0; i < 3'000; ++i) {
    const std::string text = fuzz::mutated(corpus, random);
    if (text.size() > 20'000 || find_invalid_utf8(text) != std::string::npos) continue;
    if (hold_promises(text)) {
      ++held;
    } else {
      CHECK_FALSE(formatted(text).has_value());
    }
  }
  CHECK(held > 30);
}
