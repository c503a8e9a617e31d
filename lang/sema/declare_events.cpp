// Events and outcomes: trees by name, numbered so that everything below an event follows it.
#include <algorithm>
#include <memory>

#include "lang/sema/declare.h"
#include "lang/sema/expression.h"

namespace dunlin::sema {

namespace {

struct Node {
  std::string name, full_name;
  Span span;
  const ast::EventDecl* event = nullptr;
  const ast::OutcomeNode* outcome = nullptr;
  const ast::OutcomesDecl* outcomes = nullptr;
  std::vector<std::unique_ptr<Node>> children;
};

class EventTree {
 public:
  explicit EventTree(Context& context) : context_(context) {}

  void add(const ast::EventDecl& declaration) {
    Node* at = &root_;
    for (const ast::Name& part : declaration.name.parts) at = &child(*at, part);
    if (at->event != nullptr || at->outcome != nullptr || at->outcomes != nullptr) {
      return report_duplicate(context_, {at->full_name, declaration.name.span}, at->span, "an event");
    }
    at->event = &declaration;
    at->span = declaration.name.span;
  }

  void add(const ast::OutcomesDecl& declaration) {
    Node& at = child(root_, declaration.name);
    if (at.event != nullptr || at.outcomes != nullptr) return report_duplicate(context_, declaration.name, at.span, "an event");
    at.outcomes = &declaration;
    at.span = declaration.name.span;
    for (const ast::OutcomeNode& node : declaration.roots) add(at, node);
  }

  /// Preorder into the program.
  void number() {
    for (const auto& node : root_.children) number(*node, none);
  }

  std::vector<std::pair<Index, const Node*>> numbered;

 private:
  void add(Node& parent, const ast::OutcomeNode& written) {
    Node& at = child(parent, written.name);
    if (at.outcome != nullptr || at.event != nullptr) return report_duplicate(context_, {at.full_name, written.name.span}, at.span, "an outcome");
    at.outcome = &written;
    at.span = written.span;
    for (const ast::OutcomeNode& below : written.children) add(at, below);
  }

  static Node& child(Node& parent, const ast::Name& name) {
    for (const auto& existing : parent.children) {
      if (existing->name == name.text) return *existing;
    }
    auto made = std::make_unique<Node>();
    made->name = name.text;
    made->full_name = parent.full_name.empty() ? name.text : parent.full_name + "." + name.text;
    made->span = name.span;
    parent.children.push_back(std::move(made));
    return *parent.children.back();
  }

  void number(const Node& node, Index parent) {
    const auto index = static_cast<Index>(context_.program.events.size());
    checked::EventType made;
    made.name = node.full_name;
    made.parent = parent;
    made.leaf = node.children.empty();
    made.span = node.span;
    context_.program.events.push_back(std::move(made));
    context_.names.events[node.full_name] = index;
    numbered.emplace_back(index, &node);
    if (node.outcomes != nullptr) context_.outcome_roots[node.name] = index;
    for (const auto& below : node.children) number(*below, index);
    context_.program.events[index].last_descendant = static_cast<Index>(context_.program.events.size() - 1);
  }

