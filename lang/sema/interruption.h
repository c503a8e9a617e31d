// A search that nobody waits for any more: an editor looks for gaps and dead stages when typing pauses, and must not keep the next keystroke waiting.
#pragma once

#include <functional>
#include <utility>

namespace dunlin::sema {

/// Thrown out of an analysis that was given up. Nothing was changed but what the analysis itself had made.
struct Interrupted {};

/// While this lives, analyses on this thread ask now and then whether they are still wanted.
class Interruptible {
 public:
  /// `given_up` may be empty: then nothing is asked.
  explicit Interruptible(std::function<bool()> given_up) : before_(std::exchange(current(), std::move(given_up))) {}
  ~Interruptible() { current() = std::move(before_); }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

  /// For analyses, in their loops. Throws Interrupted.
  static void ask() {
    constexpr unsigned every = 64;  // asking may take a lock
    thread_local unsigned calls = 0;
    if (current() && ++calls % every == 0 && current()()) throw Interrupted{};
  }

 private:
  static std::function<bool()>& current() {
    thread_local std::function<bool()> of_thread;
    return of_thread;
  }
  std::function<bool()> before_;
};

}  // namespace dunlin::sema
