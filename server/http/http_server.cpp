#include "server/http/http_server.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <chrono>
#include <ctime>

#include "server/http/http_live.h"
#include "server/http/wrong_options.h"

namespace dunlin::server::http {

namespace beast = boost::beast;
namespace wire = boost::beast::http;

namespace {

std::string text(beast::string_view view) { return {view.data(), view.size()}; }

/// One connection. Lives as long as something is under way on it.
template <class Stream>
class Session final : public Listed, public std::enable_shared_from_this<Session<Stream>> {
 public:
  Session(std::shared_ptr<HttpServer::Inner> server, Stream stream, std::string peer)
      : Listed(std::move(server)), stream_(std::move(stream)), peer_(std::move(peer)) {
    this->enter();
  }
  ~Session() override { this->leave(); }

  void start() {
    if constexpr (requires { stream_.next_layer(); }) {
      lowest().expires_after(std::chrono::seconds(server_->options.read_seconds));
      stream_.async_handshake(asio::ssl::stream_base::server, [self = this->shared_from_this()](error_code error) {
        if (!error) self->wait_for_request();
      });
    } else {
      wait_for_request();
    }
  }

  void stop_when_idle() override {
    asio::post(lowest().get_executor(), [self = this->shared_from_this()] {
      if (self->idle_) self->close();
    });
  }
  void cut() override {
    asio::post(lowest().get_executor(), [self = this->shared_from_this()] { self->close(); });
  }

 private:
  beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }

  /// Between requests a connection may be quiet for long; from the first byte of one on its sender has little time.
  void wait_for_request() {
    if (server_->stopping) return close();
    parser_.emplace();
    parser_->header_limit(server_->options.header_bytes_max);
    parser_->body_limit(server_->options.body_bytes_max);
    if (buffer_.size() > 0) return read_request();
    idle_ = true;
    lowest().expires_after(std::chrono::seconds(server_->options.idle_seconds));
    stream_.async_read_some(buffer_.prepare(4096), [self = this->shared_from_this()](error_code error, size_t bytes) {
      self->idle_ = false;
      if (error) return self->close();
      self->buffer_.commit(bytes);
      self->read_request();
    });
  }

  void read_request() {
    lowest().expires_after(std::chrono::seconds(server_->options.read_seconds));
    wire::async_read(stream_, buffer_, *parser_, [self = this->shared_from_this()](error_code error, size_t) { self->on_request(error); });
  }

  void on_request(error_code error) {
    if (!error) return handle();
    if (error == beast::error::timeout) {
      ++server_->timed_out;
      return close();
    }
    if (error == wire::error::end_of_stream || error == asio::error::eof || error == asio::error::connection_reset || error == asio::error::operation_aborted) {
      return close();
    }
    ++server_->malformed;
    int status = 400;
    std::string why = "the request is not HTTP";
    if (error == wire::error::header_limit || error == wire::error::buffer_overflow) {
      status = 431;
      why = fmt::format("the headers are larger than {} bytes", server_->options.header_bytes_max);
    } else if (error == wire::error::body_limit) {
      status = 413;
      why = fmt::format("the body is larger than {} bytes", server_->options.body_bytes_max);
    }
    Response response{status, "application/problem+json", fmt::format("{{\"type\": \"about:blank\", \"title\": \"{}\", \"status\": {}}}", why, status), {}};
    keep_alive_ = false;
    ++server_->busy;
    write(std::move(response), 11);
  }