  Context& context_;
  Node root_;
};

}  // namespace

// ---- owners ------------------------------------------------------------------------------------------------

static Index entity_named(Context& context, const ast::Name& name) {
  const Index entity = checked::find_entity(context.program, name.text);
  if (entity != none) return entity;
  Diagnostic& diagnostic = context.error("E0209", name.span, "there is no entity " + in_ticks(name.text));
  std::vector<std::string> candidates;
  for (const checked::Entity& candidate : context.program.entities) candidates.push_back(candidate.name);
  suggest(diagnostic, name.text, candidates);
  return none;
}

static bool rules_use(const std::vector<ast::Rule>& rules, const std::string& queue) {
  return std::any_of(rules.begin(), rules.end(), [&](const ast::Rule& rule) {
    if (rule.keep && rule.keep->queue.text() == queue) return true;
    return std::any_of(rule.actions.begin(), rule.actions.end(),
                       [&](const ast::Action& action) { return action.kind == ast::Action::Kind::task && action.target.text() == queue; });
  });
}

/// Whose tasks end in these outcomes: the entity of the strategies that use the queue.
static Index guessed_owner(Context& context, const ast::OutcomesDecl& outcomes) {
  std::vector<std::string> queues;
  context.each<ast::QueueDecl>([&](const Placed&, const ast::QueueDecl& queue) {
    if (queue.outcomes && queue.outcomes->text() == outcomes.name.text) queues.push_back(queue.name.text);
  });
  Index owner = none;
  bool several = false;
  context.each<ast::StrategyDecl>([&](const Placed&, const ast::StrategyDecl& strategy) {
    const bool uses = std::any_of(queues.begin(), queues.end(), [&](const std::string& queue) {
      return rules_use(strategy.rules, queue) ||
             std::any_of(strategy.stages.begin(), strategy.stages.end(), [&](const ast::StageDecl& stage) { return rules_use(stage.rules, queue); });
    });
    const Index entity = uses ? checked::find_entity(context.program, strategy.entity.text) : none;
    if (entity == none) return;
    several = several || (owner != none && owner != entity);
    owner = entity;
  });
  if (several) {
    Diagnostic& diagnostic = context.error("E0707", outcomes.name.span, "strategies for different entities use the outcomes " + in_ticks(outcomes.name.text));
    diagnostic.help = "say whom an outcome belongs to: `outcomes " + outcomes.name.text + " of account`";
  }
  if (owner != none) return owner;
  const Index account = checked::find_entity(context.program, "account");
  return account != none ? account : (context.program.entities.empty() ? none : 0);
}

static void set_owners(Context& context, const EventTree& tree) {
  for (const auto& [index, node] : tree.numbered) {
    checked::EventType& made = context.program.events[index];
    if (node->outcomes != nullptr) {
      made.owner = node->outcomes->owner ? entity_named(context, *node->outcomes->owner) : guessed_owner(context, *node->outcomes);
    } else if (node->event != nullptr && !node->event->owner.text.empty()) {
      made.owner = entity_named(context, node->event->owner);
    } else if (made.parent != none) {
      made.owner = context.program.events[made.parent].owner;
    }
  }
  // `event mail.sent of account` makes `mail`, which belongs to whatever everything below belongs to.
  for (size_t i = tree.numbered.size(); i-- > 0;) {
    const checked::EventType& made = context.program.events[tree.numbered[i].first];
    if (made.parent == none || made.owner == none) continue;
    checked::EventType& parent = context.program.events[made.parent];
    if (parent.owner == none) parent.owner = made.owner;
    if (parent.owner != made.owner) {
      context.error("E0707", made.span, "events below " + in_ticks(parent.name) + " belong to different entities").help =
          "give them names that do not begin alike";
    }
  }
}

static void set_cancels(Context& context, const EventTree& tree) {
  for (const auto& [index, node] : tree.numbered) {
    if (node->event == nullptr || !node->event->cancels) continue;
    const ast::Path& path = *node->event->cancels;
    const auto found = context.names.events.find(path.text());
    if (found == context.names.events.end()) {
      Diagnostic& diagnostic = context.error("E0204", path.span, "there is no event " + in_ticks(path.text()));
      std::vector<std::string> candidates;
      for (const auto& event : context.names.events) candidates.push_back(event.first);
      suggest(diagnostic, path.text(), candidates);
      continue;
    }
    const Index target = found->second;
    checked::EventType& made = context.program.events[index];
    if (made.owner == none) made.owner = context.program.events[target].owner;
    if (made.owner != context.program.events[target].owner) {
      context.error("E0313", path.span, in_ticks(made.name) + " and the event it cancels belong to different entities");
    }
    for (Index type = target; type <= context.program.events[target].last_descendant; ++type) made.cancels.push_back(type);
  }
  for (const auto& [index, node] : tree.numbered) {
    const checked::EventType& made = context.program.events[index];
    if (made.owner != none || node->event == nullptr || !node->event->owner.text.empty()) continue;
    context.error("E0707", made.span, "it is not said whom the event " + in_ticks(made.name) + " belongs to").help =
        "write `event " + made.name + " of account`";
  }
}

// ---- fields, aliases -------------------------------------------------------------------------------------------

static void add_field(Context& context, checked::EventType& made, checked::Field field) {
  if (const Index other = checked::find_field(made.fields, field.name); other != none) {
    return report_duplicate(context, {field.name, field.span}, made.fields[other].span, "a field");
  }
  made.fields.push_back(std::move(field));
}

static void add_fields(Context& context, checked::EventType& made, const std::vector<ast::FieldDecl>& written) {
  for (const ast::FieldDecl& declaration : written) {
    if (declaration.derived) {
      context.error("E0317", declaration.span, "an event cannot have derived fields");
      continue;
    }
    add_field(context, made, make_field(context, declaration, made.slot_count, made.owner, true));
  }
}

/// What every recorded outcome tells by itself.
static void add_outcome_fields(Context& context, checked::EventType& made) {
  const std::pair<const char*, TypeKind> fields[] = {{"treatment", TypeKind::text}, {"task_identity", TypeKind::integer}, {"cost", TypeKind::money}};
  for (const auto& [name, kind] : fields) {
    checked::Field field;
    field.name = name;
    field.type = type_of(kind).maybe();
    field.slot = made.slot_count;
    field.span = made.span;
    made.slot_count += checked::slot_count(context.program, field.type);
    made.fields.push_back(std::move(field));
  }
}

void declare_events(Context& context) {
  EventTree tree(context);
  context.each<ast::OutcomesDecl>([&](const Placed&, const ast::OutcomesDecl& declaration) { tree.add(declaration); });
  context.each<ast::EventDecl>([&](const Placed&, const ast::EventDecl& declaration) { tree.add(declaration); });
  tree.number();
  set_owners(context, tree);
  set_cancels(context, tree);
  for (const auto& [index, node] : tree.numbered) {
    context.events.push_back({node->event, node->outcome, node->outcomes});
    if (node->outcome == nullptr || !node->outcome->alias) continue;
    checked::EventType& made = context.program.events[index];
    made.alias = node->outcome->alias->text();
    const auto [at, fresh] = context.names.events.try_emplace(made.alias, index);
    if (!fresh) report_duplicate(context, {made.alias, node->outcome->alias->span}, context.program.events[at->second].span, "an event");
  }
}

void declare_event_fields(Context& context) {
  for (size_t i = 0; i < context.events.size(); ++i) {
    const EventSource& source = context.events[i];
    checked::EventType& made = context.program.events[i];  // events are all there: nothing moves while fields are made
    if (made.parent != none) {
      made.fields = context.program.events[made.parent].fields;
      made.slot_count = context.program.events[made.parent].slot_count;
    }
    if (source.outcomes != nullptr) add_outcome_fields(context, made);
    if (source.event != nullptr) add_fields(context, made, source.event->fields);
    if (source.outcome != nullptr) add_fields(context, made, source.outcome->fields);
  }
}

}  // namespace dunlin::sema
