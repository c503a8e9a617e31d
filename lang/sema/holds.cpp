// Holds: their events, how long they last, who may place them, what `held(x)` asks, and what they stop, as limits.
#include <algorithm>
#include <memory>

#include "lang/sema/declare.h"
#include "lang/sema/definitions.h"
#include "lang/sema/made_events.h"
#include "lang/sema/rules.h"
#include "lang/syntax/ast_department.h"

namespace dunlin::sema {

using checked::Hold;
using checked::LimitRule;

// ---- events ----------------------------------------------------------------------------------------------------

namespace {

ast::FieldDecl field(const char* name, const char* type, const char* doc, Span span) { return made_field(name, type, doc, span); }

void add_hold(EventMaker& maker, const ast::HoldDecl& written) {
  if (!maker.is_free(written.name)) return;
  const ast::Name owner = maker.owner_of(written.entity, written.name.span);
  std::vector<ast::FieldDecl> placed, lifted;
  placed.push_back(field("until", "datetime", "When it ends by itself.", written.name.span));
  placed.push_back(field("reason", "text", "Why.", written.name.span));
  placed.push_back(field("lifted_at", "datetime", "When it was lifted; history knows.", written.name.span));
  placed.push_back(field("ends_at", "datetime", "When it ends by itself, whoever said so; history knows.", written.name.span));
  lifted.push_back(field("reason", "text", "Why.", written.name.span));
  maker.add(written.name, "placed", owner, std::move(placed));
  maker.add(written.name, "lifted", owner, std::move(lifted));
  maker.add(written.name, "ended", owner, {});
  if (!written.lasts) return;
  std::vector<ast::FieldDecl> dated;
  dated.push_back(field("until", "datetime", "When the placement before it ends.", written.name.span));
  maker.add(written.name, "dated", owner, std::move(dated));
}

void add_deadline(const Context& context, EventMaker& maker, const ast::DeadlineDecl& written, const ast::Name& entity) {
  if (checked::find_entity(context.program, entity.text) == none || !maker.is_free(written.name)) return;
  for (const char* told : {"warned", "missed"}) {
    std::vector<ast::FieldDecl> fields;
    fields.push_back(field("last_day", "date", "The last day.", written.name.span));
    maker.add(written.name, told, entity, std::move(fields));
  }
  if (!written.suspended_while) return;
  std::vector<ast::FieldDecl> suspended;
  suspended.push_back(field("lifted_at", "datetime", "When it ran again; history knows.", written.name.span));
  maker.add(written.name, "suspended", entity, std::move(suspended));
  maker.add(written.name, "resumed", entity, {});
}

}  // namespace

/// `visit(deadline, entity, documentation)` for all deadlines, wherever they stand.
static void each_deadline(Context& context, const auto& visit) {
  context.each<ast::Part<ast::DeadlineDecl>>([&](const Placed& placed, const ast::Part<ast::DeadlineDecl>& written) {
    visit(*written, written->entity ? *written->entity : ast::Name{context.program.entities.front().name, written->name.span}, placed.declaration->doc);
  });
  context.each<ast::StrategyDecl>([&](const Placed& placed, const ast::StrategyDecl& strategy) {
    if (is_kept(context, placed.file)) return;
    for (const auto& written : strategy.deadlines) visit(*written, strategy.entity, std::string());
    for (const ast::StageDecl& stage : strategy.stages) {
      for (const auto& written : stage.deadlines) visit(*written, strategy.entity, std::string());
    }
  });
}

/// Deadlines of older versions tell of themselves by the events of the one that has their name now.
static void declare_kept_deadline(Context& context, const ast::DeadlineDecl& written) {
  auto& deadlines = context.program.deadlines;
  const auto now = std::ranges::find(deadlines, written.name.text, &checked::Deadline::name);
  if (now == deadlines.end() || (written.suspended_while && now->hold == none)) {
    context.error("E0205", written.name.span,
                  now == deadlines.end() ? "there is no deadline " + in_ticks(written.name.text) + " any more"
                                         : "the deadline " + in_ticks(written.name.text) + " is not suspended by anything any more");
    return;
  }
  checked::Deadline made = *now;
  made.span = written.name.span;
  if (!written.suspended_while) made.hold = none;
  context.deadlines.emplace(&written, static_cast<Index>(deadlines.size()));
  deadlines.push_back(std::move(made));
}

void make_hold_events(Context& context) {
  if (context.program.entities.empty()) return;
  EventMaker maker(context);
  context.each<ast::Part<ast::HoldDecl>>([&](const Placed&, const ast::Part<ast::HoldDecl>& written) { add_hold(maker, *written); });
  each_deadline(context, [&](const ast::DeadlineDecl& written, const ast::Name& entity, const std::string&) { add_deadline(context, maker, written, entity); });
  make_request_events(context, maker);
  maker.finish();
}

void declare_holds(Context& context) {
  context.each<ast::Part<ast::HoldDecl>>([&](const Placed& placed, const ast::Part<ast::HoldDecl>& written) {
    const std::string& name = written->name.text;
    if (written->timers) require_word(context, *written->timers, {"stop", "run"}, "timers");
    if (written->until) require_word(context, *written->until, {"lifted"}, "until");
    if (!written->lasts && !written->until) {
      Diagnostic& diagnostic = context.error("E0741", written->name.span, "it is not said how the hold " + in_ticks(name) + " ends");
      diagnostic.help = written->review_by ? "a review comes when its time is over: write `lasts 30 days` too" : "write `lasts 30 days`, or `until lifted`";
    } else if (written->lasts && written->until) {
      context.error("E0741", written->until->span, "the hold " + in_ticks(name) + " says twice how it ends").help =
          "one that `lasts` may be lifted before as well: leave `until lifted` away";
    }
    Hold made;
    made.placed = event_named(context, name + ".placed");
    if (made.placed == none || checked::find_hold(context.program, name) != none) return;  // reported
    made.name = name;
    made.title = written->title;
    made.doc = placed.declaration->doc;
    made.span = written->name.span;
    made.event = event_named(context, name);
    made.lifted = event_named(context, name + ".lifted");
    made.ended = event_named(context, name + ".ended");
    const checked::EventType& event = context.program.events[made.placed];
    made.entity = event.owner;
    const auto slot = [&](const char* field) {
      const Index found = checked::find_field(event.fields, field);
      return found == none ? none : event.fields[found].slot;
    };
    made.until_slot = slot("until");
    made.reason_slot = slot("reason");
    made.lifted_slot = slot("lifted_at");
    made.stops_timers = written->timers && written->timers->text == "stop";
    if (written->review_by) made.review_by = written->review_by->text;
    context.program.holds.push_back(std::move(made));
  });
  if (context.program.entities.empty()) return;
  each_deadline(context, [&](const ast::DeadlineDecl& written, const ast::Name& entity, const std::string& doc) {
    const std::string& name = written.name.text;
    checked::Deadline made;
    made.missed = event_named(context, name + ".missed");
    const auto& deadlines = context.program.deadlines;
    const bool twice = std::any_of(deadlines.begin(), deadlines.end(), [&](const checked::Deadline& other) { return other.name == name; });
    if (made.missed == none || twice) {
      if (!twice && checked::find_entity(context.program, entity.text) == none && written.entity)
        context.error("E0209", entity.span, "there is no entity " + in_ticks(entity.text));
      return;
    }
    const auto index = static_cast<Index>(deadlines.size());
    made.name = name;
    made.doc = doc;
    made.span = written.name.span;
    made.entity = context.program.events[made.missed].owner;
    made.warned = event_named(context, name + ".warned");
    if (const Index suspended = event_named(context, name + ".suspended"); suspended != none) {
      Hold hold;
      hold.name = name;
      hold.span = made.span;
      hold.entity = made.entity;
      hold.placed = suspended;
      hold.lifted = event_named(context, name + ".resumed");
      const auto& fields = context.program.events[suspended].fields;
      hold.lifted_slot = fields[checked::find_field(fields, "lifted_at")].slot;
      hold.deadline = index;
      made.hold = static_cast<Index>(context.program.holds.size());
      context.program.holds.push_back(std::move(hold));
    }
    context.deadlines.emplace(&written, index);
    context.program.deadlines.push_back(std::move(made));
  });
  context.each<ast::StrategyDecl>([&](const Placed& placed, const ast::StrategyDecl& strategy) {
    if (!is_kept(context, placed.file)) return;
    for (const auto& written : strategy.deadlines) declare_kept_deadline(context, *written);
    for (const ast::StageDecl& stage : strategy.stages) {
      for (const auto& written : stage.deadlines) declare_kept_deadline(context, *written);
    }
  });
}

/// The hold of this name; reports one that there is not.
static Index hold_named(Context& context, const ast::Name& name) {
  const Index found = checked::find_hold(context.program, name.text);
  if (found != none) {
    context.note_use(name.span, SymbolKind::event, context.program.holds[found].event);
    return found;
  }
  Diagnostic& diagnostic = context.error("E0740", name.span, "there is no hold " + in_ticks(name.text));
  std::vector<std::string> candidates;
  for (const Hold& hold : context.program.holds) candidates.push_back(hold.name);
  suggest(diagnostic, name.text, candidates);
  if (diagnostic.help.empty()) diagnostic.help = "declare it: `hold " + name.text + " { stops call, lasts 30 days }`";
  return none;
}

// ---- what rules do and ask -----------------------------------------------------------------------------------------

bool RuleChecker::hold(const ast::Action& written, const Surroundings& around, checked::Action& made) {
  const ast::DepartmentAction& action = *written.department;
  const Index index = hold_named(context_, action.target.parts.front());
  if (index == none) return false;
  const Hold& hold = context_.program.holds[index];
  if (place_.entity != none && hold.entity != none && !context_.is_ancestor_or_self(hold.entity, place_.entity)) {
    Diagnostic& diagnostic = context_.error("E0742", action.target.span,
                                            "the hold " + in_ticks(hold.name) + " is for " + in_ticks(context_.program.entities[hold.entity].name) + ": from " +
                                                in_ticks(context_.program.entities[place_.entity].name) + " it is not clear which one is meant");
    diagnostic.notes.push_back({hold.span, "the hold"});
    return false;
  }
  made.kind = checked::Action::Kind::raise;
  made.event_type = action.kind == ast::DepartmentAction::Kind::hold ? hold.placed : hold.lifted;
  if (action.duration) made.duration = make_root(context_, around, *action.duration, type_of(TypeKind::duration));
  return true;
}

/// `held(dispute)`: one was placed that is neither lifted nor over.
ExprPtr ExpressionChecker::check_held(const ast::CallExpr& call, Span span) {
  const auto* name = call.arguments.size() == 1 ? std::get_if<ast::NameRef>(&call.arguments[0].value->node) : nullptr;
  if (name == nullptr) {
    context_.error("E0304", span, "`held` takes the name of a hold");
    return make_wrong(span);
  }
  const Index index = hold_named(context_, name->name);
  if (index == none) return make_wrong(span);
  const Hold& hold = context_.program.holds[index];
  const Index self = around_.self_entity;
  ExprPtr node = make_node(Op::aggregate, type_of(TypeKind::boolean), span);
  node->aggregate = std::make_unique<checked::Aggregate>();
  checked::Aggregate& made = *node->aggregate;
  made.function = checked::AggregateFunction::exists;
  made.event_types = {hold.placed};
  if (context_.is_ancestor_or_self(hold.entity, self)) {
    made.owner = hold.entity == self ? self_expr(span) : ancestor_of(self_expr(span), hold.entity, span);
  } else if (context_.is_ancestor_or_self(self, hold.entity)) {
    made.owner = self_expr(span);
    made.scope = context_.program.entities[self].parent == none ? checked::Aggregate::Scope::case_file : checked::Aggregate::Scope::subtree;
  } else {
    context_.error("E0742", name->name.span,
                   "the hold " + in_ticks(hold.name) + " is for " + in_ticks(context_.program.entities[hold.entity].name) + ", which does not hang on " +
                       in_ticks(context_.program.entities[self].name));
    return make_wrong(span);
  }
  const Type event = type_of(TypeKind::event, hold.placed);
  made.local = add_local(event);
  const auto field = [&](const char* called) {
    const auto& fields = context_.program.events[hold.placed].fields;
    const Index at = checked::find_field(fields, called);
    ExprPtr value = make_node(Op::event_field, fields[at].type, span, make_local(made.local, event, span));
    value->index = at;
    return value;
  };
  const auto boolean = [&](Op op, auto... parts) { return make_node(op, type_of(TypeKind::boolean), span, std::move(parts)...); };
  ExprPtr stands = boolean(Op::logical_not, boolean(Op::known, field("lifted_at")));
  ExprPtr endless = boolean(Op::logical_not, boolean(Op::known, field("ends_at")));
  ExprPtr until = make_node(Op::unwrap, type_of(TypeKind::datetime), span, field("ends_at"));
  ExprPtr ahead = boolean(Op::less, make_node(Op::now, type_of(TypeKind::datetime), span), std::move(until));
  made.where = boolean(Op::logical_and, std::move(stands), boolean(Op::logical_or, std::move(endless), std::move(ahead)));
  return node;
}

// ---- how long, and what is stopped ------------------------------------------------------------------------------------

namespace {

/// One line that judges what the hold stops.
class StopMaker {
 public:
  StopMaker(Context& context, const ast::HoldDecl& written, Index index) : context_(context), written_(written), index_(index) {}

