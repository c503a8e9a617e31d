// Loops over events and lists, tables and texts: native code against the interpreter on a small case file.
#include <catch2/catch.hpp>
#include <random>

#include "compiler/abi/arena.h"
#include "compiler/abi/calendar.h"
#include "compiler/interp/interpreter.h"
#include "compiler/native/native.h"
#include "tests/unit/native/program_builder.h"

using namespace dunlin;
using ir::Kind;
using ir::NodeId;
using ir::Op;
using Fold = ir::Aggregate::Fold;
using Walk = ir::Aggregate::Walk;

namespace {

constexpr int64_t day_us = 86'400 * abi::us_per_second;

/// A debtor, three accounts, events of three types on all of them.
struct CaseFile {
  std::vector<abi::Instance> instances = std::vector<abi::Instance>(4);
  std::vector<std::vector<int64_t>> slots = std::vector<std::vector<int64_t>>(4);
  std::vector<abi::Event> events;
  std::vector<std::vector<int64_t>> event_slots;
  std::vector<abi::Event*> all;
  std::vector<std::vector<abi::Event*>> own = std::vector<std::vector<abi::Event*>>(4);
  std::vector<abi::Instance*> accounts;
  abi::InstanceList children{};
  abi::State state{};
  abi::CaseView view{};
  std::vector<std::string> words = {"", "a", "ab", "b"};
  abi::Arena arena;

  explicit CaseFile(std::mt19937_64& random) {
    for (size_t i = 0; i < 4; ++i) {
      slots[i] = {static_cast<int64_t>(random() % 7), abi::as_slot(static_cast<double>(random() % 5)),
                  reinterpret_cast<int64_t>(arena.text(words[random() % 4]))};
      instances[i].slots = slots[i].data();
      instances[i].state = &state;
      if (i > 0) {
        instances[i].parent = &instances[0];
        accounts.push_back(&instances[i]);
      }
    }
    if (random() % 5 == 0) accounts.clear();
    children = {accounts.data(), static_cast<int64_t>(accounts.size())};
    instances[0].children = &children;
    const size_t count = random() % 12;
    events.resize(count);
    event_slots.resize(count);
    int64_t at = 100 * day_us;
    for (size_t i = 0; i < count; ++i) {
      at += static_cast<int64_t>(random() % 3) * day_us / 2;
      const size_t owner = random() % 4;
      event_slots[i] = {random() % 6 == 0 ? INT64_MAX : static_cast<int64_t>(random() % 20) - 5};
      events[i] = {at, static_cast<int32_t>(random() % 3), random() % 4 == 0, &instances[owner], event_slots[i].data()};
      all.push_back(&events[i]);
      own[owner].push_back(&events[i]);
    }
    for (size_t i = 0; i < 4; ++i) instances[i].own = {own[i].data(), static_cast<int64_t>(own[i].size())};
    view.root = &instances[0];
    view.events = {all.data(), static_cast<int64_t>(count)};
  }
};

checked::Program events_of_three_types() {
  checked::Program program;
  program.events.resize(3);
  for (int32_t i = 0; i < 3; ++i) program.events[static_cast<size_t>(i)].last_descendant = i == 0 ? 1 : i;  // 1 lies below 0
  return program;
}

int64_t results_of(const std::vector<Fold>& folds) {
  int64_t count = 0;
  for (auto fold : folds) {
    const bool two = (fold >= Fold::minimum && fold <= Fold::average_number) || fold == Fold::first || fold == Fold::last;
    count += two ? 2 : 1;
  }
  return count;
}

/// Root: all folds of one loop.
void add_loop(ir::Program& program, Walk walk, std::vector<Fold> folds, std::mt19937_64& random) {
  const bool list = walk == Walk::list;
  program.functions.reserve(program.functions.size() + 2);
  auto f = test::add_root(program);
  const auto body_id = static_cast<ir::FunctionId>(program.functions.size());
  auto& body_function = program.functions.emplace_back();
  test::FunctionBuilder body(body_function);
  const auto element = body.argument(0, Kind::pointer), limit = body.argument(1);
  const auto value = body.node(list ? Op::instance_slot : Op::event_slot, Kind::integer, {element}, 0);
  const auto accept = body.node(Op::less, Kind::boolean, {limit, value});
  const auto zero = body.integer(0);
  const auto at = list ? value : body.node(Op::event_at, Kind::integer, {element});
  // Value and keys are 0 where the element is not accepted.
  auto accepted = [&](NodeId node, Kind kind) {
    return body.node(Op::branch, kind, {accept, node, kind == Kind::integer ? zero : body.node(Op::constant, kind)});
  };
  body.give({accept, accepted(value, Kind::integer), accepted(body.node(Op::integer_to_number, Kind::number, {value}), Kind::number), at});
  if (list)
    body.give({accepted(body.node(Op::instance_slot, Kind::number, {element}, 1), Kind::number),
               accepted(body.node(Op::instance_slot, Kind::pointer, {element}, 2), Kind::pointer)});
  body_function.argument_slots = 2;

  ir::Aggregate loop;
  loop.walk = walk;
  loop.folds = std::move(folds);
  loop.body = body_id;
  loop.accept_result = 0;
  loop.value_result = 1;
  loop.wake_result = 3;
  loop.scale = 1'000'000;
  loop.event_types = {random() % 2 == 0 ? 0 : 2};
  if (random() % 2 == 0) loop.event_types.push_back(1);
  loop.owner = f.node(Op::self, Kind::pointer);
  loop.child_position = 0;
  std::vector<NodeId> operands = {loop.owner};
  if (!list && random() % 2 == 0) {
    loop.window_low = f.integer(101 * day_us);
    loop.window_low_included = random() % 2 == 0;
    operands.push_back(loop.window_low);
  }
  loop.window_in_days = random() % 2 == 0;
  loop.window_value = f.argument(0);
  loop.nth = f.argument(1);
  loop.captured = {f.argument(2)};
  operands.insert(operands.end(), {loop.window_value, loop.nth, loop.captured[0]});
  if (list && random() % 4 != 0) {
    loop.order_results = {1, 4, 5};
    loop.order_number = {0, 1, 2};
    std::shuffle(loop.order_results.begin(), loop.order_results.end(), random);
    for (size_t i = 0; i < 3; ++i) loop.order_number[i] = static_cast<uint8_t>(loop.order_results[i] == 1 ? 0 : loop.order_results[i] - 3);
    for (int i = 0; i < 3; ++i) loop.order_descending.push_back(random() % 2 == 0);
  }
  const auto results = results_of(loop.folds);
  f.function().aggregates.push_back(std::move(loop));
  const auto tuple = f.node(Op::aggregate, Kind::tuple, std::move(operands), 0);
  for (int64_t i = 0; i < results; ++i) f.give({f.extract(tuple, i)});
  f.function().argument_slots = 3;
}

const std::vector<Fold> of_any = {Fold::count, Fold::minimum, Fold::maximum, Fold::average, Fold::exists, Fold::all, Fold::first, Fold::last, Fold::wake_body};
const std::vector<Fold> of_events = {Fold::count_days, Fold::leave_days, Fold::leave_exact, Fold::leave_last, Fold::nth_oldest_leaves};

}  // namespace

