// Tables: shapes, cells as intervals, outputs, policies.
#include <catch2/catch.hpp>

#include "checking.h"

using namespace dunlin;
using namespace dunlin::sema_test;
using checked::Cell;
using checked::TypeKind;

namespace {

Checked table_of(const std::string& type, const std::string& cell) {
  return check("enum size { small, medium, large }\ntable t(x : " + type + ") -> (y : int) first {\n  | x || y |\n  | " + cell +
               " || 1 |\n  | any || 2 |\n}\n");
}

std::string intervals(const Checked& made) {
  REQUIRE(made.program);
  const Cell& cell = made.program->tables[0].rows[0].cells[0];
  std::string text;
  for (const auto& interval : cell.intervals) {
    text += text.empty() ? "" : " ";
    text += (interval.low == INT64_MIN ? "min" : std::to_string(interval.low)) + ".." + (interval.high == INT64_MAX ? "max" : std::to_string(interval.high));
  }
  return text + (cell.accepts_missing ? " missing" : "");
}

}  // namespace

TEST_CASE("cells become intervals") {
  const auto cell = [](const std::string& type, const std::string& text) { return intervals(table_of(type, text)); };
  CHECK(cell("int", "5") == "5..5");
  CHECK(cell("int", "1..30") == "1..30");
  CHECK(cell("int", "1..<30") == "1..29");
  CHECK(cell("int", "< 10") == "min..9");
  CHECK(cell("int", ">= 10") == "10..max");
  CHECK(cell("int", "not 5") == "min..4 6..max");
  CHECK(cell("int", "1..3, 4, 7") == "1..4 7..7");
  CHECK(cell("int", "-3..-1") == "-3..-1");
  CHECK(cell("money", "10_000..<100_000") == "1000000..9999999");
  CHECK(cell("decimal", "< 12%") == "min..119999");
  CHECK(cell("date", "2026-01-01..2026-01-31") == "20454..20484");
  CHECK(cell("bool", "true") == "1..1");
  CHECK(cell("size", "medium, large") == "1..2");
  CHECK(cell("size", "not medium") == "0..0 2..2");
  CHECK(cell("int?", "missing, < 3") == "min..2 missing");
  CHECK(cell("int?", "any") == "min..max missing");
  CHECK(cell("int?", "not missing") == "min..max");
  CHECK(cell("int?", "not 3") == "min..2 4..max");
  const int64_t half = checked::order_key_of_double(0.5);
  CHECK(cell("number", "< 0.5") == "min.." + std::to_string(half - 1));
  CHECK(cell("number", "> 0.5") == std::to_string(half + 1) + "..max");
}

