// Names and keys of rules: what a running case remembers its timers and tasks by, so that a new version finds them again.
#include <map>

#include "lang/sema/rule_words.h"
#include "lang/sema/rules.h"

namespace dunlin::sema {

using checked::Rule;

/// FNV-1a, 64 bits (Fowler, Noll, Vo; public domain).
static uint64_t hash_of(const std::string& text) {
  uint64_t hash = 0xcbf2'9ce4'8422'2325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x0000'0100'0000'01b3;
  return hash;
}

namespace {

class KeyMaker {
 public:
  explicit KeyMaker(Context& context) : context_(context) {}

  /// `owner` and `stage` by name, so that keys survive a new version.
  void rules(std::vector<Rule>& rules, const std::string& owner, const std::string& stage) {
    for (Rule& rule : rules) {
      if (rule.deadline != none) {
        const std::string& name = context_.program.deadlines[rule.deadline].name;
        rule.name = (stage.empty() ? owner : stage) + " deadline " + name + (rule.before == none ? " missed" : " warning");
        const std::string nature = owner + "|" + stage + "|deadline|" + name + "|" + source(rule.before);
        rule.key = hash_of(nature + "|" + std::to_string(++alike_[nature]));
      } else if (rule.named) {
        const auto [at, fresh] = named_.try_emplace(owner + "|" + rule.name, rule.span);
        if (!fresh) {
          Diagnostic& diagnostic = context_.error("E0651", rule.span, "there is already a rule \"" + rule.name + "\" in " + in_ticks(owner));
          diagnostic.notes.push_back({at->second, "it stands here"});
        }
        rule.key = hash_of("rule|" + owner + "|" + rule.name);
      } else {
        rule.name = (stage.empty() ? owner : stage) + " " + head(rule);
        const std::string nature = owner + "|" + (rule.kind == Rule::Kind::keep ? "" : stage) + "|" + checked::kind_word(rule.kind) + "|" + what(rule);
        rule.key = hash_of(nature + "|" + std::to_string(++alike_[nature]));
      }
      const auto [at, fresh] = keys_.try_emplace(rule.key, rule.span);
      if (!fresh && !rule.named) {
        context_.error("E0650", rule.span, "this rule cannot be told from another one").help = "give it a name: write `rule \"…\"` in front of it";
      }
      if (rule.kind == Rule::Kind::keep && rule.keep) tell_tasks_apart(rule, owner, stage);
    }
  }

 private:
  std::string source(RootId root) const {
    if (root == none) return "";
    const checked::Root& found = context_.program.roots[root];
    if (found.body && found.body->op == Op::literal && found.type.kind == TypeKind::text) return '"' + found.body->text + '"';
    return std::string(context_.sources.text(found.span));
  }

  /// Queue and treatment of what the rule does; where it goes if it does nothing else.
  std::string what(const Rule& rule) const {
    if (rule.keep) return context_.program.queues[rule.keep->queue].name + "|" + source(rule.keep->treatment);
    std::string text;
    for (const checked::Action& action : rule.actions) {
      if (action.kind == checked::Action::Kind::task) return context_.program.queues[action.queue].name + "|" + source(action.value);
      if (action.kind == checked::Action::Kind::go && action.stage != none) text = "go " + checked::stage_name(context_.program, action.stage);
    }
    for (Index event : rule.events) text += " " + context_.program.events[event].name;
    return text + "|";
  }

  /// The rule as written up to what it does: "after 3 days".
  std::string head(const Rule& rule) const {
    std::string text = checked::kind_word(rule.kind);
    if (rule.keep) return text + " " + context_.program.queues[rule.keep->queue].name + " " + source(rule.keep->treatment);
    for (size_t i = 0; i < rule.events.size(); ++i) {
      const checked::EventType& event = context_.program.events[rule.events[i]];
      text += (i == 0 ? " " : ", ") + (event.alias.empty() ? event.name : event.alias);
    }
    const RootId moment = rule.kind == Rule::Kind::when ? rule.guard : rule.delay != none ? rule.delay : rule.instant;
    if (moment != none && rule.kind != Rule::Kind::on_event) text += " " + std::string(context_.sources.text(context_.program.roots[moment].span));
    return text;
  }

  /// A standing task is known by queue, treatment and recipient: two alike that may hold at once need names.
  void tell_tasks_apart(const Rule& rule, const std::string& owner, const std::string& stage) {
    std::string nature = owner + "|" + what(rule) + "|" + source(rule.keep->recipient) + "|" + std::to_string(rule.keep->binder_entity);
    if (rule.named) nature += "|" + rule.name;
    auto& places = tasks_[nature];
    for (const auto& [where, span] : places) {
      if (where != stage && !where.empty() && !stage.empty()) continue;  // never in both stages at once
      Diagnostic& diagnostic = context_.error("E0650", rule.span, "this task cannot be told from another one of the same queue and treatment");
      diagnostic.notes.push_back({span, "the other one"});
      diagnostic.help = "give each a name: write `rule \"…\"` in front of it";
    }
    places.emplace_back(stage, rule.span);
  }

