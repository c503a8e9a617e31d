#include "server/serve/rights.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <map>
#include <stdexcept>

namespace dunlin::server {

namespace {

const std::map<std::string, std::vector<std::string>>& roles() {
  static const std::map<std::string, std::vector<std::string>> known{
      {"designer", {"read", "design"}},
      {"analyst", {"read"}},
      {"operations", {"read", "personal", "events", "supervise", "design", "activate", "approve"}},
      {"operator", {"work", "personal"}},
      {"supervisor", {"read", "personal", "work", "supervise"}},
      {"auditor", {"read", "audit"}},
      {"administrator", {"read", "personal", "work", "events", "supervise", "design", "activate", "approve", "audit", "admin"}},
  };
  return known;
}

}  // namespace

const std::vector<std::string>& all_rights() {
  static const std::vector<std::string> rights{"read", "personal", "work", "events", "supervise", "design", "activate", "approve", "audit", "admin"};
  return rights;
}

std::optional<std::vector<std::string>> rights_of_role(const std::string& role) {
  const auto found = roles().find(role);
  if (found == roles().end()) return std::nullopt;
  return found->second;
}

bool may_be_bound(const std::string& right) { return right == "read" || right == "personal" || right == "work" || right == "events" || right == "supervise"; }

std::vector<std::string> all_roles() {
  std::vector<std::string> names;
  for (const auto& [name, rights] : roles()) names.push_back(name);
  return names;
}

std::string make_token() {
  static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  unsigned char bytes[43];
  if (RAND_bytes(bytes, sizeof bytes) != 1) throw std::runtime_error("the system has no randomness to give");
  std::string token = "dun_";
  for (const unsigned char byte : bytes) token += letters[byte & 63];
  return token;
}

std::string token_hash(const std::string& token) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int count = 0;
  EVP_Digest(token.data(), token.size(), bytes, &count, EVP_sha256(), nullptr);
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < count; ++i) {
    hex += digits[bytes[i] >> 4];
    hex += digits[bytes[i] & 15];
  }
  return hex;
}

}  // namespace dunlin::server
