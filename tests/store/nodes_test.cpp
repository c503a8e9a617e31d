// Several nodes on one database: shares, take-over, and commits of those who no longer hold what they commit.
#include <set>

#include "runtime/store/bulk.h"
#include "tests/differential/random.h"
#include "tests/store/office.h"

namespace dunlin::store::test {

namespace {

/// A scheduler that is driven by hand. Its lease is kept only by hold(), so that a test decides when it runs out.
struct Node {
  Node(Place& place, std::string called) : office(place), name(std::move(called)) {}

  Result<std::vector<BucketRange>> try_hold() { return office.store->hold_buckets({.name = name, .lease_seconds = 3600, .keep_lease = false}, office.version); }
  std::vector<BucketRange> hold() { return held = good(try_hold()); }
  int64_t buckets() const {
    int64_t count = 0;
    for (const auto& range : held) count += range.last - range.first + 1;
    return count;
  }
  /// Loads and steps up to `limit` case files of what it holds (or thinks it holds).
  void step(Instant now, size_t limit = 100) {
    pending.clear();
    for (const auto& range : held) {
      if (!pending.empty()) break;
      pending = office.step_only(now, limit, range);
    }
  }
  Result<void> commit(Instant now) {
    auto done = office.store->commit_all(office.desk.program, pending, now);
    pending.clear();
    return done;
  }

  Office office;
  std::string name;
  std::vector<BucketRange> held;
  std::vector<CaseCommit> pending;
};

struct Cluster {
  explicit Cluster(Place& place, int debtors, const std::vector<std::string>& names) : sql(good(BulkConnection::open(place.url()))) {
    for (const auto& name : names) nodes.push_back(std::make_unique<Node>(place, name));
    nodes[0]->office.import_debtors(debtors);
    const int32_t version = nodes[0]->office.activate().number;
    for (auto& node : nodes) node->office.version = version;
  }
  Node& operator[](size_t n) { return *nodes[n]; }
  /// As if the node had said nothing for the time of its lease.
  void expire(const std::string& name) { good(sql->run("update dunlin.node set until = clock_timestamp() - interval '1 second' where name = '" + name + "'")); }
  /// Until shares are as they should be; each node has to give back before others can take.
  void settle() {
    for (int round = 0; round < 3; ++round)
      for (auto& node : nodes) node->hold();
  }
  int64_t number(const std::string& query) { return std::stoll(good(sql->value(query)).value_or("-1")); }

