// People who log in at an identity provider (OpenID Connect): their tokens, its keys, the roles that a claim gives them.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "server/http/http_client.h"
#include "server/serve/bindings.h"
#include "server/serve/jwt.h"
#include "server/serve/rights.h"

namespace dunlin::server {

struct OidcOptions {
  std::string issuer;  // empty: nobody logs in this way
  std::string audience = "dunlin";
  std::string roles_claim = "roles";  // "realm_access.roles": a claim within a claim
  std::string name_claim = "sub";
  std::string role_names;        // "collections-admin=administrator,clerk=operator"; empty: roles are called as ours
  std::string bindings;          // bindings.h; empty: nobody is bound
  std::string bindings_claim;    // where their groups stand; empty: roles_claim
  std::string authorities_file;  // PEM, for TLS to the issuer; empty: the system's
  bool plain = false;            // http:// too
  int refresh_seconds = 300;     // its keys are read again after this
  int unknown_key_seconds = 10;  // and for a key that is not known, but no more often than this
};
/// What is wrong with them; empty: nothing.
std::string wrong_oidc(const OidcOptions& options);

/// Why somebody is not let in. `unavailable`: the issuer does not answer and its keys are not known.
struct NotLetIn {
  std::string message;
  bool unavailable = false;
};

class Oidc {
 public:
  explicit Oidc(OidcOptions options);
  /// Is this a token of the kind that is dealt with here?
  bool may_be(const std::string& token) const;
  /// Thread safe; may ask the issuer for its keys.
  std::expected<Caller, NotLetIn> caller(const std::string& token);

 private:
  struct Keys {
    KeySet keys;
    int64_t read_ms = 0, tried_ms = 0;
  };
  std::shared_ptr<const VerificationKey> key(const std::string& id, std::string& trouble);
  std::expected<KeySet, std::string> fetch();
  std::expected<nlohmann::json, std::string> get(const std::string& url);

  OidcOptions options_;
  std::unique_ptr<http::HttpClient> client_;
  std::map<std::string, std::string> role_names_;
  Bindings bindings_;
  std::mutex guard_, fetch_guard_;
  Keys keys_;
};

}  // namespace dunlin::server
