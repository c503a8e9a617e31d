// Requests to other people's servers: one connection each, a deadline over all of it, and only where it is allowed to go.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace dunlin::server::http {

/// "https://dialler.example:8443/tasks?x=1". Nothing else: no user, no fragment.
struct Url {
  bool tls = true;
  std::string host;  // as written, in lower case; an IPv6 address without its brackets
  uint16_t port = 443;
  std::string target;  // "/tasks?x=1"
};
/// The error is one sentence.
std::expected<Url, std::string> parse_url(const std::string& text);

/// Where requests may go. A name that is allowed and resolves to an address of this machine or of the link (cloud metadata) is refused all the same, unless the
/// address itself, or localhost, is what is allowed.
struct Destinations {
  std::vector<std::string> hosts;  // "dialler.example", "10.1.2.3:8080"; without a port: the scheme's own
  bool plain = false;              // http:// too
};
/// What is wrong with it; empty: nothing.
std::string refused_destination(const Url& url, const Destinations& allowed);

struct Outgoing {
  std::string method = "POST", url, body;
  std::vector<std::pair<std::string, std::string>> headers;
};
struct Answer {
  int status = 0;
  std::string body;
  int retry_after_seconds = 0;  // 0: nothing was said
};
struct SendError {
  std::string message;      // one sentence, without what was sent
  bool maybe_sent = false;  // the other end may have read it
};

struct ClientOptions {
  Destinations allowed;
  int seconds = 10;                     // for everything: name, connection, request, answer
  uint64_t answer_bytes_max = 1 << 20;  // of the body
  std::string authorities_file;         // PEM; empty: the system's
};

class HttpClient {
 public:
  explicit HttpClient(ClientOptions options);
  /// Cuts what is under way; its callbacks are not called any more.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  using Done = std::function<void(std::expected<Answer, SendError>)>;
  /// Returns at once; `done` is called on the client's thread. Redirections are answers like others: they are not followed.
  void send(Outgoing request, Done done);
  /// Waits for the answer. Not from `done`.
  std::expected<Answer, SendError> ask(Outgoing request);

  struct Inner;

 private:
  std::shared_ptr<Inner> inner_;
};

}  // namespace dunlin::server::http
