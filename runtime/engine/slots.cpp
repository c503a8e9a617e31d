#include "runtime/engine/slots.h"

#include <algorithm>
#include <limits>

#include "compiler/abi/clock.h"

namespace dunlin::engine::slots {

namespace {

using checked::LimitRule;
using Window = LimitRule::Window;

Instant midnight(const Gate& gate, int64_t date) { return gate.zone->instant(date, 0); }
int64_t date_at(const Gate& gate, Instant t) { return gate.zone->local(t).date; }

/// The instant from which a contact at `x` no longer stands in a rolling window that ends there.
Instant leaves(const Gate& gate, Instant x) {
  if (gate.rule->window == Window::rolling_exact) return x + gate.rule->length;
  return midnight(gate, date_at(gate, x) + gate.rule->length);
}

bool is_rolling(const LimitRule& rule) { return rule.window == Window::rolling_days || rule.window == Window::rolling_exact; }

/// Whether the window that ends with a contact at `end` holds one at `x`.
bool holds(const Gate& gate, Instant x, Instant end) {
  if (gate.rule->window == Window::rolling_exact) return x <= end && x > end - gate.rule->length;
  const int64_t date = date_at(gate, x), last = date_at(gate, end);
  if (gate.rule->window == Window::rolling_days) return date <= last && date > last - gate.rule->length;
  return first_day(gate.rule->window, date) == first_day(gate.rule->window, last);
}

/// Room for one more in the window that ends at `end`, with the places that are kept for others.
bool has_room(const Gate& gate, Instant end, bool with_plans, Instant added) {
  std::vector<int64_t> reserved(gate.rule->reserves.size());
  int64_t open = 0;  // contacts that no reserve is for
  const auto count = [&](const Contact& contact) {
    if (!holds(gate, contact.at, end)) return;
    if (contact.reserve < 0) {
      ++open;
    } else {
      ++reserved[static_cast<size_t>(contact.reserve)];
    }
  };
  for (const Contact& contact : gate.happened) count(contact);
  if (with_plans) {
    for (const Contact& contact : gate.planned) count(contact);
  }
  count({added, gate.reserve});
  int64_t taken = open;
  for (size_t r = 0; r < reserved.size(); ++r) {
    // A contact that a place is kept for may take any place; one of the others must leave it.
    const bool own = gate.reserve == static_cast<int32_t>(r);
    taken += own ? reserved[r] : std::max(reserved[r], gate.rule->reserves[r].count);
  }
  return taken <= gate.most;
}

bool room_everywhere(const Gate& gate, Instant t) {
  if (!has_room(gate, t, true, t)) return false;
  if (!is_rolling(*gate.rule)) return true;
  // A contact now stands in the windows of those planned later, too.
  return std::ranges::all_of(gate.planned,
                             [&](const Contact& later) { return later.at <= t || !holds(gate, t, later.at) || has_room(gate, later.at, true, t); });
}

Instant next_with_room(const Gate& gate, Instant t) {
  if (gate.most <= 0) return abi::never;
  const auto last = [](const std::vector<Contact>& contacts) {
    Instant latest = std::numeric_limits<Instant>::min();
    for (const Contact& contact : contacts) latest = std::max(latest, contact.at);
    return latest;
  };
  const bool empty = gate.happened.empty() && gate.planned.empty();
  const Instant emptied = std::max(last(gate.happened), last(gate.planned));
  for (;;) {
    if (room_everywhere(gate, t)) return t;
    Instant next = abi::never;
    if (is_rolling(*gate.rule)) {
      const auto consider = [&](const std::vector<Contact>& contacts) {
        for (const Contact& contact : contacts) {
          if (leaves(gate, contact.at) > t) next = std::min(next, leaves(gate, contact.at));
          if (contact.at >= t) next = std::min(next, contact.at + 1);
        }
      };
      consider(gate.happened);
      consider(gate.planned);
    } else {
      // What is kept for others fills every window alike: behind the last contact nothing will change.
      if (empty || first_day(gate.rule->window, date_at(gate, t)) > date_at(gate, emptied)) return abi::never;
      next = midnight(gate, last_day(gate.rule->window, date_at(gate, t)) + 1);
    }
    if (next == abi::never || next <= t) return abi::never;
    t = next;
  }
}

bool is_working(const Gate& gate, int64_t date) {
  int64_t working = 0;
  return abi::is_working_day(*gate.calendar, date, &working) == abi::Fault::none && working != 0;
}

bool same_days(const LimitRule::Hours& a, const LimitRule::Hours& b) { return a.weekdays == b.weekdays && a.working_only == b.working_only; }

Instant next_in_hours(const Gate& gate, Instant t) {
  constexpr int64_t days_looked_at = 400;  // longer than any run of days without hours that a year can have
  const int64_t today = date_at(gate, t);
  for (int64_t date = today; date <= today + days_looked_at; ++date) {
    // The first group of days that fits decides; a group may have several hours.
    const LimitRule::Hours* group = nullptr;
    for (const LimitRule::Hours& hours : gate.rule->hours) {
      if (group != nullptr && !same_days(*group, hours)) continue;
      if ((hours.weekdays >> (abi::weekday_of(date) - 1) & 1) == 0 || (hours.working_only && !is_working(gate, date))) continue;
      group = &hours;
      const Instant opens = gate.zone->instant(date, hours.from_s);
      constexpr int32_t day_s = 86'400;
      const Instant closes = hours.to_s == day_s ? gate.zone->instant(date + 1, 0) : gate.zone->instant(date, hours.to_s);
      if (t < closes && opens < closes) return std::max(t, opens);
    }
  }
  return abi::never;
}

bool in_force(const Gate& gate, Instant t) {
  const int64_t date = date_at(gate, t);
  return (!gate.from || date >= *gate.from) && (!gate.to || date <= *gate.to);
}

}  // namespace

int32_t reserve_of(const LimitRule& rule, std::string_view treatment) {
  const auto found = std::ranges::find(rule.reserves, treatment, &LimitRule::Reserve::treatment);
  return found == rule.reserves.end() ? -1 : static_cast<int32_t>(found - rule.reserves.begin());
}

void set_window(LimitRule& rule, int64_t window) {
  constexpr int32_t day_s = 86'400;
  const auto from = static_cast<int32_t>(abi::time_range_from(window)), to = static_cast<int32_t>(abi::time_range_to(window));
  rule.kind = LimitRule::Kind::between;
  rule.hours.clear();
  if (from < to) {
    rule.hours.push_back({.from_s = from, .to_s = to});
  } else {
    // Over midnight, or the whole day: the hours of a day are looked at in turn.
    rule.hours.push_back({.from_s = 0, .to_s = from == to ? day_s : to});
    if (from != to) rule.hours.push_back({.from_s = from, .to_s = day_s});
  }
}

int64_t first_day(Window window, int64_t date) {
  const abi::Civil civil = abi::civil_of(date);
  switch (window) {
    case Window::week:
      return date - (abi::weekday_of(date) - 1);
    case Window::month:
      return abi::date_of_civil(civil.year, civil.month, 1);
    case Window::quarter:
      return abi::date_of_civil(civil.year, (civil.month - 1) / 3 * 3 + 1, 1);
    case Window::year:
      return abi::date_of_civil(civil.year, 1, 1);
    default:
      return date;
  }
}

int64_t last_day(Window window, int64_t date) {
  const int64_t first = first_day(window, date);
  switch (window) {
    case Window::week:
      return first + 6;
    case Window::month:
      return abi::add_months(first, 1) - 1;
    case Window::quarter:
      return abi::add_months(first, 3) - 1;
    case Window::year:
      return abi::add_months(first, 12) - 1;
    default:
      return date;
  }
}

Instant first_open(const Gate& gate, Instant t) {
  if (!in_force(gate, t)) return t;
  Instant open = t;
  switch (gate.rule->kind) {
    case LimitRule::Kind::at_most:
      open = next_with_room(gate, t);
      break;
    case LimitRule::Kind::between:
      open = next_in_hours(gate, t);
      break;
    case LimitRule::Kind::none_after:
    case LimitRule::Kind::never:
      open = std::max(t, gate.closed_until);
      break;
  }
  // Closed to the end of its time in force: open from the day after.
  if (gate.to && open != t && (open == abi::never || date_at(gate, open) > *gate.to)) open = std::min(open, midnight(gate, *gate.to + 1));
  return open;
}

bool is_full(const Gate& gate, Instant t) {
  if (!in_force(gate, t)) return false;
  if (gate.rule->kind == LimitRule::Kind::between) return false;
  if (gate.rule->kind == LimitRule::Kind::at_most) return gate.most <= 0 || !has_room(gate, t, false, t);
  return gate.closed_until > t;
}

Instant first_slot(const std::vector<const Gate*>& gates, Instant t, const Gate** by) {
  constexpr int rounds_max = 20'000;  // far beyond what periods of a year and hours of a day can ask for
  for (int round = 0; round < rounds_max; ++round) {
    const Instant before = t;
    for (const Gate* gate : gates) {
      const Instant open = first_open(*gate, t);
      if (open == t) continue;
      *by = gate;
      if (open == abi::never) return abi::never;
      t = open;
    }
    if (t == before) return t;
  }
  return abi::never;
}

}  // namespace dunlin::engine::slots
