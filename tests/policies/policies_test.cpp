// Every policy is without a warning, passes its own tests on both backends, and its tests reach every rule, stage and table row.
// Every snippet of the cookbook stands word for word in the policy that it names: what is shown is what was tested.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
const fs::path source_dir = DUNLIN_SOURCE_DIR;
const fs::path policies = source_dir / "strategies/policies";

struct Ran {
  int exit_code;
  std::string output;
};

Ran run(const std::string& arguments) {
  std::string output;
  FILE* pipe = popen((std::string(DUNLIN_COMMAND) + " " + arguments + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 65536> buffer;
  while (const size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), n);
  const int status = pclose(pipe);
  return {WEXITSTATUS(status), output};
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<fs::path> bundles() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(policies)) {
    if (entry.is_directory()) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string trimmed(const std::string& line) {
  const size_t from = line.find_first_not_of(" \t\r"), to = line.find_last_not_of(" \t\r");
  return from == std::string::npos ? "" : line.substr(from, to - from + 1);
}

/// Lines without their indentation; empty ones are left out.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::stringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (std::string bare = trimmed(line); !bare.empty()) lines.push_back(std::move(bare));
  }
  return lines;
}

/// Whether the lines stand somewhere in the text, one behind the other. A line of `…` stands for any lines.
bool stands_in(const std::vector<std::string>& wanted, const std::vector<std::string>& text) {
  auto from = text.begin();
  for (auto part = wanted.begin(); part != wanted.end();) {
    const auto end = std::find(part, wanted.end(), "…");
    from = std::search(from, text.end(), part, end);
    if (from == text.end() && part != end) return false;
    from += end - part;
    part = end == wanted.end() ? end : end + 1;
  }
  return true;
}

struct Snippet {
  std::string policy, text;
  int line = 0;
};

/// Fenced blocks, each with the folder named in the nearest line `From [NN_name](…)` before it.
std::vector<Snippet> snippets_of(const std::string& page) {
  std::vector<Snippet> found;
  std::stringstream stream(page);
  std::string policy;
  bool inside = false;
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (!inside && line.starts_with("From [")) policy = line.substr(6, line.find(']') - 6);
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) found.push_back({policy, "", number});
    } else if (inside) {
      found.back().text += line + "\n";
    }
  }
  return found;
}

}  // namespace

TEST_CASE("there are twelve policies, each with its number") {
  const auto all = bundles();
  REQUIRE(all.size() == 12);
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string name = all[i].filename().string();
    CHECK(std::stoul(name.substr(0, 2)) == i + 1);
  }
}

TEST_CASE("every policy is without a warning") {
  for (const fs::path& bundle : bundles()) {
    const Ran checked = run("check --json " + bundle.string());
    INFO(checked.output);
    REQUIRE(checked.exit_code == 0);
    const json said = json::parse(checked.output);
    CHECK(said.at("errors") == 0);
    CHECK(said.at("warnings") == 0);
  }
}

TEST_CASE("every policy passes its tests, and they reach all of it") {
  for (const fs::path& bundle : bundles()) {
    const Ran tested = run("test --coverage --json " + bundle.string());
    INFO(bundle.filename().string() << "\n" << tested.output);
    REQUIRE(tested.exit_code == 0);
    const json said = json::parse(tested.output);
    CHECK(said.at("tests") >= 8);
    CHECK(said.at("failed") == 0);
    CHECK(said.at("disagreements").empty());
    for (const char* kind : {"rules", "stages", "table_rows"}) {
      INFO(kind);
      CHECK(said.at("coverage").at(kind).at("reached") == said.at("coverage").at(kind).at("all"));
    }
  }
}

TEST_CASE("a snippet that is not in its policy is found out") {
  const auto text = lines_of("stage a {\n  on entry : x\n\n  go b\n}\nfinal stage b\n");
  CHECK(stands_in(lines_of("on entry : x\ngo b"), text));
  CHECK(stands_in(lines_of("stage a {\n…\n}\nfinal stage b"), text));
  CHECK_FALSE(stands_in(lines_of("on entry : y"), text));
  CHECK_FALSE(stands_in(lines_of("go b\n…\non entry : x"), text));
  CHECK_FALSE(stands_in(lines_of("stage a {\ngo b"), text));
}

TEST_CASE("every snippet of the cookbook is taken from a policy that is tested") {
  const auto snippets = snippets_of(read(source_dir / "docs/guides/cookbook.md"));
  CHECK(snippets.size() >= 20);
  for (const Snippet& snippet : snippets) {
    INFO("docs/guides/cookbook.md:" << snippet.line << " from " << snippet.policy);
    REQUIRE(fs::is_directory(policies / snippet.policy));
    const auto wanted = lines_of(snippet.text);
    CHECK_FALSE(wanted.empty());
    bool found = false;
    for (const auto& entry : fs::directory_iterator(policies / snippet.policy)) {
      if (entry.path().extension() == ".dun") found = found || stands_in(wanted, lines_of(read(entry.path())));
    }
    CHECK(found);
  }
}
