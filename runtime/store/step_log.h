// The records of steps as a store gives them out again. Both stores are one: ask with step_log_of().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/store/step_record.h"
#include "runtime/store/store.h"

namespace dunlin::store {

/// What was recorded of the steps of one bucket in one commit.
struct StepBatch {
  int32_t bucket = 0;
  int64_t batch = 0;
  Instant at = 0;  // the instant of the steps
  int32_t version = 0;
  std::optional<int64_t> epoch;  // of the bucket, as the node that committed held it; nothing: it was no node
  bool damaged = false;          // its bytes cannot be read
  std::string records;           // one after the other: take_record(); empty: from before records were kept
  std::string decisions;         // lines
};

class StepLog {
 public:
  virtual ~StepLog() = default;
  /// Batches of a bucket in the order of their commits.
  virtual Result<void> step_batches(int32_t bucket, const std::function<Result<void>(const StepBatch&)>& take) = 0;
  /// Events of a bucket's case files by (case file, instant, arrival), as a program reads them. Those that were refused are not there.
  virtual Result<std::vector<RecordedEvent>> recorded_events(const checked::Program& program, const SlotPlan& plan, int32_t bucket) = 0;
  /// The bucket's case files as they are now.
  virtual Result<std::vector<std::unique_ptr<engine::CaseFile>>> case_files_of(const checked::Program& program, int32_t bucket) = 0;
  /// Whether somebody else than a step (a campaign) has put a task into this one, of case_files_of(), that no step has looked at yet.
  virtual bool has_news_of_tasks(const engine::CaseFile& /*case_file*/) const { return false; }
};

/// Null if the store keeps no records.
StepLog* step_log_of(Store& store);

}  // namespace dunlin::store
