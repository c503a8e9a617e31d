// Where an item ends.
#include <catch2/catch.hpp>

#include "tests/unit/front/front_test.h"

using namespace dunlin::front_test;

TEST_CASE("an item goes on over a line end where it cannot be over") {
  const char* one_line = "strategy s for a { when x and y = 3 or z : go b }";
  CHECK(tree(one_line) == tree("strategy s\n  for a\n{\n  when x\n    and y =\n      3\n    or z\n  :\n    go b\n}\n"));
  CHECK(tree("extend a { x = f(a,\n  b\n  + c\n) }") == tree("extend a { x = f(a, b + c) }"));
  CHECK(tree("extend a { x =\n  if a\n  then b\n  else c }") == tree("extend a { x = if a then b else c }"));
}

TEST_CASE("items may stand side by side, at commas or on lines of their own") {
  const std::string expected = tree("entity w { key id : text\n issued : date?\n kind : enum { a, b }\n d = 3 }");
  CHECK(tree("entity w { key id : text   issued : date?   kind : enum { a, b }   d = 3 }") == expected);
  CHECK(tree("entity w { key id : text, issued : date?, kind : enum { a, b }, d = 3, }") == expected);
  CHECK(tree("entity w {\n\n  key id : text,\n  issued : date?\n\n  kind : enum {\n a,\n b\n }\n  d =\n 3\n}") == expected);
  CHECK(tree("strategy s for a { on x : go b   on y, z : go c   when d : go e }") == tree("strategy s for a {\non x : go b\non y, z : go c\nwhen d : go e\n}"));
}

TEST_CASE("several actions stand in a list that may be broken at its commas") {
  CHECK(tree("always { on a, b :\n mail \"x\",\n set c.d = 3,\n go back\n on e : go f }") ==
        "always\n  on a, b : task mail \"x\", set c.d = 3, go back\n  on e : go f\n");
}

TEST_CASE("documentation is kept, other comments are not") {
  CHECK(tree("/// One.\n///  Two.\nentity a { /// Three.\n b : text // four\n}\n//////// a line\n") == "doc One.\n Two.\nentity a\n  b : text // Three.\n");
}

TEST_CASE("let lines in braces or without") {
  const char* expected = "function f(x : int) -> int = (let y = (x + 1); (let z = y; (y * z)))\n";
  CHECK(tree("function f(x : int) -> int {\n  let y = x + 1\n  let z = y\n  y * z\n}") == expected);
  CHECK(tree("function f(x : int) -> int =\n  let y = x + 1\n  let z = y\n  y * z\n") == expected);
  CHECK(tree("function f(x : int) -> int = { let y = x + 1, let z = y, y * z }") == expected);
}

TEST_CASE("the rule of a timer goes on before its colon; whatever else ends before `when` still does") {
  CHECK(tree("strategy s for a {\n at due - 1 day else skip\n when x known : go b\n when y : go c }") ==
        tree("strategy s for a { at due - 1 day else skip when x known : go b, when y : go c }"));
  CHECK(tree("strategy s for a {\n after 3 days in s\n   when x : go b\n every 7 days at most 4 times\n when y : mail \"d\" }") ==
        tree("strategy s for a { after 3 days in s when x : go b, every 7 days at most 4 times when y : mail \"d\" }"));
  CHECK(tree("strategy s for a {\n on change pin\n when x : go b\n after 3 days : go c\n when y : go d }") ==
        tree("strategy s for a { on change pin, when x : go b, after 3 days : go c, when y : go d }"));
  CHECK(tree("strategy s for a { var at : int = 3\n when x : go b }") == tree("strategy s for a { var at : int = 3, when x : go b }"));
}

TEST_CASE("`for` goes on with a standing task, `for any` begins a property") {
  CHECK(tree("strategy s for a {\n keep call \"x\" to g\n for g in parties where g.b while c }") ==
        tree("strategy s for a { keep call \"x\" to g for g in parties where g.b while c }"));
  CHECK(tree("test \"x\" {\n given b\n for any a where c\n : expect d }") == tree("test \"x\" { given b, for any a where c : expect d }"));
}
