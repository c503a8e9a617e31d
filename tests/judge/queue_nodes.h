// A scheduler as production has it, taken apart so that one thread can play several of them: it reads and steps in one act, and commits in another. It may be
// stopped between them for as long as somebody likes, and killed at any boundary between two writes of the commit.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/store/bulk.h"
#include "tests/sim/world.h"

namespace dunlin::judge {

using engine::Instant;

/// Versions of the bundle by the number that the database gave them.
using Programs = std::map<int32_t, const sim_test::Compiled*>;

class Node {
 public:
  /// One life of a node. Without a name it is none: `dunlin run`, by hand.
  Node(const Programs& programs, const std::string& url, std::string name, int life);

  static constexpr int lease_seconds = 1800;
  struct Stepped {
    std::string debtor;
    int32_t bucket = 0;
    int64_t case_id = 0, step = 0;  // before the step
    Instant at = 0;                 // of the step
    int32_t version = 0;            // that took it
  };
  enum class End { committed, dropped, killed };

  /// Looks which version is active, takes part, reads what is awake and steps it; false: nothing to do. `held` says afterwards which buckets it was given.
  bool read(Instant now, size_t most);
  /// What it has read and not committed.
  const std::vector<Stepped>& stepped() const { return stepped_; }
  /// `killed_at`: the boundary at which the process ends; 0: none. A killed one must be thrown away, or goes on without knowing what it did.
  End commit(int killed_at);
  void tend(Instant now);
  const std::vector<store::BucketRange>& held() const { return held_; }
  const std::string& name() const { return name_; }
  /// Which life of which node, for the log.
  const std::string& life() const { return life_; }
  Instant stopped_until = 0;

 private:
  void forget();
  void take_version();

  const Programs& programs_;
  const sim_test::Compiled* compiled_ = nullptr;
  int32_t version_ = 0;
  std::string name_, life_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<engine::Stepper> stepper_;
  std::vector<std::unique_ptr<engine::CaseFile>> files_;
  std::vector<engine::StepResult> results_;
  std::vector<Stepped> stepped_;
  std::vector<store::BucketRange> held_;
};

}  // namespace dunlin::judge
