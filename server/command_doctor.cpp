// dunlin doctor: looks at everything Dunlin needs and says what to do about what is not right.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/store/bank_readings.h"
#include "runtime/store/definitions.h"
#include "runtime/store/embedded.h"
#include "runtime/store/postgres_store.h"
#include "server/commands.h"
#include "server/compile.h"
#include "server/import/value_reader.h"
#include "server/open_store.h"
#include "server/output/table.h"
#include "server/output/terminal.h"
#include "server/plan/proposal.h"
#include "server/stdlib_folder.h"

namespace dunlin::server {
namespace {

namespace fs = std::filesystem;

struct DoctorCommand {
  CommonOptions common;
  StoreOptions store;
  BundleOptions bundle;
  bool whole = false;
};

struct Finding {
  std::string name;
  bool good = false;
  std::string found;
  std::string remedy;  // what to do if it is not good
};

using Findings = std::vector<Finding>;

void look_at_stdlib(const DoctorCommand& command, Findings& findings) {
  auto stdlib = find_stdlib(command.bundle.stdlib);
  if (!stdlib) return findings.push_back({"standard library", false, stdlib.error(), "name its folder with --stdlib or DUNLIN_STDLIB"});
  size_t modules = 0;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(*stdlib, error)) modules += entry.path().extension() == ".dun" ? 1 : 0;
  findings.push_back(
      {"standard library", modules > 0, fmt::format("{} modules in {}", modules, stdlib->string()), "the folder holds no .dun files; install it again"});
}

void look_at_zones(Findings& findings) {
  checked::Bundle bundle;
  bundle.timezone = "Europe/Warsaw";
  auto zone = import::Zone::find(bundle);
  findings.push_back({"time zones", zone.has_value(), zone ? "Europe/Warsaw is known" : zone.error(), "apt-get install tzdata"});
}

/// Compiles one tiny bundle by the whole road and asks the machine code for a value.
void look_at_compiler(const DoctorCommand& command, Findings& findings) {
  constexpr const char* text =
      "bundle probe \"Probe\" { timezone UTC currency EUR calendar none day starts 06:00 }\n"
      "parameter probe : int = 40 + 2\n"
      "entity debtor { key id : text }\n";
  auto refuse = [&](std::string found) { findings.push_back({"native code", false, std::move(found), "install LLVM 19's shared library (libllvm19)"}); };
  SourceMap sources;
  Diagnostics diagnostics;
  auto stdlib = find_stdlib(command.bundle.stdlib);
  auto program = check_bundle({{{"probe.dun", text}}}, sources, diagnostics, {.stdlib = stdlib.value_or(fs::path())});
  if (!program || program->settings.empty()) return refuse("the probe does not pass the checker");
  auto machine = make_machine(*program, stdlib.value_or(fs::path()), true);
  if (!machine) return refuse(machine.error());
  int64_t out[4] = {};
  abi::EvalContext context{};
  context.calendar = machine->calendar->view();
  auto done = machine->native->evaluate(program->settings[0].initial, context, out);
  bool good = done.ok() && out[0] == 42;
  findings.push_back({"native code", good, good ? "LLVM compiles and runs on this processor" : "the machine code gave a wrong answer",
                      "run with --interpreter and report it"});
}

/// How the last reading of each table went on which an entity is mapped; nothing where none is.
void look_at_bank_tables(const StoreOptions& options, Findings& findings) {
  auto readings = store::BankReadings::open({.url = options.database, .folder = options.data});
  if (!readings) return;  // the database has said why
  auto states = (*readings)->state();
  if (!states) return findings.push_back({"tables of the bank", false, states.error().message, "see the message"});
  if (states->empty()) return;
  std::string good, bad;
  for (const auto& state : *states) {
    if (state.failure.empty())
      good += fmt::format("{}{} read at {}", good.empty() ? "" : ", ", state.source, state.read_at);
    else
      bad +=
          fmt::format("{}{}, last read {}: {}", bad.empty() ? "" : "; ", state.source, state.read_at.empty() ? "never" : "at " + state.read_at, state.failure);
  }
  findings.push_back({"tables of the bank", bad.empty(), bad.empty() ? good : bad, "mend the table or the bundle, and try with `dunlin import --mapped`"});
}

/// What the active version says, held against what consumers read of it. A version of another build cannot be checked here; `apply` says so.
void look_at_definitions(const DoctorCommand& command, store::Store& store, Findings& findings) {
  store::Definitions* definitions = store::definitions_of(store);
  auto number = active_version(store);
  auto stdlib = find_stdlib(command.bundle.stdlib);
  if (definitions == nullptr || !number || *number == 0 || !stdlib) return;  // said already
  auto bundle = bundle_of_version(store, *number, *stdlib);
  if (!bundle) return findings.push_back({"definitions", true, "not looked at: " + bundle.error().message, ""});
  auto found = definitions->compare_definitions(*(*bundle)->program);
  if (!found) return findings.push_back({"definitions", false, found.error().message, "see the message"});
  findings.push_back({found->name, found->good, found->detail, "see the message"});
}

void look_at_database(const DoctorCommand& command, Findings& findings) {
  StoreOptions options = with_environment(command.store);
  if (options.database.empty()) {
    fs::path binaries = store::find_server_binaries();
    findings.push_back({"PostgreSQL binaries", !binaries.empty(), binaries.empty() ? "none are installed" : binaries.string(),
                        "apt-get install postgresql-15, or name a server with --database"});
    if (binaries.empty()) return;
  }
  auto store = store::open_postgres({.url = options.database, .folder = options.data});
  findings.push_back({"database", store.has_value(), store ? store_name(options) + " answers" : store.error().message, "see the message"});
  if (!store) return;
  auto inspected = (*store)->inspect(command.whole ? store::Store::Depth::whole : store::Store::Depth::sample);
  if (!inspected) return findings.push_back({"schema", false, inspected.error().message, "see the message"});
  for (const auto& item : *inspected) findings.push_back({item.name, item.good, item.detail, "see the message"});
  const auto schema = std::ranges::find(*inspected, std::string("schema"), [](const auto& item) { return std::string(item.name); });
  if (schema == inspected->end() || !schema->good) return;
  // Only told where the schema is this program's own.
  const auto active = std::ranges::find(*inspected, std::string("bundle"), [](const auto& item) { return std::string(item.name); });
  if (active != inspected->end() && active->good) look_at_definitions(command, **store, findings);
  look_at_bank_tables(options, findings);
}

int doctor(const DoctorCommand& command) {
  Findings findings;
  look_at_stdlib(command, findings);
  look_at_zones(findings);
  look_at_compiler(command, findings);
  look_at_database(command, findings);
  bool good = std::all_of(findings.begin(), findings.end(), [](const Finding& finding) { return finding.good; });
  if (command.common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& finding : findings) {
      list.push_back({{"name", finding.name}, {"good", finding.good}, {"found", finding.found}, {"help", finding.good ? "" : finding.remedy}});
    }
    fmt::print("{}\n", nlohmann::ordered_json{{"good", good}, {"findings", list}}.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    for (const auto& finding : findings) {
      auto mark = finding.good ? styled("good", Style::green, command.common.color) : styled("bad ", Style::red, command.common.color);
      fmt::print("{}  {:<20} {}\n", mark, finding.name, printable(finding.found));
      if (!finding.good && finding.remedy != "see the message") fmt::print("      {:<20} {}\n", "", finding.remedy);
    }
  }
  return static_cast<int>(good ? Exit::done : Exit::environment);
}

}  // namespace

void add_doctor_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<DoctorCommand>();
  auto* sub = app.add_subcommand("doctor", "Look at everything Dunlin needs on this machine");
  sub->add_option("--stdlib", command->bundle.stdlib, "Folder of the standard library, if not the installed one");
  sub->add_flag("--whole", command->whole, "Look at every row of the database, however long it takes; else for about a second");
  add_store_options(*sub, command->store);
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  dunlin doctor --database postgresql://collections@db/collections\n  dunlin doctor --whole --json");
  sub->callback([command, &chosen] { chosen = [command] { return doctor(*command); }; });
}

}  // namespace dunlin::server
