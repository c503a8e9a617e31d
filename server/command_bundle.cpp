// dunlin bundle: the versions that a database has known.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "lang/sema/transfers.h"
#include "lang/service/kept.h"
#include "runtime/plan/carry.h"
#include "server/command_part.h"
#include "server/commands.h"
#include "server/open_store.h"
#include "server/output/moment.h"
#include "server/output/table.h"
#include "server/output/terminal.h"
#include "server/plan/comparison_text.h"
#include "server/plan/proposal.h"
#include "server/stdlib_folder.h"

namespace dunlin::server {
namespace {

namespace fs = std::filesystem;

struct BundleCommand {
  CommonOptions common;
  StoreOptions store;
  int32_t version = 0;  // 0: the active one
  int32_t other = 0;    // diff: the newer one
  std::string to;
};

using Versions = std::vector<store::BundleVersion>;

nlohmann::ordered_json version_json(const store::BundleVersion& version) {
  return {{"version", version.number},
          {"bundle", version.name},
          {"content_hash", version.content_hash},
          {"author", version.author},
          {"activated_at", moment_json(version.activated_at)},
          {"active", version.active}};
}

/// Opens the store and reads its versions; false: `exit` is set and all is said.
bool open(const BundleCommand& command, std::unique_ptr<store::Store>& store, Versions& versions, int& exit) {
  store = open_store_or_exit(command.store, command.common, exit, StoreUse::look);
  if (!store) return false;
  auto read = store->versions();
  if (!read) {
    exit = fail(command.common, read.error());
    return false;
  }
  versions = std::move(*read);
  return true;
}

const store::BundleVersion* find(const BundleCommand& command, const Versions& versions) {
  for (const auto& version : versions) {
    if (command.version == 0 ? version.active : version.number == command.version) return &version;
  }
  return nullptr;
}

int no_version(const BundleCommand& command) {
  if (command.version == 0) return fail(command.common, Exit::input, "no bundle has been activated in this database", "dunlin run BUNDLE activates one");
  return fail(command.common, Exit::input, fmt::format("there is no version {}", command.version), "dunlin bundle list shows them");
}

/// How many instances finish on each version that is not active any more.
store::Result<std::map<int32_t, int64_t>> pinned_to(store::Store& store, const Versions& versions) {
  std::map<int32_t, int64_t> counts;
  const auto active = std::ranges::find_if(versions, &store::BundleVersion::active);
  if (active == versions.end()) return counts;
  auto sources = store.sources_of(active->number);
  if (!sources) return std::unexpected(sources.error());
  if (std::ranges::none_of(sources->files, [](const auto& file) { return checked::kept_version(file.path) != 0; })) return counts;
  const auto stdlib = find_stdlib("");
  if (!stdlib) return std::unexpected(store::StoreError{store::StoreError::Kind::environment, stdlib.error()});
  const auto bundle = check_files(std::move(*sources), *stdlib);
  if (!bundle->program) return counts;
  auto carried = plan::carried_by(store, *bundle->program);
  if (!carried) return std::unexpected(carried.error());
  for (const auto& one : *carried) {
    if (one.version != 0) counts[one.version] += one.count;
  }
  return counts;
}

int list(const BundleCommand& command) {
  int exit = 0;
  std::unique_ptr<store::Store> store;
  Versions versions;
  if (!open(command, store, versions, exit)) return exit;
  auto pinned = pinned_to(*store, versions);
  if (!pinned) return fail(command.common, pinned.error());
  if (command.common.json) {
    auto body = nlohmann::ordered_json::array();
    for (const auto& version : versions) {
      body.push_back(version_json(version));
      body.back()["instances_pinned"] = (*pinned)[version.number];
    }
    fmt::print("{}\n", nlohmann::ordered_json{{"versions", body}}.dump(2));
    return 0;
  }
  Table table({{"version", Table::Align::right}, {"bundle"}, {"content"}, {"activated (UTC)"}, {"by"}, {""}});
  for (const auto& version : versions) {
    const int64_t count = (*pinned)[version.number];
    const std::string state = version.active ? "active" : count == 0 ? "" : fmt::format("{} finish on it", grouped(count));
    table.add({std::to_string(version.number), version.name, version.content_hash.substr(0, 12), moment_text(version.activated_at), version.author, state});
  }
  if (table.empty()) return fmt::print("no bundle has been activated yet\n"), 0;
  fmt::print("{}", table.text(command.common.color));
  return 0;
}

int show(const BundleCommand& command) {
  int exit = 0;
  std::unique_ptr<store::Store> store;
  Versions versions;
  if (!open(command, store, versions, exit)) return exit;
  const auto* version = find(command, versions);
  if (!version) return no_version(command);
  auto sources = store->sources_of(version->number);
  if (!sources) return fail(command.common, sources.error());
  if (command.common.json) {
    auto body = version_json(*version);
    body["files"] = nlohmann::ordered_json::array();
    for (const auto& file : sources->files) body["files"].push_back({{"path", file.path}, {"bytes", file.text.size()}});
    fmt::print("{}\n", body.dump(2));
    return 0;
  }
  fmt::print("version    {}{}\nbundle     {}\ncontent    {}\nactivated  {} UTC by {}\n\n", version->number, version->active ? " (active)" : "", version->name,
             version->content_hash, moment_text(version->activated_at), version->author);
  Table table({{"file"}, {"lines", Table::Align::right}});
  for (const auto& file : sources->files) table.add({file.path, std::to_string(std::count(file.text.begin(), file.text.end(), '\n'))});
  fmt::print("{}", table.text(command.common.color));
  return 0;
}

/// Writes the files below the folder. A path that leads out of it is refused.
bool write_files(const BundleSources& sources, const fs::path& folder, std::string& problem) {
  std::error_code error;
  for (const auto& file : sources.files) {
    fs::path relative = fs::path(file.path).lexically_normal();
    if (relative.is_absolute() || relative.begin() == relative.end() || *relative.begin() == "..") {
      problem = fmt::format("`{}` would lie outside the folder", file.path);
      return false;
    }
    fs::create_directories((folder / relative).parent_path(), error);
    std::ofstream stream(folder / relative, std::ios::binary);
    stream << file.text;
    stream.close();
    if (!stream) {
      problem = fmt::format("`{}` cannot be written", (folder / relative).string());
      return false;
    }
  }
  return true;
}

int sources(const BundleCommand& command) {
  int exit = 0;
  std::unique_ptr<store::Store> store;
  Versions versions;
  if (!open(command, store, versions, exit)) return exit;
  const auto* version = find(command, versions);
  if (!version) return no_version(command);
  auto files = store->sources_of(version->number);
  if (!files) return fail(command.common, files.error());
  if (!command.to.empty()) {
    std::string problem;
    std::error_code error;
    if (fs::exists(command.to, error) && !fs::is_empty(command.to, error)) {
      return fail(command.common, Exit::input, fmt::format("`{}` is there already and not empty", command.to), "name a new folder");
    }
    *files = service::own_files(*files);  // what it carries along belongs to the database it is in
    if (!write_files(*files, command.to, problem)) return fail(command.common, Exit::environment, problem);
  }
  if (command.common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& file : files->files) list.push_back({{"path", file.path}, {"text", file.text}});
    fmt::print("{}\n", nlohmann::ordered_json{{"version", version->number}, {"files", list}}.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else if (!command.to.empty()) {
    fmt::print("wrote {} files to {}\n", files->files.size(), command.to);
  } else {
    for (const auto& file : files->files) fmt::print("// ---- {}\n{}\n", file.path, file.text);
  }
  return 0;
}

int diff(const BundleCommand& command) {
  int exit = 0;
  auto stdlib = find_stdlib("");
  if (!stdlib) return fail(command.common, Exit::environment, stdlib.error());
  auto store = open_store_or_exit(command.store, command.common, exit, StoreUse::look);
  if (!store) return exit;
  auto before = store->sources_of(command.version), after = store->sources_of(command.other);
  if (!before) return fail(command.common, before.error());
  if (!after) return fail(command.common, after.error());
  auto old_bundle = check_files(service::own_files(*before), *stdlib), new_bundle = check_files(service::own_files(*after), *stdlib);
  if (!old_bundle->program || !new_bundle->program)
    return fail(command.common, Exit::environment, "one of the versions was stored by another build of dunlin and does not pass the checks of this one");
  const auto comparison = plan::compare({*old_bundle->program, old_bundle->sources}, {*new_bundle->program, new_bundle->sources});
  if (command.common.json) {
    fmt::print("{}\n", comparison_json(comparison).dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    fmt::print("{}", comparison_text(comparison, command.common.color));
  }
  return 0;
}

}  // namespace

void add_bundle_command(CLI::App& app, Chosen& chosen) {
  auto* sub = app.add_subcommand("bundle", "The versions of bundles that a database has known");
  sub->require_subcommand(1);
  sub->footer("Example:\n  dunlin bundle list");
  auto command = std::make_shared<BundleCommand>();
  add_part(*sub, "list", "All versions", "dunlin bundle list", command, chosen, list);
  auto* shown = add_part(*sub, "show", "One version and its files", "dunlin bundle show 3", command, chosen, show);
  shown->add_option("VERSION", command->version, "Number of the version; the active one if none is given");
  auto* written = add_part(*sub, "sources", "The source text of a version", "dunlin bundle sources 3 --to /tmp/version3", command, chosen, sources);
  written->add_option("VERSION", command->version, "Number of the version; the active one if none is given");
  add_part(*sub, "versions", "All versions (the same as list)", "dunlin bundle versions", command, chosen, list);
  auto* compared = add_part(*sub, "diff", "What two versions say differently", "dunlin bundle diff 2 3", command, chosen, diff);
  compared->add_option("OLD", command->version, "Number of the older version")->required();
  compared->add_option("NEW", command->other, "Number of the newer version")->required();
  written->add_option("--to", command->to, "Write the files into this new folder");
}

}  // namespace dunlin::server
