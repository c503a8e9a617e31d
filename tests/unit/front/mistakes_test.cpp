// What is said about a mistake: the code and place of each kind, and that one mistake is one message.
#include <catch2/catch.hpp>

#include "tests/unit/front/front_test.h"

using namespace dunlin::front_test;
using Codes = std::vector<std::string>;

namespace {

bool says(const std::string& text, std::initializer_list<const char*> parts) {
  const std::string all = shown(text);
  for (const char* part : parts) {
    if (all.find(part) != std::string::npos) continue;
    UNSCOPED_INFO("missing: " << part << "\nin:\n" << all);
    return false;
  }
  return true;
}

}  // namespace

TEST_CASE("many mistakes are found in one run and none is invented") {
  CHECK(mistakes("stratgey soft \"S\" for account { stage a { } }\n"
                 "strategy soft \"Soft\" for account {\n"
                 "  enrol wen dpd > 3\n"
                 "  when a == 3 : go b\n"
                 "  on fine : go b\n"
                 "  when dpd > 3 go b\n"
                 "  stage calling {\n"
                 "    kepe call \"x\" while contactable {\n"
                 "      due 1 day\n"
                 "    }\n"
                 "    on entry : sms \"unfinished\n"
                 "    every 7 days at mots 4 times : mail \"x\"\n"
                 "    after 3days : go b\n"
                 "  }\n"
                 "  on stage : go b\n"
                 "}\n"
                 "entity a {\n"
                 "  b text\n"
                 "  c : text\n"
                 "  d = (1 + 2\n"
                 "  e = 3\n"
                 "}\n") ==
        Codes{"E0107@1", "E0106@3", "E0115@4", "E0106@6", "E0108@8", "E0109@11", "E0106@12", "E0113@13", "E0117@15", "E0106@18", "E0104@20"});
}

TEST_CASE("items around a mistake are kept") {
  SECTION("in a block") {
    // The dump of what was read is not shown beside messages, so the good items are counted by their own mistakes.
    CHECK(mistakes("entity a {\n b text\n c : text\n}\nentity d {\n e : text\n f text\n}") == Codes{"E0106@2", "E0106@7"});
  }
  SECTION("behind a block that is dropped with its header") {
    CHECK(mistakes("strategy s account {\n stage a { on x : go y }\n}\nuse 5\n") == Codes{"E0106@1", "E0106@4"});
  }
}

TEST_CASE("near matches") {
  CHECK(says("stratgey x", {"error[E0107]: `stratgey` does not begin a declaration", "test.dun:1:1", "did you mean `strategy`?"}));
  CHECK(says("segmentaton x", {"did you mean `segmentation`?"}));
  CHECK(says("strategy s for a { enrol wen x }", {"`wen`", "did you mean `when`?"}));
  CHECK(says("strategy s for a { stage b { kepe call \"x\" } }", {"error[E0108]: `kepe` cannot stand in a stage", "did you mean `keep`?"}));
  CHECK(says("strategy s for a { stage b { on entry :\n set x = 1\n set y = 2\n } }",
             {"error[E0108]: `set` cannot stand in a stage", "a comma between two actions"}));
  CHECK(says("queue q { leese 3 minutes }\nxyzzy q", {"`xyzzy` does not begin a declaration", "a declaration begins with"}));
  CHECK(says("always { keep c \"x\" { agian by f(x) } }", {"did you mean `again`?"}));
}

TEST_CASE("what was expected is said in words of the language") {
  CHECK(says("strategy s for a { when dpd > 3 go b }", {"expected `:`, found `go`", "in a `when` rule", "it is written when CONDITION : go STAGE"}));
  CHECK(says("entity a { b text }", {"expected `:` or `=`, found `text`", "in a field"}));
  CHECK(says("entity a { b : }", {"expected a name, found `}`"}));
  CHECK(says("extend a { b = }", {"expected a value, found `}`"}));
  CHECK(says("function f() -> int = if a then b\n", {"expected `else`, found the end of the line"}));
  CHECK(says("segmentation r for a {\n high if x\n}", {"expected `when`, found `if`"}));
  CHECK(says("strategy s for a { var b int = 3 }", {"expected the end of the line, found `int`"}));
  CHECK(says("table t(a : int) -> (b : int) {\n | a || b |\n | 1 | 2 |\n}", {"this row has no outputs", "test.dun:3"}));
  CHECK(says("on payment : go x", {"error[E0107]: `on` does not begin a declaration", "rules and stages stand inside"}));
  CHECK(says("use 5", {"expected a name, found `5`"}));
  CHECK(mistakes("use std.\nqueue q { cost }") == Codes{"E0106@1", "E0106@2"});
  CHECK(says("always { on e : mail \"x\" go b }", {"expected the end of the line, found `go`", "a comma stands between two actions"}));
  CHECK(says("always {\n go b\n}", {"`go` cannot stand", "behind the `:` of a rule"}));
  CHECK(says("test x { }", {"expected a text in quotes, found `x`"}));
}

