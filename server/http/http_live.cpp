#include "server/http/http_live.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <chrono>
#include <deque>

namespace dunlin::server::http {

namespace {

namespace beast = boost::beast;
namespace websocket = beast::websocket;

constexpr const char* protocol_name = "dunlin";

/// What waits to be sent on one connection. Whoever reads more slowly than things happen is cut off: it comes back and is told the state as it is then.
class Waiting : public Listed {
 public:
  explicit Waiting(std::shared_ptr<HttpServer::Inner> server) : Listed(std::move(server)) { ++server_->streams; }
  ~Waiting() override { --server_->streams; }

  /// From any thread. False: it has gone.
  bool push(std::string text) {
    bool first = false;
    {
      const std::lock_guard lock(guard_);
      if (gone_) return false;
      waiting_bytes_ += text.size();
      if (waiting_bytes_ > server_->options.stream_bytes_max) {
        gone_ = true;
        ++server_->slow_readers;
      } else {
        first = waiting_.empty();
        waiting_.push_back(std::move(text));
      }
      if (!gone_ && !first) return true;
    }
    if (first) {
      run_here([](Waiting& self) { self.send_next(); });
      return true;
    }
    cut();
    return false;
  }

  bool there() const {
    const std::lock_guard lock(guard_);
    return !gone_;
  }

  /// From any thread: says goodbye once what waits was sent.
  void end(const std::string& why) {
    run_here([why](Waiting& self) {
      self.farewell_ = why;
      self.ending_ = true;
      if (!self.writing_) self.say_goodbye(why);
    });
  }

  void stop_when_idle() override { end("the server stops"); }

 protected:
  virtual void run_here(std::function<void(Waiting&)> work) = 0;
  /// Sends one text; calls sent() at the end.
  virtual void send(const std::string& text) = 0;
  virtual void say_goodbye(const std::string& why) = 0;

  void sent(error_code error) {
    writing_ = false;
    if (error) return lose();
    {
      const std::lock_guard lock(guard_);
      waiting_bytes_ -= current_.size();
    }
    send_next();
  }
  void lose() {
    const std::lock_guard lock(guard_);
    gone_ = true;
  }

 private:
  void send_next() {
    if (writing_) return;
    {
      const std::lock_guard lock(guard_);
      if (gone_) return;
      if (!waiting_.empty()) {
        current_ = std::move(waiting_.front());
        waiting_.pop_front();
        writing_ = true;
      }
    }
    if (writing_) return send(current_);
    if (ending_) say_goodbye(farewell_);
  }

  mutable std::mutex guard_;
  std::deque<std::string> waiting_;
  size_t waiting_bytes_ = 0;
  bool gone_ = false;
  // On the thread that reads and writes only.
  std::string current_, farewell_;
  bool writing_ = false, ending_ = false;
};

/// What a handler holds: it does not keep the connection alive.
class Hold final : public Outlet {
 public:
  Hold(std::weak_ptr<Waiting> connection, bool framed) : connection_(std::move(connection)), framed_(framed) {}
  bool push(const std::string& event, const std::string& data) override {
    const auto connection = connection_.lock();
    if (!connection) return false;
    return connection->push(framed_ ? fmt::format("{{\"event\":\"{}\",\"data\":{}}}", event, data) : fmt::format("event: {}\ndata: {}\n\n", event, data));
  }
  bool open() const override {
    const auto connection = connection_.lock();
    return connection && connection->there();
  }
  void end(const std::string& why) override {
    if (const auto connection = connection_.lock()) connection->end(why);
  }

 private:
  std::weak_ptr<Waiting> connection_;
  bool framed_;  // WebSocket has frames of its own
};

/// Server-sent events: an answer without an end.
template <class Stream>
class EventStream final : public Waiting, public std::enable_shared_from_this<EventStream<Stream>> {
 public:
  EventStream(std::shared_ptr<HttpServer::Inner> server, Stream stream)
      : Waiting(std::move(server)), stream_(std::move(stream)), beat_(beast::get_lowest_layer(stream_).get_executor()) {
    this->enter();
  }
  ~EventStream() override { this->leave(); }

  void start(const Response& response) {
    std::string head = "HTTP/1.1 200 OK\r\nServer: dunlin\r\nContent-Type: text/event-stream\r\nX-Accel-Buffering: no\r\nConnection: close\r\n";
    for (const auto& [name, value] : response.headers) head += fmt::format("{}: {}\r\n", name, value);
    this->push(head + "\r\n");
    listen();
    beat();
    response.live(std::make_shared<Hold>(this->weak_from_this(), false));
  }
  void cut() override {
    asio::post(executor(), [self = this->shared_from_this()] { self->close(); });
  }

 private:
  auto executor() { return beast::get_lowest_layer(stream_).get_executor(); }
  void run_here(std::function<void(Waiting&)> work) override {
    asio::post(executor(), [self = this->shared_from_this(), work = std::move(work)] { work(*self); });
  }
  void send(const std::string& text) override {
    beast::get_lowest_layer(stream_).expires_after(std::chrono::seconds(server_->options.write_seconds));
    asio::async_write(stream_, asio::buffer(text), [self = this->shared_from_this()](error_code error, size_t) {
      self->sent(error);
      if (error) self->close();
    });
  }
  void say_goodbye(const std::string&) override { close(); }

