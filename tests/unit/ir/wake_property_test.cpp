// The law of sleeping: until the wake instant nothing changes (docs/semantics.md). Random conditions, random case files, six zones
// around both clock changes. DUNLIN_WAKE_CONDITIONS and DUNLIN_WAKE_SEED choose a longer or another run.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "compiler/abi/clock.h"
#include "compiler/interp/interpreter.h"
#include "compiler/ir/lower.h"
#include "compiler/ir/print.h"
#include "compiler/ir/verify.h"
#include "tests/support/random_cases.h"
#include "tests/support/random_expressions.h"

namespace dunlin::test {

namespace {

constexpr int64_t us_per_day = 86'400 * abi::us_per_second;

int64_t chosen(const char* variable, int64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoll(text, nullptr, 10);
}

struct Counts {
  int64_t conditions = 0, faults = 0, never = 0, instants = 0, at_wake = 0, changed_at_wake = 0;
};

/// Two roots of one condition: with its wake, and without.
struct Pair {
  checked::RootId with_wake, plain;
};

class Sleeper {
 public:
  Sleeper(const checked::Program& program, const ir::Program& lowered, const Evaluator& evaluator, const ZonedCalendar& zone, std::mt19937_64& random)
      : program_(program), lowered_(lowered), evaluator_(evaluator), calendar_(*zone.tables->view()), zone_(zone), random_(random) {}

  void check(const Pair& pair, const RandomCase& debtor, int64_t now, Counts& counts) {
    ++counts.conditions;
    auto* self = debtor.accounts[random_() % debtor.accounts.size()];
    const auto& view = debtor.builder->view();
    int64_t out[2] = {};
    const auto first = evaluate(pair.with_wake, view, self, now, out);
    const int64_t value = out[0], wake = out[1];
    int64_t plain[1] = {};
    const auto second = evaluate(pair.plain, view, self, now, plain);
    const auto where = [&](int64_t instant) {
      return "zone " + zone_.name + ", now " + std::to_string(now) + ", wake " + std::to_string(wake) + ", asked again at " + std::to_string(instant) + "\n" +
             ir::print(lowered_, lowered_.functions[static_cast<size_t>(lowered_.of_root[static_cast<size_t>(pair.with_wake)])]);
    };
    if (first.fault != second.fault) FAIL(where(now));
    if (!first.ok()) {
      ++counts.faults;
      return;
    }
    if (value != plain[0] || wake <= now) FAIL(where(now));
    if (wake == abi::never) ++counts.never;
    for (const int64_t instant : samples(now, wake)) {
      ++counts.instants;
      const auto later = evaluate(pair.plain, view, self, instant, plain);
      if (!later.ok() || plain[0] != value) FAIL(where(instant));
    }
    if (wake < now + 400 * us_per_day) {
      ++counts.at_wake;
      const auto later = evaluate(pair.plain, view, self, wake, plain);
      if (!later.ok() || plain[0] != value) ++counts.changed_at_wake;
    }
  }

 private:
  Evaluation evaluate(checked::RootId root, const abi::CaseView& view, const abi::Instance* self, int64_t now, int64_t* out) {
    abi::EvalContext context{};
    context.case_file = &view;
    context.self = self;
    context.now = now;
    REQUIRE(abi::date_of(calendar_, now, &context.today) == abi::Fault::none);
    context.settings = settings_;
    context.calendar = &calendar_;
    context.arena = &arena_;
    return evaluator_.evaluate(root, context, out);
  }

  /// Instants in (now, wake): the last one, starts of days, and some at random.
  std::vector<int64_t> samples(int64_t now, int64_t wake) {
    const int64_t end = std::min(wake, now + 120 * us_per_day);
    if (end <= now + 1) return {};
    std::vector<int64_t> instants = {end - 1, now + 1};
    const auto within = [&](int64_t span) { return now + 1 + static_cast<int64_t>(random_() % static_cast<uint64_t>(span)); };
    instants.push_back(within(end - now - 1));
    instants.push_back(within(std::min<int64_t>(end - now - 1, 2 * us_per_day)));
    const int64_t today = abi::date_of_clamped(calendar_, now);
    for (const int64_t date : {today + 1, abi::date_of_clamped(calendar_, within(end - now - 1)), abi::date_of_clamped(calendar_, end - 1)}) {
      const int64_t start = calendar_.day_start_us[date - calendar_.first_day];
      for (const int64_t instant : {start - 1, start})
        if (instant > now && instant < end) instants.push_back(instant);
    }
    return instants;
  }

  const checked::Program& program_;
  const ir::Program& lowered_;
  const Evaluator& evaluator_;
  const abi::Calendar& calendar_;
  const ZonedCalendar& zone_;
  std::mt19937_64& random_;
  abi::Arena arena_;
  int64_t settings_[1] = {30};
};

}  // namespace

TEST_CASE("no condition changes before its wake") {
  const int64_t wanted = chosen("DUNLIN_WAKE_CONDITIONS", 20'000);
  const auto seed = static_cast<uint64_t>(chosen("DUNLIN_WAKE_SEED", 20'261'122));
  INFO("seed " << seed);
  const auto zones = zoned_calendars();
  Counts counts;
  for (uint64_t round = 0; counts.conditions < wanted; ++round) {
    std::mt19937_64 random(seed + round);
    auto program = make_debt_program();
    RandomExpressions expressions(*program, random());
    std::vector<Pair> pairs;
    for (int i = 0; i < 40; ++i) {
      const uint64_t twin = random();
      const int depth = 1 + i % 4;
      const auto wake = tree::add_root(*program, RandomExpressions(*program, twin).condition(depth), 1, true);
      const auto plain = tree::add_root(*program, RandomExpressions(*program, twin).condition(depth), 1, false);
      pairs.push_back({wake, plain});
    }
    const auto lowered = ir::lower(*program);
    const auto problems = ir::verify(*lowered);
    INFO((problems.empty() ? "" : problems[0]));
    REQUIRE(problems.empty());
    const auto evaluator = make_interpreter(*lowered);
    for (const auto& zone : zones) {
      Sleeper sleeper(*program, *lowered, *evaluator, zone, random);
      for (int i = 0; i < 2; ++i) {
        const int64_t now =
            zone.changes[random() % zone.changes.size()] - 6 * us_per_day + static_cast<int64_t>(random() % static_cast<uint64_t>(8 * us_per_day));
        const auto debtor = random_case(*program, *zone.tables->view(), now, random);
        for (const auto& pair : pairs) sleeper.check(pair, debtor, now, counts);
      }
    }
  }
  WARN(counts.conditions << " conditions, " << counts.instants << " instants, " << counts.faults << " faults, " << counts.never << " never, "
                         << counts.changed_at_wake << " of " << counts.at_wake << " changed at their wake");
  CHECK(counts.faults < counts.conditions / 4);
  CHECK(counts.changed_at_wake * 10 > counts.at_wake);
}

}  // namespace dunlin::test
