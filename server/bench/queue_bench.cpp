#include "server/bench/queue_bench.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "runtime/store/bulk.h"
#include "runtime/store/embedded.h"
#include "runtime/store/postgres_store.h"
#include "server/output/progress.h"

namespace dunlin::bench {

namespace {

using store::BulkConnection;
using Clock = std::chrono::steady_clock;
using store::Result;

double seconds_between(Clock::time_point from, Clock::time_point to) { return std::chrono::duration<double>(to - from).count(); }

/// A queue with one outcome, and case files that are nothing but a row each. Task i is about case file i.
constexpr auto set_up = R"(
  insert into dunlin.name (kind, name) values ('queue', 'bench'), ('event', 'bench_call'), ('event', 'bench_call.busy');
  insert into dunlin.event_type select id, name, '', 'account', name = 'bench_call.busy' from dunlin.name where kind = 'event';
  insert into dunlin.event_field select id, 'treatment', 'text', true, null from dunlin.name where name = 'bench_call.busy';
  insert into dunlin.queue_setting (queue, name, outcomes, cost) select id, name, 'bench_call', 1 from dunlin.name where kind = 'queue';
  create or replace view dunlin.instance_key as select 'account'::text as entity, bucket, case_id, case_id as id, case_id::text as key, 0::int8 as parent from dunlin.case_file;
)";

/// What a consumer's program prepares once and calls by name, as drivers do.
constexpr auto prepared_calls = R"(
  prepare lease(text) as select task || ''', ' || epoch from dunlin.lease('bench', $1);
  prepare lease_many(text, int) as
    select json_agg(json_build_object('task', task, 'epoch', epoch, 'outcome', 'busy'))::text from dunlin.lease('bench', $1, $2);
  prepare complete(uuid, int) as select dunlin.complete($1, $2, 'busy');
  prepare complete_many(jsonb) as select count(*) from dunlin.complete_many($1) where result = 'accepted';
  prepare complete_and_lease(uuid, int, text) as select task || ''', ' || epoch from dunlin.complete_and_lease($1, $2, 'busy', worker => $3);
)";

/// Tasks from `first` on; priorities from 0 to 100 in no order, so that new ones fall in between old ones.
std::string add_tasks(int64_t first, int64_t count) {
  return fmt::format(R"(
    select pg_current_xact_id();  -- the transaction's number before the places in line
    with made as materialized (select n, (n % 1024)::int4 as bucket, md5('bench' || n)::uuid as task from generate_series({}::int8, {}::int8) n),
         cases as (insert into dunlin.case_file (bucket, case_id, step_no, version, wake_at) select bucket, n, 1, 0, 'infinity' from made),
         bodies as (insert into dunlin.task_body (bucket, case_id, task, identity, rule, recipient, standing, stays, treatment, created_at, expires, time_window, fields)
                    select bucket, n, task, n, 1, 0, true, false, 'script', now(), 'infinity', -1, '{{"script": "says what is owed"}}' from made)
    insert into dunlin.task_open (bucket, case_id, task, instance_id, queue, priority, status, not_before)
      select bucket, n, task, n, (select id from dunlin.name where kind = 'queue'), n * 7919 % 101, 0, now() from made)",
                     first, first + count - 1);
}

/// Milliseconds and what was completed, a stretch each.
struct Tally {
  std::mutex guard;
  std::vector<std::vector<double>> latencies, services;
  std::vector<int64_t> completed;
  std::string error;

  void add(double at_s, double stretch_s, double latency_ms, double service_ms, int64_t tasks) {
    const auto index = static_cast<size_t>(at_s / stretch_s);
    const std::lock_guard hold(guard);
    if (latencies.size() <= index) {
      latencies.resize(index + 1);
      services.resize(index + 1);
      completed.resize(index + 1);
    }
    latencies[index].push_back(latency_ms);
    services[index].push_back(service_ms);
    completed[index] += tasks;
  }
  void fail(const std::string& message) {
    const std::lock_guard hold(guard);
    if (error.empty()) error = message;
  }
};

double quantile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto at = std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size())));
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(at));
  return values[at];
}

class QueueBench {
 public:
  QueueBench(const QueueBenchOptions& options, std::string url) : options_(options), url_(std::move(url)) {}

