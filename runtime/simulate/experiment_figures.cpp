#include "runtime/simulate/experiment_figures.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/abi/clock.h"
#include "lang/sema/experiments.h"
#include "runtime/engine/identity.h"

namespace dunlin::simulate {

namespace {

using checked::Experiment;
using checked::TypeKind;
__extension__ using Wide = __int128;

/// Digits behind the point in slot form.
int digits_of(const checked::Program& program, TypeKind kind) {
  if (kind == TypeKind::money) return program.bundle.minor_digits;
  return kind == TypeKind::decimal ? 6 : 0;
}

std::string decimal_text(Wide value, int digits) {
  const bool negative = value < 0;
  Wide rest = negative ? -value : value;
  std::string text;
  for (int d = 0; rest > 0 || d <= digits; ++d) {
    if (d == digits && digits > 0) text += '.';
    text += static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  }
  if (negative) text += '-';
  std::ranges::reverse(text);
  return text;
}

Wide divided(Wide value, Wide by) {
  const bool negative = value < 0;
  const Wide whole = negative ? -value : value;
  Wide quotient = whole / by;
  const Wide twice = (whole % by) * 2;
  if (twice > by || (twice == by && quotient % 2 != 0)) ++quotient;
  return negative ? -quotient : quotient;
}

struct Sum {
  Wide exact = 0;
  double number = 0;
};

struct ArmSums {
  int64_t enrolled = 0, faults = 0;
  Sum success, cost;
  std::vector<int64_t> happened;
};

class Figures {
 public:
  Figures(const NightProgram& night, Instant now) : night_(night), program_(night.program), now_(now) {
    for (const Experiment& experiment : program_.trials->experiments) {
      auto& arms = sums_.emplace_back(experiment.arms.size());
      for (ArmSums& arm : arms) arm.happened.resize(experiment.guardrails.size());
      hashes_.push_back(engine::hash_text(experiment.name));
    }
  }

  void take(engine::CaseFile& file) {
    for (size_t i = 0; i < file.instance_count(); ++i) {
      const auto position = static_cast<int32_t>(i);
      // A copy: the state is changed while it is asked about.
      const std::vector<engine::ArmTaken> arms = file.state(position).arms;
      for (const engine::ArmTaken& taken : arms) {
        if (taken.draw >= 0) take(file, position, taken);
      }
    }
  }

  std::vector<ExperimentFigures> result(const std::string& name, const std::vector<engine::ExperimentOrder>& orders) const {
    std::vector<ExperimentFigures> all;
    for (size_t e = 0; e < sums_.size(); ++e) {
      const Experiment& experiment = program_.trials->experiments[e];
      if (name.empty() || experiment.name == name) all.push_back(figures_of(experiment, sums_[e], orders));
    }
    return all;
  }

 private:
  void take(engine::CaseFile& file, int32_t position, const engine::ArmTaken& taken) {
    const auto found = std::ranges::find(hashes_, taken.experiment);
    if (found == hashes_.end()) return;
    const auto e = static_cast<size_t>(found - hashes_.begin());
    const Experiment& experiment = program_.trials->experiments[e];
    const auto arm = std::ranges::find_if(experiment.arms, [&](const auto& one) { return engine::hash_text(one.name) == taken.arm; });
    if (arm == experiment.arms.end()) return;
    ArmSums& sums = sums_[e][static_cast<size_t>(arm - experiment.arms.begin())];
    ++sums.enrolled;
    // `enrolment` is the draw, wherever the account has gone since.
    engine::InstanceState& state = file.state(position);
    const Instant enrolled = state.enrolled_at;
    state.enrolled_at = taken.at;
    file.refresh_view(position);
    Sum success, cost;
    std::vector<int64_t> happened;
    bool good = add(file, position, experiment.success, success) && add(file, position, experiment.cost, cost);
    for (const auto& guardrail : experiment.guardrails) {
      Sum one;
      good = good && add(file, position, guardrail.happened, one);
      happened.push_back(static_cast<int64_t>(one.exact));
    }
    state.enrolled_at = enrolled;
    file.refresh_view(position);
    if (!good) {
      ++sums.faults;
      return;
    }
    sums.success.exact += success.exact;
    sums.success.number += success.number;
    sums.cost.exact += cost.exact;
    sums.cost.number += cost.number;
    for (size_t g = 0; g < happened.size(); ++g) sums.happened[g] += happened[g];
  }

