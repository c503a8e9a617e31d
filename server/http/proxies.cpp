#include "server/http/proxies.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <cctype>
#include <optional>
#include <vector>

namespace dunlin::server::http {

namespace {

using boost::asio::ip::address;

std::string trimmed(const std::string& text) {
  const size_t from = text.find_first_not_of(" \t"), to = text.find_last_not_of(" \t");
  return from == std::string::npos ? "" : text.substr(from, to - from + 1);
}

/// Parts between `mark`, the last one first. Looked for from the right, quotes too: a quote that a caller opens must not swallow what the proxy wrote after it.
std::vector<std::string> split_back(const std::string& text, char mark, bool quotes) {
  std::vector<std::string> parts;
  size_t end = text.size();
  bool quoted = false;
  for (size_t at = text.size(); at > 0; --at) {
    const char c = text[at - 1];
    if (quotes && c == '"') quoted = !quoted;
    if (c != mark || quoted) continue;
    parts.push_back(text.substr(at, end - at));
    end = at - 1;
  }
  parts.push_back(text.substr(0, end));
  return parts;
}

std::optional<address> address_in(const std::string& text) {
  boost::system::error_code error;
  const address found = boost::asio::ip::make_address(text, error);
  if (error) return std::nullopt;
  // ::ffff:10.0.0.1 is the IPv4 caller of a socket that takes both.
  if (found.is_v6() && found.to_v6().is_v4_mapped()) return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, found.to_v6());
  return found;
}

/// "10.0.0.1", "10.0.0.1:4711", "2001:db8::1", "[2001:db8::1]:4711".
std::optional<address> address_of_hop(std::string text) {
  text = trimmed(text);
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    return end == std::string::npos ? std::nullopt : address_in(text.substr(1, end - 1));
  }
  if (std::ranges::count(text, ':') == 1) text.resize(text.find(':'));
  return address_in(text);
}

/// One element of `Forwarded` (RFC 7239): for="[2001:db8::1]:4711";proto=https
std::string for_in(const std::string& element) {
  for (const std::string& pair : split_back(element, ';', true)) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos) continue;
    std::string name = trimmed(pair.substr(0, equals)), value = trimmed(pair.substr(equals + 1));
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (name != "for") continue;
    if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"')) value = value.substr(1, value.size() - 2);
    return value;
  }
  return "";
}

struct Network {
  std::array<uint8_t, 16> bytes{};
  size_t size = 4;  // bytes of an address
  int bits = 32;
};

std::array<uint8_t, 16> bytes_of(const address& of) {
  std::array<uint8_t, 16> bytes{};
  if (of.is_v4()) {
    std::ranges::copy(of.to_v4().to_bytes(), bytes.begin());
  } else {
    std::ranges::copy(of.to_v6().to_bytes(), bytes.begin());
  }
  return bytes;
}

bool same_bits(const std::array<uint8_t, 16>& a, const std::array<uint8_t, 16>& b, int bits) {
  for (int bit = 0; bit < bits; bit += 8) {
    const auto mask = static_cast<uint8_t>(bits - bit >= 8 ? 0xff : 0xff << (8 - (bits - bit)));
    if (((a[static_cast<size_t>(bit / 8)] ^ b[static_cast<size_t>(bit / 8)]) & mask) != 0) return false;
  }
  return true;
}

std::optional<Network> network_in(const std::string& text) {
  const size_t slash = text.find('/');
  const auto base = address_in(text.substr(0, slash));
  if (!base) return std::nullopt;
  Network network{bytes_of(*base), base->is_v4() ? size_t{4} : size_t{16}, base->is_v4() ? 32 : 128};
  if (slash == std::string::npos) return network;
  const std::string width = text.substr(slash + 1);
  if (width.empty() || width.size() > 3 || !std::ranges::all_of(width, [](unsigned char c) { return std::isdigit(c); })) return std::nullopt;
  const int bits = std::stoi(width);
  if (bits > network.bits) return std::nullopt;
  network.bits = bits;
  return network;
}

}  // namespace

struct Proxies::Networks {
  std::vector<Network> all;
  ForwardedHeader header = ForwardedHeader::x_forwarded_for;

  bool contain(const address& one) const {
    const size_t size = one.is_v4() ? 4 : 16;
    return std::ranges::any_of(all, [&](const Network& network) { return network.size == size && same_bits(network.bytes, bytes_of(one), network.bits); });
  }
};

Proxies::Proxies() : networks_(std::make_unique<Networks>()) {}
Proxies::~Proxies() = default;
Proxies::Proxies(Proxies&&) noexcept = default;
Proxies& Proxies::operator=(Proxies&&) noexcept = default;

std::expected<Proxies, std::string> Proxies::parse(const std::string& list, const std::string& header) {
  Proxies proxies;
  if (header == "Forwarded") {
    proxies.networks_->header = ForwardedHeader::forwarded;
  } else if (header != "X-Forwarded-For") {
    return std::unexpected(fmt::format("server.forwarded_header is X-Forwarded-For or Forwarded, not `{}`", header));
  }
  if (trimmed(list).empty()) return proxies;
  for (const std::string& part : split_back(list, ',', false)) {
    const auto network = network_in(trimmed(part));
    if (!network) return std::unexpected(fmt::format("server.trusted_proxies: `{}` is no address and no network such as 10.0.0.0/8", trimmed(part)));
    // Whoever believes everybody lets everybody say who they are.
    if (network->bits == 0) return std::unexpected(fmt::format("server.trusted_proxies: `{}` is every address; name the proxies", trimmed(part)));
    proxies.networks_->all.push_back(*network);
  }
  return proxies;
}

ForwardedHeader Proxies::header() const { return networks_->header; }

std::string Proxies::caller(const std::string& peer, const std::string& header) const {
  auto counted = address_in(peer);
  if (!counted) return peer;
  if (!networks_->all.empty() && !header.empty()) {
    const bool standard = networks_->header == ForwardedHeader::forwarded;
    for (const std::string& hop : split_back(header, ',', standard)) {
      if (!networks_->contain(*counted)) break;
      const auto before = address_of_hop(standard ? for_in(hop) : hop);
      if (!before) break;
      counted = before;
    }
  }
  return counted->to_string();
}

std::string counted_as(const std::string& address) {
  const auto found = address_in(address);
  if (!found || found->is_v4()) return address;
  auto bytes = found->to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), uint8_t{0});
  return boost::asio::ip::address_v6(bytes).to_string() + "/64";
}

}  // namespace dunlin::server::http
