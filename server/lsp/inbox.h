// Messages between a reading thread and the session: framed as the protocol frames them on a byte stream.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <istream>
#include <mutex>
#include <optional>
#include <string>

#include "server/lsp/session.h"

namespace dunlin::lsp {

/// Why no message could be read.
enum class Framing { message, end, broken, too_large };

/// Reads one message: header lines with `Content-Length`, an empty line, then so many bytes. A message longer than `bytes_max` is read past, not kept.
Framing read_message(std::istream& in, std::string& message, size_t bytes_max);
/// The same with its header.
std::string framed(const std::string& message);

class Inbox {
 public:
  void push(std::string message);
  void close();
  /// Waits until a message is there (true), the time has come (false), or nothing will come any more (false, `closed`).
  bool wait(std::string& message, std::optional<Clock::time_point> until, bool& closed);
  /// Whether a message waits.
  bool waiting();
  /// Ids cancelled since the last call.
  std::deque<std::string> take_cancelled();

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::string> messages_;
  std::deque<std::string> cancelled_;
  bool closed_ = false;
};

}  // namespace dunlin::lsp
