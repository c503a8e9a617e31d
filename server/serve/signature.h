// Secrets and signatures of webhooks: HMAC-SHA256, in hex.
#pragma once

#include <cstdint>
#include <string>

namespace dunlin::server {

std::string hmac_sha256_hex(const std::string& key, const std::string& text);
/// The secret of a webhook is made of the server's key whenever it is needed and stored nowhere. A new generation is a new secret.
std::string webhook_secret(const std::string& key, int64_t webhook, int64_t generation);
/// "t=1774000000,v1=5257a8…" over "1774000000.ID.BODY": whoever receives it knows who sent it, when, and that nothing was changed.
std::string webhook_signature(const std::string& secret, int64_t unix_seconds, const std::string& delivery, const std::string& body);

}  // namespace dunlin::server
