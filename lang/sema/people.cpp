// Schedules, territories, and what a queue says about the people who work it: merge, assign, needs, late, numbers, batch, status.
#include <algorithm>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>

#include "lang/sema/checked_people.h"
#include "lang/sema/civil.h"
#include "lang/sema/csv.h"
#include "lang/sema/data_path.h"
#include "lang/sema/day_groups.h"
#include "lang/sema/declare.h"
#include "lang/sema/definitions.h"
#include "lang/sema/made_events.h"
#include "lang/sema/people.h"
#include "lang/sema/rules.h"
#include "lang/syntax/ast_department.h"

namespace dunlin::sema {

using checked::AssignWay;
using checked::LimitRule;
using checked::MergePolicy;
using checked::QueuePolicy;

namespace {

/// A plain value of a kind, in slot form; nothing if it is none (reported).
std::optional<int64_t> constant(Context& context, const ast::ExprPtr& written, TypeKind kind, const std::string& label) {
  if (!written) return std::nullopt;
  Surroundings around;
  around.constant = true;
  around.label = label;
  ExpressionChecker checker(context, around);
  const ExprPtr value = folded(checker.check_as(*written, type_of(kind)));
  const auto key = constant_key(*value);
  if (!key && !value->type.is_error()) context.error("E0321", written->span, "this must be written as a plain value");
  return key;
}

/// The rows of a sheet by the names of its columns.
class NamedRows {
 public:
  /// `needed` columns must be there, `others` may be.
  NamedRows(Context& context, uint32_t file, Span span, const std::vector<std::string>& needed, const std::vector<std::string>& others) : file_(file) {
    csv_ = read_csv(context.sources.text(file));
    if (csv_.open_quote) {
      context.error("E0811", {file, *csv_.open_quote, *csv_.open_quote + 1}, "this quote is never closed");
      return;
    }
    if (csv_.rows.empty()) {
      context.error("E0812", span, "the file is empty").help = "its first line has the names of the columns";
      return;
    }
    for (const CsvCell& cell : csv_.rows[0].cells) names_.push_back(cell.text);
    for (const std::string& name : names_) {
      if (std::find(needed.begin(), needed.end(), name) != needed.end() || std::find(others.begin(), others.end(), name) != others.end()) continue;
      context.error("E0812", {file, csv_.rows[0].begin, csv_.rows[0].end}, "nothing is known of a column " + in_ticks(name));
      return;
    }
    for (const std::string& name : needed) {
      if (std::find(names_.begin(), names_.end(), name) != names_.end()) continue;
      context.error("E0812", {file, csv_.rows[0].begin, csv_.rows[0].end}, "the file has no column " + in_ticks(name));
      return;
    }
    for (size_t row = 1; row < csv_.rows.size(); ++row) {
      if (csv_.rows[row].cells.size() == names_.size()) continue;
      context.error("E0813", place(row), "this row has " + std::to_string(csv_.rows[row].cells.size()) + " cells, the header " + std::to_string(names_.size()));
      return;
    }
    good_ = true;
  }

  size_t begin() const { return 1; }
  size_t end() const { return good_ ? csv_.rows.size() : 1; }
  Span place(size_t row) const { return {file_, csv_.rows[row].begin, csv_.rows[row].end}; }
  std::string text(size_t row, const std::string& column) const {
    const auto at = std::find(names_.begin(), names_.end(), column);
    return at == names_.end() ? std::string() : csv_.rows[row].cells[static_cast<size_t>(at - names_.begin())].text;
  }

