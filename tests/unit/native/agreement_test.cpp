// Native code against the interpreter, the oracle: values, first faults and their places, for random graphs over every scalar operation.
#include <catch2/catch.hpp>
#include <random>

#include "compiler/abi/arena.h"
#include "compiler/interp/interpreter.h"
#include "compiler/native/native.h"
#include "tests/unit/native/program_builder.h"

using namespace dunlin;
using ir::Kind;
using ir::NodeId;
using ir::Op;

namespace {

constexpr int64_t argument_count = 6;

/// A graph whose nodes are used again and again, in and out of branches.
class RandomGraph {
 public:
  RandomGraph(test::FunctionBuilder f, std::mt19937_64& random) : f_(f), random_(random) {
    for (int64_t i = 0; i < argument_count; ++i) integers_.push_back(f_.argument(i));
    for (int64_t i = 0; i < argument_count; ++i) numbers_.push_back(f_.node(Op::integer_to_number, Kind::number, {integers_[static_cast<size_t>(i)]}));
    truths_.push_back(f_.node(Op::equal, Kind::boolean, {integers_[0], integers_[1]}));
  }

  void grow(int steps) {
    for (int i = 0; i < steps; ++i) step();
  }
  NodeId any_integer() { return one_of(integers_); }
  NodeId any_number() { return one_of(numbers_); }
  NodeId any_truth() { return one_of(truths_); }

 private:
  size_t pick(size_t n) { return random_() % n; }
  /// Mostly one of the latest, so that graphs get deep.
  NodeId one_of(const std::vector<NodeId>& nodes) {
    const size_t window = pick(3) == 0 ? nodes.size() : std::min<size_t>(nodes.size(), 6);
    return nodes[nodes.size() - 1 - pick(window)];
  }
  NodeId integer(Op op, std::vector<NodeId> operands, int64_t immediate = 0) { return f_.node(op, Kind::integer, std::move(operands), immediate); }

  void step() {
    switch (pick(10)) {
      case 0:
        integers_.push_back(f_.integer(constant()));
        return;
      case 1:
      case 2:
      case 3:
        integers_.push_back(arithmetic());
        return;
      case 4:
        numbers_.push_back(on_numbers());
        return;
      case 5:
      case 6:
        truths_.push_back(truth());
        return;
      case 7:
        integers_.push_back(f_.node(Op::branch, Kind::integer, {any_truth(), any_integer(), any_integer()}));
        return;
      case 8:
        if (pick(2) == 0)
          numbers_.push_back(f_.node(Op::branch, Kind::number, {any_truth(), any_number(), any_number()}));
        else
          truths_.push_back(f_.node(Op::branch, Kind::boolean, {any_truth(), any_truth(), any_truth()}));
        return;
      default:
        pair();
    }
  }

  NodeId arithmetic() {
    static constexpr Op binary[] = {Op::add_checked,       Op::subtract_checked, Op::multiply_checked,    Op::floor_divide, Op::floor_modulo, Op::add_wrapping,
                                    Op::subtract_wrapping, Op::add_saturating,   Op::subtract_saturating, Op::minimum,      Op::maximum};
    static constexpr int64_t scales[] = {1, 100, 1'000'000, 7};
    switch (pick(8)) {
      case 0:
        return integer(Op::multiply_scaled, {any_integer(), any_integer()}, scales[pick(4)]);
      case 1:
        return integer(Op::divide_scaled, {any_integer(), any_integer()}, scales[pick(4)]);
      case 2:
        return integer(Op::negate_checked, {any_integer()});
      case 3:
        return integer(Op::flip, {any_integer(), any_integer(), f_.integer(1), any_integer()}, static_cast<int64_t>(Op::equal) + static_cast<int64_t>(pick(6)));
      default:
        return integer(binary[pick(std::size(binary))], {any_integer(), any_integer()});
    }
  }

  NodeId on_numbers() {
    static constexpr Op binary[] = {Op::add_number, Op::subtract_number, Op::multiply_number, Op::divide_number, Op::minimum_number, Op::maximum_number};
    switch (pick(6)) {
      case 0:
        return f_.node(Op::negate_number, Kind::number, {any_number()});
      case 1:
        return f_.node(Op::scaled_to_number, Kind::number, {any_integer()});
      case 2:
        return f_.node(Op::integer_to_number, Kind::number, {any_integer()});
      default:
        return f_.node(binary[pick(std::size(binary))], Kind::number, {any_number(), any_number()});
    }
  }

