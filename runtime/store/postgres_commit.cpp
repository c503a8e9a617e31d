// Steps into the database: all of a batch in one transaction, each table in one statement, the fence on the buckets last.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "lang/sema/experiments.h"
#include "runtime/engine/state_codec.h"
#include "runtime/store/postgres_batch.h"
#include "runtime/store/postgres_inner.h"
#include "runtime/store/postgres_packed.h"
#include "runtime/store/postgres_refused.h"
#include "runtime/store/postgres_requests.h"
#include "runtime/store/postgres_tasks.h"
#include "runtime/store/step_record.h"
#include "runtime/store/value_codec.h"

namespace dunlin::store {

using engine::CaseFile;
using engine::StepResult;

namespace {

constexpr int32_t no_month = -1;
constexpr int locked_ms_max = 1'000;  // so long a node waits for a case file that somebody has locked

using enum ColumnType;

/// A column of an array costs a tenth of the whole update: what is the same in all rows stands in the text. Whoever asked for another look since the case
/// file was read has brought its wake forward, and gets it.
/// `month`: in which all of them were read.
std::string step_cases(int32_t version, int32_t month, bool set_aside) {
  return fmt::format(
      "update dunlin.case_file c set step_no = c.step_no + 1, version = {}, record_month = {}, wake_at = case when c.wake_at < i.seen then c.wake_at else "
      "i.wake_at end, "
      "set_aside = {} from unnest($1, $2, $3, $4, $5) i(bucket, case_id, step_no, wake_at, seen) "
      "where c.bucket = i.bucket and c.case_id = i.case_id and c.step_no = i.step_no",
      version, month, set_aside);
}
constexpr auto keep_past =
    "insert into dunlin.state_past (bucket, case_id, instance_id, until, version, strategy, stage, step_no, entered_at, body) "
    "select s.bucket, s.case_id, s.instance_id, i.until, s.version, s.strategy, s.stage, s.step_no, s.entered_at, s.body "
    "from unnest($1, $2, $3, $4) i(bucket, case_id, instance_id, until) "
    "join dunlin.state s on s.bucket = i.bucket and s.case_id = i.case_id and s.instance_id = i.instance_id";
constexpr auto change_states =
    "update dunlin.state s set version = i.version, strategy = i.strategy, stage = i.stage, step_no = i.step_no, entered_at = i.entered_at, wake_at = "
    "i.wake_at, body = i.body "
    "from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) i(bucket, case_id, instance_id, version, strategy, stage, step_no, entered_at, wake_at, body) "
    "where s.bucket = i.bucket and s.case_id = i.case_id and s.instance_id = i.instance_id";
constexpr auto add_states = "dunlin.state (bucket, case_id, instance_id, version, strategy, stage, step_no, entered_at, wake_at, body)";
constexpr auto take_inbox =
    "delete from dunlin.inbox b using unnest($1, $2, $3) i(bucket, at, seq) where b.bucket = i.bucket and b.at = i.at and b.seq = i.seq";
constexpr auto add_events = "dunlin.event (bucket, case_id, at, instance_id, type, raised, body)";
constexpr auto add_transitions =
    "dunlin.transition (bucket, case_id, instance_id, at, step_no, nth, version, from_strategy, from_stage, to_strategy, to_stage, rule, source_file, "
    "source_begin)";
constexpr auto add_arms = "dunlin.experiment_assignment (bucket, case_id, instance_id, experiment, arm, entity, key, unit, draw, at, version)";
constexpr auto add_notes = "dunlin.note (bucket, case_id, instance_id, at, body, whom)";
constexpr auto add_quarantine = "dunlin.quarantine (at, kind, location, reason, body, bucket, case_id)";
// A node commits what it still holds; whoever is no node, what no live node holds.
// Last: whoever switched the version or took the bucket over meanwhile makes this find nothing, and all of the batch goes. Two batches that share a bucket
// wait here for each other; the number of a batch is taken under that lock, and every batch takes its buckets in their order.
constexpr auto fence =
    "with i as materialized (select * from unnest($1, $2, $3, $4, $5, $6) i(bucket, generation, epoch, at, body, steps)), "
    "fenced as (update dunlin.bucket b set batch = b.batch + 1, as_of = greatest(b.as_of, i.at) from i "
    "where b.bucket = i.bucket and b.generation = i.generation and case when i.epoch is null then b.node is null or not exists "
    "(select from dunlin.node n where n.name = b.node and n.until > clock_timestamp()) else b.epoch = i.epoch end returning b.bucket, b.batch), "
    "decided as (insert into dunlin.decision (bucket, batch, recorded_at, version, body, steps, epoch) "
    "select f.bucket, f.batch, i.at, i.generation, i.body, i.steps, i.epoch from fenced f join i using (bucket)) "
    "select 1 from fenced";

void append_reads(std::string& out, const std::vector<engine::ValueRead>& reads) {
  out += "{";
  for (size_t i = 0; i < reads.size(); ++i) {
    if (i > 0) out += ", ";
    append_json_text(out, reads[i].name);
    out += ": ";
    append_json_text(out, reads[i].value);
  }
  out += "}";
}

std::optional<int64_t> number_of(const std::vector<int32_t>& numbers, int32_t index) {
  if (index < 0) return std::nullopt;
  return numbers[static_cast<size_t>(index)];
}

/// One commit under way: rows for every table.
class Writing {
 public:
  Writing(const Layout& layout, int32_t version, int32_t month, Instant now, Instant database_now)
      : layout_(layout), program_(layout.program), version_(version), month_(month), now_(now), tasks_(layout, database_now) {}

