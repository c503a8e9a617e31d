// Connections that stay open: readers that do not read, frames that are none, and mangled requests of every kind. Over real sockets.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "server/http/http_server.h"

namespace dunlin::server::http {
namespace {

class Line {
 public:
  explicit Line(uint16_t port, int receive = 0) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    patience(10'000);
  }
  Line(Line&& other) noexcept : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  ~Line() {
    if (fd_ >= 0) close(fd_);
  }
  bool connected() const { return connected_; }
  void patience(int ms) const {
    timeval time{ms / 1000, ms % 1000 * 1000};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  }
  bool send(const std::string& bytes) const { return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()); }
  /// Until `what` is in it, the other end closes, or nothing comes any more.
  std::string read_until(const std::string& what) const {
    std::string all;
    char piece[4096];
    while (what.empty() || all.find(what) == std::string::npos) {
      const ssize_t n = recv(fd_, piece, sizeof piece, 0);
      if (n <= 0) break;
      all.append(piece, static_cast<size_t>(n));
    }
    return all;
  }

 private:
  int fd_;
  bool connected_ = false;
};

const std::string event_request = "GET /stream HTTP/1.1\r\nHost: t\r\n\r\n";
const std::string web_request =
    "GET /stream HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct Station {
  explicit Station(ServerOptions options = {}) {
    options.port = 0;
    auto started = HttpServer::start(options, [this](const Request& request) {
      Response response{200, "text/plain", "here", {}, {}};
      if (request.target == "/stream") {
        response.live = [this](std::shared_ptr<Outlet> outlet) {
          const std::lock_guard lock(guard);
          outlets.push_back(std::move(outlet));
        };
      }
      return response;
    });
    REQUIRE(started.has_value());
    server = std::move(*started);
  }
  std::shared_ptr<Outlet> outlet(size_t number) {
    for (int i = 0; i < 1000; ++i) {
      {
        const std::lock_guard lock(guard);
        if (outlets.size() > number) return outlets[number];
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return nullptr;
  }
  bool well() const {
    const Line line(server->port());
    return line.connected() && line.send("GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n") && line.read_until("").ends_with("here");
  }
  bool streams_go_to(int64_t count) const {
    for (int i = 0; i < 1000 && server->counts().streams != count; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return server->counts().streams == count;
  }
  std::mutex guard;
  std::vector<std::shared_ptr<Outlet>> outlets;
  std::unique_ptr<HttpServer> server;
};

std::string masked_frame(int kind, const std::string& body) {
  std::string frame{static_cast<char>(128 | kind), static_cast<char>(128 | body.size()), 0, 0, 0, 0};
  return frame + body;
}

TEST_CASE("what is pushed arrives in its order, whoever pushes, on both kinds of stream") {
  Station station;
  for (const bool web : {false, true}) {
    const Line line(station.server->port());
    REQUIRE(line.send(web ? web_request : event_request));
    const auto outlet = station.outlet(web ? 1 : 0);
    REQUIRE(outlet);
    std::vector<std::thread> pushing;
    for (int thread = 0; thread < 4; ++thread) {
      pushing.emplace_back([&, thread] {
        for (int i = 0; i < 50; ++i) CHECK(outlet->push("tick", "[" + std::to_string(thread) + "," + std::to_string(i) + "]"));
      });
    }
    for (auto& thread : pushing) thread.join();
    CHECK(outlet->push("end", "true"));
    const std::string all = line.read_until(web ? R"("event":"end")" : "event: end");
    CHECK(all.find(web ? " 101 " : "text/event-stream") != std::string::npos);
    for (int thread = 0; thread < 4; ++thread) {
      size_t at = 0;
      for (int i = 0; i < 50 && at != std::string::npos; ++i) at = all.find("[" + std::to_string(thread) + "," + std::to_string(i) + "]", at);
      CHECK(at != std::string::npos);
    }
  }
}

TEST_CASE("a reader that does not read is cut off, and costs no more than its share") {
  ServerOptions options;
  options.stream_bytes_max = 64 * 1024;
  Station station(options);
  for (const bool web : {false, true}) {
    const Line line(station.server->port(), 4096);
    REQUIRE(line.send(web ? web_request : event_request));
    const auto outlet = station.outlet(web ? 1 : 0);
    REQUIRE(outlet);
    const std::string data = "\"" + std::string(1000, 'x') + "\"";
    int pushed = 0;
    // The kernel's buffers take some megabytes; without a limit this would go on for ever.
    while (pushed < 200'000 && outlet->push("much", data)) ++pushed;
    CHECK(pushed < 200'000);
    CHECK_FALSE(outlet->open());
    CHECK(station.server->counts().slow_readers == (web ? 2 : 1));
    CHECK(station.streams_go_to(0));
  }
  CHECK(station.well());
}

TEST_CASE("a reader that goes away is noticed, and its outlet is dead") {
  Station station;
  std::vector<std::shared_ptr<Outlet>> outlets;
  {
    const Line events(station.server->port()), web(station.server->port());
    REQUIRE(events.send(event_request));
    outlets.push_back(station.outlet(0));
    REQUIRE(web.send(web_request));
    outlets.push_back(station.outlet(1));
    CHECK(station.server->counts().streams == 2);
  }
  CHECK(station.streams_go_to(0));
  for (const auto& outlet : outlets) {
    CHECK_FALSE(outlet->open());
    CHECK_FALSE(outlet->push("late", "1"));
    outlet->end("nothing happens");
  }
}

TEST_CASE("quiet streams get signs of life; readers that answer no pings are let go") {
  ServerOptions options;
  options.stream_beat_seconds = 1;
  Station station(options);
  const Line events(station.server->port()), web(station.server->port());
  REQUIRE(events.send(event_request));
  CHECK(events.read_until("\n:\n\n").find("\n:\n\n") != std::string::npos);
  REQUIRE(web.send(web_request));
  REQUIRE(station.outlet(1));
  CHECK(web.read_until("\x89").find('\x89') != std::string::npos);
  for (int i = 0; i < 800 && station.server->counts().streams != 1; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(station.server->counts().streams == 1);
}

TEST_CASE("a stop says goodbye to streams and does not wait for them") {
  Station station;
  const Line events(station.server->port()), web(station.server->port());
  REQUIRE(events.send(event_request));
  REQUIRE(station.outlet(0));
  REQUIRE(web.send(web_request));
  REQUIRE(station.outlet(1));
  REQUIRE(station.outlet(1)->push("last", "1"));
  const auto begin = std::chrono::steady_clock::now();
  std::string said;
  std::thread reading([&] {
    said = web.read_until("the server stops");
    (void)web.send(masked_frame(8, "\x03\xe9"));
    (void)web.read_until("");
  });
  station.server->stop(5);
  reading.join();
  CHECK(said.find(R"("event":"last")") != std::string::npos);
  CHECK(said.find("the server stops") != std::string::npos);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}

/// Seconds for one of the cases below.
double fuzz_seconds() {
  const char* text = std::getenv("DUNLIN_FUZZ_SECONDS");
  return std::min(text == nullptr ? 3.0 : std::atof(text) / 10, 60.0);
}

TEST_CASE("mangled requests and frames never bring the server down") {
  ServerOptions options;
  options.header_bytes_max = 4096;
  options.body_bytes_max = 20'000;
  options.read_seconds = 1;
  Station station(options);
  const std::vector<std::string> seeds{
      event_request,
      web_request,
      web_request + masked_frame(9, "ping") + masked_frame(1, "hello") + masked_frame(8, "\x03\xe8"),
      "GET /a?b=c%20d HTTP/1.1\r\nHost: t\r\nX-Request-Id: abc\r\nIf-Match: \"v1\"\r\n\r\n",
      "POST /x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"n\": [1, 2]}GET /next HTTP/1.1\r\nHost: t\r\n\r\n",
      "POST /x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
      "HEAD /h HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      "POST /e HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody",
  };
  const std::vector<std::string> pieces{"\r\n",
                                        "\r\n\r\n",
                                        "\n",
                                        "\r",
                                        ":",
                                        " ",
                                        "\t",
                                        std::string(1, '\0'),
                                        "\xff\xfe",
                                        "Content-Length: 99999999999999999999\r\n",
                                        "Content-Length: -1\r\n",
                                        "Content-Length: 5\r\nContent-Length: 6\r\n",
                                        "Transfer-Encoding: chunked, chunked\r\n",
                                        "ffffffffffffffff\r\n",
                                        "HTTP/9.9",
                                        "%00%zz",
                                        std::string(5000, 'a'),
                                        "Host:",
                                        "Sec-WebSocket-Key: x\r\n",
                                        "Upgrade: h2c\r\n",
                                        std::string("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10),
                                        "\x8f\x80"};
  const char* given = std::getenv("DUNLIN_SEED");
  std::mt19937_64 random(given == nullptr ? 20261122 : std::strtoull(given, nullptr, 10));
  const auto below = [&](size_t most) { return static_cast<size_t>(random() % std::max<size_t>(most, 1)); };
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(fuzz_seconds());
  int64_t tried = 0;
  while (std::chrono::steady_clock::now() < until || tried < 200) {
    std::string bytes = seeds[below(seeds.size())];
    for (size_t change = 0; change <= below(6); ++change) {
      const size_t at = below(bytes.size() + 1);
      switch (below(5)) {
        case 0:
          bytes.insert(at, pieces[below(pieces.size())]);
          break;
        case 1:
          bytes.erase(at, below(12));
          break;
        case 2:
          if (at < bytes.size()) bytes[at] = static_cast<char>(random());
          break;
        case 3:
          bytes.insert(at, bytes.substr(below(bytes.size()), below(40)));
          break;
        default:
          bytes += seeds[below(seeds.size())];
      }
    }
    const Line line(station.server->port());
    REQUIRE(line.connected());
    for (size_t from = 0; from < bytes.size();) {
      const size_t size = below(4) == 0 ? 1 + below(20) : bytes.size();
      if (!line.send(bytes.substr(from, size))) break;
      from += size;
    }
    if (below(3) == 0) {
      line.patience(20);
      const std::string answer = line.read_until("\r\n\r\n");
      CHECK((answer.empty() || answer.starts_with("HTTP/1.")));
    }
    if (++tried % 100 == 0) REQUIRE(station.well());
  }
  REQUIRE(station.well());
  WARN(tried << " mangled requests");
}

}  // namespace
}  // namespace dunlin::server::http
