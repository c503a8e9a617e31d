// Stages that a jump of one fact leads through: `when dpd >= 30 : go notice` and, in `notice`, `when dpd >= 60 : go court`. Whose figure goes from 20 to 65
// at once (a file that was late, a correction) is in `notice` for no time at all: what it does once is made and withdrawn in the same step, its standing tasks
// are never made, its timers never come due.
//
// Reported is what one stored figure does by itself, on one day: with one value the account stays in the first stage, with another in the second, with a third
// it goes through to another one. What only the clock moves does not jump, since a case file wakes on each day on which something turns; the date that days are
// counted from may.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "lang/sema/analysis/readings.h"
#include "lang/sema/analysis/strategies.h"
#include "lang/sema/analysis/witness.h"
#include "lang/sema/interruption.h"

namespace dunlin::analysis {

using checked::Action;
using checked::Index;
using checked::Rule;
using checked::TypeKind;

namespace {

using FieldKey = std::pair<Index, Index>;

constexpr uint64_t trials_of_one = 1500;  // combinations of values for a pair of rules
constexpr size_t going_through_max = 40;  // of them, those that go through both stages and are looked at from all sides

/// Figures that come from outside, of which one value may follow any other.
bool jumps(TypeKind kind) {
  return kind == TypeKind::integer || kind == TypeKind::decimal || kind == TypeKind::number || kind == TypeKind::money || kind == TypeKind::enumeration ||
         kind == TypeKind::date;
}

class SkipCheck {
 public:
  SkipCheck(const checked::Program& program, Conditions& conditions, const Flow& flow, Diagnostics& diagnostics, const SourceMap* sources)
      : program_(program), conditions_(conditions), flow_(flow), diagnostics_(diagnostics), sources_(sources), readings_(program) {}

  uint64_t run() {
    for (size_t stage = 0; stage < program_.stages.size() && work_ < skipped_stages_work_max; ++stage) {
      const auto from = static_cast<Index>(stage);
      if (!flow_.reachable(from) || stage_at(from).is_final) continue;
      for (const Rule* in : flow_.rules_in(from)) {
        const Index through = only_target(*in);
        if (through == checked::none || through == from || stage_at(through).is_final || !has_work(through)) continue;
        for (const Rule& out : stage_at(through).rules) {
          const Index to = only_target(out);
          if (to == checked::none || to == through || to == from || stage_at(to).is_final || told_.contains(&out)) continue;
          if (work_ >= skipped_stages_work_max) return work_;
          const std::set<FieldKey> shared = shared_figures(*in, out);
          if (!shared.empty() && !conditions_.exclude_each_other({in->guard, out.guard}) && !does_the_same(through, to)) {
            look_at({from, through, to, in, &out, shared, leads_of(from), leads_of(through)});
          }
        }
      }
    }
    return work_;
  }

 private:
  /// The `when` rules of a stage that lead out of it, in their order.
  struct Leads {
    std::vector<const Rule*> whens;
    bool on_entry = false;  // something else leads out before them: nothing is known of the stage
  };
  struct Way {
    Index from, through, to;
    const Rule *in, *out;
    const std::set<FieldKey>& shared;  // what both conditions look at
    const Leads &leads_from, &leads_through;
  };
  /// What one field did.
  struct Jump {
    FieldKey field;
    Value before, between, after;
  };

  const checked::Stage& stage_at(Index stage) const { return program_.stages[static_cast<size_t>(stage)]; }

  /// Where a `when` leads, if that is one stage.
  Index only_target(const Rule& rule) const {
    if (rule.kind != Rule::Kind::when || rule.guard == checked::none) return checked::none;
    const Targets& targets = flow_.targets_of(rule);
    return targets.stages.size() == 1 && !targets.back && !targets.anywhere ? targets.stages.front() : checked::none;
  }

  static bool asks(const Action& action) {
    return action.kind == Action::Kind::task || action.kind == Action::Kind::raise || action.kind == Action::Kind::notify;
  }

  /// Something that is not done where the stage is left in the step that enters it, and nothing that is done all the same.
  bool has_work(Index stage) const {
    bool work = false;
    for (const Rule& rule : stage_at(stage).rules) {
      for (const Action& action : rule.actions) {
        const bool lost = action.kind == Action::Kind::task && !action.stays;
        if (rule.kind == Rule::Kind::on_entry) {
          if (action.kind != Action::Kind::note && action.kind != Action::Kind::set && !lost) return false;
          work = work || lost;
        } else if (rule.kind == Rule::Kind::after || rule.kind == Rule::Kind::at || rule.kind == Rule::Kind::every) {
          work = work || asks(action);
        }
      }
      work = work || rule.keep.has_value();
    }
    return work;
  }

