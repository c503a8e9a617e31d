// The command `dunlin`.
#include <fmt/format.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <new>
#include <thread>

#include "server/commands.h"
#include "server/department_commands.h"
#include "server/exit_code.h"
#include "server/import/near_match.h"
#include "server/output/terminal.h"
#include "server/serve/serve_commands.h"
#include "server/table_commands.h"
#include "server/version.h"
#include "server/writer_commands.h"

namespace {

using dunlin::server::Exit;

/// The command line is wrong: one sentence, the way to help, exit 2.
int refuse_usage(const CLI::App& app, const CLI::ParseError& error) {
  std::string command = app.get_name();
  for (const auto* chosen : app.get_subcommands()) command += " " + chosen->get_name();
  fmt::print(stderr, "error: {}\n  help: {} --help shows how it is used\n", error.what(), command);
  return static_cast<int>(Exit::usage);
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) names.push_back(command->get_name());
  return names;
}

bool is_command(const CLI::App& app, const std::string& word) {
  auto names = command_names(app);
  return std::find(names.begin(), names.end(), word) != names.end();
}

/// A word stands where a command should.
int refuse_command(const CLI::App& app, const std::string& word) {
  fmt::print(stderr, "error: there is no command `{}`\n  help: {}\n", dunlin::server::printable(word), dunlin::import::suggest(word, command_names(app)));
  return static_cast<int>(Exit::usage);
}

int run(int argc, char** argv) {
  using namespace dunlin::server;
  CLI::App app{"Dunlin carries collection strategies from rule files to queues.", "dunlin"};
  app.set_version_flag("--version", std::string("dunlin ") + dunlin_version);
  app.require_subcommand(1);
  app.get_formatter()->column_width(32);
  app.footer(
      "Exit codes: 0 done, 1 the input is wrong, 2 the usage is wrong, 3 the environment is wrong.\n\nExample:\n  dunlin check strategies/card_collections");
  Chosen chosen;
  add_check_command(app, chosen);
  add_fmt_command(app, chosen);
  add_test_command(app, chosen);
  add_import_command(app, chosen);
  add_export_command(app, chosen);
  add_run_command(app, chosen);
  add_explain_command(app, chosen);
  add_replay_command(app, chosen);
  add_queue_command(app, chosen);
  add_hold_commands(app, chosen);
  add_diff_command(app, chosen);
  add_plan_command(app, chosen);
  add_apply_command(app, chosen);
  add_rollback_command(app, chosen);
  add_proposal_command(app, chosen);
  add_approval_commands(app, chosen);
  add_experiment_command(app, chosen);
  add_feed_command(app, chosen);
  add_campaign_command(app, chosen);
  add_bulk_command(app, chosen);
  add_contact_command(app, chosen);
  add_clock_command(app, chosen);
  add_worker_command(app, chosen);
  add_bundle_command(app, chosen);
  add_serve_command(app, chosen);
  add_token_command(app, chosen);
  add_audit_command(app, chosen);
  add_history_command(app, chosen);
  add_bench_command(app, chosen);
  add_repl_command(app, chosen);
  add_letter_command(app, chosen);
  add_lint_command(app, chosen);
  add_graph_command(app, chosen);
  add_docs_command(app, chosen);
  add_lsp_command(app, chosen);
  add_doctor_command(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    if (argc > 1 && argv[1][0] != '-' && !is_command(app, argv[1])) return refuse_command(app, argv[1]);
    return refuse_usage(app, error);
  }
  return chosen ? chosen() : static_cast<int>(Exit::usage);
}

}  // namespace

/// Columns of a batch come and go by the megabyte. Given back to the system each time, their pages would have to be cleared again for the next batch.
void keep_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
  // One arena a core, not eight: every thread that once compiled a version would keep an arena of that size.
  mallopt(M_ARENA_MAX, static_cast<int>(std::max(2U, std::thread::hardware_concurrency())));
}

int main(int argc, char** argv) {
  keep_freed_memory();
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "error: there is not enough memory\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: a mistake inside dunlin ended the command: {}\n  help: please report it together with the command\n", error.what());
  }
  return static_cast<int>(Exit::environment);
}
