// Inside of the HTTP server: what its connections share. For the files of this folder only.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "server/http/http_server.h"
#include "server/http/proxies.h"

namespace dunlin::server::http {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;

/// Connections that wait for requests, or stay open, so that a stop can close them.
class Stoppable {
 public:
  virtual ~Stoppable() = default;
  virtual void stop_when_idle() = 0;
  virtual void cut() = 0;
};

struct HttpServer::Inner {
  ServerOptions options;
  Handler handler;
  asio::io_context io{1};
  /// While a request is with a worker nothing may be pending here; the thread must stay all the same to write its answer.
  asio::executor_work_guard<asio::io_context::executor_type> stays{io.get_executor()};
  asio::thread_pool workers;
  tcp::acceptor acceptor{io};
  /// Only the thread that accepts looks at it and changes it. A connection keeps what it was made with.
  std::shared_ptr<asio::ssl::context> tls;
  std::atomic<int64_t> certificate_expires = 0;  // in seconds since 1970; 0: no TLS, or the certificate does not say
  Proxies proxies;
  std::thread thread;
  std::atomic<bool> stopping = false;
  std::atomic<int64_t> open = 0, accepted = 0, refused = 0, timed_out = 0, malformed = 0, busy = 0, streams = 0, slow_readers = 0;
  std::mutex guard;
  std::set<Stoppable*> sessions;

  Inner(ServerOptions given, Handler called) : options(std::move(given)), handler(std::move(called)), workers(static_cast<size_t>(options.threads)) {}
  void accept(const std::shared_ptr<Inner>& self);
  void serve(const std::shared_ptr<Inner>& self, tcp::socket socket);
};

/// Counts a connection, and lets a stop find it. What is made last enters when it is whole and leaves before anything of it is gone: a stop calls it from
/// another thread.
class Listed : public Stoppable {
 public:
  explicit Listed(std::shared_ptr<HttpServer::Inner> server) : server_(std::move(server)) {}
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;

 protected:
  void enter() {
    ++server_->open;
    const std::lock_guard lock(server_->guard);
    server_->sessions.insert(this);
  }
  void leave() {
    --server_->open;
    const std::lock_guard lock(server_->guard);
    server_->sessions.erase(this);
  }

  std::shared_ptr<HttpServer::Inner> server_;
};

}  // namespace dunlin::server::http
