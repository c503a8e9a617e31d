#include <algorithm>

#include "lang/sema/experiments.h"
#include "lang/sema/transfers.h"
#include "runtime/engine/state_codec.h"
#include "runtime/engine/strange_outcome.h"
#include "runtime/store/layout.h"
#include "runtime/store/model_store_inner.h"
#include "runtime/store/value_codec.h"

namespace dunlin::store {

using engine::CaseFile;
using engine::TaskStatus;
using Mistake = ModelDatabase::Mistake;

namespace {

checked::Index strategy_named(const checked::Program& program, const std::string& name) {
  const auto found = std::ranges::find(program.strategies, name, &checked::Strategy::name);
  return found == program.strategies.end() ? checked::none : static_cast<checked::Index>(found - program.strategies.begin());
}
std::string stage_text(const checked::Program& program, int32_t stage) { return stage < 0 ? "" : checked::stage_name(program, stage); }

const StoredData* data_at(const StoredInstance& instance, Instant now) {
  const StoredData* found = nullptr;
  for (const StoredData& data : instance.data) {
    if (data.since <= now) found = &data;
  }
  return found;
}

/// The state in force at an instant; null if there was none.
const StoredState* state_at(const StoredInstance& instance, Instant now) {
  if (!instance.stated) return nullptr;
  const StoredState* found = &instance.state;
  for (size_t p = instance.past_states.size(); p-- > 0;) {
    if (instance.past_states[p].first > now) found = &instance.past_states[p].second;
  }
  return found->entered_at > now ? nullptr : found;
}

void add_instances(const checked::Program& program, const StoredCase& stored, Instant now, bool past, CaseFile& case_file) {
  for (size_t e = 0; e < program.entities.size(); ++e) {
    const checked::Entity& entity = program.entities[e];
    for (const auto& [id, instance] : stored.instances) {
      if (instance.entity != entity.name) continue;
      const StoredData* data = past ? data_at(instance, now) : &instance.data.back();
      if (data == nullptr) continue;
      const int32_t parent = entity.parent == checked::none ? -1 : case_file.find(data->parent);
      if (entity.parent != checked::none && parent < 0) continue;
      const int32_t position = case_file.add_instance(static_cast<int32_t>(e), parent, id);
      thaw(program, entity.fields, data->values, case_file.arena(), case_file.slots(position));
      const StoredState* state = past ? state_at(instance, now) : instance.stated ? &instance.state : nullptr;
      if (state == nullptr) continue;
      engine::InstanceState& into = case_file.state(position);
      into.strategy = strategy_named(program, state->strategy);
      into.stage = state->stage.empty() ? -1 : checked::stage_under(program, engine::stage_in(program, state->stage), state->version);
      if (into.stage >= 0) into.strategy = program.stages[static_cast<size_t>(into.stage)].strategy;
      into.version = state->version;
      into.entered_at = state->entered_at;
      into.wake_at = state->wake_at;
      into.step_number = state->step_number;
      std::string error;
      engine::decode_state(program, state->body, case_file.arena(), into, error);
    }
  }
}

/// What happened in words that this version does not have. What waits is not read: the commit sets it aside.
void add_strange(const checked::Program& program, const StoredEvent& event, std::optional<std::string_view> queue, int32_t owner, CaseFile& case_file) {
  if (event.waiting) {
    ++case_file.strange_events;
    return;
  }
  const engine::StrangeName name = engine::strange_name(program, event.type, queue);
  if (name.within < 0) return;
  const checked::EventType& branch = program.events[static_cast<size_t>(name.within)];
  std::vector<int64_t> slots(static_cast<size_t>(branch.slot_count));
  thaw(program, branch.fields, event.values, case_file.arena(), slots.data());
  case_file.add_strange_outcome(event.at, name.within, name.reached, owner, slots.data(), slots.size());
}

void add_events(const checked::Program& program, const ModelDatabase::Inner& data, const StoredCase& stored, Instant now, bool all_contacts,
                CaseFile& case_file) {
  for (const StoredEvent& event : stored.events) {
    const int32_t type = checked::find_event(program, event.type), owner = case_file.find(event.owner);
    if (event.at > now || owner < 0) continue;
    if (type < 0) {
      add_strange(program, event, data.queue_of_event(event.type), owner, case_file);
      continue;
    }
    const checked::EventType& kind = program.events[type];
    std::vector<int64_t> slots(static_cast<size_t>(kind.slot_count));
    for (const checked::Field& field : kind.fields) {
      if (!field.type.optional && field.type.kind == checked::TypeKind::text) slots[field.slot] = reinterpret_cast<int64_t>(case_file.text({}));
    }
    thaw(program, kind.fields, event.values, case_file.arena(), slots.data());
    if (!event.waiting && !all_contacts && kind.queue != checked::none) {
      all_contacts = true;
      continue;
    }
    if (event.waiting) {
      case_file.inbox().push_back({event.at, type, owner, std::move(slots), event.source, event.external_id, event.arrival});
    } else {
      case_file.add_event(event.at, type, owner, slots.data(), slots.size());
    }
  }
}

void add_tasks(const checked::Program& program, const StoredCase& stored, Instant now, bool past, CaseFile& case_file) {
  for (const StoredTask& kept : stored.tasks) {
    const bool open = past ? kept.row.created_at <= now && (kept.open || kept.row.done_at > now) : kept.open;
    if (!open) continue;
    engine::OpenTask task = kept.task;
    task.queue = checked::find_queue(program, kept.queue);
    task.stage = kept.stage.empty() ? -1 : engine::stage_in(program, kept.stage);
    task.instance = case_file.find(kept.instance);
    if (task.queue < 0 || task.instance < 0) continue;
    const checked::Queue& queue = program.queues[task.queue];
    task.fields.assign(static_cast<size_t>(queue.slot_count), 0);
    for (const checked::Field& field : queue.fields) {
      if (!field.type.optional && field.type.kind == checked::TypeKind::text) task.fields[field.slot] = reinterpret_cast<int64_t>(case_file.text({}));
    }
    thaw(program, queue.fields, kept.fields, case_file.arena(), task.fields.data());
    case_file.tasks().push_back(std::move(task));
  }
}

struct RulePlace {
  std::string strategy, stage, name;
};
RulePlace place_of(const checked::Program& program, uint64_t key) {
  const auto has = [&](const std::vector<checked::Rule>& rules) { return std::ranges::find(rules, key, &checked::Rule::key); };
  for (const auto& stage : program.stages) {
    if (const auto rule = has(stage.rules); rule != stage.rules.end()) return {program.strategies[stage.strategy].name, stage.name, rule->name};
  }
  for (const auto& strategy : program.strategies) {
    if (const auto rule = has(strategy.rules); rule != strategy.rules.end()) return {strategy.name, "", rule->name};
  }
  for (const auto& always : program.always) {
    if (const auto rule = has(always.rules); rule != always.rules.end()) return {"", "", rule->name};
  }
  return {};
}

const char* status_text(TaskStatus status) {
  static constexpr const char* names[] = {"ready", "leased", "done", "withdrawn", "expired", "withheld"};
  return names[static_cast<int>(status)];
}

std::string reads_json(const std::vector<engine::ValueRead>& reads) {
  std::string json = "{";
  for (const auto& read : reads) {
    if (json.size() > 1) json += ", ";
    append_json_text(json, read.name);
    json += ": ";
    append_json_text(json, read.value);
  }
  return json + "}";
}

}  // namespace

bool ModelStore::to_be_stepped(const StoredCase& stored, Instant now, bool full) const {
  if (stored.set_aside) return false;
  if (full) return true;
  const bool waits = std::ranges::any_of(stored.events, [&](const StoredEvent& event) { return event.waiting && event.at <= now; });
  return stored.data_changed || waits || stored.wake_at <= now || stored.version != active_version();
}

Result<std::vector<int32_t>> ModelStore::buckets_to_step(Instant now, bool full) {
  const Lock lock(data_.guard);
  std::vector<int32_t> buckets;
  for (const auto& [place, stored] : data_.cases) {
    if (to_be_stepped(stored, now, full) && (buckets.empty() || buckets.back() != stored.bucket)) buckets.push_back(stored.bucket);
  }
  return buckets;
}

void ModelStore::fill(const checked::Program& program, const StoredCase& stored, Instant now, bool past, CaseFile& case_file) const {
  case_file.bucket = stored.bucket;
  case_file.debtor_id = stored.id;
  case_file.step_number = stored.step_number;
  add_instances(program, stored, now, past, case_file);
  add_events(program, data_, stored, now, !data_.makes(Mistake::contact_not_counted), case_file);
  add_tasks(program, stored, now, past, case_file);
  case_file.finish();
}

Result<Cases> ModelStore::load(const checked::Program& program, int32_t bucket, Instant now, bool full, int64_t after_debtor, size_t limit, Cases& pool) {
  const Lock lock(data_.guard);
  Cases loaded;
  auto place = after_debtor == INT64_MIN ? data_.cases.lower_bound({bucket, INT64_MIN}) : data_.cases.upper_bound({bucket, after_debtor});
  for (; place != data_.cases.end() && place->second.bucket == bucket && loaded.size() < limit; ++place) {
    const StoredCase& stored = place->second;
    if (stored.set_aside || !to_be_stepped(stored, now, full)) continue;
    std::unique_ptr<CaseFile> case_file;
    if (!pool.empty() && &pool.back()->program() == &program) {
      case_file = std::move(pool.back());
      pool.pop_back();
      case_file->clear();
    } else {
      case_file = std::make_unique<CaseFile>(program);
    }
    fill(program, stored, now, false, *case_file);
    keep_reading(program, stored, now, *case_file);
    loaded.push_back(std::move(case_file));
  }
  return loaded;
}

Result<void> ModelStore::commit(const checked::Program& program, int32_t bucket, const std::vector<CaseCommit>& steps, Instant now) {
  const bool all_here = std::ranges::all_of(steps, [&](const CaseCommit& step) { return step.case_file->bucket == bucket; });
  if (!all_here) return std::unexpected(StoreError{StoreError::Kind::input, "a case file of another bucket was committed"});
  return commit_all(program, steps, now);
}

Result<void> ModelStore::commit_all(const checked::Program& program, const std::vector<CaseCommit>& steps, Instant now) {
  const Lock lock(data_.guard);
  const auto active = std::ranges::find(data_.versions, true, &BundleVersion::active);
  if (!steps.empty() && active != data_.versions.end() && active->content_hash != program.content_hash && !data_.makes(Mistake::old_version))
    return std::unexpected(StoreError{StoreError::Kind::conflict, "another version of the bundle was activated meanwhile; step again under it"});
  for (const CaseCommit& step : steps) {
    const auto found = data_.cases.find({step.case_file->bucket, step.case_file->debtor_id});
    if (found == data_.cases.end() || (found->second.step_number != step.case_file->step_number && !data_.makes(Mistake::old_step)))
      return std::unexpected(StoreError{StoreError::Kind::conflict, "these case files have changed since they were read; read them again"});
  }
  if (auto refused = fenced(steps)) return std::unexpected(std::move(*refused));
  data_.reached = std::max(data_.reached.value_or(now), now);
  keep_records(program, steps, now);
  for (const CaseCommit& step : steps) keep_step(program, data_.cases.at({step.case_file->bucket, step.case_file->debtor_id}), step, now);
  return {};
}

/// Events that the load has met and the program does not have are nobody's to handle: out of the inbox, with the reason.
void ModelStore::set_strange_aside(const checked::Program& program, StoredCase& stored, int64_t arrivals, Instant now) {
  const auto strange = [&](const StoredEvent& event) {
    return event.waiting && event.at <= now && event.arrival <= arrivals && checked::find_event(program, event.type) < 0 &&
           stored.instances.contains(event.owner);
  };
  for (const StoredEvent& event : stored.events) {
    if (!strange(event)) continue;
    const StoredInstance& owner = stored.instances.at(event.owner);
    std::string body = "{\"event\": ";
    append_json_text(body, event.type);
    body += ", \"at\": \"" + instant_text(event.at) + "\", \"source\": ";
    append_json_text(body, event.source);
    body += ", \"external_id\": ";
    append_json_text(body, event.external_id);
    data_.event_keys.erase({event.source, event.external_id, event.owner});
    data_.quarantine.push_back({"event", owner.entity + " " + owner.key, strange_event_reason(event.type), body + "}", event.at});
  }
  std::erase_if(stored.events, strange);
}

void ModelStore::keep_step(const checked::Program& program, StoredCase& stored, const CaseCommit& step, Instant now) {
  const CaseFile& case_file = *step.case_file;
  const engine::StepResult& result = *step.result;
  ++stored.step_number;
  stored.version = active_version();
  // What has changed since the load waits for the next step.
  const auto* loaded = dynamic_cast<const ModelLoaded*>(case_file.store_memory.get());
  stored.month = loaded == nullptr ? INT32_MIN : loaded->month;
  stored.data_changed = loaded != nullptr && loaded->changes != stored.changes && !data_.makes(Mistake::change_forgotten);
  if (data_.makes(Mistake::event_lost) && loaded != nullptr)
    std::erase_if(stored.events, [&](const StoredEvent& event) { return event.waiting && event.arrival > loaded->arrivals; });
  stored.set_aside = result.fault.has_value();
  stored.wake_at = result.fault.has_value() || data_.makes(Mistake::wake_forgotten) ? abi::never : result.wake_at;
  if (result.fault.has_value()) {
    const engine::StepFault& fault = *result.fault;
    const StoredInstance& instance = stored.instances.at(case_file.instance(std::max(fault.instance, 0)).id);
    std::string body = "{\"rule\": ";
    append_json_text(body, fault.rule_name);
    body += ", \"read\": " + reads_json(fault.read) + "}";
    data_.quarantine.push_back({"case", instance.entity + " " + instance.key, fault.message, body, now});
    return;
  }
  if (loaded != nullptr) set_strange_aside(program, stored, loaded->arrivals, now);
  for (const auto& opened : result.opened) {
    const checked::Entity& entity = program.entities[opened.entity];
    const checked::Field& key = entity.fields[entity.key_field];
    const int64_t* slot = opened.slots.data() + key.slot;
    const bool text = key.type.kind == checked::TypeKind::text;
    StoredInstance& made = stored.instances[opened.id];
    made.entity = entity.name;
    made.key = text ? std::string(reinterpret_cast<const abi::Text*>(*slot)->view()) : checked::format_value(program, key.type, slot);
    made.depth = entity.depth;
    made.data.push_back({now, case_file.instance(opened.parent).id, freeze(program, entity.fields, opened.slots.data())});
    data_.by_instance[opened.id] = &stored;
  }
  for (const int32_t position : result.changed) {
    if (data_.makes(Mistake::state_lost) && position == result.changed.back()) break;
    engine::InstanceState state = case_file.state(position);
    if (data_.makes(Mistake::mark_lost) && !state.marks.empty()) state.marks.pop_back();
    StoredInstance& instance = stored.instances.at(case_file.instance(position).id);
    if (instance.stated && (result.had_effect() || !result.firings.empty())) instance.past_states.emplace_back(now, instance.state);
    instance.stated = true;
    instance.state = {.version = state.version,
                      .strategy = state.strategy < 0 ? "" : program.strategies[state.strategy].name,
                      .stage = stage_text(program, state.stage),
                      .entered_at = state.entered_at,
                      .wake_at = state.wake_at,
                      .step_number = state.step_number,
                      .body = engine::encode_state(program, state)};
  }
  for (const auto& effect : result.events) {
    const engine::IncomingEvent& event = effect.event;
    const auto waiting = std::ranges::find(stored.events, event.inbox_id, &StoredEvent::arrival);
    if (event.inbox_id != 0 && waiting != stored.events.end()) waiting->waiting = data_.makes(Mistake::event_kept_waiting);
    if (!effect.raised || data_.makes(Mistake::raised_lost)) continue;
    stored.events.push_back({.arrival = ++data_.arrivals,
                             .at = event.at,
                             .owner = case_file.instance(event.instance).id,
                             .type = program.events[event.type].name,
                             .values = freeze(program, program.events[event.type].fields, event.slots.data()),
                             .waiting = false,
                             .raised = true});
  }
  for (const auto& refused : result.refused) {
    const engine::IncomingEvent& event = refused.event;
    if (event.inbox_id != 0) std::erase_if(stored.events, [&](const StoredEvent& kept) { return kept.arrival == event.inbox_id; });
    data_.event_keys.erase({event.source, event.external_id, case_file.instance(event.instance).id});
    data_.quarantine.push_back(set_aside_of(program, case_file, refused));
  }
  for (const auto& transition : result.transitions) {
    if (data_.makes(Mistake::transition_lost)) break;
    stored.transitions.push_back(
        {case_file.instance(transition.instance).id,
         {transition.at, stage_text(program, transition.from_stage), stage_text(program, transition.to_stage), transition.rule_name, ""}});
  }
  for (const auto& drawn : result.arms) {
    const checked::Experiment& experiment = program.trials->experiments[drawn.experiment];
    stored.arms.push_back({case_file.instance(drawn.instance).id, experiment.name, experiment.arms[drawn.arm].name, drawn.draw, drawn.at});
  }
  for (const auto& effect : result.tasks) keep_task(program, stored, case_file, effect, now);
  for (const auto& request : result.requests) keep_request(program, stored, case_file, request);
  for (const auto& note : result.notes) stored.notes.emplace_back(case_file.instance(note.instance).id, StoredNote{now, note});
  for (const auto& firing : result.firings) {
    std::string line = "{\"at\": \"" + instant_text(now) + "\", \"rule\": ";
    append_json_text(line, firing.rule_name);
    line += ", \"read\": " + reads_json(firing.read) + "}";
    stored.decisions.push_back({now, case_file.instance(firing.instance).id, std::move(line)});
  }
}

void ModelStore::keep_task(const checked::Program& program, StoredCase& stored, const CaseFile& case_file, const engine::TaskEffect& effect, Instant now) {
  const engine::OpenTask& task = effect.task;
  const bool lost = (effect.change == engine::TaskChange::withdraw && data_.makes(Mistake::withdrawal_lost)) ||
                    (effect.change == engine::TaskChange::create && data_.makes(Mistake::creation_lost)) ||
                    (effect.change == engine::TaskChange::update && data_.makes(Mistake::update_lost));
  if (lost) return;
  auto kept = std::ranges::find_if(stored.tasks, [&](const StoredTask& other) { return other.task.id == task.id; });
  const checked::Queue& queue = program.queues[task.queue];
  if (kept == stored.tasks.end()) {
    const StoredInstance& instance = stored.instances.at(case_file.instance(task.instance).id);
    StoredTask made{.queue = queue.name, .instance = case_file.instance(task.instance).id};
    made.row = {.id = task.id.text(), .queue = queue.name, .entity = instance.entity, .key = instance.key, .root_key = stored.root_key};
    kept = stored.tasks.insert(stored.tasks.end(), std::move(made));
  }
  kept->task = task;
  kept->task.fields.clear();
  kept->stage = stage_text(program, task.stage);
  kept->fields = freeze(program, queue.fields, task.fields.data());
  kept->open = task.status == TaskStatus::ready || task.status == TaskStatus::leased || task.status == TaskStatus::withheld;
  const RulePlace rule = place_of(program, task.rule);
  TaskRow& row = kept->row;
  row.strategy = rule.strategy;
  row.stage = rule.stage;
  row.rule = rule.name;
  row.treatment = task.treatment;
  row.status = status_text(task.status);
  row.fields_json = values_to_json(program, leaves_of(program, queue.fields), task.fields.data());
  row.priority = task.priority;
  row.created_at = task.created_at;
  row.not_before = task.not_before;
  row.due = task.due;
  row.outcome = task.status == TaskStatus::done ? effect.reason : "";
  row.done_at = kept->open ? 0 : now;
  if (effect.change != engine::TaskChange::create || !data_.makes(Mistake::creation_doubled)) return;
  StoredTask twin = *kept;
  twin.task.id.low ^= 1;
  twin.row.id = twin.task.id.text();
  stored.tasks.push_back(std::move(twin));
}

/// The first instant after `after` at which something waits: a wake, or an event whose time comes.
Result<Instant> ModelStore::next_wake(Instant after) {
  const Lock lock(data_.guard);
  Instant next = abi::never;
  for (const auto& [place, stored] : data_.cases) {
    if (stored.set_aside) continue;
    if (stored.wake_at > after) next = std::min(next, stored.wake_at);
    for (const StoredEvent& event : stored.events) {
      if (event.waiting && event.at > after) next = std::min(next, event.at);
    }
  }
  return next;
}

}  // namespace dunlin::store
