// Tests that stand beside the rules.
#include <algorithm>
#include <map>
#include <optional>

#include "lang/sema/checked_letters.h"
#include "lang/sema/definitions.h"
#include "lang/sema/experiments.h"
#include "lang/sema/rules.h"
#include "lang/syntax/ast_department.h"

namespace dunlin::sema {

namespace {

class TestChecker {
 public:
  TestChecker(Context& context, const ast::TestDecl& written) : context_(context), written_(written) {}

  checked::Test check(Span span) {
    made_.title = written_.title;
    made_.span = span;
    around_.label = "test \"" + written_.title + "\"";
    around_.free_now = true;
    for (const ast::TestGiven& given : written_.given) add_instance(given);
    add_any_ancestors();
    for (const ast::TestStep& step : written_.steps) add_owner(step);
    // Only now are all instances there that a condition may name.
    for (const ast::TestGiven& given : written_.given) add_condition(given);
    check_property(span);
    for (const ast::TestStep& step : written_.steps) add_step(step);
    for (checked::GivenArm& given : given_arms_) {
      given.test = static_cast<Index>(context_.program.tests.size());
      context_.program.trials->given.push_back(given);
    }
    return std::move(made_);
  }

 private:
  Index entity_of(const ast::Name& name) {
    const Index entity = checked::find_entity(context_.program, name.text);
    if (entity != none) return entity;
    Diagnostic& diagnostic = context_.error("E0209", name.span, "there is no entity " + in_ticks(name.text));
    std::vector<std::string> candidates;
    for (const checked::Entity& candidate : context_.program.entities) candidates.push_back(candidate.name);
    suggest(diagnostic, name.text, candidates);
    return none;
  }

  Index instance_named(const ast::Name& name) {
    for (size_t i = 0; i < made_.instances.size(); ++i) {
      if (made_.instances[i].name == name.text) return static_cast<Index>(i);
    }
    Diagnostic& diagnostic = context_.error("E0717", name.span, "nothing called " + in_ticks(name.text) + " is given");
    std::vector<std::string> candidates;
    for (const checked::TestInstance& candidate : made_.instances) candidates.push_back(candidate.name);
    suggest(diagnostic, name.text, candidates);
    return none;
  }

  /// The first instance of the entity, or of one that hangs on it.
  Index instance_of(Index entity) const {
    for (size_t i = 0; i < made_.instances.size(); ++i) {
      if (made_.instances[i].entity == entity) return static_cast<Index>(i);
    }
    return none;
  }

  void add_instance(const ast::TestGiven& given) {
    checked::TestInstance made;
    made.entity = entity_of(given.entity);
    if (made.entity == none) {
      unknown_given_ = true;
      return;
    }
    made.name = given.name ? given.name->text : given.entity.text;
    made.span = given.span;
    for (const checked::TestInstance& other : made_.instances) {
      if (other.name != made.name) continue;
      Diagnostic& diagnostic = context_.error("E0202", given.span, "there is already a " + in_ticks(made.name) + " in this test");
      diagnostic.help = "give the further one a name: `given " + given.entity.text + " second { … }`";
    }
    if (given.parent) {
      made.parent = instance_named(*given.parent);
      if (made.parent != none && made_.instances[made.parent].entity != context_.program.entities[made.entity].parent) {
        context_.error("E0717", given.parent->span, in_ticks(given.entity.text) + " does not hang on " + in_ticks(given.parent->text));
      }
    } else {
      made.parent = instance_of(context_.program.entities[made.entity].parent);
    }
    made.any = given.any;
    if (given.fields) {
      std::string_view text = context_.sources.text(given.fields->span);
      if (text.starts_with('{') && text.ends_with('}')) text = text.substr(1, text.size() - 2);
      const size_t begin = text.find_first_not_of(" \t\r\n,"), end = text.find_last_not_of(" \t\r\n,");
      if (begin != std::string_view::npos) made.written = text.substr(begin, end + 1 - begin);
    }
    made.fields = check_payload(context_, given.fields.get(), context_.program.entities[made.entity].fields, around_, false, in_ticks(given.entity.text),
                                given.span, [&](const ast::Name& name, const ast::Expr& value) { return given_arm(name, value); });
    made_.instances.push_back(std::move(made));
  }

