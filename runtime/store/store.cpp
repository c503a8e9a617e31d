#include "runtime/store/older_versions.h"
#include "runtime/store/step_log.h"

#include <algorithm>

namespace dunlin::store {

using Cases = std::vector<std::unique_ptr<engine::CaseFile>>;

StepLog* step_log_of(Store& store) { return dynamic_cast<StepLog*>(&store); }
OlderVersions* older_versions_of(Store& store) { return dynamic_cast<OlderVersions*>(&store); }

Result<Cases> Store::load_awake(const checked::Program& program, Instant now, bool full, Position after, size_t limit, Cases& pool, int32_t last_bucket) {
  auto buckets = buckets_to_step(now, full);
  if (!buckets) return std::unexpected(buckets.error());
  std::ranges::sort(*buckets);
  Cases loaded;
  for (const int32_t bucket : *buckets) {
    if (bucket < after.bucket || bucket > last_bucket || loaded.size() >= limit) continue;
    if (bucket == after.bucket && after.debtor == INT64_MAX) continue;
    const int64_t from = bucket == after.bucket ? after.debtor : INT64_MIN;
    auto more = load(program, bucket, now, full, from, limit - loaded.size(), pool);
    if (!more) return more;
    for (auto& case_file : *more) loaded.push_back(std::move(case_file));
  }
  return loaded;
}

Result<void> Store::commit_all(const checked::Program& program, const std::vector<CaseCommit>& steps, Instant now) {
  std::map<int32_t, std::vector<CaseCommit>> by_bucket;
  for (const CaseCommit& step : steps) by_bucket[step.case_file->bucket].push_back(step);
  for (const auto& [bucket, of_bucket] : by_bucket) {
    auto done = commit(program, bucket, of_bucket, now);
    if (!done) return done;
  }
  return {};
}

Result<std::vector<BucketRange>> Store::hold_buckets(const NodeOptions&, int32_t) { return std::vector<BucketRange>{{0, engine::bucket_count - 1}}; }
Result<std::map<std::string, int64_t>> Store::end_pass(Instant /*now*/) { return std::map<std::string, int64_t>{}; }
Result<void> Store::tend_queues(Instant /*now*/) { return {}; }
Result<void> Store::leave_buckets() { return {}; }
Result<std::vector<NodeRow>> Store::nodes() { return std::vector<NodeRow>{}; }

Result<std::vector<std::string>> Store::bank_columns(const std::string& table) {
  return std::unexpected(StoreError{StoreError::Kind::input, "this store has no tables of a bank; `" + table + "` needs PostgreSQL"});
}

}  // namespace dunlin::store