  void add(const CaseFile& case_file, const StepResult& result, const LoadedCase& loaded) {
    append_record(buckets_[case_file.bucket].steps, layout_.slots, case_file, result, loaded.reading);
    if (result.fault) return add_fault(case_file, *result.fault, loaded);
    cases_.add(case_file.bucket, case_file.debtor_id, case_file.step_number, result.wake_at, loaded.wake_at);
    for (const int32_t position : result.changed) add_state(case_file, position, loaded, result.had_effect() || !result.firings.empty());
    add_events_of(case_file, result, loaded);
    for (const auto& refused : result.refused) {
      if (refused.event.inbox_id != 0) inbox_.add(case_file.bucket, refused.event.at, refused.event.inbox_id);
      refused_.add(layout_, case_file, refused);
    }
    for (size_t i = 0; i < result.transitions.size(); ++i) add_transition(case_file, result.transitions[i], i);
    for (const auto& note : result.notes) {
      notes_.add(case_file.bucket, case_file.debtor_id, case_file.instance(note.instance).id, now_, std::string_view(note.text), std::string_view(note.whom));
    }
    for (const auto& opened : result.opened) add_opened(case_file, opened);
    for (const auto& drawn : result.arms) add_arm(case_file, drawn);
    for (const auto& firing : result.firings) append_decision(buckets_[case_file.bucket].decisions, case_file, firing, now_);
    if (!result.requests.empty()) requests_.add(layout_, case_file, result);
    tasks_.add(case_file, result, now_);
    tasks_.add_orphans(case_file, loaded, now_);
  }

  /// `node`: who commits; null: somebody who is no node.
  Result<void> send(BulkConnection& connection, const HeldBuckets* node) {
    for (Batch* batch : {&cases_, &faulty_, &past_, &states_, &new_states_, &inbox_, &events_}) {
      if (auto sent = batch->send(connection); !sent) return sent;
    }
    if (auto sent = refused_.send(connection); !sent) return sent;
    if (auto sent = tasks_.send(connection); !sent) return sent;
    if (auto sent = requests_.send(connection); !sent) return sent;
    for (auto& [entity, batch] : opened_) {
      if (auto sent = batch.send(connection); !sent) return sent;
    }
    for (Batch* batch : {&transitions_, &arms_, &notes_, &quarantine_}) {
      if (auto sent = batch->send(connection); !sent) return sent;
    }
    Batch fenced(fence, {int32, int32, int64, timestamp, bytea, bytea});
    for (const auto& [bucket, kept] : buckets_) {
      const std::optional<int64_t> epoch = node == nullptr ? std::nullopt : std::optional(node->epoch(bucket));
      fenced.add(bucket, version_, epoch, now_);
      kept.decisions.empty() ? fenced.column(4).add_missing() : fenced.column(4).add(std::string_view(compress(kept.decisions)));
      fenced.column(5).add(std::string_view(compress(kept.steps)));
    }
    auto sent = fenced.send(connection);
    fenced_ = !sent && sent.error().kind == StoreError::Kind::conflict;
    return sent;
  }