 private:
  uint32_t file_;
  CsvText csv_;
  std::vector<std::string> names_;
  bool good_ = false;
};

/// Reads the calendar's file; false if one is named that is not there.
bool read_calendar(const Context& context, checked::Schedule& schedule) {
  const std::string& name = schedule.calendar;
  if (name.empty() || name == "none" || context.calendars.empty()) return true;
  if (name.find('/') != std::string::npos || name.find("..") != std::string::npos) return false;
  std::ifstream in(context.calendars + "/" + name + ".csv", std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  schedule.calendar_text = std::move(text).str();
  // The bundle's own was looked for where the bundle names it.
  return in.good() || name == context.program.bundle.calendar;
}

// ---- schedules and territories ---------------------------------------------------------------------------------

class ScheduleChecker {
 public:
  explicit ScheduleChecker(Context& context) : context_(context) {}

  void check(const ast::ScheduleDecl& written, const std::string& doc) {
    auto made = std::make_shared<checked::Schedule>();
    made->name = written.name.text;
    made->title = written.title;
    made->doc = doc;
    made->span = written.name.span;
    for (const ast::Hours& one : written.hours) hours(one, *made);
    for (const auto& group : written.closed) {
      const auto days = day_group(context_, group);
      if (days && days->working_only)
        context_.error("E0219", group.front().span, "a schedule is not closed on working days").help = "name weekdays: `closed on sunday`";
      if (days && !days->working_only) made->closed |= days->weekdays;
    }
    if (written.hours.empty()) {
      context_.error("E0781", written.name.span, "the schedule " + in_ticks(made->name) + " has no hours").help =
          "write `between 09:00 and 18:00 on working days`";
    }
    if (written.timezone) {
      made->zone = written.timezone->text;
      if (!zone_exists(made->zone)) {
        context_.error("E0804", written.timezone->span, "there is no time zone \"" + made->zone + "\"").help = "write a name such as Europe/Berlin, or UTC";
      }
    }
    made->calendar = written.calendar ? written.calendar->text : context_.program.bundle.calendar;
    if (!read_calendar(context_, *made)) context_.error("E0806", written.calendar->span, "there is no calendar " + in_ticks(made->calendar));
    auto& all = context_.program.schedules;
    const auto same = std::find_if(all.begin(), all.end(), [&](const auto& other) { return other->name == made->name; });
    if (same != all.end()) return report_duplicate(context_, written.name, (*same)->span, "a schedule");
    all.push_back(std::move(made));
  }

 private:
  void hours(const ast::Hours& written, checked::Schedule& made) {
    const std::string label = "schedule " + made.name;
    LimitRule::Hours one;
    one.from_s = static_cast<int32_t>(constant(context_, written.from, TypeKind::time, label).value_or(0));
    one.to_s = static_cast<int32_t>(constant(context_, written.to, TypeKind::time, label).value_or(0));
    if (one.from_s == one.to_s) {
      context_.error("E0781", written.span, "these hours are none: they end when they begin").help = "hours that end before they begin go over midnight";
    }
    const auto days = day_group(context_, written.days);
    if (!days) return;
    one.weekdays = days->weekdays;
    one.working_only = days->working_only;
    made.hours.push_back(one);
  }

  Context& context_;
};

class TerritoryChecker {
 public:
  explicit TerritoryChecker(Context& context) : context_(context) {}

  void check(const ast::TerritoryDecl& written, uint32_t file, const std::string& doc) {
    auto made = std::make_shared<checked::Territory>();
    made->name = written.name.text;
    made->title = written.title;
    made->doc = doc;
    made->span = written.name.span;
    made->regions = written.regions;
    if (written.regions_file) {
      if (const auto data = data_file(context_, *written.regions_file, file, written.regions_span)) {
        const NamedRows rows(context_, *data, written.regions_span, {"region"}, {"territory", "note"});
        for (size_t row = rows.begin(); row < rows.end(); ++row) {
          const std::string whose = rows.text(row, "territory");
          if (whose.empty() || whose == made->name) made->regions.push_back(rows.text(row, "region"));
        }
      }
    }
    if (made->regions.empty()) {
      context_.error("E0782", written.name.span, "the territory " + in_ticks(made->name) + " has no regions").help =
          "write `regions \"North\", \"South\"`, or `regions from \"regions.csv\"`";
    }
    for (const auto& capacity : written.capacities) {
      checked::Territory::Capacity one;
      const auto count = constant(context_, capacity.count, TypeKind::integer, "territory " + made->name);
      one.count = count.value_or(0);
      if (count && *count < 0) context_.error("E0315", capacity.span, "a capacity is no negative number");
      if (capacity.period.unit != ast::Period::Unit::day) {
        context_.error("E0782", capacity.period.span, "a capacity is counted by the day").help = "write `per day`";
      }
      one.queue = checked::find_queue(context_.program, capacity.queue.text());
      if (one.queue == none) {
        std::vector<std::string> known;
        for (const auto& queue : context_.program.queues) known.push_back(queue.name);
        suggest(context_.error("E0206", capacity.queue.span, "there is no queue " + in_ticks(capacity.queue.text())), capacity.queue.text(), known);
        continue;
      }
      made->capacities.push_back(one);
    }
    if (written.schedule) {
      made->schedule = written.schedule->text;
      std::vector<std::string> known;
      for (const auto& schedule : context_.program.schedules) {
        if (!schedule->name.empty()) known.push_back(schedule->name);
      }
      if (std::find(known.begin(), known.end(), made->schedule) == known.end()) {
        suggest(context_.error("E0781", written.schedule->span, "there is no schedule " + in_ticks(made->schedule)), made->schedule, known);
      }
    }
    add(written.name, std::move(made));
  }

 private:
  void add(const ast::Name& name, std::shared_ptr<checked::Territory> made) {
    auto& all = context_.program.territories;
    for (const auto& other : all) {
      if (other->name == made->name) return report_duplicate(context_, name, other->span, "a territory");
      const auto shared = std::find_first_of(made->regions.begin(), made->regions.end(), other->regions.begin(), other->regions.end());
      if (shared == made->regions.end()) continue;
      Diagnostic& diagnostic = context_.error("E0782", name.span, "the region \"" + *shared + "\" is in two territories");
      diagnostic.notes.push_back({other->span, "the other one"});
      return;
    }
    all.push_back(std::move(made));
  }

  Context& context_;
};

// ---- queues ----------------------------------------------------------------------------------------------------

/// The entities whose instances ask for tasks of a queue.
std::set<Index> askers_of(const checked::Program& program, Index queue) {
  std::set<Index> found;
  const auto look = [&](Index entity, const std::vector<checked::Rule>& rules) {
    for (const checked::Rule& rule : rules) {
      const bool asks = (rule.keep && rule.keep->queue == queue) || std::any_of(rule.actions.begin(), rule.actions.end(), [&](const checked::Action& action) {
                          return action.kind == checked::Action::Kind::task && action.queue == queue;
                        });
      if (asks && entity != none) found.insert(entity);
    }
  };
  for (const checked::Strategy& strategy : program.strategies) look(strategy.entity, strategy.rules);
  for (const checked::Stage& stage : program.stages) look(program.strategies[stage.strategy].entity, stage.rules);
  for (const checked::Always& always : program.always) {
    look(always.entity, always.rules);
    if (always.entity != none) continue;
    for (const checked::Strategy& strategy : program.strategies) look(strategy.entity, always.rules);
  }
  return found;
}

class PolicyChecker {
 public:
  PolicyChecker(Context& context, Index queue, const ast::QueueSettings& written, uint32_t file)
      : context_(context), queue_(queue), written_(written), file_(file), label_("queue " + context.program.queues[queue].name) {}

  std::shared_ptr<const QueuePolicy> check() {
    auto made = std::make_shared<QueuePolicy>();
    if (written_.merge) merge(*written_.merge, *made);
    for (const auto& way : written_.assign) assign(way, *made);
    for (const auto& need : written_.needs) needs(need, *made);
    if (written_.late) late(*written_.late, *made);
    if (written_.numbers) numbers(*made);
    if (written_.batch) batch(*written_.batch, *made);
    if (written_.status_by) status(*written_.status_by, *made);
    return made;
  }

 private:
  const checked::Queue& queue() const { return context_.program.queues[queue_]; }

  void merge(const ast::QueueSettings::Merge& written, QueuePolicy& policy) {
    MergePolicy made;
    const std::set<Index> askers = askers_of(context_.program, queue_);
    made.per = entity_above(written.per, askers);
    if (made.per == none) return;
    for (const auto& key : written.lead) lead(key, askers, made);
    for (const auto& order : written.outcomes) outcome(order, made);
    made.counts_once = written.counts_once;
    policy.merge = std::move(made);
  }

  /// The entity of this name, on which everything hangs that the queue's tasks are about; none: reported.
  Index entity_above(const ast::Name& written, const std::set<Index>& askers) {
    const Index per = checked::find_entity(context_.program, written.text);
    if (per == none) {
      std::vector<std::string> known;
      for (const auto& entity : context_.program.entities) known.push_back(entity.name);
      suggest(context_.error("E0209", written.span, "there is no entity " + in_ticks(written.text)), written.text, known);
      return none;
    }
    for (const Index asker : askers) {
      if (context_.is_ancestor_or_self(per, asker)) continue;
      context_.error("E0783", written.span,
                     "tasks of " + in_ticks(queue().name) + " are about " + in_ticks(context_.program.entities[asker].name) + ", which hangs on no " +
                         in_ticks(written.text));
      return none;
    }
    return per;
  }

  void lead(const ast::AggregateExpr::OrderKey& written, const std::set<Index>& askers, MergePolicy& made) {
    MergePolicy::LeadKey key;
    key.descending = written.descending;
    for (const Index asker : askers) {
      Surroundings around;
      around.label = label_ + ": lead by";
      around.self_entity = asker;
      around.wants_wake = true;
      const size_t errors = context_.diagnostics.error_count();
      const RootId root = make_root(context_, around, *written.key, {});
      if (context_.diagnostics.error_count() > errors || root == none) return;
      const Type& type = context_.program.roots[root].type;
      if (type.optional || !(is_ordered(type.kind) || type.kind == TypeKind::boolean || type.kind == TypeKind::enumeration)) {
        Diagnostic& diagnostic = context_.error("E0302", written.key->span, "values of type " + in_ticks(context_.type_text(type)) + " have no order");
        if (type.optional) diagnostic.help = "say what a missing one is worth: `default 0`";
        return;
      }
      key.by_entity.emplace_back(asker, root);
    }
    made.lead.push_back(std::move(key));
  }

  void outcome(const ast::QueueSettings::Merge::OutcomeOrder& written, MergePolicy& made) {
    MergePolicy::Order order;
    order.event = outcome_named(written.event);
    if (order.event == none) return;
    if (written.order.text != "first") return (void)unknown_word(context_, written.order, {"first"}, written.which.text);
    if (written.which.text != "oldest" && written.which.text != "newest")
      return (void)unknown_word(context_, written.which, {"oldest", "newest"}, written.event.text());
    order.oldest = written.which.text == "oldest";
    made.orders.push_back(order);
  }

  /// An outcome of this queue by its name, its short name, or its name below the queue's tree; none: reported.
  Index outcome_named(const ast::Path& path) {
    const Index root = queue().outcomes;
    const std::string name = path.text();
    std::vector<std::string> known;
    if (root != none) {
      const auto& events = context_.program.events;
      for (Index e = root; e <= events[root].last_descendant; ++e) {
        if (events[e].name == name || events[e].alias == name || events[e].name == events[root].name + "." + name) return e;
        known.push_back(events[e].alias.empty() ? events[e].name : events[e].alias);
      }
    }
    Diagnostic& diagnostic = context_.error("E0783", path.span, in_ticks(name) + " is no outcome of " + in_ticks(queue().name));
    suggest(diagnostic, name, known);
    return none;
  }

  /// `assign oldest first per debtor`
  void in_order(const ast::QueueSettings::Assign& written, QueuePolicy& policy) {
    if (written.whom->text != "first") return (void)unknown_word(context_, *written.whom, {"first"}, "oldest");
    if (policy.order_per != none) {
      context_.error("E0123", written.span, "this way of assigning stands twice");
      return;
    }
    // What goes out at once goes out in no order.
    if (written_.merge || written_.batch) {
      context_.error("E0783", written.span,
                     std::string("tasks that ") + (written_.merge ? "merge" : "go out in a register") + " go out together, and not one after another");
      return;
    }
    policy.order_per = entity_above(*written.per, askers_of(context_.program, queue_));
  }

  void assign(const ast::QueueSettings::Assign& written, QueuePolicy& policy) {
    if (written.one && written.one->text == "oldest") return in_order(written, policy);
    AssignWay way = AssignWay::priority;
    if (written.sticky_on) {
      way = AssignWay::sticky;
      policy.sticky_on = outcome_named(*written.sticky_on);
    } else if (written.one) {
      way = AssignWay::one_operator;
      const std::string root = context_.program.entities.empty() ? "debtor" : context_.program.entities[0].name;
      if (written.one->text != "one")
        return (void)unknown_word(context_, *written.one, {"one operator per " + root, "oldest first per " + root, "by priority"}, "assign");
      if (written.whom->text != "operator" && written.whom->text != "worker") return (void)unknown_word(context_, *written.whom, {"operator", "worker"}, "one");
      if (written.per->text != root) return (void)unknown_word(context_, *written.per, {root}, "one operator per");
    } else {
      static const std::vector<std::pair<std::string, AssignWay>> ways = {
          {"priority", AssignWay::priority}, {"territory", AssignWay::territory}, {"skill", AssignWay::skill}, {"load", AssignWay::load}};
      const auto found = std::find_if(ways.begin(), ways.end(), [&](const auto& one) { return one.first == written.by->text; });
      if (found == ways.end()) return (void)unknown_word(context_, *written.by, {"priority", "territory", "skill", "load"}, "by");
      way = found->second;
      if (way == AssignWay::territory) needs_regions(written.span);
    }
    if (std::find(policy.assign.begin(), policy.assign.end(), way) != policy.assign.end()) {
      context_.error("E0123", written.span, "this way of assigning stands twice");
      return;
    }
    policy.assign.push_back(way);
  }

  /// What `by territory` looks at: a field `region` of what the tasks are about, or of what that hangs on.
  void needs_regions(Span span) {
    if (context_.program.territories.empty()) {
      context_.error("E0782", span, "there are no territories to assign by").help = "declare some: `territory north { regions \"North\" }`";
      return;
    }
    for (Index asker : askers_of(context_.program, queue_)) {
      const Index first = asker;
      bool found = false;
      for (; asker != none && !found; asker = context_.program.entities[asker].parent) {
        const auto& fields = context_.program.entities[asker].fields;
        const Index field = checked::find_field(fields, "region");
        found = field != none && (fields[field].type.kind == TypeKind::text || fields[field].type.kind == TypeKind::enumeration);
      }
      if (found) continue;
      context_.error("E0782", span, in_ticks(context_.program.entities[first].name) + " has no region, so its tasks belong to no territory").help =
          "add a field `region : text` to it or to what it hangs on";
      return;
    }
  }

  void needs(const ast::QueueSettings::Need& written, QueuePolicy& policy) {
    checked::Need made;
    if (written.kind.text != "skill" && written.kind.text != "test") return (void)unknown_word(context_, written.kind, {"skill", "test"}, "needs");
    made.test = written.kind.text == "test";
    made.name = written.text;
    if (made.name.empty()) context_.error("E0784", written.text_span, "a " + written.kind.text + " has a name");
    if (written.within) {
      made.within = constant(context_, written.within, TypeKind::duration, label_).value_or(-1);
      if (made.within >= 0 && ((made.within & 7) == 0 || (made.within >> 3) <= 0)) {
        context_.error("E0309", written.within->span, "how old it may be is a number of days, months or years").help = "write `within 365 days`";
      }
    }
    policy.needs.push_back(std::move(made));
  }

  void late(const ast::QueueSettings::Late& written, QueuePolicy& policy) {
    if (const auto* name = std::get_if<ast::NameRef>(&written.whom->node)) {
      policy.late_whom = name->name.text;
    } else if (const auto* call = std::get_if<ast::CallExpr>(&written.whom->node)) {
      const auto* callee = std::get_if<ast::NameRef>(&call->callee->node);
      const auto* whose = call->arguments.size() == 1 ? std::get_if<ast::NameRef>(&call->arguments[0].value->node) : nullptr;
      if (callee != nullptr && whose != nullptr && callee->name.text == "head_of" && whose->name.text == "worker") policy.late_whom = "head_of(worker)";
    }
    if (policy.late_whom.empty()) {
      context_.error("E0785", written.whom->span, "nobody to tell of a late task").help =
          "write `notify worker`, `notify head_of(worker)`, or a role such as `notify supervisor`";
    }
    if (!written.text) return;
    if (const auto* text = std::get_if<ast::TextLit>(&written.text->node)) {
      for (const auto& part : text->parts) {
        if (part.expr)
          return void(context_.error("E0785", part.expr->span, "the words of a late notice are plain").help =
                          "the notice names the task and the account by itself");
        policy.late_text += part.text;
      }
    }
  }

  // ---- registers ----

  static std::optional<int64_t> digits(const std::string& text) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.empty() || value < 0 || text.size() > 18) return std::nullopt;
    return value;
  }

