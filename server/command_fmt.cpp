// dunlin fmt: one layout for every rule file.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lang/diag/render.h"
#include "lang/format/format.h"
#include "server/common_options.h"
#include "server/output/terminal.h"
#include "server/writer_commands.h"

namespace dunlin::server {
namespace {

namespace fs = std::filesystem;

struct FmtCommand {
  CommonOptions common;
  std::vector<std::string> files;
  bool check = false;
  bool from_stdin = false;
};

/// What became of one file.
struct Result {
  std::string path;
  bool changed = false;
  Exit exit = Exit::done;
  std::string error;     // one sentence
  std::string messages;  // the file's syntax errors, rendered
};

struct Laid {
  std::string text;
  Result result;
};

Laid lay_out(const std::string& path, std::string text, bool color) {
  Laid laid{{}, {path}};
  if (const size_t bad = find_invalid_utf8(text); bad != std::string::npos) {
    laid.result.exit = Exit::input;
    laid.result.error = fmt::format("`{}` is not valid UTF-8: the first bad byte is number {}; it was left as it is", path, bad + 1);
    return laid;
  }
  SourceMap sources;
  Diagnostics diagnostics;
  const uint32_t file = sources.add(path, std::move(text));
  auto formatted = format_file(sources, file, diagnostics);
  if (!formatted) {
    laid.result.exit = Exit::input;
    laid.result.error = formatted.error();
    laid.result.messages = render_text(diagnostics, sources, {.color = color});
    return laid;
  }
  laid.result.changed = *formatted != sources.text(file);
  laid.text = std::move(*formatted);
  return laid;
}

std::string read_all(std::istream& stream) {
  std::ostringstream text;
  text << stream.rdbuf();
  return std::move(text).str();
}

/// Beside the file first, then in its place: whoever reads meanwhile sees the old text or the new one.
std::string replace_file(const fs::path& path, const std::string& text) {
  std::error_code error;
  const fs::path target = fs::canonical(path, error);
  if (error) return error.message();
  fs::path beside = target;
  beside += fmt::format(".{}.new", getpid());
  std::ofstream out(beside, std::ios::binary);
  out << text;
  out.close();
  if (out) fs::permissions(beside, fs::status(target).permissions(), error);
  if (out && !error) fs::rename(beside, target, error);
  if (!out || error) {
    const std::string why = error ? error.message() : "the disk does not take it";
    fs::remove(beside, error);
    return why;
  }
  return {};
}

Result format_one(const FmtCommand& command, const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return {path, false, Exit::input, fmt::format("`{}` cannot be read", path), {}};
  Laid laid = lay_out(path, read_all(in), command.common.color);
  in.close();
  if (laid.result.exit != Exit::done || !laid.result.changed || command.check) return laid.result;
  if (const std::string why = replace_file(path, laid.text); !why.empty()) {
    laid.result.exit = Exit::environment;
    laid.result.error = fmt::format("`{}` cannot be written: {}", path, why);
  }
  return laid.result;
}

/// Files as given; folders stand for all .dun files below them.
std::vector<std::string> rule_files(const std::vector<std::string>& given, std::vector<Result>& results) {
  std::vector<std::string> files;
  for (const std::string& name : given) {
    std::error_code error;
    if (!fs::exists(name, error)) {
      results.push_back({name, false, Exit::input, fmt::format("there is no `{}`", name), {}});
    } else if (!fs::is_directory(name, error)) {
      files.push_back(name);
    } else {
      std::vector<std::string> below;
      for (fs::recursive_directory_iterator walk(name, fs::directory_options::skip_permission_denied, error), end; !error && walk != end;
           walk.increment(error)) {
        if (walk->is_regular_file(error) && walk->path().extension() == ".dun") below.push_back(walk->path().lexically_normal().string());
      }
      std::sort(below.begin(), below.end());
      files.insert(files.end(), below.begin(), below.end());
    }
  }
  return files;
}

void print_json(const FmtCommand& command, const std::vector<Result>& results) {
  auto files = nlohmann::ordered_json::array();
  int64_t changed = 0;
  int64_t failed = 0;
  for (const Result& result : results) {
    nlohmann::ordered_json file{{"path", result.path}, {"changed", result.changed}};
    if (!result.error.empty()) file["error"] = result.error;
    changed += result.changed ? 1 : 0;
    failed += result.exit == Exit::done ? 0 : 1;
    files.push_back(std::move(file));
  }
  const nlohmann::ordered_json body{{"files", files}, {"changed", changed}, {"failed", failed}, {"written", !command.check}};
  fmt::print("{}\n", body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

void print_text(const FmtCommand& command, const std::vector<Result>& results) {
  for (const Result& result : results) {
    if (result.exit != Exit::done) {
      fmt::print(stderr, "{}{} {}\n", result.messages, styled("error:", Style::red, command.common.color && errors_go_to_terminal()), printable(result.error));
    } else if (result.changed) {
      fmt::print("{} {}\n", command.check ? "would change" : "changed", printable(result.path));
    }
  }
}

int format_stdin(const FmtCommand& command) {
  if (!command.files.empty()) return fail(command.common, Exit::usage, "--stdin takes no files", "give files or --stdin, not both");
  const Laid laid = lay_out("<stdin>", read_all(std::cin), command.common.color);
  if (laid.result.exit != Exit::done) {
    fmt::print(stderr, "{}", laid.result.messages);
    return fail(command.common, laid.result.exit, laid.result.error);
  }
  if (command.common.json) {
    const nlohmann::ordered_json body{{"text", laid.text}, {"changed", laid.result.changed}};
    fmt::print("{}\n", body.dump(2));
  } else if (!command.check) {
    fmt::print("{}", laid.text);
  }
  return static_cast<int>(command.check && laid.result.changed ? Exit::input : Exit::done);
}

int format(const FmtCommand& command) {
  if (command.from_stdin) return format_stdin(command);
  if (command.files.empty()) return fail(command.common, Exit::usage, "no files were given", "dunlin fmt FILES… or dunlin fmt --stdin");
  std::vector<Result> results;
  for (const std::string& path : rule_files(command.files, results)) results.push_back(format_one(command, path));
  if (command.common.json) {
    print_json(command, results);
  } else {
    print_text(command, results);
  }
  Exit exit = Exit::done;
  for (const Result& result : results) {
    if (command.check && result.changed) exit = std::max(exit, Exit::input);
    exit = std::max(exit, result.exit);
  }
  return static_cast<int>(exit);
}

}  // namespace

void add_fmt_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<FmtCommand>();
  auto* sub = app.add_subcommand("fmt", "Lay out rule files: indentation, blanks, columns; what they say stays the same");
  sub->add_option("FILES", command->files, "Rule files, or folders of them");
  sub->add_flag("--check", command->check, "Change nothing; name the files that would change and end with 1 if there are any");
  sub->add_flag("--stdin", command->from_stdin, "Read one file from standard input, write it to standard output");
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  dunlin fmt --check strategies");
  sub->callback([command, &chosen] { chosen = [command] { return format(*command); }; });
}

}  // namespace dunlin::server
