#include "server/serve/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

namespace dunlin::server {

namespace {

using Json = nlohmann::json;

template <class T, void (*release)(T*)>
struct Release {
  void operator()(T* what) const { release(what); }
};
template <class T, void (*release)(T*)>
using Owned = std::unique_ptr<T, Release<T, release>>;

constexpr int rsa_bits_min = 2048;
constexpr size_t p256_bytes = 32;

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

EVP_PKEY* key_from(const char* type, OSSL_PARAM* parameters) {
  Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) <= 0 || EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) <= 0) return nullptr;
  return key;
}

EVP_PKEY* rsa_key(const Json& jwk) {
  std::string modulus, exponent;
  if (!decode_base64url(text_of(jwk, "n"), modulus) || !decode_base64url(text_of(jwk, "e"), exponent) || modulus.empty() || exponent.empty()) return nullptr;
  const auto number = [](const std::string& bytes) {
    return Owned<BIGNUM, BN_free>(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr));
  };
  const auto n = number(modulus), e = number(exponent);
  if (BN_num_bits(n.get()) < rsa_bits_min || BN_num_bits(n.get()) > 8192) return nullptr;
  Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> build(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(build.get()));
  return key_from("RSA", parameters.get());
}

EVP_PKEY* p256_key(const Json& jwk) {
  std::string x, y;
  if (text_of(jwk, "crv") != "P-256" || !decode_base64url(text_of(jwk, "x"), x) || !decode_base64url(text_of(jwk, "y"), y)) return nullptr;
  if (x.size() != p256_bytes || y.size() != p256_bytes) return nullptr;
  const std::string point = "\x04" + x + y;
  Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> build(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(build.get()));
  return key_from("EC", parameters.get());
}

/// r and s side by side, as tokens have them, to DER as OpenSSL has it.
std::string der_of(const std::string& signature) {
  if (signature.size() != 2 * p256_bytes) return "";
  const auto* bytes = reinterpret_cast<const unsigned char*>(signature.data());
  Owned<ECDSA_SIG, ECDSA_SIG_free> both(ECDSA_SIG_new());
  ECDSA_SIG_set0(both.get(), BN_bin2bn(bytes, p256_bytes, nullptr), BN_bin2bn(bytes + p256_bytes, p256_bytes, nullptr));
  std::array<unsigned char, 80> der{};
  unsigned char* end = der.data();
  const int size = i2d_ECDSA_SIG(both.get(), &end);
  return size <= 0 ? "" : std::string(reinterpret_cast<const char*>(der.data()), static_cast<size_t>(size));
}

bool names_audience(const Json& claims, const std::string& audience) {
  const auto found = claims.find("aud");
  if (found == claims.end()) return false;
  if (found->is_string()) return *found == audience;
  if (!found->is_array()) return false;
  for (const Json& one : *found) {
    if (one.is_string() && one == audience) return true;
  }
  return false;
}

/// Seconds since 1970, a fraction cut off; nothing: it is not there. False: it is no instant.
bool take_instant(const Json& claims, const char* name, std::optional<int64_t>& instant) {
  const auto found = claims.find(name);
  if (found == claims.end()) return true;
  if (!found->is_number()) return false;
  const double value = found->get<double>();
  if (!(value >= 0 && value < 1e12)) return false;
  instant = static_cast<int64_t>(value);
  return true;
}

}  // namespace

bool decode_base64url(const std::string& text, std::string& bytes) {
  bytes.clear();
  uint32_t held = 0;
  int bits = 0;
  for (const char c : text) {
    int value = 0;
    if (c >= 'A' && c <= 'Z') {
      value = c - 'A';
    } else if (c >= 'a' && c <= 'z') {
      value = c - 'a' + 26;
    } else if (c >= '0' && c <= '9') {
      value = c - '0' + 52;
    } else if (c == '-') {
      value = 62;
    } else if (c == '_') {
      value = 63;
    } else {
      return false;
    }
    held = (held << 6) | static_cast<uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>((held >> bits) & 255);
    }
  }
  // What is left over must be nothing, or two texts would mean the same bytes.
  return bits < 6 && (held & ((1u << bits) - 1)) == 0;
}

VerificationKey::~VerificationKey() { EVP_PKEY_free(static_cast<EVP_PKEY*>(key_)); }

