// How far long work has come: a bar with a rate and an end time, on standard error, where somebody watches.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace dunlin::server {

class Progress {
 public:
  /// `total` 0: not known. Shows nothing unless standard error is a terminal or `asked_for`.
  Progress(std::string what, std::string unit, int64_t total, bool asked_for);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// How much is done by now. `note` stands at the end of the line, e.g. the day being replayed.
  void at(int64_t done, const std::string& note = "");
  /// Takes the line away (on a terminal).
  void end();

  /// The line as shown after `seconds`.
  static std::string line(const std::string& what, const std::string& unit, int64_t done, int64_t total, double seconds, const std::string& clock_at_end,
                          const std::string& note);

 private:
  std::string what_, unit_;
  int64_t total_;
  bool shown_, on_terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point begin_, last_;
};

}  // namespace dunlin::server
