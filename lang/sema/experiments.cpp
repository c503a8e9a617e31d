// Experiments and holdouts: who is an arm of what, how the draws are shared out, what is measured, and `arm(x)`.
#include "lang/sema/experiments.h"

#include <algorithm>
#include <optional>

#include "lang/sema/analysis/flow.h"
#include "lang/sema/declare.h"
#include "lang/sema/definitions.h"
#include "lang/sema/rules.h"
#include "lang/syntax/ast_department.h"

namespace dunlin::sema {

using checked::Experiment;

namespace {

/// Every experiment and holdout of the bundle, in the order of the text, with the place it has in Trials.
template <class Visit>
void each_experiment(const Context& context, const Visit& visit) {
  size_t number = 0;
  for (const Placed& placed : context.declarations) {
    if (const auto* experiment = std::get_if<ast::Part<ast::ExperimentDecl>>(&placed.declaration->node)) {
      visit(number++, placed, **experiment, static_cast<const ast::HoldoutDecl*>(nullptr));
    } else if (const auto* holdout = std::get_if<ast::Part<ast::HoldoutDecl>>(&placed.declaration->node)) {
      visit(number++, placed, (*holdout)->settings, holdout->get());
    }
  }
}

class Declaring {
 public:
  Declaring(Context& context, Experiment& made) : context_(context), made_(made) {}

  void experiment(const ast::ExperimentDecl& written) {
    made_.name = written.name.text;
    made_.title = written.title;
    if (written.layer) made_.layer = written.layer->text;
    if (!written.arms.empty() && !written.values.empty()) {
      context_.error("E0762", written.arms.front().span, "an experiment is between strategies or between arms of something, not both").help =
          "make two experiments of it, in one `layer`";
      return;
    }
    if (!written.values.empty()) {
      arms(written);
    } else {
      strategies(written);
    }
    dates(written, true);
    unit(written.split_by);
  }

  void holdout(const ast::HoldoutDecl& written) {
    const ast::ExperimentDecl& settings = written.settings;
    made_.kind = Experiment::Kind::holdout;
    made_.name = written.name ? written.name->text : "holdout";
    if (!settings.arms.empty() || !settings.values.empty() || settings.layer || settings.success || settings.cost || settings.cost_of ||
        !settings.guardrails.empty()) {
      context_.error("E0762", made_.span, "a holdout takes part in nothing: it has no arms, no layer and nothing to measure").help =
          "only `among`, `split by` and `run` stand in it";
    }
    const int64_t share = share_of(written.share.get());
    if (share <= 0 || share >= checked::whole_share) {
      context_.error("E0761", written.share ? written.share->span : made_.span, "a holdout is a part of all, between 0% and 100%");
    }
    made_.control = none;
    made_.arms.push_back({"held_out", none, share, 0, made_.span});
    entity_of(settings);
    dates(settings, false);
    unit(written.split_by ? written.split_by : settings.split_by);
  }

 private:
  /// In hundredths of a percent.
  int64_t share_of(const ast::Expr* written) {
    if (written == nullptr) return 0;
    Surroundings around;
    around.constant = true;
    ExpressionChecker checker(context_, around);
    const auto value = constant_key(*folded(checker.check_as(*written, type_of(TypeKind::decimal))));
    if (!value) return 0;
    constexpr int64_t step = 1'000'000 / checked::whole_share;
    if (*value % step != 0) {
      context_.error("E0761", written->span, "a share is counted in hundredths of a percent").help = "write it with at most two places: `33.33%`";
    }
    return *value / step;
  }

