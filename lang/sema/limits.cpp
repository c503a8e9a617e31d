// Limits: channels become queues, each figure of a line becomes a rule of its own.
#include <algorithm>

#include "lang/sema/day_groups.h"
#include "lang/sema/definitions.h"
#include "lang/sema/rules.h"
#include "lang/syntax/ast_department.h"

namespace dunlin::sema {

/// A queue that counts as another one counts as what that one counts as, too.
static bool is_channel_of(const Context& context, Index queue, const std::string& name) {
  std::string channel = context.program.queues[queue].counts_as;
  for (size_t steps = 0; !channel.empty() && steps < context.program.queues.size() + 1; ++steps) {
    if (channel == name) return true;
    const Index next = checked::find_queue(context.program, channel);
    channel = next == none ? std::string() : context.program.queues[next].counts_as;
  }
  return false;
}

std::vector<Index> queues_of_channel(Context& context, const ast::Path& path) {
  std::vector<Index> found;
  const std::string name = path.text();
  std::vector<std::string> candidates;
  for (size_t q = 0; q < context.program.queues.size(); ++q) {
    const checked::Queue& queue = context.program.queues[q];
    if (queue.name == name || is_channel_of(context, static_cast<Index>(q), name)) found.push_back(static_cast<Index>(q));
    candidates.push_back(queue.name);
    if (!queue.counts_as.empty()) candidates.push_back(queue.counts_as);
  }
  if (!found.empty()) return found;
  Diagnostic& diagnostic = context.error("E0730", path.span, "no queue is called " + in_ticks(name) + " or counts as it");
  suggest(diagnostic, name, candidates);
  if (diagnostic.help.empty()) diagnostic.help = "name a queue, or say what counts as it: `queue robot { counts as " + name + " }`";
  return found;
}

namespace {

using checked::LimitRule;
using checked::Limits;
using Kind = ast::LimitItem::Kind;

class LimitsChecker {
 public:
  LimitsChecker(Context& context, const ast::LimitsDecl& written) : context_(context), written_(written) {
    around_.self_entity = context.program.entities.empty() ? none : 0;
  }

  Limits check(const Placed& placed) {
    made_.name = written_.name.text;
    made_.span = written_.name.span;
    made_.doc = placed.declaration->doc;
    around_.label = "limits " + made_.name;
    made_.from = date(written_.from_date);
    made_.to = date(written_.to_date);
    if (made_.from && made_.to && *made_.from > *made_.to) context_.error("E0315", written_.to_date->span, "the limits end before they begin to be in force");
    find_zone();
    for (const ast::LimitItem& item : written_.items) {
      if (item.kind != Kind::reserve) check_item(item);
    }
    for (const ast::LimitItem& item : written_.items) {
      if (item.kind == Kind::reserve) reserve(item);
    }
    return std::move(made_);
  }

 private:
  // ---- small things ----
  std::optional<int64_t> constant(const ast::ExprPtr& written, TypeKind kind) {
    if (!written) return std::nullopt;
    Surroundings around;
    around.constant = true;
    around.label = around_.label;
    ExpressionChecker checker(context_, around);
    const ExprPtr value = folded(checker.check_as(*written, type_of(kind)));
    const auto key = constant_key(*value);
    if (!key && !value->type.is_error()) context_.error("E0321", written->span, "this must be written as a plain value");
    return key;
  }
  std::optional<int64_t> date(const ast::ExprPtr& written) { return constant(written, TypeKind::date); }

  std::string text_of(Span span) const {
    std::string text;
    for (const char c : context_.sources.text(span)) {
      const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
      if (!blank) {
        text += c;
      } else if (!text.empty() && text.back() != ' ') {
        text += ' ';
      }
    }
    return text;
  }

  RootId condition(const ast::Expr& expr, const std::string& what) {
    Surroundings around = around_;
    around.wants_wake = true;
    around.label += ": " + what;
    return make_root(context_, around, expr, type_of(TypeKind::boolean));
  }

  // ---- channels, events, keys ----
  std::vector<Index> queues_of(const ast::Path& path) { return queues_of_channel(context_, path); }

