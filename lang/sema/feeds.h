// Feeds and campaigns: what a bundle says about files that must come and about lists that are worked. No step looks at them, so they are no part of the
// program that is compiled: they are checked with the bundle and read off its sources again when a version becomes active.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lang/sema/check.h"

namespace dunlin::sema {
struct Context;
/// Behind check_limits: what a hold stops stands among the limits.
void check_feeds(Context& context);
}  // namespace dunlin::sema

namespace dunlin::checked {

/// `bad_rows > 1%`, `rows < 1_000`, `total differs`.
struct FeedRefusal {
  enum class What : uint8_t { bad_rows, bad_share, rows, total };
  What what = What::bad_rows;
  std::string op;      // "<", "<=", ">", ">=", "=", "<>"; empty for a total
  std::string figure;  // exact, in decimal digits; a share is one of one: "0.01"
  std::string text;    // as it is written
};

struct Feed {
  std::string name, title;
  int32_t due_s = -1;               // local second of the day; -1: it is never late
  bool holds = false;               // a missing file holds outbound contact …
  std::vector<std::string> queues;  // … through these queues; empty: through all
  std::vector<FeedRefusal> refusals;
};

struct Campaign {
  struct Case {
    int32_t line = 0;
    std::string key;
  };
  std::string title, list_file;
  std::string entity;                // whose keys the list has
  int32_t from_day = 0, to_day = 0;  // days since 1970-01-01, both included
  int32_t from_s = 0, to_s = 86400;  // local; the end is left out
  std::string queue, treatment;
  int64_t priority = 0;
  int64_t per_day = 0;      // 0: no cap
  std::vector<Case> cases;  // of the list; filled by read_department()
};

struct Department {
  std::vector<Feed> feeds;
  std::vector<Campaign> campaigns;
  std::string holidays;  // of the bundle's calendar, as abi::read_calendar_csv takes it
};

/// The name under which Program::calendars has the bundle's own calendar where there are feeds; no file can be called so.
constexpr const char* feed_calendar = "feeds/of the bundle";

/// The entity whose keys a list has: the one that the strategies are about, or the lowest in the case file where there are none. Are they about several, a
/// column named after one of them says which; empty: none does.
std::string campaign_entity(const Program& program, const std::vector<std::string>& head);

/// The column of a list that has the keys: the one called `key` or like the entity, or the only one; -1: there is none. `head`: the first line's cells.
int32_t key_column(const std::vector<std::string>& head, const std::string& entity);

/// Of a bundle that was checked and found good: `program` was made from `bundle`.
Department read_department(const BundleSources& bundle, const Program& program);

}  // namespace dunlin::checked
