// dunlin export table: a table of a bundle for other tools.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "lang/tables/export.h"
#include "server/compile.h"
#include "server/import/near_match.h"
#include "server/output/terminal.h"
#include "server/table_commands.h"

namespace dunlin::server {
namespace {

struct ExportTableCommand {
  CommonOptions common;
  BundleOptions bundle;
  std::string name, to = "csv", output;
};

int refuse(const ExportTableCommand& command, const tables::Problem& problem) {
  const std::string place = problem.place.empty() ? "" : problem.place + ": ";
  return fail(command.common, Exit::input, fmt::format("table `{}` cannot be exported: {}{}", command.name, place, problem.reason), problem.help);
}

int done(const ExportTableCommand& command) {
  if (command.common.json) fmt::print("{}\n", nlohmann::ordered_json{{"written", command.output}}.dump(2));
  return static_cast<int>(Exit::done);
}

int write_text(const ExportTableCommand& command, const std::string& text) {
  if (command.output.empty()) {
    if (command.common.json) {
      fmt::print("{}\n", nlohmann::ordered_json{{"text", text}}.dump(2));
    } else {
      fmt::print("{}", text);
    }
    return static_cast<int>(Exit::done);
  }
  std::ofstream out(command.output, std::ios::binary);
  out << text;
  out.close();
  if (!out) return fail(command.common, Exit::environment, fmt::format("`{}` cannot be written", command.output));
  return done(command);
}

int export_table(const ExportTableCommand& command) {
  if (command.to == "xlsx" && command.output.empty()) return fail(command.common, Exit::usage, "a workbook needs --output FILE");
  int exit = 0;
  const auto bundle = checked_bundle_or_exit(command.bundle, command.common, exit);
  if (!bundle) return exit;
  const checked::Program& program = *bundle->program;
  std::vector<const checked::Table*> found;
  std::vector<std::string> names;
  for (const checked::Table& table : program.tables) {
    names.push_back(table.name);
    if (table.name == command.name) found.push_back(&table);
  }
  if (found.empty()) {
    return fail(command.common, Exit::input, fmt::format("the bundle has no table `{}`", printable(command.name)), import::suggest(command.name, names));
  }
  if (found.size() > 1)
    return fail(command.common, Exit::input, fmt::format("`{}` has several versions, each in force for its own time", command.name),
                "give each a name of its own for the export");
  if (command.to == "dmn") {
    const auto text = tables::export_dmn(program, *found[0]);
    return text ? write_text(command, *text) : refuse(command, text.error());
  }
  const auto grid = tables::export_sheet(program, *found[0]);
  if (!grid) return refuse(command, grid.error());
  if (command.to == "csv") return write_text(command, tables::csv_of(*grid));
  if (auto written = sheets::write_workbook(command.output, command.name, *grid); !written) return fail(command.common, Exit::environment, written.error());
  return done(command);
}

}  // namespace

void add_export_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<ExportTableCommand>();
  auto* sub = app.add_subcommand("export", "Write parts of a bundle for other tools");
  sub->require_subcommand(1);
  sub->footer("Example:\n  dunlin export table offer --bundle strategies/card_collections --to dmn --output offer.dmn");
  auto* table = sub->add_subcommand("table", "Write a decision table as a sheet or a DMN model");
  table->add_option("NAME", command->name, "Table of the bundle")->required();
  command->bundle.folder = ".";
  table->add_option("--bundle", command->bundle.folder, "Folder of the bundle")->capture_default_str();
  table->add_option("--to", command->to, "csv, xlsx or dmn")->check(CLI::IsMember({"csv", "xlsx", "dmn"}))->capture_default_str();
  table->add_option("--output", command->output, "File to write; else the text is printed");
  add_bundle_options(*table, command->bundle, false);
  add_common_options(*table, command->common);
  table->footer("Example:\n  dunlin export table offer --bundle strategies/card_collections --to dmn --output offer.dmn");
  table->callback([command, &chosen] { chosen = [command] { return export_table(*command); }; });
}

}  // namespace dunlin::server