  void make() {
    const Hold& hold = context_.program.holds[index_];
    LimitRule rule;
    rule.kind = LimitRule::Kind::never;
    rule.span = hold.span;
    rule.hold = index_;
    rule.keys = {{.entity = hold.entity}};
    rule.after = {hold.placed};
    rule.until = {hold.lifted};
    if (written_.stops_everything) {
      rule.text = "stops everything";
      for (size_t q = 0; q < context_.program.queues.size(); ++q) rule.queues.push_back(static_cast<Index>(q));
      for (const ast::ContactKind& except : written_.except) {
        rule.text += (&except == &written_.except.front() ? " except " : ", ") + words(except);
        for (const Index queue : queues_of_channel(context_, except.queue)) rule.except.push_back({queue, except.treatment});
      }
    } else {
      rule.text = "stops ";
      for (const ast::ContactKind& stopped : written_.stops) {
        rule.text += (&stopped == &written_.stops.front() ? "" : ", ") + words(stopped);
        for (const Index queue : queues_of_channel(context_, stopped.queue)) stop(queue, stopped.treatment, rule);
      }
      std::sort(rule.queues.begin(), rule.queues.end());
      rule.queues.erase(std::unique(rule.queues.begin(), rule.queues.end()), rule.queues.end());
    }
    checked::Limits block;
    block.name = hold.name;
    block.hold = index_;
    block.span = hold.span;
    block.doc = hold.doc;
    block.rules.push_back(std::move(rule));
    for (LimitRule& more : lines_) block.rules.push_back(std::move(more));
    if (block.rules.front().queues.empty()) block.rules.erase(block.rules.begin());
    if (!block.rules.empty()) context_.program.limits.push_back(std::move(block));
  }

