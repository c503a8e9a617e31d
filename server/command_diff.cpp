// dunlin diff: what two versions of a bundle say differently.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "server/commands.h"
#include "server/compile.h"
#include "server/plan/comparison_text.h"

namespace dunlin::server {
namespace {

struct DiffCommand {
  CommonOptions common;
  BundleOptions before, after;
};

int diff(const DiffCommand& command) {
  int exit = 0;
  auto before = checked_bundle_or_exit(command.before, command.common, exit);
  if (!before) return exit;
  BundleOptions other = command.after;
  other.stdlib = command.before.stdlib;
  auto after = checked_bundle_or_exit(other, command.common, exit);
  if (!after) return exit;
  const auto comparison = plan::compare({*before->program, before->sources}, {*after->program, after->sources});
  if (command.common.json) {
    fmt::print("{}\n", comparison_json(comparison).dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    fmt::print("{}", comparison_text(comparison, command.common.color));
  }
  return 0;
}

}  // namespace

void add_diff_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<DiffCommand>();
  auto* sub = app.add_subcommand("diff", "What two versions of a bundle say differently: by meaning, not by text");
  sub->add_option("OLD", command->before.folder, "Folder of the older version")->required();
  sub->add_option("NEW", command->after.folder, "Folder of the newer version")->required();
  add_bundle_options(*sub, command->before, false);
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  dunlin diff strategies/card_collections strategies/card_collections_next");
  sub->callback([command, &chosen] { chosen = [command] { return diff(*command); }; });
}

}  // namespace dunlin::server
