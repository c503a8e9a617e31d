// dunlin lint: style and likely mistakes.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "lang/diag/render.h"
#include "lang/lint/lint.h"
#include "server/compile.h"
#include "server/output/terminal.h"
#include "server/stdlib_folder.h"
#include "server/writer_commands.h"

namespace dunlin::server {
namespace {

namespace fs = std::filesystem;

struct LintCommand {
  CommonOptions common;
  BundleOptions bundle;
  bool fix = false;
};

struct Linted {
  std::shared_ptr<const service::Snapshot> snapshot;
  std::vector<lint::Finding> findings;
  int64_t mended_files = 0;
};

/// Reads, checks and looks; mends until nothing is left to mend if that is wanted.
std::expected<Linted, std::string> look(const LintCommand& command, const fs::path& stdlib) {
  Linted linted;
  ParseCache cache;
  constexpr int rounds_max = 500;  // one renaming a round
  std::set<std::string> mended;
  for (int round = 0; round < rounds_max; ++round) {
    SourceMap unused;
    Diagnostics reading;
    const BundleSources files = read_bundle(command.bundle.folder, reading, unused);
    service::SnapshotOptions options;
    options.check.stdlib = stdlib;
    options.check.analyse = false;
    linted.snapshot = service::take_snapshot(files, options, cache);
    if (reading.has_errors()) return std::unexpected(reading.all().front().message);
    if (!linted.snapshot->good) return linted;
    linted.findings = lint::lint(*linted.snapshot);
    bool changed = false;
    for (const SourceFile& file : files.files) {
      if (!command.fix || !file.path.ends_with(".dun")) continue;
      const std::string better = lint::mended(*linted.snapshot, linted.snapshot->file(file.path), linted.findings);
      if (better == file.text) continue;
      std::ofstream out(fs::path(command.bundle.folder) / file.path, std::ios::binary);
      out << better;
      if (!out.flush()) return std::unexpected(fmt::format("`{}` cannot be written", file.path));
      mended.insert(file.path);
      changed = true;
    }
    linted.mended_files = static_cast<int64_t>(mended.size());
    if (!changed) break;
  }
  return linted;
}

void print_json(const Linted& linted) {
  auto list = nlohmann::ordered_json::array();
  const SourceMap& sources = linted.snapshot->sources;
  for (const auto& finding : linted.findings) {
    const LineColumn place = sources.position(finding.diagnostic.span.file, finding.diagnostic.span.begin);
    nlohmann::ordered_json item{{"code", finding.diagnostic.code},
                                {"message", finding.diagnostic.message},
                                {"help", finding.diagnostic.help},
                                {"file", sources.path(finding.diagnostic.span.file)},
                                {"line", place.line},
                                {"column", place.column},
                                {"allowed", finding.allowed}};
    if (finding.allowed) item["reason"] = finding.reason;
    list.push_back(std::move(item));
  }
  const auto open = std::count_if(linted.findings.begin(), linted.findings.end(), [](const auto& finding) { return !finding.allowed; });
  const nlohmann::ordered_json body{
      {"findings", list}, {"open", open}, {"allowed", linted.findings.size() - static_cast<size_t>(open)}, {"mended_files", linted.mended_files}};
  fmt::print("{}\n", body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

int lint_bundle(const LintCommand& command) {
  auto stdlib = find_stdlib(command.bundle.stdlib);
  if (!stdlib) return fail(command.common, Exit::environment, stdlib.error());
  auto linted = look(command, *stdlib);
  if (!linted) return fail(command.common, Exit::input, linted.error());
  if (!linted->snapshot->good) {
    if (command.common.json) {
      fmt::print("{}\n", render_json(linted->snapshot->diagnostics, linted->snapshot->sources));
    } else {
      fmt::print("{}", render_text(linted->snapshot->diagnostics, linted->snapshot->sources, {.color = command.common.color}));
    }
    return static_cast<int>(Exit::input);
  }
  int64_t open = 0, allowed = 0;
  Diagnostics shown(10'000);
  for (const auto& finding : linted->findings) {
    ++(finding.allowed ? allowed : open);
    if (!finding.allowed) shown.warning(finding.diagnostic.code, finding.diagnostic.span, finding.diagnostic.message) = finding.diagnostic;
  }
  if (command.common.json) {
    print_json(*linted);
  } else {
    fmt::print("{}", render_text(shown, linted->snapshot->sources, {.color = command.common.color}));
    fmt::print("{} found, {} allowed with a reason", open, allowed);
    if (command.fix) fmt::print(", {} files mended", linted->mended_files);
    fmt::print("\n");
  }
  return static_cast<int>(open == 0 ? Exit::done : Exit::input);
}

}  // namespace

void add_lint_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<LintCommand>();
  auto* sub = app.add_subcommand("lint", "Style and likely mistakes in a bundle that is right");
  add_bundle_options(*sub, command->bundle);
  sub->add_flag("--fix", command->fix, "Mend what is found and not allowed, in the files");
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  dunlin lint strategies/card_collections");
  sub->callback([command, &chosen] { chosen = [command] { return lint_bundle(*command); }; });
}

}  // namespace dunlin::server