  /// Nothing is said on this side; only the end of the connection is of interest.
  void listen() {
    beast::get_lowest_layer(stream_).expires_never();
    stream_.async_read_some(asio::buffer(ignored_), [self = this->shared_from_this()](error_code error, size_t) {
      if (error) return self->close();
      self->listen();
    });
  }

  /// A comment now and then: what stands between would close a quiet connection, and a dead one is noticed.
  void beat() {
    beat_.expires_after(std::chrono::seconds(server_->options.stream_beat_seconds));
    beat_.async_wait([weak = this->weak_from_this()](error_code error) {
      const auto self = weak.lock();
      if (error || !self || !self->push(":\n\n")) return;
      self->beat();
    });
  }

  void close() {
    this->lose();
    beat_.cancel();
    error_code ignored;
    auto& socket = beast::get_lowest_layer(stream_).socket();
    socket.shutdown(tcp::socket::shutdown_both, ignored);
    socket.close(ignored);
  }

  Stream stream_;
  asio::steady_timer beat_;
  char ignored_[256]{};
};

template <class Stream>
class WebSocket final : public Waiting, public std::enable_shared_from_this<WebSocket<Stream>> {
 public:
  WebSocket(std::shared_ptr<HttpServer::Inner> server, Stream stream) : Waiting(std::move(server)), stream_(std::move(stream)) { this->enter(); }
  ~WebSocket() override { this->leave(); }

  void start(const std::shared_ptr<WireRequest>& request, const Response& response) {
    beast::get_lowest_layer(stream_).expires_never();  // it has time-outs and pings of its own
    const auto& options = server_->options;
    stream_.set_option(
        websocket::stream_base::timeout{std::chrono::seconds(options.read_seconds), std::chrono::seconds(2 * options.stream_beat_seconds), true});
    stream_.set_option(
        websocket::stream_base::decorator([response, asked = request->count(beast::http::field::sec_websocket_protocol) > 0](websocket::response_type& answer) {
          answer.set(beast::http::field::server, "dunlin");
          for (const auto& [name, value] : response.headers) answer.set(name, value);
          if (asked) answer.set(beast::http::field::sec_websocket_protocol, protocol_name);
        }));
    stream_.read_message_max(1024);
    stream_.text(true);
    stream_.async_accept(*request, [self = this->shared_from_this(), request, live = response.live](error_code error) {
      if (error) return self->close();
      self->listen();
      live(std::make_shared<Hold>(self->weak_from_this(), true));
    });
  }
  void cut() override {
    asio::post(executor(), [self = this->shared_from_this()] { self->close(); });
  }

 private:
  auto executor() { return beast::get_lowest_layer(stream_).get_executor(); }
  void run_here(std::function<void(Waiting&)> work) override {
    asio::post(executor(), [self = this->shared_from_this(), work = std::move(work)] { work(*self); });
  }
  void send(const std::string& text) override {
    stream_.async_write(asio::buffer(text), [self = this->shared_from_this()](error_code error, size_t) {
      self->sent(error);
      if (error) self->close();
    });
  }
  void say_goodbye(const std::string& why) override { bid_farewell(websocket::close_code::going_away, why); }

  void bid_farewell(websocket::close_code code, const std::string& why) {
    if (std::exchange(closing_, true)) return;
    websocket::close_reason reason(code);
    reason.reason.assign(why.data(), std::min(why.size(), reason.reason.max_size()));
    stream_.async_close(reason, [self = this->shared_from_this()](error_code) { self->close(); });
  }

  /// Reads for the sake of pings, pongs and the end; whoever says something itself has come to the wrong place.
  void listen() {
    stream_.async_read(heard_, [self = this->shared_from_this()](error_code error, size_t) {
      self->heard_.consume(self->heard_.size());
      if (error) {
        self->lose();
        if (!self->closing_) self->close();
        return;
      }
      self->lose();
      self->bid_farewell(websocket::close_code::policy_error, "nothing is taken here; the API takes requests");
    });
  }

  void close() {
    this->lose();
    error_code ignored;
    auto& socket = beast::get_lowest_layer(stream_).socket();
    socket.shutdown(tcp::socket::shutdown_both, ignored);
    socket.close(ignored);
  }

  websocket::stream<Stream> stream_;
  beast::flat_buffer heard_;
  bool closing_ = false;
};

template <class Stream>
void begin(std::shared_ptr<HttpServer::Inner> server, Stream stream, const std::shared_ptr<WireRequest>& request, const Response& response) {
  if (websocket::is_upgrade(*request)) {
    std::make_shared<WebSocket<Stream>>(std::move(server), std::move(stream))->start(request, response);
  } else {
    std::make_shared<EventStream<Stream>>(std::move(server), std::move(stream))->start(response);
  }
}

}  // namespace

void go_live(std::shared_ptr<HttpServer::Inner> server, PlainStream stream, std::shared_ptr<WireRequest> request, Response response) {
  begin(std::move(server), std::move(stream), request, response);
}
void go_live(std::shared_ptr<HttpServer::Inner> server, TlsStream stream, std::shared_ptr<WireRequest> request, Response response) {
  begin(std::move(server), std::move(stream), request, response);
}

}  // namespace dunlin::server::http
