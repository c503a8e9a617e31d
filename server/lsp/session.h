// The language server apart from how messages travel: one JSON-RPC message in, any number out. Standard input and a WebSocket are both only carriers of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace dunlin::lsp {

using Clock = std::chrono::steady_clock;

/// What the session cannot do by itself. Each may be empty; then the editor is not offered it.
struct Ports {
  /// Runs the tests of the bundle in `folder` with this title; text for people.
  std::function<std::string(const std::filesystem::path& folder, const std::string& title)> run_test;
  /// How many live instances stand in each stage ("soft.calling"), by the database that was given.
  std::function<std::map<std::string, int64_t>()> live_counts;
};

struct SessionOptions {
  std::filesystem::path stdlib;
  std::chrono::milliseconds debounce{0};             // quiet time before diagnostics are sent; what has arrived meanwhile is always taken in first
  std::chrono::milliseconds analysis_debounce{400};  // and before gaps, dead stages and the like are looked for
  size_t message_bytes_max = 32u << 20;
  std::function<bool()> interrupted = nullptr;  // somebody waits: the search for gaps and the like is put off. Asked on the thread that calls `tick`
};

class Session {
 public:
  Session(SessionOptions options, Ports ports, std::function<void(const std::string& message)> send);
  ~Session();

  /// One message. Broken ones are answered as JSON-RPC says and change nothing.
  void handle(const std::string& message);
  /// The request with this id (as JSON text) is not wanted any more: if it has not been handled yet, it is answered as cancelled.
  void cancel(const std::string& id);
  /// When `tick` has something to do; nothing if it has not.
  std::optional<Clock::time_point> next_tick() const;
  /// Sends diagnostics that are due.
  void tick(Clock::time_point now);

  bool ended() const;     // `exit` came
  int exit_code() const;  // 0 after `shutdown`, else 1
  /// For measurements: milliseconds the last check took, and files it had to parse.
  struct CheckTime {
    double milliseconds = 0;
    size_t parsed = 0;
    bool analysed = false;
  };
  CheckTime last_check() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

/// If `message` is a `$/cancelRequest`, the id it names, as JSON text.
std::optional<std::string> cancelled_id(const std::string& message);

}  // namespace dunlin::lsp
