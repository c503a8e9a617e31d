#include "runtime/simulate/ready_debtor.h"

#include <algorithm>

#include "lang/sema/analysis/witness.h"
#include "runtime/simulate/draw.h"

namespace dunlin::simulate {

using analysis::Facts;
using checked::Index;
using checked::Program;
using checked::RootId;
using checked::Rule;

namespace {

constexpr uint64_t trials_of_one = 400;  // of one condition beside those that hold already

/// Nothing is known and nothing is owed. Fields of a range begin where it does.
Facts blank_facts(const Program& program) {
  Facts facts;
  facts.one_of_each = true;
  facts.today = plain_day;
  for (size_t e = 0; e < program.entities.size(); ++e) {
    const checked::Entity& entity = program.entities[e];
    for (size_t f = 0; f < entity.fields.size(); ++f) {
      const checked::Field& field = entity.fields[f];
      if (field.key || field.type.kind == checked::TypeKind::record) continue;
      const DrawnValue blank = blank_value(program, field.type);
      analysis::Value value{.missing = !blank.known, .slot = blank.slot, .text = blank.text};
      if (!value.missing && field.minimum) value.slot = std::max(value.slot, *field.minimum);
      if (!value.missing && field.maximum) value.slot = std::min(value.slot, *field.maximum);
      if (!value.missing && field.type.kind == checked::TypeKind::timezone) value.text = program.bundle.timezone;
      facts.fields[{static_cast<Index>(e), static_cast<Index>(f)}] = value;
    }
  }
  return facts;
}

class Search {
 public:
  Search(const Program& program, Index strategy, const std::vector<bool>& judged) : program_(program), judged_(judged), strategy_(strategy) {
    debtor_.facts = blank_facts(program);
    debtor_.facts.self_entity = program.strategies[strategy].entity;
  }

  ReadyDebtor run() {
    collect();
    for (const Wish& wish : wishes_) grant(wish);
    return std::move(debtor_);
  }

 private:
  struct Wish {
    RootId root = checked::none;
    bool wanted = true;
  };

  void wish(RootId root, bool wanted = true) {
    if (root == checked::none) return;
    const auto same = [&](const Wish& other) { return other.root == root; };
    if (std::ranges::none_of(wishes_, same)) wishes_.push_back({root, wanted});
  }

  /// The most needed come first: of two that contradict each other the later one is given up.
  void collect() {
    const checked::Strategy& strategy = program_.strategies[strategy_];
    wish(strategy.enrol);
    for (const checked::Limits& limits : program_.limits) {
      const bool caps = std::ranges::any_of(limits.rules, [](const checked::LimitRule& line) { return line.kind == checked::LimitRule::Kind::at_most; });
      if (caps) wish(limits.applies);
    }
    std::vector<const std::vector<Rule>*> places = {&strategy.rules};
    for (const Index stage : strategy.stages) places.push_back(&program_.stages[stage].rules);
    for (const checked::Always& always : program_.always) {
      if (always.entity == checked::none || always.entity == strategy.entity) places.push_back(&always.rules);
    }
    for (const auto* rules : places) {
      for (const Rule& rule : *rules) wish_for(rule);
    }
    for (const checked::Limits& limits : program_.limits) {
      for (const checked::LimitRule& line : limits.rules) {
        if (line.kind == checked::LimitRule::Kind::never && std::ranges::any_of(line.queues, [&](Index queue) { return judged_[queue]; }))
          wish(line.condition, false);
      }
    }
    for (const auto* rules : places) {
      // Nothing leads away from where it is asked for.
      if (std::ranges::none_of(*rules, [&](const Rule& rule) { return asks_for(rule, judged_); })) continue;
      for (const Rule& rule : *rules) {
        if (rule.kind == Rule::Kind::when) wish(rule.guard, false);
      }
    }
  }

  void wish_for(const Rule& rule) {
    if (!asks_for(rule, judged_)) return;
    wish(rule.guard);
    if (rule.keep) {
      wish(rule.keep->condition);
      wish(rule.keep->binder_where);
      wish(rule.keep->recipient);
    }
    for (const checked::Action& action : rule.actions) {
      if (action.kind == checked::Action::Kind::task) wish(action.recipient);
    }
  }

  bool holds(const Wish& wish, const Facts& facts) const {
    const auto value = analysis::evaluate_root(program_, wish.root, facts);
    if (!value) return false;
    if (program_.roots[wish.root].type.kind == checked::TypeKind::instance) return !value->missing;
    return !value->missing && (value->slot != 0) == wish.wanted;
  }

  void grant(const Wish& wish) {
    const bool enrolment = wish.root == program_.strategies[strategy_].enrol;
    if (!enrolment && holds(wish, debtor_.facts)) {
      granted_.push_back(wish);
      return;
    }
    analysis::WitnessQuestion question{.entity = program_.strategies[strategy_].entity, .roots = {wish.root}, .accept = {}, .given = debtor_.facts};
    if (!enrolment) question.trials_max = trials_of_one;
    question.accept = [&](const Facts& facts) {
      return holds(wish, facts) && std::ranges::all_of(granted_, [&](const Wish& other) { return holds(other, facts); });
    };
    const auto found = analysis::find_witness(program_, question);
    if (!found) return;
    debtor_.facts = found->facts;
    debtor_.sought.insert(found->sought.begin(), found->sought.end());
    granted_.push_back(wish);
  }

  const Program& program_;
  const std::vector<bool>& judged_;
  const Index strategy_;
  std::vector<Wish> wishes_, granted_;
  ReadyDebtor debtor_;
};

}  // namespace

ReadyDebtor ready_debtor(const Program& program, Index strategy, const std::vector<bool>& judged) { return Search(program, strategy, judged).run(); }

bool asks_for(const Rule& rule, const std::vector<bool>& judged) {
  if (rule.keep && judged[rule.keep->queue]) return true;
  return std::ranges::any_of(rule.actions, [&](const checked::Action& action) { return action.kind == checked::Action::Kind::task && judged[action.queue]; });
}

}  // namespace dunlin::simulate
