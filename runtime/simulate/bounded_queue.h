// A queue between threads that holds only so much: who reads ahead waits for who writes.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

namespace dunlin::simulate {

template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t most) : most_(most) {}

  /// False if the queue was closed: there is nobody left to take it.
  bool put(T item) {
    std::unique_lock lock(guard_);
    changed_.wait(lock, [&] { return closed_ || items_.size() < most_; });
    if (closed_) return false;
    items_.push_back(std::move(item));
    changed_.notify_all();
    return true;
  }
  /// Nothing once the queue is finished (and empty) or closed.
  std::optional<T> take() {
    std::unique_lock lock(guard_);
    changed_.wait(lock, [&] { return closed_ || finished_ || !items_.empty(); });
    if (closed_ || items_.empty()) return std::nullopt;
    T item = std::move(items_.front());
    items_.pop_front();
    changed_.notify_all();
    return item;
  }
  /// No more will be put; what is in it is still taken.
  void finish() {
    const std::lock_guard lock(guard_);
    finished_ = true;
    changed_.notify_all();
  }
  /// Everybody goes home.
  void close() {
    const std::lock_guard lock(guard_);
    closed_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex guard_;
  std::condition_variable changed_;
  std::deque<T> items_;
  const size_t most_;
  bool finished_ = false, closed_ = false;
};

}  // namespace dunlin::simulate
