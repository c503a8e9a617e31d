#include "runtime/replay/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "lang/sema/transfers.h"
#include "runtime/engine/state_codec.h"
#include "runtime/replay/case_fold.h"

namespace dunlin::replay {

using engine::CaseFile;
using store::RecordedEvent;
using store::Result;
using store::SlotPlan;
using store::StepBatch;
using store::StepRecord;

namespace {

using EventsByCase = std::map<int64_t, std::vector<RecordedEvent>>;

Result<EventsByCase> events_by_case(store::StepLog& log, const checked::Program& program, const SlotPlan& plan, int32_t bucket) {
  auto events = log.recorded_events(program, plan, bucket);
  if (!events) return std::unexpected(events.error());
  EventsByCase by_case;
  for (RecordedEvent& event : *events) by_case[event.case_id].push_back(std::move(event));
  return by_case;
}

/// A version with what a replay needs of it.
struct Running {
  Running(const Version& of, int32_t version)
      : number(version), program(of.program), plan(of.program), stepper(of.program, of.evaluator, of.calendar, of.settings), orders(of.orders) {}
  int32_t number;
  const checked::Program& program;
  SlotPlan plan;
  engine::Stepper stepper;
  const std::vector<engine::ExperimentOrder>& orders;
  int32_t events_of = -1;  // bucket
  EventsByCase events;
};

struct Commit {
  StepBatch batch;
  std::vector<StepRecord> records;
  Running* version = nullptr;
};

/// What was recorded and what came out differ: the first line that does.
std::pair<std::string, std::string> first_difference(std::string_view recorded, std::string_view computed) {
  const auto line = [](std::string_view& text) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view taken = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return taken;
  };
  for (;;) {
    const std::string_view a = line(recorded), b = line(computed);
    if (a != b || (recorded.empty() && computed.empty())) return {a.empty() ? "(nothing)" : std::string(a), b.empty() ? "(nothing)" : std::string(b)};
  }
}

class Replay {
 public:
  Replay(store::StepLog& log, const Versions& versions, const Options& options) : log_(log), versions_(versions), options_(options) {}

  Result<Report> run() {
    for (int32_t bucket = options_.buckets.first; bucket <= options_.buckets.last; ++bucket) {
      if (options_.only_case && engine::bucket_of(*options_.only_case) != bucket) continue;
      if (options_.progress) options_.progress(bucket);
      if (auto done = replay_bucket(bucket); !done) return std::unexpected(done.error());
    }
    return std::move(report_);
  }

 private:
  struct Case {
    std::optional<CaseFold> fold;
    std::set<int64_t> taken;  // by records from its first whole one on
    bool whole_seen = false;  // while they are collected
    int32_t version = 0;
    bool different = false;
    std::string key;
  };

  Result<Running*> version_of(int32_t number) {
    auto& found = running_[number];
    if (found == nullptr) {
      auto version = versions_(number);
      if (!version) return std::unexpected(version.error());
      found = std::make_unique<Running>(**version, number);
    }
    return found.get();
  }

  bool wanted(const StepRecord& record) const { return !options_.only_case || *options_.only_case == record.case_id; }

  Result<void> replay_bucket(int32_t bucket) {
    commits_.clear();
    cases_.clear();
    last_batch_ = 0;
    auto read = log_.step_batches(bucket, [&](const StepBatch& batch) { return take(batch); });
    if (!read) return read;
    for (Commit& commit : commits_) {
      if (auto done = replay_commit(commit); !done) return done;
    }
    return compare_with_now(bucket);
  }