  void strategies(const ast::ExperimentDecl& written) {
    made_.kind = Experiment::Kind::strategies;
    made_.control = none;
    for (const auto& arm : written.arms) {
      const auto found = context_.names.strategies.find(arm.strategy.text());
      if (found == context_.names.strategies.end()) {
        unknown_strategy(arm.strategy);
        continue;
      }
      context_.note_use(arm.strategy.span, SymbolKind::strategy, found->second);
      if (arm.champion && made_.control != none) {
        context_.error("E0762", arm.span, "there is one champion: the strategy that everybody else goes into").help = "call the others `challenger`";
        continue;
      }
      if (arm.champion) made_.control = static_cast<Index>(made_.arms.size());
      made_.arms.push_back({context_.program.strategies[found->second].name, found->second, share_of(arm.share.get()), 0, arm.span});
    }
    if (made_.arms.size() < written.arms.size()) return broken();
    if (made_.control == none || made_.arms.size() < 2) {
      context_.error("E0762", made_.span, made_.control == none ? "it is not said which strategy is the champion" : "nothing challenges the champion").help =
          "write `champion soft 90%` and `challenger soft_sms 10%`";
      return broken();
    }
    made_.entity = context_.program.strategies[champion().strategy].entity;
    for (const Experiment::Arm& arm : made_.arms) challenger(arm);
    share_out();
    if (written.among) among_entity(*written.among);
  }

  const Experiment::Arm& champion() const { return made_.arms[made_.control]; }

  void challenger(const Experiment::Arm& arm) {
    if (&arm == &champion()) return;
    const checked::Strategy& strategy = context_.program.strategies[arm.strategy];
    if (std::count_if(made_.arms.begin(), made_.arms.end(), [&](const auto& other) { return other.strategy == arm.strategy; }) > 1)
      context_.error("E0762", arm.span, in_ticks(strategy.name) + " stands here twice");
    if (strategy.entity != made_.entity && strategy.entity != none && made_.entity != none) {
      context_
          .error("E0763", arm.span,
                 in_ticks(strategy.name) + " is for " + in_ticks(context_.program.entities[strategy.entity].name) + ", the champion for " +
                     in_ticks(context_.program.entities[made_.entity].name))
          .help = "the champion's `enrol when` decides for all arms: they are for the same entity";
    }
    const ast::StrategyDecl& declaration = *context_.strategies[arm.strategy].declaration;
    if (declaration.enrol) {
      Diagnostic& diagnostic = context_.error("E0764", declaration.enrol->span, "the challenger " + in_ticks(strategy.name) + " would enrol by itself");
      diagnostic.notes.push_back({arm.span, "the experiment"});
      diagnostic.help = "take `enrol when` away: who enters is decided by the champion " + in_ticks(champion().name) + " and by the draw";
    }
  }

  void arms(const ast::ExperimentDecl& written) {
    made_.kind = Experiment::Kind::arms;
    made_.subject = written.parameter ? written.parameter->text() : written.name.text;
    for (const ast::Share& arm : written.values) {
      for (const Experiment::Arm& other : made_.arms) {
        if (other.name == arm.name.text) report_duplicate(context_, arm.name, other.span, "an arm");
      }
      made_.arms.push_back({arm.name.text, none, share_of(arm.share.get()), 0, arm.name.span});
      if (arm.value) given_value(arm);
    }
    if (made_.arms.size() < 2) {
      context_.error("E0762", made_.span, "an experiment compares at least two arms");
      return broken();
    }
    share_out();
    entity_of(written);
  }

  /// `firm 50% = "firm"`: what the parameter is for whoever is in that arm.
  void given_value(const ast::Share& arm) {
    const auto found = context_.names.values.find(made_.subject);
    if (found != context_.names.values.end() && found->second.kind == Symbol::Kind::setting) {
      // Checked here, for nobody may ever read the parameter; what is said twice is reported once.
      Surroundings around;
      around.constant = true;
      ExpressionChecker checker(context_, around);
      (void)checker.check_as(*arm.value, context_.program.settings[static_cast<size_t>(found->second.index)].type);
      return;
    }
    Diagnostic& diagnostic = context_.error("E0766", arm.value->span, "there is no parameter " + in_ticks(made_.subject) + " that could have this value");
    diagnostic.help = "declare it: `parameter " + made_.subject + " : text = …`, or leave the value away and ask `arm(" + made_.subject + ")`";
  }