  std::expected<QueueFigures, std::string> measure() {
    auto made = make_queue();
    if (!made) return std::unexpected(made.error().message);
    const int64_t probe = std::max<int64_t>(options_.seconds / 6, std::min<int64_t>(options_.seconds, 5));
    QueueFigures figures;
    double free = 0, held = 0;
    struct Plan {
      const char* name;
      bool held;
      int batch;
      int64_t rate, seconds;
      bool in_one_call = false;
    };
    const Plan plans[] = {{"most, one by one", false, 1, 0, probe},
                          {"most, the next with the end of the last", false, 1, 0, probe, true},
                          {"most, in batches", false, options_.batch, 0, probe},
                          {"at the rate, one by one", false, 1, options_.rate, options_.seconds},
                          {"at the rate, one by one", true, 1, options_.rate, options_.seconds},
                          {"most, one by one", true, 1, 0, probe},
                          {"most, the next with the end of the last", true, 1, 0, probe, true},
                          {"most, in batches", true, options_.batch, 0, probe}};
    for (const Plan& plan : plans) {
      if (options_.held_only && !plan.held) continue;
      auto run = measure_run({.name = plan.name, .snapshot_held = plan.held, .batch = plan.batch, .offered_per_s = plan.rate, .in_one_call = plan.in_one_call},
                             plan.seconds);
      if (!run) return std::unexpected(run.error());
      if (plan.batch == 1 && plan.rate == 0 && !plan.in_one_call) (plan.held ? held : free) = run->per_s;
      figures.runs.push_back(std::move(*run));
    }
    if (free > 0) figures.held_of_free = held / free;
    return figures;
  }

 private:
  Result<void> make_queue() {
    auto opened = store::open_postgres({.url = url_});
    if (!opened) return std::unexpected(opened.error());
    if (auto done = (*opened)->migrate(); !done) return done;
    auto connection = BulkConnection::open(url_);
    if (!connection) return std::unexpected(connection.error());
    auto used = (*connection)->value("select (select count(*) from dunlin.bundle) + (select count(*) from dunlin.queue_setting)");
    if (!used) return std::unexpected(used.error());
    if (used->value_or("") != "0") {
      return std::unexpected(
          store::StoreError{store::StoreError::Kind::input, "the queue is measured in an empty database only, and this one has a bundle in it"});
    }
    if (auto done = (*connection)->run(set_up); !done) return std::unexpected(done.error());
    if (auto done = (*connection)->run(add_tasks(next_task_, options_.backlog)); !done) return std::unexpected(done.error());
    next_task_ += options_.backlog;
    auto done = (*connection)->run("vacuum analyze");
    if (!done) return std::unexpected(done.error());
    return {};
  }

