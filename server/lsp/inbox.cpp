#include "server/lsp/inbox.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace dunlin::lsp {

namespace {

std::optional<size_t> content_length(std::string_view line) {
  constexpr std::string_view name = "content-length:";
  if (line.size() < name.size()) return std::nullopt;
  for (size_t i = 0; i < name.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(line[i])) != name[i]) return std::nullopt;
  }
  line.remove_prefix(name.size());
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  size_t length = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), length);
  if (error != std::errc{} || end != line.data() + line.size()) return std::nullopt;
  return length;
}

}  // namespace

Framing read_message(std::istream& in, std::string& message, size_t bytes_max) {
  std::optional<size_t> length;
  constexpr size_t header_bytes_max = 4'096;
  size_t header_bytes = 0;
  for (;;) {
    std::string line;
    char c = 0;
    while (in.get(c) && c != '\n' && line.size() <= header_bytes_max) line += c;
    if (!in) return line.empty() && header_bytes == 0 ? Framing::end : Framing::broken;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    header_bytes += line.size() + 1;
    if (header_bytes > header_bytes_max) return Framing::broken;
    if (line.empty()) break;
    if (const auto found = content_length(line)) length = found;
  }
  if (!length) return Framing::broken;
  if (*length > bytes_max) {
    in.ignore(static_cast<std::streamsize>(std::min<size_t>(*length, INT64_MAX)));
    return in ? Framing::too_large : Framing::broken;
  }
  message.resize(*length);
  in.read(message.data(), static_cast<std::streamsize>(*length));
  return in ? Framing::message : Framing::broken;
}

std::string framed(const std::string& message) { return "Content-Length: " + std::to_string(message.size()) + "\r\n\r\n" + message; }

void Inbox::push(std::string message) {
  const std::lock_guard lock(mutex_);
  if (auto id = cancelled_id(message)) {
    cancelled_.push_back(std::move(*id));  // overtakes what waits
  } else {
    messages_.push_back(std::move(message));
  }
  arrived_.notify_one();
}

void Inbox::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  arrived_.notify_one();
}

bool Inbox::wait(std::string& message, std::optional<Clock::time_point> until, bool& closed) {
  std::unique_lock lock(mutex_);
  const auto ready = [&] { return !messages_.empty() || closed_; };
  if (until) {
    arrived_.wait_until(lock, *until, ready);
  } else {
    arrived_.wait(lock, ready);
  }
  closed = closed_ && messages_.empty();
  if (messages_.empty()) return false;
  message = std::move(messages_.front());
  messages_.pop_front();
  return true;
}

bool Inbox::waiting() {
  const std::lock_guard lock(mutex_);
  return !messages_.empty();
}

std::deque<std::string> Inbox::take_cancelled() {
  const std::lock_guard lock(mutex_);
  return std::exchange(cancelled_, {});
}

}  // namespace dunlin::lsp
