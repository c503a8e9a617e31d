// Input that is hostile or broken: a message, never a crash.
#include <catch2/catch.hpp>
#include <thread>

#include "lang/diag/render.h"
#include "lang/syntax/ast_dump.h"
#include "lang/syntax/parse.h"
#include "tests/unit/front/front_test.h"

using namespace dunlin;
using namespace dunlin::front_test;
using Codes = std::vector<std::string>;

namespace {

std::string times(const std::string& part, size_t n) {
  std::string text;
  for (size_t i = 0; i < n; ++i) text += part;
  return text;
}

}  // namespace

TEST_CASE("an empty file is an empty bundle file") {
  CHECK(tree("").empty());
  CHECK(tree("\n\n  // nothing\n").empty());
}

TEST_CASE("what is not UTF-8 is refused at the byte") {
  CHECK(mistakes("use a\nuse \xFF") == Codes{"E0101@2"});
  CHECK(mistakes("use \xC3") == Codes{"E0101@1"});
  CHECK(mistakes("use \xED\xA0\x80") == Codes{"E0101@1"});
  CHECK(mistakes("use \xC0\xAF") == Codes{"E0101@1"});
}

TEST_CASE("a zero byte spoils the item it stands in") { CHECK(mistakes(std::string("entity a { b\0c : text, d : int }", 32)) == Codes{"E0114@1"}); }

TEST_CASE("a megabyte in one line is refused") {
  CHECK(mistakes(times("x", 1 << 20)) == Codes{"E0102@1"});
  CHECK(mistakes("use a\n" + times("b ", 1 << 19)) == Codes{"E0102@2"});
}

TEST_CASE("a file beyond the limit is refused") {
  SourceMap sources;
  sources.add("test.dun", "use abcdef");
  Diagnostics diagnostics;
  ParseLimits limits;
  limits.bytes_max = 5;
  parse_file(sources, 0, diagnostics, limits);
  REQUIRE(diagnostics.all().size() == 1);
  CHECK(diagnostics.all()[0].code == "E0102");
}

TEST_CASE("ten thousand nested brackets are refused, a hundred are not") {
  for (const char* open : {"(", "[", "{", "f("}) CHECK(mistakes("extend a { x = " + times(open, 10'000)) == Codes{"E0103@1"});
  CHECK(tree("extend a { x = " + times("(", 100) + "1" + times(")", 100) + " }") == "extend a\n  x = 1\n");
}

TEST_CASE("expressions that nest without brackets are refused too") {
  CHECK(mistakes("extend a { x = " + times("not ", 10'000) + "b }") == Codes{"E0103@1"});
  CHECK(mistakes("extend a { x = " + times("- ", 10'000) + "b }") == Codes{"E0103@1"});
  CHECK(mistakes("extend a { x = " + times("if a then ", 3'000) + "b }").size() == 1);
  CHECK(mistakes("extend a { x = a" + times(" + a", 10'000) + " }") == Codes{"E0103@1"});
  CHECK(mistakes("extend a { x = a" + times(".a", 10'000) + " }") == Codes{"E0103@1"});
  CHECK(mistakes("extend a { x : " + times("list of ", 5'000) + " int }") == Codes{"E0103@1"});
  CHECK(mistakes("function f() -> int =\n" + times("let x = 1\n", 5'000) + "x")[0].starts_with("E0103"));
}

TEST_CASE("only so many mistakes of one file are shown") {
  const Codes found = mistakes(times("nonsense\n", 1000));
  CHECK(found.size() == ParseLimits{}.errors_max);
  CHECK(shown(times("nonsense\n", 1000)).find("there may be more mistakes in this file") != std::string::npos);
}

TEST_CASE("files are read by several threads at once") {
  const std::string text = file_text("tests/unit/front/language_tour/acting.dun") + "\nstratgey x\n";
  SourceMap sources;
  for (int i = 0; i < 4; ++i) sources.add("test.dun", text);
  std::vector<std::string> found(4);
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 3; ++round) {
        Diagnostics diagnostics;
        found[i] = dump(parse_file(sources, i, diagnostics));
        found[i] += std::to_string(diagnostics.error_count());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(found[0].ends_with("1"));
  for (const std::string& one : found) CHECK(one == found[0]);
}