  /// Challengers from below, the control what is left: so one that grows keeps those it has.
  void share_out() {
    int64_t sum = 0;
    for (const Experiment::Arm& arm : made_.arms) {
      sum += arm.share;
      if (arm.share < 0) context_.error("E0761", arm.span, "a share is not less than nothing");
    }
    int64_t next = 0;
    for (size_t a = 0; a < made_.arms.size(); ++a) {
      if (static_cast<Index>(a) == made_.control) continue;
      made_.arms[a].from = next;
      next += made_.arms[a].share;
    }
    made_.arms[made_.control].from = next;
    if (sum == checked::whole_share) return;
    Diagnostic& diagnostic = context_.error("E0761", made_.span, "the arms of " + in_ticks(made_.name) + " make " + percent(sum) + ", not 100%");
    for (const Experiment::Arm& arm : made_.arms) diagnostic.notes.push_back({arm.span, in_ticks(arm.name) + " " + percent(arm.share)});
    const int64_t rest = checked::whole_share - (sum - made_.arms[made_.control].share);
    if (rest > 0) diagnostic.help = "give " + in_ticks(made_.arms[made_.control].name) + " the rest, " + percent(rest);
  }

  static std::string percent(int64_t share) {
    std::string text = std::to_string(share / 100);
    if (share % 100 != 0) text += "." + std::string(share % 100 < 10 ? "0" : "") + std::to_string(share % 100);
    if (text.find('.') != std::string::npos && text.back() == '0') text.pop_back();
    return text + "%";
  }

  void unknown_strategy(const ast::Path& path) {
    Diagnostic& diagnostic = context_.error("E0205", path.span, "there is no strategy " + in_ticks(path.text()));
    std::vector<std::string> candidates;
    for (const auto& candidate : context_.names.strategies) candidates.push_back(candidate.first);
    suggest(diagnostic, path.text(), candidates);
  }

  Index among_entity(const ast::Among& among) {
    const Index entity = checked::find_entity(context_.program, among.entity.text);
    if (entity == none) {
      Diagnostic& diagnostic = context_.error("E0209", among.entity.span, "there is no entity " + in_ticks(among.entity.text));
      std::vector<std::string> candidates;
      for (const checked::Entity& candidate : context_.program.entities) candidates.push_back(candidate.name);
      suggest(diagnostic, among.entity.text, candidates);
      return none;
    }
    context_.note_use(among.entity.span, SymbolKind::entity, entity);
    if (made_.entity != none && entity != made_.entity) {
      context_
          .error(
              "E0763", among.entity.span,
              "the strategies of the experiment are for " + in_ticks(context_.program.entities[made_.entity].name) + ", not for " + in_ticks(among.entity.text))
          .help = "write `among " + context_.program.entities[made_.entity].name + " where …`; what it hangs on has a name there too";
    }
    return entity;
  }

  /// Of arms and holdouts: what `among` says, else the only entity that strategies are for.
  void entity_of(const ast::ExperimentDecl& written) {
    if (written.among) {
      made_.entity = among_entity(*written.among);
      if (made_.entity == none) broken();
      return;
    }
    Index only = none;
    for (const checked::Strategy& strategy : context_.program.strategies) {
      if (only != none && strategy.entity != only) {
        if (made_.kind == Experiment::Kind::holdout) return;  // of any
        context_.error("E0763", made_.span, "the strategies are for different entities: it is not clear whose arms these are").help =
            "write `among " + context_.program.entities[only].name + "`";
        return broken();
      }
      only = strategy.entity;
    }
    made_.entity = only;
    if (only == none && made_.kind != Experiment::Kind::holdout) broken();
  }

