// How long this process waits for its database. A connection whose other end is gone without a word would keep its thread for ever; here is what ends it:
// TCP's own signs of life, the server's statement_timeout, and, where neither reaches us, a watch that shuts the socket.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace dunlin::store {

/// What a session gets that does not name a statement_timeout itself.
constexpr int usual_statement_seconds = 900;

/// The address with what it does not say itself: connect_timeout 10 s, keepalives after 30 s idle (3 times, 10 s apart), tcp_user_timeout 30 s. An address
/// that cannot be read comes back as it is; connecting says what is wrong with it.
std::string with_patience(const std::string& url);

/// The same address with a statement_timeout for its sessions, unless it names one (options=-c statement_timeout=…).
std::string with_statement_timeout(const std::string& url, int seconds);

/// Sets a session up (time zone, messages) and gives it the usual statement_timeout unless it has one; answers that in milliseconds.
std::string session_sql();

/// The longest wait for an answer: the server ends the statement by itself before that, so after it the other end is gone.
std::chrono::milliseconds answer_patience(std::chrono::milliseconds statement_timeout);

/// While it lives, somebody waits for an answer on this socket. After `most` the socket is shut down, and what waits gets an error as if the server had closed
/// the connection. Nothing happens for `most` zero or a socket below zero.
class Patience {
 public:
  Patience(int socket, std::chrono::milliseconds most);
  ~Patience();
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;

 private:
  int64_t number_ = 0;  // 0: nobody watches
};

}  // namespace dunlin::store
