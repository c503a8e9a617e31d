// Signed tokens of an identity provider (RFC 7515, 7517, 7519): RS256 and ES256, nothing else.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace dunlin::server {

/// A public key that signatures are held against.
class VerificationKey {
 public:
  enum class Kind : uint8_t { rs256, es256 };
  ~VerificationKey();
  VerificationKey(const VerificationKey&) = delete;
  VerificationKey& operator=(const VerificationKey&) = delete;
  bool verifies(const std::string& text, const std::string& signature) const;
  Kind kind() const { return kind_; }

  /// From a JWK; null where it is of another kind, too weak, or not a key.
  static std::shared_ptr<const VerificationKey> from_jwk(const nlohmann::json& jwk);

 private:
  VerificationKey(Kind kind, void* key) : kind_(kind), key_(key) {}
  Kind kind_;
  void* key_;  // EVP_PKEY
};

/// Keys by their `kid`.
using KeySet = std::map<std::string, std::shared_ptr<const VerificationKey>>;
/// Of a JWKS document; keys that cannot be used are left out.
KeySet read_key_set(const nlohmann::json& document);

/// A token whose parts have been taken apart. Nothing is trusted yet.
struct Jwt {
  std::string algorithm, key_id;
  std::string signed_text, signature;
  std::string claims;  // JSON
};
/// The error is one sentence that shows nothing of the token.
std::expected<Jwt, std::string> parse_jwt(const std::string& token);

/// What the claims must say.
struct Expected {
  std::string issuer, audience;
  int64_t now_seconds = 0;
  int64_t leeway_seconds = 30;  // clocks differ
};
/// The claims of a token that is good in every respect; else why it is not. A key of another kind than the token's algorithm never fits.
std::expected<nlohmann::json, std::string> verify_jwt(const Jwt& token, const VerificationKey& key, const Expected& expected);

/// base64url without padding; false: it is not.
bool decode_base64url(const std::string& text, std::string& bytes);

}  // namespace dunlin::server
