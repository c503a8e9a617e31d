// One golden case: a text file that holds input files, commands, and what they must say and return.
//
//   --- file bundle.dun                 a file of the case's folder, up to the next line that begins with ---
//   --- file data.csv escaped           the same with \xHH for a byte, \n for a line end and \{1000*text} for many of a text
//   $ dunlin check .                    a command, run in that folder
//   …                                   what it printed, both streams in the order they came
//   [exit 1]                            what it returned
//
// Lines before the first of these are the case's description. Figures that differ from run to run are written as # (see `settled`).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dunlin::golden {

struct Command {
  std::string line;    // as written, without "$ "
  std::string output;  // settled
  int exit_code = 0;
};
struct InputFile {
  std::string path;
  bool escaped = false;
  std::string written;  // as in the case
  std::string bytes() const;
};
struct Case {
  std::string description;
  std::vector<InputFile> files;
  std::vector<Command> commands;
};

/// Throws std::runtime_error with a sentence where the file is not a case.
Case read_case(const std::filesystem::path& file);
std::string write_case(const Case& golden);

/// Runs the commands in a folder made for it. `dunlin` in a command stands for the program at `program`.
std::vector<Command> run_case(const Case& golden, const std::filesystem::path& program);

/// Output with what may differ taken out: the folder, seconds, clock times of today, content hashes.
std::string settled(std::string output, const std::filesystem::path& folder);

}  // namespace dunlin::golden