 private:
  static std::string words(const ast::ContactKind& kind) { return kind.queue.text() + (kind.treatment ? " \"" + *kind.treatment + "\"" : std::string()); }

  /// `stops mail "demand"` is a line of its own: of its queue only that treatment.
  void stop(Index queue, const std::optional<std::string>& treatment, LimitRule& rule) {
    if (!treatment) return rule.queues.push_back(queue);
    LimitRule only = rule;
    only.text = "stops " + context_.program.queues[queue].name + " \"" + *treatment + "\"";
    only.queues = {queue};
    only.only = *treatment;
    lines_.push_back(std::move(only));
  }

  Context& context_;
  const ast::HoldDecl& written_;
  const Index index_;
  std::vector<LimitRule> lines_;
};

}  // namespace

void check_holds(Context& context) {
  context.each<ast::Part<ast::HoldDecl>>([&](const Placed&, const ast::Part<ast::HoldDecl>& written) {
    const Index index = checked::find_hold(context.program, written->name.text);
    if (index == none || !written->lasts) return;
    Surroundings around;
    around.label = "hold " + written->name.text + ": lasts";
    around.self_entity = context.program.holds[index].entity;
    around.free_now = true;
    const RootId root = make_root(context, around, *written->lasts, type_of(TypeKind::duration));
    context.program.holds[index].lasts = root;
    const auto& body = context.program.roots[root].body;
    const auto plain = body ? constant_key(*folded(clone(*body))) : std::nullopt;
    if (plain && *plain >> 3 <= 0) context.error("E0315", written->lasts->span, "a hold lasts longer than nothing");
  });
}

void make_stops_of_holds(Context& context) {
  context.each<ast::Part<ast::HoldDecl>>([&](const Placed&, const ast::Part<ast::HoldDecl>& written) {
    const Index index = checked::find_hold(context.program, written->name.text);
    if (index != none && written->stops_given) StopMaker(context, *written, index).make();
  });
}

}  // namespace dunlin::sema
