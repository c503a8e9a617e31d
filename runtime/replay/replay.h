// Takes recorded steps again, each under the version that took it, and compares what comes of them with what was recorded, bit for bit.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/evaluator.h"
#include "runtime/engine/step.h"
#include "runtime/store/step_log.h"

namespace dunlin::replay {

using engine::Instant;

/// A version that runs. Kept as long as the replay lasts.
struct Version {
  const checked::Program& program;
  const Evaluator& evaluator;
  const abi::Calendar& calendar;
  std::vector<int64_t> settings;
  std::vector<engine::ExperimentOrder> orders = {};  // all that people have given, the oldest first
};
/// Version by number.
using Versions = std::function<store::Result<const Version*>(int32_t number)>;

enum class Kind : uint8_t {
  record,    // bytes that cannot be read, a step that is missing
  decision,  // a rule that fired, or what it had read
  outcome,   // anything else that the step made: states, tasks, events, the next wake
  event,     // an event that a step raised is another in the store
  state,     // what the store holds now is not what the steps add up to
};
const char* kind_text(Kind kind);

/// One witness.
struct Difference {
  Kind kind = Kind::record;
  int32_t bucket = 0;
  int64_t batch = 0, case_id = 0, step = 0;
  Instant at = 0;
  int32_t version = 0;
  std::string key;                 // of the case file's root, if it is known
  std::string recorded, computed;  // or one sentence in `recorded`
};

struct Options {
  store::BucketRange buckets{0, engine::bucket_count - 1};
  std::optional<int64_t> only_case;
  size_t most = 20;  // differences
  std::function<void(int32_t bucket)> progress;
  /// Called after each step that was taken again, with the case file as it is then. The order within a bucket is that of the commits.
  std::function<void(const engine::CaseFile&, const engine::StepResult&, const store::StepRecord&, Instant at)> seen;
};

struct Report {
  int64_t steps = 0, decisions = 0, case_files = 0;
  int64_t begin_later = 0;             // case files whose records begin after their first step: what the first one says is taken as it stands
  int64_t not_from_the_beginning = 0;  // steps before the first record of their case file that says all: they cannot be taken again
  int64_t batches_without_records = 0;
  std::vector<Difference> differences;  // at most Options::most
  int64_t different = 0;                // all of them
};

/// Fails only if the store or a version does.
store::Result<Report> replay_decisions(store::StepLog& log, const Versions& versions, const Options& options);

/// A case file as a step met it, with the events that waited for it.
struct Met {
  std::unique_ptr<engine::CaseFile> file;  // null: no step was recorded then
  Instant at = 0;                          // of the step
};
/// The first step at this instant; at a whole second: within it. `same`: whether a version has the same text as the one given.
store::Result<Met> as_read(store::StepLog& log, const Version& version, int64_t case_id, Instant at, const std::function<bool(int32_t version)>& same);

}  // namespace dunlin::replay
