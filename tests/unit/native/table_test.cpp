// Tables of constant cells and texts: native code against the interpreter, and the kernel against both.
#include <catch2/catch.hpp>
#include <cstring>
#include <random>

#include "compiler/abi/arena.h"
#include "compiler/interp/interpreter.h"
#include "compiler/native/kernel.h"
#include "compiler/native/native.h"
#include "tests/unit/native/program_builder.h"

using namespace dunlin;
using ir::Kind;
using ir::NodeId;
using ir::Op;

namespace {

constexpr size_t row_count = 12;

checked::Cell random_interval(std::mt19937_64& random, bool number) {
  checked::Cell cell;
  auto bound = [&](int64_t value) { return number ? checked::order_key_of_double(static_cast<double>(value) / 4) : value; };
  int64_t at = static_cast<int64_t>(random() % 10) - 5;
  for (size_t i = 0, count = random() % 3; i < count; ++i) {
    const int64_t low = at, high = at + static_cast<int64_t>(random() % 5);
    cell.intervals.push_back({bound(low), bound(high)});
    at = high + 2;
  }
  if (random() % 3 == 0) cell.intervals = {{number ? checked::order_key_of_double(-__builtin_inf()) : INT64_MIN, bound(at)}};
  cell.accepts_missing = random() % 2 == 0;
  return cell;
}

checked::Cell random_words(std::mt19937_64& random) {
  checked::Cell cell;
  for (const char* word : {"", "north", "south"})
    if (random() % 2 == 0) cell.texts.emplace_back(word);
  cell.texts_negated = random() % 2 == 0;
  cell.accepts_missing = random() % 2 == 0;
  return cell;
}

/// Inputs: int, int?, number, text?; outputs: int, text.
void add_table(checked::Program& checked, ir::Program& program, std::mt19937_64& random) {
  auto& table = checked.tables.emplace_back();
  auto& rows = program.row_tables.emplace_back();
  rows.table = static_cast<checked::Index>(checked.tables.size()) - 1;
  rows.inputs.resize(4);
  rows.inputs[1].optional = rows.inputs[3].optional = true;
  rows.inputs[2].number = true;
  rows.inputs[3].text = true;
  rows.output_kinds = {Kind::integer, Kind::pointer};
  rows.outputs.resize(2);
  using checked::TypeKind;
  const checked::Type types[] = {{TypeKind::integer, false, -1}, {TypeKind::integer, true, -1}, {TypeKind::number, false, -1}, {TypeKind::text, true, -1}};
  for (const auto& type : types) table.inputs.emplace_back().type = type;
  rows.by_index = random() % 2 == 0;
  for (size_t i = 0; i < row_count; ++i) {
    table.rows.push_back({{random_interval(random, false), random_interval(random, false), random_interval(random, true), random_words(random)}, {}, {}});
    rows.order.push_back(static_cast<int32_t>(i));
    rows.outputs[0].push_back(static_cast<int64_t>(random() % 1000));
    rows.outputs[1].push_back(static_cast<int64_t>(random() % 3) - 1);
  }
  std::shuffle(rows.order.begin(), rows.order.end(), random);
}

/// Arguments: int, known, int, number, known, text, slope, slope.
void add_question(ir::Program& program) {
  auto f = test::add_root(program);
  const std::vector<NodeId> keys = {
      f.argument(0), f.argument(1, Kind::boolean), f.argument(2), f.argument(3, Kind::number), f.argument(4, Kind::boolean), f.argument(5, Kind::pointer)};
  const auto table = static_cast<int64_t>(program.row_tables.size()) - 1;
  const auto row = f.node(Op::table_row, Kind::integer, keys, table);
  std::vector<NodeId> wake = {row};
  wake.insert(wake.end(), keys.begin(), keys.end());
  for (auto slope : {f.argument(6), f.argument(7), f.integer(0), f.integer(0)}) wake.push_back(slope);
  f.give({row, f.node(Op::table_cell, Kind::integer, {row}, table, 0), f.node(Op::table_cell, Kind::pointer, {row}, table, 1)});
  for (auto rows : {ir::TableWake::up_to_hit, ir::TableWake::hit, ir::TableWake::all, ir::TableWake::each})
    f.give({f.node(Op::table_wake, Kind::integer, wake, table, static_cast<int64_t>(rows))});
  f.function().argument_slots = 8;
}

}  // namespace

