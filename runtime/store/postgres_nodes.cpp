// Several schedulers on one database. The protocol stands in runtime/migrations/010_nodes.sql.
#include "runtime/store/postgres_nodes.h"

#include <fmt/format.h>

#include <chrono>
#include <random>

#include "runtime/store/migrations.h"
#include "runtime/store/postgres_small.h"

namespace dunlin::store {

namespace {

/// A life of a node. Nothing secret: it only has to differ from all others.
std::string new_session() {
  std::random_device random;
  const auto part = [&] { return static_cast<uint32_t>(random()); };
  const uint32_t a = part(), b = part(), c = part(), d = part();
  return fmt::format("{:08x}-{:04x}-4{:03x}-a{:03x}-{:04x}{:08x}", a, b >> 16, b & 0xfff, c >> 20, c & 0xffff, d);
}

}  // namespace

HeldBuckets::HeldBuckets(const NodeOptions& options) : options_(options), session_(new_session()) { epochs_.fill(-1); }

HeldBuckets::~HeldBuckets() {
  {
    const std::lock_guard lock(guard_);
    end_ = true;
  }
  ended_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::vector<BucketRange> HeldBuckets::hold(const std::vector<std::pair<int32_t, int64_t>>& held) {
  const std::lock_guard lock(guard_);
  epochs_.fill(-1);
  std::vector<BucketRange> ranges;
  for (const auto& [bucket, epoch] : held) {
    epochs_[static_cast<size_t>(bucket)] = epoch;
    if (ranges.empty() || ranges.back().last + 1 != bucket) ranges.push_back({bucket, bucket});
    ranges.back().last = bucket;
  }
  return ranges;
}

int64_t HeldBuckets::epoch(int32_t bucket) const {
  const std::lock_guard lock(guard_);
  return epochs_[static_cast<size_t>(bucket)];
}

void HeldBuckets::keep_lease(const std::string& url) {
  if (!options_.keep_lease || thread_.joinable()) return;
  thread_ = std::thread([this, url] { renew(url); });
}

/// What fails is tried again: if it goes on failing, the lease runs out, and that is what a lease is for.
void HeldBuckets::renew(const std::string& url) {
  const std::string sql =
      fmt::format("select dunlin.renew_node({}, {}, '{} seconds')", quote_text(options_.name), quote_text(session_), options_.lease_seconds);
  std::unique_ptr<BulkConnection> connection;
  std::unique_lock lock(guard_);
  while (!ended_.wait_for(lock, std::chrono::milliseconds(options_.lease_seconds * 1000 / 3), [this] { return end_; })) {
    lock.unlock();
    if (connection == nullptr) {
      // Who waits for an answer longer than the lease lasts has lost it anyway.
      auto opened = BulkConnection::open(with_statement_timeout(url, options_.lease_seconds));
      if (opened) connection = std::move(*opened);
    }
    // A schema that a newer program has brought forward is not this one's to write to: what is under way fails to commit, and the lease runs out.
    std::optional<std::string> newer;
    if (connection != nullptr) {
      if (auto asked = connection->value(newer_schema_sql())) newer = *asked;
    }
    if (newer) (void)hold({});
    if (connection != nullptr && !newer && !connection->value(sql)) connection.reset();
    lock.lock();
  }
}

Result<std::vector<BucketRange>> PostgresStore::hold_buckets(const NodeOptions& node, int32_t version) {
  std::string newer;
  auto looked = small("look at the database's schema", [&](SmallWork& work) {
    const auto rows = work.exec(newer_schema_sql());
    newer = rows.empty() ? "" : rows[0][0].as<std::string>();
  });
  if (looked && !newer.empty()) {
    if (auto left = leave_buckets(); !left) return std::unexpected(left.error());
    return failed(StoreError::Kind::environment, migrated_by_newer(newer));
  }
  if (node_ == nullptr) node_ = std::make_unique<HeldBuckets>(node);
  std::vector<std::pair<int32_t, int64_t>> held;
  auto asked = small("take part as a node", [&](SmallWork& work) {
    const auto rows = work.exec(fmt::format("select bucket, epoch from dunlin.hold_buckets({}, {}, '{} seconds', {})", quote_text(node.name),
                                            quote_text(node_->session()), node.lease_seconds, version));
    for (const auto& row : rows) held.emplace_back(row[0].as<int32_t>(), row[1].as<int64_t>());
  });
  if (!asked) {
    (void)node_->hold({});
    return std::unexpected(asked.error());
  }
  node_->keep_lease(url_);
  return node_->hold(held);
}

Result<void> PostgresStore::leave_buckets() {
  if (node_ == nullptr) return {};
  const std::string name = node_->options().name, session = node_->session();
  node_.reset();  // first: nothing must renew what is given back
  return small("leave the nodes",
               [&](SmallWork& work) { work.exec(fmt::format("select dunlin.leave_buckets({}, {})", quote_text(name), quote_text(session))); });
}

Result<std::vector<NodeRow>> PostgresStore::nodes() {
  std::vector<NodeRow> nodes;
  auto asked = small("look for nodes", [&](SmallWork& work) {
    for (const auto& row : work.exec("select n.name, n.until > clock_timestamp(), coalesce(n.version, 0), (select count(*) from dunlin.bucket b where b.node = "
                                     "n.name) from dunlin.node n order by n.name collate \"C\"")) {
      nodes.push_back({row[0].as<std::string>(), row[1].as<bool>(), row[2].as<int32_t>(), row[3].as<int32_t>()});
    }
  });
  if (!asked) return std::unexpected(asked.error());
  return nodes;
}

/// Why the fence held a batch back: a switch of versions, or somebody else's buckets.
StoreError PostgresStore::why_fenced(BulkConnection& connection, int32_t version, const StoreError& said) {
  const auto active = connection.value("select number from dunlin.bundle where active");
  if (!active) return said;  // the database ended the transaction for a reason of its own
  if (active->value_or("0") != std::to_string(version))
    return {StoreError::Kind::conflict, "another version of the bundle was activated meanwhile; step again under it"};
  const auto there = connection.value("select count(*) from dunlin.bucket");
  if (there && there->value_or("") != std::to_string(engine::bucket_count)) {
    return {StoreError::Kind::environment, fmt::format("the database is damaged: {} of the {} rows of dunlin.bucket are there; see `dunlin doctor`",
                                                       there->value_or("none"), engine::bucket_count)};
  }
  if (node_ != nullptr) return {StoreError::Kind::conflict, "another node has taken these case files over; what this one made of them is dropped"};
  const auto holder = connection.value("select string_agg(name, ', ' order by name) from dunlin.node where until > clock_timestamp()");
  return {StoreError::Kind::conflict, fmt::format("these case files are in the hands of {}; let it step them, or stop it first",
                                                  holder && *holder ? "live nodes (" + **holder + ")" : "another node")};
}

}  // namespace dunlin::store
