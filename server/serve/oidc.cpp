#include "server/serve/oidc.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "server/serve/log.h"
#include "server/serve/role_names.h"
#include "server/serve/split.h"

namespace dunlin::server {

namespace {

using Json = nlohmann::json;

// Keys that could not be read again for a day are not trusted any more: they may have been withdrawn.
constexpr int64_t stale_ms = 24LL * 3600 * 1000;

int64_t milliseconds() { return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string authority(const http::Url& url) {
  return fmt::format("{}:{}", url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]", url.port);
}

/// "realm_access.roles" of {"realm_access": {"roles": […]}}; a claim whose name has a dot in it goes first.
const Json* claim(const Json& claims, const std::string& path) {
  if (const auto whole = claims.find(path); whole != claims.end()) return &*whole;
  const Json* at = &claims;
  for (const std::string& part : split(path, '.')) {
    if (!at->is_object() || !at->contains(part)) return nullptr;
    at = &at->at(part);
  }
  return at;
}

std::vector<std::string> words(const Json* value) {
  std::vector<std::string> all;
  if (value == nullptr) return all;
  if (value->is_string()) return split(value->get<std::string>(), ' ');
  if (!value->is_array()) return all;
  for (const Json& one : *value) {
    if (one.is_string()) all.push_back(one.get<std::string>());
  }
  return all;
}

}  // namespace

std::string wrong_oidc(const OidcOptions& options) {
  if (options.issuer.empty()) return "";
  auto url = http::parse_url(options.issuer);
  if (!url) return "oidc.issuer: " + url.error();
  if (!url->tls && !options.plain) return "oidc.issuer must begin with https://";
  if (options.audience.empty()) return "oidc.audience is empty";
  if (options.roles_claim.empty() || options.name_claim.empty()) return "oidc.roles_claim and oidc.name_claim name claims";
  if (const std::string wrong = wrong_role_names(options.role_names); !wrong.empty()) return "oidc.role_names: " + wrong;
  if (const std::string wrong = Bindings::wrong(options.bindings); !wrong.empty()) return "oidc.bindings: " + wrong;
  return "";
}

Oidc::Oidc(OidcOptions options) : options_(std::move(options)), role_names_(role_names_of(options_.role_names)), bindings_(options_.bindings) {
  if (options_.issuer.empty()) return;
  // Its keys lie where the issuer is: nothing in a document may send us elsewhere.
  auto url = http::parse_url(options_.issuer);
  if (!url) return;
  client_ = std::make_unique<http::HttpClient>(
      http::ClientOptions{.allowed = {.hosts = {authority(*url)}, .plain = options_.plain}, .seconds = 5, .authorities_file = options_.authorities_file});
}

bool Oidc::may_be(const std::string& token) const { return client_ != nullptr && std::ranges::count(token, '.') == 2; }

std::expected<Json, std::string> Oidc::get(const std::string& url) {
  auto answer = client_->ask({.method = "GET", .url = url, .body = {}, .headers = {{"Accept", "application/json"}}});
  if (!answer) return std::unexpected(answer.error().message);
  if (answer->status != 200) return std::unexpected(fmt::format("it answered {}", answer->status));
  Json document = Json::parse(answer->body, nullptr, false);
  if (!document.is_object()) return std::unexpected("its answer is not JSON");
  return document;
}

std::expected<KeySet, std::string> Oidc::fetch() {
  const std::string slash = options_.issuer.ends_with('/') ? "" : "/";
  auto about = get(options_.issuer + slash + ".well-known/openid-configuration");
  if (!about) return std::unexpected(about.error());
  if (about->value("issuer", Json()) != options_.issuer) return std::unexpected("its description is of another issuer");
  const Json address = about->value("jwks_uri", Json());
  if (!address.is_string()) return std::unexpected("its description does not say where its keys are");
  auto document = get(address.get<std::string>());
  if (!document) return std::unexpected(document.error());
  KeySet keys = read_key_set(*document);
  if (keys.empty()) return std::unexpected("it has no key that can be used");
  return keys;
}

/// Null: there is none with this id; `trouble` says why nobody can know.
std::shared_ptr<const VerificationKey> Oidc::key(const std::string& id, std::string& trouble) {
  const auto look = [&](bool& fresh) -> std::shared_ptr<const VerificationKey> {
    const std::lock_guard lock(guard_);
    const int64_t now = milliseconds();
    if (keys_.read_ms != 0 && now - keys_.read_ms > stale_ms) keys_.keys.clear();
    const auto found = keys_.keys.find(id);
    const int64_t pause = (found == keys_.keys.end() ? options_.unknown_key_seconds : options_.refresh_seconds) * 1000LL;
    fresh = keys_.tried_ms != 0 && now - keys_.tried_ms < pause;
    if (keys_.keys.empty()) trouble = "the keys of the issuer could not be read";
    return found == keys_.keys.end() ? nullptr : found->second;
  };
  bool fresh = false;
  auto known = look(fresh);
  if (fresh) return known;
  // One asks, the others wait for what it finds. Those whose key is known need not wait.
  std::unique_lock asking(fetch_guard_, std::try_to_lock);
  if (!asking.owns_lock()) {
    if (known) return known;
    asking.lock();
    known = look(fresh);
    if (fresh) return known;
  }
  auto read = fetch();
  {
    const std::lock_guard lock(guard_);
    keys_.tried_ms = milliseconds();
    if (read) {
      keys_.keys = std::move(*read);
      keys_.read_ms = keys_.tried_ms;
    }
  }
  if (!read) log::write(log::Level::warn, "the keys of the issuer could not be read", {{"issuer", options_.issuer}, {"reason", read.error()}});
  trouble.clear();
  return look(fresh);
}

std::expected<Caller, NotLetIn> Oidc::caller(const std::string& token) {
  auto jwt = parse_jwt(token);
  if (!jwt) return std::unexpected(NotLetIn{jwt.error()});
  std::string trouble;
  const auto signed_by = key(jwt->key_id, trouble);
  if (!signed_by) return std::unexpected(NotLetIn{trouble.empty() ? "its key is not one of the issuer's" : trouble, !trouble.empty()});
  const int64_t now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  auto claims = verify_jwt(*jwt, *signed_by, {.issuer = options_.issuer, .audience = options_.audience, .now_seconds = now});
  if (!claims) return std::unexpected(NotLetIn{claims.error()});
  const Json* name = claim(*claims, options_.name_claim);
  if (name == nullptr || !name->is_string() || name->get<std::string>().empty() || name->get<std::string>().size() > 200)
    return std::unexpected(NotLetIn{fmt::format("it has no claim `{}` that names somebody", options_.name_claim)});
  Caller caller{.name = name->get<std::string>(), .role = {}, .rights = {}};
  give_roles(caller, words(claim(*claims, options_.roles_claim)), role_names_);
  const std::string& groups = options_.bindings_claim.empty() ? options_.roles_claim : options_.bindings_claim;
  if (const auto trouble = bindings_.bind(caller, words(claim(*claims, groups)))) return std::unexpected(NotLetIn{*trouble});
  return caller;
}

}  // namespace dunlin::server