  bool add(engine::CaseFile& file, int32_t position, checked::RootId root, Sum& sum) {
    if (root == checked::none) return true;
    abi::EvalContext context{.case_file = &file.view(),
                             .self = &file.instance(position),
                             .now = now_,
                             .settings = night_.settings.data(),
                             .calendar = &night_.calendar,
                             .arena = &arena_};
    if (abi::date_of(night_.calendar, now_, &context.today) != abi::Fault::none) return false;
    int64_t out[4] = {};
    const bool good = night_.evaluator.evaluate(root, context, out).ok();
    arena_.clear();
    if (!good) return false;
    if (program_.roots[root].type.kind == TypeKind::number) {
      sum.number += abi::as_number(out[0]);
    } else {
      sum.exact += out[0];
    }
    return true;
  }

  std::optional<Figure> figure(checked::RootId root, const Sum& sum, int64_t heads) const {
    if (root == checked::none) return std::nullopt;
    const checked::Type type = program_.roots[root].type;
    Figure made{type, "", ""};
    if (type.kind == TypeKind::number) {
      made.total = fmt::format("{:.6g}", sum.number);
      if (heads > 0) made.per_head = fmt::format("{:.6g}", sum.number / static_cast<double>(heads));
      return made;
    }
    const int digits = digits_of(program_, type.kind);
    made.total = decimal_text(sum.exact, digits);
    if (heads > 0) made.per_head = decimal_text(divided(sum.exact * 100, heads), digits + 2);
    return made;
  }

  ExperimentFigures figures_of(const Experiment& experiment, const std::vector<ArmSums>& sums, const std::vector<engine::ExperimentOrder>& orders) const {
    ExperimentFigures made{.name = experiment.name, .title = experiment.title, .from = experiment.from, .to = experiment.to, .layer = experiment.layer};
    made.kind = experiment.kind == Experiment::Kind::strategies ? "strategies" : experiment.kind == Experiment::Kind::arms ? "arms" : "holdout";
    if (experiment.unit != checked::none) made.unit = program_.entities[static_cast<size_t>(experiment.unit)].name;
    int64_t today = 0;
    if (abi::date_of(night_.calendar, now_, &today) != abi::Fault::none) today = 0;
    made.status = today < experiment.from ? "not yet" : today > experiment.to ? "over" : "running";
    for (const engine::ExperimentOrder& order : orders) {
      if (order.experiment == experiment.name && order.at <= now_) made.status = order.arm.empty() ? "stopped" : "promoted " + order.arm;
    }
    for (size_t a = 0; a < sums.size(); ++a) {
      const ArmSums& sum = sums[a];
      const int64_t heads = sum.enrolled - sum.faults;
      ArmFigures arm{.arm = experiment.arms[a].name,
                     .control = static_cast<checked::Index>(a) == experiment.control,
                     .share = experiment.arms[a].share,
                     .enrolled = sum.enrolled,
                     .faults = sum.faults};
      arm.success = figure(experiment.success, sum.success, heads);
      arm.cost = figure(experiment.cost, sum.cost, heads);
      for (size_t g = 0; g < experiment.guardrails.size(); ++g) {
        const auto& guardrail = experiment.guardrails[g];
        const Wide share = static_cast<Wide>(sum.happened[g]) * 1'000'000, most = static_cast<Wide>(guardrail.most) * heads;
        arm.guardrails.push_back({guardrail.text, sum.happened[g], heads == 0 || (guardrail.reached ? share < most : share <= most)});
      }
      made.arms.push_back(std::move(arm));
    }
    return made;
  }

  const NightProgram& night_;
  const checked::Program& program_;
  Instant now_;
  abi::Arena arena_;
  std::vector<std::vector<ArmSums>> sums_;
  std::vector<uint64_t> hashes_;
};

}  // namespace

store::Result<std::vector<ExperimentFigures>> experiment_figures(store::Store& store, const NightProgram& program, const std::string& name, Instant now) {
  if (!program.program.trials) return std::vector<ExperimentFigures>{};
  auto orders = store.experiment_orders();
  if (!orders) return std::unexpected(orders.error());
  Figures figures(program, now);
  if (auto done = store.for_each_case(program.program, now, [&](engine::CaseFile& file) { figures.take(file); }); !done) return std::unexpected(done.error());
  return figures.result(name, *orders);
}

}  // namespace dunlin::simulate
