// Timers that count from something that may never be there: `after court_date : go hearing`, in a stage that accounts without a court date come into and that
// nothing else leads out of. A missing anchor sleeps until it is known, which is right where somebody will fill it in; where nothing but this timer goes on,
// the account stays for good and nobody is told. And timers of which it is certain that they never come due, since what they count from cannot come while the
// account is there.
#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "lang/sema/analysis/readings.h"
#include "lang/sema/analysis/strategies.h"
#include "lang/sema/analysis/witness.h"
#include "lang/sema/experiments.h"
#include "lang/sema/interruption.h"

namespace dunlin::analysis {

using checked::Action;
using checked::Index;
using checked::Op;
using checked::RootId;
using checked::Rule;

namespace {

class AnchorCheck {
 public:
  AnchorCheck(const checked::Program& program, Conditions& conditions, const Flow& flow, Diagnostics& diagnostics)
      : program_(program), conditions_(conditions), flow_(flow), diagnostics_(diagnostics), readings_(program), ways_in_(program.stages.size()) {}

  void run() {
    bool any = false;
    for (const checked::Stage& stage : program_.stages)
      any = any || std::ranges::any_of(stage.rules, [&](const Rule& rule) { return anchor_of(rule) != checked::none; });
    if (!any) return;
    find_ways_in();
    for (size_t stage = 0; stage < program_.stages.size(); ++stage) {
      const auto here = static_cast<Index>(stage);
      if (!flow_.reachable(here) || stage_at(here).is_final) continue;
      for (const Rule& rule : stage_at(here).rules) {
        if (const RootId anchor = anchor_of(rule); anchor != checked::none) judge(here, rule, anchor);
      }
    }
  }

 private:
  /// How an account came to be where it is: enrolled, and then by these rules.
  struct Arrival {
    Index strategy = checked::none;
    std::vector<const Rule*> rules;
  };
  struct WayIn {
    Index from;
    const Rule* rule;
  };

  const checked::Stage& stage_at(Index stage) const { return program_.stages[static_cast<size_t>(stage)]; }
  const checked::Root& root_at(RootId root) const { return program_.roots[static_cast<size_t>(root)]; }

  /// What a timer counts from, if that may be missing.
  RootId anchor_of(const Rule& rule) const {
    if (rule.kind != Rule::Kind::at && rule.kind != Rule::Kind::after) return checked::none;
    const RootId anchor = rule.deadline == checked::none ? rule.instant : program_.deadlines[static_cast<size_t>(rule.deadline)].from;
    return anchor != checked::none && root_at(anchor).body != nullptr && root_at(anchor).type.optional ? anchor : checked::none;
  }

  void find_ways_in() {
    for (size_t stage = 0; stage < program_.stages.size(); ++stage) {
      const auto from = static_cast<Index>(stage);
      if (!flow_.reachable(from)) continue;
      for (const Rule* rule : flow_.rules_in(from)) {
        for (const Index to : flow_.targets_of(*rule).stages) {
          if (to >= 0 && to != from) ways_in_[static_cast<size_t>(to)].push_back({from, rule});
        }
      }
    }
  }

  // ---- what makes sure that the anchor is there ----

  bool produces(const std::vector<Rule>& rules, const Reading& anchor) {
    return std::ranges::any_of(rules, [&](const Rule& rule) { return acts_on(rule, anchor); });
  }

  /// Sets one of the variables, or raises one of the events, that the anchor is read from.
  bool acts_on(const Rule& rule, const Reading& anchor) {
    return std::ranges::any_of(rule.actions, [&](const Action& action) {
      if (action.kind == Action::Kind::set) return anchor.variables.contains(action.variable);
      if (action.kind != Action::Kind::raise || action.event_type == checked::none) return false;
      return std::ranges::any_of(readings_.leaves_of(action.event_type), [&](Index leaf) { return anchor.events.contains(leaf); });
    });
  }