  /// True if the last send() ended at the fence.
  bool fenced() const { return fenced_; }

 private:
  void add_fault(const CaseFile& case_file, const engine::StepFault& fault, const LoadedCase& loaded) {
    faulty_.add(case_file.bucket, case_file.debtor_id, case_file.step_number, abi::never, loaded.wake_at);
    const abi::Instance& instance = case_file.instance(std::max(fault.instance, 0));
    const std::string location = program_.entities[static_cast<size_t>(instance.entity)].name + " " + engine::key_text(program_, instance);
    std::string body = "{\"rule\": ";
    append_json_text(body, fault.rule_name);
    body += ", \"read\": ";
    append_reads(body, fault.read);
    body += "}";
    quarantine_.add(now_, std::string_view("case"), std::string_view(location), std::string_view(fault.message), std::string_view(body), case_file.bucket,
                    case_file.debtor_id);
  }

  void add_state(const CaseFile& case_file, int32_t position, const LoadedCase& loaded, bool acted) {
    const engine::InstanceState& state = case_file.state(position);
    const int64_t id = case_file.instance(position).id;
    const bool there = std::ranges::find(loaded.stated, id) != loaded.stated.end();
    if (there && acted) past_.add(case_file.bucket, case_file.debtor_id, id, now_);
    (there ? states_ : new_states_)
        .add(case_file.bucket, case_file.debtor_id, id, state.version, number_of(layout_.strategy_ids, state.strategy),
             number_of(layout_.stage_ids, state.stage), state.step_number, state.entered_at, state.wake_at,
             std::string_view(engine::encode_state(program_, state)));
  }

  void add_events_of(const CaseFile& case_file, const StepResult& result, const LoadedCase& loaded) {
    for (const InboxMark& mark : loaded.marks) inbox_.add(case_file.bucket, mark.at, mark.seq);
    for (const StrangeEvent& event : loaded.strange) {
      inbox_.add(case_file.bucket, event.at, event.seq);
      refused_.add_strange(layout_, case_file, event);
    }
    for (const auto& effect : result.events) {
      const engine::IncomingEvent& event = effect.event;
      if (event.inbox_id != 0) inbox_.add(case_file.bucket, event.at, event.inbox_id);
      if (!effect.raised) continue;
      events_.add(case_file.bucket, case_file.debtor_id, event.at, case_file.instance(event.instance).id, number_of(layout_.event_ids, event.type), true,
                  std::string_view(pack_values(program_, layout_.events[static_cast<size_t>(event.type)], event.slots.data())));
    }
  }

  void add_transition(const CaseFile& case_file, const engine::Transition& transition, size_t nth) {
    const bool known = transition.where.known();
    transitions_.add(
        case_file.bucket, case_file.debtor_id, case_file.instance(transition.instance).id, transition.at, case_file.step_number + 1, static_cast<int64_t>(nth),
        version_, number_of(layout_.strategy_ids, transition.from_strategy), number_of(layout_.stage_ids, transition.from_stage),
        number_of(layout_.strategy_ids, transition.to_strategy), number_of(layout_.stage_ids, transition.to_stage), static_cast<int64_t>(transition.rule),
        known ? std::optional<int64_t>(transition.where.file) : std::nullopt, known ? std::optional<int64_t>(transition.where.begin) : std::nullopt);
  }

  void add_arm(const CaseFile& case_file, const engine::ArmDrawn& drawn) {
    const checked::Experiment& experiment = program_.trials->experiments[static_cast<size_t>(drawn.experiment)];
    const abi::Instance& instance = case_file.instance(drawn.instance);
    const abi::Instance* unit = &instance;
    while (unit->parent != nullptr && unit->entity != experiment.unit) unit = unit->parent;
    const auto name_of = [&](const abi::Instance& one) { return program_.entities[static_cast<size_t>(one.entity)].name; };
    arms_.add(case_file.bucket, case_file.debtor_id, instance.id, std::string_view(experiment.name),
              std::string_view(experiment.arms[static_cast<size_t>(drawn.arm)].name), std::string_view(name_of(instance)),
              std::string_view(engine::key_text(program_, instance)), std::string_view(name_of(*unit) + " " + engine::key_text(program_, *unit)), drawn.draw,
              drawn.at, version_);
  }