TEST_CASE("text cells are sets") {
  const Checked list = table_of("text", "\"a\", \"b\"");
  REQUIRE(list.program);
  CHECK(list.program->tables[0].rows[0].cells[0].texts == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(list.program->tables[0].rows[0].cells[0].texts_negated);
  CHECK(list.program->tables[0].rows[1].cells[0].texts_negated);
  const Checked negated = table_of("text", "not \"a\"");
  REQUIRE(negated.program);
  CHECK(negated.program->tables[0].rows[0].cells[0].texts_negated);
}

TEST_CASE("cells of a wrong type or shape") {
  CHECK(table_of("int", "\"a\"").codes() == "E0301");
  CHECK(table_of("size", "tiny").codes() == "E0216");
  CHECK(table_of("size", "> small").codes() == "E0302");
  CHECK(table_of("text", "\"a\"..\"b\"").codes() == "E0302");
  CHECK(table_of("int", "30..1").codes() == "E0315");
  CHECK(table_of("int", "missing").codes() == "E0403");
  CHECK(table_of("int", "5 days").codes() == "E0301");
}

TEST_CASE("cells and outputs that are not constant") {
  const Checked made =
      check("parameter cap : int = 5\ntable t(x : int, y : int) -> (z : int) first {\n  | x | y || z |\n  | < cap | > x || x + 1 |\n  | any | any || 0 |\n}\n");
  INFO(made.text());
  REQUIRE(made.program);
  const checked::TableRow& row = made.program->tables[0].rows[0];
  CHECK(row.cells[0].predicate != checked::none);
  CHECK(row.cells[1].predicate != checked::none);
  CHECK(made.program->roots[row.cells[0].predicate].parameters.size() == 2);
  CHECK_FALSE(row.outputs[0].constant);
  CHECK(made.program->tables[0].rows[1].outputs[0].constant);
  CHECK(made.program->tables[0].rows[1].outputs[0].slots == std::vector<int64_t>{0});
}

TEST_CASE("columns may stand in another order than declared") {
  const Checked made = check(
      "table t(x : int, y : bool) -> (a : int, b : text?) first {\n  | y | x || b | a |\n  | true | 5 || \"t\" | 7 |\n  | any | any || missing | 0 |\n}\n");
  INFO(made.text());
  REQUIRE(made.program);
  const checked::Table& table = made.program->tables[0];
  CHECK(table.rows[0].cells[0].intervals[0].low == 5);
  CHECK(table.rows[0].outputs[0].slots == std::vector<int64_t>{7});
  CHECK(table.rows[0].outputs[1].text == "t");
  CHECK(table.rows[1].outputs[1].slots == std::vector<int64_t>{0, 0});
  CHECK(table.result.kind == TypeKind::record);
}

TEST_CASE("headers and rows of a wrong shape") {
  const auto with = [](const std::string& rows) { return check("table t(x : int, y : bool) -> (a : int) first {\n" + rows + "}\n").codes(); };
  CHECK(with("  | x | z || a |\n  | 1 | true || 1 |\n") == "E0218");
  CHECK(with("  | x || a |\n  | 1 || 1 |\n") == "E0318");
  CHECK(with("  | x | x || a |\n  | 1 | 2 || 1 |\n") == "E0202");
  CHECK(with("  | x | y || a |\n  | 1 || 1 |\n  | any | any || 0 |\n") == "E0318");
  CHECK(with("  | x | y || a |\n  | 1 | true || 1 |\n  | 2 | true, false || 1 |\n") == "");
}

TEST_CASE("a column that no row asks for is a warning") {
  const Checked made = check("table t(x : int, y : bool) -> (a : int) first {\n  | x | y || a |\n  | 1 | any || 1 |\n  | any | any || 0 |\n}\n");
  CHECK(made.codes() == "E0319");
  CHECK(made.program != nullptr);
}

TEST_CASE("policies and what a call gives") {
  const auto result = [](const std::string& policy, const std::string& output) {
    const Checked made = check("enum size { small, large }\ntable t(x : int) -> (a : " + output + ") " + policy + " {\n  | x || a |\n  | 1 || " +
                               (output == "size"   ? "small"
                                : output == "text" ? "\"t\""
                                                   : "1") +
                               " |\n}\n");
    return made.program ? checked::type_name(*made.program, made.program->tables[0].result) : made.codes();
  };
  CHECK(result("unique", "int") == "int");
  CHECK(result("first", "size") == "size");
  CHECK(result("any", "text") == "text");
  CHECK(result("priority", "size") == "size");
  CHECK(result("priority", "text") == "E0324");
  CHECK(result("sum", "money") == "money");
  CHECK(result("sum", "text") == "E0324");
  CHECK(result("min", "decimal") == "decimal?");
  CHECK(result("max", "size") == "E0324");
  CHECK(result("count", "int") == "int");
  CHECK(result("collect", "int") == "list of int");
  CHECK(result("best", "int") == "E0219");
}

TEST_CASE("otherwise belongs to tables that pick a row") {
  const auto with = [](const std::string& policy) {
    return check("table t(x : int) -> (a : int) " + policy + " {\n  | x || a |\n  | 1 || 1 |\n  | otherwise || 0 |\n}\n").codes();
  };
  CHECK(with("unique") == "");
  CHECK(with("sum") == "E0324");
}

TEST_CASE("calls of tables") {
  const std::string table =
      entities + "table fee(x : money, s : int?) -> (a : money) first {\n  | x | s || a |\n  | < 5 | missing || 1 |\n  | any | any || 2 |\n}\n";
  CHECK(check(table + "extend account { y = fee(balance, score) }").codes() == "");
  CHECK(check(table + "extend account { y = fee(balance) }").codes() == "E0304");
  CHECK(check(table + "extend account { y = fee(age, score) }").codes() == "E0301");
  CHECK(check(table + "extend account { y = fee(s: score, x: balance) }").codes() == "");
  const Checked missing = check(table + "extend account { y = fee(last(payment).amount, score) + 1 }");
  CHECK(missing.codes() == "E0401");
}

TEST_CASE("stages as outputs") {
  const std::string strategy = "strategy soft \"S\" for account {\n  stage a { after 3 days : go by next(balance) }\n  stage b { after 3 days : go back }\n}\n";
  CHECK(check(entities + strategy + "table next(x : money) -> (to : stage) first {\n  | x || to |\n  | < 5 || a |\n  | any || soft.b |\n}\n").codes() == "");
  CHECK(check(entities + strategy + "table next(x : money) -> (to : stage) first {\n  | x || to |\n  | any || c |\n}\n").codes() == "E0205");
}

TEST_CASE("the one output of a table is the value of its call") {
  const Checked made = check(entities + "table t(x : money) -> (fee : money) first {\n| x || fee |\n| any || 1 |\n}\nextend account { y = t(balance).fee }");
  CHECK(made.codes() == "E0208");
  CHECK(made.text().find("leave `.fee` away") != std::string::npos);
  const auto walked = [](const std::string& derived) {
    return check(entities + "table t(x : money) -> (fee : money) collect {\n| x || fee |\n| any || 1 |\n| > 5 || 2 |\n}\nextend account { y = " + derived +
                 " }");
  };
  CHECK(walked("sum(f for f in t(balance))").codes() == "");
  const Checked row = walked("sum(r.fee for r in t(balance))");
  CHECK(row.codes() == "E0208");
  CHECK(row.text().find("value by value, so the name is that value: leave `.fee` away") != std::string::npos);
}

TEST_CASE("hours of the day may be yielded, not looked up") {
  CHECK(check("table t(x : int) -> (hours : time_range) first {\n| x || hours |\n| < 6 || 17:30..20:00 |\n| any || 22:00..06:00 |\n}").codes().empty());
  CHECK(check("table t(hours : time_range) -> (x : int) first {\n| hours || x |\n| any || 1 |\n}").codes() == "E0317");
}

TEST_CASE("the rows of a collecting table are walked") {
  const std::string table = entities + R"(
table fees(x : money, s : int?, p : product, w : number, t : text) -> (name : text, fee : money) collect {
  | x           | s       | p         | w     | t          || name  | fee   |
  | < 100       | missing | any       | any   | any        || "a"   | 5     |
  | any         | >= 3    | not auto  | < 0.5 | not "x"    || "b"   | x * 2 |
  | > 20, 5..10 | any     | card      | any   | "x", "y"   || "c"   | 7.50  |
}
table plain(x : money) -> (fee : money) collect {
  | x    || fee |
  | < 10 || 1   |
  | any  || 2   |
}
)";
  const auto codes = [&](const std::string& text) {
    const Checked made = check(table + "extend account { y = " + text + " }");
    INFO(text << "\n" << made.text());
    return made.codes();
  };
  const std::string call = "fees(balance, score, product, weight, region)";
  CHECK(codes("sum(r.fee for r in " + call + ")") == "");
  CHECK(codes("sum(r.fee for r in " + call + " where r.name != \"b\") + 1") == "");
  CHECK(codes("count(" + call + ") + 1") == "");
  CHECK(codes("count(r in " + call + " where r.fee > 6)") == "");
  CHECK(codes("exists(r in " + call + " where r.name = \"a\") and secured") == "");
  CHECK(codes("all(r in " + call + " where r.fee > 1)") == "");
  CHECK(codes("(max(r.fee for r in " + call + ") default 0) + 1") == "");
  CHECK(codes("(avg(r.fee for r in " + call + ") default 0) + 1") == "");
  CHECK(codes("first(" + call + ").name default \"none\"") == "");
  CHECK(codes("last(r in " + call + " where r.fee < 7).fee default 0") == "");
  CHECK(codes("sum(plain(balance)) + sum(f for f in plain(balance) where f > 1)") == "");
  CHECK(codes("min(plain(balance)) default 0") == "");
  CHECK(codes("sum(r.name for r in " + call + ")") == "E0302");
  CHECK(codes("sum(r.fee for r in " + call + " where r.colour = 1)") == "E0208");
  CHECK(codes("count(" + call + " within 3 days)") == "E0308");
  CHECK(codes("all(" + call + ")") == "E0304");
  CHECK(codes(call) == "E0308");
}

