// Who a request comes from when something in front of the server passes it on: only proxies that the configuration names are believed.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <expected>
#include <string>
#include <vector>

namespace dunlin::server::http {

/// The one header that the proxies write. Reading the other one too would let a client write it itself: proxies pass on what they do not know.
enum class ForwardedHeader { x_forwarded_for, forwarded };

class Proxies {
 public:
  /// `list`: addresses and networks with commas between them, "10.1.2.3, 10.0.0.0/8, fd00::/8"; empty: nobody is believed. The error ends a sentence that
  /// begins with the setting's name.
  static std::expected<Proxies, std::string> parse(const std::string& list, const std::string& header);

  ForwardedHeader header() const { return header_; }
  /// The address that counts. `peer` is the other end of the connection; `header` all lines of the header in their order, with commas between them. From the
  /// right, each proxy says whom it was asked by; the first who is no proxy of ours counts, for what stands left of it that one has written itself. Where a
  /// proxy says nothing that is an address, the proxy itself counts.
  std::string caller(const std::string& peer, const std::string& header) const;

  struct Network {
    boost::asio::ip::address base;
    int bits = 32;
    bool contains(const boost::asio::ip::address& one) const;
  };

 private:
  bool contain(const boost::asio::ip::address& one) const;

  std::vector<Network> networks_;
  ForwardedHeader header_ = ForwardedHeader::x_forwarded_for;
};

/// Whom a limit counts together: of IPv6 the network of 64 bits, since whoever has one address there has all of them; any other address by itself.
std::string counted_as(const std::string& address);

}  // namespace dunlin::server::http
