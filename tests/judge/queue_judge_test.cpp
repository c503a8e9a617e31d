// Random consumers at the production SQL of the queues: the judge finds nothing. With one check taken out of one function it does.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>

#include "runtime/store/embedded.h"
#include "tests/judge/consumers.h"

namespace dunlin::judge {

namespace {

int number_from(const char* name, int usual) {
  const char* wanted = std::getenv(name);
  return wanted == nullptr ? usual : std::atoi(wanted);
}

bool has_server() {
  if (!store::find_server_binaries().empty()) return true;
  WARN("skipped: no PostgreSQL server is installed on this machine");
  return false;
}

/// Statements that write a text of one function otherwise, or of the one behind it that does not look at what the session is bound to. The text must be there,
/// once: a function that was rewritten needs its plant written anew.
std::string writes(const std::string& function, const std::string& old_text, const std::string& new_text) {
  return fmt::format(
      "do $plant$ declare was text; found int := 0; begin "
      "for was in select pg_get_functiondef(p.oid) from pg_proc p where p.pronamespace = 'dunlin'::regnamespace and p.proname in ('{0}', '{0}_within') loop "
      "found := found + (length(was) - length(replace(was, $old${1}$old$, ''))) / length($old${1}$old$); "
      "if strpos(was, $old${1}$old$) > 0 then execute replace(was, $old${1}$old$, $new${2}$new$); end if; end loop; "
      "if found <> 1 then raise exception 'the text to break in dunlin.{0} is there % times, not once', found; end if; end $plant$;",
      function, old_text, new_text);
}

struct Plant {
  const char* name;
  std::string statements;
};

std::vector<Plant> plants() {
  return {
      {"a lease is not asked for its number", writes("check_lease", "open.status = 1 and open.lease_epoch = epoch", "open.status = 1")},
      {"an old heartbeat keeps a lease", writes("heartbeat", "t.lease_epoch = epoch and", "")},
      {"an event has no key", writes("put_event", "if not found then return false; end if;", "")},
      {"a lease that ended made no contact", writes("settle_contact", "set kind = kind,", "set kind = case when kind = 'unknown' then 'none' else kind end,")},
      {"what may have gone out does not count", writes("uncounted_contacts", "c.kind <> 'none'", "c.kind not in ('none', 'unknown')")},
      {"what others hold does not count", writes("uncounted_contacts", "c.kind <> 'none'", "c.kind not in ('none', 'reserved')")},
      {"limits are not asked at hand-out", writes("hand_out_refusal", "return (dunlin.judge_limits(bucket, case_id, task, at)).why;", "return null;")},
      {"news holds nothing back", writes("hold_back", "elsif seen.news then", "elsif false then")},
      {"hours of a rule hold nothing back", writes("hold_back", "if seen.time_window >= 0 then", "if false then")},
      {"an excluded account is handed out", writes("hold_back", "if seen.overridden then", "if false then")},
      {"a stop stops nothing", writes("hold_back", "if stops then why", "if false then why")},
      {"two workers at one case file",
       writes("hold_back", "if setting.assign = 'one_operator' then", "if false then") +
           writes("not_for", "if 'one_operator' = any (setting.ways) or setting.assign = 'one_operator' then", "if false then")},
      {"the order of an account's tasks is not kept", writes("hold_back", "if setting.in_order then", "if false then")},
      {"a queue's rate is not kept", writes("lease", "wanted := least(wanted, setting.rate - used);", "")},
      {"a paused queue hands out", writes("lease", "if setting.paused_at is not null then return; end if;", "")},
      {"the case file is not locked", writes("lease", "f.case_id = open.case_id for no key update skip locked;", "f.case_id = open.case_id;")},
      {"no dead letters", writes("give_back", "if counts and open.returns >= setting.returns_max then", "if false then")},
      {"a marked task goes back into line", writes("give_back", "if open.marked then", "if false then")},
      {"news does not stop a dialler", writes("may_contact", "when seen.news then", "when false then")},
      {"an outcome is news to nobody", writes("complete_one", "select open.bucket, at, t.seq, open.case_id, 0 from told t;",
                                              "select open.bucket, 'infinity', t.seq, open.case_id, 0 from told t;")},
  };
}

}  // namespace

TEST_CASE("whatever consumers do at the queues, the judge finds nothing") {
  if (!has_server()) return;
  Ground ground;
  const int one = number_from("DUNLIN_QUEUE_SEED", 0), seeds = number_from("DUNLIN_QUEUE_SEEDS", 6);
  ConsumersRan all;
  for (int seed = one == 0 ? 1 : one; seed <= (one == 0 ? seeds : one); ++seed) {
    const ConsumersRan ran = run_consumers(ground, static_cast<uint64_t>(seed), "", seed % 3 == 1);  // the records are read for seconds
    INFO("DUNLIN_QUEUE_SEED=" << seed << "\n" << text_of(ran.findings));
    REQUIRE(ran.findings.empty());
    all.leases += ran.leases;
    all.contacts += ran.contacts;
    all.completed += ran.completed;
    all.late += ran.late;
    all.lost += ran.lost;
    all.refused_at_dialling += ran.refused_at_dialling;
    all.marked += ran.marked;
    all.dead_letters += ran.dead_letters;
    for (const auto& [queue, contacts] : ran.by_queue) all.by_queue[queue] += contacts;
  }
  std::printf("%d seeds: %ld leases, %ld contacts, %ld outcomes, %ld leases lost, %ld late words, %ld refused at dialling, %ld marked, %ld dead letters\n",
              seeds, all.leases, all.contacts, all.completed, all.lost, all.late, all.refused_at_dialling, all.marked, all.dead_letters);
  if (one != 0 || seeds < 6) return;
  // Nothing is kept by doing nothing, and what can go wrong did.
  CHECK(all.by_queue.size() == 4);
  CHECK(all.contacts > 20 * seeds);
  CHECK(all.completed > 10 * seeds);
  CHECK(all.late > seeds);
  CHECK(all.lost > seeds);
  CHECK(all.refused_at_dialling > seeds);
  CHECK(all.marked > 0);
  CHECK(all.dead_letters > 0);
}

TEST_CASE("each check that is taken out of the queues' SQL is missed") {
  if (!has_server()) return;
  Ground ground;
  const int budget = number_from("DUNLIN_QUEUE_BUDGET", 20);
  const char* const one = std::getenv("DUNLIN_QUEUE_PLANT");  // part of a name
  for (const Plant& plant : plants()) {
    if (one != nullptr && !std::string(plant.name).contains(one)) continue;
    int found_by = 0;
    std::string witness;
    for (int seed = 1; seed <= budget && found_by == 0; ++seed) {
      const ConsumersRan ran = run_consumers(ground, static_cast<uint64_t>(seed), plant.statements, false);
      if (ran.findings.empty()) continue;
      found_by = seed;
      witness = ran.findings.front().promise;
    }
    std::printf("%-48s %s\n", plant.name, found_by == 0 ? "NOT FOUND" : ("seed " + std::to_string(found_by) + ": " + witness).c_str());
    INFO(plant.name);
    CHECK(found_by != 0);
  }
}

}  // namespace dunlin::judge
