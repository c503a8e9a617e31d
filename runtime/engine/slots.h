// When a limit lets a contact happen: pure figures, no case file and no program.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "compiler/abi/case_view.h"
#include "compiler/abi/zone_rules.h"
#include "lang/sema/checked.h"

namespace dunlin::engine::slots {

using Instant = int64_t;

/// A contact that counts: one that happened, or a task with a slot.
struct Contact {
  Instant at = 0;
  int32_t reserve = -1;  // whose places it may take: index into LimitRule::reserves
  bool held = false;     // somebody holds the task: it may happen at any moment
};

/// One line of a limit for one task.
struct Gate {
  const checked::LimitRule* rule = nullptr;
  const abi::ZoneRules* zone = nullptr;
  const abi::Calendar* calendar = nullptr;  // its working days
  std::optional<int64_t> from, to;          // dates in force
  int64_t most = 0;                         // at_most
  int32_t reserve = -1;                     // of the task judged
  std::vector<Contact> happened;            // none behind the instants asked about
  std::vector<Contact> planned;             // tasks that have their slots already
  Instant closed_until = 0;                 // none_after, never: closed before this; abi::never: for ever
};

/// The first instant from `t` on that the gate lets through, abi::never if there is none. A window that is full now may be full later again
/// because of what is planned: ask until the answer is what was asked.
Instant first_open(const Gate& gate, Instant t);
/// Whether what has happened forbids it at `t`; hours and plans are left aside.
bool is_full(const Gate& gate, Instant t);
/// The first instant from `t` on that all gates let through; `by`: the gate that held it back last. abi::never: none.
Instant first_slot(const std::vector<const Gate*>& gates, Instant t, const Gate** by);

/// Index of the reserve that is for this treatment, -1 if none is.
int32_t reserve_of(const checked::LimitRule& rule, std::string_view treatment);
/// A packed time range of the day as hours of every day.
void set_window(checked::LimitRule& rule, int64_t window);

/// The local date on which the window that holds `date` ends (its last day), for calendar windows.
int64_t last_day(checked::LimitRule::Window window, int64_t date);
int64_t first_day(checked::LimitRule::Window window, int64_t date);

}  // namespace dunlin::engine::slots