  Result<void> take(const StepBatch& batch) {
    if (batch.records.empty() && !batch.damaged) {
      ++report_.batches_without_records;
      return {};
    }
    // Commits of a bucket are numbered, and each has had a record since there are records at all.
    if (last_batch_ != 0 && batch.batch != last_batch_ + 1) {
      differ({.kind = Kind::record,
              .bucket = batch.bucket,
              .batch = batch.batch,
              .at = batch.at,
              .version = batch.version,
              .key = {},
              .recorded = fmt::format("the commit before this one is number {}; what was between them is gone", last_batch_),
              .computed = {}});
    }
    last_batch_ = batch.batch;
    auto version = version_of(batch.version);
    if (!version) return std::unexpected(version.error());
    Commit commit{.batch = batch, .records = {}, .version = *version};
    std::string_view rest = batch.records;
    bool damaged = batch.damaged;
    while (!damaged && !rest.empty()) {
      auto record = store::take_record(rest, (*version)->plan);
      damaged = !record;
      if (record) commit.records.push_back(std::move(*record));
    }
    if (damaged)
      differ({.kind = Kind::record,
              .bucket = batch.bucket,
              .batch = batch.batch,
              .at = batch.at,
              .version = batch.version,
              .key = {},
              .recorded = "the bytes of this batch's records are damaged",
              .computed = {}});
    for (const StepRecord& record : commit.records) {
      Case& kept = cases_[record.case_id];
      kept.whole_seen = kept.whole_seen || record.states.has_value();
      if (kept.whole_seen) kept.taken.insert(record.taken.begin(), record.taken.end());
    }
    commits_.push_back(std::move(commit));
    return {};
  }

  Result<void> replay_commit(Commit& commit) {
    std::string computed;
    bool all = true;
    const Difference place{.kind = Kind::decision,
                           .bucket = commit.batch.bucket,
                           .batch = commit.batch.batch,
                           .at = commit.batch.at,
                           .version = commit.batch.version,
                           .key = {},
                           .recorded = {},
                           .computed = {}};
    size_t search = 0;  // in the decisions, if some records cannot be taken again
    for (const StepRecord& record : commit.records) {
      if (!wanted(record)) {
        all = false;
        continue;
      }
      std::string lines;
      auto taken = take_again(commit, record, place, lines);
      if (!taken) return std::unexpected(taken.error());
      all = all && *taken;
      computed += lines;
      if (all || lines.empty() || !*taken) continue;
      const size_t found = commit.batch.decisions.find(lines, search);
      if (found == std::string::npos) {
        differ(of_case(place, record, Kind::decision, "(not there as computed)", lines.substr(0, lines.size() - 1)));
      } else {
        search = found + lines.size();
      }
    }
    if (!all || computed == commit.batch.decisions) return {};
    auto [was, is] = first_difference(commit.batch.decisions, computed);
    Difference found = place;
    found.recorded = std::move(was);
    found.computed = std::move(is);
    differ(std::move(found));
    return {};
  }

  Difference of_case(Difference place, const StepRecord& record, Kind kind, std::string recorded, std::string computed) {
    Case& kept = cases_[record.case_id];
    kept.different = true;
    place.kind = kind;
    place.case_id = record.case_id;
    place.step = record.step;
    place.key = kept.key;
    place.recorded = std::move(recorded);
    place.computed = std::move(computed);
    return place;
  }

  /// False if it cannot be: its case file's records do not begin at the beginning.
  Result<bool> take_again(Commit& commit, const StepRecord& record, const Difference& place, std::string& lines) {
    Running& version = *commit.version;
    if (version.events_of != commit.batch.bucket) {
      auto events = events_by_case(log_, version.program, version.plan, commit.batch.bucket);
      if (!events) return std::unexpected(events.error());
      version.events = std::move(*events);
      version.events_of = commit.batch.bucket;
    }
    Case& kept = cases_[record.case_id];
    const checked::Program* same = kept.version == version.number ? &version.program : nullptr;
    if (!kept.fold) {
      kept.fold.emplace(version.events[record.case_id]);
    } else if (kept.version != version.number) {
      kept.fold->read_events_as(version.events[record.case_id]);
    }
    kept.version = version.number;
    if (auto trouble = kept.fold->read(record, kept.taken, same)) differ(of_case(place, record, Kind::record, *trouble, {}));
    if (!kept.fold->begun()) {
      ++report_.not_from_the_beginning;
      return false;
    }
    CaseFile& file = file_of(version);
    kept.fold->build(version.plan, record, commit.batch.at, file);
    if (kept.key.empty() && file.instance_count() > 0) kept.key = engine::key_text(version.program, file.instance(0));
    version.stepper.step(file, commit.batch.at, result_, {.version = version.number, .collect_reads = true, .listener = nullptr, .orders = &version.orders});
    ++report_.steps;
    report_.decisions += static_cast<int64_t>(result_.firings.size());
    for (const auto& firing : result_.firings) store::append_decision(lines, file, firing, commit.batch.at);
    const uint64_t outcome = store::outcome_of(version.plan, file, result_);
    if (outcome != record.outcome) {
      differ(of_case(place, record, Kind::outcome, fmt::format("{:016x}", record.outcome), fmt::format("{:016x}: {}", outcome, told(version.program, file))));
    }
    if (options_.seen) options_.seen(file, result_, record, commit.batch.at);
    if (auto trouble = kept.fold->keep(version.plan, record, file, result_)) differ(of_case(place, record, Kind::event, *trouble, {}));
    return true;
  }

