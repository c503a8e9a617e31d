// dunlin bench: how fast the reference night is decided, beside hand-written C++ of the same logic, and from database to database.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "server/commands.h"
#include "server/common_options.h"
#include "server/output/table.h"
#include "server/output/terminal.h"
#include "server/stdlib_folder.h"
#ifdef DUNLIN_HAS_BENCH
#include "server/bench/end_to_end.h"
#include "server/bench/in_memory.h"
#include "server/bench/queue_bench.h"
#endif

namespace dunlin::server {
namespace {

std::string reference_bundle() {
  const auto shipped = shipped_folder("strategies/reference_night");
  return shipped.empty() ? DUNLIN_BENCH_BUNDLE : shipped.string();
}

struct BenchCommand {
  CommonOptions common;
  std::string stdlib, bundle = reference_bundle(), database, data;
  int64_t accounts = 1'000'000;
  int rounds = 5;
  bool end_to_end = false;
};

struct QueueBenchCommand {
  CommonOptions common;
  std::string database;
  int64_t seconds = 60, rate = 800, backlog = 20'000;
  int clients = 4, batch = 50;
  bool held_only = false;
};

#ifdef DUNLIN_HAS_BENCH

using Json = nlohmann::ordered_json;

std::string rate_text(double per_s) { return per_s < 1e5 ? fmt::format("{:.1f} k/s", per_s / 1e3) : fmt::format("{:.2f} M/s", per_s / 1e6); }

void print_in_memory(const bench::InMemoryFigures& figures, bool color) {
  using Align = Table::Align;
  Table table({{"one core, in memory"}, {"decisions", Align::right}, {"of hand-written", Align::right}});
  double row = figures.handwritten_row_per_s;
  auto add = [&](const char* what, double per_s) { table.add({what, rate_text(per_s), fmt::format("{:.{}f}", per_s / row, per_s < row / 100 ? 4 : 2)}); };
  add("JIT (columnar kernel)", figures.jit_per_s);
  add("JIT, account by account", figures.jit_rows_per_s);
  add("interpreter", figures.interpreter_per_s);
  add("hand-written, struct per account", figures.handwritten_row_per_s);
  add("hand-written, branch-free columns", figures.handwritten_columnar_per_s);
  fmt::print("{}compile: {:.0f} ms until the kernel decides\n", table.text(color), figures.compile_ms);
}

void print_end_to_end(const bench::EndToEndFigures& figures, bool color) {
  using Align = Table::Align;
  Table table({{"with PostgreSQL"}, {"seconds", Align::right}, {"of", Align::right}, {"seconds", Align::right}, {"ratio", Align::right}});
  auto add = [&](const char* what, double seconds, const char* of, double base) {
    table.add({what, fmt::format("{:.2f}", seconds), of, fmt::format("{:.2f}", base), base > 0 ? fmt::format("{:.2f}", seconds / base) : ""});
  };
  add("read, decide, write tasks", figures.end_to_end_s, "bare COPY out and in", figures.copy_floor_s);
  add("read, decide, write tasks", figures.end_to_end_s, "one SQL statement", figures.sql_s);
  add("a full night of the engine", figures.full_night_s, "bare COPY of all of it", figures.full_night_copy_floor_s);
  add("a full night of the engine", figures.full_night_s, "SQL twin", figures.sql_twin_s);
  add("a night on which 2% wake", figures.night_2pct_s, "a full night", figures.full_night_s);
  const std::string events = fmt::format("the same, {} events arriving", grouped(figures.events));
  add(events.c_str(), figures.event_night_s, "bare COPY of what it writes", figures.event_night_copy_floor_s);
  add(events.c_str(), figures.event_night_s, "SQL twin", figures.event_night_sql_twin_s);
  fmt::print("\n{}{} tasks, {:.0f} MB at most\n", table.text(color), grouped(figures.tasks), figures.rss_mb);
}

int bench_command(const BenchCommand& command) {
  auto stdlib = find_stdlib(command.stdlib);
  if (!stdlib) return fail(command.common, Exit::environment, stdlib.error());
  bench::InMemoryOptions options{
      .bundle = command.bundle, .stdlib = *stdlib, .accounts = command.accounts, .rounds = command.rounds, .progress = command.common.progress};
  auto figures = bench::measure_in_memory(options);
  if (!figures) return fail(command.common, Exit::environment, figures.error());
  Json body{{"checksum", figures->checksum},
            {"accounts", figures->accounts},
            {"jit_per_s", figures->jit_per_s},
            {"jit_rows_per_s", figures->jit_rows_per_s},
            {"interpreter_per_s", figures->interpreter_per_s},
            {"handwritten_row_per_s", figures->handwritten_row_per_s},
            {"handwritten_columnar_per_s", figures->handwritten_columnar_per_s},
            {"compile_ms", figures->compile_ms}};
  if (!command.common.json) {
    fmt::print("reference night, {} accounts, checksum {}\n\n", grouped(figures->accounts), figures->checksum);
    print_in_memory(*figures, command.common.color);
  }
  if (command.end_to_end) {
    auto whole = bench::measure_end_to_end({.bundle = command.bundle,
                                            .stdlib = *stdlib,
                                            .database = command.database,
                                            .data = command.data,
                                            .accounts = command.accounts,
                                            .rounds = command.rounds,
                                            .progress = command.common.progress});
    if (!whole) return fail(command.common, Exit::environment, whole.error());
    if (!command.common.json) print_end_to_end(*whole, command.common.color);
    body["end_to_end_s"] = whole->end_to_end_s;
    body["copy_floor_s"] = whole->copy_floor_s;
    body["sql_s"] = whole->sql_s;
    body["full_night_s"] = whole->full_night_s;
    body["full_night_copy_floor_s"] = whole->full_night_copy_floor_s;
    body["sql_twin_s"] = whole->sql_twin_s;
    body["night_2pct_s"] = whole->night_2pct_s;
    body["night_2pct_cases"] = whole->night_2pct_cases;
    body["events"] = whole->events;
    body["event_night_s"] = whole->event_night_s;
    body["event_night_cases"] = whole->event_night_cases;
    body["events_posted_s"] = whole->posting_s;
    body["event_night_copy_floor_s"] = whole->event_night_copy_floor_s;
    body["event_night_sql_twin_s"] = whole->event_night_sql_twin_s;
    body["tasks"] = whole->tasks;
    body["rss_mb"] = whole->rss_mb;
  }
  if (command.common.json) fmt::print("{}\n", body.dump(2));
  return 0;
}

Json run_json(const bench::QueueRun& run) {
  Json body{
      {"name", run.name},  {"snapshot_held", run.snapshot_held}, {"batch", run.batch}, {"offered_per_s", run.offered_per_s}, {"in_one_call", run.in_one_call},
      {"per_s", run.per_s}};
  body["p99_last_of_first"] = run.p99_last_of_first();
  body["service_p99_last_of_first"] = run.service_p99_last_of_first();
  auto stretches = Json::array();
  for (const auto& stretch : run.stretches) {
    stretches.push_back({{"seconds", stretch.seconds},
                         {"completed", stretch.completed},
                         {"per_s", stretch.per_s},
                         {"p50_ms", stretch.p50_ms},
                         {"p99_ms", stretch.p99_ms},
                         {"service_p50_ms", stretch.service_p50_ms},
                         {"service_p99_ms", stretch.service_p99_ms}});
  }
  body["stretches"] = stretches;
  return body;
}

int queue_bench_command(const QueueBenchCommand& command) {
  auto figures = bench::measure_queue({.database = command.database,
                                       .seconds = command.seconds,
                                       .rate = command.rate,
                                       .clients = command.clients,
                                       .batch = command.batch,
                                       .backlog = command.backlog,
                                       .held_only = command.held_only,
                                       .progress = command.common.progress});
  if (!figures) return fail(command.common, Exit::environment, figures.error());
  if (command.common.json) {
    Json body{{"clients", command.clients}, {"backlog", command.backlog}, {"held_of_free", figures->held_of_free}, {"runs", Json::array()}};
    for (const auto& run : figures->runs) body["runs"].push_back(run_json(run));
    fmt::print("{}\n", body.dump(2));
    return 0;
  }
  using Align = Table::Align;
  Table table({{"lease and complete"},
               {"snapshot"},
               {"a call", Align::right},
               {"offered/s", Align::right},
               {"done/s", Align::right},
               {"first/s", Align::right},
               {"p99 ms", Align::right},
               {"served in", Align::right},
               {"last/s", Align::right},
               {"p99 ms", Align::right},
               {"served in", Align::right},
               {"last of first", Align::right}});
  for (const auto& run : figures->runs) {
    const bench::QueueStretch none, &first = run.stretches.empty() ? none : run.stretches.front(), &last = run.stretches.empty() ? none : run.stretches.back();
    table.add({run.name, run.snapshot_held ? "held" : "free", std::to_string(run.batch), run.offered_per_s == 0 ? "" : grouped(run.offered_per_s),
               fmt::format("{:.0f}", run.per_s), fmt::format("{:.0f}", first.per_s), fmt::format("{:.1f}", first.p99_ms),
               fmt::format("{:.1f}", first.service_p99_ms), fmt::format("{:.0f}", last.per_s), fmt::format("{:.1f}", last.p99_ms),
               fmt::format("{:.1f}", last.service_p99_ms), fmt::format("{:.2f}", run.p99_last_of_first())});
  }
  fmt::print("{}", table.text(command.common.color));
  fmt::print(
      "first, last: minutes of a run, quarters of one below two minutes; p99 from when a task was offered, served in: 99% from when a worker came to it\n");
  if (figures->held_of_free > 0) fmt::print("most with the snapshot held, of the most without: {:.2f}\n", figures->held_of_free);
  return 0;
}

#else

int queue_bench_command(const QueueBenchCommand& command) {
  return fail(command.common, Exit::environment, "this dunlin was built without its benchmarks", "build it with -DDUNLIN_TESTS=ON");
}

int bench_command(const BenchCommand& command) {
  return fail(command.common, Exit::environment, "this dunlin was built without the reference workload", "build it with -DDUNLIN_TESTS=ON");
}

#endif

}  // namespace

void add_bench_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<BenchCommand>();
  auto* sub = app.add_subcommand("bench", "Measure the reference night: decisions a second, and from database to database");
  sub->add_option("--accounts", command->accounts, "Accounts in the portfolio")->check(CLI::Range(int64_t{100}, int64_t{8'000'000}))->capture_default_str();
  sub->add_option("--rounds", command->rounds, "Rounds; the median of each figure counts")->check(CLI::Range(1, 101))->capture_default_str();
  sub->add_flag("--end-to-end", command->end_to_end, "Also with PostgreSQL: read, decide, write, commit");
  sub->add_option("--bundle", command->bundle, "Folder of the workload's bundle, strategies/reference_night")->capture_default_str();
  sub->add_option("--stdlib", command->stdlib, "Folder of the standard library, if not the installed one");
  auto* database = sub->add_option("--database", command->database, "PostgreSQL to measure on; else a private one that goes afterwards");
  sub->add_option("--data", command->data, "Folder for the private database")->excludes(database);
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  dunlin bench --accounts 1000000 --json\n  dunlin bench --end-to-end");
  auto queue = std::make_shared<QueueBenchCommand>();
  auto* tasks = sub->add_subcommand("queue", "Measure leasing and completing tasks by SQL, with and without a reader that holds an old snapshot");
  tasks->add_option("--seconds", queue->seconds, "Seconds of each run at the rate; the runs at full speed take a sixth of it")
      ->check(CLI::Range(int64_t{1}, int64_t{86'400}))
      ->capture_default_str();
  tasks->add_option("--rate", queue->rate, "Tasks a second offered")->check(CLI::Range(int64_t{1}, int64_t{100'000}))->capture_default_str();
  tasks->add_option("--clients", queue->clients, "Connections that lease and complete")->check(CLI::Range(1, 64))->capture_default_str();
  tasks->add_option("--batch", queue->batch, "Tasks a call in the batched runs")->check(CLI::Range(2, 1000))->capture_default_str();
  tasks->add_option("--backlog", queue->backlog, "Ready tasks at the start; as many arrive as are completed")
      ->check(CLI::Range(int64_t{100}, int64_t{10'000'000}))
      ->capture_default_str();
  tasks->add_flag("--held-only", queue->held_only, "Only the runs with the old snapshot held");
  tasks->add_option("--database", queue->database, "An empty PostgreSQL database to measure in; else a private one that goes afterwards");
  add_common_options(*tasks, queue->common);
  tasks->footer("Example:\n  dunlin bench queue --seconds 600 --rate 800 --json");
  tasks->callback([queue, &chosen] { chosen = [queue] { return queue_bench_command(*queue); }; });
  sub->callback([command, tasks, &chosen] {
    if (!tasks->parsed()) chosen = [command] { return bench_command(*command); };
  });
}

}  // namespace dunlin::server
