#include "server/compile.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <sstream>

#include "compiler/ir/lower.h"
#include "compiler/ir/native_signatures.h"
#include "compiler/native/native.h"
#include "lang/diag/render.h"
#include "server/native_libraries.h"
#include "server/stdlib_folder.h"

namespace dunlin::server {

namespace fs = std::filesystem;

void add_bundle_options(CLI::App& command, BundleOptions& options, bool positional) {
  if (positional) command.add_option("BUNDLE", options.folder, "Folder of the bundle")->required();
  command.add_option("--stdlib", options.stdlib, "Folder of the standard library, if not the installed one");
}

std::expected<std::unique_ptr<CheckedBundle>, std::string> check_folder(const BundleOptions& options, bool analyse) {
  auto stdlib = find_stdlib(options.stdlib);
  if (!stdlib) return std::unexpected(stdlib.error());
  auto result = std::make_unique<CheckedBundle>();
  result->stdlib = *stdlib;
  result->files = read_bundle(options.folder, result->diagnostics, result->sources);
  if (!result->diagnostics.has_errors()) {
    result->program = check_bundle(result->files, result->sources, result->diagnostics, {.stdlib = *stdlib, .analyse = analyse});
  }
  auto natives = native_functions();
  if (!natives) return std::unexpected(natives.error());
  if (result->program) ir::report_unmatched_natives(*result->program, **natives, result->diagnostics);
  if (result->diagnostics.has_errors()) result->program.reset();
  result->diagnostics.sort();
  return result;
}

std::unique_ptr<CheckedBundle> check_files(BundleSources files, const fs::path& stdlib, bool analyse) {
  auto result = std::make_unique<CheckedBundle>();
  result->stdlib = stdlib;
  result->files = std::move(files);
  result->program = check_bundle(result->files, result->sources, result->diagnostics, {.stdlib = stdlib, .analyse = analyse});
  // A version that was good when it was stored may need a library that is not loaded now.
  if (auto natives = native_functions(); natives && result->program) ir::report_unmatched_natives(*result->program, **natives, result->diagnostics);
  if (result->diagnostics.has_errors()) result->program.reset();
  result->diagnostics.sort();
  return result;
}

std::expected<std::unique_ptr<abi::CalendarTables>, std::string> load_calendar(const checked::Bundle& bundle, const fs::path& stdlib) {
  abi::CalendarSpec spec;
  spec.timezone = bundle.timezone;
  spec.day_start_s = bundle.day_start_s;
  spec.minor_digits = bundle.minor_digits;
  if (!bundle.calendar.empty() && bundle.calendar != "none") {
    fs::path file = stdlib / "calendars" / (bundle.calendar + ".csv");
    std::ifstream stream(file, std::ios::binary);
    if (!stream) return std::unexpected(fmt::format("there is no calendar `{}` in the standard library", bundle.calendar));
    std::ostringstream text;
    text << stream.rdbuf();
    if (auto read = abi::read_calendar_csv(text.str(), spec); !read) return std::unexpected(fmt::format("calendar `{}`: {}", bundle.calendar, read.error()));
  }
  return abi::CalendarTables::make(spec);
}

std::expected<Machine, std::string> make_machine(const checked::Program& program, const fs::path& stdlib, bool with_native) {
  Machine machine;
  auto calendar = load_calendar(program.bundle, stdlib);
  if (!calendar) return std::unexpected(calendar.error());
  machine.calendar = std::move(*calendar);
  machine.ir = ir::lower(program);
  auto natives = native_functions();
  if (!natives) return std::unexpected(natives.error());
  machine.interpreter = make_interpreter(*machine.ir, *natives);
  if (with_native) {
    auto native = make_tiered(machine.ir, {.natives = *natives});
    if (!native) return std::unexpected(fmt::format("the bundle cannot be compiled to native code: {}", native.error()));
    machine.native = std::move(*native);
  }
  return machine;
}

std::unique_ptr<CheckedBundle> checked_bundle_or_exit(const BundleOptions& options, const CommonOptions& common, int& exit) {
  auto checked = check_folder(options);
  if (!checked) {
    exit = fail(common, Exit::environment, checked.error());
    return nullptr;
  }
  if ((*checked)->program && !(*checked)->diagnostics.has_errors()) return std::move(*checked);
  const auto& diagnostics = (*checked)->diagnostics;
  if (common.json) {
    fmt::print("{}\n", render_json(diagnostics, (*checked)->sources));
  } else {
    fmt::print(stderr, "{}", render_text(diagnostics, (*checked)->sources, {.color = common.color}));
  }
  exit = static_cast<int>(Exit::input);
  return nullptr;
}

std::unique_ptr<RunnableBundle> runnable_bundle_or_exit(const BundleOptions& options, const CommonOptions& common, bool with_native, int& exit) {
  auto checked = checked_bundle_or_exit(options, common, exit);
  if (!checked) return nullptr;
  auto machine = make_machine(*checked->program, checked->stdlib, with_native);
  if (!machine) {
    exit = fail(common, Exit::environment, machine.error());
    return nullptr;
  }
  auto result = std::make_unique<RunnableBundle>();
  result->checked = std::move(checked);
  result->machine = std::move(*machine);
  return result;
}

}  // namespace dunlin::server
