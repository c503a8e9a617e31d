// What is scarce is granted over all open requests at once, never inside a step: by a pass that a store runs under a lock.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "compiler/evaluator.h"
#include "runtime/engine/case_file.h"

namespace dunlin::engine {

struct WaitingRequest {
  int64_t id = 0;
  int64_t case_file = 0, instance = 0;  // ids
  Instant asked_at = 0;
  std::vector<int64_t> order;
  int64_t amount = 1;
  int64_t length = 0;  // a duration; 0: without an end
};
struct AgencyTotal {
  std::string agency;
  int64_t standing = 0;  // amount of placements that are not over
  int64_t ever = 0;      // amount of all placements under the same shares, but for those that were given back
};
/// A placement of a case file that waits, by whatever allocation.
struct PastPlacement {
  int64_t case_file = 0, instance = 0;
  std::string allocation, agency;
  bool stands = false;
};
struct Grant {
  int64_t request = 0;
  bool declined = false;
  std::string agency, reason;
  int64_t amount = 0;
  Instant until = abi::never;
};

/// In the order in which they are granted: by the keys, then by when they were asked, then by id.
bool granted_before(const WaitingRequest& a, const WaitingRequest& b);

/// One quota or allocation at one instant. Pure: the same requests and figures give the same grants.
class GrantPass {
 public:
  const checked::Request& request() const { return *request_; }
  bool is_quota() const { return request_->kind == checked::Request::Kind::quota; }
  /// Quotas: since when grants count, and how many there may be since then.
  Instant period_start() const { return period_start_; }
  int64_t count() const { return count_; }

  /// Quotas: the first of `waiting`, in their order, as far as there is room; `granted`: so many were since period_start().
  std::vector<Grant> grant(const std::vector<WaitingRequest>& waiting, int64_t granted) const;
  /// Allocations: whose turn it is by the method of the greatest deficit, within the caps, nobody twice where that is forbidden.
  std::vector<Grant> place(const std::vector<WaitingRequest>& waiting, std::vector<AgencyTotal> totals, const std::vector<PastPlacement>& past) const;

  /// Fields of the event that answers: `x.granted`, `x.placed`, `x.declined`. Texts lie in the arena.
  std::vector<int64_t> answer(const Grant& grant, abi::Arena& arena) const;
  checked::Index answer_event(const Grant& grant) const { return grant.declined ? request_->declined : request_->granted; }

 private:
  friend std::expected<std::vector<GrantPass>, std::string> grant_passes(const checked::Program& program, const Evaluator& evaluator,
                                                                         const abi::Calendar& calendar, const std::vector<int64_t>& settings, Instant now);
  const checked::Program* program_ = nullptr;
  const checked::Request* request_ = nullptr;
  const abi::Calendar* calendar_ = nullptr;
  Instant now_ = 0;
  Instant period_start_ = INT64_MIN;
  int64_t count_ = 0;
  int64_t cap_ = INT64_MAX;
};

/// One for each quota and allocation of the program, in its order. An error is one sentence: a figure that cannot be computed.
std::expected<std::vector<GrantPass>, std::string> grant_passes(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar,
                                                                const std::vector<int64_t>& settings, Instant now);

}  // namespace dunlin::engine
