#include "server/serve/scheduler.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "compiler/abi/clock.h"
#include "lang/sema/transfers.h"
#include "runtime/plan/carry.h"
#include "server/give_way.h"
#include "server/plan/lean.h"
#include "server/serve/clock_watch.h"
#include "server/serve/log.h"

namespace dunlin::server {

using store::StoreError;

namespace {

using namespace std::chrono_literals;

/// Whoever told at the same moment as another may have committed a little later without a word (dunlin.tell_event).
constexpr auto look_again_after = 100ms;
/// Nothing tells when somebody has made room on a full disk.
constexpr auto longest_pause_full = 5'000ms, longest_pause = 30'000ms;
/// Looks that find nothing, because what is heard of is another node's, take no more than a fifth of the time, as long as that delays nobody by more than this.
constexpr auto longest_breath = 100ms;

}  // namespace

std::string node_name(const ServeConfig& config) {
  if (!config.node.empty()) return config.node;
  char host[256] = "";
  if (gethostname(host, sizeof host - 1) != 0) std::snprintf(host, sizeof host, "node");
  return config.http.port == 0 ? fmt::format("{}/{}", host, getpid()) : fmt::format("{}:{}", host, config.http.port);
}

Scheduler::Scheduler(std::unique_ptr<store::Store> store, const ServeConfig& config, std::filesystem::path stdlib, int64_t clock_offset_us)
    : store_(std::move(store)), config_(config), stdlib_(std::move(stdlib)), offset_us_(clock_offset_us) {}

Scheduler::~Scheduler() { stop(); }

void Scheduler::start() {
  thread_ = std::thread([this] { run(); });
}

void Scheduler::stop() {
  {
    const std::lock_guard lock(guard_);
    stop_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Scheduler::wake() {
  {
    const std::lock_guard lock(guard_);
    look_ = true;
  }
  woken_.notify_all();
}

void Scheduler::hear() {
  {
    const std::lock_guard lock(guard_);
    heard_ = true;
  }
  woken_.notify_all();
}

int64_t Scheduler::now() const {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count() + offset_us_;
}

StepTotals Scheduler::totals() const {
  const std::lock_guard lock(guard_);
  return totals_;
}

std::shared_ptr<const Runner> Scheduler::active() const {
  const std::lock_guard lock(guard_);
  return active_;
}

void Scheduler::run() {
  for (;;) {
    {
      const std::lock_guard lock(guard_);
      if (stop_) break;
      look_ = false;
      again_ = std::exchange(heard_, false);
    }
    const auto begin = std::chrono::steady_clock::now();
    bool stepped = false;
    if (take_version()) {
      let_go();
      const auto ranges = hold();
      stepped = !ranges.empty() && pass(ranges);
      if (stepped && on_stepped) on_stepped();
    }
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    breath_ = stepped ? 0ms : std::min<std::chrono::milliseconds>(4 * took, longest_breath);
    rest();
  }
  if (auto left = store_->leave_buckets(); !left)
    log::write(log::Level::warn, "the leases could not be given back; they run out", {{"reason", left.error().message}});
}

/// This node's share of the case files, as it is now.
std::vector<store::BucketRange> Scheduler::hold() {
  auto held = store_->hold_buckets({.name = node_name(config_), .lease_seconds = config_.lease_seconds}, active_->number);
  const std::lock_guard lock(guard_);
  if (!held) {
    totals_.lease_losses += totals_.buckets > 0 ? 1 : 0;
    ++failures_in_a_row_;
    ++totals_.failures;
    full_ = held.error().disk_full;
    totals_.buckets = 0;
    log::write(log::Level::error, "this node has no part in the stepping", {{"node", node_name(config_)}, {"reason", held.error().message}});
    return {};
  }
  int64_t buckets = 0;
  for (const auto& range : *held) buckets += range.last - range.first + 1;
  if (buckets != totals_.buckets) log::write(log::Level::info, "buckets held", {{"node", node_name(config_)}, {"buckets", std::to_string(buckets)}});
  totals_.buckets = buckets;
  return *held;
}

/// Compiles the active version where it is another than before. The old one lives on for as long as somebody holds it. False: nothing to step with.
bool Scheduler::take_version() {
  auto versions = store_->versions();
  if (!versions) {
    const std::lock_guard lock(guard_);
    away_ = true;
    full_ = false;
    ++failures_in_a_row_;
    ++totals_.failures;
    totals_.database_there = false;
    log::write(log::Level::error, "the database does not answer", {{"reason", versions.error().message}});
    return false;
  }
  {
    const std::lock_guard lock(guard_);
    totals_.database_there = true;
    // It is back: connections that broke meanwhile are each found by one short pass that fails, not by one that waits for half a minute first.
    if (std::exchange(away_, false)) failures_in_a_row_ = 0;
  }
  const auto found = std::ranges::find_if(*versions, &store::BundleVersion::active);
  if (found == versions->end()) return false;
  const int32_t number = found->number;
  const bool same = active_ && active_->number == number;
  if (std::exchange(was_overtaken_, false) && same) {
    const std::lock_guard lock(guard_);
    ++totals_.lease_losses;
  }
  if (same) return true;
  const auto begin = std::chrono::steady_clock::now();
  std::unique_ptr<Runner> ready = compiled_ahead ? compiled_ahead(found->content_hash) : nullptr;
  const bool ahead = ready != nullptr;
  if (ahead) ready->number = number;
  auto runner = ahead ? store::Result<std::unique_ptr<Runner>>(std::move(ready)) : runner_of_version(*store_, number, stdlib_, true);
  std::optional<std::string> trouble;
  if (!runner) trouble = runner.error().message;
  if (runner) {
    if (auto prepared = store_->prepare((*runner)->program()); !prepared) trouble = prepared.error().message;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::shared_ptr<Runner> old;
  std::unique_lock lock(guard_);
  totals_.compile_seconds += seconds;
  if (trouble) {
    ++failures_in_a_row_;
    ++totals_.failures;
    log::write(log::Level::error, "the active version cannot be run", {{"version", std::to_string(number)}, {"reason", *trouble}});
    return false;
  }
  old = std::exchange(running_, std::move(*runner));
  active_ = running_;
  let_go_.clear();
  next_count_ = {};
  if (leaner_.valid()) end_aside(std::make_shared<decltype(leaner_)>(std::move(leaner_)));
  standing_changed_ = true;
  totals_.version = number;
  totals_.kept_strategies = running_->carries() ? static_cast<int64_t>(running_->program().transfers->kept.size()) : 0;
  totals_.kept_let_go = 0;
  log::write(log::Level::info, "version in use",
             {{"version", std::to_string(number)}, {"ahead", ahead ? "true" : "false"}, {"compile_ms", fmt::format("{:.1f}", seconds * 1000)}});
  lock.unlock();
  end_aside(std::move(old));
  return true;
}

/// The end of a version waits for its compiler, and frees a lot: neither a step nor a request waits for that.
void Scheduler::end_aside(std::shared_ptr<void> old) {
  std::erase_if(ending_, [](const std::future<void>& one) { return one.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
  if (!old) return;
  ending_.push_back(std::async(std::launch::async, [old = std::move(old)]() mutable {
    give_way_from_here();
    old.reset();
  }));
}

/// Native code of older versions goes when nobody stands in them any more. The code without them is made aside, and taken up between two passes.
void Scheduler::let_go() {
  if (!running_->carries()) return;
  if (leaner_.valid()) {
    if (leaner_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
    auto made = leaner_.get();
    if (made) {
      std::shared_ptr<Evaluator> before = std::exchange(running_->machine.native, std::move(*made));
      end_aside(std::move(before));
    }
    const std::lock_guard lock(guard_);
    if (made) totals_.kept_let_go = static_cast<int64_t>(let_go_.size());
    log::write(made ? log::Level::info : log::Level::warn, made ? "code of older versions was let go" : "code of older versions could not be let go",
               {{"version", std::to_string(running_->number)}, {"strategies", std::to_string(let_go_.size())}, {"reason", made ? "" : made.error()}});
  }
  // Nobody comes to stand under a kept version: once all are let go there is nothing to count.
  const auto begin = std::chrono::steady_clock::now();
  if (!standing_changed_ || let_go_.size() == running_->program().transfers->kept.size() || begin < next_count_) return;
  auto carried = plan::carried_by(*store_, running_->program());
  // It reads all states, and the steps wait for it: a hundredth of the time at most.
  const auto end = std::chrono::steady_clock::now();
  next_count_ = end + 100 * (end - begin);
  if (!carried) return;
  standing_changed_ = false;
  std::set<std::pair<std::string, int32_t>> nobody;
  for (const auto& one : *carried) {
    if (one.version != 0 && one.count == 0) nobody.emplace(one.strategy, one.version);
  }
  if (nobody == let_go_) return;
  let_go_ = std::move(nobody);
  leaner_ = std::async(std::launch::async, [runner = running_, left_out = let_go_] {
    give_way_from_here();
    return lean_code(runner->program(), runner->machine, left_out);
  });
}

/// Whether there was something to do.
bool Scheduler::pass(const std::vector<store::BucketRange>& ranges) {
  const auto spans = spans_by_clock(*store_, node_name(config_), now(), offset_us_ == 0, ranges);
  if (!spans) {
    const std::lock_guard lock(guard_);
    ++failures_in_a_row_;
    ++totals_.failures;
    log::write(log::Level::error, "the clock cannot be compared with the database's", {{"reason", spans.error().message}});
    return false;
  }
  if (spans->empty()) return false;
  simulate::NightOptions options;
  options.steppers = config_.step_threads;
  store::Result<simulate::NightReport> report = simulate::NightReport{};
  simulate::NightCounts counts;
  std::vector<simulate::NightReport> reports;  // one for each instant
  for (const auto& [at, stretches] : *spans) {
    options.ranges = stretches;
    report = simulate::run_once(*store_, active_->native_night(), at, options);
    if (!report) break;
    counts.add(report->counts);
    reports.push_back(*report);
  }
  const std::lock_guard lock(guard_);
  ++totals_.passes;
  if (!report) {
    // A switch of versions, or of who holds a bucket, makes a batch fail whole; it is read and stepped again by whoever should.
    const bool overtaken = report.error().kind == StoreError::Kind::conflict;
    ++(overtaken ? totals_.overtaken : totals_.failures);
    full_ = report.error().disk_full;
    totals_.database_there = overtaken || full_;
    if (overtaken) look_ = true;
    was_overtaken_ = overtaken;
    ++failures_in_a_row_;
    log::write(overtaken ? log::Level::info : log::Level::error, "a pass did not end",
               {{"batch", std::to_string(totals_.passes)}, {"reason", report.error().message}});
    return false;
  }
  failures_in_a_row_ = 0;
  full_ = false;
  totals_.cases += counts.cases;
  totals_.events += counts.events;
  totals_.transitions += counts.transitions;
  totals_.tasks_created += counts.tasks_created;
  totals_.tasks_updated += counts.tasks_updated;
  totals_.tasks_withdrawn += counts.tasks_withdrawn;
  totals_.faults += counts.faults;
  totals_.step_seconds += counts.step_s;
  totals_.commit_seconds += counts.commit_s;
  if (counts.cases == 0) return false;
  for (const auto& one : reports) effects_.add(one);
  standing_changed_ = standing_changed_ || counts.transitions > 0;
  log::write(log::Level::info, "stepped",
             {{"batch", std::to_string(totals_.passes)},
              {"cases", std::to_string(counts.cases)},
              {"transitions", std::to_string(counts.transitions)},
              {"tasks_created", std::to_string(counts.tasks_created)},
              {"faults", std::to_string(counts.faults)},
              {"seconds", fmt::format("{:.3f}", counts.total_s)}});
  return true;
}

/// Until somebody calls, or for the time of one look; longer and longer while the database is away.
void Scheduler::rest() {
  std::unique_lock lock(guard_);
  auto wait = std::chrono::milliseconds(config_.poll_ms);
  if (failures_in_a_row_ > 0) wait = std::min(full_ ? longest_pause_full : longest_pause, std::chrono::milliseconds(100 << std::min(failures_in_a_row_, 9)));
  if (again_ && failures_in_a_row_ == 0) wait = std::min<std::chrono::milliseconds>(wait, look_again_after);
  const auto breath = std::min(breath_, wait);
  if (woken_.wait_for(lock, breath, [this] { return stop_ || (look_ && failures_in_a_row_ < 3); })) return;
  woken_.wait_for(lock, wait - breath, [this] { return stop_ || ((look_ || heard_) && failures_in_a_row_ < 3); });
}

}  // namespace dunlin::server
