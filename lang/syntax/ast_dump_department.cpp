// The parts of ast_department.h as text: one line each, settings below.
#include <functional>

#include "lang/syntax/ast_department.h"
#include "lang/syntax/ast_dump.h"
#include "lang/syntax/ast_dump_parts.h"

namespace dunlin::syntax {

namespace {

using namespace ast;

template <class T, class Text>
std::string joined(const std::vector<T>& items, Text text, const char* between = ", ") {
  std::string out;
  for (const T& item : items) out += (out.empty() ? "" : between) + std::invoke(text, item);
  return out;
}

std::string quoted(const std::string& text) { return "\"" + text + "\""; }
std::string with(const char* word, const ExprPtr& e) { return e ? word + dump(*e) : ""; }
std::string with(const char* word, const std::optional<Name>& name) { return name ? word + name->text : ""; }
std::string words(const std::vector<Name>& names, const char* between = " ") {
  return joined(
      names, [](const Name& n) { return n.text; }, between);
}
std::string paths(const std::vector<Path>& list) {
  return joined(list, [](const Path& p) { return p.text(); });
}

std::string period(const Period& p) {
  constexpr const char* units[] = {"day", "week", "month", "quarter", "year"};
  return std::string(p.calendar ? "calendar " : "") + units[static_cast<size_t>(p.unit)];
}
std::string contacts(const Contacts& c) { return c.any ? "any " + c.any->text : paths(c.queues); }
std::string kind(const ContactKind& k) { return k.queue.text() + (k.treatment ? " " + quoted(*k.treatment) : ""); }
std::string hours(const Hours& h) { return dump(*h.from) + " and " + dump(*h.to) + (h.days.empty() ? "" : " on " + words(h.days)); }
std::string key(const AggregateExpr::OrderKey& k) { return dump(*k.key) + (k.descending ? " desc" : ""); }
std::string share(const Share& s) { return s.name.text + " " + dump(*s.share) + with(" = ", s.value); }
std::string actions(const std::vector<Action>& list) { return joined(list, dump_action); }
std::string run(const RunTime& r) { return "run " + dump(*r.from) + " to " + dump(*r.to) + (r.hours.empty() ? "" : " between " + joined(r.hours, hours)); }
std::string among(const Among& a) { return "among " + a.entity.text + with(" where ", a.where); }

std::string cap(const LimitCap& c) { return dump(*c.count) + (c.period ? " per " + period(*c.period) : "") + with(" in any ", c.rolling); }

std::string limit(const LimitItem& i) {
  using Kind = LimitItem::Kind;
  const std::string keys = i.keys.empty() ? "" : " per " + words(i.keys, " and ");
  switch (i.kind) {
    case Kind::applies:
      return "applies when " + dump(*i.condition);
    case Kind::slots:
      return "slots to " + i.slots_to.text;
    case Kind::reserve:
      return "reserve " + dump(*i.reserved) + " " + i.reserved_queue.text() + " per " + period(*i.reserve_period) + " for " + quoted(i.reserved_for);
    case Kind::never:
      return "never " + contacts(i.contacts) + (i.except.empty() ? "" : " except " + joined(i.except, kind)) + with(" to ", i.recipient) +
             with(" when ", i.condition) + with(" from ", i.from) + (i.until.empty() ? "" : " until ") +
             joined(
                 i.until, [](const ExprPtr& e) { return dump(*e); }, " or ");
    case Kind::at_most:
      return contacts(i.contacts) + " at most " + joined(i.caps, cap) + keys + (i.counting ? " counting " + contacts(*i.counting) : "");
    case Kind::none_after:
      return contacts(i.contacts) + with(" none for ", i.pause) + " after " + paths(i.after) + keys;
    case Kind::between:
      return contacts(i.contacts) + " between " + joined(i.hours, hours) + with(" in ", i.zone);
  }
  return {};
}

std::string experiment_arm(const ExperimentDecl::Arm& a) {
  return std::string(a.champion ? "champion " : "challenger ") + a.strategy.text() + " " + dump(*a.share);
}

void experiment_settings(const ExperimentDecl& d, Lines& out) {
  for (const auto& arm : d.arms) out.push_back(experiment_arm(arm));
  if (!d.values.empty()) out.push_back("arms" + (d.parameter ? " of " + d.parameter->text() : "") + " " + joined(d.values, share));
  if (d.among) out.push_back(among(*d.among));
  if (d.split_by) out.push_back("split by " + d.split_by->text);
  if (d.layer) out.push_back("layer " + d.layer->text);
  if (d.success) out.push_back("success " + dump(*d.success));
  if (d.cost || d.cost_of) out.push_back("cost" + with(" of ", d.cost_of) + with(" ", d.cost));
  for (const ExprPtr& g : d.guardrails) out.push_back("guardrail " + dump(*g));
  if (d.run) out.push_back(run(*d.run));
}

}  // namespace

Lines dump_part(const LimitsDecl& d) {
  Lines out{"limits " + quoted(d.name.text) + with(" in force from ", d.from_date) + with(" to ", d.to_date)};
  for (const LimitItem& item : d.items) out.push_back(limit(item));
  return out;
}

Lines dump_part(const HoldDecl& d) {
  Lines out{"hold " + d.name.text + (d.title.empty() ? "" : " " + quoted(d.title)) + with(" for ", d.entity)};
  if (d.stops_everything) out.push_back("stops everything" + (d.except.empty() ? "" : " except " + joined(d.except, kind)));
  if (!d.stops.empty()) out.push_back("stops " + joined(d.stops, kind));
  if (d.timers) out.push_back("timers " + d.timers->text);
  if (d.lasts) out.push_back("lasts " + dump(*d.lasts));
  if (d.review_by) out.push_back("then review by " + d.review_by->text);
  if (d.until) out.push_back("until " + d.until->text);
  return out;
}

Lines dump_part(const DeadlineDecl& d) {
  Lines out{"deadline " + d.name.text + with(" for ", d.entity) + with(" ", d.length) + with(" from ", d.from)};
  for (const auto& w : d.warnings) out.push_back("warn " + dump(*w.before) + (w.actions.empty() ? "" : " : " + actions(w.actions)));
  if (d.suspended_while) out.push_back("suspended while " + dump(*d.suspended_while));
  if (d.calendar) out.push_back("calendar " + dump(*d.calendar));
  if (!d.missed.empty()) out.push_back("missed : " + actions(d.missed));
  return out;
}

Lines dump_part(const ApprovalDecl& d) {
  const auto column = [](const TableDecl::Column& c) { return c.name.text + " : " + dump_type(c.type); };
  Lines out{"approval " + d.name.text + with(" for ", d.entity) + "(" + joined(d.columns, column) + ")"};
  if (d.by) out.push_back("by " + dump(*d.by));
  if (d.never) out.push_back("never " + d.never->text);
  if (d.due) out.push_back("due " + dump(*d.due));
  if (d.lapses_after) out.push_back("lapses after " + dump(*d.lapses_after));
  return out;
}

Lines dump_part(const QuotaDecl& d) {
  return {"quota " + d.name.text + with(" for ", d.entity) + " " + dump(*d.count) + " per " + period(d.period) +
          (d.order.empty() ? "" : " by " + joined(d.order, key))};
}

Lines dump_part(const AllocationDecl& d) {
  Lines out{"allocation " + d.name.text + with(" for ", d.entity)};
  if (d.shares_file) out.push_back("shares " + quoted(*d.shares_file));
  if (!d.shares.empty()) out.push_back("shares " + joined(d.shares, share));
  for (const auto& c : d.caps) out.push_back("cap " + dump(*c.amount) + " per " + c.per.text);
  for (const auto& n : d.never) out.push_back("never " + n.same.text + " " + n.what.text + " " + n.twice.text + " per " + n.per.text);
  if (d.split_by) out.push_back("split by " + d.split_by->text);
  if (d.measure) out.push_back("by " + dump(*d.measure));
  return out;
}

Lines dump_part(const FeedDecl& d) {
  Lines out{"feed " + d.name.text + (d.title.empty() ? "" : " " + quoted(d.title))};
  if (d.due) out.push_back("due " + dump(*d.due));
  if (!d.late.empty()) out.push_back("late : " + actions(d.late));
  const auto refusal = [](const FeedDecl::Refusal& r) { return r.differs ? r.differs->text + " differs" : dump(*r.condition); };
  if (d.refuses) out.push_back("refuse " + d.refuses->text + " when " + joined(d.refusals, refusal, " or "));
  return out;
}

Lines dump_part(const CampaignDecl& d) {
  Lines out{"campaign " + quoted(d.title)};
  if (d.list_file) out.push_back("among list " + quoted(*d.list_file));
  if (d.among) out.push_back(among(*d.among));
  if (d.run) out.push_back(run(*d.run));
  for (const auto& t : d.tasks) out.push_back("task " + t.queue.text() + with(" ", t.treatment));
  if (d.priority) out.push_back("priority " + dump(*d.priority));
  for (const auto& c : d.at_most) out.push_back("at most " + dump(*c.count) + " per " + period(c.period));
  return out;
}

Lines dump_part(const ExperimentDecl& d) {
  Lines out{"experiment " + d.name.text + (d.title.empty() ? "" : " " + quoted(d.title))};
  experiment_settings(d, out);
  return out;
}

Lines dump_part(const HoldoutDecl& d) {
  Lines out{"holdout" + with(" ", d.name) + " " + dump(*d.share) + with(" by ", d.split_by)};
  experiment_settings(d.settings, out);
  return out;
}

Lines dump_part(const MigrateDecl& d) { return {"migrate " + d.from.text() + " -> " + d.to.text() + with(" = ", d.value)}; }

Lines dump_part(const ScheduleDecl& d) {
  Lines out{"schedule " + d.name.text + (d.title.empty() ? "" : " " + quoted(d.title)) + with(" calendar ", d.calendar) + with(" timezone ", d.timezone)};
  if (!d.hours.empty()) out.push_back("between " + joined(d.hours, hours));
  for (const auto& group : d.closed) out.push_back("closed on " + words(group));
  return out;
}

Lines dump_part(const TerritoryDecl& d) {
  Lines out{"territory " + d.name.text + (d.title.empty() ? "" : " " + quoted(d.title)) + with(" schedule ", d.schedule)};
  if (!d.regions.empty()) out.push_back("regions " + joined(d.regions, quoted));
  if (d.regions_file) out.push_back("regions from " + quoted(*d.regions_file));
  for (const auto& c : d.capacities) out.push_back("capacity " + dump(*c.count) + " " + c.queue.text() + " per " + period(c.period));
  return out;
}

Lines dump_part(const TemplateDecl& d) {
  std::string settings;
  for (const auto& setting : d.settings) settings += " " + setting.name.text + " " + quoted(setting.text);
  return {"template " + quoted(d.title) + " for " + d.entity.text + (d.recipient ? " to " + d.recipient->text : "") +
          (d.queues.empty() ? "" : " in " + paths(d.queues)) + " from " + quoted(d.file) + with(" subject ", d.subject) + settings};
}

Lines dump_part(const QueueSettings& d) {
  Lines out;
  if (d.merge) {
    const auto outcome = [](const QueueSettings::Merge::OutcomeOrder& o) { return o.event.text() + " " + o.which.text + " " + o.order.text; };
    out.push_back("merge per " + d.merge->per.text + (d.merge->lead.empty() ? "" : " lead by " + joined(d.merge->lead, key)) +
                  (d.merge->outcomes.empty() ? "" : " | " + joined(d.merge->outcomes, outcome)) + (d.merge->counts_once ? " | counts once" : ""));
  }
  for (const auto& a : d.assign) {
    out.push_back("assign " + (a.sticky_on ? "sticky on " + a.sticky_on->text()
                               : a.by      ? "by " + a.by->text
                                           : a.one->text + " " + a.whom->text + " per " + a.per->text));
  }
  for (const auto& n : d.needs) out.push_back("needs " + n.kind.text + " " + quoted(n.text) + with(" within ", n.within));
  if (d.late) out.push_back("late notify " + dump(*d.late->whom) + with(" ", d.late->text));
  if (d.numbers) out.push_back("numbers " + quoted(*d.numbers));
  if (d.batch)
    out.push_back("batch " + d.batch->rhythm.text + " at " + dump(*d.batch->at) +
                  (d.batch->as ? " as " + d.batch->as->text + " " + quoted(d.batch->as_text) : ""));
  if (d.status_by) out.push_back("status by " + d.status_by->text);
  return out;
}

std::string dump_part(const OnChange& change) { return "on change " + change.what.text; }

std::string dump_part(const DepartmentAction& a) {
  constexpr const char* kinds[] = {"hold", "lift", "ask", "request", "place", "extend placement", "recall"};
  return kinds[static_cast<size_t>(a.kind)] + (a.target.parts.empty() ? "" : " " + a.target.text()) + with(" for ", a.duration) + with(" ", a.payload) +
         with(" ", a.reason);
}

}  // namespace dunlin::syntax
