#include "runtime/replay/case_fold.h"

#include <fmt/format.h>

#include <algorithm>

#include "lang/sema/transfers.h"
#include "runtime/engine/state_codec.h"

namespace dunlin::replay {

using engine::CaseFile;
using engine::OpenTask;
using store::RecordedEvent;
using store::RecordedInstance;
using store::RecordedTask;
using store::SlotPlan;
using store::StepRecord;

namespace {

bool same_data(const std::vector<RecordedInstance>& one, const std::vector<RecordedInstance>& other) {
  const auto sorted = [](const std::vector<RecordedInstance>& all) {
    std::vector<const RecordedInstance*> order;
    for (const RecordedInstance& instance : all) order.push_back(&instance);
    std::ranges::sort(order, {}, &RecordedInstance::id);
    return order;
  };
  return std::ranges::equal(sorted(one), sorted(other), [](const RecordedInstance* a, const RecordedInstance* b) {
    return a->entity == b->entity && a->id == b->id && a->parent == b->parent && a->values == b->values;
  });
}

/// But for what people and the queue may have changed.
bool same_task(const RecordedTask& made, const RecordedTask& met) {
  const OpenTask &a = made.task, &b = met.task;
  return a.id == b.id && made.instance == met.instance && a.identity == b.identity && a.rule == b.rule && a.queue == b.queue && a.treatment == b.treatment &&
         a.created_at == b.created_at && a.expires == b.expires && a.limits == b.limits &&
         (made.values.empty() || met.values.empty() || made.values == met.values);
}

}  // namespace

CaseFold::State CaseFold::read_as_now(const checked::Program& program, State kept, int32_t strategy) {
  if (kept.strategy < 0 || kept.strategy == strategy || checked::base_of(program, kept.strategy) != strategy) return kept;
  kept.stage = checked::counterpart(program, kept.stage, strategy);
  kept.strategy = strategy;
  return kept;
}

std::optional<std::string> CaseFold::check_again(const StepRecord& record, const checked::Program& program) const {
  std::set<int64_t> stated;
  for (const auto& met : *record.states) {
    stated.insert(met.instance);
    const auto found = states_.find(met.instance);
    const State is{met.version, met.strategy, met.stage, met.entered_at, met.wake_at, met.step_number, met.body};
    if (found == states_.end() || read_as_now(program, found->second, met.strategy) != is)
      return fmt::format("the step met a state of instance {} that no step before it had made", met.instance);
  }
  for (const RecordedInstance& instance : *record.data) {
    if (states_.contains(instance.id) && !stated.contains(instance.id))
      return fmt::format("the step met no state of instance {}, and a step before it had made one", instance.id);
  }
  for (const RecordedTask& met : record.tasks) {
    const auto found = tasks_.find(met.task.id.low);
    if (found == tasks_.end() ? !from_campaign(met.task) : !same_task(found->second, met))
      return fmt::format("the step met a task (…{:012x}) that no step before it had made so", met.task.id.low & 0xFFFFFFFFFFFF);
  }
  if (record.said_again && !same_data(data_, *record.data)) return "the step met values that had changed, and nothing had said so";
  return std::nullopt;
}

std::optional<std::string> CaseFold::read(const StepRecord& record, const std::set<int64_t>& taken_later, const checked::Program* same) {
  std::optional<std::string> trouble;
  if (begun_ && record.step != next_step_) {
    trouble = record.step > next_step_ ? fmt::format("step {} is not on record", next_step_) : fmt::format("step {} is on record twice", record.step);
    begun_ = false;
  }
  if (begun_ && record.states && same != nullptr) trouble = check_again(record, *same);
  if (!begun_ && record.states) {
    handled_.clear();
    first_step_ = record.step;
    for (const RecordedEvent& event : events_) {
      if (event.arrival <= record.history_to && !event.waiting && !taken_later.contains(event.arrival)) handled_.insert(event.arrival);
      if (event.raised && event.arrival <= record.history_to) raised_to_ = std::max(raised_to_, event.arrival);
    }
    begun_ = true;
  }
  next_step_ = record.step + 1;
  if (!begun_) return trouble;
  if (record.data) data_ = *record.data;
  if (record.states) {
    states_.clear();
    for (const auto& state : *record.states)
      states_[state.instance] = {state.version, state.strategy, state.stage, state.entered_at, state.wake_at, state.step_number, state.body};
  }
  read_tasks(record, trouble);
  return trouble;
}

/// What people and the queue have changed; a task that the record does not name was ended by them.
void CaseFold::read_tasks(const StepRecord& record, std::optional<std::string>& trouble) {
  std::map<uint64_t, RecordedTask> there;
  for (const RecordedTask& met : record.tasks) {
    const uint64_t id = met.task.id.low;
    if (record.states) {
      there[id] = met;
      continue;
    }
    const auto found = tasks_.find(id);
    if (found == tasks_.end()) {
      trouble = fmt::format("the step met a task (…{:012x}) that no step before it had made", id & 0xFFFFFFFFFFFF);
      continue;
    }
    RecordedTask task = found->second;
    task.task.status = met.task.status;
    task.task.marked = met.task.marked;
    task.task.priority = met.task.priority;
    task.task.not_before = met.task.not_before;
    task.task.due = met.task.due;
    there[id] = std::move(task);
  }
  tasks_ = std::move(there);
}

void CaseFold::build(const SlotPlan& plan, const StepRecord& record, Instant at, CaseFile& into) const {
  into.clear();
  into.bucket = engine::bucket_of(record.case_id);
  into.debtor_id = record.case_id;
  into.step_number = record.step;
  std::vector<const RecordedInstance*> order;
  for (const RecordedInstance& instance : data_) order.push_back(&instance);
  std::ranges::sort(order, {}, [](const RecordedInstance* instance) { return std::pair(instance->entity, instance->id); });
  for (const RecordedInstance* instance : order) {
    const bool root = into.program().entities[static_cast<size_t>(instance->entity)].parent == checked::none;
    const int32_t parent = root ? -1 : into.find(instance->parent);
    if (!root && parent < 0) continue;
    const int32_t position = into.add_instance(instance->entity, parent, instance->id);
    store::unpack_slots(plan.entities[static_cast<size_t>(instance->entity)], instance->values, into.arena(), into.slots(position));
  }
  for (const auto& [instance, kept] : states_) {
    const int32_t position = into.find(instance);
    if (position < 0) continue;
    engine::InstanceState& state = into.state(position);
    state.version = kept.version;
    state.strategy = kept.strategy;
    state.stage = kept.stage;
    state.entered_at = kept.entered_at;
    state.wake_at = kept.wake_at;
    state.step_number = kept.step_number;
    std::string error;
    engine::decode_state(into.program(), kept.body, into.arena(), state, error);
  }
  add_history(plan, record, at, into);
  add_tasks(plan, record, into);
  into.finish();
}

void CaseFold::add_history(const SlotPlan& plan, const StepRecord& record, Instant at, CaseFile& into) const {
  const std::set<int64_t> taken(record.taken.begin(), record.taken.end());
  const auto add = [&](const RecordedEvent& event, bool waits) {
    const int32_t owner = into.find(event.owner), read_as = std::max(event.type, event.within);
    if (read_as < 0 || owner < 0) return;
    const auto& leaves = plan.events[static_cast<size_t>(read_as)];
    auto slots = store::blank_slots(leaves, into.program().events[static_cast<size_t>(read_as)].slot_count);
    store::unpack_slots(leaves, event.values, into.arena(), slots.data());
    if (event.type < 0) {
      if (!waits) into.add_strange_outcome(event.at, event.within, event.reached, owner, slots.data(), slots.size());
      return;
    }
    if (!waits) return into.add_event(event.at, event.type, owner, slots.data(), slots.size());
    into.inbox().push_back({event.at, event.type, owner, std::move(slots), event.source, event.external_id, event.arrival});
  };
  for (const RecordedEvent& event : events_) {
    const bool waits = taken.contains(event.arrival);
    if (waits || (handled_.contains(event.arrival) && event.at <= at)) add(event, waits);
  }
  for (const RecordedEvent& event : record.refused) add(event, true);
  std::ranges::stable_sort(into.inbox(), {}, &engine::IncomingEvent::inbox_id);
}

void CaseFold::add_tasks(const SlotPlan& plan, const StepRecord& record, CaseFile& into) const {
  for (const RecordedTask& met : record.tasks) {
    const auto found = tasks_.find(met.task.id.low);
    if (found == tasks_.end()) continue;
    OpenTask task = found->second.task;
    task.instance = into.find(found->second.instance);
    if (task.instance < 0) continue;
    const auto& leaves = plan.queues[static_cast<size_t>(task.queue)];
    task.fields = store::blank_slots(leaves, into.program().queues[static_cast<size_t>(task.queue)].slot_count);
    if (!found->second.values.empty()) store::unpack_slots(leaves, found->second.values, into.arena(), task.fields.data());
    into.tasks().push_back(std::move(task));
  }
}

std::optional<std::string> CaseFold::keep(const SlotPlan& plan, const StepRecord& record, const CaseFile& case_file, const engine::StepResult& result) {
  if (result.fault) return std::nullopt;  // nothing has changed, and what waited waits on
  for (const int32_t position : result.changed) {
    const engine::InstanceState& state = case_file.state(position);
    states_[case_file.instance(position).id] = {
        state.version, state.strategy, state.stage, state.entered_at, state.wake_at, state.step_number, engine::encode_state(case_file.program(), state)};
  }
  for (const auto& opened : result.opened) {
    data_.push_back({opened.entity, opened.id, case_file.instance(opened.parent).id,
                     store::pack_slots(plan.entities[static_cast<size_t>(opened.entity)], opened.slots.data())});
  }
  for (const auto& effect : result.tasks) {
    const bool ended = effect.change == engine::TaskChange::withdraw || effect.change == engine::TaskChange::mark;
    if (ended && tasks_.contains(effect.task.id.low)) continue;  // the next record says whether it is still there
    RecordedTask task{.task = effect.task, .instance = case_file.instance(effect.task.instance).id, .values = {}};
    const auto& leaves = plan.queues[static_cast<size_t>(effect.task.queue)];
    if (!leaves.empty() && !effect.task.fields.empty()) task.values = store::pack_slots(leaves, effect.task.fields.data());
    task.task.fields.clear();
    tasks_[effect.task.id.low] = std::move(task);
  }
  return keep_events(plan, record, case_file, result);
}

std::optional<std::string> CaseFold::keep_events(const SlotPlan& plan, const StepRecord& record, const CaseFile& case_file, const engine::StepResult& result) {
  handled_.insert(record.taken.begin(), record.taken.end());
  std::vector<const RecordedEvent*> raised;
  for (const RecordedEvent& event : events_) {
    if (event.raised && event.arrival > raised_to_) raised.push_back(&event);
  }
  std::ranges::sort(raised, {}, &RecordedEvent::arrival);
  size_t next = 0;
  for (const auto& effect : result.events) {
    if (!effect.raised) continue;
    const std::string& name = case_file.program().events[static_cast<size_t>(effect.event.type)].name;
    if (next == raised.size()) return fmt::format("the step raises `{}`, and the store has no such event", name);
    const RecordedEvent& kept = *raised[next++];
    raised_to_ = kept.arrival;
    handled_.insert(kept.arrival);
    const auto& leaves = plan.events[static_cast<size_t>(effect.event.type)];
    const bool same = kept.type == effect.event.type && kept.at == effect.event.at && kept.owner == case_file.instance(effect.event.instance).id &&
                      kept.values == store::pack_slots(leaves, effect.event.slots.data());
    if (!same) return fmt::format("the step raises `{}`, and the event that the store has in its place is another", name);
  }
  return std::nullopt;
}

}  // namespace dunlin::replay
