// Nodes, consumers, supervisors and a bank in one thread, at the production engine and the production SQL of the queues: the judge finds nothing. With one
// check taken out of one function it does.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/judge/consumers.h"
#include "tests/store/office.h"

namespace dunlin::judge {

namespace {

int number_from(const char* name, int usual) {
  const char* wanted = std::getenv(name);
  return wanted == nullptr ? usual : std::atoi(wanted);
}

/// Seeds that found something once: one a line, with what it was. They are run before all others.
std::vector<int> kept_seeds() {
  std::ifstream file(DUNLIN_SOURCE_DIR "/tests/judge/kept_queue_seeds.txt");
  REQUIRE(file.good());
  std::vector<int> seeds;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != '#') seeds.push_back(std::stoi(line));
  }
  return seeds;
}

/// Written down where the test runs, to be put among the kept ones with the mend.
void keep_seed(int seed, const Finding& finding) {
  std::ofstream("queue_failing_seeds.txt", std::ios::app) << seed << "  # " << finding.promise << ": " << finding.witness << "\n";
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream all(text);
  for (std::string line; std::getline(all, line);) lines.push_back(line);
  return lines;
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
  int seed = 1;         // that finds it
  bool always = false;  // tried in every run; the others with DUNLIN_LONG=1
};

std::vector<Plant> plants() {
  return {
      {"a lease is not asked for its number", writes("check_lease", "open.status = 1 and open.lease_epoch = epoch", "open.status = 1"), 2},
      {"an old heartbeat keeps a lease", writes("heartbeat", "t.lease_epoch = epoch and", ""), 2},
      {"an event has no key", writes("put_event", "if not found then return false; end if;", ""), 1, true},
      {"a lease that ended made no contact", writes("settle_contact", "set kind = kind,", "set kind = case when kind = 'unknown' then 'none' else kind end,"),
       2},
      {"what may have gone out does not count", writes("uncounted_contacts", "c.kind <> 'none'", "c.kind not in ('none', 'unknown')"), 2},
      {"what others hold does not count", writes("uncounted_contacts", "c.kind <> 'none'", "c.kind not in ('none', 'reserved')"), 2},
      {"limits are not asked at hand-out", writes("hand_out_refusal", "return (dunlin.judge_limits(bucket, case_id, task, at)).why;", "return null;")},
      {"news holds nothing back", writes("hold_back", "elsif seen.news then", "elsif false then"), 1, true},
      {"hours of a rule hold nothing back", writes("hold_back", "if seen.time_window >= 0 then", "if false then"), 2},
      {"an excluded account is handed out", writes("hold_back", "if seen.overridden then", "if false then"), 3},
      {"a stop stops nothing", writes("hold_back", "if stops then why", "if false then why"), 2},
      {"two workers at one case file",
       writes("hold_back", "if setting.assign = 'one_operator' then", "if false then") +
           writes("not_for", "if 'one_operator' = any (setting.ways) or setting.assign = 'one_operator' then", "if false then"),
       1, true},
      {"the order of an account's tasks is not kept", writes("hold_back", "if setting.in_order then", "if false then"), 1, true},
      {"a queue's rate is not kept", writes("lease", "wanted := least(wanted, setting.rate - used);", ""), 4},
      {"a paused queue hands out", writes("lease", "if setting.paused_at is not null then return; end if;", "")},
      {"no dead letters", writes("give_back", "if counts and open.returns >= setting.returns_max then", "if false then"), 1, true},
      {"a marked task goes back into line", writes("give_back", "if open.marked then", "if false then"), 2},
      {"an outcome forgets who went along",
       writes("complete_together", "or t.lead = leads)\n                order by (t.task = open.task) desc",
              "and t.task = open.task)\n                order by (t.task = open.task) desc"),
       1, true},
      {"a worker's capacity is not kept", writes("room_of", "worker.capacity - used", "worker.capacity"), 2},
      {"what is kept for one goes to all", writes("not_for", "if told.id is not null and told.value <> worker.name then", "if false then")},
      {"a register has what may not go out", writes("make_register", "if held.why is not null then", "if false then")},
      {"a campaign's task goes out before a step",
       writes("campaign_release", "select n.bucket, at, n.case_id, 2 from next n", "select n.bucket, 'infinity', n.case_id, 2 from next n")},
      {"a bucket is taken over without a new epoch", writes("hold_buckets_for", "epoch = b.epoch + 1", "epoch = b.epoch"), 1, true},
      {"a node's next life goes on under its old epoch",
       writes("hold_buckets_for", "set node = null where b.node = node_name;", "set node = b.node where b.node = node_name;"), 11, true},
      {"news does not stop a dialler", writes("may_contact", "when seen.news then", "when false then")},
      {"a campaign's cap is not kept", writes("campaign_release", "least(most, c.per_day - d.released)", "least(most, c.per_day)")},
      {"figures of limits are those that came first",
       writes("room_in", "most int8 := (own ->> 'most')::int8;",
              "most int8 := greatest((own ->> 'most')::int8, case when line.queues[1] in ('call', 'talk') and line.time_window = 'day' then 2 end);")},
      {"an override of a priority changes nothing", writes("apply_priorities", "set priority = o.value::int8,", "set priority = t.priority,")},
      {"the line is taken by age", writes("lease", "order by w.priority desc, w.not_before, w.due, w.seq) w,", "order by w.not_before, w.due, w.seq) w,")},
      {"dialling does not look at the mark", writes("may_contact", "when open.marked and", "when false and")},
      {"an outcome is news to nobody", writes("complete_one", "select open.bucket, at, t.seq, open.case_id, 0 from told t;",
                                              "select open.bucket, 'infinity', t.seq, open.case_id, 0 from told t;")},
  };
}

}  // namespace

