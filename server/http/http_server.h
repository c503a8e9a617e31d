// An HTTP/1.1 server: connections, limits and time-outs. What a request means is the handler's business.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dunlin::server::http {

struct Request {
  std::string method;  // "GET"
  std::string target;  // as sent: "/v1/accounts/A%201?limit=5"
  std::string authorization, content_type, request_id, if_match, idempotency_key;
  bool upgrade = false;   // to a WebSocket
  std::string protocols;  // that the client offers for it: "dunlin, token.dun_…"
  std::string body;
  std::string peer;  // address of the caller: the other end, or whom a trusted proxy names
};

/// The sending end of a connection that stays open. May be used from any thread; does not keep the connection alive.
class Outlet {
 public:
  Outlet() = default;
  virtual ~Outlet() = default;
  Outlet(const Outlet&) = delete;
  Outlet& operator=(const Outlet&) = delete;
  /// `data` is JSON on one line. False: the other end has gone, or has read too slowly and was cut off.
  virtual bool push(const std::string& event, const std::string& data) = 0;
  virtual bool open() const = 0;
  virtual void end(const std::string& why) = 0;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  /// Set: no body follows, the connection stays open (WebSocket, or server-sent events), and this is given its sending end. Must be quick.
  std::function<void(std::shared_ptr<Outlet>)> live = {};
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
  size_t stream_bytes_max = 256 * 1024;              // that wait for one reader of a stream; who is further behind is cut off
  int stream_beat_seconds = 20;                      // a sign of life on a quiet stream
  std::string certificate_file, key_file;            // both: TLS
  std::string trusted_proxies;                       // "10.1.2.3, 10.0.0.0/8": whose header is read to know the caller; empty: nobody's
  std::string forwarded_header = "X-Forwarded-For";  // or "Forwarded": which one the proxies write
};

/// What became of a certificate that was to be read again.
struct Certificate {
  enum class State { none, loaded, kept } state = State::none;  // none: there is no TLS here
  std::string valid_until;                                      // of the one in use now, as OpenSSL writes it: "Mar 20 12:00:00 2027 GMT"
  std::string wrong;                                            // kept: why
};

/// What the server has seen of connections, for metrics.
struct ConnectionCounts {
  int64_t open = 0, accepted = 0, refused = 0, timed_out = 0, malformed = 0;
  int64_t streams = 0, slow_readers = 0;  // connections that stay open; readers that were cut off
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
  /// When the certificate that new connections get ends, in seconds since 1970; nothing where there is no TLS. Any thread.
  std::optional<int64_t> certificate_expires() const;
  /// Reads certificate and key again; connections that are made from now on get them. What cannot be used leaves the old ones where they are. Any thread.
  Certificate reload_certificate();
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
