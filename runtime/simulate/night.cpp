#include "runtime/simulate/night.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>

#include "compiler/abi/clock.h"
#include "runtime/engine/grants.h"
#include "runtime/simulate/bounded_queue.h"
#include "runtime/simulate/tally.h"

namespace dunlin::simulate {

namespace {

using store::StoreError;
using Clock = std::chrono::steady_clock;
using Cases = std::vector<std::unique_ptr<engine::CaseFile>>;

class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds), start_(Clock::now()) {}
  ~Stopwatch() { seconds_ += std::chrono::duration<double>(Clock::now() - start_).count(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& seconds_;
  Clock::time_point start_;
};

/// Case files on their way through the threads, with what the step made of them.
struct Batch {
  Cases cases;
  std::vector<engine::StepResult> results;
};

constexpr size_t batches_ahead = 1;  // in each queue; memory is what this costs

/// One pass over the portfolio at one instant.
class Pass {
 public:
  Pass(store::Store& store, const NightProgram& program, const NightOptions& options, std::vector<std::unique_ptr<engine::Stepper>>& steppers,
       std::vector<Batch>& spare, NightProgress& progress)
      : store_(store), program_(program), options_(options), steppers_(steppers), spare_(spare), progress_(progress) {}

  std::optional<StoreError> run(Instant now, Tally& tally) {
    now_ = now;
    if (program_.program.trials) {
      auto orders = store_.experiment_orders();
      if (!orders) return orders.error();
      orders_ = std::move(*orders);
    }
    progress_before_ = progress_.so_far;
    std::vector<std::thread> threads;
    threads.emplace_back([this] { read(); });
    stepping_ = static_cast<int>(steppers_.size());
    std::vector<Tally> tallies(steppers_.size());
    for (size_t s = 0; s < steppers_.size(); ++s) threads.emplace_back([this, s, &tallies] { step(*steppers_[s], tallies[s]); });
    for (int w = 1; w < options_.writers; ++w) threads.emplace_back([this] { write(); });
    write();
    for (std::thread& thread : threads) thread.join();
    for (const Tally& part : tallies) tally.add(part);
    if (error_) return error_;
    auto unreadable = store_.end_pass(now);
    if (!unreadable) return unreadable.error();
    for (const auto& [why, count] : *unreadable) tally.add_unreadable(why, count);
    tally.counts.load_s += load_s_;
    tally.counts.commit_s += commit_s_;
    return error_;
  }

 private:
  void read() {
    static const std::vector<store::BucketRange> all{{0, engine::bucket_count - 1}};
    Cases pool;
    for (const auto& range : options_.ranges.empty() ? all : options_.ranges) {
      if (!read(range, pool)) return;
    }
    const std::lock_guard lock(spare_guard_);
    spare_.push_back({std::move(pool), {}});
    to_step_.finish();
  }

  /// False: it is over, nobody wants more.
  bool read(const store::BucketRange& range, Cases& pool) {
    store::Position after;
    if (range.first > 0) after = {range.first - 1, INT64_MAX};
    for (;;) {
      Batch batch = take_spare();
      std::ranges::move(batch.cases, std::back_inserter(pool));
      batch.cases.clear();
      store::Result<Cases> loaded = Cases{};
      {
        const Stopwatch watch(load_s_);
        loaded = store_.load_awake(program_.program, now_, options_.full, after, options_.batch_limit, pool, range.last);
      }
      if (!loaded) return give_up(loaded.error()), false;
      if (loaded->empty()) return true;
      after = {loaded->back()->bucket, loaded->back()->debtor_id};
      batch.cases = std::move(*loaded);
      if (!to_step_.put(std::move(batch))) {
        to_step_.finish();
        return false;
      }
    }
  }

  void step(engine::Stepper& stepper, Tally& tally) {
    const engine::StepOptions step_options{.version = program_.version, .collect_reads = options_.collect_reads, .orders = &orders_};
    while (auto batch = to_step_.take()) {
      {
        const Stopwatch watch(tally.counts.step_s);
        batch->results.resize(batch->cases.size());
        for (size_t c = 0; c < batch->cases.size(); ++c) {
          stepper.step(*batch->cases[c], now_, batch->results[c], step_options);
          tally.add(*batch->cases[c], batch->results[c]);
        }
      }
      if (!to_commit_.put(std::move(*batch))) break;
    }
    if (--stepping_ == 0) to_commit_.finish();
  }

  void write() {
    std::vector<store::CaseCommit> commits;
    while (auto batch = to_commit_.take()) {
      commits.clear();
      for (size_t c = 0; c < batch->cases.size(); ++c) commits.push_back({batch->cases[c].get(), &batch->results[c]});
      double seconds = 0;
      store::Result<void> committed;
      {
        const Stopwatch watch(seconds);
        committed = store_.commit_all(program_.program, commits, now_);
      }
      if (!committed) return give_up(committed.error());
      const std::lock_guard lock(spare_guard_);
      commit_s_ += seconds;
      written_.cases += static_cast<int64_t>(batch->cases.size());
      spare_.push_back(std::move(*batch));
      tell();
    }
  }

  void tell() {
    if (!options_.progress) return;
    progress_.so_far = progress_before_;
    progress_.so_far.add(written_);
    progress_.at = now_;
    progress_.night_done = false;
    options_.progress(progress_);
  }

  Batch take_spare() {
    const std::lock_guard lock(spare_guard_);
    if (spare_.empty()) return {};
    Batch batch = std::move(spare_.back());
    spare_.pop_back();
    return batch;
  }

  void give_up(const StoreError& error) {
    {
      const std::lock_guard lock(error_guard_);
      if (!error_) error_ = error;
    }
    to_step_.close();
    to_commit_.close();
  }

  store::Store& store_;
  const NightProgram& program_;
  const NightOptions& options_;
  std::vector<std::unique_ptr<engine::Stepper>>& steppers_;
  std::vector<Batch>& spare_;
  NightProgress& progress_;
  NightCounts progress_before_, written_;
  Instant now_ = 0;
  std::vector<engine::ExperimentOrder> orders_;
  BoundedQueue<Batch> to_step_{batches_ahead}, to_commit_{batches_ahead};
  std::atomic<int> stepping_ = 0;
  std::mutex spare_guard_, error_guard_;
  std::optional<StoreError> error_;
  double load_s_ = 0, commit_s_ = 0;
};

/// Steps through the instants of a run.
class Nights {
 public:
  Nights(store::Store& store, const NightProgram& program, const NightOptions& options)
      : store_(store), program_(program), options_(options), awake_only_(options) {
    awake_only_.full = false;
    for (int s = 0; s < std::max(options.steppers, 1); ++s)
      steppers_.push_back(std::make_unique<engine::Stepper>(program.program, program.evaluator, program.calendar, program.settings));
  }

  store::Result<void> at(Instant now) {
    Tally night;
    std::optional<StoreError> error;
    {
      const Stopwatch watch(night.counts.total_s);
      Pass pass(store_, program_, options_, steppers_, spare_, progress_);
      error = pass.run(now, night);
      for (int round = 0; !error && round < grant_rounds_max; ++round) {
        const auto granted = grant(now);
        if (!granted) error = granted.error();
        if (!granted || *granted == 0) break;
        // Who was granted something is stepped again, now.
        Pass again(store_, program_, awake_only_, steppers_, spare_, progress_);
        error = again.run(now, night);
      }
    }
    progress_.so_far.add(night.counts);
    progress_.so_far.cases = tally_.counts.cases + night.counts.cases;
    tally_.add(night);
    last_ = night.counts;
    if (error) return std::unexpected(*error);
    return store_.tend_queues(now);
  }

  /// False if the caller wants to stop.
  bool night_done(int64_t date, Instant now, const NightCounts& night) {
    ++tally_.counts.nights;
    ++progress_.nights_done;
    progress_.so_far = tally_.counts;
    progress_.night_done = true;
    progress_.at = now;
    if (options_.progress) options_.progress(progress_);
    return !options_.after_night || options_.after_night(date, now, night);
  }

  store::Result<NightReport> run(int64_t from_date, int64_t to_date) {
    progress_.nights_total = to_date - from_date + 1;
    for (int64_t date = from_date; date <= to_date; ++date) {
      Instant now = 0, end = 0;
      if (abi::day_start(program_.calendar, date, &now) != abi::Fault::none || abi::day_start(program_.calendar, date + 1, &end) != abi::Fault::none)
        return std::unexpected(StoreError{StoreError::Kind::input, "the dates of the run reach beyond the bundle's calendar"});
      progress_.date = date;
      NightCounts night;
      while (now < end) {
        if (auto done = at(now); !done) return std::unexpected(done.error());
        night.add(last_);
        if (!options_.every_wake) break;
        const auto next = store_.next_wake(now);
        if (!next) return std::unexpected(next.error());
        now = *next;
      }
      if (!night_done(date, std::min(now, end), night)) break;
    }
    return tally_.report(program_.program);
  }

  NightReport report() const { return tally_.report(program_.program); }

 private:
  /// Somebody who is granted something may ask for the next thing at once; who goes on and on waits for the next night.
  static constexpr int grant_rounds_max = 10;

  /// What is scarce, over all open requests; the number of answers.
  store::Result<int64_t> grant(Instant now) {
    const auto passes = engine::grant_passes(program_.program, program_.evaluator, program_.calendar, program_.settings, now);
    if (!passes) return std::unexpected(StoreError{StoreError::Kind::input, passes.error()});
    int64_t answered = 0;
    for (const engine::GrantPass& pass : *passes) {
      const auto granted = store_.grant(program_.program, pass, now);
      if (!granted) return std::unexpected(granted.error());
      answered += *granted;
    }
    return answered;
  }

  store::Store& store_;
  const NightProgram& program_;
  const NightOptions& options_;
  NightOptions awake_only_;  // a pass after the first
  std::vector<std::unique_ptr<engine::Stepper>> steppers_;
  std::vector<Batch> spare_;
  NightProgress progress_;
  Tally tally_;
  NightCounts last_;
};

}  // namespace

store::Result<NightReport> run_nights(store::Store& store, const NightProgram& program, int64_t from_date, int64_t to_date, const NightOptions& options) {
  return Nights(store, program, options).run(from_date, to_date);
}

store::Result<NightReport> run_once(store::Store& store, const NightProgram& program, Instant now, const NightOptions& options) {
  Nights nights(store, program, options);
  if (auto done = nights.at(now); !done) return std::unexpected(done.error());
  nights.night_done(0, now, {});
  return nights.report();
}

}  // namespace dunlin::simulate