TEST_CASE("whatever everybody does at the queues, the judge finds nothing") {
  const auto ground = Ground::make();
  if (ground == nullptr) return;
  const int one = number_from("DUNLIN_QUEUE_SEED", 0), seeds = number_from("DUNLIN_QUEUE_SEEDS", 2), rounds = number_from("DUNLIN_QUEUE_ROUNDS", 2);
  ConsumersRan all;
  std::vector<int> run = one == 0 ? kept_seeds() : std::vector{one};
  for (int seed = 1; one == 0 && seed <= seeds; ++seed) run.push_back(seed);
  for (const int seed : run) {
    const ConsumersRan ran = run_consumers(*ground, static_cast<uint64_t>(seed), "", rounds);
    if (one != 0) std::ofstream(std::filesystem::temp_directory_path() / ("dunlin_queue_seed_" + std::to_string(seed) + ".log")) << ran.log;
    if (!ran.findings.empty()) keep_seed(seed, ran.findings.front());
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
    all.steps += ran.steps;
    all.dropped += ran.dropped;
    all.killed += ran.killed;
    all.conversations += ran.conversations;
    all.printed += ran.printed;
    all.released += ran.released;
    all.switches += ran.switches;
    for (const auto& [queue, contacts] : ran.by_queue) all.by_queue[queue] += contacts;
  }
  std::printf(
      "%zu seeds: %ld steps, %ld batches dropped, %ld nodes killed in a commit, %ld leases, %ld conversations, %ld contacts, %ld outcomes, %ld leases lost, "
      "%ld late words, %ld refused at dialling, %ld marked, %ld dead letters, %ld items printed, %ld tasks of campaigns, %ld switches of versions\n",
      run.size(), all.steps, all.dropped, all.killed, all.leases, all.conversations, all.contacts, all.completed, all.lost, all.late, all.refused_at_dialling,
      all.marked, all.dead_letters, all.printed, all.released, all.switches);
  if (one != 0 || seeds < 2) return;
  // Nothing is kept by doing nothing, and what can go wrong did.
  CHECK(all.by_queue.size() > 4);
  for (const int64_t count : {all.steps / 20, all.contacts / 10, all.completed / 10}) CHECK(count >= seeds);
  for (const int64_t count : {all.dropped, all.killed, all.conversations, all.late, all.lost, all.refused_at_dialling, all.marked, all.dead_letters,
                              all.printed, all.released, all.switches})
    CHECK(count > 0);
}

TEST_CASE("a seed gives the same run at the queues again") {
  const auto ground = Ground::make();
  if (ground == nullptr) return;
  for (const uint64_t seed : {3}) {
    const std::vector<std::string> once = lines_of(run_consumers(*ground, seed, "", 1).log), again = lines_of(run_consumers(*ground, seed, "", 1).log);
    const auto differs = std::ranges::mismatch(once, again);
    INFO("seed " << seed << ", line " << differs.in1 - once.begin() << "\n"
                 << (differs.in1 == once.end() ? "the end" : *differs.in1) << "\n"
                 << (differs.in2 == again.end() ? "the end" : *differs.in2));
    CHECK((differs.in1 == once.end() && differs.in2 == again.end()));
    CHECK(once.size() > 200);
  }
}

TEST_CASE("each check that is taken out of the queues' SQL is missed") {
  const auto ground = Ground::make();
  if (ground == nullptr) return;
  const int budget = number_from("DUNLIN_QUEUE_BUDGET", 20), rounds = number_from("DUNLIN_QUEUE_ROUNDS", 2);
  const bool all = number_from("DUNLIN_LONG", 0) != 0;
  const char* const one = std::getenv("DUNLIN_QUEUE_PLANT");  // part of a name
  // Whether each of them can be planted is looked at every time.
  const std::string url = ground->copy();
  for (const Plant& plant : plants()) {
    const auto connection = store::test::good(store::BulkConnection::open(url));
    INFO(plant.name);
    store::test::good(connection->run("begin; " + plant.statements + " rollback"));
  }
  ground->drop(url);
  for (const Plant& plant : plants()) {
    if (one != nullptr ? !std::string(plant.name).contains(one) : !all && !plant.always) continue;
    std::vector<int> seeds{plant.seed};  // the one that found it when this was written
    for (int seed = 1; seed <= budget; ++seed) {
      if (seed != plant.seed) seeds.push_back(seed);
    }
    int found_by = 0;
    std::string witness;
    for (const int seed : seeds) {
      const ConsumersRan ran = run_consumers(*ground, static_cast<uint64_t>(seed), plant.statements, rounds);
      if (ran.findings.empty()) continue;
      found_by = seed;
      witness = ran.findings.front().promise;
      break;
    }
    std::printf("%-48s %s\n", plant.name, found_by == 0 ? "NOT FOUND" : ("seed " + std::to_string(found_by) + ": " + witness).c_str());
    std::fflush(stdout);
    INFO(plant.name);
    CHECK(found_by != 0);
  }
}

}  // namespace dunlin::judge
