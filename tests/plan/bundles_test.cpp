// Comparing whole bundles: none differs from itself.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <memory>

#include "lang/sema/check.h"
#include "runtime/plan/compare.h"
#include "tests/golden/golden_case.h"

namespace dunlin {
namespace {

namespace fs = std::filesystem;

struct Bundle {
  SourceMap sources;
  Diagnostics diagnostics;
  std::unique_ptr<checked::Program> program;
  plan::VersionView view() const { return {*program, sources}; }
};

std::unique_ptr<Bundle> checked_bundle(const BundleSources& files) {
  auto bundle = std::make_unique<Bundle>();
  bundle->program = check_bundle(files, bundle->sources, bundle->diagnostics, {.stdlib = fs::path(DUNLIN_SOURCE_DIR) / "stdlib", .analyse = false});
  return bundle;
}

struct Shipped {
  std::string name;
  BundleSources files;
};

void add_folder(const fs::path& folder, const std::string& name, std::vector<Shipped>& all) {
  Diagnostics diagnostics;
  SourceMap sources;
  all.push_back({name, read_bundle(folder, diagnostics, sources)});
}

/// The bundles below strategies/, and those of the golden cases that are well.
std::vector<Shipped> shipped_bundles() {
  std::vector<Shipped> all;
  const fs::path root(DUNLIN_SOURCE_DIR);
  for (const auto& entry : fs::recursive_directory_iterator(root / "strategies")) {
    if (entry.path().filename() == "bundle.dun") add_folder(entry.path().parent_path(), entry.path().parent_path().filename(), all);
  }
  const fs::path scratch = fs::temp_directory_path() / ("dunlin-plan-" + std::to_string(::getpid()));
  for (const auto& entry : fs::directory_iterator(root / "tests/golden/good")) {
    const golden::Case written = golden::read_case(entry.path());
    for (const auto& file : written.files) {
      const fs::path path = scratch / entry.path().stem() / file.path;
      fs::create_directories(path.parent_path());
      std::ofstream(path, std::ios::binary) << file.bytes();
    }
    for (const auto& file : written.files) {
      const fs::path path(file.path);
      if (path.filename() == "bundle.dun") add_folder(scratch / entry.path().stem() / path.parent_path(), entry.path().stem() / path, all);
    }
  }
  fs::remove_all(scratch);
  std::ranges::sort(all, {}, &Shipped::name);
  return all;
}

std::string said(const plan::Comparison& comparison) {
  std::string text;
  for (const auto& change : comparison.changes)
    text += std::string(plan::change_text(change.kind)) + " " + change.what + " " + change.name + ": " + change.before + " -> " + change.after + "\n";
  for (const auto& one : comparison.renamed) text += "renamed " + one.what + " " + one.before + " -> " + one.after + "\n";
  return text;
}

TEST_CASE("a bundle compared with itself shows no difference", "[bundles]") {
  int compared = 0;
  for (const Shipped& shipped : shipped_bundles()) {
    const auto one = checked_bundle(shipped.files), other = checked_bundle(shipped.files);
    if (!one->program) continue;  // a golden case of a mistake
    INFO(shipped.name);
    CHECK(said(plan::compare(one->view(), other->view())).empty());
    ++compared;
  }
  CHECK(compared >= 30);
}

}  // namespace
}  // namespace dunlin
