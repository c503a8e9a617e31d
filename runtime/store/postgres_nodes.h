// This process as one node among several: its name, the buckets it holds with their epochs, and the thread that keeps its lease.
#pragma once

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "runtime/store/bulk.h"

namespace dunlin::store {

class HeldBuckets {
 public:
  explicit HeldBuckets(const NodeOptions& options);
  ~HeldBuckets();
  HeldBuckets(const HeldBuckets&) = delete;
  HeldBuckets& operator=(const HeldBuckets&) = delete;

  const NodeOptions& options() const { return options_; }
  const std::string& session() const { return session_; }
  /// Takes note of (bucket, epoch) as the database gave them, and returns them as stretches.
  std::vector<BucketRange> hold(const std::vector<std::pair<int32_t, int64_t>>& held);
  /// -1: not held. May be asked from several threads.
  int64_t epoch(int32_t bucket) const;
  /// Renews the lease three times within each, on a connection of its own. Does nothing the second time.
  void keep_lease(const std::string& url);

 private:
  void renew(const std::string& url);

  NodeOptions options_;
  std::string session_;
  mutable std::mutex guard_;
  std::array<int64_t, engine::bucket_count> epochs_{};
  std::condition_variable ended_;
  bool end_ = false;
  std::thread thread_;
};

}  // namespace dunlin::store
