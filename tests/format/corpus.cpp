#include "tests/format/corpus.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace dunlin::test {

namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

std::vector<fs::path> files_below(const char* folder, const std::string& ending) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(DUNLIN_SOURCE_DIR) / folder)) {
    if (entry.is_regular_file() && entry.path().extension() == ending) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// Texts between a line that begins with `open` and the next that begins with `close`.
void add_parts(const std::string& name, const std::string& text, const std::string& open, const std::string& close, std::vector<Sample>& samples) {
  std::istringstream lines(text);
  std::string part;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (inside && line.starts_with(close)) {
      samples.push_back({name, std::move(part)});
      part.clear();
      inside = false;
    }
    if (inside) part += line + '\n';
    if (!inside && line.starts_with(open)) inside = true;
  }
}

}  // namespace

std::vector<Sample> rule_texts() {
  std::vector<Sample> samples;
  for (const char* folder : {"stdlib", "strategies", "tests"}) {
    for (const fs::path& path : files_below(folder, ".dun")) samples.push_back({path.string(), read(path)});
  }
  for (const fs::path& path : files_below("tests/golden", ".golden")) add_parts(path.string(), read(path), "--- file bundle.dun", "---", samples);
  for (const fs::path& path : files_below("docs", ".md")) add_parts(path.string(), read(path), "```dunlin", "```", samples);
  return samples;
}

}  // namespace dunlin::test