  Context& context_;
  std::map<std::string, Span> named_;
  std::map<std::string, int> alike_;
  std::map<uint64_t, Span> keys_;
  std::map<std::string, std::vector<std::pair<std::string, Span>>> tasks_;
};

}  // namespace

void key_rules(Context& context) {
  KeyMaker now(context);
  for (checked::Strategy& strategy : context.program.strategies) {
    // A rule of an older version has the key that it had: timers and tasks remember it.
    KeyMaker before(context);
    KeyMaker& maker = is_kept(context, strategy.span.file) ? before : now;
    maker.rules(strategy.rules, strategy.name, "");
    for (Index stage : strategy.stages) maker.rules(context.program.stages[stage].rules, strategy.name, context.program.stages[stage].name);
  }
  for (checked::Always& always : context.program.always) {
    const std::string owner = "always" + (always.entity == none ? "" : " " + context.program.entities[always.entity].name);
    now.rules(always.rules, owner, "");
  }
}

void keys_under(Context& context, const std::vector<Rule>& rules, const std::string& owner, const std::string& stage,
                std::vector<std::pair<uint64_t, uint64_t>>& keys) {
  // Only what tells their keys apart; a rule is no thing to be copied.
  std::vector<Rule> alike;
  for (const Rule& rule : rules) {
    Rule& made = alike.emplace_back();
    made.kind = rule.kind;
    made.span = rule.span;
    made.name = rule.name;
    made.named = rule.named;
    made.events = rule.events;
    made.instant = rule.instant;
    made.delay = rule.delay;
    made.guard = rule.guard;
    made.deadline = rule.deadline;
    made.before = rule.before;
    made.actions = rule.actions;
    if (rule.keep) {
      made.keep.emplace();
      made.keep->queue = rule.keep->queue;
      made.keep->treatment = rule.keep->treatment;
    }
  }
  KeyMaker(context).rules(alike, owner, stage);
  for (size_t r = 0; r < rules.size(); ++r) {
    if (alike[r].key != rules[r].key) keys.emplace_back(alike[r].key, rules[r].key);
  }
}

// ---- raising ---------------------------------------------------------------------------------------------------

namespace {

/// raised[e]: events that handling e may raise, directly or by entering a stage.
class RaiseGraph {
 public:
  explicit RaiseGraph(Context& context) : context_(context), edges_(context.program.events.size()), state_(context.program.events.size()) {
    for (const checked::Strategy& strategy : context.program.strategies) add(strategy.rules);
    for (const checked::Stage& stage : context.program.stages) add(stage.rules);
    for (const checked::Always& always : context.program.always) add(always.rules);
  }

  void report() {
    for (size_t event = 0; event < edges_.size(); ++event) visit(static_cast<Index>(event));
  }

 private:
  struct Edge {
    Index to;
    Span span;
  };

  void add(const std::vector<Rule>& rules) {
    for (const Rule& rule : rules) {
      if (rule.kind != Rule::Kind::on_event) continue;
      for (const checked::Action& action : rule.actions) {
        if (action.kind == checked::Action::Kind::raise) connect(rule, action.event_type, action.span);
        if (action.kind == checked::Action::Kind::go && action.stage != none) connect_entry(rule, action.stage);
      }
    }
  }

  void connect_entry(const Rule& rule, Index stage) {
    for (const Rule& entry : context_.program.stages[stage].rules) {
      if (entry.kind != Rule::Kind::on_entry) continue;
      for (const checked::Action& action : entry.actions) {
        if (action.kind == checked::Action::Kind::raise) connect(rule, action.event_type, action.span);
      }
    }
  }

  void connect(const Rule& rule, Index to, Span span) {
    for (Index root : rule.events) {
      for (Index event = root; event <= context_.program.events[root].last_descendant; ++event) edges_[event].push_back({to, span});
    }
  }

  void visit(Index event) {
    if (state_[event] == 2) return;
    state_[event] = 1;
    path_.push_back(event);
    for (const Edge& edge : edges_[event]) {
      if (state_[edge.to] == 1) {
        tell(edge);
      } else {
        visit(edge.to);
      }
    }
    path_.pop_back();
    state_[event] = 2;
  }

  void tell(const Edge& edge) {
    if (told_) return;
    told_ = true;
    std::string way;
    for (size_t i = path_.size(); i-- > 0;) {
      way = context_.program.events[path_[i]].name + (way.empty() ? "" : " → ") + way;
      if (path_[i] == edge.to) break;
    }
    Diagnostic& diagnostic = context_.error("E0703", edge.span, "events raise each other in a circle");
    diagnostic.help = way + " → " + context_.program.events[edge.to].name;
  }

  Context& context_;
  std::vector<std::vector<Edge>> edges_;
  std::vector<uint8_t> state_;
  std::vector<Index> path_;
  bool told_ = false;
};

}  // namespace

void check_raises(Context& context) { RaiseGraph(context).report(); }

}  // namespace dunlin::sema