  void handle() {
    auto taken = std::make_shared<WireRequest>(parser_->release());
    WireRequest& message = *taken;
    Request request;
    request.method = text(message.method_string());
    request.target = text(message.target());
    request.authorization = text(message[wire::field::authorization]);
    request.content_type = text(message[wire::field::content_type]);
    request.request_id = text(message["X-Request-Id"]);
    request.if_match = text(message[wire::field::if_match]);
    request.idempotency_key = text(message["Idempotency-Key"]);
    request.upgrade = boost::beast::websocket::is_upgrade(message);
    request.protocols = text(message[wire::field::sec_websocket_protocol]);
    request.body = std::move(message.body());
    request.peer = server_->proxies.caller(peer_, forwarded(message));
    keep_alive_ = message.keep_alive();
    head_only_ = message.method() == wire::verb::head;
    if (head_only_) request.method = "GET";
    lowest().expires_never();
    ++server_->busy;
    // Handlers wait for the database; the thread that reads and writes never does.
    asio::post(server_->workers, [self = this->shared_from_this(), request = std::move(request), taken] {
      auto response = std::make_shared<Response>(self->server_->handler(request));
      asio::post(self->lowest().get_executor(), [self, response, taken] {
        if (!response->live || self->head_only_ || self->server_->stopping) return self->write(std::move(*response), taken->version());
        --self->server_->busy;
        self->given_away_ = true;
        go_live(self->server_, std::move(self->stream_), taken, std::move(*response));
      });
    });
  }

  /// All lines of the header: a proxy may add a line of its own below one that the caller has written.
  std::string forwarded(const WireRequest& message) const {
    std::string lines;
    const auto found = message.equal_range(server_->proxies.header() == ForwardedHeader::forwarded ? "Forwarded" : "X-Forwarded-For");
    for (auto line = found.first; line != found.second; ++line) lines += (lines.empty() ? "" : ",") + text(line->value());
    return lines;
  }

  void write(Response response, unsigned version) {
    auto message = std::make_shared<wire::response<wire::string_body>>(static_cast<wire::status>(response.status), version);
    message->set(wire::field::server, "dunlin");
    message->set(wire::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) message->set(name, value);
    if (server_->stopping) keep_alive_ = false;
    message->keep_alive(keep_alive_);
    message->body() = std::move(response.body);
    message->prepare_payload();
    if (head_only_) message->body().clear();
    head_only_ = false;
    lowest().expires_after(std::chrono::seconds(server_->options.write_seconds));
    wire::async_write(stream_, *message, [self = this->shared_from_this(), message](error_code error, size_t) {
      --self->server_->busy;  // only now: a stop waits for answers to be on their way
      if (error || !self->keep_alive_) return self->close();
      self->wait_for_request();
    });
  }

  void close() {
    if (given_away_) return;
    error_code ignored;
    lowest().socket().shutdown(tcp::socket::shutdown_both, ignored);
    lowest().socket().close(ignored);
  }

  using Listed::server_;
  Stream stream_;
  std::string peer_;
  beast::flat_buffer buffer_{1 << 20};
  std::optional<wire::request_parser<wire::string_body>> parser_;
  bool keep_alive_ = true, head_only_ = false, idle_ = false, given_away_ = false;
};

}  // namespace

void HttpServer::Inner::serve(const std::shared_ptr<Inner>& self, tcp::socket socket) {
  error_code ignored;
  const auto end = socket.remote_endpoint(ignored);
  const std::string peer = ignored ? "" : end.address().to_string();
  socket.set_option(tcp::no_delay(true), ignored);
  if (tls) {
    using Stream = beast::ssl_stream<beast::tcp_stream>;
    std::make_shared<Session<Stream>>(self, Stream(beast::tcp_stream(std::move(socket)), *tls), peer)->start();
  } else {
    std::make_shared<Session<beast::tcp_stream>>(self, beast::tcp_stream(std::move(socket)), peer)->start();
  }
}

void HttpServer::Inner::accept(const std::shared_ptr<Inner>& self) {
  acceptor.async_accept([this, self](error_code error, tcp::socket socket) {
    if (stopping) return;
    if (!error && static_cast<size_t>(open) < options.connections_max) {
      ++accepted;
      serve(self, std::move(socket));
    } else if (!error) {
      ++refused;  // the socket closes here
    }
    if (error == asio::error::no_descriptors) {
      // No file descriptor is free: look again a little later instead of turning in circles.
      auto timer = std::make_shared<asio::steady_timer>(io, std::chrono::milliseconds(50));
      timer->async_wait([this, self, timer](error_code) {
        if (!stopping) accept(self);
      });
      return;
    }
    accept(self);
  });
}

