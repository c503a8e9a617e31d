// Several schedulers on one database in memory, by the protocol of runtime/migrations/010_nodes.sql.
#include <chrono>

#include "runtime/store/model_store_inner.h"

namespace dunlin::store {

using Mistake = ModelDatabase::Mistake;

void ModelDatabase::set_clock(engine::Instant now) { inner_->clock = now; }
void ModelDatabase::make(Mistake mistake) { inner_->mistake = mistake; }

Instant ModelDatabase::Inner::now() const {
  if (clock) return *clock;
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

bool ModelDatabase::Inner::live(const std::string& node) const {
  const auto found = nodes.find(node);
  return found != nodes.end() && found->second.until > now();
}

Result<std::vector<BucketRange>> ModelStore::hold_buckets(const NodeOptions& node, int32_t version) {
  const Lock lock(data_.guard);
  auto& known = data_.nodes[node.name];
  if (known.life != nullptr && known.life != this && data_.live(node.name)) {
    return std::unexpected(StoreError{StoreError::Kind::conflict, "a node with the name " + node.name + " is at work already; give this one another name"});
  }
  // The name's last life may still think that it holds these.
  for (auto& [number, bucket] : data_.buckets) {
    if (known.life != this && bucket.node == node.name) bucket.node.clear();
  }
  known = {this, data_.now() + static_cast<Instant>(node.lease_seconds) * abi::us_per_second, version};
  int32_t live = 0, rank = 0;
  for (const auto& [name, other] : data_.nodes) {
    live += data_.live(name) ? 1 : 0;
    rank += data_.live(name) && name < node.name ? 1 : 0;
  }
  const int32_t low = engine::bucket_count * rank / live, high = (engine::bucket_count * (rank + 1) / live) - 1;
  node_ = node.name;
  epochs_.clear();
  if (data_.buckets.empty()) {
    for (int32_t number = 0; number < engine::bucket_count; ++number) data_.buckets[number];
  }
  for (auto& [number, bucket] : data_.buckets) {
    const bool ours = number >= low && number <= high;
    if (!ours && bucket.node == node_) bucket.node.clear();
    if (ours && bucket.node != node_ && !data_.live(bucket.node)) {
      bucket.node = node_;
      ++bucket.epoch;
    }
    if (bucket.node == node_) epochs_.emplace_hint(epochs_.end(), number, bucket.epoch);
  }
  std::vector<BucketRange> ranges;
  for (const auto& [number, epoch] : epochs_) {
    if (ranges.empty() || ranges.back().last + 1 != number) ranges.push_back({number, number});
    ranges.back().last = number;
  }
  return ranges;
}

Result<void> ModelStore::leave_buckets() {
  const Lock lock(data_.guard);
  for (auto& [number, bucket] : data_.buckets) {
    if (!node_.empty() && bucket.node == node_ && data_.nodes[node_].life == this) bucket.node.clear();
  }
  if (!node_.empty() && data_.nodes[node_].life == this) data_.nodes.erase(node_);
  node_.clear();
  epochs_.clear();
  return {};
}

Result<std::vector<NodeRow>> ModelStore::nodes() {
  const Lock lock(data_.guard);
  std::vector<NodeRow> rows;
  for (const auto& [name, node] : data_.nodes) {
    NodeRow row{.name = name, .live = data_.live(name), .version = node.version};
    for (const auto& [number, bucket] : data_.buckets) row.buckets += bucket.node == name ? 1 : 0;
    rows.push_back(std::move(row));
  }
  return rows;
}

std::optional<StoreError> ModelStore::fenced(const std::vector<CaseCommit>& steps) const {
  if (data_.makes(Mistake::old_epoch)) return std::nullopt;
  for (const CaseCommit& step : steps) {
    const auto found = data_.buckets.find(step.case_file->bucket);
    if (found == data_.buckets.end()) continue;
    const auto held = epochs_.find(step.case_file->bucket);
    if (node_.empty() && data_.live(found->second.node))
      return StoreError{StoreError::Kind::conflict, "these case files are in the hands of " + found->second.node + "; let it step them, or stop it first"};
    if (!node_.empty() && (held == epochs_.end() || held->second != found->second.epoch))
      return StoreError{StoreError::Kind::conflict, "another node has taken these case files over; what this one made of them is dropped"};
  }
  return std::nullopt;
}

}  // namespace dunlin::store
