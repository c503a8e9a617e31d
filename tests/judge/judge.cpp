#include "tests/judge/judge.h"

#include <algorithm>
#include <set>
#include <utility>

#include "lang/sema/experiments.h"

namespace dunlin::judge {

using engine::CaseFile;
using engine::StepResult;
using engine::TaskChange;
using engine::TaskStatus;
using store::Result;

namespace {

bool is_open(const std::string& status) { return status == "ready" || status == "leased" || status == "withheld" || status == "dead_letter"; }

/// What the steps come to, taken again.
struct Expected {
  struct Task {
    int created = 0;
    TaskStatus last = TaskStatus::ready;
    bool ended = false;   // by a step
    bool marked = false;  // its reason has gone while somebody held it; a step that found it again may have come when the lease had ended already
    std::string name;
  };
  struct Way {
    std::string from, to;
    Instant at = 0;
    friend bool operator==(const Way&, const Way&) = default;
  };
  std::map<std::string, Task> tasks;                                             // by id
  std::map<std::pair<std::string, std::string>, std::vector<Way>> ways;          // by entity and key
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> arms;  // by experiment and instance: each arm once
  std::map<std::pair<int64_t, int64_t>, int> taken;  // how often an event (case file, arrival) was taken by a step that did not fail
};

class Judge {
 public:
  explicit Judge(const Evidence& evidence) : evidence_(evidence) {
    if (!evidence_.buckets.empty()) return;
    for (int32_t bucket = 0; bucket < engine::bucket_count; ++bucket) evidence_.buckets.insert(evidence_.buckets.end(), bucket);
  }

  Result<std::vector<Finding>> run() {
    auto version = evidence_.versions(evidence_.active);
    if (!version) return std::unexpected(version.error());
    version_ = *version;
    for (const auto check :
         {&Judge::steps_add_up, &Judge::epochs_never_fall, &Judge::events_are_kept_once, &Judge::ways_are_whole, &Judge::stages_are_those_of_the_way,
          &Judge::tasks_are_there_once, &Judge::limits_hold, &Judge::arms_stay, &Judge::audit_is_whole, &Judge::nothing_is_left_to_do}) {
      if (auto done = (this->*check)(); !done) return std::unexpected(done.error());
    }
    return std::move(findings_);
  }

 private:
  void find(const std::string& promise, const std::string& witness) {
    constexpr int witnesses_max = 3;
    if (++found_[promise] <= witnesses_max) findings_.push_back({promise, witness});
  }

  // ---- the state is the fold of what was recorded ----

  Result<void> steps_add_up() {
    const bool everywhere = evidence_.buckets.size() == static_cast<size_t>(engine::bucket_count);
    for (const int32_t bucket : evidence_.buckets) {
      replay::Options options{.only_case = {}, .progress = {}, .seen = {}};
      if (!everywhere) options.buckets = {bucket, bucket};
      options.seen = [&](const CaseFile& file, const StepResult& result, const store::StepRecord& record, Instant) { take(file, result, record); };
      auto report = replay::replay_decisions(evidence_.log, evidence_.versions, options);
      if (!report) return std::unexpected(report.error());
      for (const auto& difference : report->differences) {
        find("the state is what the recorded steps add up to", std::string(replay::kind_text(difference.kind)) + " of " + difference.key + ", step " +
                                                                   std::to_string(difference.step) + ": recorded " + difference.recorded +
                                                                   (difference.computed.empty() ? "" : ", computed " + difference.computed));
      }
      if (everywhere) break;
    }
    return {};
  }