  std::set<std::pair<Index, std::string>> tasks_of(Index stage) const {
    std::set<std::pair<Index, std::string>> tasks;
    const auto treatment = [&](checked::RootId root) {
      const checked::Expr* body = root == checked::none ? nullptr : program_.roots[static_cast<size_t>(root)].body.get();
      return body == nullptr ? std::string() : key_of(*body, Scope{});
    };
    for (const Rule& rule : stage_at(stage).rules) {
      // A standing task follows the account: who has come further gets what stands there, in the same queue.
      if (rule.keep) tasks.insert({rule.keep->queue, "keep"});
      for (const Action& action : rule.actions) {
        if (action.kind == Action::Kind::task) tasks.insert({action.queue, treatment(action.value)});
        if (action.kind == Action::Kind::raise || action.kind == Action::Kind::notify) tasks.insert({checked::none, fmt::format("{}", rule.key)});
      }
    }
    return tasks;
  }

  /// The stage behind asks for all that the one before would have: nothing is lost.
  bool does_the_same(Index through, Index to) const {
    const auto lost = tasks_of(through), made = tasks_of(to);
    return std::includes(made.begin(), made.end(), lost.begin(), lost.end());
  }

  bool may_jump(const FieldKey& key) const {
    const checked::Field& field = program_.entities[static_cast<size_t>(key.first)].fields[static_cast<size_t>(key.second)];
    return !field.key && jumps(field.type.kind);
  }

  std::set<FieldKey> shared_figures(const Rule& in, const Rule& out) {
    const auto& first = readings_.of(in.guard).fields;
    const auto& second = readings_.of(out.guard).fields;
    std::set<FieldKey> shared;
    for (const FieldKey& key : first) {
      if (second.contains(key) && may_jump(key)) shared.insert(key);
    }
    return shared;
  }

  const Leads& leads_of(Index stage) {
    const auto [place, fresh] = leads_.try_emplace(stage);
    if (!fresh) return place->second;
    for (const Rule* rule : flow_.rules_in(stage)) {
      if (rule->kind == Rule::Kind::on_entry && !flow_.targets_of(*rule).none()) place->second.on_entry = true;
      if (rule->kind != Rule::Kind::when) continue;
      const Targets& targets = flow_.targets_of(*rule);
      if (targets.stages.size() == 1 && targets.stages.front() == stage) continue;  // a `go` to the current stage does nothing
      place->second.whens.push_back(rule);
    }
    return place->second;
  }

  std::optional<bool> holds(checked::RootId root, const Facts& facts) {
    ++work_;
    const auto value = evaluate_root(program_, root, facts);
    if (!value || value->missing) return {};
    return value->slot != 0;
  }

  /// The first `when` that leads away, null where the account stays. Nothing: these facts do not tell.
  std::optional<const Rule*> taken(const Leads& leads, const Facts& facts) {
    if (leads.on_entry) return {};
    for (const Rule* rule : leads.whens) {
      const auto leads_on = holds(rule->guard, facts);
      if (!leads_on) return {};
      if (*leads_on) return rule;
    }
    return nullptr;
  }

  bool enrolled(Index stage, const Facts& facts) {
    const checked::Strategy& strategy = program_.strategies[static_cast<size_t>(stage_at(stage).strategy)];
    return strategy.enrol == checked::none || holds(strategy.enrol, facts) == true;
  }

  static bool between(const checked::Field& field, const Jump& jump) {
    if (jump.before.missing || jump.between.missing || jump.after.missing) return false;
    if (field.type.kind == TypeKind::enumeration) return true;
    const bool number = field.type.kind == TypeKind::number;
    const auto place = [&](const Value& value) { return number ? checked::order_key_of_double(std::bit_cast<double>(value.slot)) : value.slot; };
    const int64_t a = place(jump.before), b = place(jump.between), c = place(jump.after);
    return (a < b && b < c) || (a > b && b > c);
  }

  /// With `after` for this field the account goes through: which value keeps it in the first stage, and which in the second?
  std::optional<Jump> jump_of(const Way& way, Facts facts, const FieldKey& key, const std::vector<Value>& values) {
    const checked::Field& field = program_.entities[static_cast<size_t>(key.first)].fields[static_cast<size_t>(key.second)];
    Jump jump{key, {}, {}, facts.fields[key]};
    std::vector<Value> before, middle;
    for (const Value& value : values) {
      facts.fields[key] = value;
      const auto first = taken(way.leads_from, facts);
      if (first && *first == nullptr && enrolled(way.from, facts)) before.push_back(value);
      if (!first || *first != way.in) continue;
      if (const auto second = taken(way.leads_through, facts); second && *second == nullptr) middle.push_back(value);
    }
    for (const Value& a : before) {
      for (const Value& b : middle) {
        jump.before = a;
        jump.between = b;
        if (between(field, jump)) return jump;
      }
    }
    return {};
  }

