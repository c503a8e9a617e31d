// The records of steps in memory: the same bytes as in the database.
#include <algorithm>

#include "runtime/engine/strange_outcome.h"
#include "runtime/store/model_store_inner.h"

namespace dunlin::store {

using engine::CaseFile;

const SlotPlan& ModelStore::slots_of(const checked::Program& program) {
  if (plan_ == nullptr || planned_ != &program || planned_hash_ != program.content_hash) {
    plan_ = std::make_unique<SlotPlan>(program);
    planned_ = &program;
    planned_hash_ = program.content_hash;
  }
  return *plan_;
}

void ModelStore::keep_reading(const checked::Program& program, const StoredCase& stored, Instant now, CaseFile& case_file) {
  auto loaded = std::make_unique<ModelLoaded>();
  loaded->changes = stored.changes;
  loaded->arrivals = data_.arrivals;
  loaded->month = month_of(now);
  Reading reading{.data = stored.data_changed,
                  .whole = stored.version != active_version() || stored.month != loaded->month,
                  .history_to = data_.arrivals,
                  .taken = {},
                  .bodies = {}};
  for (const auto& event : case_file.inbox()) reading.taken.push_back(event.inbox_id);
  for (const auto& [id, instance] : stored.instances) {
    if (reading.whole && instance.stated && case_file.find(id) >= 0) reading.bodies.emplace_back(id, instance.state.body);
  }
  append_reading(loaded->reading, slots_of(program), case_file, reading);
  case_file.store_memory = std::move(loaded);
}

void ModelStore::keep_records(const checked::Program& program, const std::vector<CaseCommit>& steps, Instant now) {
  std::map<int32_t, StepBatch> batches;
  for (const CaseCommit& step : steps) {
    const CaseFile& case_file = *step.case_file;
    StepBatch& batch = batches[case_file.bucket];
    const auto* loaded = dynamic_cast<const ModelLoaded*>(case_file.store_memory.get());
    if (loaded != nullptr) append_record(batch.records, slots_of(program), case_file, *step.result, loaded->reading);
    for (const auto& firing : step.result->firings) append_decision(batch.decisions, case_file, firing, now);
    if (data_.makes(ModelDatabase::Mistake::decision_lost) && !batch.decisions.empty()) batch.decisions.erase(0, batch.decisions.find('\n') + 1);
  }
  for (auto& [bucket, batch] : batches) {
    batch.bucket = bucket;
    batch.batch = static_cast<int64_t>(data_.steps[bucket].size()) + 1;
    batch.at = now;
    batch.version = active_version();
    if (const auto held = epochs_.find(bucket); !node_.empty() && held != epochs_.end()) batch.epoch = held->second;
    data_.steps[bucket].push_back(std::move(batch));
  }
}

Result<void> ModelStore::step_batches(int32_t bucket, const std::function<Result<void>(const StepBatch&)>& take) {
  std::vector<StepBatch> batches;
  {
    const Lock lock(data_.guard);
    if (const auto found = data_.steps.find(bucket); found != data_.steps.end()) batches = found->second;
  }
  for (const StepBatch& batch : batches) {
    if (auto taken = take(batch); !taken) return taken;
  }
  return {};
}

Result<std::vector<RecordedEvent>> ModelStore::recorded_events(const checked::Program& program, const SlotPlan& plan, int32_t bucket) {
  const Lock lock(data_.guard);
  std::vector<RecordedEvent> events;
  CaseFile texts(program);
  for (auto place = data_.cases.lower_bound({bucket, INT64_MIN}); place != data_.cases.end() && place->first.first == bucket; ++place) {
    const size_t first = events.size();
    for (const StoredEvent& stored : place->second.events) {
      RecordedEvent event{.case_id = place->second.id,
                          .arrival = stored.arrival,
                          .at = stored.at,
                          .owner = stored.owner,
                          .type = checked::find_event(program, stored.type),
                          .raised = stored.raised,
                          .waiting = stored.waiting,
                          .values = {},
                          .source = stored.source,
                          .external_id = stored.external_id};
      if (event.type < 0) {
        const engine::StrangeName name = engine::strange_name(program, stored.type, data_.queue_of_event(stored.type));
        event.within = name.within;
        event.reached = name.reached;
      }
      if (const int32_t read_as = std::max(event.type, event.within); read_as >= 0) {
        const auto& kind = program.events[static_cast<size_t>(read_as)];
        const auto& leaves = plan.events[static_cast<size_t>(read_as)];
        auto slots = blank_slots(leaves, kind.slot_count);
        thaw(program, kind.fields, stored.values, texts.arena(), slots.data());
        event.values = pack_slots(leaves, slots.data());
      }
      events.push_back(std::move(event));
    }
    std::ranges::sort(events.begin() + static_cast<std::ptrdiff_t>(first), events.end(), {},
                      [](const RecordedEvent& event) { return std::pair(event.at, event.arrival); });
  }
  return events;
}

Result<Cases> ModelStore::case_files_of(const checked::Program& program, int32_t bucket) {
  const Lock lock(data_.guard);
  Cases cases;
  for (auto place = data_.cases.lower_bound({bucket, INT64_MIN}); place != data_.cases.end() && place->first.first == bucket; ++place) {
    cases.push_back(std::make_unique<CaseFile>(program));
    fill(program, place->second, abi::never, false, *cases.back());
  }
  return cases;
}

}  // namespace dunlin::store
