#include "server/bench/end_to_end.h"

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "runtime/simulate/bounded_queue.h"
#include "runtime/store/embedded.h"
#include "server/bench/engine_night.h"
#include "server/bench/in_memory.h"
#include "server/bench/workload_tables.h"
#include "server/output/progress.h"
#include "tests/bench/night.h"

namespace dunlin::bench {
namespace {

using Clock = std::chrono::steady_clock;
using store::BulkConnection;
using store::Result;

constexpr size_t batch_rows = 8'192;  // a batch's columns stay in the processor's cache, and the pipeline fills and empties fast

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// Forgets the most memory the process had, so that what follows is measured alone.
void forget_memory_peak() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

double memory_peak_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

/// Reads the portfolio in a thread of its own and hands it over batch by batch.
class Reader {
 public:
  Reader(BulkConnection& connection, bool decode) : connection_(connection), decode_(decode), thread_([this] { read(); }) {}
  ~Reader() {
    batches_.close();
    if (thread_.joinable()) thread_.join();
  }
  std::optional<store::Columns> take() { return batches_.take(); }
  /// Waits for the end; the error if there was one.
  Result<void> end() {
    thread_.join();
    if (error_) return std::unexpected(*error_);
    return {};
  }

 private:
  void read() {
    auto copy = store::CopyOut::start(connection_, "bench.account", account_types());
    if (!copy) return stop(copy.error());
    if (!decode_) {
      if (auto drained = (*copy)->drain(); !drained) return stop(drained.error());
      return batches_.finish();
    }
    while (true) {
      auto rows = store::columns_of(account_types());
      auto count = (*copy)->next(rows, batch_rows);
      if (!count) return stop(count.error());
      if (*count == 0) return batches_.finish();
      if (!batches_.put(std::move(rows))) return;
    }
  }
  void stop(store::StoreError error) {
    error_ = std::move(error);
    batches_.finish();
  }

  BulkConnection& connection_;
  bool decode_;
  simulate::BoundedQueue<store::Columns> batches_{4};
  std::optional<store::StoreError> error_;
  std::thread thread_;
};

class Workload {
 public:
  Workload(const EndToEndOptions& options, const Night& night, BulkConnection& out, BulkConnection& in)
      : options_(options), night_(night), out_(out), in_(in) {}

  Result<void> run(EndToEndFigures& figures) {
    if (auto made = make_workload_tables(in_); !made) return made;
    if (auto filled = fill_accounts(in_, options_.accounts); !filled) return filled;
    forget_memory_peak();
    if (auto warm = timed_round(&Workload::decide); !warm) return std::unexpected(warm.error());
    figures.rss_mb = memory_peak_mb();
    auto sums = check_tasks(in_);
    if (!sums) return std::unexpected(sums.error());
    figures.tasks = sums->tasks;
    if (auto kept = keep_tasks(); !kept) return kept;
    return run_rounds(figures, *sums);
  }

 private:
  using Way = Result<void> (Workload::*)();

  Result<void> run_rounds(EndToEndFigures& figures, const Checks& expected) {
    std::vector<double> decide_s, floor_s, sql_s;
    server::Progress progress("end to end", "rounds", options_.rounds, options_.progress);
    for (int round = 0; round < options_.rounds; ++round) {
      for (auto [way, seconds] : {std::pair{&Workload::decide, &decide_s}, std::pair{&Workload::move_bytes, &floor_s}, std::pair{&Workload::ask_sql, &sql_s}}) {
        auto took = timed_round(way);
        if (!took) return std::unexpected(took.error());
        seconds->push_back(*took);
        auto sums = check_tasks(in_);
        if (!sums) return std::unexpected(sums.error());
        if (*sums != expected)
          return std::unexpected(store::StoreError{store::StoreError::Kind::environment, "two ways of making the tasks come to different sums"});
      }
      progress.at(round + 1);
    }
    figures.end_to_end_s = median(decide_s);
    figures.copy_floor_s = median(floor_s);
    figures.sql_s = median(sql_s);
    return {};
  }

  /// Seconds of one way, from the first query to the commit, into an empty task table.
  Result<double> timed_round(Way way) {
    if (auto emptied = in_.run("truncate bench.task; checkpoint"); !emptied) return std::unexpected(emptied.error());
    auto begin = Clock::now();
    if (auto started = in_.run("begin"); !started) return std::unexpected(started.error());
    if (auto done = (this->*way)(); !done) return std::unexpected(done.error());
    if (auto committed = in_.run("commit"); !committed) return std::unexpected(committed.error());
    return seconds_since(begin);
  }

