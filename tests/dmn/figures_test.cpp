// Figures with 34 digits at run time: the same as the exact decimals that constants are folded with, and rounded where those give up.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <random>

#include "compiler/abi/case_view.h"
#include "lang/tables/dmn.h"
#include "lang/tables/exact_decimal.h"
#include "server/tables/trial.h"
#include "tests/dmn/deciding.h"

using namespace dunlin;
using namespace dunlin::tables;
using dunlin::test::Deciding;
using dunlin::test::Given;

namespace {

ExactDecimal any_figure(std::mt19937_64& random) {
  std::string digits = random() % 2 == 0 ? "-" : "";
  const size_t whole = 1 + random() % 12, places = random() % 12;
  for (size_t i = 0; i < whole; ++i) digits += static_cast<char>('0' + random() % 10);
  if (places > 0) digits += '.';
  for (size_t i = 0; i < places; ++i) digits += static_cast<char>('0' + random() % 10);
  return *read_decimal(digits);
}

Given given(const ExactDecimal& figure) { return {false, 0, text_of(figure)}; }
std::string quoted(const std::optional<ExactDecimal>& figure) { return figure ? "\"" + text_of(*figure) + "\"" : ""; }

}  // namespace

TEST_CASE("figures at run time are the figures of constants") {
  Deciding deciding("use std.feel", "a : text, b : text",
                    {"wide_sum(a, b)", "wide_difference(a, b)", "wide_product(a, b)", "feel_wide_quotient(a, b) default \"none\"", "wide_order(a, b)",
                     "feel_wide_power(a, \"3\") default \"none\"", "wide_rounded(a, 2)", "feel_wide_less(a, b)", "feel_wide_at_most(a, b)", "feel_wide_abs(a)",
                     "feel_wide_min(a, b)", "feel_wide_max(a, b)"});
  std::mt19937_64 random(34);
  for (int i = 0; i < 400; ++i) {
    const ExactDecimal a = any_figure(random), b = i % 10 == 0 ? a : i % 10 == 1 ? ExactDecimal{} : any_figure(random);
    const auto found = deciding.answers({given(a), given(b)});
    INFO(text_of(a) << " and " << text_of(b));
    CHECK(found[0] == quoted(add(a, b)));
    CHECK(found[1] == quoted(subtract(a, b)));
    if (const auto product = multiply(a, b)) CHECK(found[2] == quoted(product));
    CHECK(found[3] == (b.is_zero() ? "\"none\"" : quoted(divide(a, b))));
    const int order = *compare(a, b);
    CHECK(found[4] == std::to_string(order < 0 ? -1 : order > 0 ? 1 : 0));
    if (const auto cube = power(a, 3)) CHECK(found[5] == quoted(cube));
    std::string cents = found[6];
    cents.erase(std::remove(cents.begin(), cents.end(), '_'), cents.end());
    CHECK(read_decimal(cents) == rounded_half_even(a, 2));
    CHECK(found[7] == (order < 0 ? "true" : "false"));
    CHECK(found[8] == (order <= 0 ? "true" : "false"));
    CHECK(found[9] == quoted(a.mantissa < 0 ? negate(a) : a));
    CHECK(found[10] == quoted(order <= 0 ? a : b));
    CHECK(found[11] == quoted(order <= 0 ? b : a));
  }
}

TEST_CASE("what has no figure is missing or a fault, never a guess") {
  Deciding deciding("use std.feel", "a : text, b : text", {"feel_wide_power(a, b) default \"none\"", "wide_exact(wide_sum(a, b))", "wide_power(a, b)"});
  const auto ask = [&](const char* a, const char* b) { return deciding.answers({{false, 0, a}, {false, 0, b}}); };
  const std::string fault = abi::fault_text(abi::Fault::native_function);
  CHECK(ask("0", "-1")[0] == "\"none\"");
  CHECK(ask("-8", "0.5")[0] == "\"none\"");
  CHECK(ask("4", "0.5")[0] == "\"2\"");
  CHECK(ask("2", "-2")[0] == "\"0.25\"");
  CHECK(ask("0", "0")[0] == "\"1\"");
  CHECK(ask("0.0000005", "0.0000005")[1] == "0.000001");
  CHECK(ask("0.0000005", "0")[1] == fault);
  CHECK(ask("9000000000000", "9000000000000")[1] == fault);
  CHECK(ask("10", "100000")[2] == fault);
  CHECK(ask("no figure", "1")[1] == fault);
}