  /// New tasks, as many as were completed, ten times a second; at the end too, or each run would leave fewer to the next.
  void supply(const std::atomic<bool>& stop, const std::atomic<int64_t>& completed, Tally& tally) {
    auto connection = BulkConnection::open(url_);
    if (!connection) return tally.fail(connection.error().message);
    for (int64_t supplied = 0;;) {
      const bool last = stop;
      const int64_t missing = completed - supplied;
      if (missing > 0) {
        if (auto done = (*connection)->run(add_tasks(next_task_, missing)); !done) return tally.fail(done.error().message);
        next_task_ += missing;
        supplied += missing;
      }
      if (last) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }

  /// Completes what is held, `TASK', EPOCH`, and leases the next, in one call; how many were completed.
  static Result<int64_t> next(BulkConnection& connection, const std::string& worker, std::optional<std::string>& held) {
    const bool ends = held.has_value();
    const std::string call = ends ? fmt::format("execute complete_and_lease('{}, '{}')", *held, worker) : fmt::format("execute lease('{}')", worker);
    auto leased = connection.value(call);
    if (!leased) return std::unexpected(leased.error());
    held = *leased;
    return ends ? 1 : 0;
  }

  /// Leases and completes; how many. Zero: there was nothing.
  static Result<int64_t> turn(BulkConnection& connection, const std::string& worker, int batch) {
    if (batch == 1) {
      auto leased = connection.value(fmt::format("execute lease('{}')", worker));
      if (!leased) return std::unexpected(leased.error());
      if (!*leased) return 0;
      auto done = connection.value(fmt::format("execute complete('{})", **leased));
      if (!done) return std::unexpected(done.error());
      return 1;
    }
    auto leased = connection.value(fmt::format("execute lease_many('{}', {})", worker, batch));
    if (!leased) return std::unexpected(leased.error());
    if (!*leased) return 0;
    auto done = connection.value(fmt::format("execute complete_many('{}')", **leased));
    if (!done) return std::unexpected(done.error());
    return std::atoll(done->value_or("0").c_str());
  }

  void consume(int number, const QueueRun& run, int64_t seconds, double stretch_s, Clock::time_point begin, std::atomic<int64_t>& completed, Tally& tally) {
    auto connection = BulkConnection::open(url_);
    if (!connection) return tally.fail(connection.error().message);
    if (auto prepared = (*connection)->run(prepared_calls); !prepared) return tally.fail(prepared.error().message);
    const std::string worker = fmt::format("worker {}", number);
    const double period = run.offered_per_s == 0 ? 0 : static_cast<double>(options_.clients * run.batch) / static_cast<double>(run.offered_per_s);
    std::optional<std::string> held;
    for (int64_t nth = 0;; ++nth) {
      auto start = Clock::now();
      if (period > 0) {
        // Latency counts from the instant at which the call was due: who is late is not excused.
        const auto due = begin + std::chrono::duration_cast<Clock::duration>(
                                     std::chrono::duration<double>(period * (static_cast<double>(nth) + number / static_cast<double>(options_.clients))));
        std::this_thread::sleep_until(due);
        start = due;
      }
      const auto called = Clock::now();
      if (period == 0) start = called;
      if (seconds_between(begin, called) >= static_cast<double>(seconds)) break;
      auto done = run.in_one_call ? next(**connection, worker, held) : turn(**connection, worker, run.batch);
      if (!done) return tally.fail(done.error().message);
      completed += *done;
      const auto end = Clock::now();
      if (*done > 0) tally.add(seconds_between(begin, end), stretch_s, seconds_between(start, end) * 1e3, seconds_between(called, end) * 1e3, *done);
      if (*done == 0 && !held) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    if (!held) return;
    auto over = (*connection)->value(fmt::format("execute complete('{})", *held));
    if (!over) tally.fail(over.error().message);
  }

  std::expected<QueueRun, std::string> measure_run(QueueRun run, int64_t seconds) {
    std::unique_ptr<BulkConnection> reader;
    if (run.snapshot_held) {
      auto connection = BulkConnection::open(url_);
      if (!connection) return std::unexpected(connection.error().message);
      reader = std::move(*connection);
      // Counting makes the snapshot; the transaction stays open.
      auto begun = reader->run("begin isolation level repeatable read read only; select count(*) from dunlin.queue_setting");
      if (!begun) return std::unexpected(begun.error().message);
    }
    const double stretch_s = seconds >= 120 ? 60 : std::max(1.0, static_cast<double>(seconds) / 4);
    Tally tally;
    std::atomic<bool> stop = false;
    std::atomic<int64_t> completed = 0;
    const auto begin = Clock::now();
    std::thread supplier([&] { supply(stop, completed, tally); });
    std::vector<std::thread> consumers;
    for (int c = 0; c < options_.clients; ++c) consumers.emplace_back([&, c] { consume(c, run, seconds, stretch_s, begin, completed, tally); });
    server::Progress progress(run.name + (run.snapshot_held ? ", snapshot held" : ""), "s", seconds, options_.progress);
    for (int64_t passed = 0; passed < seconds; ++passed) {
      std::this_thread::sleep_until(begin + std::chrono::seconds(passed + 1));
      progress.at(passed + 1);
    }
    for (std::thread& consumer : consumers) consumer.join();
    stop = true;
    supplier.join();
    if (!tally.error.empty()) return std::unexpected(tally.error);
    int64_t all = 0;
    for (size_t i = 0; i < tally.latencies.size(); ++i) {
      const double length = std::min(stretch_s, static_cast<double>(seconds) - static_cast<double>(i) * stretch_s);
      if (length < stretch_s / 2) continue;  // the last call of the run, a little over
      run.stretches.push_back({.seconds = length,
                               .completed = tally.completed[i],
                               .per_s = static_cast<double>(tally.completed[i]) / length,
                               .p50_ms = quantile(tally.latencies[i], 0.5),
                               .p99_ms = quantile(tally.latencies[i], 0.99),
                               .service_p50_ms = quantile(tally.services[i], 0.5),
                               .service_p99_ms = quantile(tally.services[i], 0.99)});
    }
    for (const int64_t count : tally.completed) all += count;
    run.per_s = static_cast<double>(all) / static_cast<double>(seconds);
    return run;
  }

  const QueueBenchOptions& options_;
  std::string url_;
  int64_t next_task_ = 1;
};

}  // namespace

double QueueRun::p99_last_of_first() const {
  return stretches.size() < 2 || stretches.front().p99_ms <= 0 ? 0 : stretches.back().p99_ms / stretches.front().p99_ms;
}
double QueueRun::service_p99_last_of_first() const {
  return stretches.size() < 2 || stretches.front().service_p99_ms <= 0 ? 0 : stretches.back().service_p99_ms / stretches.front().service_p99_ms;
}

std::expected<QueueFigures, std::string> measure_queue(const QueueBenchOptions& options) {
  if (!options.database.empty()) return QueueBench(options, options.database).measure();
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("dunlin_queue_bench_{}", getpid());
  std::error_code ignored;
  std::expected<QueueFigures, std::string> figures;
  {
    auto server = store::EmbeddedServer::start({.folder = folder});
    if (!server) return std::unexpected(server.error().message);
    figures = QueueBench(options, (*server)->connection()).measure();
  }
  std::filesystem::remove_all(folder, ignored);
  return figures;
}

}  // namespace dunlin::bench