  std::unique_ptr<BulkConnection> sql;
  std::vector<std::unique_ptr<Node>> nodes;
};

std::set<std::string> tasks_of(Store& store) {
  std::set<std::string> found;
  for (const auto& task : good(store.tasks("", "", 100'000))) {
    INFO(task.id);
    CHECK(found.insert(task.id + " " + task.queue + " " + task.key + " " + task.status).second);
  }
  return found;
}

}  // namespace

TEST_CASE("live nodes share the buckets, and a node that leaves gives its own back", "[nodes]") {
  const auto place = make_place("postgres");
  if (!place) return;
  Cluster cluster(*place, 3, {"anna", "boris", "clara"});
  CHECK(cluster[0].hold().size() == 1);
  CHECK(cluster[0].buckets() == 1024);
  CHECK(cluster[1].hold().empty());  // all are taken, and nobody is robbed
  cluster.settle();
  CHECK(cluster[0].buckets() == 341);
  CHECK(cluster[1].buckets() == 341);
  CHECK(cluster[2].buckets() == 342);
  CHECK(cluster.number("select count(distinct node) from dunlin.bucket") == 3);
  CHECK(good(cluster[2].office.store->nodes()).size() == 3);
  good(cluster[1].office.store->leave_buckets());
  cluster[0].hold();
  cluster[2].hold();
  cluster[0].hold();
  CHECK(cluster[0].buckets() == 512);
  CHECK(cluster[2].buckets() == 512);
}

TEST_CASE("what a node made of case files that another has taken over is dropped whole", "[nodes]") {
  const auto place = make_place("postgres");
  if (!place) return;
  Cluster cluster(*place, 20, {"anna", "boris"});
  cluster[0].hold();
  cluster[0].step(on(1));
  REQUIRE(cluster[0].pending.size() == 20);
  cluster.expire("anna");
  cluster[1].hold();
  CHECK(cluster[1].buckets() == 1024);
  const auto late = cluster[0].commit(on(1));
  REQUIRE_FALSE(late);
  CHECK(late.error().kind == StoreError::Kind::conflict);
  CHECK(late.error().message.find("another node") != std::string::npos);
  CHECK(cluster.number("select count(*) from dunlin.task_open") == 0);
  CHECK(cluster.number("select count(*) from dunlin.transition") == 0);
  cluster[1].step(on(1));
  good(cluster[1].commit(on(1)));
  CHECK(cluster.number("select count(*) from dunlin.transition") == 20);
  // It comes back, and has its share again.
  cluster.settle();
  CHECK(cluster[0].buckets() == 512);
}

TEST_CASE("a lease that ran out unnoticed does no harm while nobody has taken over", "[nodes]") {
  const auto place = make_place("postgres");
  if (!place) return;
  Cluster cluster(*place, 5, {"anna"});
  cluster[0].hold();
  cluster[0].step(on(1));
  cluster.expire("anna");
  good(cluster[0].commit(on(1)));
}

TEST_CASE("no two live nodes have one name, and the last life of a name commits nothing", "[nodes]") {
  const auto place = make_place("postgres");
  if (!place) return;
  Cluster cluster(*place, 5, {"anna", "anna"});
  cluster[0].hold();
  const auto second = cluster[1].try_hold();
  REQUIRE_FALSE(second);
  CHECK(second.error().kind == StoreError::Kind::conflict);
  CHECK(second.error().message.find("anna") != std::string::npos);
  cluster[0].step(on(1));
  cluster.expire("anna");
  cluster[1].hold();
  CHECK(cluster[1].buckets() == 1024);
  CHECK_FALSE(cluster[0].commit(on(1)));
}

TEST_CASE("who is no node steps nothing that a live node holds", "[nodes]") {
  const auto place = make_place("postgres");
  if (!place) return;
  Cluster cluster(*place, 5, {"anna", "by hand"});
  cluster[0].hold();
  const auto by_hand = [&] {
    auto steps = cluster[1].office.step_only(on(1));
    REQUIRE(steps.size() == 5);
    return cluster[1].office.store->commit_all(cluster[1].office.desk.program, steps, on(1));
  };
  const auto refused = by_hand();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("live nodes (anna)") != std::string::npos);
  SECTION("after it has left") { good(cluster[0].office.store->leave_buckets()); }
  SECTION("after its lease") { cluster.expire("anna"); }
  good(by_hand());
}

TEST_CASE("a lease is kept while its node is busy with something else", "[nodes]") {
  const auto place = make_place("postgres");
  if (!place) return;
  Cluster cluster(*place, 1, {"anna", "boris"});
  REQUIRE(good(cluster[0].office.store->hold_buckets({.name = "anna", .lease_seconds = 1, .keep_lease = true}, 1)).size() == 1);
  for (int i = 0; i < 4; ++i) {
    good(cluster.sql->run("select pg_sleep(0.6)"));
    CHECK(cluster.number("select count(*) from dunlin.node where name = 'anna' and until > clock_timestamp()") == 1);
  }
}

TEST_CASE("whatever nodes do and wherever they die, the case files end as with one", "[nodes]") {
  int64_t committed = 0, dropped = 0;
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    INFO("seed " << seed);
    const auto place = make_place("postgres");
    if (!place) return;
    const auto alone = make_place("memory");
    differential::Random random(seed);
    constexpr int debtors = 150, days = 4;
    Cluster cluster(*place, debtors, {"anna", "boris", "clara"});
    Office reference(*alone);
    reference.import_debtors(debtors);
    reference.activate();
    for (int day = 1; day <= days; ++day) {
      const Instant now = on(day);
      if (day == 2) {
        for (Office* office : {&reference, &cluster[0].office})
          good(office->store->post_events(office->desk.program,
                                          {office->payment("D-7", "A-7", on(1, 20), "p-7"), office->payment("D-9", "A-9", on(1, 21), "p-9")}));
      }
      const auto act = [&](Node& node, int64_t choice) {
        if (choice < 4) {
          (void)node.hold();
        } else if (choice < 8) {
          node.step(now, static_cast<size_t>(random.between(1, 12)));
        } else if (choice < 14) {
          if (node.pending.empty()) return;
          // It may commit exactly if every bucket of the batch is still its own.
          bool own = true;
          for (const auto& step : node.pending) {
            const std::string where = " from dunlin.bucket where bucket = " + std::to_string(step.case_file->bucket);
            own = own && good(cluster.sql->value("select node" + where)).value_or("") == node.name;
          }
          const auto done = node.commit(now);
          ++(done ? committed : dropped);
          if (done) CHECK(own);
        } else if (choice == 14) {
          cluster.expire(node.name);
        } else {
          good(node.office.store->leave_buckets());
          node.held.clear();
          node.pending.clear();
        }
      };
      for (int i = 0; i < 60; ++i) act(cluster[static_cast<size_t>(random.below(3))], random.below(16));
      // The day ends when nobody has anything to do.
      for (auto& node : cluster.nodes) node->pending.clear();
      for (int round = 0; !good(cluster[0].office.store->buckets_to_step(now, false)).empty(); ++round) {
        REQUIRE(round < 100);
        for (auto& node : cluster.nodes) {
          node->hold();
          node->step(now);
          if (!node->pending.empty()) good(node->commit(now));
        }
      }
      reference.night(now);
    }
    CHECK(tasks_of(*cluster[0].office.store) == tasks_of(*reference.store));
    for (int n = 1; n <= debtors; ++n) {
      const std::string account = "A-" + std::to_string(n);
      CHECK(cluster[0].office.stage_of(account) == reference.stage_of(account));
    }
  }
  CHECK(committed > 20);
  CHECK(dropped > 5);
}

}  // namespace dunlin::store::test
