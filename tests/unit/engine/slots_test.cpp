// First permitted slots against a recount by hand: every instant before is forbidden, the one found is not.
#include "runtime/engine/slots.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "compiler/abi/calendar.h"
#include "compiler/abi/clock.h"

namespace {

using namespace dunlin;
using namespace dunlin::engine::slots;
using checked::LimitRule;
using Window = LimitRule::Window;

constexpr Instant minute = 60 * abi::us_per_second, hour = 60 * minute, day = 24 * hour;

struct World {
  World() : calendar(*abi::CalendarTables::make({.holidays = {static_cast<int32_t>(abi::date_of_civil(2026, 3, 9))}})) {}
  std::unique_ptr<abi::CalendarTables> calendar;
  std::map<std::string, abi::ZoneRules> zones;
  const abi::ZoneRules& zone(const std::string& name) {
    auto found = zones.find(name);
    if (found == zones.end()) found = zones.emplace(name, *abi::zone_rules(name)).first;
    return found->second;
  }
};

/// Local days and weeks counted on their own: weeks from Monday 5 January 1970.
int64_t window_number(Window window, int64_t date) {
  const abi::Civil civil = abi::civil_of(date);
  if (window == Window::day) return date;
  if (window == Window::week) return (date + 3) >= 0 ? (date + 3) / 7 : (date - 3) / 7;
  if (window == Window::month) return civil.year * 12 + civil.month;
  if (window == Window::quarter) return civil.year * 4 + (civil.month - 1) / 3;
  return civil.year;
}

int64_t counted(const Gate& gate, const std::vector<Contact>& all, Instant end) {
  int64_t count = 0;
  for (const Contact& contact : all) {
    const int64_t date = gate.zone->local(contact.at).date, last = gate.zone->local(end).date;
    bool inside = false;
    if (gate.rule->window == Window::rolling_exact) {
      inside = contact.at <= end && end - contact.at < gate.rule->length;
    } else if (gate.rule->window == Window::rolling_days) {
      inside = date <= last && last - date < gate.rule->length;
    } else {
      inside = window_number(gate.rule->window, date) == window_number(gate.rule->window, last);
    }
    if (inside) ++count;
  }
  return count;
}

/// No window that holds `t` may hold more than permitted once `t` is added.
bool permitted(const Gate& gate, Instant t) {
  if (gate.rule->kind == LimitRule::Kind::between) {
    const abi::LocalTime local = gate.zone->local(t);
    const bool weekend = abi::weekday_of(local.date) >= 6, holiday = local.date == abi::date_of_civil(2026, 3, 9);
    const LimitRule::Hours& hours = gate.rule->hours[weekend || holiday ? 1 : 0];
    return local.seconds >= hours.from_s && local.seconds < hours.to_s;
  }
  std::vector<Contact> all = gate.happened;
  all.insert(all.end(), gate.planned.begin(), gate.planned.end());
  all.push_back({.at = t});
  if (counted(gate, all, t) > gate.most) return false;
  for (const Contact& planned : gate.planned) {
    if (planned.at < t) continue;
    const int64_t with = counted(gate, all, planned.at);
    all.pop_back();
    const int64_t without = counted(gate, all, planned.at);
    all.push_back({.at = t});
    if (with > gate.most && with > without) return false;
  }
  return true;
}

struct Random {
  std::mt19937_64 engine;
  int64_t below(int64_t n) { return static_cast<int64_t>(engine() % static_cast<uint64_t>(n)); }
};

}  // namespace

TEST_CASE("the first permitted slot is the first one a recount permits") {
  World world;
  const char* const zones[] = {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"};
  const Instant start = abi::date_of_civil(2026, 3, 3) * day;
  size_t moved = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Random random{std::mt19937_64(seed)};
    std::vector<LimitRule> rules(2);
    std::vector<Gate> gates(2);
    for (size_t g = 0; g < 2; ++g) {
      LimitRule& rule = rules[g];
      rule.kind = g == 1 ? LimitRule::Kind::between : LimitRule::Kind::at_most;
      rule.window = static_cast<Window>(random.below(7));
      rule.length = rule.window == Window::rolling_exact ? (1 + random.below(60)) * hour : 1 + random.below(8);
      rule.hours = {{.from_s = 8 * 3600, .to_s = 20 * 3600, .working_only = true}, {.from_s = 10 * 3600, .to_s = 14 * 3600}};
      gates[g].rule = &rule;
      gates[g].zone = &world.zone(zones[random.below(4)]);
      gates[g].calendar = world.calendar->view();
    }
    Gate& cap = gates[0];
    cap.most = 1 + random.below(3);
    const Instant now = start + random.below(20 * day / minute) * minute;
    for (int64_t n = random.below(5); n > 0; --n) cap.happened.push_back({.at = now - random.below(12 * day)});
    for (int64_t n = random.below(4); n > 0; --n) cap.planned.push_back({.at = now + random.below(12 * day)});
    const Gate* by = nullptr;
    const Instant slot = first_slot({&gates[0], &gates[1]}, now, &by);
    INFO("seed " << seed << " now " << now << " slot " << slot);
    REQUIRE(slot != abi::never);
    REQUIRE(permitted(gates[0], slot));
    REQUIRE(permitted(gates[1], slot));
    if (slot > now) {
      ++moved;
      REQUIRE(by != nullptr);
      for (Instant t = now; t < std::min(slot, now + 40 * day); t += 17 * minute) REQUIRE_FALSE((permitted(gates[0], t) && permitted(gates[1], t)));
      REQUIRE_FALSE((permitted(gates[0], slot - 1) && permitted(gates[1], slot - 1)));
    }
    // The law: asked later, with nothing new, the answer stays.
    if (slot > now + 2) {
      const Instant later = now + 1 + random.below(slot - now - 1);
      REQUIRE(first_slot({&gates[0], &gates[1]}, later, &by) == slot);
    }
  }
  CHECK(moved > 150);
}

TEST_CASE("places kept for others, and what can never be") {
  World world;
  LimitRule rule;
  rule.window = Window::week;
  rule.reserves = {{1, "promise"}};
  Gate gate{.rule = &rule, .zone = &world.zone("UTC"), .calendar = world.calendar->view(), .most = 2};
  const Instant monday = abi::date_of_civil(2026, 3, 2) * day;
  CHECK(first_open(gate, monday) == monday);
  gate.happened.push_back({.at = monday});
  CHECK(first_open(gate, monday + day) == monday + 7 * day);  // the second place is kept
  gate.reserve = 0;
  CHECK(first_open(gate, monday + day) == monday + day);
  gate.reserve = -1;
  gate.most = 1;  // the only place is kept
  CHECK(first_open(gate, monday + day) == abi::never);
  gate.most = 0;
  CHECK(first_open(gate, monday) == abi::never);
  gate.to = abi::date_of_civil(2026, 3, 20);
  CHECK(first_open(gate, monday) == abi::date_of_civil(2026, 3, 21) * day);  // until the limit is no longer in force
  gate.from = abi::date_of_civil(2026, 3, 10);
  CHECK(first_open(gate, monday) == monday);
}
