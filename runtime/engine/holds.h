// What history says of holds: which stand, until when, and when they stood.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/engine/case_file.h"

namespace dunlin::engine {

/// First slot of `ends_at : datetime?` in a placement, right behind `lifted_at`; none: it does not end by itself. Both are known by history
/// alone: see CaseFile::apply_lifts.
inline checked::Index ends_slot(const checked::Hold& hold) { return hold.until_slot == checked::none ? checked::none : hold.lifted_slot + 2; }

/// From the placing to the lifting or the end, whichever came first; `to` is left out. abi::never: no end is in sight.
struct HeldPeriod {
  Instant from = 0, to = 0;
};

/// When the hold stood on `owner`, one period for each placement, in the order of placing; nothing that ended where it began.
std::vector<HeldPeriod> held_periods(const checked::Hold& hold, const abi::Instance& owner);
/// The same periods joined where they meet or overlap.
std::vector<HeldPeriod> joined(std::vector<HeldPeriod> periods);
/// Until when the hold stands on `owner` as of `now`; `now` or earlier: it does not.
Instant held_until(const checked::Hold& hold, const abi::Instance& owner, Instant now);

/// A placement that stands.
struct StandingHold {
  int32_t hold = -1;      // Program::holds
  int32_t instance = -1;  // position of whom it was placed on
  Instant since = 0, until = abi::never;
  std::string_view reason;  // lives as long as the case file
};
/// All that stand at `now`, by hold, then in the order of placing. Suspensions of deadlines are among them.
std::vector<StandingHold> standing_holds(const checked::Program& program, const abi::CaseView& view, Instant now);

/// "limits `230-FZ`" or "hold `dispute`".
std::string title_of(const checked::Limits& limits);

}  // namespace dunlin::engine