  /// What the stage asks people to do may end in what the timer counts from: that is what it waits for.
  bool works_for(Index stage, const Reading& anchor) {
    const auto may_end_so = [&](Index queue) {
      const Index outcomes = queue == checked::none ? checked::none : program_.queues[static_cast<size_t>(queue)].outcomes;
      if (outcomes == checked::none) return false;
      return std::ranges::any_of(readings_.leaves_of(outcomes), [&](Index leaf) { return anchor.events.contains(leaf); });
    };
    return std::ranges::any_of(flow_.rules_in(stage), [&](const Rule* rule) {
      if (rule->keep && may_end_so(rule->keep->queue)) return true;
      return std::ranges::any_of(rule->actions, [&](const Action& action) { return action.kind == Action::Kind::task && may_end_so(action.queue); });
    });
  }

  /// Whoever this condition lets through has the anchor. Where it cannot be told: yes.
  bool makes_sure(RootId condition, RootId anchor) {
    if (condition == checked::none) return false;
    const Reading &asked = readings_.of(condition), &from = readings_.of(anchor);
    if (std::ranges::any_of(asked.events, [&](Index event) { return from.events.contains(event); })) return true;
    if (std::ranges::any_of(asked.variables, [&](Index variable) { return from.variables.contains(variable); })) return true;
    const auto rest = Conditions::both(conditions_.cases_of(condition), conditions_.cases_of_missing(anchor));
    return rest ? rest->empty() : asked.reads_any_of(from);
  }

  /// On this way the anchor comes along.
  bool brings(const WayIn& way, RootId anchor) {
    const Reading& from = readings_.of(anchor);
    if (way.rule->kind == Rule::Kind::on_event && !way.rule->events.empty()) {
      const bool all = std::ranges::all_of(way.rule->events, [&](Index event) {
        const auto leaves = readings_.leaves_of(event);
        return std::ranges::all_of(leaves, [&](Index leaf) { return from.events.contains(leaf); });
      });
      if (all) return true;
    }
    if (makes_sure(way.rule->guard, anchor) || acts_on(*way.rule, from) || produces(stage_at(way.from).rules, from)) return true;
    const RootId timer = anchor_of(*way.rule);
    return timer != checked::none && readings_.of(timer).reads_any_of(from);
  }

  bool enrols_without(Index strategy, RootId anchor) {
    const checked::Strategy& one = program_.strategies[static_cast<size_t>(strategy)];
    RootId enrol = one.enrol;
    const Index champion = program_.trials ? program_.trials->champion_of[static_cast<size_t>(strategy)] : checked::none;
    if (enrol == checked::none && champion != checked::none) enrol = program_.strategies[static_cast<size_t>(champion)].enrol;
    return enrol != checked::none && !makes_sure(enrol, anchor);
  }

  /// The shortest way in for somebody without the anchor.
  std::optional<Arrival> arrival_without(Index stage, RootId anchor) {
    sema::Interruptible::ask();
    std::vector<WayIn> next(program_.stages.size(), {checked::none, nullptr});  // by stage: on towards the one that is asked for
    std::vector<bool> seen(program_.stages.size());
    std::deque<Index> open{stage};
    seen[static_cast<size_t>(stage)] = true;
    while (!open.empty()) {
      const Index here = open.front();
      open.pop_front();
      const Index strategy = stage_at(here).strategy;
      if (program_.strategies[static_cast<size_t>(strategy)].stages.front() == here && enrols_without(strategy, anchor)) {
        Arrival arrival{strategy, {}};
        for (Index at = here; at != stage; at = next[static_cast<size_t>(at)].from) arrival.rules.push_back(next[static_cast<size_t>(at)].rule);
        return arrival;
      }
      for (const WayIn& way : ways_in_[static_cast<size_t>(here)]) {
        if (seen[static_cast<size_t>(way.from)] || brings(way, anchor)) continue;
        seen[static_cast<size_t>(way.from)] = true;
        next[static_cast<size_t>(way.from)] = {here, way.rule};
        open.push_back(way.from);
      }
    }
    return {};
  }

  // ---- what becomes of those who come without ----

  bool ends_only(const Rule& rule) const {
    const Targets& targets = flow_.targets_of(rule);
    return !targets.back && !targets.anywhere && std::ranges::all_of(targets.stages, [&](Index to) { return to < 0 || stage_at(to).is_final; });
  }