  void numbers(QueuePolicy& policy) {
    const auto file = data_file(context_, *written_.numbers, file_, written_.numbers_span);
    if (!file) return;
    const NamedRows rows(context_, *file, written_.numbers_span, {"from", "to"}, {"prefix", "suffix", "check", "note"});
    for (size_t row = rows.begin(); row < rows.end(); ++row) {
      checked::NumberRange range;
      const std::string from = rows.text(row, "from"), to = rows.text(row, "to"), check = rows.text(row, "check");
      const auto low = digits(from), high = digits(to);
      if (!low || !high || from.size() != to.size() || *low > *high) {
        context_.error("E0815", rows.place(row), "\"" + from + "\" to \"" + to + "\" is no range of numbers").help =
            "both ends are digits, equally many of them, 18 at most, and the first is not greater than the last";
        return;
      }
      range.from = *low;
      range.to = *high;
      range.digits = static_cast<int>(from.size());
      range.prefix = rows.text(row, "prefix");
      range.suffix = rows.text(row, "suffix");
      const int digit = check.empty() || check == "none" ? 0 : check == "s10" ? 8 : check == "mod10" ? 10 : -1;
      if (digit < 0 || (digit == 8 && range.digits != 8)) {
        context_
            .error("E0815", rows.place(row),
                   digit < 0 ? "no check digit is called " + in_ticks(check) : "numbers with the check digit of S10 have eight digits before it")
            .help = "write `none`, `s10` or `mod10`";
        return;
      }
      if (row > rows.begin() && digit != policy.check_digit) {
        context_.error("E0815", rows.place(row), "all ranges of a queue have the same check digit");
        return;
      }
      policy.check_digit = digit;
      const auto meets = [&](const checked::NumberRange& other) {
        return other.prefix == range.prefix && other.suffix == range.suffix && other.digits == range.digits && other.from <= range.to && range.from <= other.to;
      };
      if (std::any_of(policy.numbers.begin(), policy.numbers.end(), meets)) {
        context_.error("E0815", rows.place(row), "this range has numbers that another one has too");
        return;
      }
      policy.numbers.push_back(std::move(range));
    }
    if (policy.numbers.empty() && rows.end() > 0 && !context_.diagnostics.error_count()) {
      context_.error("E0815", written_.numbers_span, "\"" + *written_.numbers + "\" has no ranges");
    }
    if (!written_.batch) {
      context_.error("E0815", written_.numbers_span, "numbers are given when a register is made, and this queue makes none").help =
          "write `batch daily at 16:00 as register \"f103\"`";
    }
  }