  NodeId truth() {
    static constexpr Op comparisons[] = {Op::equal, Op::not_equal, Op::less, Op::less_equal, Op::greater, Op::greater_equal};
    static constexpr Op of_numbers[] = {Op::equal_number, Op::less_number, Op::less_equal_number};
    switch (pick(6)) {
      case 0:
        return f_.node(of_numbers[pick(3)], Kind::boolean, {any_number(), any_number()});
      case 1: {
        const int64_t low = constant() / 2;
        return f_.node(Op::in_interval, Kind::boolean, {any_integer()}, low, low + static_cast<int64_t>(pick(1000)));
      }
      case 2:
        return f_.node(pick(2) == 0 ? Op::logical_and : Op::logical_or, Kind::boolean, {any_truth(), any_truth()});
      case 3:
        return f_.node(Op::logical_not, Kind::boolean, {any_truth()});
      default:
        return f_.node(comparisons[pick(6)], Kind::boolean, {any_integer(), any_integer()});
    }
  }

  /// A choice between tuples, and their parts.
  void pair() {
    const auto a = f_.node(Op::pack, Kind::tuple, {any_integer(), any_truth()});
    const auto b = f_.node(Op::pack, Kind::tuple, {any_integer(), any_truth()});
    const auto chosen = f_.node(Op::branch, Kind::tuple, {any_truth(), a, b});
    integers_.push_back(f_.extract(chosen, 0));
    truths_.push_back(f_.extract(chosen, 1, Kind::boolean));
  }

  int64_t constant() {
    static constexpr int64_t special[] = {0, 1, -1, 2, 10, 1'000'000, INT64_MAX, INT64_MIN, INT64_MAX - 1, int64_t{1} << 32};
    return pick(3) == 0 ? special[pick(10)] : static_cast<int64_t>(random_() >> (20 + pick(40))) - 500;
  }