  void dates(const ast::ExperimentDecl& written, bool needed) {
    made_.from = INT64_MIN;
    made_.to = INT64_MAX;
    if (!written.run) {
      if (!needed) return;
      context_.error("E0760", made_.span, "it is not said from when to when the experiment " + in_ticks(made_.name) + " runs").help =
          "write `run 2026-12-01 to 2027-02-28`: after that nobody new is drawn, and those who were keep their arm";
      return;
    }
    Surroundings around;
    around.constant = true;
    const auto date = [&](const ast::ExprPtr& expr, int64_t otherwise) {
      if (!expr) return otherwise;
      ExpressionChecker checker(context_, around);
      return constant_key(*folded(checker.check_as(*expr, type_of(TypeKind::date)))).value_or(otherwise);
    };
    made_.from = date(written.run->from, INT64_MIN);
    made_.to = date(written.run->to, INT64_MAX);
    if (made_.from > made_.to) context_.error("E0760", written.run->span, "the experiment " + in_ticks(made_.name) + " ends before it begins");
    if (!written.run->hours.empty()) {
      context_.error("E0760", written.run->hours.front().span, "an experiment runs from day to day, not from hour to hour").help = "leave `between …` away";
    }
  }

  /// What is drawn: the head of the case file unless it is said.
  void unit(const std::optional<ast::Name>& written) {
    made_.unit = context_.program.entities.empty() ? none : 0;
    if (!written) return;
    const Index entity = checked::find_entity(context_.program, written->text);
    if (entity == none) {
      Diagnostic& diagnostic = context_.error("E0209", written->span, "there is no entity " + in_ticks(written->text));
      std::vector<std::string> candidates;
      for (const checked::Entity& candidate : context_.program.entities) candidates.push_back(candidate.name);
      suggest(diagnostic, written->text, candidates);
      return;
    }
    context_.note_use(written->span, SymbolKind::entity, entity);
    made_.unit = entity;
    if (made_.entity == none || context_.is_ancestor_or_self(entity, made_.entity)) return;
    context_.error("E0767", written->span, in_ticks(context_.program.entities[made_.entity].name) + " does not hang on " + in_ticks(written->text)).help =
        "split by what is enrolled, or by what it hangs on";
  }

  void broken() { made_.arms.clear(); }

  Context& context_;
  Experiment& made_;
};

/// Experiments of one layer draw the same thing: else one debtor's accounts would be in two of them.
void check_layers(Context& context) {
  const auto& experiments = context.program.trials->experiments;
  for (size_t b = 0; b < experiments.size(); ++b) {
    for (size_t a = 0; a < b; ++a) {
      const Experiment &one = experiments[a], &other = experiments[b];
      if (one.layer.empty() || one.layer != other.layer || one.unit == other.unit || one.unit == none || other.unit == none) continue;
      Diagnostic& diagnostic = context.error("E0767", other.span, "the experiments of layer " + in_ticks(one.layer) + " are not split by the same thing");
      diagnostic.notes.push_back({one.span, in_ticks(one.name) + " is split by " + in_ticks(context.program.entities[one.unit].name)});
      diagnostic.help = "write the same `split by` in each: they exclude each other by it";
    }
  }
}

/// A variable in each strategy for the entity: what `arm(x)` reads.
void add_variables(Context& context, Experiment& experiment) {
  if (experiment.kind != Experiment::Kind::arms || experiment.arms.empty()) return;
  checked::Enum enumeration;
  enumeration.name = experiment.subject + ".arm";
  for (const auto& arm : experiment.arms) enumeration.literals.push_back(arm.name);
  experiment.enumeration = static_cast<Index>(context.program.enums.size());
  context.program.enums.push_back(std::move(enumeration));
  experiment.variables.assign(context.program.strategies.size(), none);
  for (size_t s = 0; s < context.program.strategies.size(); ++s) {
    if (context.program.strategies[s].entity != experiment.entity) continue;
    checked::Variable made;
    made.name = "arm(" + experiment.subject + ")";
    made.type = type_of(TypeKind::enumeration, experiment.enumeration);
    made.span = experiment.span;
    Surroundings around;
    around.label = made.name;
    around.self_entity = experiment.entity;
    made.initial = add_root(context, around, make_literal(made.type, experiment.control, experiment.span), 0, experiment.span);
    checked::Strategy& strategy = context.program.strategies[s];
    made.slot = strategy.variable_slots++;
    experiment.variables[s] = static_cast<Index>(strategy.variables.size());
    strategy.variables.push_back(std::move(made));
  }
}

ast::ExprPtr name_of(const std::string& text, Span span) {
  auto made = std::make_unique<ast::Expr>();
  made->span = span;
  made->node = ast::NameRef{{text, span}};
  return made;
}

/// `spent since enrolment`
ast::ExprPtr cost_of_tasks(Span span) {
  ast::AggregateExpr spent;
  spent.function = {"spent", span};
  spent.since = name_of("enrolment", span);
  auto made = std::make_unique<ast::Expr>();
  made->span = span;
  made->node = std::move(spent);
  return made;
}

class Measuring {
 public:
  Measuring(Context& context, size_t number, const ast::ExperimentDecl& written) : context_(context), number_(number), written_(written) {}

