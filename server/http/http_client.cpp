#include "server/http/http_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <future>
#include <mutex>
#include <set>
#include <thread>

namespace dunlin::server::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

bool plain_character(unsigned char c) {
  return c > 0x20 && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\' && c != '^' && c != '`' && c != '{' && c != '}';
}

bool is_address(const std::string& host) {
  error_code error;
  (void)asio::ip::make_address(host, error);
  return !error;
}

/// The host without brackets, and what stands behind it: ":8443" or nothing. False: it is none.
bool take_host(std::string_view authority, std::string& host, std::string_view& behind) {
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    if (end == std::string_view::npos) return false;
    host = authority.substr(1, end - 1);
    behind = authority.substr(end + 1);
    return host.find(':') != std::string::npos && is_address(host);
  }
  const size_t colon = authority.find(':');
  host = authority.substr(0, colon);
  behind = colon == std::string_view::npos ? "" : authority.substr(colon);
  std::ranges::transform(host, host.begin(), [](unsigned char c) { return std::tolower(c); });
  return !host.empty() && std::ranges::all_of(host, [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '.' || c == '_'; });
}

bool take_port(std::string_view behind, uint16_t& port) {
  if (behind.empty()) return true;
  if (behind[0] != ':' || behind.size() < 2 || behind.size() > 6) return false;
  unsigned value = 0;
  for (const char c : behind.substr(1)) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  port = static_cast<uint16_t>(value);
  return value > 0 && value <= 65535;
}

/// Addresses that a name must not lead to: this machine, its link (where clouds answer for their secrets), everybody.
bool off_limits(const asio::ip::address& given) {
  asio::ip::address address = given;
  if (address.is_v6() && address.to_v6().is_v4_mapped()) address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  if (address.is_unspecified() || address.is_multicast() || address.is_loopback()) return true;
  if (address.is_v4()) {
    const uint32_t number = address.to_v4().to_uint();
    return (number >> 16) == 0xa9fe || (number >> 24) == 0 || (number >> 24) == 127 || number == 0xffffffff;
  }
  return address.to_v6().is_link_local();
}

}  // namespace

std::expected<Url, std::string> parse_url(const std::string& text) {
  const auto wrong = [&](const std::string& why) { return std::unexpected(fmt::format("this is no address to send to: {}", why)); };
  if (text.size() > 2000) return wrong("it is longer than 2000 characters");
  if (!std::ranges::all_of(text, [](unsigned char c) { return plain_character(c); })) return wrong("it has characters that must be written as %xx");
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    url.tls = false;
    url.port = 80;
  } else {
    return wrong("it begins with neither https:// nor http://");
  }
  const size_t slash = rest.find_first_of("/?#");
  const std::string_view authority = rest.substr(0, slash);
  url.target = slash == std::string_view::npos ? "/" : std::string(rest.substr(slash));
  if (authority.find('@') != std::string_view::npos) return wrong("it names a user");
  if (url.target.find('#') != std::string::npos) return wrong("it has a part behind #");
  if (url.target[0] == '?') url.target.insert(0, "/");
  std::string_view behind;
  if (!take_host(authority, url.host, behind)) return wrong("it has no host");
  if (!take_port(behind, url.port)) return wrong("its port is none");
  return url;
}

std::string refused_destination(const Url& url, const Destinations& allowed) {
  if (!url.tls && !allowed.plain) return "only https:// is allowed";
  for (const std::string& entry : allowed.hosts) {
    std::string host;
    std::string_view behind;
    uint16_t port = url.tls ? 443 : 80;
    if (take_host(entry, host, behind) && take_port(behind, port) && host == url.host && port == url.port) return "";
  }
  return fmt::format("the configuration does not allow requests to `{}`, port {}", url.host, url.port);
}

struct HttpClient::Inner {
  ClientOptions options;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> stays{io.get_executor()};
  asio::ssl::context tls{asio::ssl::context::tls_client};
  std::string tls_trouble;
  std::thread thread;

  explicit Inner(ClientOptions given) : options(std::move(given)) {
    error_code error;
    tls.set_options(asio::ssl::context::no_sslv2 | asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    tls.set_verify_mode(asio::ssl::verify_peer);
    if (options.authorities_file.empty()) {
      tls.set_default_verify_paths(error);
    } else {
      tls.load_verify_file(options.authorities_file, error);
    }
    if (error) tls_trouble = fmt::format("the certificates of authorities cannot be read: {}", error.message());
  }
};

namespace {

/// One request on its way. Lives as long as something is under way for it.
class Exchange final : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(HttpClient::Inner& client, Outgoing request, HttpClient::Done done)
      : client_(client), given_(std::move(request)), done_(std::move(done)), resolver_(client.io), deadline_(client.io), stream_(client.io, client.tls) {}

  void start() {
    auto url = parse_url(given_.url);
    if (!url) return fail(url.error());
    url_ = std::move(*url);
    if (const std::string refused = refused_destination(url_, client_.options.allowed); !refused.empty()) return fail(refused);
    if (url_.tls && !client_.tls_trouble.empty()) return fail(client_.tls_trouble);
    deadline_.expires_after(std::chrono::seconds(client_.options.seconds));
    deadline_.async_wait([self = shared_from_this()](error_code error) {
      if (error || self->ended_) return;
      self->fail(fmt::format("there was no answer within {} s", self->client_.options.seconds));
      self->cut();
    });
    resolver_.async_resolve(url_.host, std::to_string(url_.port), [self = shared_from_this()](error_code error, const tcp::resolver::results_type& found) {
      if (self->ended_) return;
      if (error) return self->fail(fmt::format("the host `{}` is not known: {}", self->url_.host, error.message()));
      self->connect(found);
    });
  }

 private:
  beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }

  void connect(const tcp::resolver::results_type& found) {
    std::vector<tcp::endpoint> ends;
    const bool meant = is_address(url_.host) || url_.host == "localhost";
    for (const auto& entry : found) {
      if (meant || !off_limits(entry.endpoint().address())) ends.push_back(entry.endpoint());
    }
    if (ends.empty()) return fail(fmt::format("`{}` leads to an address of this machine or its link, which requests must not go to", url_.host));
    ends_ = std::move(ends);
    lowest().async_connect(ends_, [self = shared_from_this()](error_code error, const tcp::endpoint&) {
      if (self->ended_) return;
      if (error) return self->fail(fmt::format("no connection to `{}`: {}", self->url_.host, error.message()));
      if (self->url_.tls) {
        self->shake_hands();
      } else {
        self->write(self->lowest());
      }
    });
  }

  void shake_hands() {
    error_code error;
    stream_.set_verify_callback(asio::ssl::host_name_verification(url_.host), error);
    if (!SSL_set_tlsext_host_name(stream_.native_handle(), url_.host.c_str())) return fail("the name of the host cannot be sent");
    stream_.async_handshake(asio::ssl::stream_base::client, [self = shared_from_this()](error_code failed) {
      if (self->ended_) return;
      if (failed) return self->fail(fmt::format("no secure connection to `{}`: {}", self->url_.host, failed.message()));
      self->write(self->stream_);
    });
  }

  template <class Stream>
  void write(Stream& stream) {
    request_.method_string(given_.method);
    request_.target(url_.target);
    request_.version(11);
    const bool usual = url_.port == (url_.tls ? 443 : 80);
    const std::string host = url_.host.find(':') == std::string::npos ? url_.host : "[" + url_.host + "]";
    request_.set(wire::field::host, usual ? host : fmt::format("{}:{}", host, url_.port));
    request_.set(wire::field::user_agent, "dunlin");
    request_.set(wire::field::connection, "close");
    for (const auto& [name, value] : given_.headers) request_.set(name, value);
    request_.body() = std::move(given_.body);
    request_.prepare_payload();
    maybe_sent_ = true;
    wire::async_write(stream, request_, [self = shared_from_this(), &stream](error_code error, size_t) {
      if (self->ended_) return;
      if (error) return self->fail(fmt::format("the connection to `{}` broke off: {}", self->url_.host, error.message()));
      self->read(stream);
    });
  }

  template <class Stream>
  void read(Stream& stream) {
    parser_.body_limit(client_.options.answer_bytes_max);
    parser_.header_limit(16 * 1024);
    wire::async_read(stream, buffer_, parser_, [self = shared_from_this()](error_code error, size_t) {
      if (self->ended_) return;
      // An answer whose body is too long has been given all the same; what counts is its status.
      if (error && !(self->parser_.is_header_done() && error == wire::error::body_limit))
        return self->fail(fmt::format("the answer of `{}` is not whole: {}", self->url_.host, error.message()));
      if (error && self->parser_.get().result_int() < 300) return self->fail(fmt::format("the answer of `{}` is too long", self->url_.host));
      self->finish();
    });
  }

  void finish() {
    Answer answer;
    answer.status = static_cast<int>(parser_.get().result_int());
    answer.body = std::move(parser_.get().body());
    const auto after = parser_.get()[wire::field::retry_after];
    int seconds = 0;
    if (!after.empty() && after.size() < 7 && std::all_of(after.begin(), after.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      for (const char c : after) seconds = seconds * 10 + (c - '0');
    }
    answer.retry_after_seconds = seconds;
    end(std::move(answer));
  }

  void fail(const std::string& why) { end(std::unexpected(SendError{why, maybe_sent_})); }
  void end(std::expected<Answer, SendError> result) {
    if (ended_) return;
    ended_ = true;
    deadline_.cancel();
    cut();
    done_(std::move(result));
  }
  void cut() {
    error_code ignored;
    resolver_.cancel();
    lowest().socket().close(ignored);
  }

  HttpClient::Inner& client_;
  Outgoing given_;
  HttpClient::Done done_;
  Url url_;
  tcp::resolver resolver_;
  asio::steady_timer deadline_;
  beast::ssl_stream<beast::tcp_stream> stream_;
  std::vector<tcp::endpoint> ends_;
  wire::request<wire::string_body> request_;
  wire::response_parser<wire::string_body> parser_;
  beast::flat_buffer buffer_;
  bool ended_ = false, maybe_sent_ = false;
};

}  // namespace

HttpClient::HttpClient(ClientOptions options) : inner_(std::make_shared<Inner>(std::move(options))) {
  inner_->thread = std::thread([inner = inner_.get()] { inner->io.run(); });
}

HttpClient::~HttpClient() {
  inner_->io.stop();
  inner_->thread.join();
}

void HttpClient::send(Outgoing request, Done done) {
  asio::post(inner_->io, [exchange = std::make_shared<Exchange>(*inner_, std::move(request), std::move(done))] { exchange->start(); });
}

std::expected<Answer, SendError> HttpClient::ask(Outgoing request) {
  auto promise = std::make_shared<std::promise<std::expected<Answer, SendError>>>();
  auto future = promise->get_future();
  send(std::move(request), [promise](std::expected<Answer, SendError> answer) { promise->set_value(std::move(answer)); });
  return future.get();
}

}  // namespace dunlin::server::http
