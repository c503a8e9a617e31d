#include "tests/differential/part_ways.h"

#include <fmt/format.h>

#include "compiler/abi/arena.h"
#include "runtime/engine/step.h"
#include "tests/differential/compare.h"
#include "tests/differential/random_case.h"

namespace dunlin::differential {

namespace {
constexpr int64_t day_us = 86'400'000'000;
}

std::string part_ways(const Backends& backends, uint64_t case_seed, StepCounts& counts) {
  const checked::Program& program = backends.program;
  engine::CaseFile left(program), right(program);
  Random left_random(case_seed), right_random(case_seed);
  Random clock(case_seed ^ 0xC10C);
  engine::Instant now = 20'454 * day_us + clock.below(300 * 24 * 60) * 60'000'000;  // in 2026
  fill_random_case(left_random, program, now, left);
  fill_random_case(right_random, program, now, right);
  abi::Arena arena;
  engine::Stepper interpreter(program, backends.interpreter, backends.calendar,
                              engine::initial_settings(program, backends.interpreter, backends.calendar, arena));
  engine::Stepper compiled(program, backends.native, backends.calendar, engine::initial_settings(program, backends.native, backends.calendar, arena));
  engine::StepResult left_result, right_result;
  for (int step = 0; step < 5; ++step) {
    add_random_events(left_random, program, now, left);
    add_random_events(right_random, program, now, right);
    interpreter.step(left, now, left_result);
    compiled.step(right, now, right_result);
    ++counts.steps;
    counts.refused += static_cast<int64_t>(left_result.refused.size());
    const std::string a = describe(program, left, left_result), b = describe(program, right, right_result);
    if (a != b) return fmt::format("step {} at {}\n--- interpreter\n{}--- native\n{}", step, now, a, b);
    if (left_result.fault) {
      ++counts.faults;
      return "";
    }
    const bool by_wake = left_result.wake_at != abi::never && left_result.wake_at < now + 60 * day_us && clock.chance(70);
    now = by_wake ? left_result.wake_at : now + clock.between(1, 15 * 24) * 3'600'000'000;
  }
  return "";
}

}  // namespace dunlin::differential
