// Comparing whole bundles: none differs from itself, and no figure in one can be changed unseen.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <variant>

#include "lang/sema/check.h"
#include "lang/syntax/parse.h"
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

/// A figure in the text of a bundle: 30 of `30 days`, 15 of `08:15`.
struct Figure {
  size_t file = 0, at = 0;  // of its last digit
};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// In a cell of a table, where a row before it may take the cases that the figure would add: it may change and no case notices.
bool in_cell(const std::string& text, size_t at) {
  const size_t line = text.rfind('\n', at) + 1, begin = text.find_first_not_of(" \t", line);
  return text[begin] == '|' && text.find("||", begin) > at;
}

/// All but those of tests, texts, comments and cells.
std::vector<Figure> figures_of(const BundleSources& files) {
  std::vector<Figure> figures;
  for (size_t f = 0; f < files.files.size(); ++f) {
    const std::string& text = files.files[f].text;
    if (!files.files[f].path.ends_with(".dun")) continue;
    SourceMap sources;
    Diagnostics diagnostics;
    const ast::File tree = parse_file(sources, sources.add(files.files[f].path, text), diagnostics);
    for (const ast::Decl& declaration : tree.declarations) {
      if (std::holds_alternative<ast::TestDecl>(declaration.node)) continue;
      bool in_text = false, in_comment = false, in_word = false;
      for (size_t at = declaration.span.begin; at < declaration.span.end; ++at) {
        const char c = text[at];
        if (c == '\n') in_comment = in_text = false;
        if (!in_text && text.compare(at, 2, "//") == 0) in_comment = true;
        if (!in_comment && (c == '"' || c == '`')) in_text = !in_text;
        if (in_comment || in_text) continue;
        const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
        if (!is_word(c)) in_word = false;
        if (!digit && is_word(c)) in_word = true;
        if (digit && !in_word && !is_word(text[at + 1]) && !in_cell(text, at)) figures.push_back({f, at});
      }
    }
  }
  return figures;
}

std::string line_around(const std::string& text, size_t at) {
  const size_t from = text.rfind('\n', at) + 1, to = text.find('\n', at);
  return text.substr(from, to - from);
}

TEST_CASE("no figure of a bundle can be changed unseen", "[bundles]") {
  int planted = 0;
  std::string unseen;
  size_t turn = 0;
  for (const Shipped& shipped : shipped_bundles()) {
    const auto before = checked_bundle(shipped.files);
    if (!before->program) continue;
    const std::vector<Figure> figures = figures_of(shipped.files);
    // Of large bundles some, spread over the text; DUNLIN_EVERY_FIGURE=1 takes all.
    const char* every = std::getenv("DUNLIN_EVERY_FIGURE");
    const size_t step = every != nullptr ? 1 : std::max<size_t>(1, figures.size() / 12);
    for (size_t n = turn++ % step; n < figures.size(); n += step) {
      BundleSources changed = shipped.files;
      std::string& text = changed.files[figures[n].file].text;
      char& digit = text[figures[n].at];
      digit = digit == '9' ? '8' : static_cast<char>(digit + 1);
      const auto after = checked_bundle(changed);
      if (!after->program) continue;  // no day, no hour, shares that do not add up
      ++planted;
      if (plan::compare(before->view(), after->view()).same())
        unseen += shipped.name + ", " + changed.files[figures[n].file].path + ": " + line_around(text, figures[n].at) + "\n";
    }
  }
  INFO(unseen);
  CHECK(unseen.empty());
  CHECK(planted >= 200);
}

}  // namespace
}  // namespace dunlin