  void take(const CaseFile& file, const StepResult& result, const store::StepRecord& record) {
    const checked::Program& program = file.program();
    if (!result.fault) {
      for (const int64_t arrival : record.taken) ++expected_.taken[{record.case_id, arrival}];
    }
    const auto stage = [&](int32_t number) { return number < 0 ? std::string() : checked::stage_name(program, number); };
    for (const auto& transition : result.transitions) {
      const abi::Instance& instance = file.instance(transition.instance);
      expected_.ways[{program.entities[static_cast<size_t>(instance.entity)].name, engine::key_text(program, instance)}].push_back(
          {stage(transition.from_stage), stage(transition.to_stage), transition.at});
    }
    for (const auto& drawn : result.arms) {
      const checked::Experiment& experiment = program.trials->experiments[static_cast<size_t>(drawn.experiment)];
      auto& arms = expected_.arms[{experiment.name, engine::key_text(program, file.instance(drawn.instance))}];
      const std::string& arm = experiment.arms[static_cast<size_t>(drawn.arm)].name;
      if (std::ranges::find(arms, arm) == arms.end()) arms.push_back(arm);
    }
    for (const auto& effect : result.tasks) {
      Expected::Task& task = expected_.tasks[effect.task.id.text()];
      task.created += effect.change == TaskChange::create ? 1 : 0;
      task.last = effect.task.status;
      task.marked = task.marked || effect.change == TaskChange::mark;
      task.ended = effect.change == TaskChange::withdraw || effect.task.status == TaskStatus::done || effect.task.status == TaskStatus::expired ||
                   effect.task.status == TaskStatus::withdrawn;
      task.name = engine::key_text(program, file.instance(effect.task.instance)) + " " + program.queues[static_cast<size_t>(effect.task.queue)].name + " \"" +
                  effect.task.treatment + "\"";
    }
  }

  // ---- nothing is accepted under an old epoch ----

  Result<void> epochs_never_fall() {
    for (const int32_t bucket : evidence_.buckets) {
      int64_t highest = -1;
      auto read = evidence_.log.step_batches(bucket, [&](const store::StepBatch& batch) -> Result<void> {
        if (batch.epoch && *batch.epoch < highest) {
          find("nothing is accepted under an old epoch", "bucket " + std::to_string(bucket) + ", batch " + std::to_string(batch.batch) + ": epoch " +
                                                             std::to_string(*batch.epoch) + " after " + std::to_string(highest));
        }
        if (batch.epoch) highest = std::max(highest, *batch.epoch);
        return {};
      });
      if (!read) return read;
    }
    return {};
  }

  // ---- what somebody outside has sent and was accepted is there once, and was handled once ----

  Result<void> events_are_kept_once() {
    const checked::Program& program = version_->program;
    const store::SlotPlan plan(program);
    std::map<std::pair<std::string, std::string>, std::map<int64_t, int>> kept;  // by source and id: how often, about which instance
    for (const int32_t bucket : evidence_.buckets) {
      auto events = evidence_.log.recorded_events(program, plan, bucket);
      if (!events) return std::unexpected(events.error());
      for (const auto& event : *events) {
        if (!event.external_id.empty()) ++kept[{event.source, event.external_id}][event.owner];
        if (event.source == "queue") outcomes_.insert(event.external_id.substr(0, event.external_id.find(':')));
        const auto taken = expected_.taken.find({event.case_id, event.arrival});
        const int times = taken == expected_.taken.end() ? 0 : taken->second;
        const std::string name =
            (event.type < 0 ? "an event" : program.events[static_cast<size_t>(event.type)].name) + " " + event.source + " " + event.external_id;
        if (times > 1) find("an event is handled once", name + " was taken by " + std::to_string(times) + " steps");
        if (!event.raised && !event.waiting && times == 0) find("an event is handled once", name + " counts as handled, and no step has taken it");
      }
    }
    for (const Sent& line : evidence_.sent) {
      const auto& about = kept[{line.source, line.external_id}];
      const bool there = line.about == 0 ? !about.empty() : about.contains(line.about);
      if ((line.accepted || line.about != 0) && !there && !refused(line)) {
        find(line.accepted ? "an event that was accepted is kept" : "what is answered as known is there",
             line.source + " " + line.external_id + " is not there");
      }
      for (const auto& [instance, times] : about) {
        if (times > 1) find("the same event twice is one event", line.source + " " + line.external_id + " is there " + std::to_string(times) + " times");
      }
    }
    return {};
  }