  void look_at(const Way& way) {
    sema::Interruptible::ask();
    const WorthTrying& worth = worth_trying(way);
    std::vector<std::pair<FieldKey, const std::vector<Value>*>> figures;
    for (const auto& [key, tries] : worth.values) {
      if (way.shared.contains(key)) figures.emplace_back(key, &tries);
    }
    Facts facts;
    facts.self_entity = entity_of(way);
    facts.today = worth.today;
    std::optional<Jump> jump;
    size_t going_through = 0;
    const auto goes_through = [&] {
      if (work_ >= skipped_stages_work_max || going_through >= going_through_max) return true;  // enough of this one
      // Both must hold whatever stands above them: that is soon told.
      if (holds(way.out->guard, facts) != true || holds(way.in->guard, facts) != true) return false;
      const auto first = taken(way.leads_from, facts);
      if (!first || *first != way.in) return false;
      const auto second = taken(way.leads_through, facts);
      if (!second || *second != way.out) return false;
      ++going_through;
      for (const auto& [key, tries] : figures) {
        if ((jump = jump_of(way, facts, key, *tries))) return true;
      }
      return false;
    };
    if (try_combinations(worth.values, trials_of_one, facts, goes_through) && jump) report(way, *jump, witness_of(program_, entity_of(way), worth, facts));
  }

  Index entity_of(const Way& way) const { return program_.strategies[static_cast<size_t>(stage_at(way.from).strategy)].entity; }

  /// The values beside the borders of all conditions of both stages.
  const WorthTrying& worth_trying(const Way& way) {
    const auto [place, fresh] = worth_.try_emplace({way.from, way.through});
    if (!fresh) return place->second;
    std::set<checked::RootId> roots;
    for (const Leads* leads : {&way.leads_from, &way.leads_through}) {
      for (const Rule* rule : leads->whens) roots.insert(rule->guard);
    }
    roots.insert(program_.strategies[static_cast<size_t>(stage_at(way.from).strategy)].enrol);
    roots.erase(checked::none);
    const WitnessQuestion question{.entity = entity_of(way), .roots = {roots.begin(), roots.end()}, .accept = {}};
    return place->second = values_worth_trying(program_, question);
  }

  void report(const Way& way, const Jump& jump, const Witness& witness) {
    told_.insert(way.out);
    const checked::Strategy& strategy = program_.strategies[static_cast<size_t>(stage_at(way.from).strategy)];
    const checked::Entity& owner = program_.entities[static_cast<size_t>(jump.field.first)];
    const checked::Field& field = owner.fields[static_cast<size_t>(jump.field.second)];
    const std::string name = jump.field.first == strategy.entity ? field.name : owner.name + "." + field.name;
    const auto text = [&](const Value& value) { return text_of_value(program_, field.type, value); };
    const auto stage = [&](Index index) { return checked::stage_name(program_, index); };
    auto& diagnostic = diagnostics_.warning(
        "E0616", stage_at(way.through).span,
        fmt::format("stage `{}` does none of its work where `{}` goes from {} to {} at once", stage(way.through), name, text(jump.before), text(jump.after)));
    diagnostic.label = "entered and left in one step";
    diagnostic.notes.push_back({{},
                                fmt::format("with {} the account stays in `{}`, with {} in `{}`; with {} it goes through to `{}`", text(jump.before),
                                            stage(way.from), text(jump.between), stage(way.through), text(jump.after), stage(way.to))});
    diagnostic.notes.push_back({way.in->span, "leads in"});
    diagnostic.notes.push_back({way.out->span, "leads out in the same step"});
    for (const auto& entry : witness.text) {
      if (entry.first != name) diagnostic.witness.push_back(entry);
    }
    diagnostic.witness.emplace_back(name + " before", text(jump.before));
    diagnostic.witness.emplace_back(name + " after", text(jump.after));
    const std::string out = quoted(*way.out);
    diagnostic.help =
        out.empty() ? fmt::format(
                          "if nothing is lost by that, say so in `{}`: the second condition with its own `go`, above the rule that leads in; else let "
                          "`{}` be left by `after 1 day when …`",
                          stage(way.from), stage(way.through))
                    : fmt::format("if nothing is lost by that, say so in `{}`, above the rule that leads in: `{}`; else let `{}` be left by `after 1 day {}`",
                                  stage(way.from), out, stage(way.through), out);
  }

  /// A short `when` as it is written, in one line.
  std::string quoted(const Rule& rule) const {
    constexpr size_t length_max = 80;
    if (sources_ == nullptr || !rule.span.known()) return "";
    std::string text;
    for (const char c : sources_->text(rule.span)) {
      const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
      if (!blank || (!text.empty() && text.back() != ' ')) text += blank ? ' ' : c;
    }
    return text.starts_with("when ") && text.size() <= length_max ? text : "";
  }

  const checked::Program& program_;
  Conditions& conditions_;
  const Flow& flow_;
  Diagnostics& diagnostics_;
  const SourceMap* sources_;
  Readings readings_;
  std::map<Index, Leads> leads_;
  std::map<std::pair<Index, Index>, WorthTrying> worth_;
  std::set<const Rule*> told_;
  uint64_t work_ = 0;  // conditions worked out
};

}  // namespace

uint64_t check_skipped_stages(const checked::Program& program, Conditions& conditions, const Flow& flow, Diagnostics& diagnostics,
                              const AnalysisOptions& options) {
  return SkipCheck(program, conditions, flow, diagnostics, options.sources).run();
}

}  // namespace dunlin::analysis
