// The clock that case files are stepped by, watched against the database's. What a jump is stands in runtime/migrations/027_business_clock.sql.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/store/store.h"

namespace dunlin::store {

/// What the database says about an instant that somebody's clock shows and that case files are to be stepped at.
struct ClockLook {
  /// The clock is so many microseconds, more than 25 h, from where it should be: nothing is to be stepped before somebody confirms it. 0: it goes well.
  int64_t jumped = 0;
  /// Buckets that were stepped at a later instant than this one, by 25 h at most, with that instant: business time does not go back, it stands.
  std::vector<std::pair<BucketRange, Instant>> ahead;
};
struct ClockState {
  bool known = false;        // somebody has stepped by it
  double seconds_ahead = 0;  // what clocks are held against, of the database's clock
  std::string jumped, node;  // by how much, seen by whom; empty: it goes well
  std::string since;
};

/// Where business time stands.
struct ClockStand {
  bool watched = false;  // somebody steps by a machine's clock: `now` is business time
  Instant now = 0;
  std::optional<Instant> stepped_to;  // the latest instant of any step
};

class BusinessClock {
 public:
  virtual ~BusinessClock() = default;
  virtual Result<ClockStand> clock_stand() = 0;
  /// `who`: the name of the node, or of the command.
  virtual Result<ClockLook> look_at_clock(Instant business, const std::string& who) = 0;
  virtual Result<ClockState> clock_state() = 0;
  /// A person says that the clock is right; returns by how much it had jumped. An input error if it has not.
  virtual Result<std::string> confirm_clock(const std::string& who, const std::string& reason) = 0;
};

/// Null if the store has no clock of its own to compare with.
BusinessClock* business_clock_of(Store& store);

}  // namespace dunlin::store
