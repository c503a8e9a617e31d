#include "server/common_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "server/output/terminal.h"

namespace dunlin::server {

void add_common_options(CLI::App& command, CommonOptions& options) {
  command.add_flag("--json", options.json, "Print the same facts as JSON");
  command.add_flag("--progress", options.progress, "Show progress even where standard error is no terminal");
  options.color = wants_color();
}

int fail(const CommonOptions& options, Exit exit, const std::string& message, const std::string& help) {
  if (options.json) {
    nlohmann::ordered_json body{{"error", message}};
    if (!help.empty()) body["help"] = help;
    body["exit"] = static_cast<int>(exit);
    fmt::print("{}\n", body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return static_cast<int>(exit);
  }
  std::fflush(stdout);
  bool color = options.color && errors_go_to_terminal();
  fmt::print(stderr, "{} {}\n", styled("error:", Style::red, color), printable(message));
  if (!help.empty()) fmt::print(stderr, "  {} {}\n", styled("help:", Style::blue, color), printable(help));
  return static_cast<int>(exit);
}

int fail(const CommonOptions& options, const store::StoreError& error) {
  switch (error.kind) {
    case store::StoreError::Kind::input:
      return fail(options, Exit::input, error.message);
    case store::StoreError::Kind::conflict:
      return fail(options, Exit::environment, error.message, "another process works on the same database; try again");
    default:
      return fail(options, Exit::environment, error.message, "dunlin doctor looks at the whole environment");
  }
}

}  // namespace dunlin::server