  void add_opened(const CaseFile& case_file, const engine::OpenedInstance& opened) {
    const EntityTable& table = layout_.entities[static_cast<size_t>(opened.entity)];
    auto found = opened_.find(opened.entity);
    if (found == opened_.end()) {
      std::vector<ColumnType> types = {int32, int64, int64, int64, text, timestamp};
      for (const ColumnType type : types_of(table.leaves)) types.push_back(type);
      const std::string target = fmt::format("{} (dunlin_bucket, dunlin_case, dunlin_id, dunlin_parent, dunlin_key, dunlin_since{})", table.table, table.list);
      found = opened_.emplace(opened.entity, Batch::added_to(target, types)).first;
    }
    const int32_t position = case_file.find(opened.id);
    const std::string key = position < 0 ? std::to_string(opened.id) : engine::key_text(program_, case_file.instance(position));
    found->second.add(case_file.bucket, case_file.debtor_id, opened.id, case_file.instance(opened.parent).id, std::string_view(key), now_);
    for (size_t i = 0; i < table.leaves.size(); ++i) add_value(program_, table.leaves[i], opened.slots.data(), found->second.column(6 + i));
  }

  const Layout& layout_;
  const checked::Program& program_;
  const int32_t version_, month_;
  const Instant now_;
  /// What is kept of the steps of one bucket.
  struct Kept {
    std::string decisions, steps;
  };
  std::map<int32_t, Kept> buckets_;
  std::map<int32_t, Batch> opened_;  // by entity
  TaskChanges tasks_;
  RefusedEvents refused_;
  RequestChanges requests_;
  Batch cases_{step_cases(version_, month_, false), {int32, int64, int64, timestamp, timestamp}};
  Batch faulty_{step_cases(version_, month_, true), {int32, int64, int64, timestamp, timestamp}};
  bool fenced_ = false;
  Batch past_{keep_past, {int32, int64, int64, timestamp}};
  Batch states_{change_states, {int32, int64, int64, int32, int32, int32, int64, timestamp, timestamp, bytea}};
  Batch new_states_ = Batch::added_to(add_states, {int32, int64, int64, int32, int32, int32, int64, timestamp, timestamp, bytea});
  Batch inbox_{take_inbox, {int32, timestamp, int64}};
  Batch events_ = Batch::added_to(add_events, {int32, int64, timestamp, int64, int32, boolean, bytea});
  Batch transitions_ = Batch::added_to(add_transitions, {int32, int64, int64, timestamp, int64, int32, int32, int32, int32, int32, int32, int64, int32, int32});
  Batch arms_ = Batch::added_to(add_arms, {int32, int64, int64, text, text, text, text, text, int32, timestamp, int32});
  Batch notes_ = Batch::added_to(add_notes, {int32, int64, int64, timestamp, text, text});
  Batch quarantine_ = Batch::added_to(add_quarantine, {timestamp, text, text, text, text, int32, int64});
};

}  // namespace

Result<void> PostgresStore::commit_all(const checked::Program& program, const std::vector<CaseCommit>& steps, Instant now) {
  if (steps.empty()) return {};
  auto layout = layout_of(program);
  if (!layout) return std::unexpected(layout.error());
  auto version = version_of(program);
  if (!version) return std::unexpected(version.error());
  int32_t month = month_of(now);  // if one was read in another, the next record of each is a whole one
  for (const CaseCommit& step : steps) {
    auto* loaded = dynamic_cast<LoadedCase*>(step.case_file->store_memory.get());
    if (loaded == nullptr || loaded->loader != this) {
      return failed(StoreError::Kind::conflict, "a case file was committed that was not loaded, or committed twice; read it again");
    }
    loaded->loader = nullptr;
    if (loaded->read_in != month) month = no_month;
  }
  // A process that hangs between two statements must not keep its rows from those who take over: half a lease, so that they wait no longer than it lasts.
  // Every statement touches a few rows by key; statistics of a freshly filled table would have it read whole, once a batch.
  const int idle_ms = node_ == nullptr ? 10'000 : std::min(10'000, node_->options().lease_seconds * 500);
  const std::string begin = fmt::format(
      "begin; set local idle_in_transaction_session_timeout = {}; set local enable_seqscan = off; set local enable_hashjoin = off; set local "
      "enable_mergejoin = off{}; select (extract(epoch from clock_timestamp()) * 1000000)::int8",
      idle_ms, node_ == nullptr ? "" : fmt::format("; set local lock_timeout = {}", locked_ms_max));
  bool kept = false;  // a row, by somebody, for longer than a node waits
  const auto send = [&](BulkConnection& connection, const std::vector<const CaseCommit*>& part) -> Result<void> {
    connection.inner().row_was_locked = false;
    Writing writing(**layout, *version, month, now, connection.inner().began);
    for (const CaseCommit* step : part) writing.add(*step->case_file, *step->result, static_cast<const LoadedCase&>(*step->case_file->store_memory));
    auto sent = writing.send(connection, node_.get());
    kept = !sent && connection.inner().row_was_locked;
    if (writing.fenced() && !kept) return std::unexpected(why_fenced(connection, *version, sent.error()));
    return sent;
  };
  std::vector<const CaseCommit*> all;
  for (const CaseCommit& step : steps) all.push_back(&step);
  auto done = write([&](BulkConnection& connection) { return send(connection, all); }, begin.c_str());
  if (done || !kept || node_ == nullptr) return done;
  // A consumer's open transaction keeps a case file. A node leaves that one as it was, and finds it awake when it looks next; the others need not wait for it.
  return write(
      [&](BulkConnection& connection) -> Result<void> {
        auto free = lock_free(connection, all);
        if (!free) return std::unexpected(free.error());
        return free->empty() ? Result<void>() : send(connection, *free);
      },
      begin.c_str());
}

