// The parser of FEEL on its own, and exact figures.
#include <catch2/catch.hpp>
#include <random>

#include "lang/tables/exact_decimal.h"
#include "lang/tables/feel.h"

using namespace dunlin::tables;

namespace {

/// The tree with brackets around everything.
std::string spelled(const feel::Node& node) {
  static constexpr const char* signs[] = {"+", "-", "*", "/", "**", "=", "!=", "<", "<=", ">", ">=", "and", "or"};
  const auto item = [&](size_t i) { return spelled(*node.items[i]); };
  switch (node.kind) {
    case feel::NodeKind::binary:
      return "(" + item(0) + " " + signs[static_cast<int>(node.op)] + " " + item(1) + ")";
    case feel::NodeKind::negate:
      return "(-" + item(0) + ")";
    case feel::NodeKind::null:
      return "null";
    case feel::NodeKind::path:
      return item(0) + "." + node.text;
    case feel::NodeKind::text:
      return "\"" + node.text + "\"";
    case feel::NodeKind::call: {
      std::string out = node.text + "(";
      for (size_t i = 0; i < node.items.size(); ++i) out += (i == 0 ? "" : ", ") + item(i);
      return out + ")";
    }
    case feel::NodeKind::interval:
      return std::string(node.low_open ? "(" : "[") + item(0) + ".." + item(1) + (node.high_open ? ")" : "]");
    default:
      return node.text;
  }
}

std::string parsed(const char* text, const feel::Names& names = {}) {
  const auto tree = feel::parse_expression(text, names);
  return tree ? spelled(**tree) : "refused: " + tree.error();
}

}  // namespace

TEST_CASE("operators bind as DMN says") {
  CHECK(parsed("1 + 2 * 3") == "(1 + (2 * 3))");
  CHECK(parsed("1 - 2 - 3") == "((1 - 2) - 3)");
  CHECK(parsed("-2 ** 2") == "((-2) ** 2)");
  CHECK(parsed("10**-5") == "(10 ** (-5))");
  CHECK(parsed("a or b and c = d") == "(a or (b and (c = d)))");
  CHECK(parsed("-10--5") == "((-10) - (-5))");
  CHECK(parsed("starts with(a, \"b\")") == "starts with(a, \"b\")");
  CHECK(parsed("date(\"2026-01-01\").year") == "date(\"2026-01-01\").year");
}

TEST_CASE("names with blanks are known by what is in sight") {
  const feel::Names names{{"Days late", "Days", "Approved/Declined", "late-fee"}, {"First Name"}};
  CHECK(parsed("Days late + 1", names) == "(Days late + 1)");
  CHECK(parsed("Days   late * Days", names) == "(Days late * Days)");
  CHECK(parsed("Approved/Declined", names) == "Approved/Declined");
  CHECK(parsed("late-fee - 1", names) == "(late-fee - 1)");
  CHECK(parsed("Person.First Name", names) == "Person.First Name");
  CHECK(parsed("Dayslate", names) == "Dayslate");
}

TEST_CASE("what is not understood or lies outside is said") {
  for (const char* text : {"",
                           "1 +",
                           "(1",
                           "\"open",
                           "for i in x",
                           "some x in y return x",
                           "for in x return 1",
                           "[1,2][1",
                           "{a: 1}",
                           "1 2",
                           "function(x) x",
                           "a instance of number",
                           "/* open",
                           "\"\\u12\"",
                           "@5",
                           ")",
                           "if a then b",
                           "a between 1",
                           "* 3",
                           "\"\\ud800\""}) {
    INFO(text);
    CHECK_FALSE(feel::parse_expression(text, {}));
  }
  CHECK_FALSE(feel::parse_unary_tests("< ", {}));
  CHECK_FALSE(feel::parse_unary_tests("[1..2", {}));
  CHECK_FALSE(feel::parse_expression(std::string(100'001, '('), {}));
  CHECK_FALSE(feel::parse_expression(std::string(50'000, '(') + "1" + std::string(50'000, ')'), {}));
  CHECK_FALSE(feel::parse_expression(std::string(50'000, '-') + "1", {}));
}

TEST_CASE("no bytes end the parser") {
  std::mt19937 random(7);
  const std::string alphabet = "a1 .,()[]\"\\<>=!+-*/?@{}_:nulltruef\n\xC3\xA9";
  for (int i = 0; i < 20'000; ++i) {
    std::string text(random() % 24, ' ');
    for (char& c : text) c = alphabet[random() % alphabet.size()];
    (void)feel::parse_expression(text, {{"a", "a b", "n"}, {"x"}});
    (void)feel::parse_unary_tests(text, {});
  }
  SUCCEED();
}

TEST_CASE("constants are computed as DMN computes them, with 34 digits") {
  const auto figure = [](const char* text) { return *read_decimal(text); };
  CHECK(text_of(*add(figure("0.1"), figure("0.2"))) == "0.3");
  CHECK(text_of(*power(figure("10"), -5)) == "0.00001");
  CHECK(text_of(*divide(figure("1"), figure("8"))) == "0.125");
  CHECK(text_of(*divide(figure("1"), figure("3"))) == "0.3333333333333333333333333333333333");
  CHECK(text_of(*divide(figure("-2"), figure("3"))) == "-0.6666666666666666666666666666666667");
  CHECK(text_of(*divide(figure("1"), figure("99999"))) == "0.00001000010000100001000010000100001");
  CHECK(text_of(*divide(figure("123456"), figure("-0.07"))) == "-1763657.142857142857142857142857143");
  CHECK(text_of(*divide(figure("0"), figure("7"))) == "0");
  CHECK(text_of(*rounded_half_even(figure("2.125"), 2)) == "2.12");
  CHECK(text_of(*rounded_half_even(figure("-2.135"), 2)) == "-2.14");
  CHECK(text_of(*rounded_half_even(figure("0.6666666666666666666666666666666667"), 3)) == "0.667");
  CHECK(text_of(*rounded_half_even(figure("1e-40"), 6)) == "0");
  CHECK_FALSE(divide(figure("1"), figure("0")));
  CHECK(text_of(figure("1.20e3")) == "1200");
  CHECK(text_of(figure("-0.0")) == "0");
  CHECK_FALSE(read_decimal("1."));
  CHECK_FALSE(read_decimal("12345678901234567890123456789012345"));
  CHECK_FALSE(millionths(figure("0.0000001")));
  CHECK(millionths(figure("-0.000001")) == -1);
  CHECK_FALSE(millionths(figure("10000000000000")));
  std::mt19937_64 random(3);
  for (int i = 0; i < 2'000; ++i) {
    const auto a = static_cast<int64_t>(random() % 2'000'000'000) - 1'000'000'000, b = static_cast<int64_t>(random() % 2'000'000'000) - 1'000'000'000;
    const auto x = decimal_of_millionths(a), y = decimal_of_millionths(b);
    CHECK(millionths(*add(x, y)) == a + b);
    CHECK(*compare(x, y) == (a < b ? -1 : a > b ? 1 : 0));
    CHECK(*read_decimal(text_of(x)) == x);
    CHECK(*divide(*multiply(x, figure("8")), figure("8")) == x);
  }
}
