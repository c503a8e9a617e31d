#include "server/serve/signature.h"

#include <fmt/format.h>
#include <openssl/hmac.h>

namespace dunlin::server {

std::string hmac_sha256_hex(const std::string& key, const std::string& text) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int count = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes, &count);
  std::string hex;
  for (unsigned int i = 0; i < count; ++i) hex += fmt::format("{:02x}", bytes[i]);
  return hex;
}

std::string webhook_secret(const std::string& key, int64_t webhook, int64_t generation) {
  return "whsec_" + hmac_sha256_hex(key, fmt::format("webhook {} {}", webhook, generation));
}

std::string webhook_signature(const std::string& secret, int64_t unix_seconds, const std::string& delivery, const std::string& body) {
  return fmt::format("t={},v1={}", unix_seconds, hmac_sha256_hex(secret, fmt::format("{}.{}.{}", unix_seconds, delivery, body)));
}

}  // namespace dunlin::server