TEST_CASE("tables give the row, the cells and the wake that the interpreter gives") {
  std::mt19937_64 random(5);
  checked::Program checked;
  ir::Program program;
  program.checked = &checked;
  program.texts = {"letter", "call"};
  checked.tables.reserve(20);
  for (int i = 0; i < 20; ++i) {
    add_table(checked, program, random);
    add_question(program);
  }
  auto oracle = make_interpreter(program);
  abi::Arena arena;
  const abi::Text* words[] = {arena.text(""), arena.text("north"), arena.text("east")};
  for (int level : {0, 2}) {
    auto native = compile_native(program, {.opt_level = level});
    if (!native) FAIL(native.error());
    size_t hits = 0;
    for (int i = 0; i < 200; ++i) {
      auto small = [&] { return static_cast<int64_t>(random() % 16) - 6; };
      const bool known = random() % 3 != 0, named = random() % 3 != 0;
      const double number = random() % 9 == 0 ? -0.0 : static_cast<double>(small()) / 4;
      const int64_t arguments[] = {
          small(),     known,      known ? small() : 0, abi::as_slot(number), named, named ? reinterpret_cast<int64_t>(words[random() % 3]) : 0,
          small() / 5, small() / 5};
      abi::EvalContext context{};
      context.arguments = arguments;
      context.arena = &arena;
      for (size_t root = 0; root < program.of_root.size(); ++root) {
        const size_t results = std::max<size_t>(6, program.functions[static_cast<size_t>(program.of_root[root])].results.size());
        std::vector<int64_t> expected(results, 0), actual(results, 0);
        REQUIRE(oracle->evaluate(static_cast<checked::RootId>(root), context, expected.data()).ok());
        REQUIRE((*native)->evaluate(static_cast<checked::RootId>(root), context, actual.data()).ok());
        auto word = [](int64_t slot) { return slot == 0 ? std::string("(none)") : std::string(reinterpret_cast<const abi::Text*>(slot)->view()); };
        REQUIRE(word(expected[2]) == word(actual[2]));  // each has texts of its own
        expected[2] = actual[2] = 0;
        INFO("table " << root << " call " << i);
        REQUIRE(expected == actual);
        hits += expected[0] < static_cast<int64_t>(row_count);
      }
    }
    CHECK(hits > 500);
    CHECK(hits < 3900);
  }
}

TEST_CASE("a kernel reads optional fields, truths, settings and today") {
  checked::Program checked;
  ir::Program program;
  program.checked = &checked;
  auto& entity = checked.entities.emplace_back();
  entity.name = "account";
  entity.fields.resize(2);
  entity.fields[0].name = "score";
  entity.fields[0].type = {checked::TypeKind::integer, true};
  entity.fields[0].slot = 0;
  entity.fields[0].minimum = 300;
  entity.fields[0].maximum = 850;
  entity.fields[1].name = "open";
  entity.fields[1].type = {checked::TypeKind::boolean};
  entity.fields[1].slot = 2;
  auto f = test::add_root(program);
  const auto self = f.node(Op::self, Kind::pointer);
  const auto known = f.node(Op::instance_slot, Kind::boolean, {self}, 0), score = f.node(Op::instance_slot, Kind::integer, {self}, 1);
  const auto open = f.node(Op::instance_slot, Kind::boolean, {self}, 2);
  const auto value = f.node(Op::branch, Kind::integer, {known, score, f.node(Op::setting, Kind::integer, {}, 1)});
  const auto late = f.node(Op::add_checked, Kind::integer, {value, f.node(Op::today, Kind::integer)});
  f.give({f.node(Op::branch, Kind::integer, {open, late, f.integer(-1)})});
  entity.derived.emplace_back().root = 0;
  auto kernel = compile_kernel(program, 0, {0});
  if (!kernel) FAIL(kernel.error());
  REQUIRE((*kernel)->inputs().size() == 3);

  const int64_t settings[] = {0, INT64_MAX - 19'000};
  abi::EvalContext context{};
  context.today = 20'000;
  context.settings = settings;
  const int8_t knowns[] = {1, 0, 1}, opens[] = {1, 1, 0};
  const int16_t scores[] = {700, 0, 500};
  std::vector<const void*> in;
  for (const auto& column : (*kernel)->inputs()) {
    if (column.index == 1) {
      CHECK(column.type == ColumnType::i8);
      in.push_back(opens);
    } else {
      CHECK(column.type == (column.part == 0 ? ColumnType::i8 : ColumnType::i16));
      in.push_back(column.part == 0 ? static_cast<const void*>(knowns) : scores);
    }
  }
  REQUIRE((*kernel)->outputs()[0].type == ColumnType::i64);
  int64_t results[3] = {};
  void* out[] = {results};
  uint8_t fault[3] = {};
  (*kernel)->run(context, in.data(), out, fault, 3);
  CHECK(fault[0] == 0);
  CHECK(results[0] == 20'700);
  CHECK(fault[1] == 1);  // the setting and today together are too large: only where they are needed
  CHECK(fault[2] == 0);
  CHECK(results[2] == -1);

  context.today = 5'000'000;  // beyond what the kernel is made for: every row is left to the evaluator
  (*kernel)->run(context, in.data(), out, fault, 3);
  CHECK(fault[2] == 1);
}