HttpServer::HttpServer(std::shared_ptr<Inner> inner) : inner_(std::move(inner)) {}
HttpServer::~HttpServer() { stop(5); }

namespace {

std::expected<asio::ip::address, std::string> address_of(const ServerOptions& options) {
  error_code error;
  auto address = asio::ip::make_address(options.address, error);
  if (error) return std::unexpected(fmt::format("server.address: `{}` is no address to listen on", options.address));
  return address;
}

/// Null: no TLS is asked for.
std::expected<std::shared_ptr<asio::ssl::context>, std::string> tls_of(const ServerOptions& options) {
  if (options.certificate_file.empty()) return nullptr;
  auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  tls->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 | asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                   asio::ssl::context::no_tlsv1_1);
  error_code error;
  tls->use_certificate_chain_file(options.certificate_file, error);
  if (error) return std::unexpected(fmt::format("server.certificate_file: the certificate `{}` cannot be used: {}", options.certificate_file, error.message()));
  tls->use_private_key_file(options.key_file, asio::ssl::context::pem, error);
  if (error) return std::unexpected(fmt::format("server.key_file: the key `{}` cannot be used: {}", options.key_file, error.message()));
  // Of another kind (RSA, elliptic curve) it would stand beside the certificate without being its own.
  if (SSL_CTX_check_private_key(tls->native_handle()) != 1) {
    ERR_clear_error();
    return std::unexpected(fmt::format("server.key_file: the key `{}` does not belong to the certificate `{}`", options.key_file, options.certificate_file));
  }
  return tls;
}

std::string valid_until(asio::ssl::context& tls) {
  const X509* certificate = SSL_CTX_get0_certificate(tls.native_handle());
  BIO* text = certificate == nullptr ? nullptr : BIO_new(BIO_s_mem());
  if (text == nullptr) return "";
  std::string written(64, '\0');
  ASN1_TIME_print(text, X509_get0_notAfter(certificate));
  const int length = BIO_read(text, written.data(), static_cast<int>(written.size()));
  BIO_free(text);
  written.resize(static_cast<size_t>(std::max(0, length)));
  return written;
}

/// In seconds since 1970; 0: it cannot be said.
int64_t expires(asio::ssl::context& tls) {
  const X509* certificate = SSL_CTX_get0_certificate(tls.native_handle());
  std::tm parts{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) return 0;
  return static_cast<int64_t>(timegm(&parts));
}

}  // namespace

std::string wrong_options(const ServerOptions& options) {
  if (const auto address = address_of(options); !address) return address.error();
  if (const auto tls = tls_of(options); !tls) return tls.error();
  if (const auto proxies = Proxies::parse(options.trusted_proxies, options.forwarded_header); !proxies) return proxies.error();
  return "";
}

std::expected<std::unique_ptr<HttpServer>, std::string> HttpServer::start(const ServerOptions& options, Handler handler) {
  auto inner = std::make_shared<Inner>(options, std::move(handler));
  auto address = address_of(options);
  if (!address) return std::unexpected(address.error());
  auto tls = tls_of(options);
  if (!tls) return std::unexpected(tls.error());
  inner->tls = std::move(*tls);
  if (inner->tls) inner->certificate_expires = expires(*inner->tls);
  auto proxies = Proxies::parse(options.trusted_proxies, options.forwarded_header);
  if (!proxies) return std::unexpected(proxies.error());
  inner->proxies = std::move(*proxies);
  error_code error;
  const tcp::endpoint endpoint(*address, options.port);
  inner->acceptor.open(endpoint.protocol(), error);
  if (!error) inner->acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) inner->acceptor.bind(endpoint, error);
  if (!error) inner->acceptor.listen(4096, error);
  if (error) return std::unexpected(fmt::format("cannot listen on {}:{}: {}", options.address, options.port, error.message()));
  inner->accept(inner);
  inner->thread = std::thread([inner] { inner->io.run(); });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(inner)));
}