  /// `given account { sms_first: soft_sms }`: the arm it was drawn into. False: there is no such experiment.
  bool given_arm(const ast::Name& name, const ast::Expr& value) {
    if (!context_.program.trials) return false;
    const auto& experiments = context_.program.trials->experiments;
    for (size_t e = 0; e < experiments.size(); ++e) {
      const checked::Experiment& experiment = experiments[e];
      if (experiment.name != name.text && (experiment.subject.empty() || experiment.subject != name.text)) continue;
      const auto path = path_of(value);
      for (size_t arm = 0; path && arm < experiment.arms.size(); ++arm) {
        if (experiment.arms[arm].name != path->text()) continue;
        given_arms_.push_back({none, static_cast<Index>(made_.instances.size()), static_cast<Index>(e), static_cast<Index>(arm)});
        return true;
      }
      Diagnostic& diagnostic = context_.error("E0766", value.span, "the experiment " + in_ticks(experiment.name) + " has no such arm");
      std::vector<std::string> candidates;
      for (const auto& arm : experiment.arms) candidates.push_back(arm.name);
      suggest(diagnostic, path ? path->text() : "", candidates);
      return true;
    }
    return false;
  }

  /// `for any account` is for accounts of any debtor: what it hangs on takes many values too, unless it is given.
  void add_any_ancestors() {
    for (size_t i = 0; i < made_.instances.size(); ++i) {
      const checked::TestInstance& instance = made_.instances[i];
      const Index above = context_.program.entities[instance.entity].parent;
      if (!instance.any || instance.parent != none || above == none) continue;
      checked::TestInstance made;
      made.name = context_.program.entities[above].name;
      made.entity = above;
      made.span = instance.span;
      made.any = true;
      if (std::ranges::any_of(made_.instances, [&](const auto& other) { return other.name == made.name; })) continue;  // a name of something else
      add_ancestor(std::move(made));
      i = static_cast<size_t>(-1);  // what was added may hang on something, too
    }
  }

  /// An event of the debtor may come although only an account is given: its ancestors are made for it. Before anything is asked, for
  /// questions name instances by their place.
  void add_owner(const ast::TestStep& step) {
    if (!step.event || step.subject) return;
    const auto found = context_.names.events.find(step.event->text());
    if (found == context_.names.events.end() || !context_.program.events[found->second].leaf) return;
    const Index owner = context_.program.events[found->second].owner;
    if (owner == none || instance_of(owner) != none) return;
    const auto below = [&](const checked::TestInstance& instance) { return context_.is_ancestor_or_self(owner, instance.entity); };
    if (std::ranges::none_of(made_.instances, below)) return;
    checked::TestInstance made;
    made.name = context_.program.entities[owner].name;
    made.entity = owner;
    made.span = step.event->span;
    add_ancestor(std::move(made));
  }

  void check_property(Span span) {
    if (!made_.property()) return;
    const auto any_day = std::ranges::find_if(written_.steps, [](const ast::TestStep& step) { return step.moment == nullptr; });
    if (any_day != written_.steps.end() && written_.steps.size() > 1) {
      context_.error("E0791", any_day->span, "this is expected on any day, and the test has other steps with days of their own").help =
          "write `at DATE : expect …`, or a test of its own";
    }
    if (std::ranges::all_of(written_.steps, [](const ast::TestStep& step) { return step.expects.empty(); })) {
      context_.error("E0790", span, "this property expects nothing").help = "write `: expect …` behind `for any …`, or steps with `at DATE : expect …`";
    }
  }

  void add_condition(const ast::TestGiven& given) {
    if (!given.where) return;
    const std::string& name = given.name ? given.name->text : given.entity.text;
    const auto found = std::ranges::find(made_.instances, name, &checked::TestInstance::name);
    if (found == made_.instances.end()) return;
    const Surroundings around = looking_at(static_cast<Index>(found - made_.instances.begin()));
    const RootId condition = make_root(context_, around, *given.where, type_of(TypeKind::boolean));
    found->where = condition;
  }

