// Checking again after a change says what checking from scratch says: the same diagnostics in the same order with the same places, the same trees, the
// same uses of names, the same program.
#include <catch2/catch.hpp>
#include <filesystem>

#include "lang/diag/render.h"
#include "lang/sema/check_for_editor.h"
#include "lang/sema/symbols.h"
#include "tests/golden/golden_case.h"
#include "tests/incremental/edits.h"
#include "tests/incremental/tree_text.h"

using namespace dunlin;

namespace {

namespace fs = std::filesystem;

/// Everything that a check tells, as text.
std::string told(const BundleSources& bundle, ParseCache& cache, bool analyse) {
  SourceMap sources;
  Diagnostics diagnostics;
  CheckOptions options;
  options.stdlib = fs::path(DUNLIN_SOURCE_DIR) / "stdlib";
  options.analyse = analyse;
  sema::SymbolIndex symbols;
  const EditorCheck made = check_for_editor(bundle, sources, diagnostics, options, cache, symbols);
  std::string text = render_json(diagnostics, sources);
  diagnostics.sort();
  text += render_json(diagnostics, sources);
  for (const auto& tree : made.trees) text += test::tree_text(*tree);
  for (const sema::Use& use : symbols.uses) {
    text +=
        test::span_text(use.span) + std::to_string(static_cast<int>(use.key.kind)) + "." + std::to_string(use.key.index) + "." + std::to_string(use.key.owner);
  }
  return text + std::to_string(made.program->roots.size()) + (made.good ? " good" : " bad");
}

/// Bundles with everything the language has in them.
std::vector<fs::path> bundles() {
  std::vector<fs::path> folders;
  for (const char* place : {"tests/lsp", "strategies"}) {
    for (fs::recursive_directory_iterator walk(fs::path(DUNLIN_SOURCE_DIR) / place), last; walk != last; ++walk) {
      if (walk->is_directory() && fs::exists(walk->path() / "bundle.dun")) folders.push_back(walk->path());
    }
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

/// Where two long texts begin to differ.
std::string difference(const std::string& a, const std::string& b) {
  const auto at = static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  const size_t from = at < 200 ? 0 : at - 200;
  return a.substr(from, 400) + "\n---- from scratch:\n" + b.substr(from, 400);
}

BundleSources large() {
  BundleSources bundle;
  bundle.files.push_back({"bundle.dun",
                          "bundle large \"Large\" {\n  timezone UTC\n  currency EUR\n  calendar none\n  day starts 06:00\n}\nentity account {\n  key id : "
                          "text\n  balance : money\n  begun : date?\n}\n"});
  for (int f = 0; f < 6; ++f) {
    std::string text;
    for (int i = 0; i < 12; ++i) {
      const std::string n = std::to_string(f) + "_" + std::to_string(i), other = std::to_string((f + 1) % 6) + "_" + std::to_string(i);
      text += "/// How late: " + n + ".\nextend account {\n  due_" + n + " = days(begun, today) default " + std::to_string(i) + "\n}\nsegmentation band_" + n +
              " for account {\n  early when due_" + other + " < 30\n  otherwise late\n}\n\n// what it costs\ntable fee_" + n + "(band : band_" + n +
              ", balance : money) -> (fee : money) unique {\n  | band | balance || fee |\n  | early | any || 0 |\n  | late | any || 5 |\n}\nfunction share_" +
              n + "(a : money) -> money = a * 3% + money_of(" + std::to_string(i) + ")\nenum kind_" + n + " { a, b }\n";
    }
    bundle.files.push_back({"part" + std::to_string(f) + ".dun", text});
  }
  return bundle;
}

void try_edits(const std::string& name, const BundleSources& original, int edits, uint64_t seed) {
  fuzz::Random random(seed);
  ParseCache kept;
  BundleSources now = original;
  std::string history;
  for (int i = 0; i < edits; ++i) {
    const std::string did = i == 0 ? "opened" : test::edit(now, original, random);
    const bool analyse = random.one_in(6);
    ParseCache fresh;
    const std::string again = told(now, kept, analyse), scratch = told(now, fresh, analyse);
    history += did + "\n";
    if (again == scratch) continue;
    INFO(name << ", seed " << seed << "\n" << history << difference(again, scratch));
    CHECK(again == "what is told from scratch");
    return;
  }
  SUCCEED();
}

}  // namespace

TEST_CASE("after any sequence of edits a check says what it says from scratch") {
  const auto folders = bundles();
  REQUIRE(folders.size() >= 12);
  for (size_t i = 0; i < folders.size(); ++i) {
    Diagnostics diagnostics;
    SourceMap sources;
    const BundleSources original = read_bundle(folders[i], diagnostics, sources);
    REQUIRE_FALSE(diagnostics.has_errors());
    try_edits(folders[i].string(), original, 10, 1'000 + i);
  }
}

TEST_CASE("the same in every bundle of the golden cases") {
  uint64_t seed = 5'000;
  for (const char* place : {"good", "bad"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(DUNLIN_SOURCE_DIR) / "tests/golden" / place)) {
      if (entry.path().extension() != ".golden") continue;
      BundleSources original;
      for (const golden::InputFile& file : golden::read_case(entry.path()).files) {
        const bool source = file.path.ends_with(".dun") || file.path.ends_with(".csv");
        if (source && file.bytes().size() < 20'000) original.files.push_back({file.path, file.bytes()});
      }
      std::ranges::sort(original.files, {}, &SourceFile::path);
      try_edits(entry.path().filename().string(), original, 6, ++seed);
    }
  }
}

TEST_CASE("the same in a larger bundle of many files") {
  for (uint64_t seed = 1; seed <= 3; ++seed) try_edits("large", large(), 14, seed);
}

TEST_CASE("after a change in one declaration only that one is parsed") {
  BundleSources bundle = large();
  ParseCache cache;
  told(bundle, cache, false);
  const size_t before = cache.pieces_parsed();
  std::string& text = bundle.files[3].text;
  text.insert(text.find("* 3%") + 2, "1");
  told(bundle, cache, false);
  CHECK(cache.pieces_parsed() == before + 1);
  // A file more, and every file behind it has another number: nothing of them is parsed.
  bundle.files.insert(bundle.files.begin(), {"a.dun", "enum colour { red, green }\n"});
  told(bundle, cache, false);
  CHECK(cache.pieces_parsed() == before + 2);
}