  /// What a step made, in words, for whoever looks for the cause.
  std::string told(const checked::Program& program, const CaseFile& file) const {
    if (result_.fault) return "fault: " + result_.fault->message;
    std::string text;
    const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
    for (const auto& transition : result_.transitions) {
      add(fmt::format("{} goes to {}", engine::key_text(program, file.instance(transition.instance)), checked::stage_name(program, transition.to_stage)));
    }
    static constexpr const char* changes[] = {"creates", "updates", "withdraws", "marks"};
    for (const auto& effect : result_.tasks)
      add(fmt::format("{} {} \"{}\"", changes[static_cast<int>(effect.change)], program.queues[static_cast<size_t>(effect.task.queue)].name,
                      effect.task.treatment));
    for (const auto& effect : result_.events)
      add(fmt::format("{} {}", effect.raised ? "raises" : "takes", program.events[static_cast<size_t>(effect.event.type)].name));
    for (const auto& refused : result_.refused) add("refuses " + program.events[static_cast<size_t>(refused.event.type)].name);
    return text.empty() ? "no effect, other states or another wake" : text;
  }

  CaseFile& file_of(const Running& version) {
    if (file_ == nullptr || &file_->program() != &version.program) file_ = std::make_unique<CaseFile>(version.program);
    return *file_;
  }

  // ---- what the store holds now ----

  Result<void> compare_with_now(int32_t bucket) {
    std::set<int32_t> versions;
    for (const auto& [id, kept] : cases_) {
      if (!kept.fold || !kept.fold->begun()) continue;
      ++report_.case_files;
      report_.begin_later += kept.fold->first_step() > 0 ? 1 : 0;
      versions.insert(kept.version);
    }
    for (const int32_t number : versions) {
      auto version = version_of(number);
      if (!version) return std::unexpected(version.error());
      auto files = log_.case_files_of((*version)->program, bucket);
      if (!files) return std::unexpected(files.error());
      for (const auto& file : *files) {
        const auto found = cases_.find(file->debtor_id);
        if (found == cases_.end() || found->second.version != number || found->second.different || !found->second.fold || !found->second.fold->begun())
          continue;
        if (auto trouble = compare_with(**version, *found->second.fold, *file, log_.has_news_of_tasks(*file))) {
          differ({.kind = Kind::state,
                  .bucket = bucket,
                  .case_id = file->debtor_id,
                  .step = file->step_number,
                  .version = number,
                  .key = found->second.key,
                  .recorded = std::move(*trouble),
                  .computed = {}});
        }
      }
    }
    return {};
  }

  /// `news`: tasks of campaigns wait for the next step, which records them.
  static std::optional<std::string> compare_with(const Running& version, const CaseFold& fold, const CaseFile& now, bool news) {
    const checked::Program& program = version.program;
    if (now.step_number > fold.next_step()) return std::nullopt;  // it was stepped while this ran
    if (now.step_number < fold.next_step()) return fmt::format("the case file is at step {}, on record are {}", now.step_number, fold.next_step());
    for (int32_t i = 0; i < static_cast<int32_t>(now.instance_count()); ++i) {
      if (!same_state(program, fold, now, i)) return "the state of " + engine::key_text(program, now.instance(i)) + " is not what its steps add up to";
    }
    for (const engine::OpenTask& task : now.tasks()) {
      const auto found = fold.tasks().find(task.id.low);
      const std::string name = fmt::format("task {} ({} \"{}\")", task.id.text(), program.queues[static_cast<size_t>(task.queue)].name, task.treatment);
      if (found == fold.tasks().end() && news && CaseFold::from_campaign(task)) continue;
      if (found == fold.tasks().end()) return name + " is open, and no step has made it";
      const engine::OpenTask& made = found->second.task;
      const auto& leaves = version.plan.queues[static_cast<size_t>(task.queue)];
      const bool same = made.id == task.id && made.identity == task.identity && made.rule == task.rule && made.queue == task.queue &&
                        made.treatment == task.treatment && made.created_at == task.created_at && made.expires == task.expires && made.limits == task.limits &&
                        (leaves.empty() || found->second.values.empty() || found->second.values == store::pack_slots(leaves, task.fields.data()));
      if (!same) return name + " is not as its steps made it";
    }
    return std::nullopt;
  }