  std::vector<Index> queues_of(const ast::Contacts& contacts) {
    std::vector<Index> found;
    if (contacts.any) {
      if (contacts.any->text != "contact")
        context_.error("E0219", contacts.any->span, "it is written `any contact`").fixes.push_back({contacts.any->span, "contact", "write `contact`"});
      for (size_t q = 0; q < context_.program.queues.size(); ++q) {
        if (context_.program.queues[q].counts) found.push_back(static_cast<Index>(q));
      }
      return found;
    }
    for (const ast::Path& path : contacts.queues) {
      for (Index queue : queues_of(path)) found.push_back(queue);
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  }

  Index event_of(const ast::Path& path) {
    const auto found = context_.names.events.find(path.text());
    if (found != context_.names.events.end()) return found->second;
    Diagnostic& diagnostic = context_.error("E0204", path.span, "there is no event " + in_ticks(path.text()));
    std::vector<std::string> candidates;
    for (const auto& event : context_.names.events) candidates.push_back(event.first);
    suggest(diagnostic, path.text(), candidates);
    return none;
  }

  std::vector<LimitRule::Key> keys_of(const std::vector<ast::Name>& written) {
    std::vector<LimitRule::Key> keys;
    for (const ast::Name& name : written) {
      if (name.text == "person") {
        keys.push_back({.person = true});
        continue;
      }
      const Index entity = checked::find_entity(context_.program, name.text);
      if (entity != none) {
        keys.push_back({.entity = entity});
        continue;
      }
      Diagnostic& diagnostic = context_.error("E0209", name.span, "contacts cannot be counted per " + in_ticks(name.text));
      std::vector<std::string> candidates{"person"};
      for (const auto& known : context_.program.entities) candidates.push_back(known.name);
      suggest(diagnostic, name.text, candidates);
      if (diagnostic.help.empty()) diagnostic.help = "they are counted per entity of the case file, or `per person`: whom the contact is with";
    }
    if (keys.empty()) keys.push_back({.entity = 0});
    return keys;
  }

  // ---- items ----
  /// Hours and days are those of the zone that a line names, else of the debtor's first field of the type timezone, else of the bundle.
  void find_zone() {
    const ast::LimitItem* named = nullptr;
    for (const ast::LimitItem& item : written_.items) {
      if (!item.zone) continue;
      if (named != nullptr && text_of(named->zone->span) != text_of(item.zone->span)) {
        Diagnostic& diagnostic = context_.error("E0210", item.zone->span, "all lines of a limit share one clock");
        diagnostic.notes.push_back({named->zone->span, "the other one"});
        diagnostic.help = "write two blocks of limits";
      }
      named = &item;
    }
    if (named != nullptr) {
      Surroundings around = around_;
      around.label += ": clock";
      made_.zone = make_root(context_, around, *named->zone, type_of(TypeKind::timezone));
      return;
    }
    if (context_.program.entities.empty()) return;
    for (const checked::Field& field : context_.program.entities[0].fields) {
      if (field.type.kind != TypeKind::timezone || field.type.optional) continue;
      ast::Expr expr;
      expr.span = made_.span;
      expr.node = ast::NameRef{{field.name, made_.span}};
      Surroundings around = around_;
      around.label += ": clock";
      made_.zone = make_root(context_, around, expr, type_of(TypeKind::timezone));
      return;
    }
  }

  void check_item(const ast::LimitItem& item) {
    switch (item.kind) {
      case Kind::applies:
        if (made_.applies != none) context_.error("E0123", item.span, "`applies when` stands twice in these limits").help = "join the two with `and`";
        made_.applies = condition(*item.condition, "applies when");
        return;
      case Kind::slots:
        if (item.slots_to.text != "higher")
          context_.error("E0219", item.slots_to.span, "slots go `to higher priority`").fixes.push_back({item.slots_to.span, "higher", "write `higher`"});
        return;
      case Kind::reserve:
        return;
      case Kind::never:
        return never(item);
      case Kind::at_most:
        return at_most(item);
      case Kind::none_after:
        return none_after(item);
      case Kind::between:
        return between(item);
    }
  }

  LimitRule rule_of(const ast::LimitItem& item, LimitRule::Kind kind) {
    LimitRule rule;
    rule.kind = kind;
    rule.span = item.span;
    rule.text = text_of(item.span);
    rule.queues = queues_of(item.contacts);
    return rule;
  }

  void at_most(const ast::LimitItem& item) {
    LimitRule common = rule_of(item, LimitRule::Kind::at_most);
    common.keys = keys_of(item.keys);
    common.counted_queues = common.queues;
    if (item.counting) counting(*item.counting, common);
    for (Index queue : common.counted_queues) {
      if (context_.program.queues[queue].outcomes != none) continue;
      Diagnostic& diagnostic = context_.error("E0732", item.contacts.span,
                                              "nothing tells when a contact of the queue " + in_ticks(context_.program.queues[queue].name) + " took place");
      diagnostic.notes.push_back({context_.program.queues[queue].span, "it has no outcomes"});
      diagnostic.help = item.contacts.any ? "give it `outcomes`, or say that its tasks are no contacts: `counts as nothing`" : "give it `outcomes`";
      break;
    }
    std::string suffix;
    for (const ast::Name& key : item.keys) suffix += (suffix.empty() ? " per " : " and ") + key.text;
    if (item.counting) suffix += " counting " + text_of(item.counting->span);
    for (const ast::LimitCap& cap : item.caps) {
      LimitRule rule = common;
      rule.span = cap.span;
      rule.text = text_of(item.contacts.span) + " at most " + text_of(cap.span) + suffix;
      Surroundings around = around_;
      around.wants_wake = true;
      around.label += ": " + rule.text;
      rule.count = make_root(context_, around, *cap.count, type_of(TypeKind::integer));
      window(cap, rule);
      if (const auto figure = plain_figure(rule.count); figure && *figure <= 0) {
        context_.error("E0731", cap.count->span, "`at most " + std::to_string(*figure) + "` permits no contact at all").help =
            "what must never happen is written `never " + text_of(item.contacts.span) + " when …`";
      }
      made_.rules.push_back(std::move(rule));
    }
  }

  std::optional<int64_t> plain_figure(RootId root) {
    if (root == none || context_.program.roots[root].body == nullptr) return std::nullopt;
    return constant_key(*folded(clone(*context_.program.roots[root].body)));
  }

  void window(const ast::LimitCap& cap, LimitRule& rule) {
    using Window = LimitRule::Window;
    if (cap.period) {
      constexpr Window windows[] = {Window::day, Window::week, Window::month, Window::quarter, Window::year};
      rule.window = windows[static_cast<size_t>(cap.period->unit)];
      return;
    }
    const auto duration = constant(cap.rolling, TypeKind::duration);
    if (!duration) return;
    const int64_t amount = *duration >> 3, unit = *duration & 7;  // 0: exact, 1: days
    if (amount <= 0 || unit > 1) {
      context_.error("E0309", cap.rolling->span, "a rolling window is a number of days or of hours").help = "write `in any 7 days`, or `per calendar month`";
      return;
    }
    rule.window = unit == 0 ? Window::rolling_exact : Window::rolling_days;
    rule.length = amount;
  }

  void counting(const ast::Contacts& written, LimitRule& rule) {
    if (written.any) {
      rule.counted_queues = queues_of(written);
      return;
    }
    if (written.queues.size() == 1 && written.queues.front().text() == "attempts") return;
    if (written.queues.size() == 1 && written.queues.front().text() == "conversations") return conversations(written.span, rule);
    std::vector<Index> queues;
    for (const ast::Path& path : written.queues) {
      if (const auto event = context_.names.events.find(path.text());
          event != context_.names.events.end() && checked::find_queue(context_.program, path.text()) == none) {
        rule.counted_events.push_back(event->second);
        const Index queue = context_.program.events[event->second].queue;
        if (queue == none) {
          context_.error("E0732", path.span, in_ticks(path.text()) + " is no outcome of a contact").help = "count outcomes: `counting call.reached`";
        } else {
          queues.push_back(queue);
        }
        continue;
      }
      for (Index queue : queues_of(path)) queues.push_back(queue);
    }
    std::sort(queues.begin(), queues.end());
    queues.erase(std::unique(queues.begin(), queues.end()), queues.end());
    std::sort(rule.counted_events.begin(), rule.counted_events.end());
    rule.counted_queues = std::move(queues);
  }

  /// Outcomes below a branch called `reached` or `met`: somebody was spoken to.
  void conversations(Span span, LimitRule& rule) {
    for (size_t e = 0; e < context_.program.events.size(); ++e) {
      const checked::EventType& type = context_.program.events[e];
      const std::string last = type.name.substr(type.name.rfind('.') + 1);
      if (type.queue != none && (last == "reached" || last == "met") && std::binary_search(rule.counted_queues.begin(), rule.counted_queues.end(), type.queue))
        rule.counted_events.push_back(static_cast<Index>(e));
    }
    if (rule.counted_events.empty() && !rule.counted_queues.empty()) {
      context_.error("E0732", span, "no outcome of these queues says that somebody was spoken to").help =
          "outcomes below a branch `reached` or `met` are conversations; else name what counts: `counting call.answered`";
    }
  }

  void none_after(const ast::LimitItem& item) {
    LimitRule rule = rule_of(item, LimitRule::Kind::none_after);
    rule.keys = keys_of(item.keys);
    rule.pause = pause(*item.pause);
    for (const ast::Path& path : item.after) {
      if (const Index event = event_of(path); event != none) rule.after.push_back(event);
    }
    made_.rules.push_back(std::move(rule));
  }

  int64_t pause(const ast::Expr& written) {
    Surroundings around;
    around.constant = true;
    around.label = around_.label;
    ExpressionChecker checker(context_, around);
    const ExprPtr value = folded(checker.check_as(written, type_of(TypeKind::duration)));
    const auto key = constant_key(*value);
    if (!key) {
      if (!value->type.is_error()) context_.error("E0321", written.span, "this must be written as a plain value");
      return 8;
    }
    if (*key >> 3 <= 0) context_.error("E0315", written.span, "a pause lasts at least one day");
    return *key;
  }

  void between(const ast::LimitItem& item) {
    LimitRule rule = rule_of(item, LimitRule::Kind::between);
    uint8_t covered = 0;  // weekdays for which hours stand before
    for (const ast::Hours& written : item.hours) {
      LimitRule::Hours hours;
      hours.from_s = static_cast<int32_t>(constant(written.from, TypeKind::time).value_or(0));
      hours.to_s = static_cast<int32_t>(constant(written.to, TypeKind::time).value_or(0));
      if (hours.from_s >= hours.to_s) {
        context_.error("E0731", written.span, "these hours permit nothing: they end before they begin").help =
            "hours lie within one day, and leave the end out";
      }
      if (const auto group = day_group(context_, written.days)) {
        hours.weekdays = group->weekdays;
        hours.working_only = group->working_only;
      }
      if ((hours.weekdays & ~covered) == 0 && !hours.working_only) {
        context_.error("E0504", written.span, "these hours are never used: the groups of days before it leave no day over");
      }
      if (!hours.working_only) covered |= hours.weekdays;
      rule.hours.push_back(hours);
    }
    made_.rules.push_back(std::move(rule));
  }

  void never(const ast::LimitItem& item) {
    LimitRule rule = rule_of(item, LimitRule::Kind::never);
    rule.keys = {{.entity = 0}};
    for (const ast::ContactKind& except : item.except) {
      for (Index queue : queues_of(except.queue)) rule.except.push_back({queue, except.treatment});
    }
    if (item.recipient) {
      rule.recipient_entity = checked::find_entity(context_.program, item.recipient->text);
      if (rule.recipient_entity == none) {
        Diagnostic& diagnostic = context_.error("E0209", item.recipient->span, "there is no entity " + in_ticks(item.recipient->text));
        std::vector<std::string> candidates;
        for (const auto& known : context_.program.entities) candidates.push_back(known.name);
        suggest(diagnostic, item.recipient->text, candidates);
      }
    }
    if (item.condition) rule.condition = condition(*item.condition, rule.text);
    if (item.from) from_until(item, rule);
    if (!item.condition && !item.from && rule.except.empty() && !item.recipient && item.contacts.any) {
      context_.error("E0731", item.span, "this permits no contact at all, ever").help =
          "say when: `never any contact when …`, or what is excepted: `except mail \"…\"`";
    }
    made_.rules.push_back(std::move(rule));
  }

  void from_until(const ast::LimitItem& item, LimitRule& rule) {
    const auto path = path_of(*item.from);
    if (!path) {
      context_.error("E0204", item.from->span, "`from` names an event here").help = "write `never … from EVENT until EVENT or 60 days`";
      return;
    }
    if (const Index event = event_of(*path); event != none) rule.after.push_back(event);
    for (const ast::ExprPtr& end : item.until) {
      if (const auto until = path_of(*end)) {
        if (const Index event = event_of(*until); event != none) rule.until.push_back(event);
      } else if (rule.pause >= 0) {
        context_.error("E0123", end->span, "there is already a time after which this ends");
      } else {
        rule.pause = pause(*end);
      }
    }
  }

  static std::optional<ast::Path> path_of(const ast::Expr& expr) {
    if (const auto* name = std::get_if<ast::NameRef>(&expr.node)) return ast::Path{{name->name}, expr.span};
    const auto* member = std::get_if<ast::Member>(&expr.node);
    if (member == nullptr) return std::nullopt;
    auto path = path_of(*member->base);
    if (!path) return std::nullopt;
    path->parts.push_back(member->name);
    path->span = expr.span;
    return path;
  }

  /// Goes to every line of the block that counts this channel in the same period.
  void reserve(const ast::LimitItem& item) {
    const std::vector<Index> queues = queues_of(item.reserved_queue);
    if (queues.empty()) return;
    const int64_t places = constant(item.reserved, TypeKind::integer).value_or(0);
    ast::LimitCap period;
    period.period = item.reserve_period;
    LimitRule wanted;
    window(period, wanted);
    bool found = false;
    for (LimitRule& rule : made_.rules) {
      if (rule.kind != LimitRule::Kind::at_most || rule.window != wanted.window) continue;
      if (!std::includes(rule.counted_queues.begin(), rule.counted_queues.end(), queues.begin(), queues.end())) continue;
      found = true;
      rule.reserves.push_back({places, item.reserved_for});
      int64_t all = 0;
      for (const LimitRule::Reserve& kept : rule.reserves) all += kept.count;
      const auto most = plain_figure(rule.count);
      if (most && all > *most)
        context_.error("E0733", item.span, "more places are reserved than there are: " + std::to_string(all) + " of " + std::to_string(*most))
            .notes.push_back({rule.span, "the limit"});
    }
    if (!found) {
      context_.error("E0733", item.span, "no line of these limits counts " + in_ticks(item.reserved_queue.text()) + " in this period").help =
          "places are reserved out of a limit: `" + item.reserved_queue.text() + " at most 4 per calendar week`";
    }
  }

  Context& context_;
  const ast::LimitsDecl& written_;
  Surroundings around_;
  Limits made_;
};

void check_channels(Context& context) {
  for (size_t q = 0; q < context.queues.size(); ++q) {
    const ast::QueueDecl& written = *context.queues[q].declaration;
    if (!written.counts_as) continue;
    checked::Queue& queue = context.program.queues[q];
    if (written.counts_as->text() == "nothing") {
      queue.counts = false;
    } else {
      queue.counts_as = written.counts_as->text();
    }
  }
  for (const checked::Queue& queue : context.program.queues) {
    std::string channel = queue.counts_as;
    for (size_t steps = 0; !channel.empty(); ++steps) {
      if (channel == queue.name || steps > context.program.queues.size()) {
        context.error("E0213", queue.span, "the queue " + in_ticks(queue.name) + " counts as itself");
        break;
      }
      const Index next = checked::find_queue(context.program, channel);
      channel = next == none ? std::string() : context.program.queues[next].counts_as;
    }
  }
}

}  // namespace

void check_limits(Context& context) {
  check_channels(context);
  context.each<ast::Part<ast::LimitsDecl>>([&](const Placed& placed, const ast::Part<ast::LimitsDecl>& declaration) {
    const auto same = [&](const Limits& other) { return other.name == declaration->name.text; };
    const auto twin = std::find_if(context.program.limits.begin(), context.program.limits.end(), same);
    Limits made = LimitsChecker(context, *declaration).check(placed);
    // Several versions of one law stand side by side if their times do not meet.
    if (twin != context.program.limits.end()) {
      const bool apart = (made.from && twin->to && *made.from > *twin->to) || (made.to && twin->from && *made.to < *twin->from);
      if (!apart) context.error("E0202", made.span, "limits " + in_ticks(made.name) + " are in force twice").notes.push_back({twin->span, "the other ones"});
    }
    context.program.limits.push_back(std::move(made));
  });
  make_stops_of_holds(context);
}

}  // namespace dunlin::sema