  void batch(const ast::QueueSettings::Batch& written, QueuePolicy& policy) {
    if (written.rhythm.text != "daily" && written.rhythm.text != "workdays")
      return (void)unknown_word(context_, written.rhythm, {"daily", "workdays"}, "batch");
    policy.batch_working = written.rhythm.text == "workdays";
    policy.batch_s = static_cast<int32_t>(constant(context_, written.at, TypeKind::time, label_).value_or(0));
    policy.register_name = queue().name;
    if (!written.as) return;
    if (written.as->text != "register") return (void)unknown_word(context_, *written.as, {"register"}, "as");
    policy.register_name = written.as_text;
  }

  void status(const ast::Name& by, QueuePolicy& policy) {
    if (by.text != "barcode") return (void)unknown_word(context_, by, {"barcode"}, "status by");
    policy.by_barcode = true;
    if (!written_.numbers) {
      context_.error("E0787", written_.status_span, "what has no number has no barcode").help = "say which numbers there are: `numbers \"ranges.csv\"`";
    }
    if (queue().outcomes == none) {
      context_.error("E0787", written_.status_span, in_ticks(queue().name) + " has no outcomes that a status could be").help = "give it some: `outcomes mail`";
    }
  }

  Context& context_;
  Index queue_;
  const ast::QueueSettings& written_;
  uint32_t file_;
  std::string label_;
};

}  // namespace

void declare_people(Context& context) {
  auto own = std::make_shared<checked::Schedule>();
  own->calendar = context.program.bundle.calendar;
  read_calendar(context, *own);
  context.program.schedules.push_back(std::move(own));
  context.each<ast::Part<ast::ScheduleDecl>>(
      [&](const Placed& placed, const ast::Part<ast::ScheduleDecl>& written) { ScheduleChecker(context).check(*written, placed.declaration->doc); });
  context.each<ast::Part<ast::TerritoryDecl>>([&](const Placed& placed, const ast::Part<ast::TerritoryDecl>& written) {
    TerritoryChecker(context).check(*written, placed.file, placed.declaration->doc);
  });
}

void check_queue_policies(Context& context) {
  context.each<ast::QueueDecl>([&](const Placed& placed, const ast::QueueDecl& written) {
    const Index queue = checked::find_queue(context.program, written.name.text);
    if (!written.settings || queue == none || context.program.queues[queue].policy) return;
    context.program.queues[queue].policy = PolicyChecker(context, queue, *written.settings, placed.file).check();
  });
}

}  // namespace dunlin::sema
