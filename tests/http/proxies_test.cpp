// Who a request comes from behind proxies, and that nobody else can say so.
#include "server/http/proxies.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "server/http/http_server.h"

namespace dunlin::server::http {
namespace {

Proxies trusting(const std::string& list, const std::string& header = "X-Forwarded-For") {
  auto proxies = Proxies::parse(list, header);
  REQUIRE(proxies);
  return std::move(*proxies);
}

TEST_CASE("without trusted proxies nobody's header is read") {
  CHECK(Proxies().caller("10.0.0.1", "1.2.3.4") == "10.0.0.1");
  CHECK(trusting("").caller("127.0.0.1", "1.2.3.4") == "127.0.0.1");
  CHECK(trusting("10.0.0.2").caller("10.0.0.1", "1.2.3.4") == "10.0.0.1");
}

TEST_CASE("the rightmost address that is no proxy counts") {
  const Proxies proxies = trusting("10.0.0.0/8, 192.168.7.7, fd00::/8");
  CHECK(proxies.caller("10.0.0.1", "203.0.113.9") == "203.0.113.9");
  CHECK(proxies.caller("10.0.0.1", "1.1.1.1, 203.0.113.9") == "203.0.113.9");
  CHECK(proxies.caller("10.0.0.1", "1.1.1.1, 203.0.113.9, 192.168.7.7,10.200.0.1") == "203.0.113.9");
  CHECK(proxies.caller("10.0.0.1", "203.0.113.9:4711") == "203.0.113.9");
  CHECK(proxies.caller("10.0.0.1", "[2001:db8::1]:4711") == "2001:db8::1");
  CHECK(proxies.caller("fd12::1", " 2001:db8::1 ") == "2001:db8::1");
  CHECK(proxies.caller("::ffff:10.0.0.1", "::ffff:203.0.113.9") == "203.0.113.9");
  CHECK(proxies.caller("::ffff:203.0.113.9", "1.1.1.1") == "203.0.113.9");
  // Everybody on the way is ours: the one it began with.
  CHECK(proxies.caller("10.0.0.1", "10.0.0.3, 10.0.0.2") == "10.0.0.3");
  // 11.0.0.1 is just outside of 10.0.0.0/8, 192.168.7.8 is not 192.168.7.7.
  CHECK(proxies.caller("11.0.0.1", "1.1.1.1") == "11.0.0.1");
  CHECK(proxies.caller("192.168.7.8", "1.1.1.1") == "192.168.7.8");
  CHECK(trusting("10.1.128.0/17").caller("10.1.127.255", "1.1.1.1") == "10.1.127.255");
  CHECK(trusting("10.1.128.0/17").caller("10.1.128.0", "1.1.1.1") == "1.1.1.1");
}

TEST_CASE("what is no address does not count, and the proxy that says it does") {
  const Proxies proxies = trusting("10.0.0.0/8");
  for (const char* nothing : {"", " ", ",", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "[::1", "localhost", "1.2.3.4 5.6.7.8", "\"", "\\"})
    CHECK(proxies.caller("10.0.0.1", nothing) == "10.0.0.1");
  CHECK(proxies.caller("10.0.0.1", "1.1.1.1, unknown, 10.0.0.2") == "10.0.0.2");
}

TEST_CASE("the header of RFC 7239") {
  const Proxies proxies = trusting("10.0.0.0/8", "Forwarded");
  CHECK(proxies.caller("10.0.0.1", "for=203.0.113.9;proto=https") == "203.0.113.9");
  CHECK(proxies.caller("10.0.0.1", "proto=https; For=\"[2001:db8::1]:4711\" ; by=10.0.0.1") == "2001:db8::1");
  CHECK(proxies.caller("10.0.0.1", "for=1.1.1.1, for=203.0.113.9;host=\"a,b;c\", for=10.0.0.2") == "203.0.113.9");
  CHECK(proxies.caller("10.0.0.1", "by=203.0.113.9") == "10.0.0.1");
  // A quote that a caller opens does not swallow what the proxy wrote behind it.
  CHECK(proxies.caller("10.0.0.1", "for=\"1.1.1.1, for=203.0.113.9") == "203.0.113.9");
  CHECK(proxies.caller("10.0.0.1", "host=\", for=203.0.113.9") == "203.0.113.9");
}

TEST_CASE("whatever a caller writes, the address that the proxy adds counts") {
  std::mt19937 random(20261123);
  const std::string letters = "0123456789.:,;=\"[]\\ abforFOR_\t-";
  for (const char* header : {"X-Forwarded-For", "Forwarded"}) {
    const bool standard = std::string(header) == "Forwarded";
    const Proxies proxies = trusting("10.0.0.0/8, fd00::/8", header);
    for (int round = 0; round < 20'000; ++round) {
      std::string written;
      const size_t length = random() % 60;
      while (written.size() < length)
        written += random() % 6 == 0 ? (standard ? "for=1.2.3.4" : "10.0.0.7") : std::string(1, letters[random() % letters.size()]);
      written += standard ? ", for=203.0.113.9" : ", 203.0.113.9";
      INFO(header << ": " << written);
      REQUIRE(proxies.caller("10.0.0.1", written) == "203.0.113.9");
      REQUIRE(proxies.caller("198.51.100.1", written) == "198.51.100.1");
    }
  }
}

TEST_CASE("a list that is none is refused and says what") {
  for (const char* wrong : {"banana", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "fd00::/129", "10.0.0.1,", "10.0.0.0/8x", "0.0.0.0/0", "::/0"}) {
    const auto proxies = Proxies::parse(wrong, "X-Forwarded-For");
    INFO(wrong);
    REQUIRE_FALSE(proxies);
    CHECK(proxies.error().starts_with("server.trusted_proxies: `"));
  }
  CHECK_FALSE(Proxies::parse("10.0.0.1", "X-Real-IP"));
}

TEST_CASE("a limit counts a network of IPv6 as one caller") {
  CHECK(counted_as("203.0.113.9") == "203.0.113.9");
  CHECK(counted_as("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64");
  CHECK(counted_as("2001:db8:1:2::ffff") == counted_as("2001:db8:1:2:abcd::"));
  CHECK(counted_as("2001:db8:1:3::1") != counted_as("2001:db8:1:2::1"));
  CHECK(counted_as("::ffff:203.0.113.9") == "::ffff:203.0.113.9");
  CHECK(counted_as("nothing") == "nothing");
}

/// What the handler sees as the caller when a request with these header lines comes from this machine.
std::string seen(const std::string& trusted, const std::string& lines) {
  ServerOptions options;
  options.port = 0;
  options.trusted_proxies = trusted;
  auto server = HttpServer::start(options, [](const Request& request) { return Response{200, "text/plain", request.peer, {}}; });
  REQUIRE(server);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons((*server)->port());
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  REQUIRE(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const std::string request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + lines + "\r\n";
  REQUIRE(send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size()));
  std::string answer;
  char piece[4096];
  for (ssize_t n = 0; (n = recv(fd, piece, sizeof piece, 0)) > 0;) answer.append(piece, static_cast<size_t>(n));
  close(fd);
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

TEST_CASE("over the wire: all lines of the header, and only that header") {
  CHECK(seen("", "X-Forwarded-For: 1.1.1.1\r\n") == "127.0.0.1");
  CHECK(seen("10.0.0.1", "X-Forwarded-For: 1.1.1.1\r\n") == "127.0.0.1");
  CHECK(seen("127.0.0.1", "X-Forwarded-For: 203.0.113.9\r\n") == "203.0.113.9");
  CHECK(seen("127.0.0.1", "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 203.0.113.9\r\n") == "203.0.113.9");
  CHECK(seen("127.0.0.1", "Forwarded: for=1.1.1.1\r\nX-Real-IP: 1.1.1.1\r\n") == "127.0.0.1");
}

}  // namespace
}  // namespace dunlin::server::http