  void run() {
    if (made().arms.empty() && made().kind != Experiment::Kind::holdout) return;  // reported
    const Index among_what = written_.among ? checked::find_entity(context_.program, written_.among->entity.text) : none;
    if (among_what != none && among_what == made().entity && written_.among->where) {
      const RootId among = make_root(context_, around("among"), *written_.among->where, type_of(TypeKind::boolean));
      made().among = among;
    }
    if (written_.success) {
      const RootId success = make_root(context_, around("success"), *written_.success, {});
      made().success = figure(success, written_.success->span);
    }
    if (written_.cost_of && written_.cost_of->text != "tasks") {
      context_.error("E0219", written_.cost_of->span, "a cost is that of tasks, or a figure of its own").help = "write `cost cost of tasks`";
    } else if (written_.cost_of) {
      const RootId cost = make_root(context_, around("cost"), *cost_of_tasks(written_.cost_of->span), type_of(TypeKind::money));
      made().cost = cost;
    } else if (written_.cost) {
      const RootId cost = make_root(context_, around("cost"), *written_.cost, {});
      made().cost = figure(cost, written_.cost->span);
    }
    for (const ast::ExprPtr& guardrail : written_.guardrails) add_guardrail(*guardrail);
  }

 private:
  Experiment& made() { return context_.program.trials->experiments[number_]; }

  Surroundings around(const std::string& what) {
    Surroundings around;
    around.label = "experiment " + made().name + ": " + what;
    around.self_entity = made().entity;
    around.free_now = true;
    return around;
  }

  /// Something that can be added up and divided by heads.
  RootId figure(RootId root, Span span) {
    const Type type = context_.program.roots[root].type;
    const bool good = !type.optional && (type.kind == TypeKind::money || type.kind == TypeKind::integer || type.kind == TypeKind::decimal ||
                                         type.kind == TypeKind::number || type.kind == TypeKind::boolean);
    if (good || type.is_error()) return type.is_error() ? none : root;
    context_.error("E0301", span, "a figure of each account is needed here, found " + in_ticks(context_.type_text(type))).help =
        "write a sum, a count or a condition; add `default 0` where it may be missing";
    return none;
  }

