// Feeds spoiled texts to the front end. Whatever the text: no crash, no exception, no long wait; every place a message points
// to lies in the file; a text that is refused says why. A failure names the seed and keeps the text.
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "lang/diag/render.h"
#include "lang/syntax/ast_dump.h"
#include "lang/syntax/parse.h"
#include "tests/fuzz/mutations.h"

namespace {

using namespace dunlin;
using Clock = std::chrono::steady_clock;

constexpr double cpu_seconds_max_per_text = 20.0;  // generous, for sanitizers; of the processor, so that a busy machine fails nothing

struct Options {
  double seconds = 10;
  uint64_t seed = 1;
};

Options read_options(int count, char** words) {
  Options options;
  if (const char* seconds = std::getenv("DUNLIN_FUZZ_SECONDS")) options.seconds = std::atof(seconds);
  for (int i = 1; i + 1 < count; i += 2) {
    if (std::strcmp(words[i], "--seconds") == 0) options.seconds = std::atof(words[i + 1]);
    if (std::strcmp(words[i], "--seed") == 0) options.seed = std::strtoull(words[i + 1], nullptr, 10);
  }
  return options;
}

std::vector<std::string> read_corpus() {
  std::vector<std::string> corpus;
  for (const char* folder : {"tests/unit/front", "tests/golden", "strategies", "stdlib"}) {
    const std::filesystem::path root = std::filesystem::path(DUNLIN_SOURCE_DIR) / folder;
    if (!std::filesystem::exists(root)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (entry.path().extension() != ".dun") continue;
      std::ifstream in(entry.path(), std::ios::binary);
      std::stringstream text;
      text << in.rdbuf();
      if (!text.str().empty()) corpus.push_back(text.str());
    }
  }
  return corpus;
}

/// Empty if all is well, else what is wrong.
std::string check(const std::string& text) {
  SourceMap sources;
  const uint32_t file = sources.add("fuzz.dun", text);
  Diagnostics diagnostics;
  const std::clock_t start = std::clock();
  const ast::File tree = parse_file(sources, file, diagnostics);
  const std::string tree_text = dump(tree);
  diagnostics.sort();
  const std::string shown = render_text(diagnostics, sources);
  const std::string json = render_json(diagnostics, sources);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;

  for (const Diagnostic& d : diagnostics.all()) {
    if (!d.span.known() || d.span.begin > d.span.end || d.span.end > text.size() + 1) return "a message points outside the file: " + d.message;
    if (code_title(d.code) == nullptr) return "unlisted code " + d.code;
    if (d.message.empty()) return "a message without words";
    for (const char* jargon : {"mismatched", "viable", "expecting {", "extraneous", "SEP", "LBRACE"}) {
      if (d.message.find(jargon) != std::string::npos && text.find(jargon) == std::string::npos) return "a message in the parser's words: " + d.message;
    }
  }
  if (find_invalid_utf8(shown) != std::string::npos || find_invalid_utf8(json) != std::string::npos) return "messages are not valid UTF-8";
  if (diagnostics.has_errors() && (shown.empty() || json.empty())) return "errors that are not shown";
  if (seconds > cpu_seconds_max_per_text) return "took " + std::to_string(seconds) + " s";
  return {};
}

bool passes(const std::string& text, const std::string& origin) {
  std::string wrong;
  try {
    wrong = check(text);
  } catch (const std::exception& error) {
    wrong = std::string("an exception left the front end: ") + error.what();
  }
  if (wrong.empty()) return true;
  const char* kept = "fuzz_failure.dun";
  std::ofstream(kept, std::ios::binary) << text;
  std::cerr << origin << ": " << wrong << "\nthe text is kept in " << kept << "\n";
  return false;
}

/// A crash leaves no chance to keep the text afterwards, so the last one is kept beforehand when asked for.
void keep_for_crash(const std::string& text) {
  static const char* path = std::getenv("DUNLIN_FUZZ_LAST");
  if (path != nullptr) std::ofstream(path, std::ios::binary) << text;
}

}  // namespace

int main(int count, char** words) {
  const Options options = read_options(count, words);
  const std::vector<std::string> corpus = read_corpus();
  if (corpus.empty()) {
    std::cerr << "no .dun file to start from\n";
    return 2;
  }
  size_t number = 0;
  for (const std::string& text : fuzz::hostile_texts()) {
    keep_for_crash(text);
    if (!passes(text, "hostile text " + std::to_string(number++))) return 1;
  }
  const auto end = Clock::now() + std::chrono::duration<double>(options.seconds);
  size_t texts = 0;
  for (; Clock::now() < end; ++texts) {
    fuzz::Random random(options.seed * 1'000'003 + texts);
    const std::string text = fuzz::mutated(corpus, random);
    keep_for_crash(text);
    if (!passes(text, "seed " + std::to_string(options.seed) + ", text " + std::to_string(texts))) return 1;
  }
  std::cout << number << " hostile texts and " << texts << " mutated ones, seed " << options.seed << ": no failure\n";
  return 0;
}