  /// What is asked of an instance in this test: its names, and the names of all that are given.
  Surroundings looking_at(Index subject) const {
    Surroundings around = around_;
    around.self_entity = made_.instances[subject].entity;
    around.expecting = true;
    for (const checked::TestInstance& given : made_.instances) {
      const std::string& name = given.name.empty() ? context_.program.entities[given.entity].name : given.name;
      around.parameters.emplace_back(name, type_of(TypeKind::instance, given.entity));
    }
    return around;
  }

  void add_step(const ast::TestStep& written) {
    checked::TestStep made;
    made.span = written.span;
    made.text = context_.sources.text(written.span);
    for (const Span& line : written.continued) made.text += "\n" + std::string(context_.sources.text(line));
    if (written.moment) {
      ExpressionChecker checker(context_, around_);
      ExprPtr moment = checker.check_moment(*written.moment);
      if (moment->type.kind == TypeKind::duration) context_.error("E0301", written.moment->span, "a date or an instant is needed here");
      made.moment = add_root(context_, around_, std::move(moment), checker.locals(), written.moment->span);
    }
    if (written.event) event(written, made);
    for (const auto& [path, value] : written.sets) set(path, *value, made);
    for (const ast::TestExpect& expect : written.expects) add_expect(expect, made);
    made_.steps.push_back(std::move(made));
  }

  void event(const ast::TestStep& written, checked::TestStep& made) {
    const auto found = context_.names.events.find(written.event->text());
    if (found == context_.names.events.end()) {
      Diagnostic& diagnostic = context_.error("E0204", written.event->span, "there is no event " + in_ticks(written.event->text()));
      std::vector<std::string> candidates;
      for (const auto& candidate : context_.names.events) candidates.push_back(candidate.first);
      suggest(diagnostic, written.event->text(), candidates);
      return;
    }
    made.event_type = found->second;
    const checked::EventType& type = context_.program.events[made.event_type];
    if (!type.leaf) {
      context_.error("E0204", written.event->span, in_ticks(type.name) + " stands for several events: say which one happens");
      return;
    }
    made.subject = subject_of(written.subject, type.owner, written.event->span);
    if (made.subject != none && type.owner != none && made_.instances[made.subject].entity != type.owner) {
      context_.error("E0717", written.event->span,
                     in_ticks(type.name) + " happens to " + in_ticks(context_.program.entities[type.owner].name) + ", not to " +
                         in_ticks(made_.instances[made.subject].name));
    }
    Surroundings around = around_;
    made.payload = check_payload(context_, written.payload.get(), type.fields, around, true, "the event " + in_ticks(type.name), written.span);
  }

  Index subject_of(const std::optional<ast::Name>& name, Index owner, Span span) {
    if (name) return instance_named(*name);
    const Index found = instance_of(owner);
    if (found != none || unknown_given_) return found;
    Diagnostic& diagnostic =
        context_.error("E0717", span, "no " + in_ticks(owner == none ? "" : context_.program.entities[owner].name) + " is given in this test");
    if (owner != none) diagnostic.help = "write `given " + context_.program.entities[owner].name + " { … }` at its beginning";
    return none;
  }

  /// Parents stand first, so everything moves one place.
  void add_ancestor(checked::TestInstance made) {
    for (checked::TestInstance& instance : made_.instances) {
      if (instance.parent != none) ++instance.parent;
      if (instance.parent == none && context_.program.entities[instance.entity].parent == made.entity) instance.parent = 0;
    }
    for (checked::GivenArm& given : given_arms_) ++given.instance;
    made_.instances.insert(made_.instances.begin(), std::move(made));
  }

