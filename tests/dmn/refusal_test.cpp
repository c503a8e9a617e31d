// What lies outside is refused with its place and its reason; the rest of the model is still translated.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <utility>

#include "lang/tables/dmn.h"
#include "lang/tables/dunlin_names.h"
#include "lang/tables/test_cases.h"
#include "lang/tables/translate.h"

using namespace dunlin::tables;

namespace {

std::string model_of(const std::string& inside) {
  return "<?xml version=\"1.0\"?>\n<definitions xmlns=\"https://www.omg.org/spec/DMN/20191111/MODEL/\" id=\"m\" name=\"m\" namespace=\"m\">\n"
         "<inputData id=\"i\" name=\"n\"><variable name=\"n\" typeRef=\"number\"/></inputData>\n"
         "<inputData id=\"s\" name=\"s\"><variable name=\"s\" typeRef=\"string\"/></inputData>\n" +
         inside + "</definitions>\n";
}
std::string decision(const std::string& logic, const std::string& type = "number") {
  return "<decision id=\"d\" name=\"d\"><variable name=\"d\" typeRef=\"" + type +
         "\"/><informationRequirement><requiredInput href=\"#i\"/></informationRequirement>"
         "<informationRequirement><requiredInput href=\"#s\"/></informationRequirement>" +
         logic + "</decision>\n";
}
std::string literal(const std::string& text, const std::string& type = "number") {
  return decision("<literalExpression><text>" + text + "</text></literalExpression>", type);
}
std::string table(const std::string& attributes, const std::string& cell, const std::string& output,
                  const std::string& clause = "<output typeRef=\"number\"/>") {
  return decision("<decisionTable " + attributes + "><input><inputExpression typeRef=\"number\"><text>n</text></inputExpression></input>" + clause +
                  "<rule><inputEntry><text>" + cell + "</text></inputEntry><outputEntry><text>" + output + "</text></outputEntry></rule></decisionTable>");
}

/// The place and the reason of the one refusal.
std::string refusal(const std::string& inside) {
  const auto model = dmn::read_model(model_of(inside));
  REQUIRE(model);
  const auto made = translate(*model);
  if (made.refused.size() != 1) return "refusals: " + std::to_string(made.refused.size());
  CHECK(made.refused[0].line > 0);
  CHECK(made.definitions.empty());
  return made.refused[0].place + ": " + made.refused[0].reason;
}

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("expressions that lie outside are refused") {
  has(refusal(literal("sqrt(n)")), "no function `sqrt`");
  has(refusal(literal("today().year")), "`today()`");
  has(refusal(literal("for x in [1] return x", "Any")), "a list as a result");
  has(refusal(literal("sum(for x in 1..n return x)")), "a range that is no constant");
  has(refusal(literal("sum(for x in 1..40, y in 1..40 return x)")), "more than 1,000 turns");
  has(refusal(literal("sum([1, 2][item &gt; n])")), "a filter that hangs on inputs");
  has(refusal(literal("[1, 2][n]")), "an index that is no whole constant");
  has(refusal(literal("m + 1")), "no input or decision `m`");
  has(refusal(literal("max(s, \"a\")", "string")), "`max` is given what it has no result for: a string");
  has(refusal(literal("1 / 3")), "six places");
  has(refusal(literal("floor(n, 1)")), "a later DMN");
  has(refusal(literal("matches(s, \"a\")", "boolean")), "no function `matches`");
  // A function that is not imported is refused by whichever names its arguments go; null would be a guess.
  has(refusal(literal("matches(input: s, pattern: \"a\")", "boolean")), "decision `d`: there is no function `matches`");
  has(refusal(literal("sqrt(number: n)")), "decision `d`: there is no function `sqrt`");
  has(refusal(literal("replace(input: s, pattern: \"a\", replacement: \"b\")", "string")), "no function `replace`");
  has(refusal(literal("string join(list: [s, s], delimiter: \",\")", "string")), "no function `string join`");
  has(refusal(literal("floor(n: n, scale: 1)")), "a later DMN");
  has(refusal(literal("ceiling(scale: 1, n: n)")), "a later DMN");
  has(refusal(table("hitPolicy=\"FIRST\"", "&lt; sqrt(number: 2)", "1")), "row 1, column `n`: there is no function `sqrt`");
  has(refusal(literal("[n] = 1", "boolean")), "lists and contexts are not compared");
  has(refusal(literal("0.0000001")), "six places");
  has(refusal(literal("[1, 2]", "Any")), "a list as a result");
  has(refusal(literal("time(\"10:00:00Z\").hour")), "zone");
  // What FEEL has a value for is never called null.
  for (const char* text : {"date(\"-2017-12-31\")", "date(\"99999-12-31\")", "date(-2017, 1, 1)", "date and time(\"12017-01-01T10:00:00\")", "@\"-0044-03-15\"",
                           "date(\"0000-03-15\")"}) {
    has(refusal(literal(text, "Any")), "the years 1 to 9999");
  }
  has(refusal(literal("time(\"24:00:00\")", "Any")), "24:00:00");
  has(refusal(literal("duration(\"P99999999999D\")", "Any")), "more than 1,000,000,000");
  has(refusal(literal("duration(\"P99999999999999999999D\")", "Any")), "more than 1,000,000,000");
  has(refusal(literal("n", "tMissing")), "no type `tMissing`");
  has(refusal(decision("<literalExpression expressionLanguage=\"juel\"><text>n</text></literalExpression>")), "`juel`");
  has(refusal(decision("<relation/>")), "`relation`");
  has(refusal(decision("")), "no logic");
}

TEST_CASE("cells are refused with their row and column") {
  has(refusal(table("hitPolicy=\"FIRST\"", "[1..", "1")), "row 1, column `n`: ");
  has(refusal(table("hitPolicy=\"FIRST\"", "-", "q")), "row 1, output");
  has(refusal(table("hitPolicy=\"PRIORITY\"", "-", "1")), "no output lists its values");
  has(refusal(table("hitPolicy=\"PRIORITY\"", "-", "1", "<output typeRef=\"number\"><outputValues><text>2, 3</text></outputValues></output>")),
      "none of the output's values");
  has(refusal(table("hitPolicy=\"COLLECT\"", "&lt; 5", "1", "<output typeRef=\"number\"><defaultOutputEntry><text>2</text></defaultOutputEntry></output>")),
      "only a type that is a collection");
  has(refusal(table("hitPolicy=\"SOMETIMES\"", "-", "1")), "no hit policy or aggregation `SOMETIMES`");
  has(refusal(table("aggregation=\"SUM\"", "-", "1")), "only the policy COLLECT");
  has(refusal(decision("<decisionTable><input><inputExpression><text>n</text></inputExpression></input><output/><rule><inputEntry><text>1</text></inputEntry></"
                       "rule></decisionTable>")),
      "row 1: the row has 1 inputs and 0 outputs");
}

TEST_CASE("what rests on a refused decision is refused, the others are not") {
  const auto model = dmn::read_model(model_of(
      "<decision id=\"a\" name=\"a\"><variable name=\"a\" typeRef=\"number\"/><literalExpression><text>sqrt(2)</text></literalExpression></decision>"
      "<decision id=\"b\" name=\"b\"><variable name=\"b\" typeRef=\"number\"/><informationRequirement><requiredDecision href=\"#a\"/></informationRequirement>"
      "<literalExpression><text>a + 1</text></literalExpression></decision>"
      "<decision id=\"c\" name=\"c\"><variable name=\"c\" typeRef=\"number\"/><literalExpression><text>2</text></literalExpression></decision>"));
  REQUIRE(model);
  const auto made = translate(*model);
  CHECK(made.refused.size() == 2);
  CHECK(made.reasons.contains("a"));
  CHECK(made.reasons.contains("b"));
  REQUIRE(made.answers.size() == 1);
  CHECK(made.answers[0].decision == "c");
}

TEST_CASE("what DMN makes null of is imported, and said with its place") {
  const auto remark = [](const std::string& inside) {
    const auto model = dmn::read_model(model_of(inside));
    REQUIRE(model);
    const auto made = translate(*model);
    CHECK(made.refused.empty());
    if (made.remarks.size() != 1) return "remarks: " + std::to_string(made.remarks.size());
    CHECK(made.remarks[0].line > 0);
    return made.remarks[0].place + ": " + made.remarks[0].reason;
  };
  has(remark(literal("n + s")), "decision `d`: arithmetic with a number and a string: DMN makes null of it");
  has(remark(literal("n = s", "boolean")), "this compares a number and a string: DMN");
  has(remark(literal("abs(m: 1)")), "`abs` has no parameters `m`: DMN");
  has(remark(literal("contains(string: s, string: s)", "boolean")), "no parameters `string, string`");
  has(remark(literal("[n] = [\"a\"]", "boolean")), "compares a number and a string");
  has(remark(literal("n", "string")), "the type says a string, the logic gives a number");
  has(remark(literal("[1, 2]")), "the type says one value, the logic gives a list");
  has(remark(literal("n and true", "boolean")), "`and` of a number");
  has(remark(literal("if n then 1 else 2")), "behind `else`");
  has(remark(table("hitPolicy=\"FIRST\"", "&lt; \"a\"", "1")), "decision `d`, row 1, column `n`: this compares");
  has(remark(table("hitPolicy=\"FIRST\"", "-", "s")), "row 1, output");
}

TEST_CASE("a decision that is refused takes nothing with it of what it rests on") {
  const auto model = dmn::read_model(model_of(
      "<decision id=\"b\" name=\"b\"><variable name=\"b\" typeRef=\"number\"/><informationRequirement><requiredDecision href=\"#a\"/></informationRequirement>"
      "<literalExpression><text>sqrt(a)</text></literalExpression></decision>"
      "<decision id=\"a\" name=\"a\"><variable name=\"a\" typeRef=\"number\"/><informationRequirement><requiredInput href=\"#i\"/></informationRequirement>"
      "<literalExpression><text>n + \"x\"</text></literalExpression></decision>"));
  REQUIRE(model);
  const auto made = translate(*model);
  CHECK(made.refused.size() == 1);
  CHECK(made.definitions.size() == 1);
  CHECK(made.remarks.size() == 1);
}

TEST_CASE("each function of the library brings its module along") {
  const auto text_of_model = [](const char* text) {
    const auto model = dmn::read_model(model_of(literal(text, "Any")));
    REQUIRE(model);
    return dunlin_text(translate(*model));
  };
  static constexpr std::pair<const char*, const char*> called[] = {{"substring before(\"ab\", \"b\")", "text_before"},
                                                                   {"substring after(\"ab\", \"b\")", "text_after"},
                                                                   {"upper case(\"ab\")", "upper_case"},
                                                                   {"ends with(\"ab\", \"b\")", "ends_with"},
                                                                   {"string length(substring(s, 2))", "feel_substring_from"},
                                                                   {"s &lt; \"b\"", "feel_less_text"},
                                                                   {"n * n", "exact_product"},
                                                                   {"n / 3", "feel_divide"},
                                                                   {"2 ** n", "feel_wide_power"},
                                                                   {"min(n, 0.0000001)", "feel_wide_min"},
                                                                   {"even(n)", "feel_even"},
                                                                   {"modulo(n, 3)", "feel_modulo_decimal"}};
  for (const auto& [text, function] : called) {
    const std::string made = text_of_model(text);
    INFO(made);
    CHECK(made.starts_with("use std.feel\n"));
    CHECK(made.find(std::string(function) + "(") != std::string::npos);
  }
  CHECK(text_of_model("n").find("use std.feel") == std::string::npos);  // what calls none of them does not bring it
}

TEST_CASE("the functions that bring the module along are those of the module") {
  std::ifstream file(std::filesystem::path(DUNLIN_SOURCE_DIR) / "stdlib/std/feel.dun");
  REQUIRE(file);
  std::set<std::string> declared;
  for (std::string line; std::getline(file, line);) {
    const size_t at = line.find("function ");
    if (at != 0 && !line.starts_with("native function ")) continue;
    const std::string name = line.substr(at + 9, line.find('(') - at - 9);
    if (!name.starts_with("feel_")) declared.insert(name);
  }
  CHECK(declared.size() > 20);
  CHECK(declared == std::set<std::string>(library_functions().begin(), library_functions().end()));
}

TEST_CASE("circles end") {
  const auto model =
      dmn::read_model(model_of("<decision id=\"a\" name=\"a\"><informationRequirement><requiredDecision "
                               "href=\"#b\"/></informationRequirement><literalExpression><text>b</text></literalExpression></decision>"
                               "<decision id=\"b\" name=\"b\"><informationRequirement><requiredDecision "
                               "href=\"#a\"/></informationRequirement><literalExpression><text>a</text></literalExpression></decision>"
                               "<businessKnowledgeModel id=\"k\" name=\"k\"><encapsulatedLogic><formalParameter "
                               "name=\"x\"/><literalExpression><text>k(x)</text></literalExpression></encapsulatedLogic></businessKnowledgeModel>"
                               "<decision id=\"c\" name=\"c\"><knowledgeRequirement><requiredKnowledge "
                               "href=\"#k\"/></knowledgeRequirement><literalExpression><text>k(1)</text></literalExpression></decision>"));
  REQUIRE(model);
  CHECK(translate(*model).refused.size() == 3);
}

TEST_CASE("files from hostile hands are refused") {
  CHECK_FALSE(dmn::read_model("no xml at all"));
  CHECK_FALSE(dmn::read_model(""));
  CHECK_FALSE(dmn::read_model("<a/>"));
  const auto entities = dmn::read_model("<!DOCTYPE d [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>\n<definitions name=\"&b;\"/>");
  REQUIRE_FALSE(entities);
  CHECK(entities.error().reason.find("document type") != std::string::npos);
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  CHECK_FALSE(dmn::read_model(deep));
  const auto latin = dmn::read_model("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<definitions name=\"Zo\xEB\"/>");
  REQUIRE_FALSE(latin);
  CHECK(latin.error().line == 2);
  CHECK(latin.error().reason.find("UTF-8") != std::string::npos);
  CHECK_FALSE(read_test_cases("<!DOCTYPE d [<!ENTITY a \"aaaa\">]><testCases/>"));
  const auto broken = dmn::read_model("<definitions>\n<decision>\n</definitions>");
  REQUIRE_FALSE(broken);
  CHECK(broken.error().line >= 2);
}