  /// Set aside with a reason: it is in the quarantine.
  bool refused(const Sent& line) {
    if (quarantine_.empty()) {
      if (auto rows = evidence_.store.quarantine(100'000)) quarantine_ = std::move(*rows);
    }
    return std::ranges::any_of(quarantine_, [&](const store::SetAside& row) { return row.body.find("\"" + line.external_id + "\"") != std::string::npos; });
  }

  // ---- at most one stage of one strategy, by an unbroken way ----

  Result<void> ways_are_whole() {
    for (const auto& [instance, expected] : expected_.ways) {
      auto rows = evidence_.store.transitions(instance.first, instance.second);
      if (!rows) return std::unexpected(rows.error());
      std::vector<Expected::Way> kept;
      for (const auto& row : *rows) kept.push_back({row.from, row.to, row.at});
      if (kept.size() != expected.size() || !std::ranges::is_permutation(kept, expected)) {
        find("the way through the stages is whole", instance.first + " " + instance.second + ": " + std::to_string(kept.size()) +
                                                        " steps of the way are kept, " + std::to_string(expected.size()) + " were gone");
      }
      for (size_t n = 1; n < expected.size(); ++n) {
        if (expected[n].from == expected[n - 1].to || expected[n].from.empty()) continue;
        find("an instance is in at most one stage of one strategy",
             instance.first + " " + instance.second + " left " + expected[n].from + " and was in " + expected[n - 1].to);
      }
    }
    return {};
  }

  // ---- no task is lost, none is doubled ----

  Result<void> tasks_are_there_once() {
    auto rows = evidence_.store.tasks("", "", -1);
    if (!rows) return std::unexpected(rows.error());
    std::map<std::string, const store::TaskRow*> kept;
    for (const auto& row : *rows) {
      if (!kept.emplace(row.id, &row).second) find("no task is doubled", row.id + " is there twice");
      if (!evidence_.put_in.contains(row.id) && !expected_.tasks.contains(row.id))
        find("no task is doubled", row.id + " (" + row.key + " " + row.queue + " \"" + row.treatment + "\") was made by no step");
    }
    for (const auto& [id, task] : expected_.tasks) {
      const auto found = kept.find(id);
      if (found == kept.end()) {
        find("no task is lost", id + " (" + task.name + ") is not there");
        continue;
      }
      if (task.created > 1) find("no task is doubled", id + " (" + task.name + ") was made " + std::to_string(task.created) + " times");
      const bool open = is_open(found->second->status);
      if (task.ended && open && found->second->status != "leased")
        find("open tasks are those whose reason holds", id + " (" + task.name + ") was ended and is open");
      // What somebody holds when its reason goes is marked, and withdrawn when the lease ends without an outcome.
      const bool given_back = task.marked && found->second->status == "withdrawn";
      if (!task.ended && !open && !given_back && !ended_outside(id))
        find("no task is lost", id + " (" + task.name + ") is " + found->second->status + ", and nobody has ended it");
    }
    return {};
  }

  /// Somebody's log says so, or an outcome that the queue has recorded: its id begins with that of the task, unless the worker gave it one.
  bool ended_outside(const std::string& task) const {
    return outcomes_.contains(task) || std::ranges::any_of(evidence_.sent, [&](const Sent& line) { return line.accepted && line.task == task; });
  }

  // ---- no limit is exceeded: recounted from the logs of the gateways alone ----

  Result<void> limits_hold() {
    limits_test::GatewayLog log(evidence_.limits, evidence_.zones);
    for (const auto& contact : evidence_.contacts) {
      log.add(contact);
      if (const auto broken = log.broken()) {
        find("no limit is exceeded",
             contact.account + " (" + contact.debtor + "), contact " + std::to_string(log.contacts.size()) + " on " + contact.queue + ": " + *broken);
      }
    }
    return {};
  }

  // ---- who was drawn into an arm stays in it ----

  Result<void> arms_stay() {
    for (const auto& [who, arms] : expected_.arms) {
      if (arms.size() < 2) continue;
      std::string all;
      for (const std::string& arm : arms) all += (all.empty() ? "" : ", ") + arm;
      find("experiment arms are unchanged", who.second + " was drawn into " + all + " of " + who.first);
    }
    std::map<std::pair<std::string, std::string>, int64_t> drawn, kept;
    for (const auto& [who, arms] : expected_.arms) ++drawn[{who.first, arms.front()}];
    auto rows = evidence_.store.experiment_arms();
    if (!rows) return std::unexpected(rows.error());
    for (const auto& row : *rows) kept[{row.experiment, row.arm}] = row.enrolled;
    for (const auto& [arm, count] : drawn) {
      if (kept[arm] != count)
        find("experiment arms are unchanged",
             arm.first + " " + arm.second + ": " + std::to_string(count) + " were drawn, " + std::to_string(kept[arm]) + " are kept");
    }
    return {};
  }

  // ---- the audit has no gaps, its chain is whole ----

  Result<void> audit_is_whole() {
    if (!evidence_.audit_trouble.empty()) find("the audit is whole", evidence_.audit_trouble);
    for (const int32_t bucket : evidence_.buckets) {
      int64_t last = -1;
      auto read = evidence_.log.step_batches(bucket, [&](const store::StepBatch& batch) -> Result<void> {
        if (last >= 0 && batch.batch != last + 1)
          find("the records of steps have no gaps",
               "bucket " + std::to_string(bucket) + ": batch " + std::to_string(batch.batch) + " after " + std::to_string(last));
        last = batch.batch;
        return {};
      });
      if (!read) return read;
    }
    return {};
  }

  // ---- who is enrolled is in exactly one stage, and in the one that his way leads to ----

  Result<void> stages_are_those_of_the_way() {
    const checked::Program& program = version_->program;
    for (const int32_t bucket : evidence_.buckets) {
      auto files = evidence_.log.case_files_of(program, bucket);
      if (!files) return std::unexpected(files.error());
      for (const auto& file : *files) {
        for (int32_t i = 0; i < static_cast<int32_t>(file->instance_count()); ++i) {
          const engine::InstanceState& state = std::as_const(*file).state(i);
          const abi::Instance& instance = file->instance(i);
          const std::string entity = program.entities[static_cast<size_t>(instance.entity)].name, key = engine::key_text(program, instance);
          if ((state.strategy >= 0) != (state.stage >= 0))
            find("who is enrolled is in exactly one stage",
                 entity + " " + key + (state.stage >= 0 ? " is in a stage of no strategy" : " is in a strategy without a stage"));
          const auto way = expected_.ways.find({entity, key});
          const std::string reached = way == expected_.ways.end() ? "" : way->second.back().to;
          const std::string in = state.stage < 0 ? "" : checked::stage_name(program, state.stage);
          if (in != reached) find("who is enrolled is in exactly one stage", entity + " " + key + " is in " + in + ", his way leads to " + reached);
        }
      }
    }
    return {};
  }

  // ---- nobody sleeps late: a step of everybody, now, does nothing ----

  Result<void> nothing_is_left_to_do() {
    engine::Stepper stepper(version_->program, version_->evaluator, version_->calendar, version_->settings);
    StepResult result;
    store::Look look;
    for (;;) {
      auto seen = evidence_.store.look({&version_->program}, look, 500);
      if (!seen) return seen;
      if (look.cases[0].empty()) return {};
      for (const auto& file : look.cases[0]) {
        stepper.step(*file, evidence_.now, result, {.version = evidence_.active, .collect_reads = false, .listener = nullptr});
        if (result.fault) continue;  // it is set aside for that
        std::string did;
        for (const auto& effect : result.tasks) did += " task \"" + effect.task.treatment + "\": " + effect.reason + ";";
        for (const auto& transition : result.transitions) did += " to " + checked::stage_name(version_->program, transition.to_stage) + ";";
        for (const auto& effect : result.events)
          did += (effect.raised ? " raises " : " takes ") + version_->program.events[static_cast<size_t>(effect.event.type)].name + ";";
        if (did.empty()) continue;
        find("nobody sleeps late, and open tasks are those whose reason holds",
             engine::key_text(version_->program, file->instance(0)) + " would still do:" + did);
      }
    }
  }

  Evidence evidence_;
  const replay::Version* version_ = nullptr;
  Expected expected_;
  std::vector<store::SetAside> quarantine_;
  std::set<std::string> outcomes_;  // tasks of which the queue has recorded an outcome
  std::map<std::string, int> found_;
  std::vector<Finding> findings_;
};

}  // namespace

Result<std::vector<Finding>> judge(const Evidence& evidence) { return Judge(evidence).run(); }

std::string text_of(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) text += finding.promise + ": " + finding.witness + "\n";
  return text;
}

}  // namespace dunlin::judge