uint16_t HttpServer::port() const {
  error_code ignored;
  return inner_->acceptor.local_endpoint(ignored).port();
}

ConnectionCounts HttpServer::counts() const {
  return {inner_->open, inner_->accepted, inner_->refused, inner_->timed_out, inner_->malformed, inner_->streams, inner_->slow_readers};
}

std::optional<int64_t> HttpServer::certificate_expires() const {
  const int64_t seconds = inner_->certificate_expires;
  return seconds == 0 ? std::nullopt : std::optional(seconds);
}

Certificate HttpServer::reload_certificate() {
  auto tls = tls_of(inner_->options);
  if (!tls) return {Certificate::State::kept, "", tls.error()};
  if (!*tls) return {};
  Certificate loaded{Certificate::State::loaded, valid_until(**tls), ""};
  inner_->certificate_expires = expires(**tls);
  asio::post(inner_->io, [inner = inner_, tls = std::move(*tls)]() mutable { inner->tls = std::move(tls); });
  return loaded;
}

void HttpServer::stop(int seconds) {
  if (inner_->stopping.exchange(true)) return;
  asio::post(inner_->io, [inner = inner_] {
    error_code ignored;
    inner->acceptor.close(ignored);
  });
  const auto each = [&](auto&& what) {
    const std::lock_guard lock(inner_->guard);
    for (Stoppable* session : inner_->sessions) what(*session);
  };
  // A session that is about to go cannot hand itself out any more; it goes anyway.
  const auto carefully = [](auto&& call) {
    try {
      call();
    } catch (const std::bad_weak_ptr&) {
    }
  };
  each([&](Stoppable& session) { carefully([&] { session.stop_when_idle(); }); });
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (inner_->busy > 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  inner_->workers.join();
  // What a cut connection was waiting for comes back once more with an error, and only then does the connection let go of the server.
  const auto gone = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  do {
    each([&](Stoppable& session) { carefully([&] { session.cut(); }); });
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  } while (inner_->open > 0 && std::chrono::steady_clock::now() < gone);
  if (inner_->open > 0) asio::post(inner_->io, [inner = inner_] { inner->io.stop(); });
  inner_->stays.reset();
  if (inner_->thread.joinable()) inner_->thread.join();
}

// ---- targets ----

namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool decode(const std::string& from, bool form, std::string& to) {
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i] == '%') {
      if (i + 2 >= from.size() || hex(from[i + 1]) < 0 || hex(from[i + 2]) < 0) return false;
      to += static_cast<char>(hex(from[i + 1]) * 16 + hex(from[i + 2]));
      i += 2;
    } else {
      to += form && from[i] == '+' ? ' ' : from[i];
    }
    if (to.back() == '\0') return false;
  }
  return true;
}

}  // namespace

Target parse_target(const std::string& target) {
  Target parsed;
  const size_t mark = target.find('?');
  // Slashes that are part of a key stay encoded until the path has been taken apart.
  parsed.path = target.substr(0, mark);
  if (parsed.path.empty() || parsed.path[0] != '/') return {};
  if (mark == std::string::npos) return parsed;
  const std::string query = target.substr(mark + 1);
  for (size_t from = 0; from <= query.size();) {
    size_t to = query.find('&', from);
    if (to == std::string::npos) to = query.size();
    const std::string part = query.substr(from, to - from);
    from = to + 1;
    const size_t equals = part.find('=');
    std::string name, value;
    if (!decode(part.substr(0, equals), true, name) || (equals != std::string::npos && !decode(part.substr(equals + 1), true, value))) return {};
    if (!name.empty()) parsed.query[name] = value;
  }
  return parsed;
}

}  // namespace dunlin::server::http