TEST_CASE("brackets") {
  SECTION("one that is never closed is shown where it opens, and the rest is read") {
    CHECK(mistakes("extend a {\n x = (a + b\n y = [1, 2\n z = 3\n w 5\n}\n") == Codes{"E0104@2", "E0104@3", "E0106@5"});
    CHECK(mistakes("strategy s for a {\n  stage b {\n    on x : go c\n\n}\nqueue q {\n  cost\n}\n") == Codes{"E0104@2", "E0106@7"});
    CHECK(mistakes("strategy s for a {\n  on x : go c\n\nqueue q { cost 1 }\nentity b { c }\n") == Codes{"E0104@1", "E0106@5"});
    CHECK(mistakes("entity a {\n  b : text\n") == Codes{"E0104@1"});
  }
  SECTION("what goes wrong in a mended line is not reported again") {
    CHECK(mistakes("strategy s for a {\n stage b {\n  keep c \"x\" while (d and e {\n   due 1 day\n  }\n  on f go g\n }\n}") == Codes{"E0104@3", "E0106@6"});
    CHECK(mistakes("extend a {\n x = (b + + c\n y z\n}") == Codes{"E0104@2", "E0106@3"});
  }
  SECTION("one that closes nothing") {
    CHECK(mistakes("entity a {\n  b : text\n}\n}\nuse 5\n") == Codes{"E0105@4", "E0106@5"});
    CHECK(mistakes("extend a { x = 1 + 2) }") == Codes{"E0105@1"});
  }
  SECTION("round brackets over several lines are fine") { CHECK(mistakes("extend a {\n x = f(\n  a,\n  b\n )\n}").empty()); }
}

TEST_CASE("texts and names that do not end") {
  CHECK(mistakes("entity a {\n b : text\n c = \"x\n d = 4\n}") == Codes{"E0109@3"});
  CHECK(mistakes("strategy s for a {\n stage b \"Title {\n  on x : go c\n }\n}") == Codes{"E0109@2"});
  CHECK(mistakes("extend a { x = `abc\n }") == Codes{"E0109@1"});
  CHECK(mistakes("extend a { x = \"a {b\" }") == Codes{"E0121@1"});
  CHECK(mistakes("extend a { x = \"a {} b\" }") == Codes{"E0121@1"});
  CHECK(mistakes("extend a { x = \"a \\q b\" }") == Codes{"E0121@1"});
  CHECK(mistakes("extend a { x = \"a {b +} c\" }") == Codes{"E0106@1"});
}

TEST_CASE("dates, times and numbers") {
  CHECK(says("extend a { x = 2026-1-5 }", {"error[E0111]: `2026-1-5` is not a date"}));
  CHECK(says("extend a { x = 2026-02-30 }", {"error[E0111]: `2026-02-30` is not in the calendar", "28 days"}));
  CHECK(mistakes("extend a { x = 2026-13-01 }") == Codes{"E0111@1"});
  CHECK(mistakes("extend a { x = 2025-02-29 }") == Codes{"E0111@1"});
  CHECK(mistakes("extend a { x = 25:00 }") == Codes{"E0112@1"});
  CHECK(mistakes("extend a { x = 12:60 }") == Codes{"E0112@1"});
  CHECK(mistakes("extend a { x = 8:5 }") == Codes{"E0112@1"});
  CHECK(mistakes("extend a { x = 3days }") == Codes{"E0113@1"});
  CHECK(mistakes("extend a { x = 1__000 }") == Codes{"E0113@1"});
}