  void add_guardrail(const ast::Expr& written) {
    const auto* comparison = std::get_if<ast::Binary>(&written.node);
    const auto* call = comparison != nullptr ? std::get_if<ast::CallExpr>(&comparison->left->node) : nullptr;
    const auto* callee = call != nullptr ? std::get_if<ast::NameRef>(&call->callee->node) : nullptr;
    const bool upper = comparison != nullptr && (comparison->op == ast::BinaryOp::less_equal || comparison->op == ast::BinaryOp::less);
    const auto event = callee != nullptr && callee->name.text == "rate" && call->arguments.size() == 1 ? path_of(*call->arguments[0].value) : std::nullopt;
    if (!upper || !event) {
      context_.error("E0769", written.span, "a guardrail is the rate of an event that must not be passed").help = "write `guardrail rate(complaint) <= 0.2%`";
      return;
    }
    ast::AggregateExpr exists;
    exists.function = {"exists", written.span};
    exists.source = name_of(event->parts.front().text, event->parts.front().span);
    for (size_t i = 1; i < event->parts.size(); ++i) {
      auto member = std::make_unique<ast::Expr>();
      member->span = event->span;
      member->node = ast::Member{std::move(exists.source), event->parts[i]};
      exists.source = std::move(member);
    }
    exists.since = name_of("enrolment", written.span);
    ast::Expr asked;
    asked.span = written.span;
    asked.node = std::move(exists);
    Experiment::Guardrail guardrail;
    guardrail.text = std::string(context_.sources.text(written.span));
    guardrail.span = written.span;
    guardrail.reached = comparison->op == ast::BinaryOp::less;
    Surroundings constant;
    constant.constant = true;
    ExpressionChecker checker(context_, constant);
    guardrail.most = constant_key(*folded(checker.check_as(*comparison->right, type_of(TypeKind::decimal)))).value_or(0);
    guardrail.happened = make_root(context_, around("guardrail"), asked, type_of(TypeKind::boolean));
    made().guardrails.push_back(std::move(guardrail));
  }

  Context& context_;
  size_t number_;
  const ast::ExperimentDecl& written_;
};

/// Rules that would take an account out of its arm, or to a stage that another arm lacks.
class Crossings {
 public:
  explicit Crossings(Context& context) : context_(context), program_(context.program) {}

  void run() {
    for (size_t s = 0; s < program_.strategies.size(); ++s) {
      look(program_.strategies[s].rules, static_cast<Index>(s));
      for (const Index stage : program_.strategies[s].stages) look(program_.stages[stage].rules, static_cast<Index>(s));
    }
    for (const checked::Always& always : program_.always) look(always.rules, none);
  }

 private:
  void look(const std::vector<checked::Rule>& rules, Index from) {
    for (const checked::Rule& rule : rules) {
      for (const checked::Action& action : rule.actions) {
        if (action.kind == checked::Action::Kind::go && action.stage != none) {
          look_at(action, from, program_.stages[action.stage].strategy, action.stage);
        } else if (action.kind == checked::Action::Kind::enter_strategy) {
          look_at(action, from, action.strategy, none);
        } else if (action.kind == checked::Action::Kind::go_by && !context_.diagnostics.has_errors()) {
          if (!flow_) flow_.emplace(program_);
          for (const Index stage : flow_->named_by(action).stages) look_at(action, from, program_.stages[stage].strategy, stage);
        }
      }
    }
  }

  void look_at(const checked::Action& action, Index from, Index to, Index stage) {
    if (from == to) return;
    for (const Experiment& experiment : program_.trials->experiments) {
      if (experiment.kind != Experiment::Kind::strategies || experiment.arms.empty()) continue;
      const bool from_arm = is_arm(experiment, from), to_arm = is_arm(experiment, to);
      if (!to_arm) continue;
      if (from_arm) {
        Diagnostic& diagnostic = context_.error(
            "E0768", action.span,
            in_ticks(program_.strategies[from].name) + " and " + in_ticks(program_.strategies[to].name) + " are arms of one experiment: nobody changes over");
        diagnostic.notes.push_back({experiment.span, "the experiment"});
        diagnostic.help = "`go` to a stage of the arm itself, or to a strategy outside of the experiment";
        return;
      }
      const Index champion = experiment.arms[experiment.control].strategy;
      if (to != champion) {
        Diagnostic& diagnostic = context_.error("E0768", action.span, in_ticks(program_.strategies[to].name) + " is a challenger: only the draw leads into it");
        diagnostic.notes.push_back({experiment.span, "the experiment"});
        diagnostic.help = "`go " + program_.strategies[champion].name + "` enters the account's own arm";
        return;
      }
      if (stage != none && lacks_stage(experiment, action, stage)) return;
    }
  }

