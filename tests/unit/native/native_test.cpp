#include "compiler/native/native.h"

#include <catch2/catch.hpp>
#include <chrono>

#include "tests/unit/native/program_builder.h"

using namespace dunlin;
using ir::Kind;
using ir::Op;
using test::add_root;

namespace {

std::unique_ptr<Evaluator> compiled(const ir::Program& program, NativeOptions options = {}) {
  auto made = compile_native(program, options);
  if (!made) FAIL(made.error());
  return std::move(*made);
}

Evaluation call(const Evaluator& evaluator, checked::RootId root, std::vector<int64_t> arguments, int64_t* out) {
  abi::EvalContext context{};
  context.arguments = arguments.data();
  return evaluator.evaluate(root, context, out);
}

}  // namespace

TEST_CASE("only the arm that is chosen is evaluated, and the first fault is the one in program order") {
  ir::Program program;
  auto f = add_root(program);
  const auto a = f.argument(0), b = f.argument(1);
  const auto quotient = f.node(Op::floor_divide, Kind::integer, {a, b});
  const auto zero = f.node(Op::equal, Kind::boolean, {b, f.integer(0)});
  const auto chosen = f.node(Op::branch, Kind::integer, {zero, a, quotient});
  const auto sum = f.node(Op::add_checked, Kind::integer, {chosen, f.integer(1)});
  f.give({sum, f.node(Op::multiply_checked, Kind::integer, {quotient, quotient})});
  for (int level : {0, 2}) {
    auto evaluator = compiled(program, {.opt_level = level});
    int64_t out[2] = {};
    REQUIRE(call(*evaluator, 0, {-7, 2}, out).ok());
    CHECK(out[0] == -3);
    CHECK(out[1] == 16);
    // The sum does not need the quotient here; the second result does.
    auto fault = call(*evaluator, 0, {5, 0}, out);
    CHECK(fault.fault == abi::Fault::division_by_zero);
    CHECK(fault.where == Span{0, 2, 3});
    fault = call(*evaluator, 0, {INT64_MAX, 1}, out);
    CHECK(fault.fault == abi::Fault::overflow);
    CHECK(fault.where.begin == static_cast<uint32_t>(sum));
  }
}

TEST_CASE("a chain of shared choices does not explode") {
  // Each link is used in both arms of the next and costs a checked addition: written out again it would be 2^60 additions.
  ir::Program program;
  auto f = add_root(program);
  const auto a = f.argument(0);
  auto link = f.node(Op::add_checked, Kind::integer, {a, a});
  for (int i = 0; i < 60; ++i) {
    const auto odd = f.node(Op::equal, Kind::boolean, {f.node(Op::floor_modulo, Kind::integer, {a, f.integer(i + 2)}), f.integer(1)});
    const auto up = f.node(Op::add_checked, Kind::integer, {link, f.integer(i)});
    const auto down = f.node(Op::subtract_checked, Kind::integer, {link, f.integer(2 * i)});
    link = f.node(Op::branch, Kind::integer, {odd, up, down});
  }
  f.give({link});
  int64_t expected = 2 * 1234567;
  for (int i = 0; i < 60; ++i) expected += 1234567 % (i + 2) == 1 ? i : -2 * i;
  for (int level : {0, 2}) {
    int64_t out = 0;
    REQUIRE(call(*compiled(program, {.opt_level = level}), 0, {1234567}, &out).ok());
    CHECK(out == expected);
  }
}
