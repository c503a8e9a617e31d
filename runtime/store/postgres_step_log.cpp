// The records of steps, read again.
#include <fmt/format.h>

#include "runtime/store/postgres_packed.h"
#include "runtime/store/postgres_small.h"
#include "runtime/store/value_codec.h"

namespace dunlin::store {

Result<void> PostgresStore::step_batches(int32_t bucket, const std::function<Result<void>(const StepBatch&)>& take) {
  std::vector<StepBatch> batches;
  auto done = read([&](BulkConnection& connection) -> Result<void> {
    CopyRows rows(connection);
    auto started =
        rows.start(fmt::format("select batch, recorded_at, version, epoch, body, steps from dunlin.decision where bucket = {} order by batch", bucket));
    if (!started) return started;
    while (rows.next()) {
      StepBatch batch{.bucket = bucket};
      batch.batch = rows.int64();
      batch.at = rows.instant();
      batch.version = rows.int32();
      const FieldBytes epoch = rows.field();
      if (!epoch.missing()) batch.epoch = get_whole<int64_t>(epoch.data);
      const FieldBytes decisions = rows.field(), records = rows.field();
      batch.damaged =
          (!decisions.missing() && !decompress(decisions.view(), batch.decisions)) || (!records.missing() && !decompress(records.view(), batch.records));
      batches.push_back(std::move(batch));
    }
    return rows.finish();
  });
  for (size_t b = 0; done && b < batches.size(); ++b) done = take(batches[b]);
  return done;
}

Result<std::vector<RecordedEvent>> PostgresStore::recorded_events(const checked::Program& program, const SlotPlan& plan, int32_t bucket) {
  auto layout = layout_of(program);
  if (!layout) return std::unexpected(layout.error());
  std::vector<RecordedEvent> events;
  engine::CaseFile texts(program);  // whose arena holds them for a moment
  auto done = read([&](BulkConnection& connection) -> Result<void> {
    CopyRows rows(connection);
    auto started = rows.start(fmt::format(
        "select e.case_id, e.at, e.seq, e.instance_id, e.type, e.raised, e.source, e.external_id, e.body, e.payload::text, exists (select from "
        "dunlin.inbox i where i.bucket = e.bucket and i.at = e.at and i.seq = e.seq) from dunlin.event e where e.bucket = {} order by e.case_id, e.at, e.seq",
        bucket));
    if (!started) return started;
    while (rows.next()) {
      RecordedEvent event;
      event.case_id = rows.int64();
      event.at = rows.instant();
      event.arrival = rows.int64();
      event.owner = rows.int64();
      const int32_t number = rows.int32();
      event.type = Layout::find((*layout)->event_of, number);
      if (const auto strange = (*layout)->strange_of.find(number); event.type < 0 && strange != (*layout)->strange_of.end()) {
        event.within = strange->second.within;
        event.reached = strange->second.reached;
      }
      event.raised = rows.boolean();
      const FieldBytes source = rows.field(), external = rows.field(), body = rows.field(), payload = rows.field();
      event.waiting = rows.boolean();
      if (!source.missing()) event.source = source.view();
      if (!external.missing()) event.external_id = external.view();
      if (const int32_t read_as = std::max(event.type, event.within); read_as >= 0) {
        texts.clear();
        const auto& leaves = (*layout)->events[static_cast<size_t>(read_as)];
        auto slots = blank_slots(leaves, program.events[static_cast<size_t>(read_as)].slot_count);
        if (!body.missing()) {
          unpack_values(program, leaves, body.view(), texts, slots.data());
        } else if (!payload.missing()) {
          json_to_values(program, leaves, payload.view(), texts, slots.data());
        }
        event.values = pack_slots(plan.events[static_cast<size_t>(read_as)], slots.data());
      }
      events.push_back(std::move(event));
    }
    return rows.finish();
  });
  if (!done) return std::unexpected(done.error());
  return events;
}

Result<Cases> PostgresStore::case_files_of(const checked::Program& program, int32_t bucket) {
  auto layout = layout_of(program);
  if (!layout) return std::unexpected(layout.error());
  Selection selection{.now = abi::never, .range = true, .after = {bucket - 1, INT64_MAX}, .last_bucket = bucket};
  Result<Cases> cases;
  auto done = read([&](BulkConnection& connection) -> Result<void> {
    Cases none;
    cases = load_selected(connection, **layout, selection, none);
    return cases ? Result<void>() : std::unexpected(cases.error());
  });
  if (!done) return std::unexpected(done.error());
  return cases;
}

bool PostgresStore::has_news_of_tasks(const engine::CaseFile& case_file) const {
  const auto* loaded = dynamic_cast<const LoadedCase*>(case_file.store_memory.get());
  return loaded != nullptr && loaded->news_of_tasks;
}

}  // namespace dunlin::store
