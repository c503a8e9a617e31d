// Changes valid bundles a little and takes each all the way: what is checked without a mistake is laid out (and still means the same), compiled, and run
// by the interpreter and by native code side by side; what has mistakes says so in places that are there. A failure names the seed and keeps the files.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "compiler/abi/calendar.h"
#include "compiler/interp/interpreter.h"
#include "compiler/ir/lower.h"
#include "compiler/ir/verify.h"
#include "compiler/native/native.h"
#include "lang/diag/render.h"
#include "lang/format/format.h"
#include "lang/sema/check.h"
#include "lang/syntax/ast_dump.h"
#include "lang/syntax/parse.h"
#include "runtime/simulate/cap_story.h"
#include "stdlib/native/standard_natives.h"
#include "tests/differential/part_ways.h"
#include "tests/differential/random_bundle.h"
#include "tests/fuzz_bundles/alter.h"

namespace {

using namespace dunlin;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr double cpu_seconds_max = 60;  // of one bundle, for sanitizers and unoptimised builds; of the processor
constexpr int cases_of_one = 12;

const fs::path root = DUNLIN_SOURCE_DIR;

struct Options {
  double seconds = 15;
  uint64_t seed = 1;
};

Options read_options(int count, char** words) {
  Options options;
  if (const char* seconds = std::getenv("DUNLIN_FUZZ_SECONDS")) options.seconds = std::max(5.0, std::atof(seconds) / 4);
  for (int i = 1; i + 1 < count; i += 2) {
    if (std::strcmp(words[i], "--seconds") == 0) options.seconds = std::atof(words[i + 1]);
    if (std::strcmp(words[i], "--seed") == 0) options.seed = std::strtoull(words[i + 1], nullptr, 10);
  }
  return options;
}

std::vector<BundleSources> read_corpus() {
  std::vector<fs::path> folders = {root / "strategies/card_collections", root / "strategies/reference_night"};
  for (const auto& entry : fs::directory_iterator(root / "strategies/policies")) {
    if (entry.is_directory()) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  std::vector<BundleSources> corpus;
  for (const fs::path& folder : folders) {
    Diagnostics diagnostics;
    SourceMap unused;
    corpus.push_back(read_bundle(folder, diagnostics, unused));
  }
  return corpus;
}

struct Counts {
  int64_t bundles = 0, good = 0, laid_out = 0, cases = 0;
  differential::StepCounts steps;
};

std::string parse_tree(const std::string& path, const std::string& text) {
  SourceMap sources;
  Diagnostics diagnostics;
  const uint32_t file = sources.add(path, text);
  const ast::File tree = parse_file(sources, file, diagnostics);
  return diagnostics.has_errors() ? std::string() : dump(tree);
}

/// Empty if all is well, else what is wrong.
std::string check_layout(const SourceFile& file, Counts& counts) {
  const std::string before = parse_tree(file.path, file.text);
  SourceMap sources;
  Diagnostics diagnostics;
  const auto laid_out = format_file(sources, sources.add(file.path, file.text), diagnostics);
  if (!laid_out) return before.empty() ? "" : "fmt refuses what can be read: " + laid_out.error();
  ++counts.laid_out;
  if (parse_tree(file.path, *laid_out) != before) return "fmt changes what the file says";
  SourceMap again;
  const auto twice = format_file(again, again.add(file.path, *laid_out), diagnostics);
  if (!twice || *twice != *laid_out) return "fmt is not done after one time";
  return "";
}

std::string check_diagnostics(const Diagnostics& diagnostics, const SourceMap& sources) {
  for (const Diagnostic& d : diagnostics.all()) {
    if (code_title(d.code) == nullptr) return "unlisted code " + d.code;
    if (d.message.empty()) return "a message without words";
    if (d.span.known() && (d.span.file >= sources.size() || d.span.begin > d.span.end || d.span.end > sources.text(d.span.file).size() + 1))
      return "a message points outside of its file: " + d.message;
  }
  if (render_json(diagnostics, sources).empty()) return "no JSON";
  (void)render_text(diagnostics, sources);
  return "";
}

std::unique_ptr<abi::CalendarTables> calendar_of(const checked::Bundle& bundle) {
  abi::CalendarSpec spec{
      .timezone = bundle.timezone, .day_start_s = bundle.day_start_s, .minor_digits = bundle.minor_digits, .first_year = 2000, .last_year = 2029};
  if (!bundle.calendar.empty() && bundle.calendar != "none") {
    std::ifstream file(root / "stdlib/calendars" / (bundle.calendar + ".csv"));
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    (void)abi::read_calendar_csv(text, spec);
  }
  auto made = abi::CalendarTables::make(spec);
  return made ? std::move(*made) : nullptr;
}

std::string check_bundle_whole(const BundleSources& bundle, const std::string& changed, uint64_t seed, Counts& counts) {
  ++counts.bundles;
  const std::clock_t start = std::clock();
  for (const SourceFile& file : bundle.files) {
    if (file.path != changed) continue;
    if (std::string wrong = check_layout(file, counts); !wrong.empty()) return wrong;
  }
  SourceMap sources;
  Diagnostics diagnostics;
  CheckOptions options;
  options.stdlib = (root / "stdlib").string();
  // What is written at random has gaps and dead rows, and is run for all that.
  options.analyse = changed != "random.dun";
  const auto program = check_bundle(bundle, sources, diagnostics, options);
  diagnostics.sort();
  if ((program == nullptr) != diagnostics.has_errors()) return "no program and no errors, or both";
  if (std::string wrong = check_diagnostics(diagnostics, sources); !wrong.empty()) return wrong;
  if (program == nullptr) return "";
  ++counts.good;
  const std::shared_ptr<const ir::Program> ir = ir::lower(*program);
  for (const std::string& problem : ir::verify(*ir)) return "the intermediate form is wrong: " + problem;
  const auto interpreter = make_interpreter(*ir, &standard_natives());
  const auto calendar = calendar_of(program->bundle);
  if (!calendar) return "no calendar";
  NativeOptions how;
  how.natives = &standard_natives();
  how.opt_level = seed % 4 == 0 ? 2 : 0;
  const auto native = compile_native(*ir, how);
  if (!native) return "native code: " + native.error();
  for (int i = 0; i < cases_of_one; ++i) {
    const std::string difference =
        differential::part_ways({*program, *interpreter, **native, *calendar->view()}, seed * 1'000'003 + static_cast<uint64_t>(i), counts.steps);
    if (!difference.empty()) return "the backends differ: " + difference;
    ++counts.cases;
  }
  const auto stories = simulate::find_cap_stories(*program, *interpreter, *calendar->view(), {.seed = seed, .steps_max = 300});
  simulate::report_cap_stories(*program, stories, diagnostics);
  if (std::string wrong = check_diagnostics(diagnostics, sources); !wrong.empty()) return wrong;
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  if (seconds > cpu_seconds_max) return fmt::format("took {} s", seconds);
  return "";
}

void keep(const BundleSources& bundle, const fs::path& folder) {
  fs::create_directories(folder);
  for (const SourceFile& file : bundle.files) std::ofstream(folder / file.path, std::ios::binary) << file.text;
}

bool passes(const BundleSources& bundle, const std::string& changed, uint64_t seed, Counts& counts) {
  // A crash leaves no chance to keep the files afterwards.
  if (const char* folder = std::getenv("DUNLIN_FUZZ_LAST")) keep(bundle, folder);
  std::string wrong;
  try {
    wrong = check_bundle_whole(bundle, changed, seed, counts);
  } catch (const std::exception& error) {
    wrong = std::string("an exception: ") + error.what();
  }
  if (wrong.empty()) return true;
  keep(bundle, "fuzz_bundle_failure");
  std::cerr << "seed " << seed << ", " << changed << ": " << wrong << "\nthe bundle is kept in fuzz_bundle_failure\n";
  return false;
}

}  // namespace

int main(int count, char** words) {
  const Options options = read_options(count, words);
  std::vector<BundleSources> corpus = read_corpus();
  const auto end = Clock::now() + std::chrono::duration<double>(options.seconds);
  Counts counts;
  for (uint64_t n = 0; Clock::now() < end; ++n) {
    const uint64_t seed = options.seed * 1'000'003 + n;
    fuzz::Random random(seed);
    BundleSources bundle;
    if (random.one_in(2)) {
      differential::Random source(seed);
      bundle.files.push_back({"random.dun", differential::random_bundle(source)});
    } else {
      bundle = corpus[random.below(corpus.size())];
    }
    std::vector<size_t> rules;
    for (size_t f = 0; f < bundle.files.size(); ++f) {
      if (bundle.files[f].path.ends_with(".dun")) rules.push_back(f);
    }
    SourceFile& file = bundle.files[rules[random.below(rules.size())]];
    file.text = random.one_in(4) ? fuzz::loosened(file.text, random) : fuzz::altered(file.text, random);
    if (!passes(bundle, file.path, seed, counts)) return 1;
  }
  std::cout << fmt::format("{} bundles, {} of them right, {} files laid out, {} cases, {} steps, {} faults\n", counts.bundles, counts.good, counts.laid_out,
                           counts.cases, counts.steps.steps, counts.steps.faults);
  // A run in which everything is refused shows nothing.
  if (counts.bundles >= 20 && (counts.good * 10 < counts.bundles || counts.laid_out * 2 < counts.bundles)) {
    std::cerr << "too few of the changed bundles are right\n";
    return 1;
  }
  return 0;
}
