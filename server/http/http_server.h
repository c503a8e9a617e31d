// An HTTP/1.1 server: connections, limits and time-outs. What a request means is the handler's business.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace dunlin::server::http {

struct Request {
  std::string method;  // "GET"
  std::string target;  // as sent: "/v1/accounts/A%201?limit=5"
  std::string authorization, content_type, request_id, if_match, idempotency_key;
  std::string body;
  std::string peer;  // address of the other end
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// Called from several threads at once; must not throw.
using Handler = std::function<Response(const Request&)>;

struct ServerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 8460;  // 0: a free one
  int threads = 8;       // that handle requests
  size_t connections_max = 10'500;
  uint32_t header_bytes_max = 16 * 1024;
  uint64_t body_bytes_max = 8 * 1024 * 1024;
  int read_seconds = 15;  // for one request, from its first byte to its last
  int idle_seconds = 75;  // between two requests of a connection
  int write_seconds = 30;
  std::string certificate_file, key_file;  // both: TLS
};

/// What the server has seen of connections, for metrics.
struct ConnectionCounts {
  int64_t open = 0, accepted = 0, refused = 0, timed_out = 0, malformed = 0;
};

class HttpServer {
 public:
  /// Listens and serves; the error is one sentence.
  static std::expected<std::unique_ptr<HttpServer>, std::string> start(const ServerOptions& options, Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  uint16_t port() const;
  ConnectionCounts counts() const;
  /// Accepts no more, lets running requests end (up to `seconds`), closes the rest.
  void stop(int seconds);

  struct Inner;

 private:
  explicit HttpServer(std::shared_ptr<Inner> inner);
  std::shared_ptr<Inner> inner_;
};

/// "/v1/accounts/A 1" and its query, decoded. An empty path: the target is not one.
struct Target {
  std::string path;
  std::map<std::string, std::string> query;
};
Target parse_target(const std::string& target);

}  // namespace dunlin::server::http