  test::FunctionBuilder f_;
  std::mt19937_64& random_;
  std::vector<NodeId> integers_, numbers_, truths_;
};

int64_t random_slot(std::mt19937_64& random) {
  static constexpr int64_t extremes[] = {INT64_MAX, INT64_MIN, 0, 1, -1, 2, 3, -2, INT64_MIN + 1, int64_t{1} << 53, 3'037'000'500};
  if (random() % 3 == 0) return extremes[random() % std::size(extremes)];
  return static_cast<int64_t>(random()) >> (random() % 63);
}

/// Calls every root in both and compares everything. Returns how many faulted.
size_t compare(const ir::Program& program, const Evaluator& oracle, const Evaluator& native, std::mt19937_64& random, int calls) {
  size_t faults = 0;
  for (int i = 0; i < calls; ++i) {
    std::vector<int64_t> arguments;
    for (int64_t a = 0; a < argument_count; ++a) arguments.push_back(random_slot(random));
    for (size_t root = 0; root < program.of_root.size(); ++root) {
      abi::EvalContext context{};
      context.arguments = arguments.data();
      std::vector<int64_t> expected(8, 0), actual(8, 0);
      const auto want = oracle.evaluate(static_cast<checked::RootId>(root), context, expected.data());
      const auto have = native.evaluate(static_cast<checked::RootId>(root), context, actual.data());
      INFO("root " << root << " call " << i);
      REQUIRE(want.fault == have.fault);
      REQUIRE(want.where == have.where);
      if (want.ok()) REQUIRE(expected == actual);
      faults += want.ok() ? 0 : 1;
    }
  }
  return faults;
}

}  // namespace

TEST_CASE("random graphs come out the same, fault by fault") {
  std::mt19937_64 random(7);
  size_t faults = 0, calls = 0;
  for (int round = 0; round < 40; ++round) {
    checked::Program checked;
    ir::Program program;
    program.checked = &checked;
    program.functions.reserve(16);
    for (int root = 0; root < 8; ++root) {
      auto f = test::add_root(program);
      RandomGraph graph(f, random);
      graph.grow(10 + static_cast<int>(random() % 80));
      f.give({graph.any_integer(), graph.any_truth(), graph.any_number(), graph.any_integer()});
      f.function().argument_slots = argument_count;
    }
    auto oracle = make_interpreter(program);
    auto native = compile_native(program, {.opt_level = round % 2 * 2});
    if (!native) FAIL(native.error());
    faults += compare(program, *oracle, **native, random, 60);
    calls += 60 * 8;
  }
  CHECK(faults > calls / 50);
  CHECK(faults < calls * 49 / 50);
}

TEST_CASE("a long function is cut into parts and still comes out the same") {
  std::mt19937_64 random(11);
  checked::Program checked;
  ir::Program program;
  program.checked = &checked;
  auto f = test::add_root(program);
  NodeId sum = f.argument(0);
  std::vector<NodeId> links = {sum};
  for (int i = 0; i < 8000; ++i) {
    const auto earlier = links[links.size() - 1 - random() % std::min<size_t>(links.size(), 9)];
    const auto reduced = f.node(Op::floor_modulo, Kind::integer, {earlier, f.integer(100 + i)});
    const auto odd = f.node(Op::greater, Kind::boolean, {reduced, f.argument(i % argument_count)});
    const auto more = f.node(Op::add_checked, Kind::integer, {reduced, f.integer(i)});
    links.push_back(f.node(Op::branch, Kind::integer, {odd, more, earlier}));
  }
  f.give({links.back()});
  auto oracle = make_interpreter(program);
  for (int level : {0, 2}) {
    auto native = compile_native(program, {.opt_level = level});
    if (!native) FAIL(native.error());
    compare(program, *oracle, **native, random, 20);
  }
}

TEST_CASE("each planted miscompilation of arithmetic is found by random graphs") {
  const auto planted = GENERATE(Miscompilation::addition_wraps, Miscompilation::halves_away_from_zero, Miscompilation::division_truncates,
                                Miscompilation::interval_end_left_out);
  checked::Program checked;
  ir::Program program;
  program.checked = &checked;
  auto f = test::add_root(program);
  const auto a = f.argument(0), b = f.argument(1);
  f.give({f.node(Op::add_checked, Kind::integer, {a, b}), f.node(Op::multiply_scaled, Kind::integer, {a, b}, 2),
          f.node(Op::branch, Kind::integer, {f.node(Op::equal, Kind::boolean, {b, f.integer(0)}), a, f.node(Op::floor_divide, Kind::integer, {a, b})}),
          f.node(Op::in_interval, Kind::boolean, {a}, -10, 10)});
  auto oracle = make_interpreter(program);
  auto native = compile_native(program, {.opt_level = 0, .planted_miscompilation = planted});
  REQUIRE(native);
  int differences = 0;
  for (int64_t x : {int64_t{-10}, int64_t{-7}, int64_t{1}, int64_t{10}, INT64_MAX})
    for (int64_t y : {int64_t{1}, int64_t{2}, int64_t{3}}) {
      const int64_t arguments[argument_count] = {x, y};
      abi::EvalContext context{};
      context.arguments = arguments;
      std::vector<int64_t> expected(4, 0), actual(4, 0);
      const auto want = oracle->evaluate(0, context, expected.data());
      const auto have = (*native)->evaluate(0, context, actual.data());
      differences += want.fault != have.fault || (want.ok() && expected != actual);
    }
  INFO(miscompilation_name(planted));
  CHECK(differences > 0);
}

TEST_CASE("two tiers answer alike, and the memory of a version goes with it") {
  auto checked = std::make_shared<checked::Program>();
  auto program = std::make_shared<ir::Program>();
  program->checked = checked.get();
  auto f = test::add_root(*program);
  f.give({f.node(Op::multiply_checked, Kind::integer, {f.argument(0), f.argument(1)})});
  for (int version = 0; version < 20; ++version) {
    auto tiered = make_tiered(program);
    REQUIRE(tiered);
    const int64_t arguments[] = {6, 7};
    abi::EvalContext context{};
    context.arguments = arguments;
    int64_t out = 0;
    REQUIRE((*tiered)->evaluate(0, context, &out).ok());
    CHECK(out == 42);
    if (version % 2 == 0) continue;  // goes while the thread compiles
    CHECK((*tiered)->wait_until_optimised().empty());
    CHECK((*tiered)->optimised());
    out = 0;
    REQUIRE((*tiered)->evaluate(0, context, &out).ok());
    CHECK(out == 42);
  }
}
