#include "runtime/plan/department.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "lang/sema/checked_letters.h"
#include "lang/sema/checked_people.h"
#include "lang/sema/experiments.h"
#include "lang/sema/feeds.h"
#include "lang/sema/transfers.h"
#include "runtime/plan/policy_label.h"

namespace dunlin::plan {

using checked::Index;
using checked::none;

Group queues(Version& v) {
  Group group;
  const auto& program = v.program();
  for (const auto& queue : program.queues) {
    const std::string outcomes = queue.outcomes == none ? "" : program.events[queue.outcomes].name;
    std::vector<Meaning> fields;
    for (const auto& field : queue.fields) {
      if (checked::letters_of(queue).empty() || field.name != checked::letter_field) fields.push_back(v.named.field(field));
    }
    std::vector<checked::RootId> roots = lead_roots(queue);
    roots.insert(roots.begin(), queue.due);
    const std::string label =
        fmt::format("queue {} {} {}{} counts {} as `{}`", outcomes, queue.cost, queue.lease_us, policy_label(program, queue), queue.counts, queue.counts_as);
    group.push_back(declared(v, queue.name, queue.span, none, label, roots, fields));
  }
  return group;
}

Group schedules(Version& v) {
  Group group;
  for (const auto& schedule : v.program().schedules) {
    if (!schedule->name.empty()) group.push_back(declared(v, schedule->name, schedule->span, none, schedule_label(*schedule), {}));
  }
  return group;
}

Group territories(Version& v) {
  Group group;
  for (const auto& territory : v.program().territories) {
    group.push_back(declared(v, territory->name, territory->span, none, territory_label(v.program(), *territory), {}));
  }
  return group;
}

Group holds(Version& v) {
  Group group;
  const auto& program = v.program();
  for (const auto& hold : program.holds) {
    if (hold.deadline != none) continue;
    const std::string label = "hold for " + program.entities[hold.entity].name + (hold.stops_timers ? " stops timers" : "") + " review " + hold.review_by;
    group.push_back(declared(v, hold.name, hold.span, none, label, {hold.lasts}));
  }
  return group;
}

Group requests(Version& v) {
  Group group;
  const auto& program = v.program();
  for (const auto& request : program.requests) {
    constexpr const char* kinds[] = {"approval", "quota", "allocation"};
    std::string label = fmt::format("{} for {} by {} {} period {} {} {} {}\n{}", kinds[static_cast<size_t>(request.kind)],
                                    program.entities[request.entity].name, request.role, request.never_requester, static_cast<int>(request.period),
                                    request.never_twice, request.never_twice_per, request.together, request.shares_key);
    std::vector<checked::RootId> values = {request.by, request.due, request.lapses, request.count, request.measure};
    for (const auto& key : request.order) {
      values.push_back(key.value);
      label += key.descending ? " desc" : " asc";
    }
    values.insert(values.end(), request.caps.begin(), request.caps.end());
    std::vector<Meaning> fields;
    for (const auto& field : request.columns) fields.push_back(v.named.field(field));
    group.push_back(declared(v, request.name, request.span, none, label, values, fields));
  }
  return group;
}

namespace {

std::string arms_text(const checked::Experiment& trial) {
  std::string text;
  for (const auto& arm : trial.arms) text += fmt::format("{}{} {}.{:02}%", text.empty() ? "" : ", ", arm.name, arm.share / 100, arm.share % 100);
  return text;
}

}  // namespace

Group experiments(Version& v) {
  Group group;
  const auto& program = v.program();
  if (!program.trials) return group;
  const auto name_of = [&](Index entity) { return entity == none ? std::string() : program.entities[entity].name; };
  for (const checked::Experiment& trial : program.trials->experiments) {
    std::string label = trial.kind == checked::Experiment::Kind::holdout ? "holdout" : "experiment";
    std::vector<checked::Experiment::Arm> arms = trial.arms;
    std::ranges::sort(arms, {}, &checked::Experiment::Arm::from);  // the control stands last, wherever it is written
    for (const auto& arm : arms) label += fmt::format(" {} {}.{:02}%", arm.name, arm.share / 100, arm.share % 100);
    label += fmt::format(" of {} by {} layer `{}` from {} to {}", name_of(trial.entity), name_of(trial.unit), trial.layer, trial.from, trial.to);
    std::vector<checked::RootId> roots{trial.among, trial.success, trial.cost};
    for (const auto& guardrail : trial.guardrails) {
      label += fmt::format(" at most {}{}", guardrail.most, guardrail.reached ? " not reached" : "");
      roots.push_back(guardrail.happened);
    }
    group.push_back(declared(v, trial.name, {}, none, label, roots));
    group.back().span = trial.span;
    group.back().text = arms_text(trial);
  }
  return group;
}

Group deadlines(Version& v) {
  Group group;
  const auto& program = v.program();
  for (const auto& deadline : program.deadlines) {
    std::string label = "deadline for " + program.entities[deadline.entity].name;
    if (deadline.fixed_calendar != none) {
      const checked::WorkCalendar& calendar = program.calendars[deadline.fixed_calendar];
      label += " by " + calendar.name + "\n" + calendar.text;
    }
    group.push_back(declared(v, deadline.name, deadline.span, none, label, {deadline.from, deadline.length, deadline.calendar, deadline.suspended}));
  }
  return group;
}

namespace {

/// Feeds and campaigns stand in no program: they are read off the text.
checked::Department department_of(const Version& v) {
  BundleSources bundle;
  for (uint32_t file = 0; file < v.view.sources.size(); ++file) {
    bundle.files.push_back({v.view.sources.path(file), std::string(v.view.sources.text(file))});
  }
  return checked::read_department(bundle, v.program());
}

}  // namespace

Group feeds(Version& v) {
  Group group;
  if (v.written.feeds().empty()) return group;
  for (const checked::Feed& feed : department_of(v).feeds) {
    std::vector<std::string> queues = feed.queues;
    std::ranges::sort(queues);
    std::string label = fmt::format("feed {} holds {} {}", feed.due_s, feed.holds, fmt::join(queues, ","));
    for (const auto& refusal : feed.refusals) label += fmt::format(" {} {} {}", static_cast<int>(refusal.what), refusal.op, refusal.figure);
    const auto place = v.written.feeds().find(feed.name);
    group.push_back(declared(v, feed.name, place == v.written.feeds().end() ? Span{} : place->second, none, label, {}));
  }
  return group;
}

Group campaigns(Version& v) {
  Group group;
  if (v.written.campaigns().empty()) return group;
  for (const checked::Campaign& campaign : department_of(v).campaigns) {
    std::string label = fmt::format("campaign of {} days {} {} hours {} {} {} `{}` priority {} a day {}", campaign.entity, campaign.from_day, campaign.to_day,
                                    campaign.from_s, campaign.to_s, campaign.queue, campaign.treatment, campaign.priority, campaign.per_day);
    for (const auto& one : campaign.cases) label += "\n" + one.key;
    const auto place = v.written.campaigns().find(campaign.title);
    group.push_back(declared(v, campaign.title, place == v.written.campaigns().end() ? Span{} : place->second, none, label, {}));
  }
  return group;
}

Group migrations(Version& v) {
  Group group;
  const auto& program = v.program();
  if (!program.transfers) return group;
  for (const auto& move : program.transfers->stages) {
    const std::string to = checked::stage_name(program, move.to);
    group.push_back(declared(v, move.from_strategy + "." + move.from_stage + " -> " + to, move.span, none, "stage", {}));
  }
  for (const auto& move : program.transfers->variables) {
    const checked::Strategy& strategy = program.strategies[move.strategy];
    const std::string to = strategy.name + "." + strategy.variables[move.to].name;
    group.push_back(declared(v, move.from_strategy + "." + move.from + " -> " + to, move.span, none, "variable", {move.value}));
  }
  return group;
}

}  // namespace dunlin::plan
