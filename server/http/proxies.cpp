#include "server/http/proxies.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <cctype>
#include <optional>

namespace dunlin::server::http {

namespace {

namespace ip = boost::asio::ip;
using ip::address;

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
  const address found = ip::make_address(text, error);
  if (error) return std::nullopt;
  // ::ffff:10.0.0.1 is the IPv4 caller of a socket that takes both.
  if (found.is_v6() && found.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, found.to_v6());
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

std::optional<Proxies::Network> network_in(const std::string& text) {
  const size_t slash = text.find('/');
  const auto base = address_in(text.substr(0, slash));
  if (!base) return std::nullopt;
  Proxies::Network network{*base, base->is_v4() ? 32 : 128};
  if (slash == std::string::npos) return network;
  const std::string width = text.substr(slash + 1);
  if (width.empty() || width.size() > 3 || !std::ranges::all_of(width, [](unsigned char c) { return std::isdigit(c); })) return std::nullopt;
  const int bits = std::stoi(width);
  if (bits > network.bits) return std::nullopt;
  network.bits = bits;
  return network;
}

}  // namespace

bool Proxies::Network::contains(const address& one) const {
  if (one.is_v4() != base.is_v4()) return false;
  const auto width = static_cast<unsigned short>(bits);
  if (one.is_v4()) return ip::make_network_v4(one.to_v4(), width).network() == ip::make_network_v4(base.to_v4(), width).network();
  // By their bytes: at which interface an address is meant does not count.
  return ip::make_network_v6(one.to_v6(), width).network().to_bytes() == ip::make_network_v6(base.to_v6(), width).network().to_bytes();
}

bool Proxies::contain(const address& one) const {
  return std::ranges::any_of(networks_, [&](const Network& network) { return network.contains(one); });
}

std::expected<Proxies, std::string> Proxies::parse(const std::string& list, const std::string& header) {
  Proxies proxies;
  if (header == "Forwarded") {
    proxies.header_ = ForwardedHeader::forwarded;
  } else if (header != "X-Forwarded-For") {
    return std::unexpected(fmt::format("server.forwarded_header is X-Forwarded-For or Forwarded, not `{}`", header));
  }
  if (trimmed(list).empty()) return proxies;
  for (const std::string& part : split_back(list, ',', false)) {
    const auto network = network_in(trimmed(part));
    if (!network) return std::unexpected(fmt::format("server.trusted_proxies: `{}` is no address and no network such as 10.0.0.0/8", trimmed(part)));
    // Whoever believes everybody lets everybody say who they are.
    if (network->bits == 0) return std::unexpected(fmt::format("server.trusted_proxies: `{}` is every address; name the proxies", trimmed(part)));
    proxies.networks_.push_back(*network);
  }
  return proxies;
}

std::string Proxies::caller(const std::string& peer, const std::string& header) const {
  auto counted = address_in(peer);
  if (!counted) return peer;
  if (!networks_.empty() && !header.empty()) {
    const bool standard = header_ == ForwardedHeader::forwarded;
    for (const std::string& hop : split_back(header, ',', standard)) {
      if (!contain(*counted)) break;
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
  return ip::address_v6(bytes).to_string() + "/64";
}

}  // namespace dunlin::server::http
