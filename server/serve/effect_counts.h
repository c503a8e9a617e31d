// What rules have done on this node since it started, by strategy and rule, in Prometheus' text form.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "runtime/simulate/night.h"

namespace dunlin::server {

class EffectCounts {
 public:
  /// No more than `most` series of each kind; what comes beyond is counted under the rule "(others)".
  explicit EffectCounts(size_t most = 1000) : most_(most) {}
  void add(const simulate::NightReport& report);
  std::string text() const;

 private:
  using Series = std::map<std::array<std::string, 3>, int64_t>;  // strategy, rule, queue
  void count(Series& series, std::array<std::string, 3> labels, int64_t by);

  size_t most_;
  mutable std::mutex guard_;
  Series tasks_, moves_, faults_;
};

}  // namespace dunlin::server
