// What the layout looks like, construct by construct.
#include "lang/format/format.h"

#include <catch2/catch.hpp>

using namespace dunlin;

namespace {

std::string formatted(const std::string& text) {
  SourceMap sources;
  Diagnostics diagnostics;
  const uint32_t file = sources.add("x.dun", text);
  auto result = format_file(sources, file, diagnostics);
  if (!result) return "error: " + result.error();
  return *result;
}

}  // namespace

TEST_CASE("fields stand in columns, blank lines begin new ones") {
  CHECK(formatted("entity account{\nkey id:text\noverdue_since  :date?   // none: not overdue\nscore:int? in 300 .. 850\n\n\n\n/// "
                  "Days.\ndpd=days(overdue_since,today)default 0}") ==
        "entity account {\n"
        "  key id        : text\n"
        "  overdue_since : date?  // none: not overdue\n"
        "  score         : int? in 300..850\n"
        "\n"
        "  /// Days.\n"
        "  dpd = days(overdue_since, today) default 0\n"
        "}\n");
}

TEST_CASE("tables: cells in columns, `otherwise` meets its outputs") {
  CHECK(formatted("table t(a : int,b:text)->(c : int) first {\n|a|b||c|\n| < 10_000|\"просрочка\"||-1|\n|otherwise||20|\n}") ==
        "table t(a : int, b : text) -> (c : int) first {\n"
        "  | a        | b           || c  |\n"
        "  | < 10_000 | \"просрочка\" || -1 |\n"
        "  | otherwise              || 20 |\n"
        "}\n");
}

TEST_CASE("rules: what is done stands in a column, long heads stand out") {
  CHECK(formatted("strategy s for account {\n enrol when dpd>0\n var n:int=0\n var letters:int=0\n\n stage a {\n on entry: mail \"x\"\n after 45 days in soft "
                  "when letters>=2 :go b\n }\n"
                  "stage b { keep call \"x\" while dpd>0 {again 2 days,window 18:00 .. 20:30}\n}\n final stage c }") ==
        "strategy s for account {\n"
        "  enrol when dpd > 0\n"
        "  var n       : int = 0\n"
        "  var letters : int = 0\n"
        "\n"
        "  stage a {\n"
        "    on entry :                                mail \"x\"\n"
        "    after 45 days in soft when letters >= 2 : go b\n"
        "  }\n"
        "  stage b {\n"
        "    keep call \"x\" while dpd > 0 { again 2 days, window 18:00..20:30 }\n"
        "  }\n"
        "  final stage c\n"
        "}\n");
}

TEST_CASE("lines that go on are indented; payloads have tight colons; comments stay where they are") {
  CHECK(formatted("strategy s for account {\nafter 2 weeks when quiet>14 :\n// all at once\nnotify boss \"x\",\nraise reviewed{by :\"engine\",score:-1},\nset "
                  "n=n- 1\n}\n"
                  "test \"t\" {\ngiven account{overdue :4_000}\non 2026-01-06 payment of second{amount :100}:\nexpect stage cured\nset account.n=0\n}") ==
        "strategy s for account {\n"
        "  after 2 weeks when quiet > 14 :\n"
        "    // all at once\n"
        "    notify boss \"x\",\n"
        "    raise reviewed { by: \"engine\", score: -1 },\n"
        "    set n = n - 1\n"
        "}\n"
        "test \"t\" {\n"
        "  given account { overdue: 4_000 }\n"
        "  on 2026-01-06 payment of second { amount: 100 } :\n"
        "    expect stage cured\n"
        "    set account.n = 0\n"
        "}\n");
}

TEST_CASE("settings, segments, outcomes, arms") {
  CHECK(formatted("bundle b \"B\"\n{\ntimezone Europe / Warsaw\nday starts 06:00\n}\nqueue q {\noutcomes q\ncost 3\nfields {phone:text? personal}\n}\n"
                  "segmentation r for account {\nhigh when score<500\nvery_low when score>800\notherwise low\n}\n"
                  "outcomes q of account {\nreached{yes,no(why:text?)}\nnot_reached  {busy}\n}\nextend account { t=match r "
                  "{\n|high->\"a\"\n|very_low,low->\"b\"\n}\n}") ==
        "bundle b \"B\" {\n"
        "  timezone Europe/Warsaw\n"
        "  day      starts 06:00\n"
        "}\n"
        "queue q {\n"
        "  outcomes q\n"
        "  cost     3\n"
        "  fields   { phone : text? personal }\n"
        "}\n"
        "segmentation r for account {\n"
        "  high     when score < 500\n"
        "  very_low when score > 800\n"
        "  otherwise low\n"
        "}\n"
        "outcomes q of account {\n"
        "  reached     { yes, no (why : text?) }\n"
        "  not_reached { busy }\n"
        "}\n"
        "extend account {\n"
        "  t = match r {\n"
        "    | high          -> \"a\"\n"
        "    | very_low, low -> \"b\"\n"
        "  }\n"
        "}\n");
}

TEST_CASE("a file with mistakes is left alone") {
  CHECK(formatted("entity account { key id text }").starts_with("error: `x.dun` has mistakes"));
  CHECK(formatted("entity account {").starts_with("error:"));
}

TEST_CASE("small files: empty, comments only, byte order mark, Windows line ends") {
  CHECK(formatted("").empty());
  CHECK(formatted("\n\n") == "");
  CHECK(formatted("// a\r\n\r\n\r\n//b  \r\n") == "// a\n\n//b\n");
  CHECK(formatted("\xEF\xBB\xBFuse std.calendar\r\n") == "use std.calendar\n");
}
