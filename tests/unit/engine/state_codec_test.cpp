// States outlive versions: what they name is found again, what is gone is dropped, what is new is told.
#include <catch2/catch.hpp>

#include "runtime/engine/identity.h"
#include "runtime/engine/state_codec.h"
#include "tests/unit/engine/desk.h"

namespace dunlin::engine::test {

namespace {

checked::Program program_with(std::vector<checked::Variable> variables, std::vector<std::string> stages, std::vector<std::string> moods) {
  checked::Program program;
  program.enums.push_back({.name = "mood", .literals = std::move(moods)});
  program.strategies.push_back({.name = "soft"});
  for (checked::Variable& variable : variables) {
    variable.slot = program.strategies[0].variable_slots;
    program.strategies[0].variable_slots += checked::slot_count(program, variable.type);
  }
  program.strategies[0].variables = std::move(variables);
  for (std::string& name : stages) program.stages.push_back({.name = std::move(name), .strategy = 0});
  return program;
}

const checked::Variable letters{.name = "letters", .type = {TypeKind::integer}};
const checked::Variable note{.name = "note", .type = {TypeKind::text, true}};
const checked::Variable mood{.name = "mood", .type = {TypeKind::enumeration, false, 0}};

InstanceState example(const checked::Program&, abi::Arena& arena) {
  InstanceState state;
  state.strategy = 0;
  state.stage = 1;
  state.enrolled_at = 1'700'000'000'000'000;
  state.may_enrol = false;
  state.variables = {42, 1, reinterpret_cast<int64_t>(arena.text("call after six")), 1};
  state.visits = {3, 1};
  state.marks = {{.rule = 9, .anchor = -5, .occurrence = 2, .acted = 1}};
  state.back = {{.stage = 0, .entered_at = 77, .marks = {{.rule = 8, .anchor = 1, .occurrence = 1, .acted = 0}}}};
  return state;
}

}  // namespace

TEST_CASE("a state survives being written down") {
  const auto program = program_with({letters, note, mood}, {"calling", "promised"}, {"calm", "angry"});
  abi::Arena arena;
  const InstanceState before = example(program, arena);
  InstanceState after;
  after.strategy = 0;
  std::string error;
  REQUIRE(decode_state(program, encode_state(program, before), arena, after, error));
  CHECK(after.enrolled_at == before.enrolled_at);
  CHECK_FALSE(after.may_enrol);
  CHECK(after.variables[0] == 42);
  CHECK(reinterpret_cast<const abi::Text*>(after.variables[2])->view() == "call after six");
  CHECK(after.variables[3] == 1);
  CHECK(after.visits == before.visits);
  REQUIRE(after.marks.size() == 1);
  CHECK(after.marks[0].anchor == -5);
  REQUIRE(after.back.size() == 1);
  CHECK(after.back[0].marks[0].rule == 8);
  CHECK(after.new_variables.empty());
}

TEST_CASE("another version finds what it knows") {
  const auto old = program_with({letters, note, mood}, {"calling", "promised"}, {"calm", "angry"});
  const checked::Variable fresh{.name = "fresh", .type = {TypeKind::integer}};
  const checked::Variable retyped{.name = "letters", .type = {TypeKind::text}};
  const auto next = program_with({mood, fresh, retyped, note}, {"intro", "promised"}, {"angry", "calm"});
  abi::Arena arena;
  InstanceState after;
  after.strategy = 0;
  std::string error;
  REQUIRE(decode_state(next, encode_state(old, example(old, arena)), arena, after, error));
  CHECK(after.variables[0] == 0);  // `angry`, which is the first literal now
  CHECK(after.new_variables == std::vector<int32_t>{1, 2});
  CHECK(reinterpret_cast<const abi::Text*>(after.variables[4])->view() == "call after six");
  CHECK(after.visits == std::vector<int32_t>{0, 1});
  CHECK(after.back.empty());
}

TEST_CASE("damaged bytes are refused, never followed") {
  const auto program = program_with({letters, note, mood}, {"calling", "promised"}, {"calm", "angry"});
  abi::Arena arena;
  const std::string whole = encode_state(program, example(program, arena));
  std::string error;
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    InstanceState after;
    after.strategy = 0;
    CHECK_FALSE(decode_state(program, whole.substr(0, cut), arena, after, error));
    CHECK_FALSE(error.empty());
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string bent = whole;
    bent[at] = static_cast<char>(bent[at] ^ 0x80);
    InstanceState after;
    after.strategy = 0;
    decode_state(program, bent, arena, after, error);  // may be readable; must not read out of bounds
  }
}

TEST_CASE("identities are spread and the same everywhere") {
  CHECK(stable_id("account", "a1") == stable_id("account", "a1"));
  CHECK(stable_id("account", "a1") != stable_id("debtor", "a1"));
  CHECK(stable_id("account", "1") != stable_id("account", "2"));
  CHECK(stable_id("account", "a1") == 0x618f'49fa'5821'6f1b);  // it stands in databases: it may never change
  std::vector<int> buckets(bucket_count);
  for (int i = 0; i < bucket_count * 100; ++i) ++buckets[bucket_of(stable_id("debtor", std::to_string(i)))];
  for (const int held : buckets) CHECK((held > 40 && held < 170));
}

}  // namespace dunlin::engine::test
