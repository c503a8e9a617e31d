// dunlin docs: a handbook of a bundle.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "lang/diag/render.h"
#include "lang/service/handbook.h"
#include "server/compile.h"
#include "server/stdlib_folder.h"
#include "server/writer_commands.h"

namespace dunlin::server {
namespace {

struct DocsCommand {
  CommonOptions common;
  BundleOptions bundle;
  std::string to;
};

int write_docs(const DocsCommand& command) {
  auto stdlib = find_stdlib(command.bundle.stdlib);
  if (!stdlib) return fail(command.common, Exit::environment, stdlib.error());
  SourceMap unused;
  Diagnostics reading;
  const BundleSources files = read_bundle(command.bundle.folder, reading, unused);
  if (reading.has_errors()) return fail(command.common, Exit::input, reading.all().front().message, reading.all().front().help);
  ParseCache cache;
  service::SnapshotOptions options;
  options.check.stdlib = *stdlib;
  const auto snapshot = service::take_snapshot(files, options, cache);
  if (snapshot->diagnostics.has_errors()) {
    fmt::print("{}", command.common.json ? render_json(snapshot->diagnostics, snapshot->sources)
                                         : render_text(snapshot->diagnostics, snapshot->sources, {.color = command.common.color}));
    return static_cast<int>(Exit::input);
  }
  const std::string page = service::handbook(*snapshot);
  if (command.to.empty()) {
    fmt::print("{}", page);
    return 0;
  }
  std::ofstream out(command.to, std::ios::binary);
  out << page;
  if (!out.flush()) return fail(command.common, Exit::environment, fmt::format("`{}` cannot be written", command.to));
  if (command.common.json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"file", command.to}, {"bytes", page.size()}}.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    fmt::print("wrote {}\n", command.to);
  }
  return 0;
}

}  // namespace

void add_docs_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<DocsCommand>();
  auto* sub = app.add_subcommand("docs", "A handbook of a bundle for people who do not write rules: one HTML page with its texts, tables, drawings and tests");
  add_bundle_options(*sub, command->bundle);
  sub->add_option("--to", command->to, "File to write; standard output if it is not given");
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  dunlin docs strategies/card_collections --to handbook.html");
  sub->callback([command, &chosen] { chosen = [command] { return write_docs(*command); }; });
}

}  // namespace dunlin::server
