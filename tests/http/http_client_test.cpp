// Requests to other servers: what is an address, where they may go, and servers that are slow, talk too much or are not there.
#include "server/http/http_client.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "server/http/http_server.h"

namespace dunlin::server::http {
namespace {

using Clock = std::chrono::steady_clock;

std::string shown(const std::string& text) {
  auto url = parse_url(text);
  return url ? std::string(url->tls ? "s " : "p ") + url->host + " " + std::to_string(url->port) + " " + url->target : "refused";
}

TEST_CASE("addresses are taken apart, or refused") {
  CHECK(shown("https://Dialler.Example/tasks?x=1") == "s dialler.example 443 /tasks?x=1");
  CHECK(shown("http://10.1.2.3:8080") == "p 10.1.2.3 8080 /");
  CHECK(shown("https://[::1]:8443/x") == "s ::1 8443 /x");
  CHECK(shown("https://host?y") == "s host 443 /?y");
  for (const char* text : {"",
                           "https://",
                           "https:///x",
                           "ftp://host/",
                           "//host",
                           "host",
                           "https://user@host/",
                           "https://user:word@host/",
                           "https://host:0/",
                           "https://host:65536/",
                           "https://host:x/",
                           "https://host:/",
                           "https://host/a b",
                           "https://host/\r\nX: y",
                           "https://host/#part",
                           "https://[::1/",
                           "https://[host]/",
                           "https://ho\\st/",
                           "https://h%6fst/",
                           "HTTPS://host/",
                           "javascript:alert(1)",
                           "https://host:80:80/",
                           "https://\x01host/"}) {
    INFO(text);
    CHECK(shown(text) == "refused");
  }
  CHECK(shown("https://host/" + std::string(3000, 'x')) == "refused");
}

TEST_CASE("only what is allowed is allowed: host and port and scheme") {
  const Destinations allowed{.hosts = {"dialler.example", "10.1.2.3:8080", "[::1]:9000"}, .plain = false};
  const auto refused = [&](const std::string& text, const Destinations& where) { return !refused_destination(parse_url(text).value(), where).empty(); };
  CHECK_FALSE(refused("https://dialler.example/x", allowed));
  CHECK_FALSE(refused("https://DIALLER.example:443/x", allowed));
  CHECK_FALSE(refused("https://10.1.2.3:8080/", allowed));
  CHECK_FALSE(refused("https://[::1]:9000/", allowed));
  for (const char* text : {"http://dialler.example/", "https://dialler.example:8443/", "https://dialler.example.evil/", "https://sub.dialler.example/",
                           "https://10.1.2.3/", "https://[::1]/", "https://10.1.2.30:8080/", "https://dialler.example./"}) {
    INFO(text);
    CHECK(refused(text, allowed));
  }
  Destinations plain = allowed;
  plain.plain = true;
  CHECK_FALSE(refused("http://10.1.2.3:8080/", plain));
  CHECK_FALSE(refused("http://dialler.example/", plain));
  CHECK(refused("https://dialler.example/", Destinations{}));
}

struct Other {
  Other() {
    ServerOptions options;
    options.port = 0;
    auto started = HttpServer::start(options, [this](const Request& request) {
      ++asked;
      if (request.target == "/slow") std::this_thread::sleep_for(std::chrono::milliseconds(2500));
      if (request.target == "/long") return Response{200, "text/plain", std::string(100'000, 'x'), {}};
      if (request.target == "/away") return Response{302, "text/plain", "", {{"Location", "/elsewhere"}}};
      if (request.target == "/busy") return Response{503, "text/plain", std::string(100'000, 'x'), {{"Retry-After", "17"}}};
      return Response{200, "text/plain", request.method + " " + request.body, {}};
    });
    REQUIRE(started.has_value());
    server = std::move(*started);
    place = "127.0.0.1:" + std::to_string(server->port());
  }
  std::atomic<int> asked = 0;
  std::unique_ptr<HttpServer> server;
  std::string place;
};

TEST_CASE("requests to a server that is well, slow, talkative, busy, elsewhere or not there") {
  Other other;
  HttpClient client({.allowed = {.hosts = {other.place, "127.0.0.1:1", "no-such-host.invalid", "localhost.localdomain:" + std::to_string(other.server->port())},
                                 .plain = true},
                     .seconds = 1,
                     .answer_bytes_max = 10'000,
                     .authorities_file = {}});
  const auto ask = [&](const std::string& path) {
    return client.ask({.method = "POST", .url = "http://" + other.place + path, .body = "hello", .headers = {}});
  };
  const auto good = ask("/x");
  REQUIRE(good.has_value());
  CHECK(good->status == 200);
  CHECK(good->body == "POST hello");
  const auto away = ask("/away");
  REQUIRE(away.has_value());
  CHECK(away->status == 302);
  CHECK(other.asked == 2);
  CHECK_FALSE(ask("/long").has_value());
  const auto busy = ask("/busy");
  REQUIRE(busy.has_value());
  CHECK(busy->status == 503);
  CHECK(busy->retry_after_seconds == 17);
  const auto begin = Clock::now();
  const auto slow = ask("/slow");
  REQUIRE_FALSE(slow.has_value());
  CHECK(slow.error().maybe_sent);
  CHECK(Clock::now() - begin < std::chrono::milliseconds(2400));
  const auto nobody = client.ask({.method = "GET", .url = "http://127.0.0.1:1/", .body = {}, .headers = {}});
  REQUIRE_FALSE(nobody.has_value());
  CHECK_FALSE(nobody.error().maybe_sent);
  CHECK_FALSE(client.ask({.method = "GET", .url = "http://no-such-host.invalid/", .body = {}, .headers = {}}).has_value());
  CHECK_FALSE(
      client.ask({.method = "GET", .url = "http://127.0.0.1:" + std::to_string(other.server->port() + 1) + "/", .body = {}, .headers = {}}).has_value());
  const auto tls = client.ask({.method = "GET", .url = "https://" + other.place + "/", .body = {}, .headers = {}});
  REQUIRE_FALSE(tls.has_value());
  CHECK_FALSE(tls.error().maybe_sent);
}

TEST_CASE("a name that is allowed and leads to this machine is refused") {
  Other other;
  const std::string port = std::to_string(other.server->port());
  // Names of this machine that are no literal address; which of them resolve depends on the machine.
  for (const char* name : {"localhost.localdomain", "ip6-localhost", "127.0.0.1.nip.invalid"}) {
    HttpClient client({.allowed = {.hosts = {std::string(name) + ":" + port}, .plain = true}, .seconds = 2, .authorities_file = {}});
    CHECK_FALSE(client.ask({.method = "GET", .url = "http://" + std::string(name) + ":" + port + "/", .body = {}, .headers = {}}).has_value());
  }
  HttpClient client({.allowed = {.hosts = {"localhost:" + port}, .plain = true}, .seconds = 5, .authorities_file = {}});
  CHECK(client.ask({.method = "GET", .url = "http://localhost:" + port + "/", .body = {}, .headers = {}}).has_value());
  CHECK(other.asked == 1);
}

TEST_CASE("a client that goes while requests are under way leaves nothing behind") {
  Other other;
  std::atomic<int> called = 0;
  {
    HttpClient client({.allowed = {.hosts = {other.place}, .plain = true}, .seconds = 5, .authorities_file = {}});
    for (int i = 0; i < 20; ++i) client.send({.method = "GET", .url = "http://" + other.place + "/slow", .body = {}, .headers = {}}, [&](auto) { ++called; });
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  CHECK(called == 0);
}

}  // namespace
}  // namespace dunlin::server::http
