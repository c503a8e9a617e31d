#include <catch2/catch.hpp>

#include "lang/diag/render.h"

using namespace dunlin;

namespace {

/// The place of the first `part` in the text.
Span place(const SourceMap& sources, std::string_view part) {
  const auto at = static_cast<uint32_t>(sources.text(0).find(part));
  return {0, at, static_cast<uint32_t>(at + part.size())};
}

}  // namespace

TEST_CASE("a message shows code, place, line, label, notes, example and help") {
  SourceMap sources;
  sources.add("soft.dun", "entity a {\n  b : text\n}\n  when balanse > 5 : go x\n");
  Diagnostics diagnostics;
  Diagnostic& d = diagnostics.error("E0106", place(sources, "balanse"), "unknown name `balanse`");
  d.label = "not a field of `account`";
  d.notes.push_back({place(sources, "b : text"), "the fields are declared here"});
  d.notes.push_back({{}, "a note without a place"});
  d.witness = {{"balance", "100_000"}, {"risk", "missing"}};
  d.help = "did you mean `balance`?";
  CHECK(render_text(diagnostics, sources) ==
        "error[E0106]: unknown name `balanse`\n"
        " --> soft.dun:4:8\n"
        "  |\n"
        "4 |   when balanse > 5 : go x\n"
        "  |        ^^^^^^^ not a field of `account`\n"
        "  = note: the fields are declared here\n"
        " --> soft.dun:2:3\n"
        "  |\n"
        "2 |   b : text\n"
        "  |   --------\n"
        "  = note: a note without a place\n"
        "  = for example: balance = 100_000, risk = missing\n"
        "  = help: did you mean `balance`?\n"
        "\n"
        "1 error\n");
}

TEST_CASE("the underline stands under the words behind tabs and wide letters") {
  SourceMap sources;
  sources.add("wide.dun", "\t残高 = злой + x\n");
  Diagnostics diagnostics;
  diagnostics.warning("E0106", place(sources, "злой"), "w");
  const std::string shown = render_text(diagnostics, sources);
  CHECK(shown.find("1 |     残高 = злой + x\n  |            ^^^^\n") != std::string::npos);
  CHECK(shown.find("wide.dun:1:7") != std::string::npos);  // columns count letters
  CHECK(shown.ends_with("1 warning\n"));
}

TEST_CASE("a long line is shown as a window around the place") {
  SourceMap sources;
  sources.add("long.dun", std::string(5000, 'a') + "HERE" + std::string(5000, 'b'));
  Diagnostics diagnostics;
  diagnostics.error("E0106", place(sources, "HERE"), "m");
  const std::string shown = render_text(diagnostics, sources);
  CHECK(shown.size() < 700);
  CHECK(shown.find("HERE") != std::string::npos);
  CHECK(shown.find("^^^^") != std::string::npos);
}

TEST_CASE("broken bytes and control characters are not passed on to the terminal") {
  SourceMap sources;
  sources.add("bytes.dun", "a \x1b[31m \xFF b");
  Diagnostics diagnostics;
  diagnostics.error("E0101", {0, 8, 9}, "m");
  const std::string shown = render_text(diagnostics, sources);
  CHECK(shown.find('\x1b') == std::string::npos);
  CHECK(find_invalid_utf8(shown) == std::string_view::npos);
  CHECK(find_invalid_utf8(render_json(diagnostics, sources)) == std::string_view::npos);
}

TEST_CASE("JSON holds the same") {
  SourceMap sources;
  sources.add("soft.dun", "x\n  yy z\n");
  Diagnostics diagnostics;
  Diagnostic& d = diagnostics.error("E0106", {0, 4, 6}, "m");
  d.witness = {{"a", "1"}};
  d.fixes.push_back({{0, 4, 6}, "zz", "write `zz`"});
  diagnostics.warning("W", {}, "nowhere");
  const std::string json = render_json(diagnostics, sources);
  for (const char* part : {"\"severity\": \"error\"", "\"code\": \"E0106\"", "\"file\": \"soft.dun\"", "\"line\": 2", "\"column\": 3", "\"end_column\": 5",
                           "\"replacement\": \"zz\"", "\"name\": \"a\"", "\"value\": \"1\"", "\"errors\": 1", "\"warnings\": 1", "\"left_out\": 0"}) {
    INFO(part);
    CHECK(json.find(part) != std::string::npos);
  }
}

TEST_CASE("messages are kept up to a limit, and sorting drops repeats") {
  Diagnostics diagnostics(3);
  for (uint32_t i = 0; i < 5; ++i) diagnostics.error("E0106", {0, 9 - i, 9}, "m");
  diagnostics.warning("E0107", {0, 1, 2}, "w");
  CHECK(diagnostics.all().size() == 4);
  CHECK(diagnostics.error_count() == 5);
  CHECK(diagnostics.left_out() == 2);
  Diagnostics twice;
  twice.error("E0107", {0, 5, 6}, "b");
  twice.error("E0106", {0, 1, 2}, "a");
  twice.error("E0107", {0, 5, 6}, "b");
  twice.sort();
  REQUIRE(twice.all().size() == 2);
  CHECK(twice.all()[0].message == "a");
  CHECK(twice.error_count() == 2);
}

TEST_CASE("every code has a title") {
  CHECK(code_title("E0106") != nullptr);
  CHECK(code_title("E9999") == nullptr);
  CHECK(all_codes().size() >= 20);
}
