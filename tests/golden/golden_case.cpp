#include "tests/golden/golden_case.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>

namespace dunlin::golden {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + file.string());
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) text.replace(at, from.size(), to);
}

/// A folder that goes with the object, which the database's user can enter.
class WorkFolder {
 public:
  WorkFolder() {
    std::string name = (fs::temp_directory_path() / "dunlin_golden_XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("cannot make a folder in " + fs::temp_directory_path().string());
    path_ = name;
    fs::permissions(path_, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  }
  ~WorkFolder() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  WorkFolder(const WorkFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

Command run_command(const std::string& line, const fs::path& folder, const fs::path& program) {
  std::string shell = "exec 2>&1; cd '" + folder.string() + "' && export DUNLIN_DATA='" + (folder / "data").string() +
                      "' TZ=UTC NO_COLOR=1; unset DUNLIN_DATABASE DUNLIN_STDLIB; dunlin() { '" + program.string() + "' \"$@\"; }; " + line;
  std::string quoted = shell;
  replace_all(quoted, "'", "'\\''");
  FILE* pipe = popen(("bash -c '" + quoted + "' </dev/null").c_str(), "r");
  if (!pipe) throw std::runtime_error("cannot start a shell");
  Command result;
  result.line = line;
  std::array<char, 4096> buffer{};
  while (size_t count = fread(buffer.data(), 1, buffer.size(), pipe)) result.output.append(buffer.data(), count);
  int status = pclose(pipe);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.output = settled(result.output, folder);
  return result;
}

}  // namespace

std::string InputFile::bytes() const {
  if (!escaped) return written;
  std::string result;
  for (size_t at = 0; at < written.size(); ++at) {
    if (written[at] != '\\' || at + 1 >= written.size()) {
      result += written[at];
    } else if (written[at + 1] == 'x') {
      result += static_cast<char>(std::stoi(written.substr(at + 2, 2), nullptr, 16));
      at += 3;
    } else if (written[at + 1] == '{') {
      size_t star = written.find('*', at), end = written.find('}', star);
      int times = std::stoi(written.substr(at + 2, star - at - 2));
      for (int i = 0; i < times; ++i) result += written.substr(star + 1, end - star - 1);
      at = end;
    } else {
      result += written[at + 1] == 'n' ? '\n' : written[at + 1];
      ++at;
    }
  }
  return result;
}

Case read_case(const fs::path& file) {
  Case golden;
  std::istringstream lines(read_file(file));
  InputFile* open_file = nullptr;
  bool closed = true;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("--- file ")) {
      golden.files.push_back({});
      open_file = &golden.files.back();
      std::istringstream words(line.substr(9));
      std::string word;
      words >> open_file->path;
      while (words >> word) open_file->escaped = open_file->escaped || word == "escaped";
    } else if (line.starts_with("$ ")) {
      open_file = nullptr;
      golden.commands.push_back({line.substr(2), "", 0});
      closed = false;
    } else if (line.starts_with("[exit ") && !golden.commands.empty()) {
      golden.commands.back().exit_code = std::stoi(line.substr(6));
      closed = true;
    } else if (open_file) {
      open_file->written += line + "\n";
    } else if (!closed) {
      golden.commands.back().output += line + "\n";
    } else if (golden.commands.empty()) {
      golden.description += line + "\n";
    }
  }
  if (golden.commands.empty()) throw std::runtime_error(file.string() + " has no command");
  return golden;
}

std::string write_case(const Case& golden) {
  std::string text = golden.description;
  for (const auto& file : golden.files) text += "--- file " + file.path + (file.escaped ? " escaped" : "") + "\n" + file.written;
  for (const auto& command : golden.commands) text += "$ " + command.line + "\n" + command.output + "[exit " + std::to_string(command.exit_code) + "]\n";
  return text;
}

std::vector<Command> run_case(const Case& golden, const fs::path& program) {
  WorkFolder folder;
  for (const auto& file : golden.files) {
    fs::path path = folder.path() / file.path;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << file.bytes();
  }
  std::vector<Command> ran;
  for (const auto& command : golden.commands) ran.push_back(run_command(command.line, folder.path(), program));
  return ran;
}

std::string settled(std::string output, const fs::path& folder) {
  replace_all(output, folder.string(), "FOLDER");
  static const std::vector<std::pair<std::regex, std::string>> patterns = {
      {std::regex(R"(\b\d+\.\d+ (m?s)\b)"), "# $1"},
      {std::regex(R"re("(seconds|compile_ms|load_s|step_s|commit_s)": ?[0-9.e+-]+)re"), "\"$1\": #"},
      {std::regex(R"(\b[0-9a-f]{64}\b)"), "HASH"},
      {std::regex(R"(\b20[2-9]\d-\d\d-\d\d[ T]\d\d:\d\d(:\d\dZ)?)"), "NOW"},
      {std::regex(R"(\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)"), "ID"},
  };
  for (const auto& [pattern, replacement] : patterns) output = std::regex_replace(output, pattern, replacement);
  if (!output.empty() && output.back() != '\n') output += '\n';
  return output;
}

}  // namespace dunlin::golden