/// Locks the case files that nobody else has locked, nor any of their tasks, until the transaction ends; returns their steps.
Result<std::vector<const CaseCommit*>> PostgresStore::lock_free(BulkConnection& connection, const std::vector<const CaseCommit*>& steps) {
  std::string buckets, ids;
  for (const CaseCommit* step : steps) {
    fmt::format_to(std::back_inserter(buckets), "{}{}", buckets.empty() ? "" : ",", step->case_file->bucket);
    fmt::format_to(std::back_inserter(ids), "{}{}", ids.empty() ? "" : ",", step->case_file->debtor_id);
  }
  // Who completes a task of a plain queue has locked the task only.
  auto found = connection.value(fmt::format(
      "with mine as materialized (select i.n, c.bucket, c.case_id from unnest('{{{}}}'::int4[], '{{{}}}'::int8[]) with ordinality i(bucket, case_id, n) "
      "join dunlin.case_file c on c.bucket = i.bucket and c.case_id = i.case_id for no key update of c skip locked), "
      "free as materialized (select t.bucket, t.case_id, t.task from mine m join dunlin.task_open t on t.bucket = m.bucket and t.case_id = m.case_id "
      "for update of t skip locked) "
      "select string_agg(m.n::text, ',' order by m.n) from mine m where not exists (select from dunlin.task_open t where t.bucket = m.bucket and "
      "t.case_id = m.case_id and not exists (select from free f where f.bucket = t.bucket and f.case_id = t.case_id and f.task = t.task))",
      buckets, ids));
  if (!found) return std::unexpected(found.error());
  std::vector<const CaseCommit*> free;
  std::istringstream places(found->value_or(""));
  for (std::string place; std::getline(places, place, ',');) free.push_back(steps[static_cast<size_t>(std::atoll(place.c_str())) - 1]);
  return free;
}

Result<void> PostgresStore::commit(const checked::Program& program, int32_t bucket, const std::vector<CaseCommit>& steps, Instant now) {
  const bool all_here = std::ranges::all_of(steps, [&](const CaseCommit& step) { return step.case_file->bucket == bucket; });
  if (!all_here) return failed(StoreError::Kind::input, "a case file of another bucket was committed");
  return commit_all(program, steps, now);
}

}  // namespace dunlin::store
