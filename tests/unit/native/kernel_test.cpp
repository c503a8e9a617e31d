#include "compiler/native/kernel.h"

#include <catch2/catch.hpp>
#include <random>

#include "compiler/native/native.h"
#include "tests/unit/native/program_builder.h"

using namespace dunlin;
using ir::Kind;
using ir::NodeId;
using ir::Op;

namespace {

/// An entity of integer fields with declared ranges, and one derived attribute.
struct Rows {
  checked::Program checked;
  ir::Program program;

  explicit Rows(const std::vector<std::pair<int64_t, int64_t>>& ranges) {
    auto& entity = checked.entities.emplace_back();
    entity.name = "account";
    for (const auto& [low, high] : ranges) {
      auto& field = entity.fields.emplace_back();
      field.name = "field " + std::to_string(entity.fields.size());
      field.type = {checked::TypeKind::integer};
      field.slot = entity.slot_count++;
      if (low != INT64_MIN) field.minimum = low;
      if (high != INT64_MAX) field.maximum = high;
    }
    program.checked = &checked;
  }

  test::FunctionBuilder attribute() {
    auto function = test::add_root(program);
    auto& derived = checked.entities[0].derived.emplace_back();
    derived.name = "attribute " + std::to_string(program.of_root.size());
    derived.root = static_cast<checked::RootId>(program.of_root.size()) - 1;
    return function;
  }
};

/// Writes random functions whose operations all have a columnar form.
class RandomFunction {
 public:
  RandomFunction(test::FunctionBuilder function, std::mt19937_64& random, int64_t fields) : f_(function), random_(random), fields_(fields) {}

  NodeId integer(int depth) {
    if (depth == 0 || pick(8) == 0) return leaf();
    switch (pick(11)) {
      case 0:
        return f_.node(Op::add_checked, Kind::integer, {integer(depth - 1), integer(depth - 1)});
      case 1:
        return f_.node(Op::subtract_checked, Kind::integer, {integer(depth - 1), integer(depth - 1)});
      case 2:
        return f_.node(Op::multiply_checked, Kind::integer, {integer(depth - 1), integer(depth - 1)});
      case 3:
        return f_.node(Op::floor_divide, Kind::integer, {integer(depth - 1), divisor(depth)});
      case 4:
        return f_.node(Op::floor_modulo, Kind::integer, {integer(depth - 1), divisor(depth)});
      case 5:
        return f_.node(Op::minimum, Kind::integer, {integer(depth - 1), integer(depth - 1)});
      case 6:
        return f_.node(Op::maximum, Kind::integer, {integer(depth - 1), integer(depth - 1)});
      case 7:
        return f_.node(Op::multiply_scaled, Kind::integer, {integer(depth - 1), integer(depth - 1)}, scales[pick(3)]);
      case 8:
        return f_.node(Op::negate_checked, Kind::integer, {integer(depth - 1)});
      default: {
        const auto condition = boolean(depth - 1);
        return f_.node(Op::branch, Kind::integer, {condition, integer(depth - 1), integer(depth - 1)});
      }
    }
  }

 private:
  static constexpr int64_t scales[3] = {1'000'000, 100, 7};
  int64_t pick(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }

  NodeId leaf() {
    if (!made_.empty() && pick(4) == 0) return made_[static_cast<size_t>(pick(static_cast<int64_t>(made_.size())))];
    if (pick(3) == 0) return f_.integer(pick(3) == 0 ? pick(2'000'000'000'000) : pick(200) - 50);
    const auto self = f_.node(Op::self, Kind::pointer);
    made_.push_back(f_.node(Op::instance_slot, Kind::integer, {self}, pick(fields_)));
    return made_.back();
  }

  NodeId divisor(int depth) {
    static constexpr int64_t usual[] = {1, 2, 3, 7, 10, 25, 64, 1000, 1'000'003, 2147483647, 4095, -3, -1};
    return pick(6) == 0 ? integer(depth - 1) : f_.integer(usual[pick(13)]);
  }

  NodeId boolean(int depth) {
    switch (pick(depth > 0 ? 7 : 4)) {
      case 0:
        return f_.node(Op::equal, Kind::boolean, {leaf(), leaf()});
      case 1:
        return f_.node(Op::less_equal, Kind::boolean, {leaf(), leaf()});
      case 2: {
        const auto low = pick(1000) - 500;
        return f_.node(Op::in_interval, Kind::boolean, {leaf()}, low, low + pick(500));
      }
      case 3:
        return f_.node(Op::greater, Kind::boolean, {integer(depth > 0 ? depth - 1 : 0), leaf()});
      case 4:
        return f_.node(Op::logical_and, Kind::boolean, {boolean(depth - 1), boolean(depth - 1)});
      case 5:
        return f_.node(Op::logical_not, Kind::boolean, {boolean(depth - 1)});
      default: {
        const auto condition = boolean(depth - 1);
        return f_.node(Op::branch, Kind::boolean, {condition, boolean(depth - 1), boolean(depth - 1)});
      }
    }
  }

