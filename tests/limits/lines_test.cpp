// Hours and pauses come out the same whether the engine or the database reads them: on random instants, in several zones, with holidays.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "compiler/abi/clock.h"
#include "runtime/engine/limit_line.h"
#include "runtime/engine/slots.h"
#include "runtime/store/bulk.h"
#include "runtime/store/embedded.h"
#include "tests/sim/world.h"
#include "tests/store/office.h"

namespace dunlin::limits_test {

namespace {

using checked::LimitRule;
using engine::Instant;
using store::test::good;

const char* const policy = R"(
bundle clocks "Clocks" { timezone Europe/Warsaw, currency PLN, calendar pl, day starts 06:00 }
entity debtor { key id : text }
entity account of debtor { key id : text, overdue : money }
outcomes call of account { reached, no_answer }
queue call { outcomes call }
limits "Hours" {
  call between 08:00 and 20:00 on working days, 10:00 and 14:00 on others
  call between 06:00 and 07:30 on weekends, 09:00 and 17:00 on others
  call between 10:00 and 12:00 on monday, 08:00 and 20:00 on working days
  call between 02:30 and 13:00 on sunday, 00:30 and 12:00 on others
  call between 00:10 and 01:50 on saturday, 00:00 and 02:15 on sunday, 09:00 and 12:00 on others
}
limits "Pauses" {
  call none for 1 day after call.reached
  call none for 10 days after call.reached
  call none for 3 business days after call.reached
  call none for 2 months after call.reached
}
strategy soft "Soft" for account { enrol when overdue > 0  stage calling { keep call "script" } }
)";

std::string sql_instant(Instant at) {
  return fmt::format("(timestamptz 'epoch' + interval '{} seconds' + interval '{} microseconds')", at / 1'000'000, at % 1'000'000);
}

std::string sql_days(const std::vector<int64_t>& days) {
  std::string list;
  for (const int64_t day : days) list += (list.empty() ? "" : ", ") + fmt::format("date '1970-01-01' + {}", day);
  return "array[" + list + "]::date[]";
}

/// Days of the year on which clocks change.
std::vector<int64_t> changes_of(const abi::ZoneRules& zone) {
  const auto offset = [&](int64_t date) {
    const Instant at = date * 86'400'000'000;
    const abi::LocalTime local = zone.local(at);
    return (local.date - date) * 86'400 + local.seconds;
  };
  std::vector<int64_t> days;
  for (int64_t date = sim_test::date_of(2026, 1, 1); date < sim_test::date_of(2027, 1, 1); ++date) {
    if (offset(date) != offset(date + 1)) days.push_back(date);
  }
  return days;
}

}  // namespace

TEST_CASE("engine and database read hours and pauses alike", "[limits]") {
  if (store::find_server_binaries().empty()) {
    WARN("skipped: no PostgreSQL server is installed on this machine");
    return;
  }
  const sim_test::Compiled compiled(policy);
  const auto place = store::test::make_place("postgres");
  const auto office = place->open();
  good(office->migrate());
  auto connection = good(store::BulkConnection::open(place->url()));
  const auto lines = engine::limit_lines(compiled.program(), compiled.calendar());
  sim_test::Dice dice(7);
  int64_t opened_later = 0;
  for (const char* name : {"Europe/Warsaw", "America/New_York", "Asia/Tokyo", "Australia/Sydney", "America/Havana", "Atlantic/Azores", "Africa/Cairo",
                           "America/Santiago", "Australia/Lord_Howe"}) {
    const auto zone = abi::zone_rules(name);
    REQUIRE(zone.has_value());
    const std::vector<int64_t> changes = changes_of(*zone);
    for (size_t b = 0; b < lines.size(); ++b) {
      for (size_t r = 0; r < lines[b].size(); ++r) {
        const LimitRule& rule = compiled.program().limits[b].rules[r];
        const engine::LimitLine& line = lines[b][r];
        std::string asked, expected;
        for (int n = 0; n < 40; ++n) {
          Instant at = (sim_test::date_of(2026, 1, 1) + dice.below(365)) * 86'400'000'000 + dice.below(86'400'000'000);
          if (!changes.empty() && dice.one_in(2)) {  // about the hours in which clocks change
            at = changes[static_cast<size_t>(dice.below(static_cast<int64_t>(changes.size())))] * 86'400'000'000 - 12 * 3'600'000'000 +
                 dice.below(48 * 3'600'000'000);
          }
          Instant opens = 0;
          if (rule.kind == LimitRule::Kind::between) {
            opens = engine::slots::first_open({.rule = &rule, .zone = &*zone, .calendar = &compiled.calendar()}, at);
            opened_later += opens != at;
          } else {
            int64_t date = zone->local(at).date;
            REQUIRE(abi::add_duration_to_date(compiled.calendar(), date, rule.pause, &date) == abi::Fault::none);
            opens = zone->instant(date, 0);
          }
          asked += (asked.empty() ? "" : ", ") + fmt::format("({}, {})", n, sql_instant(at));
          expected += (expected.empty() ? "" : ",") + std::to_string(opens);
        }
        const std::string days = sql_days(line.odd_days);
        const std::string reading = rule.kind == LimitRule::Kind::between ? fmt::format("dunlin.hours_open('{}', {}, '{}', v.at)", line.hours, days, name)
                                                                          : fmt::format("dunlin.pause_ends(v.at, {}, {}, '{}')", rule.pause, days, name);
        const auto got = good(connection->value("select string_agg((extract(epoch from " + reading +
                                                ") * 1000000)::int8::text, ',' order by v.n) from (values " + asked + ") v(n, at)"));
        INFO(line.says << " in " << name << ": " << asked);
        REQUIRE(got == expected);
      }
    }
  }
  CHECK(opened_later > 100);
}

}  // namespace dunlin::limits_test
