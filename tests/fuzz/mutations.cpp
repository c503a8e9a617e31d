#include "tests/fuzz/mutations.h"

#include <algorithm>
#include <iterator>

namespace dunlin::fuzz {

namespace {

constexpr const char* pieces[] = {"strategy", "stage",    "on",         "when",       "after",    "every",      "keep",
                                  "go",       "back",     "by",         "at",         "else",     "skip",       "in",
                                  "not",      "default",  "known",      "missing",    "any",      "otherwise",  "table",
                                  "entity",   "event",    "queue",      "outcomes",   "test",     "given",      "expect",
                                  "match",    "if",       "then",       "let",        "for",      "where",      "while",
                                  "within",   "since",    "per",        "limits",     "hold",     "lift",       "stops",
                                  "lasts",    "timers",   "until",      "deadline",   "approval", "quota",      "allocation",
                                  "feed",     "campaign", "experiment", "holdout",    "migrate",  "schedule",   "territory",
                                  "template", "applies",  "never",      "except",     "reserve",  "slots",      "counting",
                                  "none",     "between",  "merge",      "assign",     "needs",    "late",       "batch",
                                  "status",   "numbers",  "warn",       "missed",     "champion", "challenger", "guardrail",
                                  "count",    "sum",      "first",      "of",         "{",        "}",          "(",
                                  ")",        "[",        "]",          "|",          "||",       "->",         "..",
                                  "..<",      ":",        ",",          ".",          "=",        "==",         "-",
                                  "+",        "*",        "/",          "%",          "\"",       "`",          "//",
                                  "///",      "\n",       "\r\n",       "\t",         " ",        "3 days",     "2 business days",
                                  "12%",      "08:00",    "25:99",      "2026-01-05", "2026-1-5", "2026-02-30", "50_000",
                                  "1__0",     "\"{a}\"",  "\"{\"",      "\"\\q\"",    "ж",        "日本",       "ԁ",
                                  "é",        ";",        "'",          "&&",         "<>",       "≤",          "\xEF\xBB\xBF",
                                  "\xFF",     "\xC3",     "hold",       "limits",     "mod",      "personal",   "key"};

void insert_piece(std::string& text, Random& random) { text.insert(random.below(text.size() + 1), pieces[random.below(std::size(pieces))]); }

void remove_part(std::string& text, Random& random) {
  if (text.empty()) return;
  const size_t at = random.below(text.size());
  text.erase(at, 1 + random.below(random.one_in(8) ? 200 : 6));
}

void change_byte(std::string& text, Random& random) {
  if (!text.empty()) text[random.below(text.size())] = static_cast<char>(random.below(256));
}

void repeat_part(std::string& text, Random& random) {
  if (text.empty()) return;
  const size_t at = random.below(text.size());
  const std::string part = text.substr(at, 1 + random.below(30));
  for (size_t i = 0, times = 1 + random.below(random.one_in(20) ? 400 : 4); i < times; ++i) text.insert(at, part);
}

void swap_lines(std::string& text, Random& random) {
  const auto line_at = [&](size_t place) {
    const size_t begin = place == 0 ? 0 : text.rfind('\n', place - 1) + 1;
    const size_t end = std::min(text.find('\n', place), text.size());
    return std::pair(std::min(begin, end), end);
  };
  if (text.size() < 2) return;
  auto first = line_at(random.below(text.size()));
  auto second = line_at(random.below(text.size()));
  if (first.first > second.first) std::swap(first, second);
  if (first.second > second.first) return;
  const std::string early = text.substr(first.first, first.second - first.first);
  const std::string late = text.substr(second.first, second.second - second.first);
  text.replace(second.first, late.size(), early);
  text.replace(first.first, early.size(), late);
}

void splice(std::string& text, const std::string& other, Random& random) {
  const size_t from = random.below(other.size() + 1);
  text.insert(random.below(text.size() + 1), other.substr(from, random.below(300)));
}

}  // namespace

uint64_t Random::next() {
  state_ ^= state_ >> 12;
  state_ ^= state_ << 25;
  state_ ^= state_ >> 27;
  return state_ * 0x2545F4914F6CDD1Dull;
}

std::string mutated(const std::vector<std::string>& corpus, Random& random) {
  const std::string& origin = corpus[random.below(corpus.size())];
  // A part of a file is as good as the whole and faster to read.
  std::string text = random.one_in(4) ? origin : origin.substr(random.below(origin.size() + 1), 200 + random.below(1500));
  for (size_t i = 0, changes = 1 + random.below(6); i < changes; ++i) {
    switch (random.below(7)) {
      case 0:
      case 1:
        insert_piece(text, random);
        break;
      case 2:
        remove_part(text, random);
        break;
      case 3:
        change_byte(text, random);
        break;
      case 4:
        repeat_part(text, random);
        break;
      case 5:
        swap_lines(text, random);
        break;
      default:
        splice(text, corpus[random.below(corpus.size())], random);
    }
  }
  return text;
}

std::vector<std::string> hostile_texts() {
  const auto times = [](std::string_view part, size_t n) {
    std::string text;
    for (size_t i = 0; i < n; ++i) text += part;
    return text;
  };
  const std::string field = "extend a { x = ";
  return {
      "",
      "\n\n\n",
      std::string(1, '\0'),
      std::string("entity a { b\0c : text }", 23),
      "\xFF\xFE",
      "entity \xC3",
      times("x", 1 << 20),
      "entity a { " + times("b : text ", 120'000) + "}",
      times("(", 10'000),
      times("{", 10'000),
      times("}", 10'000),
      times("(\n", 10'000),
      times("[", 10'000) + times("]", 10'000),
      times("hold a {", 10'000) + times("}", 10'000),
      field + times("(", 10'000) + "1" + times(")", 10'000) + " }",
      field + times("not ", 10'000) + "b }",
      field + times("- ", 10'000) + "b }",
      field + times("not\n", 150'000) + "b }",
      field + times("if a then ", 5'000) + "b }",
      field + "a" + times(" or\n a", 20'000) + " }",
      field + "a" + times(" +\n a", 20'000) + " }",
      field + "a" + times("\n.a", 100'000) + " }",
      field + "a" + times(" default\n a", 50'000) + " }",
      field + times("f(", 150) + "1" + times(")", 150) + " }",
      field + times("[", 10'000) + " }",
      "entity a { b : " + times("list of\n ", 50'000) + "text }",
      times("let x = 1\n", 50'000),
      "function f() -> int = " + times("let x = 1\n", 50'000) + "x",
      times("\"", 60'000),
      times("\"{", 20'000),
      "queue a { note " + times("\"{\"{\"{", 500) + " }",
      times("///\n", 200'000),
      times(";", 60'000),
      times(";\n", 100'000),
      times("stratgey x {\n", 150),
      times("entity a {}\nstratgey b {}\n", 20'000),
      "strategy a for b {\n" + times("nonsense here\n", 100'000) + "}",
      "strategy a for b {\n" + times("on x go y\n", 20'000) + "}",
      "table t(a : int) -> (b : int) {\n| a || b |\n" + times("| 1 | 2 |\n", 20'000) + "}",
      times("| ", 30'000),
      times("entity a { b : enum {\n", 90),
      times("strategy s for a {\n", 5'000),
      times("({\n", 100) + times("x\n", 100'000),
      "test \"t\" {\n" + times("at 2026-01-05 : expect stage a,\n", 20'000) + "}",
  };
}

}  // namespace dunlin::fuzz