bool VerificationKey::verifies(const std::string& text, const std::string& signature) const {
  const std::string bytes = kind_ == Kind::es256 ? der_of(signature) : signature;
  if (bytes.empty()) return false;
  Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  if (EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, static_cast<EVP_PKEY*>(key_)) <= 0) return false;
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
}

std::shared_ptr<const VerificationKey> VerificationKey::from_jwk(const Json& jwk) {
  if (!jwk.is_object()) return nullptr;
  const std::string type = text_of(jwk, "kty"), use = text_of(jwk, "use"), algorithm = text_of(jwk, "alg");
  if (!use.empty() && use != "sig") return nullptr;
  const bool rsa = type == "RSA";
  if (!rsa && type != "EC") return nullptr;
  if (!algorithm.empty() && algorithm != (rsa ? "RS256" : "ES256")) return nullptr;
  EVP_PKEY* key = rsa ? rsa_key(jwk) : p256_key(jwk);
  if (key == nullptr) return nullptr;
  return std::shared_ptr<const VerificationKey>(new VerificationKey(rsa ? Kind::rs256 : Kind::es256, key));
}

KeySet read_key_set(const Json& document) {
  KeySet keys;
  const auto listed = document.is_object() ? document.find("keys") : document.end();
  if (!document.is_object() || listed == document.end() || !listed->is_array()) return keys;
  for (const Json& jwk : *listed) {
    const std::string id = jwk.is_object() ? text_of(jwk, "kid") : "";
    if (id.empty()) continue;
    if (auto key = VerificationKey::from_jwk(jwk)) keys[id] = std::move(key);
  }
  return keys;
}

std::expected<Jwt, std::string> parse_jwt(const std::string& token) {
  const size_t first = token.find('.'), second = first == std::string::npos ? first : token.find('.', first + 1);
  if (second == std::string::npos || token.find('.', second + 1) != std::string::npos) return std::unexpected("it has not three parts");
  std::string header;
  Jwt jwt{.algorithm = {}, .key_id = {}, .signed_text = token.substr(0, second), .signature = {}, .claims = {}};
  if (!decode_base64url(token.substr(0, first), header) || !decode_base64url(token.substr(first + 1, second - first - 1), jwt.claims) ||
      !decode_base64url(token.substr(second + 1), jwt.signature)) {
    return std::unexpected("a part of it is not base64url");
  }
  const Json parsed = Json::parse(header, nullptr, false);
  if (!parsed.is_object()) return std::unexpected("its header is not JSON");
  if (parsed.contains("crit")) return std::unexpected("it asks for an extension that is not understood");
  jwt.algorithm = text_of(parsed, "alg");
  jwt.key_id = text_of(parsed, "kid");
  if (jwt.algorithm != "RS256" && jwt.algorithm != "ES256") return std::unexpected("it is signed by another algorithm than RS256 or ES256");
  if (jwt.key_id.empty()) return std::unexpected("it does not name its key (kid)");
  return jwt;
}

std::expected<Json, std::string> verify_jwt(const Jwt& token, const VerificationKey& key, const Expected& expected) {
  if ((token.algorithm == "RS256") != (key.kind() == VerificationKey::Kind::rs256)) return std::unexpected("its key is of another kind than its algorithm");
  if (!key.verifies(token.signed_text, token.signature)) return std::unexpected("its signature is wrong");
  Json claims = Json::parse(token.claims, nullptr, false);
  if (!claims.is_object()) return std::unexpected("its claims are not JSON");
  if (text_of(claims, "iss") != expected.issuer) return std::unexpected("it is of another issuer");
  if (!names_audience(claims, expected.audience)) return std::unexpected("it is meant for somebody else");
  std::optional<int64_t> until, from, issued;
  if (!take_instant(claims, "exp", until) || !take_instant(claims, "nbf", from) || !take_instant(claims, "iat", issued))
    return std::unexpected("an instant in it is none");
  if (!until) return std::unexpected("it does not say how long it holds");
  if (*until + expected.leeway_seconds <= expected.now_seconds) return std::unexpected("it has expired");
  if (from && *from - expected.leeway_seconds > expected.now_seconds) return std::unexpected("it does not hold yet");
  if (issued && *issued - expected.leeway_seconds > expected.now_seconds) return std::unexpected("it was issued in the future");
  return claims;
}

}  // namespace dunlin::server
