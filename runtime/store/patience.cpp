#include "runtime/store/patience.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>

namespace dunlin::store {

namespace {

using Clock = std::chrono::steady_clock;  // business clocks and the machine's own may jump

/// One thread that looks after all waits of this process. It sleeps until the first of them is over.
class Watch {
 public:
  static Watch& of_process() {
    static Watch watch;
    return watch;
  }

  int64_t add(int socket, std::chrono::milliseconds most) {
    const std::lock_guard lock(guard_);
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    const auto end = Clock::now() + most;
    waits_.emplace(++last_, Wait{socket, end});
    if (end < next_) changed_.notify_one();
    return last_;
  }

  void remove(int64_t number) {
    const std::lock_guard lock(guard_);
    waits_.erase(number);  // from here on the socket's number may be somebody else's
  }

 private:
  struct Wait {
    int socket = -1;
    Clock::time_point end;
  };

  ~Watch() {
    {
      const std::lock_guard lock(guard_);
      over_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  void run() {
    std::unique_lock lock(guard_);
    while (!over_) {
      next_ = Clock::now() + std::chrono::hours(1);
      for (auto& [number, wait] : waits_) {
        if (wait.end <= Clock::now()) {
          ::shutdown(wait.socket, SHUT_RDWR);
          wait.end = Clock::time_point::max();
        }
        next_ = std::min(next_, wait.end);
      }
      changed_.wait_until(lock, next_);
    }
  }

  std::mutex guard_;
  std::condition_variable changed_;
  std::map<int64_t, Wait> waits_;
  Clock::time_point next_ = Clock::time_point::max();
  int64_t last_ = 0;
  bool over_ = false;
  std::thread thread_;
};

std::string quoted(const std::string& value) {
  std::string text = "'";
  for (const char one : value) {
    if (one == '\'' || one == '\\') text += '\\';
    text += one;
  }
  return text + "'";
}

}  // namespace

namespace {

/// The address with values for words that it does not name itself; as it is if it cannot be read.
template <class Missing>
std::string completed(const std::string& url, Missing missing) {
  PQconninfoOption* parsed = PQconninfoParse(url.c_str(), nullptr);
  if (parsed == nullptr) return url;
  std::string made;
  for (const PQconninfoOption* option = parsed; option->keyword != nullptr; ++option) {
    const std::optional<std::string> value = missing(*option);
    if (value) made += fmt::format("{}{}={}", made.empty() ? "" : " ", option->keyword, quoted(*value));
  }
  PQconninfoFree(parsed);
  return made;
}

std::optional<std::string> said(const PQconninfoOption& option) { return option.val == nullptr ? std::nullopt : std::optional<std::string>(option.val); }

}  // namespace

std::string with_patience(const std::string& url) {
  static constexpr std::pair<std::string_view, const char*> usual[] = {
      {"connect_timeout", "10"}, {"keepalives_idle", "30"}, {"keepalives_interval", "10"}, {"keepalives_count", "3"}, {"tcp_user_timeout", "30000"}};
  return completed(url, [](const PQconninfoOption& option) {
    if (option.val != nullptr || (option.envvar != nullptr && std::getenv(option.envvar) != nullptr)) return said(option);
    for (const auto& [name, value] : usual) {
      if (name == option.keyword) return std::optional<std::string>(value);
    }
    return said(option);
  });
}

std::string with_statement_timeout(const std::string& url, int seconds) {
  return completed(url, [&](const PQconninfoOption& option) {
    auto value = said(option);
    if (std::string_view(option.keyword) != "options" || value.value_or("").find("statement_timeout") != std::string::npos) return value;
    return std::optional<std::string>(fmt::format("{}{}-c statement_timeout={}s", value.value_or(""), value ? " " : "", seconds));
  });
}

std::string session_sql() {
  return fmt::format(
      "set timezone = 'UTC'; set client_min_messages = warning; set jit = off; set extra_float_digits = 3; set standard_conforming_strings = on; "
      // The server's end of the line: its own patience with a client that is gone is two hours. A socket of this machine has no such thing, and needs none.
      "set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3; set tcp_user_timeout = 30000; "
      "select set_config('statement_timeout', '{}s', false) from pg_settings where name = 'statement_timeout' and setting = '0'; "
      "select setting from pg_settings where name = 'statement_timeout'",
      usual_statement_seconds);
}

std::chrono::milliseconds answer_patience(std::chrono::milliseconds statement_timeout) {
  // What a server that has just cancelled a statement may need to say so.
  constexpr auto slack = std::chrono::seconds(10);
  return statement_timeout.count() == 0 ? std::chrono::milliseconds(0) : statement_timeout + std::min<std::chrono::milliseconds>(slack, statement_timeout);
}

Patience::Patience(int socket, std::chrono::milliseconds most) {
  if (socket >= 0 && most.count() > 0) number_ = Watch::of_process().add(socket, most);
}

Patience::~Patience() {
  if (number_ != 0) Watch::of_process().remove(number_);
}

}  // namespace dunlin::store
