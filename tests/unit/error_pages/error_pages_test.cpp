// Every diagnostic code has a page, every page a code, and the examples on the pages do what the pages say.
// The bundles in the language reference are checked too.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "compiler/abi/calendar.h"
#include "compiler/interp/interpreter.h"
#include "compiler/ir/lower.h"
#include "compiler/ir/native_signatures.h"
#include "lang/diag/render.h"
#include "lang/sema/check.h"
#include "runtime/simulate/cap_story.h"
#include "stdlib/native/standard_natives.h"

using namespace dunlin;
namespace fs = std::filesystem;

namespace {

const fs::path root = DUNLIN_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Fenced blocks of a page: the heading they stand under, the word behind the fence, the text, the line they begin on.
struct Block {
  std::string heading, language, text;
  int line = 0;
  std::vector<SourceFile> letters;  // of a bundle: the texts and pages that follow it, under the names that it calls them by
};

/// A block `txt` or `html` behind a bundle is the file of that kind which the bundle's templates name.
void give_letters(std::vector<Block>& blocks) {
  Block* bundle = nullptr;
  for (Block& block : blocks) {
    if (block.language == "dunlin") bundle = &block;
    if (bundle == nullptr || block.heading != bundle->heading || (block.language != "txt" && block.language != "html")) continue;
    const size_t end = bundle->text.find("." + block.language + "\"");
    const size_t begin = end == std::string::npos ? end : bundle->text.rfind("\"templates/", end);
    if (begin == std::string::npos) continue;
    bundle->letters.push_back({bundle->text.substr(begin + 1, end + block.language.size() - begin), block.text});
  }
}

std::vector<Block> blocks_of(const std::string& page) {
  std::vector<Block> blocks;
  std::istringstream lines(page);
  std::string line, heading;
  bool inside = false;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.starts_with("```")) {
      if (!inside) blocks.push_back({heading, line.substr(3), "", number});
      inside = !inside;
    } else if (inside) {
      blocks.back().text += line + "\n";
    } else if (line.starts_with("## ")) {
      heading = line.substr(3);
    }
  }
  REQUIRE_FALSE(inside);
  give_letters(blocks);
  return blocks;
}

struct Outcome {
  std::set<std::string> codes, errors;
  std::string text;
};

/// What `dunlin check` tells besides: the examples have no calendar of their own.
void tell_cap_stories(const checked::Program& program, Diagnostics& diagnostics) {
  if (program.limits.empty()) return;
  const auto ir = ir::lower(program);
  const auto interpreter = make_interpreter(*ir, &standard_natives());
  auto calendar = abi::CalendarTables::make({.timezone = program.bundle.timezone, .day_start_s = program.bundle.day_start_s});
  REQUIRE(calendar.has_value());
  simulate::report_cap_stories(program, simulate::find_cap_stories(program, *interpreter, *(*calendar)->view()), diagnostics);
}

Outcome check(const Block& block) {
  BundleSources bundle;
  bundle.files = block.letters;
  bundle.files.push_back({"example.dun", block.text});
  SourceMap sources;
  Diagnostics diagnostics;
  CheckOptions options;
  options.stdlib = root / "stdlib";
  auto program = check_bundle(bundle, sources, diagnostics, options);
  if (program) ir::report_unmatched_natives(*program, standard_natives(), diagnostics);
  if (diagnostics.has_errors()) program.reset();
  if (program) tell_cap_stories(*program, diagnostics);
  Outcome outcome;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    outcome.codes.insert(diagnostic.code);
    if (diagnostic.severity == Severity::error) outcome.errors.insert(diagnostic.code);
  }
  outcome.text = render_text(diagnostics, sources);
  CHECK((program == nullptr) == diagnostics.has_errors());
  return outcome;
}

/// Mistakes that no text on a page can show: bytes that are no text, files that are too large, files that are not there.
bool is_about_files(const std::string& code) { return code == "E0101" || code == "E0102" || code == "E0103" || code.starts_with("E08"); }

std::vector<Block> examples(const std::vector<Block>& blocks, const std::string& heading) {
  std::vector<Block> result;
  for (const Block& block : blocks) {
    if (block.heading == heading && block.language == "dunlin") result.push_back(block);
  }
  return result;
}

}  // namespace

TEST_CASE("codes and pages belong together") {
  std::set<std::string> codes, pages;
  for (std::string_view code : all_codes()) {
    const bool fresh = codes.emplace(code).second;
    INFO("listed twice: " << code);
    CHECK(fresh);
  }
  for (const auto& entry : fs::directory_iterator(root / "docs/errors")) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() == ".md" && name.starts_with("E0")) pages.insert(name);
  }
  REQUIRE(codes.size() > 20);
  for (const std::string& code : codes) {
    INFO("code without a page: " << code);
    CHECK(pages.contains(code));
  }
  for (const std::string& page : pages) {
    INFO("page without a code: " << page);
    CHECK(codes.contains(page));
  }
}

TEST_CASE("the wrong examples are wrong and the right ones right") {
  size_t run = 0;
  for (std::string_view listed : all_codes()) {
    const std::string code(listed);
    const fs::path path = root / "docs/errors" / (code + ".md");
    if (!fs::exists(path)) continue;  // the test above says so
    const std::string page = read(path);
    INFO("docs/errors/" << code << ".md");
    CHECK(page.starts_with("# " + code + ": "));
    const auto blocks = blocks_of(page);
    const auto wrong = examples(blocks, "Wrong"), right = examples(blocks, "Right");
    if (is_about_files(code)) continue;
    CHECK_FALSE(wrong.empty());
    CHECK_FALSE(right.empty());
    for (const Block& block : wrong) {
      const Outcome outcome = check(block);
      INFO("wrong example at line " << block.line << " gives:\n" << outcome.text);
      CHECK(outcome.codes.contains(code));
      ++run;
    }
    for (const Block& block : right) {
      const Outcome outcome = check(block);
      INFO("right example at line " << block.line << " gives:\n" << outcome.text);
      CHECK(outcome.errors.empty());
      CHECK_FALSE(outcome.codes.contains(code));
      ++run;
    }
  }
  CHECK(run > 40);
}

TEST_CASE("the bundles in the language reference are right") {
  for (const char* name : {"docs/language.md", "docs/semantics.md", "README.md"}) {
    const fs::path path = root / name;
    REQUIRE(fs::exists(path));
    size_t bundles = 0;
    for (const Block& block : blocks_of(read(path))) {
      if (block.language != "dunlin") continue;
      const Outcome outcome = check(block);
      INFO(name << " line " << block.line << ":\n" << outcome.text);
      CHECK(outcome.errors.empty());
      ++bundles;
    }
    if (std::string_view(name) == "docs/language.md") CHECK(bundles >= 5);
  }
}