  Result<void> decide() {
    auto copy = store::CopyIn::start(in_, "bench.task");
    if (!copy) return std::unexpected(copy.error());
    Reader reader(out_, true);
    simulate::BoundedQueue<store::Columns> decided{4};
    std::thread decider([&] {
      while (auto rows = reader.take()) {
        if (!decided.put(tasks_of(*rows))) return;
      }
      decided.finish();
    });
    Result<void> put;
    while (auto tasks = decided.take()) {
      if (put = (*copy)->put(*tasks); !put) break;
    }
    decided.close();
    decider.join();
    if (!put) return put;
    if (auto read = reader.end(); !read) return read;
    auto taken = (*copy)->finish();
    if (!taken) return std::unexpected(taken.error());
    return {};
  }

  store::Columns tasks_of(const store::Columns& accounts) const {
    Columns columns = from_database(accounts);
    auto typed = night_.kernel_columns(columns);
    night_.run_kernel(*typed);
    DecisionColumns decisions(columns.rows());
    night_.read_decisions(*typed, decisions);
    auto tasks = store::columns_of(task_types());
    add_tasks(columns, decisions, tasks);
    return tasks;
  }

  /// The rows of the task table as they are now, for move_bytes().
  Result<void> keep_tasks() {
    auto copy = store::CopyOut::start(in_, "bench.task", task_types());
    if (!copy) return std::unexpected(copy.error());
    while (true) {
      auto rows = store::columns_of(task_types());
      auto count = (*copy)->next(rows, batch_rows);
      if (!count) return std::unexpected(count.error());
      if (*count == 0) return {};
      kept_.push_back(std::move(rows));
    }
  }

  Result<void> move_bytes() {
    auto copy = store::CopyIn::start(in_, "bench.task");
    if (!copy) return std::unexpected(copy.error());
    Reader reader(out_, false);
    for (const auto& rows : kept_) {
      if (auto put = (*copy)->put(rows); !put) return put;
    }
    auto taken = (*copy)->finish();
    if (!taken) return std::unexpected(taken.error());
    return reader.end();
  }

  Result<void> ask_sql() {
    auto done = in_.run(night_in_sql());
    if (!done) return std::unexpected(done.error());
    return {};
  }

  const EndToEndOptions& options_;
  const Night& night_;
  BulkConnection& out_;
  BulkConnection& in_;
  std::vector<store::Columns> kept_;
};

/// The private server and its folder; both go with the object if the folder was not named.
struct Server {
  std::unique_ptr<store::EmbeddedServer> server;
  std::filesystem::path temporary;
  ~Server() {
    server.reset();
    std::error_code error;
    if (!temporary.empty()) std::filesystem::remove_all(temporary, error);
  }
};

Result<std::string> start_server(const EndToEndOptions& options, Server& server) {
  if (!options.database.empty()) return options.database;
  std::filesystem::path folder = options.data;
  if (folder.empty()) {
    server.temporary = std::filesystem::temp_directory_path() / fmt::format("dunlin_bench_{}", getpid());
    std::filesystem::create_directories(server.temporary);
    std::filesystem::permissions(server.temporary,
                                 std::filesystem::perms::owner_all | std::filesystem::perms::group_exec | std::filesystem::perms::others_exec);
    folder = server.temporary / "data";
  }
  auto started = store::EmbeddedServer::start({.folder = folder});
  if (!started) return std::unexpected(started.error());
  server.server = std::move(*started);
  return server.server->connection();
}

std::expected<void, std::string> measure_workload(const EndToEndOptions& options, const std::string& url, EndToEndFigures& figures) {
  auto night = Night::load(options.bundle, options.stdlib);
  if (!night) return std::unexpected(night.error());
  auto out = BulkConnection::open(url);
  if (!out) return std::unexpected(out.error().message);
  auto in = BulkConnection::open(url);
  if (!in) return std::unexpected(in.error().message);
  auto done = Workload(options, **night, **out, **in).run(figures);
  if (!done) return std::unexpected(done.error().message);
  return {};
}

}  // namespace

std::expected<EndToEndFigures, std::string> measure_end_to_end(const EndToEndOptions& options) {
  Server server;
  auto url = start_server(options, server);
  if (!url) return std::unexpected(url.error().message);
  EndToEndFigures figures;
  if (auto done = measure_workload(options, *url, figures); !done) return std::unexpected(done.error());
  forget_memory_peak();
  auto nights = measure_engine_nights(options, *url, figures, [&] { figures.rss_mb = std::max(figures.rss_mb, memory_peak_mb()); });
  if (!nights) return std::unexpected(nights.error());
  return figures;
}

}  // namespace dunlin::bench