TEST_CASE("expected figures with more places are held to the rounded ones where that is asked for") {
  const auto model = dmn::read_model(
      "<definitions xmlns=\"https://www.omg.org/spec/DMN/20191111/MODEL/\" id=\"m\" name=\"m\" namespace=\"m\">"
      "<inputData id=\"i\" name=\"debt\"><variable name=\"debt\" typeRef=\"number\"/></inputData>"
      "<decision id=\"d\" name=\"part\"><variable name=\"part\" typeRef=\"number\"/><informationRequirement><requiredInput "
      "href=\"#i\"/></informationRequirement>"
      "<literalExpression><text>debt / 7 * 1.5</text></literalExpression></decision>"
      "<decision id=\"e\" name=\"fixed\"><variable name=\"fixed\" "
      "typeRef=\"number\"/><literalExpression><text>0.12345678</text></literalExpression></decision></definitions>");
  REQUIRE(model);
  const auto cases = read_test_cases(
      "<testCases><testCase id=\"1\"><inputNode name=\"debt\"><value>10</value></inputNode>"
      "<resultNode name=\"part\"><expected><value>2.142857142857142857</value></expected></resultNode>"
      "<resultNode name=\"fixed\"><expected><value>0.12345678</value></expected></resultNode></testCase></testCases>");
  REQUIRE(cases);
  const std::filesystem::path stdlib = std::filesystem::path(DUNLIN_SOURCE_DIR) / "stdlib";
  const auto exact = server::try_tables(translate(*model), *cases, stdlib);
  REQUIRE(exact);
  for (const auto& line : *exact) CHECK(line.outcome == server::TrialLine::Outcome::refused);
  const auto rounded = server::try_tables(translate(*model, {.only = "", .rounded = true}), *cases, stdlib, true);
  REQUIRE(rounded);
  for (const auto& line : *rounded) {
    INFO(line.decision << ": " << line.interpreted << " " << line.reason);
    CHECK(line.outcome == server::TrialLine::Outcome::equal);
  }
}

TEST_CASE("the size, the least and the greatest of figures with more places than a decimal has") {
  std::string decisions, expected;
  const auto ask = [&](const std::string& name, const std::string& logic, const std::string& value) {
    decisions += "<decision id=\"" + name + "\" name=\"" + name + "\"><variable name=\"" + name +
                 "\" typeRef=\"number\"/><informationRequirement><requiredInput href=\"#i\"/></informationRequirement><literalExpression><text>" + logic +
                 "</text></literalExpression></decision>";
    expected += "<resultNode name=\"" + name + "\"><expected><value>" + value + "</value></expected></resultNode>";
  };
  ask("size", "abs(0 - debt / 7) * 7", "10");
  ask("least", "min(debt / 7, debt / 9) * 9", "10");
  ask("most", "max(debt / 7, debt / 9) * 7", "10");
  ask("under", "min(debt, 0.0000001) * 10000000", "1");
  ask("over", "max(debt, 0.0000001)", "10");
  ask("several", "min(debt, 0.0000003, debt / 7) * 10000000", "3");
  const auto model = dmn::read_model(
      "<definitions xmlns=\"https://www.omg.org/spec/DMN/20191111/MODEL/\" id=\"m\" name=\"m\" namespace=\"m\">"
      "<inputData id=\"i\" name=\"debt\"><variable name=\"debt\" typeRef=\"number\"/></inputData>" +
      decisions + "</definitions>");
  REQUIRE(model);
  const auto cases =
      read_test_cases("<testCases><testCase id=\"1\"><inputNode name=\"debt\"><value>10</value></inputNode>" + expected + "</testCase></testCases>");
  REQUIRE(cases);
  const auto lines = server::try_tables(translate(*model, {.only = "", .rounded = true}), *cases, std::filesystem::path(DUNLIN_SOURCE_DIR) / "stdlib", true);
  REQUIRE(lines);
  CHECK(lines->size() == 6);
  for (const auto& line : *lines) {
    INFO(line.decision << ": " << line.interpreted << " " << line.reason);
    CHECK(line.outcome == server::TrialLine::Outcome::equal);
  }
}