  void set(const ast::Path& path, const ast::Expr& value, checked::TestStep& made) {
    Index instance = none;
    const ast::Name& field_name = path.parts.back();
    if (path.parts.size() == 2) {
      instance = instance_named(path.parts[0]);
      if (instance == none) return;
    } else if (path.parts.size() == 1) {
      instance = main_instance();
    }
    if (instance == none) {
      if (!unknown_given_) context_.error("E0717", path.span, "it is not clear what is to be set").help = "write `set account.balance = 0`";
      return;
    }
    const checked::Entity& entity = context_.program.entities[made_.instances[instance].entity];
    const Index field = checked::find_field(entity.fields, field_name.text);
    if (field == none) {
      Diagnostic& diagnostic = context_.error("E0208", field_name.span, in_ticks(entity.name) + " has no field " + in_ticks(field_name.text));
      std::vector<std::string> candidates;
      for (const checked::Field& candidate : entity.fields) candidates.push_back(candidate.name);
      suggest(diagnostic, field_name.text, candidates);
      return;
    }
    context_.note_use(field_name.span, SymbolKind::field, field, made_.instances[instance].entity, entity.fields[field].type);
    if (path.parts.size() == 2 && path.parts[0].text == entity.name)
      context_.note_use(path.parts[0].span, SymbolKind::entity, made_.instances[instance].entity);
    made.sets.push_back({instance, {field, make_root(context_, around_, value, entity.fields[field].type)}});
  }

  /// What expectations are about unless they say otherwise: the first instance that a strategy is for.
  Index main_instance() const {
    for (size_t i = 0; i < made_.instances.size(); ++i) {
      for (const checked::Strategy& strategy : context_.program.strategies) {
        if (strategy.entity == made_.instances[i].entity) return static_cast<Index>(i);
      }
    }
    return made_.instances.empty() ? none : static_cast<Index>(made_.instances.size() - 1);
  }

  Index queue_of(const ast::Path& path) {
    const auto found = context_.names.queues.find(path.text());
    if (found != context_.names.queues.end()) return found->second;
    Diagnostic& diagnostic = context_.error("E0206", path.span, "there is no queue " + in_ticks(path.text()));
    std::vector<std::string> candidates;
    for (const auto& candidate : context_.names.queues) candidates.push_back(candidate.first);
    suggest(diagnostic, path.text(), candidates);
    return none;
  }

  /// `{ letter: "…" }`: words that the task's letter has in it. The field that bears it comes behind the others of its queue once letters are checked.
  bool words_of_letter(const ast::Name& name, const ast::Expr& words, Index queue, std::optional<checked::FieldValue>& letter) {
    if (name.text != checked::letter_field || letter) return false;
    bool bears = false;
    context_.each<ast::Part<ast::TemplateDecl>>([&](const Placed&, const ast::Part<ast::TemplateDecl>& written) {
      for (const ast::Path& path : written->queues) bears = bears || path.text() == context_.program.queues[queue].name;
    });
    if (!bears) return false;
    const auto field = static_cast<Index>(context_.program.queues[queue].fields.size());
    letter = checked::FieldValue{field, make_root(context_, around_, words, type_of(TypeKind::text).maybe())};
    return true;
  }

  /// `to anna`: an instance that the test gives.
  bool set_recipient(const ast::Expr& written, checked::TestExpect& made) {
    if (const auto* name = std::get_if<ast::NameRef>(&written.node)) {
      made.recipient = instance_named(name->name);
      return made.recipient != none;
    }
    context_.error("E0717", written.span, "a test names the recipient of a task as it was given").help =
        "write `given party anna { … }` and `task call \"…\" to anna`";
    return false;
  }