TEST_CASE("signs of other languages") {
  CHECK(says("extend a { x = b == c }", {"error[E0115]: `==` is not an operator of Dunlin", "write `=`"}));
  CHECK(says("extend a { x = b <> c }", {"write `!=`"}));
  CHECK(says("extend a { x = b && c }", {"write `and`"}));
  CHECK(says("extend a { x = b % c }", {"`a mod b`"}));
  CHECK(says("extend a { x = b ≥ c }", {"write `>=`"}));
  CHECK(mistakes("use a;\nuse b;\n") == Codes{"E0114@1", "E0114@2"});
  CHECK(mistakes("extend a { x = 'b' }") == Codes{"E0114@1"});
}

TEST_CASE("a line may not begin with a minus") {
  CHECK(mistakes("extend a {\n x = b\n   - c\n y = d\n}") == Codes{"E0116@3"});
  CHECK(mistakes("always {\n on e where b\n   - c > 3 : go x\n on f : go y\n}") == Codes{"E0116@3"});
  CHECK(mistakes("extend a {\n x = b -\n c\n}").empty());
  CHECK(mistakes("extend a {\n x = (b\n - c)\n}").empty());
}

TEST_CASE("names") {
  CHECK(says("entity a { when : text }", {"error[E0117]: `when` is a reserved word", "`when`"}));
  CHECK(mistakes("entity a { default : int, on : int }").front() == "E0117@1");
  CHECK(mistakes("strategy s for a { stage go { } }") == Codes{"E0117@1"});
  CHECK(says("entity a { с_c : text }", {"error[E0110]", "mixes letters of several scripts"}));
  CHECK(mistakes("entity a { долг : text, zaległość : text, 延滞日数 : int, のこり : int, 남은 : int }").empty());
  CHECK(mistakes("entity a { pаyment : money }") == Codes{"E0110@1"});  // the second letter is Cyrillic
}

TEST_CASE("forms that parse but cannot be meant") {
  CHECK(says("extend a { x = b < c < d }", {"error[E0118]: comparisons cannot be chained"}));
  CHECK(mistakes("always { on e : go a, mail \"x\" }") == Codes{"E0119@1"});
  CHECK(mistakes("table t(a : int) -> (b : int) {\n | 1 || 2 |\n}") == Codes{"E0120@2"});
  CHECK(mistakes("always { on e when x : go a }") == Codes{"E0122@1"});
  CHECK(mistakes("always { after 3 days where x : go a }") == Codes{"E0122@1"});
  CHECK(mistakes("queue q { cost 1, lease 2 minutes, cost 3 }") == Codes{"E0123@1"});
  CHECK(mistakes("strategy s for a {\n enrol when b\n enrol when c\n keep q \"x\" { due 1 day\n due 2 days }\n}") == Codes{"E0123@3", "E0123@5"});
  CHECK(mistakes("event payment { amount : money }") == Codes{"E0106@1"});
  CHECK(mistakes("function f() -> int") == Codes{"E0106@1"});
  CHECK(mistakes("native function f() -> int = 3") == Codes{"E0106@1"});
  CHECK(mistakes("extend a { x = f(b within 3 days) }") == Codes{"E0106@1"});
  CHECK(mistakes("extend a { x = count(b within 3 days within 4 days) }") == Codes{"E0106@1"});
  CHECK(mistakes("test \"t\" {\n expect stage b\n}") == Codes{"E0108@2"});
}

TEST_CASE("a task without a rule is told where it stands") {
  CHECK(says("strategy s for a {\n stage b { mail \"x\" }\n}", {"error[E0108]: `mail` cannot stand in a stage", "a task stands behind the `:` of a rule"}));
}

TEST_CASE("a choice without brackets is told to have some") {
  CHECK(says("always { on e : mail if x then \"a\" else \"b\" }", {"expected the end of the line, found `if`", "chosen behind `by`, in brackets"}));
  CHECK(says("always { on e : mail by if x then \"a\" else \"b\" }", {"error[E0106]: expected a value, found `if`", "stands in brackets here"}));
  CHECK(says("always { after if x then 3 days else 5 days : mail \"a\" }", {"found `if`", "stands in brackets here"}));
  CHECK(mistakes("always { on e : mail by (if x then \"a\" else \"b\"), after (if x then 3 days else 5 days) : mail \"a\" }").empty());
}

TEST_CASE("a fix names the place and the replacement") { CHECK(says("stratgey x", {"help: did you mean `strategy`?"})); }
