// The commands of `dunlin`, one file each (command_check.cpp …). Each adds itself to the command line and says what to run if it is chosen.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace dunlin::server {

/// Set by the command that the command line names; returns the exit code.
using Chosen = std::function<int()>;

void add_check_command(CLI::App& app, Chosen& chosen);
void add_test_command(CLI::App& app, Chosen& chosen);
void add_run_command(CLI::App& app, Chosen& chosen);
void add_explain_command(CLI::App& app, Chosen& chosen);
void add_replay_command(CLI::App& app, Chosen& chosen);
void add_import_command(CLI::App& app, Chosen& chosen);
void add_queue_command(CLI::App& app, Chosen& chosen);
/// hold, lift
void add_hold_commands(CLI::App& app, Chosen& chosen);
/// list, show, promote, stop
void add_experiment_command(CLI::App& app, Chosen& chosen);
void add_worker_command(CLI::App& app, Chosen& chosen);
void add_diff_command(CLI::App& app, Chosen& chosen);
void add_plan_command(CLI::App& app, Chosen& chosen);
void add_apply_command(CLI::App& app, Chosen& chosen);
void add_rollback_command(CLI::App& app, Chosen& chosen);
void add_bundle_command(CLI::App& app, Chosen& chosen);
void add_bench_command(CLI::App& app, Chosen& chosen);
void add_doctor_command(CLI::App& app, Chosen& chosen);

}  // namespace dunlin::server
