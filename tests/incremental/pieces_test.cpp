// Reading a file again, piece by piece.
#include <catch2/catch.hpp>

#include "lang/diag/render.h"
#include "lang/syntax/parse.h"
#include "lang/syntax/shifted.h"
#include "tests/incremental/edits.h"
#include "tests/incremental/tree_text.h"

using namespace dunlin;

namespace {

struct Read {
  SourceMap sources;
  ParsedFile parsed;
  std::string told;
};

Read read(const std::string& text, const ParsedFile* before, uint32_t number = 0) {
  Read made;
  for (uint32_t i = 0; i < number; ++i) made.sources.add("other.dun", "");
  const uint32_t file = made.sources.add("a.dun", text);
  made.parsed = parse_again(made.sources, file, before);
  Diagnostics diagnostics;
  for (const Diagnostic& one : made.parsed.diagnostics)
    (one.severity == Severity::error ? diagnostics.error({}, {}, {}) : diagnostics.warning({}, {}, {})) = one;
  made.told = render_json(diagnostics, made.sources) + test::tree_text(made.parsed.tree);
  return made;
}

const std::string three =
    "entity account {\n  key id : text\n  balance : money\n}\n\n/// What is due.\nextend account {\n  due = balance * 2\n}\n\ntest \"a\" {\n  given account { "
    "balance: 1 }\n}\n";

}  // namespace

TEST_CASE("a piece that stays is not parsed, wherever it moves") {
  const Read first = read(three, nullptr);
  CHECK(first.parsed.pieces.size() == 3);
  CHECK(first.parsed.pieces_read == 3);
  CHECK(first.parsed.diagnostics.empty());
  std::string text = three;
  text.replace(text.find("* 2"), 3, "* 25");
  const Read second = read(text, &first.parsed, 2);
  CHECK(second.parsed.pieces_read == 1);
  CHECK(second.told == read(text, nullptr, 2).told);
}

TEST_CASE("a bracket that is open for a moment costs its own piece") {
  const Read first = read(three, nullptr);
  std::string text = three;
  text.insert(text.find("balance * 2"), "(");
  const Read second = read(text, &first.parsed);
  CHECK(second.parsed.pieces_read == 1);
  CHECK_FALSE(second.parsed.diagnostics.empty());
  CHECK(second.told == read(text, nullptr).told);
  const Read third = read(three, &second.parsed);
  CHECK(third.parsed.pieces_read == 1);
  CHECK(third.told == first.told);
}

TEST_CASE("words at the margin that begin no declaration") {
  // A field called `table`, and a name behind an operator: both are read as one with what stands before.
  const std::string field = "entity account {\nkey id : text\ntable : text\n}\nqueue call { }\n";
  CHECK(read(field, nullptr).parsed.diagnostics.empty());
  CHECK(read(field, nullptr).parsed.tree.declarations.size() == 2);
  const std::string operand = "function f(test : int) -> int = 1 +\ntest\nenum a { b }\n";
  CHECK(read(operand, nullptr).parsed.diagnostics.empty());
  CHECK(read(operand, nullptr).parsed.tree.declarations.size() == 2);
}

TEST_CASE("the comments above a declaration are its own") {
  const Read made = read(three, nullptr);
  CHECK(made.parsed.tree.declarations.at(1).doc == "What is due.");
}

TEST_CASE("a tree that is too deep to be copied is parsed again") {
  ast::File deep;
  auto& function = std::get<ast::FunctionDecl>(deep.declarations.emplace_back(ast::Decl{{}, "", ast::FunctionDecl{}}).node);
  function.body = std::make_unique<ast::Expr>();
  ast::Expr* at = function.body.get();
  for (int i = 0; i < 5'000; ++i) {
    auto below = std::make_unique<ast::Expr>();
    ast::Expr* const next = below.get();
    at->node = ast::Unary{ast::UnaryOp::negate, std::move(below)};
    at = next;
  }
  ast::Decl copied;
  CHECK_FALSE(syntax::ShiftedCopy(0, 0).copy(deep.declarations.front(), copied));
  // However long, a chain is told the same way twice.
  std::string text = "entity account {\n  key id : text\n}\nfunction f(a : int) -> int = a";
  for (int i = 0; i < 3'000; ++i) text += " + a\n";
  const Read first = read(text, nullptr);
  CHECK(read(text, &first.parsed, 1).told == read(text, nullptr, 1).told);
}

TEST_CASE("no more than fifty mistakes of a file are told, whatever was read before") {
  std::string text;
  for (int i = 0; i < 80; ++i) text += "function f" + std::to_string(i) + "( -> int = 1\n";
  const Read first = read(text, nullptr);
  const Read second = read("enum a { b }\n" + text, &first.parsed);
  CHECK(second.told == read("enum a { b }\n" + text, nullptr).told);
  size_t mistakes = 0;
  for (const FilePiece& piece : first.parsed.pieces) mistakes += piece.mistakes;
  CHECK(mistakes <= 50);
}

TEST_CASE("one file through many edits") {
  BundleSources original{{{"a.dun", three + three + three}}};
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    fuzz::Random random(seed);
    BundleSources now = original;
    ParsedFile before;
    for (int i = 0; i < 60; ++i) {
      test::edit(now, original, random);
      const std::string text = now.files.empty() ? "" : now.files.front().text;
      if (find_invalid_utf8(text) != std::string::npos) continue;
      Read again = read(text, &before, static_cast<uint32_t>(random.below(3)));
      INFO("seed " << seed << ", edit " << i << "\n" << text);
      REQUIRE(again.told == read(text, nullptr, again.parsed.tree.source).told);
      before = std::move(again.parsed);
    }
  }
}