  void add_expect(const ast::TestExpect& written, checked::TestStep& step) {
    using Kind = checked::TestExpect::Kind;
    checked::TestExpect made;
    made.span = written.span;
    made.text = std::string(context_.sources.text(written.span));
    made.treatment = written.treatment;
    made.subject = written.subject ? instance_named(*written.subject) : main_instance();
    if (made.subject == none) {
      if (!written.subject && !unknown_given_)
        context_.error("E0717", written.span, "nothing is given in this test").help = "write `given account { … }` at its beginning";
      return;
    }
    switch (written.kind) {
      case ast::TestExpect::Kind::stage:
        made.kind = Kind::stage;
        made.stage = stage_of(written.target, made_.instances[made.subject].entity);
        if (made.stage == none) return;
        break;
      case ast::TestExpect::Kind::task:
      case ast::TestExpect::Kind::no_task:
      case ast::TestExpect::Kind::withheld:
        made.kind = written.kind == ast::TestExpect::Kind::task ? Kind::task : written.kind == ast::TestExpect::Kind::withheld ? Kind::withheld : Kind::no_task;
        if (!written.target.parts.empty()) {
          made.queue = queue_of(written.target);
          if (made.queue == none) return;
          const checked::Queue& queue = context_.program.queues[made.queue];
          std::optional<checked::FieldValue> letter;
          const auto take = [&](const ast::Name& name, const ast::Expr& words) { return words_of_letter(name, words, made.queue, letter); };
          made.fields =
              check_payload(context_, written.fields.get(), queue.fields, around_, false, "a task of the queue " + in_ticks(queue.name), written.span, take);
          if (letter) made.fields.push_back(*letter);
        }
        if (written.recipient && !set_recipient(*written.recipient, made)) return;
        break;
      case ast::TestExpect::Kind::not_enrolled:
        made.kind = Kind::not_enrolled;
        break;
      case ast::TestExpect::Kind::expression: {
        made.kind = Kind::expression;
        Surroundings around = looking_at(made.subject);
        around.strategy = strategy_of(made.subject);
        if (written.expression) made.expression = make_root(context_, around, *written.expression, type_of(TypeKind::boolean));
        break;
      }
    }
    if (made.kind == Kind::stage) expected_[made.subject] = context_.program.stages[made.stage].strategy;
    step.expects.push_back(std::move(made));
  }

  /// The strategy whose variables and stages an expectation may name: that of the stage last expected, else the only one there is for the subject.
  Index strategy_of(Index subject) const {
    if (const auto found = expected_.find(subject); found != expected_.end()) return found->second;
    Index only = none;
    const auto& strategies = context_.program.strategies;
    for (size_t i = 0; i < strategies.size(); ++i) {
      if (strategies[i].entity != made_.instances[subject].entity) continue;
      if (only != none) return none;
      only = static_cast<Index>(i);
    }
    return only;
  }

  Index stage_of(const ast::Path& path, Index entity) {
    const std::string name = path.text();
    Index stage = find_stage(context_, name, none);
    if (stage == -2) {  // only the strategies of the subject can be meant
      stage = none;
      int fitting = 0;
      for (Index candidate : context_.names.stages[name]) {
        if (context_.program.strategies[context_.program.stages[candidate].strategy].entity != entity) continue;
        stage = candidate;
        ++fitting;
      }
      if (fitting > 1) {
        context_.error("E0210", path.span, "several strategies have a stage " + in_ticks(name)).help = "write the strategy in front: `strategy." + name + "`";
        return none;
      }
    }
    if (stage >= 0) return stage;
    Diagnostic& diagnostic = context_.error("E0205", path.span, "there is no stage " + in_ticks(name));
    std::vector<std::string> candidates;
    for (const auto& candidate : context_.names.stages) candidates.push_back(candidate.first);
    suggest(diagnostic, name, candidates);
    return none;
  }

  Context& context_;
  const ast::TestDecl& written_;
  checked::Test made_;
  bool unknown_given_ = false;  // said already; what asks for it is no further mistake
  Surroundings around_;
  std::vector<checked::GivenArm> given_arms_;
  std::map<Index, Index> expected_;  // by instance: strategy of the stage expected last
};

}  // namespace

void check_tests(Context& context) {
  context.each<ast::TestDecl>([&](const Placed& placed, const ast::TestDecl& declaration) {
    if (placed.library) return;  // a module's tests are run where the module is written
    context.program.tests.push_back(TestChecker(context, declaration).check(placed.declaration->span));
  });
}

}  // namespace dunlin::sema