  /// Another rule goes on without the anchor, or deals with those who have none. What ends the strategy for everybody (paid, dead) is no way on.
  bool goes_on_otherwise(Index stage, const Reading& anchor) {
    const auto& own = stage_at(stage).rules;
    for (const Rule* rule : flow_.rules_in(stage)) {
      const bool here = !own.empty() && rule >= &own.front() && rule <= &own.back();
      const RootId timer = anchor_of(*rule);
      const bool same = timer != checked::none && readings_.of(timer).reads_any_of(anchor);
      const bool asks = readings_.of(rule->guard).reads_any_of(anchor) || (rule->keep && readings_.of(rule->keep->condition).reads_any_of(anchor));
      if (asks && !same) return true;
      if (same || !flow_.leads_away(*rule, stage) || rule->kind == Rule::Kind::on_entry) continue;
      if (here) return true;
      const bool asked = rule->kind == Rule::Kind::when || rule->kind == Rule::Kind::on_event;
      if (!asked || !ends_only(*rule)) return true;
    }
    return false;
  }

  /// Nothing that comes while the account is in the stage can be counted from: an event leads out at once, a variable is set nowhere.
  bool cannot_come(Index stage, RootId anchor) {
    const Reading& from = readings_.of(anchor);
    if (!from.variables.empty() && from.events.empty() && from.fields.empty()) {
      const checked::Strategy& strategy = program_.strategies[static_cast<size_t>(stage_at(stage).strategy)];
      if (produces(strategy.rules, from)) return false;
      return std::ranges::none_of(strategy.stages, [&](Index other) { return produces(stage_at(other).rules, from); }) && initially_missing(strategy, from);
    }
    if (from.events.empty() || !from.fields.empty() || !from.variables.empty() || !counts_since_entry(*root_at(anchor).body)) return false;
    std::set<Index> lead_out;
    for (const Rule& rule : stage_at(stage).rules) {
      if (rule.kind != Rule::Kind::on_event || rule.guard != checked::none || !flow_.leads_away(rule, stage)) continue;
      for (const Index event : rule.events) {
        const auto leaves = readings_.leaves_of(event);
        lead_out.insert(leaves.begin(), leaves.end());
      }
    }
    return std::ranges::includes(lead_out, from.events);
  }

  bool initially_missing(const checked::Strategy& strategy, const Reading& from) const {
    return std::ranges::all_of(from.variables, [&](Index variable) {
      const RootId initial = strategy.variables.at(static_cast<size_t>(variable)).initial;
      if (initial == checked::none) return true;
      const checked::Expr* body = root_at(initial).body.get();
      while (body != nullptr && body->op == Op::to_optional) body = body->args.at(0).get();
      return body != nullptr && body->op == Op::missing;
    });
  }

  /// Every query of it looks back to the entry of the stage and no further.
  static bool counts_since_entry(const checked::Expr& body) {
    bool all = true, some = false;
    for_each_part(body, [&](const checked::Expr& part) {
      if (part.op == Op::derived || part.op == Op::function || part.op == Op::table) all = false;
      if (part.aggregate == nullptr) return;
      some = true;
      const checked::Expr* since = part.aggregate->window_value.get();
      while (since != nullptr && since->op == Op::to_optional) since = since->args.at(0).get();
      all = all && part.aggregate->window == checked::Aggregate::Window::since && since != nullptr && since->op == Op::entered_at;
    });
    return all && some;
  }

  // ---- judging ----

  void judge(Index stage, const Rule& rule, RootId anchor) {
    const Reading& from = readings_.of(anchor);
    if (from.fields.empty() && from.variables.empty() && from.events.empty()) return;
    if (cannot_come(stage, anchor)) {
      never_comes_due(stage, rule, anchor);
      return;
    }
    if (!flow_.leads_away(rule, stage) || produces(stage_at(stage).rules, from) || works_for(stage, from) || goes_on_otherwise(stage, from)) return;
    const auto arrival = arrival_without(stage, anchor);
    if (!arrival) return;
    const auto witness = somebody_without(*arrival, anchor);
    if (!witness && !from.fields.empty()) return;  // nobody is known who comes in without
    report(stage, rule, anchor, *arrival, witness);
  }

