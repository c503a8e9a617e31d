#include "server/output/progress.h"

#include <fmt/format.h>

#include <cstdio>
#include <ctime>

#include "server/output/terminal.h"

namespace dunlin::server {
namespace {

using Clock = std::chrono::steady_clock;

std::string clock_in(double seconds) {
  std::time_t at = std::time(nullptr) + static_cast<std::time_t>(seconds);
  std::tm local{};
  localtime_r(&at, &local);
  return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
}

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

}  // namespace

Progress::Progress(std::string what, std::string unit, int64_t total, bool asked_for)
    : what_(std::move(what)), unit_(std::move(unit)), total_(total), shown_(asked_for || errors_go_to_terminal()), on_terminal_(errors_go_to_terminal()) {
  begin_ = last_ = Clock::now();
}

Progress::~Progress() { end(); }

std::string Progress::line(const std::string& what, const std::string& unit, int64_t done, int64_t total, double seconds, const std::string& clock_at_end,
                           const std::string& note) {
  double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  std::string text = what + "  ";
  if (total > 0) {
    constexpr int64_t bar_width = 24;
    int64_t filled = std::min<int64_t>(bar_width, done * bar_width / total);
    for (int64_t i = 0; i < bar_width; ++i) text += i < filled ? "█" : "░";
    text += fmt::format(" {:3}%  ", std::min<int64_t>(100, done * 100 / total));
  }
  text += fmt::format("{} {}  {}/s", grouped(done), unit, grouped(static_cast<long long>(rate)));
  if (!clock_at_end.empty()) text += "  ends " + clock_at_end;
  if (!note.empty()) text += "  " + note;
  return text;
}

void Progress::at(int64_t done, const std::string& note) {
  if (!shown_) return;
  auto now = Clock::now();
  auto pause = on_terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(2000);
  if (drawn_ && now - last_ < pause) return;
  last_ = now;
  drawn_ = true;
  double seconds = seconds_since(begin_);
  std::string ends;
  if (total_ > 0 && done > 0 && seconds > 0.5) ends = clock_in(seconds * static_cast<double>(total_ - done) / static_cast<double>(done));
  std::string text = line(what_, unit_, done, total_, seconds, ends, note);
  if (on_terminal_) {
    fmt::print(stderr, "\r\033[2K{}", text);
  } else {
    fmt::print(stderr, "{}\n", text);
  }
  std::fflush(stderr);
}

void Progress::end() {
  if (drawn_ && on_terminal_) {
    fmt::print(stderr, "\r\033[2K");
    std::fflush(stderr);
  }
  drawn_ = false;
}

}  // namespace dunlin::server
