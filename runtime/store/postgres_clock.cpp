// The business clock against the database's. What a jump is stands in runtime/migrations/027_business_clock.sql.
#include <fmt/format.h>

#include "runtime/store/postgres_small.h"

namespace dunlin::store {

Result<ClockLook> PostgresStore::look_at_clock(Instant business, const std::string& who) {
  ClockLook look;
  auto asked = small("look at the clock", [&](SmallWork& work) {
    look = {};
    const std::string at = sql_instant(business);
    const auto jumped = work.exec(fmt::format("select coalesce((extract(epoch from dunlin.look_at_clock({}, {})) * 1000000)::int8, 0)", at, quote_text(who)));
    look.jumped = jumped[0][0].as<int64_t>();
    const auto ahead = work.exec(
        fmt::format("select bucket, {} from dunlin.bucket where as_of > {} and as_of <= {} + interval '25 hours' order by 1", micros("as_of"), at, at));
    for (const auto& row : ahead) {
      const auto bucket = row[0].as<int32_t>();
      const auto last = row[1].as<Instant>();
      const bool goes_on = !look.ahead.empty() && look.ahead.back().second == last && look.ahead.back().first.last + 1 == bucket;
      if (goes_on) {
        look.ahead.back().first.last = bucket;
      } else {
        look.ahead.push_back({{bucket, bucket}, last});
      }
    }
  });
  if (!asked) return std::unexpected(asked.error());
  return look;
}

Result<ClockStand> PostgresStore::clock_stand() {
  ClockStand stand;
  auto asked = small("look at the clock", [&](SmallWork& work) {
    const auto rows = work.exec(fmt::format("select exists (select from dunlin.business_clock), {}, (select {} from dunlin.bucket)",
                                            micros("dunlin.business_now()"), micros("max(as_of)")));
    stand = {rows[0][0].as<bool>(), rows[0][1].as<Instant>(), {}};
    if (!rows[0][2].is_null()) stand.stepped_to = rows[0][2].as<Instant>();
  });
  if (!asked) return std::unexpected(asked.error());
  return stand;
}

Result<ClockState> PostgresStore::clock_state() {
  ClockState state;
  auto asked = small("look at the clock", [&](SmallWork& work) {
    const auto rows = work.exec(
        "select extract(epoch from c.business_at - c.database_at)::float8, coalesce(j.ahead::text, ''), coalesce(j.node, ''), "
        "coalesce(date_trunc('second', j.since)::text, '') from dunlin.business_clock c left join dunlin.clock_jump j on true");
    if (rows.empty()) return;
    state = {true, rows[0][0].as<double>(), rows[0][1].as<std::string>(), rows[0][2].as<std::string>(), rows[0][3].as<std::string>()};
  });
  if (!asked) return std::unexpected(asked.error());
  return state;
}

Result<std::string> PostgresStore::confirm_clock(const std::string& who, const std::string& reason) {
  std::string jumped;
  auto asked = small("confirm the clock", [&](SmallWork& work) {
    jumped = work.exec(fmt::format("select dunlin.confirm_clock({}, {})::text", quote_text(who), quote_text(reason)))[0][0].as<std::string>();
  });
  if (!asked) return std::unexpected(asked.error());
  return jumped;
}

BusinessClock* business_clock_of(Store& store) { return dynamic_cast<BusinessClock*>(&store); }

}  // namespace dunlin::store
