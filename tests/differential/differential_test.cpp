// The interpreter and native code always agree: random bundles, random portfolios, random histories; states, effects, wakes, faults and
// what the rules read are compared after every step. DUNLIN_DIFFERENTIAL_PAIRS sets how many (bundle, account) pairs, DUNLIN_SEED where to start.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "compiler/abi/calendar.h"
#include "compiler/interp/interpreter.h"
#include "compiler/ir/lower.h"
#include "compiler/ir/verify.h"
#include "compiler/native/native.h"
#include "lang/diag/render.h"
#include "lang/sema/check.h"
#include "tests/differential/part_ways.h"
#include "tests/differential/random_bundle.h"
#include "tests/differential/random_case.h"

using namespace dunlin;
using namespace dunlin::differential;

namespace {

int64_t from_environment(const char* name, int64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::atoll(text);
}

struct Compiled {
  std::string source;
  std::unique_ptr<checked::Program> program;
  std::unique_ptr<ir::Program> ir;
  std::unique_ptr<Evaluator> interpreter;
  std::unique_ptr<abi::CalendarTables> calendar;
};

/// Null if the random bundle was not accepted; `refusals` then says why.
std::unique_ptr<Compiled> compile(uint64_t seed, std::map<std::string, int>& refusals) {
  auto compiled = std::make_unique<Compiled>();
  Random random(seed);
  compiled->source = random_bundle(random);
  BundleSources sources{{{"random.dun", compiled->source}}};
  SourceMap map;
  Diagnostics diagnostics;
  CheckOptions options;
  options.stdlib = std::string(DUNLIN_SOURCE_DIR) + "/stdlib";
  options.analyse = false;
  compiled->program = check_bundle(sources, map, diagnostics, options);
  if (!compiled->program) {
    for (const auto& d : diagnostics.all())
      if (d.severity == Severity::error) {
        ++refusals[d.code];
        if (std::getenv("DUNLIN_SHOW_REFUSALS") != nullptr) std::cerr << "seed " << seed << "\n" << render_text(diagnostics, map) << "\n";
        break;
      }
    return nullptr;
  }
  compiled->ir = ir::lower(*compiled->program);
  const auto problems = ir::verify(*compiled->ir);
  INFO("seed " << seed << "\n" << compiled->source);
  for (const auto& problem : problems) FAIL_CHECK(problem);
  compiled->interpreter = make_interpreter(*compiled->ir);
  abi::CalendarSpec spec;
  spec.timezone = compiled->program->bundle.timezone;
  spec.day_start_s = compiled->program->bundle.day_start_s;
  auto calendar = abi::CalendarTables::make(spec);
  REQUIRE(calendar.has_value());
  compiled->calendar = std::move(*calendar);
  return compiled;
}

/// Runs one case through several steps under both; empty if they agree, else where they parted.
std::string part_ways(const Compiled& c, const Evaluator& native, uint64_t case_seed, StepCounts& counts) {
  return part_ways({*c.program, *c.interpreter, native, *c.calendar->view()}, case_seed, counts);
}

}  // namespace

TEST_CASE("the interpreter and native code agree on random bundles") {
  const int64_t pairs_wanted = from_environment("DUNLIN_DIFFERENTIAL_PAIRS", 100'000);
  const int64_t cases_per_bundle = pairs_wanted >= 100'000 ? 250 : 50;
  uint64_t seed = static_cast<uint64_t>(from_environment("DUNLIN_SEED", 1));
  int64_t pairs = 0, bundles = 0, tried = 0;
  StepCounts counts;
  std::map<std::string, int> refusals;
  for (; pairs < pairs_wanted; ++seed) {
    ++tried;
    auto compiled = compile(seed, refusals);
    if (!compiled) {
      REQUIRE(tried < 20 + 5 * (bundles + 1));
      continue;
    }
    ++bundles;
    NativeOptions options;
    options.opt_level = seed % 2 == 0 ? 2 : 0;
    auto native = compile_native(*compiled->ir, options);
    INFO("seed " << seed << " (set DUNLIN_SEED to start here)\n" << compiled->source);
    if (!native) FAIL(native.error());
    for (int64_t i = 0; i < cases_per_bundle && pairs < pairs_wanted; ++i, ++pairs) {
      const std::string difference = part_ways(*compiled, **native, seed * 1'000'003 + static_cast<uint64_t>(i), counts);
      if (!difference.empty()) FAIL(difference);
    }
  }
  std::string why;
  for (const auto& [code, count] : refusals) why += fmt::format(" {}: {}", code, count);
  std::cout << fmt::format("differential: {} pairs, {} bundles ({} written, refused:{}), {} steps, {} faults, {} events refused\n", pairs, bundles, tried, why,
                           counts.steps, counts.faults, counts.refused);
  CHECK(bundles * 10 >= tried * 5);                // most random bundles are accepted
  CHECK(counts.faults * 100 < counts.steps * 60);  // most steps are not faults
  CHECK(counts.faults > 0);                        // and some are
  CHECK(counts.refused > 0);                       // as events are refused
}

TEST_CASE("each planted miscompilation is found") {
  const auto planted = GENERATE(Miscompilation::addition_wraps, Miscompilation::halves_away_from_zero, Miscompilation::division_truncates,
                                Miscompilation::interval_end_left_out, Miscompilation::cancelled_event_counted);
  std::map<std::string, int> refusals;
  int64_t pairs = 0;
  StepCounts counts;
  bool found = false;
  for (uint64_t seed = 1; seed < 400 && !found; ++seed) {
    auto compiled = compile(seed, refusals);
    if (!compiled) continue;
    NativeOptions options;
    options.opt_level = 0;
    options.planted_miscompilation = planted;
    auto native = compile_native(*compiled->ir, options);
    REQUIRE(native);
    for (uint64_t i = 0; i < 60 && !found; ++i, ++pairs) found = !part_ways(*compiled, **native, seed * 1'000'003 + i, counts).empty();
  }
  INFO(miscompilation_name(planted));
  CHECK(found);
  std::cout << fmt::format("planted {}: found after {} pairs\n", miscompilation_name(planted), pairs);
}
