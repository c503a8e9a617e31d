#include "server/roll_rates.h"

#include <cmath>
#include <unordered_map>

#include "compiler/abi/clock.h"

namespace dunlin::server {
namespace {

using Values = std::unordered_map<int64_t, int64_t>;  // by instance

class Sampler {
 public:
  Sampler(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, const Scenario& scenario)
      : program_(program), evaluator_(evaluator), calendar_(calendar), scenario_(scenario) {
    settings_ = engine::initial_settings(program, evaluator, calendar, settings_arena_);
  }

  /// The attribute of every instance of the entity in this case file.
  void take(engine::CaseFile& case_file, int64_t now, int64_t today, Values& values, int64_t& faults) {
    abi::EvalContext context{};
    context.case_file = &case_file.view();
    context.now = now;
    context.today = today;
    context.settings = settings_.data();
    context.calendar = &calendar_;
    context.arena = &case_file.arena();
    for (size_t i = 0; i < case_file.instance_count(); ++i) {
      const auto& instance = case_file.instance(static_cast<int32_t>(i));
      if (instance.entity != scenario_.entity) continue;
      context.self = &instance;
      int64_t out[4] = {};
      if (value_of(instance, context, out)) {
        values[instance.id] = out[0];
      } else {
        ++faults;
      }
    }
  }

 private:
  bool value_of(const abi::Instance& instance, const abi::EvalContext& context, int64_t* out) {
    const auto& entity = program_.entities[static_cast<size_t>(scenario_.entity)];
    if (scenario_.derived == checked::none) {
      out[0] = instance.slots[entity.fields[static_cast<size_t>(scenario_.field)].slot];
      return true;
    }
    return evaluator_.evaluate(entity.derived[static_cast<size_t>(scenario_.derived)].root, context, out).ok();
  }

  const checked::Program& program_;
  const Evaluator& evaluator_;
  const abi::Calendar& calendar_;
  const Scenario& scenario_;
  abi::Arena settings_arena_;
  std::vector<int64_t> settings_;
};

}  // namespace

int64_t RollRates::from(int64_t value) const {
  int64_t sum = 0;
  auto row = moves.find(value);
  if (row == moves.end()) return 0;
  for (const auto& [to, count] : row->second) sum += count;
  return sum;
}

double RollRates::share(int64_t a, int64_t b) const {
  auto row = moves.find(a);
  if (row == moves.end() || !row->second.contains(b)) return 0;
  return std::round(1000.0 * static_cast<double>(row->second.at(b)) / static_cast<double>(from(a))) / 1000.0;
}

store::Result<RollRates> count_roll_rates(store::Store& store, const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar,
                                          const Scenario& scenario, const std::vector<int64_t>& dates) {
  Sampler sampler(program, evaluator, calendar, scenario);
  RollRates rates;
  Values before;
  for (size_t i = 0; i < dates.size(); ++i) {
    int64_t now = 0;
    if (abi::day_start(calendar, dates[i], &now) != abi::Fault::none) continue;
    Values values;
    auto done = store.for_each_case(program, now, [&](engine::CaseFile& case_file) { sampler.take(case_file, now, dates[i], values, rates.faults); });
    if (!done) return std::unexpected(done.error());
    for (const auto& [id, value] : values) {
      auto earlier = before.find(id);
      if (earlier != before.end()) ++rates.moves[earlier->second][value];
    }
    before = std::move(values);
  }
  return rates;
}

}  // namespace dunlin::server