TEST_CASE("tables in force at different times") {
  const auto version = [](const std::string& dates, const std::string& fee) {
    return "table fee(x : int) -> (a : money) first " + dates + " {\n  | x || a |\n  | any || " + fee + " |\n}\n";
  };
  const std::string use = "extend account { y = fee(age) }";
  const auto type = [&](const std::string& tables) {
    const Checked made = check(entities + tables + use);
    INFO(made.text());
    if (!made.program) return made.codes();
    return checked::type_name(*made.program, made.program->entities[checked::find_entity(*made.program, "account")].derived[0].type);
  };
  CHECK(type(version("", "1")) == "money");
  CHECK(type(version("in force from 2026-01-01", "1")) == "money?");
  CHECK(type(version("", "1") + version("in force from 2026-01-01", "2")) == "money");
  CHECK(type(version("in force from 2026-07-01", "2") + version("in force from 2026-01-01 to 2026-03-31", "1")) == "money?");
  CHECK(type(version("in force from 2026-01-01", "1") + version("in force from 2026-01-01", "2")) == "E0202");
  CHECK(type(version("", "1") + version("", "2")) == "E0202");
  CHECK(type(version("in force from 2025-01-01 to 2026-03-31", "1") + version("in force from 2026-01-01", "2")) == "E0202");
  CHECK(type(version("in force from 2026-01-01", "2") + version("in force from 2025-01-01 to 2026-01-01", "1")) == "E0202");
  CHECK(type(version("in force from 2025-01-01 to 2025-12-31", "1") + version("in force from 2026-01-01", "2")) == "money?");
  CHECK(type(version("in force from 2025-01-01", "1") + version("in force from 2026-01-01", "2")) == "money?");  // until the next
  CHECK(type(version("in force from 2026-01-01 to 2025-01-01", "1")) == "E0315");
  const auto collected = [&](const std::string& query, const std::string& tables) {
    const Checked made = check(entities + tables + "extend account { y = " + query + " }");
    INFO(made.text());
    if (!made.program) return made.codes();
    return checked::type_name(*made.program, made.program->entities[checked::find_entity(*made.program, "account")].derived[0].type);
  };
  const auto rows = [](const std::string& dates, const std::string& fee) {
    return "table due(x : int) -> (a : money, b : int) collect " + dates + " {\n  | x || a | b |\n  | any || " + fee + " | 1 |\n  | > 5 || 7 | 2 |\n}\n";
  };
  const std::string both = rows("in force from 2026-01-01 to 2026-06-30", "1") + rows("in force from 2026-07-01", "2");
  CHECK(collected("sum(r.a for r in due(age))", both) == "money");
  CHECK(collected("max(r.a for r in due(age) where r.b > 1)", both) == "money?");
  CHECK(collected("first(r in due(age)).a", both) == "money?");
  CHECK(collected("count(r in due(age))", rows("", "1") + rows("in force from 2026-07-01", "2")) == "int");
  CHECK(collected("exists(r in due(age) where r.c = 1)", both) == "E0208");
  CHECK(type(version("", "1") +
             "table fee(x : int, z : int) -> (a : money) first in force from 2026-01-01 {\n  | x | z || a |\n  | any | 1 || 1 |\n  | any | any || 2 |\n}\n")
            .starts_with("E0318"));
}
