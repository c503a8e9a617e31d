#include "tests/judge/queue_nodes.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "runtime/store/postgres_errors.h"
#include "tests/store/office.h"

namespace dunlin::judge {

using store::test::good;

namespace {

struct Killed {};

int boundaries_left = 0;  // 0: nobody is killed
void at_boundary() {
  if (boundaries_left > 0 && --boundaries_left == 0) throw Killed{};
}

}  // namespace

Node::Node(const Programs& programs, const std::string& url, std::string name, int life)
    : programs_(programs), name_(std::move(name)), life_(name_.empty() ? "by hand" : name_ + "/" + std::to_string(life)), store_(store::test::open_at(url)) {}

/// As a scheduler does it between two passes. What was read before is committed, or dropped, as the version that stepped it.
void Node::take_version() {
  const auto versions = good(store_->versions());
  const int32_t number = std::ranges::find_if(versions, &store::BundleVersion::active)->number;
  if (number == version_) return;
  version_ = number;
  compiled_ = programs_.at(number);
  good(store_->prepare(compiled_->program()));
  stepper_ = std::make_unique<engine::Stepper>(compiled_->program(), compiled_->evaluator(), compiled_->calendar(), compiled_->settings());
}

bool Node::read(Instant now, size_t most) {
  take_version();
  held_ = {{0, engine::bucket_count - 1}};
  if (!name_.empty()) {
    auto held = store_->hold_buckets({.name = name_, .lease_seconds = lease_seconds, .keep_lease = false}, version_);
    if (!held) {
      // Another life of it is at work.
      REQUIRE(held.error().kind == store::StoreError::Kind::conflict);
      held_.clear();
      return false;
    }
    held_ = std::move(*held);
  }
  for (const auto& range : held_) {
    std::vector<std::unique_ptr<engine::CaseFile>> pool;
    auto loaded = good(store_->load_awake(compiled_->program(), now, false, {range.first - 1, INT64_MAX}, most, pool, range.last));
    std::ranges::move(loaded, std::back_inserter(files_));
  }
  results_.resize(files_.size());
  for (size_t f = 0; f < files_.size(); ++f) {
    engine::CaseFile& file = *files_[f];
    stepped_.push_back({engine::key_text(compiled_->program(), file.instance(0)), file.bucket, file.debtor_id, file.step_number, now, version_});
    stepper_->step(file, now, results_[f], {.version = version_, .collect_reads = true, .listener = nullptr});
    REQUIRE_FALSE(results_[f].fault.has_value());
  }
  return !files_.empty();
}

Node::End Node::commit(int killed_at) {
  std::vector<store::CaseCommit> commits;
  for (size_t f = 0; f < files_.size(); ++f) commits.push_back({files_[f].get(), &results_[f]});
  const Instant at = stepped_.front().at;
  End end = End::committed;
  boundaries_left = killed_at;
  store::at_crash_points(at_boundary);
  try {
    const auto done = store_->commit_all(compiled_->program(), commits, at);
    if (!done) {
      INFO(done.error().message);
      REQUIRE(done.error().kind == store::StoreError::Kind::conflict);
      end = End::dropped;
    }
  } catch (const Killed&) {
    end = End::killed;
  }
  store::at_crash_points(nullptr);
  boundaries_left = 0;
  forget();
  return end;
}

void Node::tend(Instant now) { good(store_->tend_queues(now)); }

void Node::forget() {
  files_.clear();
  results_.clear();
  stepped_.clear();
}

}  // namespace dunlin::judge
