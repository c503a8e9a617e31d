// dunlin replay --decisions: every recorded step is taken again under the version that took it; what comes of it must be what was recorded.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/replay/replay.h"
#include "server/commands.h"
#include "server/open_store.h"
#include "server/output/moment.h"
#include "server/output/progress.h"
#include "server/output/terminal.h"
#include "server/plan/proposal.h"
#include "server/stdlib_folder.h"

namespace dunlin::server {
namespace {

using Json = nlohmann::ordered_json;

struct ReplayCommand {
  CommonOptions common;
  StoreOptions store;
  std::string stdlib, root;
  bool decisions = false, interpreter = false;
  size_t most = 20;
};

/// The versions of the database, each compiled when it is first asked for.
class StoredVersions {
 public:
  StoredVersions(store::Store& store, std::filesystem::path stdlib, bool interpreted) : store_(store), stdlib_(std::move(stdlib)), interpreted_(interpreted) {}

  store::Result<const replay::Version*> operator()(int32_t number) {
    auto& kept = versions_[number];
    if (kept.version) return &*kept.version;
    auto runner = runner_of_version(store_, number, stdlib_, !interpreted_);
    if (!runner) return std::unexpected(runner.error());
    kept.runner = std::move(*runner);
    const Machine& machine = kept.runner->machine;
    auto orders = store_.experiment_orders();
    if (!orders) return std::unexpected(orders.error());
    kept.version.emplace(
        replay::Version{kept.runner->program(), machine.evaluator(interpreted_), *machine.calendar->view(), kept.runner->settings, std::move(*orders)});
    return &*kept.version;
  }

 private:
  struct Kept {
    std::unique_ptr<Runner> runner;
    std::optional<replay::Version> version;
  };
  store::Store& store_;
  std::filesystem::path stdlib_;
  bool interpreted_;
  std::map<int32_t, Kept> versions_;
};

Json difference_json(const replay::Difference& difference) {
  return {{"kind", replay::kind_text(difference.kind)},
          {"key", difference.key},
          {"at", moment_json(difference.at)},
          {"version", difference.version},
          {"step", difference.step},
          {"bucket", difference.bucket},
          {"batch", difference.batch},
          {"recorded", difference.recorded},
          {"computed", difference.computed}};
}

void print_difference(const replay::Difference& difference, bool color) {
  std::string where = difference.key.empty() ? fmt::format("bucket {}", difference.bucket) : printable(difference.key);
  if (difference.at != 0) where += ", " + moment_text(difference.at) + " UTC";
  fmt::print("{}  {}, step {}, version {}\n", styled(replay::kind_text(difference.kind), Style::red, color), where, difference.step, difference.version);
  if (difference.computed.empty()) return fmt::print("  {}\n", printable(difference.recorded));
  fmt::print("  recorded  {}\n  computed  {}\n", printable(difference.recorded), printable(difference.computed));
}

bool nothing_checked(const replay::Report& report) { return report.steps == 0 && report.different == 0; }

void print_report(const ReplayCommand& command, const replay::Report& report) {
  for (const auto& difference : report.differences) print_difference(difference, command.common.color);
  if (report.different > static_cast<int64_t>(report.differences.size())) {
    fmt::print("… and {} more; --most shows them\n", grouped(report.different - static_cast<int64_t>(report.differences.size())));
  }
  const bool left_out = report.not_from_the_beginning > 0 || report.batches_without_records > 0;
  if (nothing_checked(report)) {
    fmt::print("nothing was checked: {}\n", left_out ? "no step on record can be taken again" : "no step is on record");
  } else {
    const std::string all = left_out ? "all of these as recorded" : "all as recorded";
    fmt::print("{} steps of {} case files taken again, {} decisions in them: {}\n", grouped(report.steps), grouped(report.case_files),
               grouped(report.decisions), report.different == 0 ? all : grouped(report.different) + " differ");
  }
  if (report.begin_later > 0) {
    fmt::print("{} case files begin after their first step: what was before is not on record, and what the first record says is taken as it stands\n",
               grouped(report.begin_later));
  }
  if (report.not_from_the_beginning > 0) {
    fmt::print("{} steps could not be: no record up to them says all that their case files held; the first step of a case file in a month does\n",
               grouped(report.not_from_the_beginning));
  }
  if (report.batches_without_records > 0) fmt::print("{} batches are from before records were kept\n", grouped(report.batches_without_records));
}

int replay_command(const ReplayCommand& command) {
  if (!command.decisions) return fail(command.common, Exit::usage, "say what is to be replayed: --decisions");
  auto stdlib = find_stdlib(command.stdlib);
  if (!stdlib) return fail(command.common, Exit::environment, stdlib.error());
  int exit = 0;
  auto store = open_store_or_exit(command.store, command.common, exit, StoreUse::look);
  if (!store) return exit;
  store::StepLog* log = store::step_log_of(*store);
  if (log == nullptr) return fail(command.common, Exit::environment, "this store keeps no records of steps");
  replay::Options options{.only_case = {}, .most = command.most, .progress = {}, .seen = {}};
  StoredVersions versions(*store, *stdlib, command.interpreter);
  if (!command.root.empty()) {
    auto active = active_version(*store);
    if (!active) return fail(command.common, active.error());
    if (*active == 0) return fail(command.common, Exit::input, "no bundle has been activated in this database", "dunlin run BUNDLE activates one");
    auto version = versions(*active);
    if (!version) return fail(command.common, version.error());
    const std::string& root = (*version)->program.entities[0].name;
    if (auto file = store->load_case((*version)->program, root, command.root, std::nullopt); !file) return fail(command.common, file.error());
    options.only_case = engine::stable_id(root, command.root);
  }
  Progress progress("replay", "buckets", engine::bucket_count, command.common.progress);
  options.progress = [&](int32_t bucket) { progress.at(bucket); };
  auto report = replay::replay_decisions(*log, std::ref(versions), options);
  progress.end();
  if (!report) return fail(command.common, report.error());
  if (command.common.json) {
    Json body{{"steps", report->steps},
              {"case_files", report->case_files},
              {"decisions", report->decisions},
              {"different", report->different},
              {"begin_later", report->begin_later},
              {"not_from_the_beginning", report->not_from_the_beginning},
              {"batches_without_records", report->batches_without_records},
              {"differences", Json::array()}};
    for (const auto& difference : report->differences) body["differences"].push_back(difference_json(difference));
    fmt::print("{}\n", body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    print_report(command, *report);
  }
  if (nothing_checked(*report)) return static_cast<int>(Exit::environment);
  return static_cast<int>(report->different == 0 ? Exit::done : Exit::input);
}

}  // namespace

void add_replay_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<ReplayCommand>();
  auto* sub = app.add_subcommand("replay", "Take recorded steps again and compare, bit for bit");
  sub->add_flag("--decisions", command->decisions, "Every recorded decision, under the version that made it");
  sub->add_option("--case", command->root, "Only the case file with this key of its root (a debtor)");
  sub->add_flag("--interpreter", command->interpreter, "Compute by the interpreter instead of machine code");
  sub->add_option("--most", command->most, "Show so many differences")->capture_default_str();
  sub->add_option("--stdlib", command->stdlib, "Folder of the standard library, if not the installed one");
  add_store_options(*sub, command->store);
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  dunlin replay --decisions --database postgresql://collections@db/collections");
  sub->callback([command, &chosen] { chosen = [command] { return replay_command(*command); }; });
}

}  // namespace dunlin::server
