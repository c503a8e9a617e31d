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
#endif

namespace dunlin::server {
namespace {

struct BenchCommand {
  CommonOptions common;
  std::string stdlib, bundle = DUNLIN_BENCH_BUNDLE, database, data;
  int64_t accounts = 1'000'000;
  int rounds = 5;
  bool end_to_end = false;
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
    body["tasks"] = whole->tasks;
    body["rss_mb"] = whole->rss_mb;
  }
  if (command.common.json) fmt::print("{}\n", body.dump(2));
  return 0;
}

#else

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
  sub->callback([command, &chosen] { chosen = [command] { return bench_command(*command); }; });
}

}  // namespace dunlin::server