TEST_CASE("loops give what the interpreter gives") {
  std::mt19937_64 random(3);
  abi::CalendarSpec year;
  year.first_year = year.last_year = 1970;
  const auto calendar = abi::CalendarTables::make(year);
  REQUIRE(calendar);
  auto checked = events_of_three_types();
  size_t faults = 0, calls = 0;
  for (int round = 0; round < 25; ++round) {
    ir::Program program;
    program.checked = &checked;
    program.functions.reserve(64);
    for (auto walk : {Walk::own_events, Walk::subtree_events, Walk::case_events, Walk::list}) {
      add_loop(program, walk, of_any, random);
      add_loop(program, walk, {Fold::sum}, random);
      if (walk != Walk::list) add_loop(program, walk, of_events, random);
    }
    auto oracle = make_interpreter(program);
    auto native = compile_native(program, {.opt_level = round % 2 * 2});
    if (!native) FAIL(native.error());
    for (int i = 0; i < 40; ++i) {
      CaseFile file(random);
      const int64_t arguments[] = {static_cast<int64_t>(random() % 20), static_cast<int64_t>(random() % 6) - 1, static_cast<int64_t>(random() % 12) - 6};
      abi::EvalContext context{};
      context.case_file = &file.view;
      context.self = &file.instances[0];
      context.arguments = arguments;
      context.calendar = (*calendar)->view();
      context.arena = &file.arena;
      for (size_t root = 0; root < program.of_root.size(); ++root) {
        std::vector<int64_t> expected(32, 0), actual(32, 0);
        const auto want = oracle->evaluate(static_cast<checked::RootId>(root), context, expected.data());
        const auto have = (*native)->evaluate(static_cast<checked::RootId>(root), context, actual.data());
        INFO("round " << round << " root " << root << " call " << i);
        REQUIRE(want.fault == have.fault);
        REQUIRE(want.where == have.where);
        if (want.ok()) REQUIRE(expected == actual);
        faults += want.ok() ? 0 : 1;
        ++calls;
      }
    }
  }
  CHECK(faults > 0);
  CHECK(faults < calls / 2);
}
