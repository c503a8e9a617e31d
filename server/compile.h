// A bundle's folder -> checked program -> something that runs, with all that the commands need beside it.
#pragma once

#include <expected>
#include <filesystem>
#include <memory>
#include <string>

#include "compiler/abi/calendar.h"
#include "compiler/interp/interpreter.h"
#include "lang/sema/check.h"
#include "server/common_options.h"

namespace CLI {
class App;
}

namespace dunlin::server {

struct BundleOptions {
  std::string folder;
  std::string stdlib;  // as given; see stdlib_folder.h
};

/// BUNDLE as a positional argument (where `positional`) and --stdlib.
void add_bundle_options(CLI::App& command, BundleOptions& options, bool positional = true);

struct CheckedBundle {
  SourceMap sources;
  Diagnostics diagnostics;
  BundleSources files;
  std::filesystem::path stdlib;
  std::unique_ptr<checked::Program> program;  // null if there were errors
};

/// Reads and checks. The environment may be wrong (no standard library): then one sentence. Diagnostics are kept, not shown.
std::expected<std::unique_ptr<CheckedBundle>, std::string> check_folder(const BundleOptions& options, bool analyse = true);

/// Checks sources that are there already: those of a stored version, or of a request. Diagnostics are kept, not shown.
std::unique_ptr<CheckedBundle> check_files(BundleSources files, const std::filesystem::path& stdlib, bool analyse = false);

/// A program that runs. Everything in it refers to `program`, which must stay.
struct Machine {
  std::shared_ptr<const ir::Program> ir;
  std::unique_ptr<Evaluator> native;         // quick code at once, optimised code behind it
  std::unique_ptr<Interpreter> interpreter;  // always there
  std::unique_ptr<abi::CalendarTables> calendar;
  const Evaluator& evaluator(bool interpreted) const { return interpreted || !native ? static_cast<const Evaluator&>(*interpreter) : *native; }
};
/// `with_native` false: the interpreter only (explanations, small work). An error is one sentence.
std::expected<Machine, std::string> make_machine(const checked::Program& program, const std::filesystem::path& stdlib, bool with_native);

/// The calendar of the bundle: its zone, its file of holidays, its day start.
std::expected<std::unique_ptr<abi::CalendarTables>, std::string> load_calendar(const checked::Bundle& bundle, const std::filesystem::path& stdlib);

/// For commands that need a program: checks the folder and shows the diagnostics where there are errors. Null: `exit` is set and all is said.
std::unique_ptr<CheckedBundle> checked_bundle_or_exit(const BundleOptions& options, const CommonOptions& common, int& exit);
/// The same with everything to run it.
struct RunnableBundle {
  std::unique_ptr<CheckedBundle> checked;
  Machine machine;
  const checked::Program& program() const { return *checked->program; }
};
std::unique_ptr<RunnableBundle> runnable_bundle_or_exit(const BundleOptions& options, const CommonOptions& common, bool with_native, int& exit);

}  // namespace dunlin::server
