// Every evaluation of random bundles over random case files means what the checked tree means, and no condition changes before its wake.
// DUNLIN_MEANING_CASES sets how many case files, DUNLIN_SEED where to start.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "compiler/abi/calendar.h"
#include "compiler/interp/interpreter.h"
#include "compiler/ir/lower.h"
#include "lang/sema/check.h"
#include "runtime/engine/step.h"
#include "tests/differential/random_bundle.h"
#include "tests/differential/random_case.h"
#include "tests/meaning/witness.h"

using namespace dunlin;
using differential::Random;

namespace {

constexpr int64_t us_per_day = 86'400 * abi::us_per_second;
constexpr int64_t us_per_hour = 3600 * abi::us_per_second;

int64_t from_environment(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

struct Bundle {
  std::string source;
  std::unique_ptr<checked::Program> program;
  std::unique_ptr<ir::Program> ir;
  std::unique_ptr<Interpreter> interpreter;
  std::unique_ptr<abi::CalendarTables> calendar;
};

/// Null where the random text is no bundle.
std::unique_ptr<Bundle> make_bundle(uint64_t seed) {
  auto made = std::make_unique<Bundle>();
  Random random(seed);
  made->source = differential::random_bundle(random);
  SourceMap map;
  Diagnostics diagnostics;
  made->program = check_bundle({{{"random.dun", made->source}}}, map, diagnostics, {.stdlib = std::string(DUNLIN_SOURCE_DIR) + "/stdlib", .analyse = false});
  if (!made->program) return nullptr;
  made->ir = ir::lower(*made->program);
  made->interpreter = make_interpreter(*made->ir);
  abi::CalendarSpec spec;
  // The clock changes matter here, whatever zone the bundle was given.
  static const char* const zones[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe"};
  spec.timezone = zones[seed % 3];
  spec.day_start_s = made->program->bundle.day_start_s;
  made->calendar = std::move(*abi::CalendarTables::make(spec));
  return made;
}

void run_case(const Bundle& bundle, uint64_t seed, meaning::Witness& witness) {
  engine::CaseFile case_file(*bundle.program);
  Random random(seed), clock(seed ^ 0xC10C);
  engine::Instant now = 20'454 * us_per_day + clock.below(300 * 24 * 60) * 60 * abi::us_per_second;
  differential::fill_random_case(random, *bundle.program, now, case_file);
  abi::Arena arena;
  const auto& calendar = *bundle.calendar->view();
  engine::Stepper stepper(*bundle.program, witness, calendar, engine::initial_settings(*bundle.program, *bundle.interpreter, calendar, arena));
  engine::StepResult result;
  for (int step = 0; step < 3 && !result.fault; ++step) {
    differential::add_random_events(random, *bundle.program, now, case_file);
    stepper.step(case_file, now, result);
    const bool by_wake = result.wake_at != abi::never && result.wake_at < now + 60 * us_per_day && clock.chance(70);
    now = by_wake ? result.wake_at : now + clock.between(1, 15 * 24) * us_per_hour;
  }
}

}  // namespace

TEST_CASE("every evaluation means what the tree means, and keeps until its wake") {
  const int64_t wanted = from_environment("DUNLIN_MEANING_CASES", 1'500);
  auto seed = static_cast<uint64_t>(from_environment("DUNLIN_SEED", 1));
  meaning::Witness::Counts total;
  for (int64_t cases = 0; cases < wanted; ++seed) {
    const auto bundle = make_bundle(seed);
    if (!bundle) continue;
    for (uint64_t i = 0; i < 30 && cases < wanted; ++i, ++cases) {
      meaning::Witness witness(*bundle->program, *bundle->interpreter, seed + i);
      run_case(*bundle, seed * 1'000'003 + i, witness);
      if (!witness.complaints().empty())
        FAIL("seed " << seed << ", case " << i << "\n" << bundle->source << "\n" << fmt::format("{}", fmt::join(witness.complaints(), "\n")));
      total.evaluations += witness.counts().evaluations;
      total.faults += witness.counts().faults;
      total.wakes += witness.counts().wakes;
      total.instants += witness.counts().instants;
    }
  }
  WARN(total.evaluations << " evaluations, " << total.faults << " faults, " << total.wakes << " wakes asked at " << total.instants << " instants before them");
  CHECK(total.evaluations > wanted);
  CHECK(total.wakes > wanted);
}
