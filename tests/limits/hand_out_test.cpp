// No limit is ever exceeded, whatever workers, agencies and machines do: judged by the gateways' log alone. And the judge finds what is broken on purpose.
#include <catch2/catch.hpp>
#include <cstdio>
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

uint64_t number_of(const char* name, uint64_t usual) {
  const char* wanted = std::getenv(name);
  return wanted == nullptr ? usual : std::strtoull(wanted, nullptr, 10);
}

/// As many as every planted fault is found within, and some more.
uint64_t seeds() { return number_of("DUNLIN_LIMIT_SEEDS", 8); }

Ground& ground() {
  static Ground made;
  return made;
}

constexpr int turns = 120;

}  // namespace

TEST_CASE("every bank that is drawn is a bundle", "[limits]") {
  const auto seed = GENERATE(range(1, static_cast<int>(number_of("DUNLIN_LIMIT_BANKS", 2)) + 1));
  INFO("seed " << seed);
  sim_test::Dice dice(static_cast<uint64_t>(seed));
  for (const Policy& policy : draw(dice).versions) sim_test::Compiled compiled(sources_of(policy));
}

TEST_CASE("no limit is exceeded at hand-out", "[limits]") {
  if (!has_server()) return;
  const uint64_t one = number_of("DUNLIN_LIMIT_SEED", 0);
  Tally all;
  for (uint64_t seed = one != 0 ? one : 1; seed <= (one != 0 ? one : seeds()); ++seed) {
    Desk desk(ground(), seed);
    const auto broken = desk.live(turns);
    INFO("seed " << seed << ": " << broken.value_or(""));
    CHECK_FALSE(broken.has_value());
    all.add(desk.tally);
  }
  std::printf("%lld contacts", static_cast<long long>(all.contacts));
  for (const auto& [deed, count] : all.deeds) std::printf(", %s %lld", deed.c_str(), static_cast<long long>(count));
  std::printf("\nlines that judged:");
  for (const std::string& kind : all.kinds) std::printf(" %s;", kind.c_str());
  std::printf("\n");
  if (one != 0) return;
  // The limits are not kept by doing nothing, and what can go wrong did.
  CHECK(all.contacts > 10 * static_cast<int64_t>(seeds()));
  CHECK(all.by_queue.size() == 7);
  for (const char* deed : {"reload", "told", "lost", "refused at dialling", "held back", "lies", "together", "in registers", "deliveries", "from lists",
                           "batches", "next at once", "facts turned", "reasons looked at"}) {
    INFO(deed);
    CHECK(all.deeds[deed] > 0);
  }
  CHECK(all.deeds["lies believed"] == 0);
}

namespace {

struct Planted {
  const char* name;
  std::string plant;
  uint64_t first;  // the seed that is known to find it, looked at before the others
};

std::vector<Planted> planted() {
  const std::string nobody_asks =
      "create or replace function dunlin.hand_out_refusal(bucket int4, case_id int8, task uuid, at timestamptz) returns text language sql "
      "stable as $$ select null::text $$";
  const std::string believed =
      "create or replace function dunlin.outcome_time(open dunlin.task_open, at timestamptz) returns timestamptz language sql as $$ select $2 $$";
  const std::string kept =
      "create function dunlin.keep_limits() returns trigger language plpgsql as $$ begin new.limits := old.limits; new.limits_until := old.limits_until; "
      "return new; "
      "end $$; create trigger keeps_limits before update on dunlin.task_body for each row execute function dunlin.keep_limits()";
  return {
      {"without the lock on the case file", replace_in("lease", "f.case_id = open.case_id for no key update skip locked;", "f.case_id = open.case_id;"), 1},
      {"unknown outcomes do not count", replace_in("uncounted_contacts", "c.kind <> 'none'", "c.kind not in ('none', 'unknown')"), 1},
      {"days are those of UTC", replace_in("judge_limits", "zone := coalesce(own ->> 'zone', home, 'UTC')", "zone := 'UTC'"), 2},
      {"what others hold does not count", replace_in("uncounted_contacts", "c.kind <> 'none'", "c.kind not in ('none', 'reserved')"), 1},
      {"contacts without a task do not count", replace_in("counts_through", "$3.any_contact or $2", "false and $2"), 1},
      {"an outcome is believed whatever time it says", believed, 4},
      {"a task keeps the limits that it was made with", kept, 1},
      {"what comes into force later is never in force", replace_in("judge_limits", "day < line.from_date or day > line.to_date", "line.from_date is not null"),
       1},
      {"what went out together counts for nothing", replace_in("uncounted_contacts", "c.kind <> 'none'", "c.kind <> 'none' and c.conversation is null"), 3},
      {"one task leads one conversation", replace_in("room_in", "contact.conversation || ' ' || contact.first", "contact.conversation::text"), 3},
      {"what went out together counts for each", replace_in("room_in", "continue when contact.conversation || ' ' || contact.first = any (seen);", ""), 5},
      {"pauses know of events only",
       replace_in("closed_by_ledger", "foreach contact in array coalesce(ledger, '{}') loop", "foreach contact in array '{}'::dunlin.counted_contact[] loop"),
       1},
      {"hours are those of the step", replace_in("judge_limits", "opens := dunlin.hours_open(line.hours, line.odd_days, zone, at);", "null;"), 3},
      {"limits are not asked at dialling", replace_in("may_contact_within", "dunlin.hand_out_refusal(open.bucket, open.case_id, open.task, at)", "null"), 7},
      {"whom a contact was with is not asked", replace_in("counts_together", "not $1 ? 'to' or", "not $1 ? 'to' and"), 1},
      {"limits are not looked at", nobody_asks, 1},
  };
}

}  // namespace

TEST_CASE("what is broken on purpose is found", "[limits]") {
  if (!has_server()) return;
  const auto [name, plant, first] = GENERATE(from_range(planted()));
  const char* only = std::getenv("DUNLIN_LIMIT_PLANT");
  if (only != nullptr && std::string(name).find(only) == std::string::npos) return;
  std::optional<std::string> found;
  uint64_t seed = 0;
  for (uint64_t n = 0; n < seeds() && !found; ++n) {
    seed = (first - 1 + n) % seeds() + 1;
    found = Desk(ground(), seed, plant).live(turns);
  }
  std::printf("%-48s %s\n", name, found ? ("seed " + std::to_string(seed) + ": " + found->substr(0, found->find('\n'))).c_str() : "NOT FOUND");
  std::fflush(stdout);
  INFO(name);
  CHECK(found.has_value());
}

}  // namespace dunlin::limits_test