  std::optional<Witness> somebody_without(const Arrival& arrival, RootId anchor) const {
    const checked::Strategy& strategy = program_.strategies[static_cast<size_t>(arrival.strategy)];
    WitnessQuestion question{.entity = strategy.entity, .roots = {anchor}, .accept = {}, .given = {}, .trials_max = 2'000};
    if (root_at(anchor).self_entity != strategy.entity) return {};
    if (strategy.enrol != checked::none) question.roots.push_back(strategy.enrol);
    question.accept = [&](const Facts& facts) {
      const auto value = evaluate_root(program_, anchor, facts);
      if (!value || !value->missing) return false;
      if (strategy.enrol == checked::none) return true;
      const auto holds = evaluate_root(program_, strategy.enrol, facts);
      return holds && !holds->missing && holds->slot != 0;
    };
    return find_witness(program_, question);
  }

  /// What is missing, in the words of the bundle.
  std::string what(Index stage, const Reading& from) const {
    std::vector<std::string> names;
    const checked::Strategy& strategy = program_.strategies[static_cast<size_t>(stage_at(stage).strategy)];
    for (const auto& [owner, index] : from.fields) {
      const checked::Entity& entity = program_.entities[static_cast<size_t>(owner)];
      const checked::Field& field = entity.fields[static_cast<size_t>(index)];
      if (field.type.optional) names.push_back((owner == strategy.entity ? "" : entity.name + ".") + field.name);
    }
    for (const Index variable : from.variables) names.push_back(strategy.variables.at(static_cast<size_t>(variable)).name);
    for (const Index event : from.events) {
      const checked::EventType& type = program_.events[static_cast<size_t>(event)];
      names.push_back(type.alias.empty() ? type.name : type.alias);
    }
    if (names.empty()) return "what it counts from";
    return "`" + names.front() + "`" + (names.size() > 1 ? fmt::format(" (or {} more)", names.size() - 1) : "");
  }

  void never_comes_due(Index stage, const Rule& rule, RootId anchor) {
    const Reading& from = readings_.of(anchor);
    auto& diagnostic = diagnostics_.warning(
        "E0617", rule.span,
        fmt::format("this timer never comes due: in stage `{}` there is never {} to count from", checked::stage_name(program_, stage), what(stage, from)));
    diagnostic.label = "sleeps for good";
    if (from.events.empty()) {
      diagnostic.help = "set the variable before the account comes here, or count from something else";
      return;
    }
    for (const Rule& other : stage_at(stage).rules) {
      if (other.kind == Rule::Kind::on_event && flow_.leads_away(other, stage))
        diagnostic.notes.push_back({other.span, "the event leads out of the stage at once"});
    }
    diagnostic.help = "let the handler stay in the stage, or ask for the event of before (without `since entry`)";
  }

  void report(Index stage, const Rule& rule, RootId anchor, const Arrival& arrival, const std::optional<Witness>& witness) {
    const Reading& from = readings_.of(anchor);
    const std::string missing = what(stage, from);
    auto& diagnostic = diagnostics_.warning("E0617", rule.span,
                                            fmt::format("without {} this timer has nothing to count from, and no other rule leads on from stage `{}`", missing,
                                                        checked::stage_name(program_, stage)));
    diagnostic.label = "sleeps until it is there";
    const checked::Strategy& strategy = program_.strategies[static_cast<size_t>(arrival.strategy)];
    diagnostic.notes.push_back({strategy.span, fmt::format("enrolled here without {}", missing)});
    for (const Rule* way : arrival.rules) diagnostic.notes.push_back({way->span, "then this way"});
    if (witness) diagnostic.witness = witness->text;
    diagnostic.help = "let only those come in who have it (`… known`, or by its event), or say what becomes of the others, e.g. `after 30 days when …`";
  }

  const checked::Program& program_;
  Conditions& conditions_;
  const Flow& flow_;
  Diagnostics& diagnostics_;
  Readings readings_;
  std::vector<std::vector<WayIn>> ways_in_;  // by stage
};

}  // namespace

void check_anchors(const checked::Program& program, Conditions& conditions, const Flow& flow, Diagnostics& diagnostics) {
  AnchorCheck(program, conditions, flow, diagnostics).run();
}

}  // namespace dunlin::analysis
