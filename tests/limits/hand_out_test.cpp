// No limit is ever exceeded, whatever workers, agencies and machines do: judged by the gateways' log alone. And the judge finds what is broken on purpose.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "runtime/store/embedded.h"
#include "tests/limits/desk.h"

namespace dunlin::limits_test {

namespace {

bool has_server() {
  if (!store::find_server_binaries().empty()) return true;
  WARN("skipped: no PostgreSQL server is installed on this machine");
  return false;
}

uint64_t seeds() {
  const char* wanted = std::getenv("DUNLIN_LIMIT_SEEDS");
  return wanted == nullptr ? 6 : std::strtoull(wanted, nullptr, 10);
}

constexpr int turns = 120;

}  // namespace

TEST_CASE("no limit is exceeded at hand-out", "[limits]") {
  if (!has_server()) return;
  Tally all;
  for (uint64_t seed = 1; seed <= seeds(); ++seed) {
    Desk desk(seed);
    const auto broken = desk.live(turns);
    INFO("seed " << seed << ": " << broken.value_or(""));
    REQUIRE_FALSE(broken.has_value());
    all.contacts += desk.tally.contacts;
    all.told += desk.tally.told;
    all.lost += desk.tally.lost;
    all.refused_at_dialling += desk.tally.refused_at_dialling;
    all.held_back += desk.tally.held_back;
    all.switches += desk.tally.switches;
    all.lies += desk.tally.lies;
    all.lies_believed += desk.tally.lies_believed;
    for (const auto& [queue, contacts] : desk.tally.by_queue) all.by_queue[queue] += contacts;
  }
  // The limits are not kept by doing nothing, and what can go wrong did.
  INFO(all.contacts << " contacts, " << all.told << " told by others, " << all.lost << " outcomes lost, " << all.refused_at_dialling << " refused at dialling, "
                    << all.held_back << " held back at the end");
  CHECK(all.switches > 0);
  CHECK(all.by_queue.size() == 6);
  CHECK(all.contacts > 10 * static_cast<int64_t>(seeds()));
  CHECK(all.told > 0);
  CHECK(all.lost > 0);
  CHECK(all.refused_at_dialling > 0);
  CHECK(all.held_back > 0);
  CHECK(all.lies > 0);
  CHECK(all.lies_believed == 0);
}

TEST_CASE("what is broken on purpose is found", "[limits]") {
  if (!has_server()) return;
  const auto [name, plant] = GENERATE(table<std::string, std::string>({
      {"without the lock on the case file", replace_in("lease", "f.case_id = open.case_id for no key update skip locked;", "f.case_id = open.case_id;")},
      {"unknown outcomes do not count", replace_in("uncounted_contacts", "c.kind <> 'none'", "c.kind not in ('none', 'unknown')")},
      {"days are those of UTC", replace_in("judge_limits", "zone := coalesce(own ->> 'zone', home, 'UTC')", "zone := 'UTC'")},
      {"what others hold does not count", replace_in("uncounted_contacts", "c.kind <> 'none'", "c.kind not in ('none', 'reserved')")},
      {"contacts without a task do not count", replace_in("counts_through", "$3.any_contact or $2", "false and $2")},
      {"an outcome is believed whatever time it says",
       "create or replace function dunlin.outcome_time(open dunlin.task_open, at timestamptz) returns timestamptz language sql as $$ select $2 $$"},
      {"limits are not looked at",
       "create or replace function dunlin.hand_out_refusal(bucket int4, case_id int8, task uuid, at timestamptz) returns text language sql "
       "stable as $$ select null::text $$"},
  }));
  INFO(name);
  std::optional<std::string> found;
  for (uint64_t seed = 1; seed <= 60 && !found; ++seed) found = Desk(seed, plant).live(turns);
  CHECK(found.has_value());
}

}  // namespace dunlin::limits_test