  bool lacks_stage(const Experiment& experiment, const checked::Action& action, Index stage) {
    const std::string& name = program_.stages[stage].name;
    for (const Experiment::Arm& arm : experiment.arms) {
      const auto& stages = program_.strategies[arm.strategy].stages;
      if (std::ranges::any_of(stages, [&](Index own) { return program_.stages[own].name == name; })) continue;
      Diagnostic& diagnostic = context_.error("E0768", action.span, "the challenger " + in_ticks(arm.name) + " has no stage " + in_ticks(name));
      diagnostic.notes.push_back({experiment.span, "the experiment"});
      diagnostic.help = "write `go " + program_.strategies[experiment.arms[experiment.control].strategy].name +
                        "`, which enters the first stage of the account's own arm, or give each arm a stage " + in_ticks(name);
      return true;
    }
    return false;
  }

  static bool is_arm(const Experiment& experiment, Index strategy) {
    return strategy != none && std::ranges::any_of(experiment.arms, [&](const auto& arm) { return arm.strategy == strategy; });
  }

  Context& context_;
  std::optional<analysis::Flow> flow_;  // what tables of stages lead to
  const checked::Program& program_;
};

/// One strategy challenges in one experiment, and is not the champion of another.
void set_champions(Context& context) {
  checked::Trials& trials = *context.program.trials;
  trials.champion_of.assign(context.program.strategies.size(), none);
  std::vector<const Experiment::Arm*> first(context.program.strategies.size(), nullptr);
  for (const Experiment& experiment : trials.experiments) {
    if (experiment.kind != Experiment::Kind::strategies || experiment.arms.empty()) continue;
    const Index champion = experiment.arms[experiment.control].strategy;
    for (const Experiment::Arm& arm : experiment.arms) {
      const bool challenges = arm.strategy != champion;
      const Experiment::Arm* before = first[arm.strategy];
      if (before != nullptr && (challenges || trials.champion_of[arm.strategy] != none)) {
        Diagnostic& diagnostic = context.error("E0762", arm.span, in_ticks(arm.name) + " is an arm of another experiment already");
        diagnostic.notes.push_back({before->span, "it stands here"});
        diagnostic.help = "a strategy may be the champion of several experiments of one `layer`; a challenger challenges once";
      }
      first[arm.strategy] = &arm;
      if (challenges) trials.champion_of[arm.strategy] = champion;
    }
  }
  for (size_t s = 0; s < context.program.strategies.size(); ++s) {
    const checked::Strategy& strategy = context.program.strategies[s];
    if (is_kept(context, strategy.span.file)) trials.champion_of[s] = trials.champion_of[context.names.strategies.at(strategy.name)];
  }
}

}  // namespace

void declare_experiments(Context& context) {
  auto trials = std::make_shared<checked::Trials>();
  std::unordered_map<std::string, Span> names;
  each_experiment(context, [&](size_t, const Placed& placed, const ast::ExperimentDecl& written, const ast::HoldoutDecl* holdout) {
    Experiment& made = trials->experiments.emplace_back();
    made.doc = placed.declaration->doc;
    made.span = holdout == nullptr ? written.name.span : holdout->name ? holdout->name->span : placed.declaration->span;
    Declaring declaring(context, made);
    holdout != nullptr ? declaring.holdout(*holdout) : declaring.experiment(written);
    const auto [at, fresh] = names.try_emplace(made.name, made.span);
    if (!fresh) report_duplicate(context, {made.name, made.span}, at->second, "an experiment");
    if (made.subject.empty() || made.subject == made.name) return;
    const auto [same, own] = names.try_emplace(made.subject, made.span);
    if (!own) report_duplicate(context, {made.subject, made.span}, same->second, "an experiment");
  });
  if (trials->experiments.empty()) return;
  context.program.trials = std::move(trials);
  for (Experiment& experiment : context.program.trials->experiments) add_variables(context, experiment);
  check_layers(context);
  set_champions(context);
}

void check_experiments(Context& context) {
  if (!context.program.trials) return;
  each_experiment(
      context, [&](size_t number, const Placed&, const ast::ExperimentDecl& written, const ast::HoldoutDecl*) { Measuring(context, number, written).run(); });
  Crossings(context).run();
}

ExprPtr value_by_arm(Context& context, const Surroundings& around, Index setting, Span span) {
  if (!context.program.trials || around.strategy == none || around.self_entity == none) return nullptr;
  const std::string& name = context.program.settings[setting].name;
  const Type type = context.program.settings[setting].type;
  ExprPtr chosen;
  each_experiment(context, [&](size_t number, const Placed&, const ast::ExperimentDecl& written, const ast::HoldoutDecl*) {
    const Experiment& experiment = context.program.trials->experiments[number];
    if (chosen || experiment.subject != name || experiment.variables.empty() || experiment.variables[around.strategy] == none) return;
    const Type arms = type_of(TypeKind::enumeration, experiment.enumeration);
    Surroundings constant;
    constant.constant = true;
    for (size_t arm = 0; arm < written.values.size() && arm < experiment.arms.size(); ++arm) {
      if (!written.values[arm].value) continue;
      ExpressionChecker checker(context, constant);
      ExprPtr value = checker.check_as(*written.values[arm].value, type);
      if (!chosen) {
        chosen = make_node(Op::setting, type, span);
        chosen->index = setting;
      }
      ExprPtr variable = make_node(Op::variable, arms, span);
      variable->index = experiment.variables[around.strategy];
      ExprPtr is_it = make_node(Op::equal, type_of(TypeKind::boolean), span, std::move(variable), make_literal(arms, static_cast<int64_t>(arm), span));
      chosen = make_node(Op::condition, type, span, std::move(is_it), std::move(value), std::move(chosen));
    }
  });
  return chosen;
}

/// `arm(letter_tone)`: the arm that the account was drawn into when it was enrolled; the first one written for whoever is in none.
ExprPtr ExpressionChecker::check_arm(const ast::CallExpr& call, Span span) {
  const auto path = call.arguments.size() == 1 ? path_of(*call.arguments[0].value) : std::nullopt;
  if (!path) {
    context_.error("E0304", span, "`arm` takes the name of an experiment's arms").help = "write `arm(letter_tone) = firm`";
    return make_wrong(span);
  }
  const Experiment* found = nullptr;
  std::vector<std::string> candidates;
  if (context_.program.trials) {
    for (const Experiment& experiment : context_.program.trials->experiments) {
      if (experiment.kind != Experiment::Kind::arms) continue;
      candidates.push_back(experiment.subject);
      if (experiment.subject == path->text() || experiment.name == path->text()) found = &experiment;
    }
  }
  if (found == nullptr) {
    Diagnostic& diagnostic = context_.error("E0766", path->span, "no experiment has arms of " + in_ticks(path->text()));
    suggest(diagnostic, path->text(), candidates);
    if (diagnostic.help.empty())
      diagnostic.help = "declare one: `experiment tone { arms of " + path->text() + " { friendly 50%, firm 50% }, run 2026-12-01 to 2027-02-28 }`";
    return make_wrong(span);
  }
  if (around_.strategy == none || around_.self_entity == none) {
    context_.error("E0215", span, "`arm` means nothing here").help = "an account has its arm while it is in a strategy: ask in a rule, and hand the answer on";
    return make_wrong(span);
  }
  if (found->variables.empty()) return make_wrong(span);  // the experiment was reported
  const Index variable = found->variables[around_.strategy];
  if (variable == none) {
    context_.error("E0763", span, "the arms of " + in_ticks(found->subject) + " are for " + in_ticks(context_.program.entities[found->entity].name));
    return make_wrong(span);
  }
  ExprPtr made = make_node(Op::variable, type_of(TypeKind::enumeration, found->enumeration), span);
  made->index = variable;
  return made;
}

}  // namespace dunlin::sema