  test::FunctionBuilder f_;
  std::mt19937_64& random_;
  int64_t fields_;
  std::vector<NodeId> made_;
};

int64_t read_column(const std::vector<char>& column, ColumnType type, size_t row) {
  const char* place = column.data() + row * column_bytes(type);
  switch (type) {
    case ColumnType::i8:
      return *reinterpret_cast<const int8_t*>(place);
    case ColumnType::i16:
      return *reinterpret_cast<const int16_t*>(place);
    case ColumnType::i32:
      return *reinterpret_cast<const int32_t*>(place);
    case ColumnType::i64:
      return *reinterpret_cast<const int64_t*>(place);
  }
  return 0;
}

}  // namespace

TEST_CASE("a kernel decides as the evaluator does, whatever the ranges") {
  std::mt19937_64 random(20261122);
  size_t compared = 0, faulted = 0;
  for (int round = 0; round < 60; ++round) {
    const std::vector<std::pair<int64_t, int64_t>> ranges = {
        {0, 1}, {-5, 100}, {0, 720}, {-30000, 30000}, {1, 100'000'000}, {0, 1'000'000'000'000}, {INT64_MIN, INT64_MAX}};
    Rows rows(ranges);
    for (int i = 0; i < 3; ++i) {
      auto attribute = rows.attribute();
      const auto value = RandomFunction(attribute, random, static_cast<int64_t>(ranges.size())).integer(4);
      attribute.give({value});
    }
    auto kernel = compile_kernel(rows.program, 0, {0, 1, 2});
    if (!kernel) FAIL(kernel.error());
    auto evaluator = compile_native(rows.program, {.opt_level = 0});
    if (!evaluator) FAIL(evaluator.error());

    const size_t count = 37;  // a few whole vectors and a rest
    std::vector<std::vector<int64_t>> slots(count, std::vector<int64_t>(ranges.size()));
    for (auto& row : slots)
      for (size_t i = 0; i < ranges.size(); ++i) {
        const auto [low, high] = ranges[i];
        const auto span = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
        const auto offset = random() % 5;
        const auto step = span == UINT64_MAX ? random() >> (random() % 64) : random() % (span + 1);
        row[i] = offset == 0 ? low : offset == 1 ? high : static_cast<int64_t>(static_cast<uint64_t>(low) + step);
        if (i == 6 && offset > 2) row[i] = static_cast<int64_t>(random() % 2000) - 1000;
      }
    std::vector<std::vector<char>> in, out;
    std::vector<const void*> in_places;
    std::vector<void*> out_places;
    for (const auto& column : (*kernel)->inputs()) {
      auto& bytes = in.emplace_back(count * column_bytes(column.type));
      for (size_t row = 0; row < count; ++row)
        std::memcpy(bytes.data() + row * column_bytes(column.type), &slots[row][static_cast<size_t>(column.index)], column_bytes(column.type));
    }
    for (const auto& column : (*kernel)->outputs()) out.emplace_back(count * column_bytes(column.type));
    for (auto& column : in) in_places.push_back(column.data());
    for (auto& column : out) out_places.push_back(column.data());
    std::vector<uint8_t> fault(count, 9);
    abi::EvalContext context{};
    (*kernel)->run(context, in_places.data(), out_places.data(), fault.data(), count);

    for (size_t row = 0; row < count; ++row) {
      abi::Instance self{};
      self.slots = slots[row].data();
      context.self = &self;
      bool any_fault = false;
      for (size_t i = 0; i < 3; ++i) {
        int64_t expected = 0;
        const auto evaluation = (*evaluator)->evaluate(static_cast<checked::RootId>(i), context, &expected);
        any_fault |= !evaluation.ok();
        if (!evaluation.ok() || fault[row]) continue;
        INFO("round " << round << " row " << row << " attribute " << i);
        REQUIRE(read_column(out[i], (*kernel)->outputs()[i].type, row) == expected);
        ++compared;
      }
      REQUIRE(fault[row] <= 1);
      if (any_fault) REQUIRE(fault[row] == 1);
      faulted += fault[row];
    }
  }
  CHECK(compared > 2000);
  CHECK(faulted > 100);
}

TEST_CASE("ranges prove that nothing can fault") {
  Rows rows({{0, 720}, {300, 850}});
  auto f = rows.attribute();
  const auto self = f.node(Op::self, Kind::pointer);
  const auto dpd = f.node(Op::instance_slot, Kind::integer, {self}, 0), risk = f.node(Op::instance_slot, Kind::integer, {self}, 1);
  f.give({f.node(Op::multiply_checked, Kind::integer, {f.node(Op::floor_divide, Kind::integer, {dpd, f.integer(10)}), risk})});
  std::string listing;
  auto kernel = compile_kernel(rows.program, 0, {0}, {.listing = &listing});
  REQUIRE(kernel);
  CHECK_FALSE((*kernel)->can_fault());
  CHECK((*kernel)->inputs()[0].type == ColumnType::i16);
  CHECK((*kernel)->outputs()[0].maximum == 72 * 850);
  CHECK(listing.find("i64>") == std::string::npos);  // nothing needs 64 bits
}

TEST_CASE("what needs more than the row is refused with a reason") {
  Rows rows({{0, 1}});
  auto f = rows.attribute();
  const auto parent = f.node(Op::instance_parent, Kind::pointer, {f.node(Op::self, Kind::pointer)});
  f.give({f.node(Op::instance_slot, Kind::integer, {parent}, 0)});
  auto kernel = compile_kernel(rows.program, 0, {0});
  REQUIRE_FALSE(kernel);
  CHECK(kernel.error() == "`attribute 1` cannot be computed over columns: it looks beyond the row");
}