  static bool same_state(const checked::Program& program, const CaseFold& fold, const CaseFile& now, int32_t position) {
    const engine::InstanceState& state = now.state(position);
    const auto found = fold.states().find(now.instance(position).id);
    if (found == fold.states().end()) return state.version == 0;
    const CaseFold::State kept = CaseFold::read_as_now(program, found->second, state.strategy);
    if (kept.version != state.version || kept.strategy != state.strategy || kept.stage != state.stage || kept.entered_at != state.entered_at ||
        kept.wake_at != state.wake_at || kept.step_number != state.step_number)
      return false;
    engine::InstanceState read{.strategy = kept.strategy, .stage = kept.stage};
    abi::Arena texts;
    std::string error;
    if (!engine::decode_state(program, kept.body, texts, read, error)) return false;
    // What the version does not know yet has no value to compare.
    if (!read.new_variables.empty() || !state.new_variables.empty()) return read.new_variables == state.new_variables;
    return engine::encode_state(program, read) == engine::encode_state(program, state);
  }

  void differ(Difference difference) {
    ++report_.different;
    if (report_.differences.size() < options_.most) report_.differences.push_back(std::move(difference));
  }

  store::StepLog& log_;
  const Versions& versions_;
  const Options& options_;
  Report report_;
  std::map<int32_t, std::unique_ptr<Running>> running_;
  int64_t last_batch_ = 0;          // of the bucket under way
  std::vector<Commit> commits_;     // of the bucket under way
  std::map<int64_t, Case> cases_;   // of the same
  std::unique_ptr<CaseFile> file_;  // used again and again
  engine::StepResult result_;
};

}  // namespace

const char* kind_text(Kind kind) {
  static constexpr const char* names[] = {"record", "decision", "outcome", "event", "state"};
  return names[static_cast<int>(kind)];
}

Result<Report> replay_decisions(store::StepLog& log, const Versions& versions, const Options& options) { return Replay(log, versions, options).run(); }

Result<Met> as_read(store::StepLog& log, const Version& version, int64_t case_id, Instant at, const std::function<bool(int32_t)>& same) {
  constexpr Instant second = 1'000'000;
  const checked::Program& program = version.program;
  const Instant end = at % second == 0 ? at + second : at + 1;
  const SlotPlan plan(program);
  std::vector<PlacedRecord> way;  // from the last whole record before the instant
  bool there = false;
  const int32_t bucket = engine::bucket_of(case_id);
  std::set<int64_t> taken;  // from there on, those after the instant too
  auto read = log.step_batches(bucket, [&](const StepBatch& batch) -> Result<void> {
    std::string_view rest = batch.records;
    if (batch.damaged || !same(batch.version)) {
      if (!there) way.clear();
      return {};
    }
    while (!rest.empty()) {
      auto record = store::take_record(rest, plan);
      if (!record) break;
      if (record->case_id != case_id) continue;
      if (!there && record->states) {
        way.clear();
        taken.clear();
      }
      taken.insert(record->taken.begin(), record->taken.end());
      if (there || (way.empty() && !record->states)) continue;
      there = batch.at >= at && batch.at < end;
      way.push_back({std::move(*record), batch.batch, batch.at, batch.version});
    }
    return {};
  });
  if (!read) return std::unexpected(read.error());
  if (!there) return Met{};
  auto events = events_by_case(log, program, plan, bucket);
  if (!events) return std::unexpected(events.error());
  CaseFold fold((*events)[case_id]);
  auto file = std::make_unique<CaseFile>(program);
  engine::Stepper stepper(program, version.evaluator, version.calendar, version.settings);
  engine::StepResult result;
  for (const PlacedRecord& step : way) {
    fold.read(step.record, taken);
    fold.build(plan, step.record, step.at, *file);
    if (&step == &way.back()) break;
    stepper.step(*file, step.at, result, {.version = step.version, .collect_reads = false, .listener = nullptr, .orders = &version.orders});
    fold.keep(plan, step.record, *file, result);
  }
  return Met{std::move(file), way.back().at};
}

}  // namespace dunlin::replay
