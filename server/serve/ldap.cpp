#include "server/serve/ldap.h"

#include <fmt/format.h>
#include <ldap.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <memory>
#include <optional>

#include "server/serve/log.h"
#include "server/serve/role_names.h"

namespace dunlin::server {

namespace {

constexpr size_t name_max = 128, password_max = 1024, known_max = 20'000;

int64_t milliseconds() { return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Unbind {
  void operator()(LDAP* connection) const { ldap_unbind_ext_s(connection, nullptr, nullptr); }
};
using Connection = std::unique_ptr<LDAP, Unbind>;
struct FreeMessage {
  void operator()(LDAPMessage* message) const { ldap_msgfree(message); }
};
using Message = std::unique_ptr<LDAPMessage, FreeMessage>;

/// A value within a filter (RFC 4515) or a DN (RFC 4514): every byte that could mean something is written in hex.
std::string quoted(const std::string& value) {
  std::string text;
  for (const unsigned char c : value) {
    if (std::isalnum(c) || c == '.' || c == '-' || c == '_' || c == '@') {
      text += static_cast<char>(c);
    } else {
      text += fmt::format("\\{:02x}", c);
    }
  }
  return text;
}

std::string filled(std::string text, const std::string& mark, const std::string& value) {
  for (size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += value.size()) text.replace(at, mark.size(), value);
  return text;
}

/// "name:password" of a Basic header; nothing: it is not one.
std::optional<std::pair<std::string, std::string>> taken_apart(const std::string& authorization) {
  static const std::string scheme = "Basic ";
  if (!authorization.starts_with(scheme) || authorization.size() > 4096) return std::nullopt;
  const std::string coded = authorization.substr(scheme.size());
  if (coded.empty() || coded.size() % 4 != 0) return std::nullopt;
  std::string text(coded.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(text.data()), reinterpret_cast<const unsigned char*>(coded.data()), static_cast<int>(coded.size())) < 0)
    return std::nullopt;
  for (size_t i = coded.size(); i > coded.size() - 2 && coded[i - 1] == '='; --i) text.pop_back();
  const size_t colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  return std::pair(text.substr(0, colon), text.substr(colon + 1));
}

bool away(int code) {
  return code == LDAP_SERVER_DOWN || code == LDAP_TIMEOUT || code == LDAP_CONNECT_ERROR || code == LDAP_BUSY || code == LDAP_UNAVAILABLE ||
         code == LDAP_LOCAL_ERROR;
}

/// One login: a connection, and how much time is left.
class Talk {
 public:
  explicit Talk(const LdapOptions& options) : options_(options), until_(std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds)) {}

  int open() {
    LDAP* raw = nullptr;
    if (const int code = ldap_initialize(&raw, options_.url.c_str()); code != LDAP_SUCCESS) return code;
    connection_.reset(raw);
    const int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, server = 0;
    ldap_set_option(raw, LDAP_OPT_PROTOCOL_VERSION, &version);
    ldap_set_option(raw, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);  // a directory sends nobody's password elsewhere
    ldap_set_option(raw, LDAP_OPT_RESTART, LDAP_OPT_ON);
    ldap_set_option(raw, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
    if (!options_.authorities_file.empty()) ldap_set_option(raw, LDAP_OPT_X_TLS_CACERTFILE, options_.authorities_file.c_str());
    ldap_set_option(raw, LDAP_OPT_X_TLS_NEWCTX, &server);
    patience();
    return options_.start_tls ? ldap_start_tls_s(raw, nullptr, nullptr) : LDAP_SUCCESS;
  }

  int bind(const std::string& who, const std::string& password) {
    patience();
    berval secret{password.size(), const_cast<char*>(password.data())};
    return ldap_sasl_bind_s(connection_.get(), who.c_str(), LDAP_SASL_SIMPLE, &secret, nullptr, nullptr, nullptr);
  }

  /// Values of an attribute over what is found; entries' names where the attribute is empty. `most` entries.
  int search(const std::string& base, int scope, const std::string& filter, const std::string& attribute, int most, std::vector<std::string>& values) {
    timeval left = patience();
    std::string wanted = attribute.empty() ? LDAP_NO_ATTRS : attribute;
    char* attributes[] = {wanted.data(), nullptr};
    LDAPMessage* raw = nullptr;
    const int code = ldap_search_ext_s(connection_.get(), base.c_str(), scope, filter.c_str(), attributes, 0, nullptr, nullptr, &left, most, &raw);
    const Message found(raw);
    if (code != LDAP_SUCCESS) return code;
    for (LDAPMessage* entry = ldap_first_entry(connection_.get(), raw); entry != nullptr; entry = ldap_next_entry(connection_.get(), entry)) {
      if (attribute.empty()) {
        char* name = ldap_get_dn(connection_.get(), entry);
        if (name != nullptr) values.emplace_back(name);
        ldap_memfree(name);
        continue;
      }
      berval** all = ldap_get_values_len(connection_.get(), entry, wanted.c_str());
      for (int i = 0; all != nullptr && all[i] != nullptr; ++i) values.emplace_back(all[i]->bv_val, all[i]->bv_len);
      ldap_value_free_len(all);
    }
    return LDAP_SUCCESS;
  }

 private:
  timeval patience() {
    const auto left =
        std::max(std::chrono::microseconds(1000), std::chrono::duration_cast<std::chrono::microseconds>(until_ - std::chrono::steady_clock::now()));
    timeval time{left.count() / 1'000'000, left.count() % 1'000'000};
    ldap_set_option(connection_.get(), LDAP_OPT_NETWORK_TIMEOUT, &time);
    ldap_set_option(connection_.get(), LDAP_OPT_TIMEOUT, &time);
    return time;
  }

  const LdapOptions& options_;
  Connection connection_;
  std::chrono::steady_clock::time_point until_;
};

/// "cn=Change,ou=groups,dc=house" -> "Change"
std::string first_part(const std::string& dn) {
  LDAPDN parts = nullptr;
  std::string name;
  if (ldap_str2dn(dn.c_str(), &parts, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS && parts != nullptr && parts[0] != nullptr && parts[0][0] != nullptr)
    name.assign(parts[0][0]->la_value.bv_val, parts[0][0]->la_value.bv_len);
  ldap_dnfree(parts);
  return name;
}

NotLetIn refused(int code) {
  if (code == LDAP_INVALID_CREDENTIALS) return {"the name or the password is wrong"};
  if (!away(code)) {
    log::write(log::Level::warn, "the directory refused a question", {{"reason", ldap_err2string(code)}});
    return {"the directory does not let this name in"};
  }
  log::write(log::Level::warn, "the directory does not answer", {{"reason", ldap_err2string(code)}});
  return {"the directory does not answer", true};
}

}  // namespace

std::string wrong_ldap(const LdapOptions& options) {
  if (options.url.empty()) return "";
  const bool tls = options.url.starts_with("ldaps://");
  if (!tls && !options.url.starts_with("ldap://")) return "ldap.url begins with ldaps:// or ldap://";
  if (!tls && !options.start_tls && !options.plain) return "ldap.url is ldap://: set ldap.start_tls, or ldap.allow_plain where nobody can listen on the way";
  if (tls && options.start_tls) return "ldap.start_tls goes with ldap://";
  if (options.user.empty() && (options.search_base.empty() || options.service.empty()))
    return "ldap.user says who binds (uid={name},ou=people,dc=house); or ldap.search_base and ldap.service find it";
  if (!options.user.empty() && options.user.find("{name}") == std::string::npos) return "ldap.user has no {name} in it";
  if (options.user_filter.find("{name}") == std::string::npos) return "ldap.user_filter has no {name} in it";
  if (!options.service.empty() && options.service_password.empty()) return "ldap.service has no ldap.service_password";
  if (options.group_base.empty() && options.member_of.empty()) return "ldap.group_base or ldap.member_of says where the groups of somebody stand";
  if (!options.user.empty() && options.user.find('=') == std::string::npos && options.search_base.empty())
    return "ldap.search_base says where people stand: ldap.user is no DN";
  if (options.name_attribute.empty() || options.group_name.empty()) return "ldap.name_attribute and ldap.group_name name attributes";
  if (options.role_names.empty()) return "ldap.role_names says which groups have which role";
  if (const std::string wrong = wrong_role_names(options.role_names); !wrong.empty()) return "ldap.role_names: " + wrong;
  if (const std::string wrong = Bindings::wrong(options.bindings); !wrong.empty()) return "ldap.bindings: " + wrong;
  return "";
}

Ldap::Ldap(LdapOptions options)
    : options_(std::move(options)), role_names_(role_names_of(options_.role_names)), bindings_(options_.bindings), salt_(make_token()) {}

bool Ldap::has_to_wait(const std::string& name) {
  const int64_t now = milliseconds();
  const auto found = failures_.find(name);
  if (found == failures_.end()) return false;
  auto& at = found->second.at_ms;
  while (!at.empty() && now - at.front() > 60'000) at.pop_front();
  return static_cast<int>(at.size()) >= options_.failures_a_minute;
}

std::expected<Caller, NotLetIn> Ldap::caller(const std::string& authorization) {
  const auto parts = taken_apart(authorization);
  if (!parts) return std::unexpected(NotLetIn{"the header is not a name and a password"});
  const auto& [name, password] = *parts;
  // A bind with an empty password is a bind as nobody, and succeeds.
  if (name.empty() || password.empty() || name.size() > name_max || password.size() > password_max || name.find('\0') != std::string::npos ||
      password.find('\0') != std::string::npos)
    return std::unexpected(NotLetIn{"the name or the password is wrong"});
  std::string counted = name;  // a directory does not tell capitals from small letters
  std::ranges::transform(counted, counted.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string key = token_hash(salt_ + "\n" + name + "\n" + password);
  {
    const std::lock_guard lock(guard_);
    const auto known = remembered_.find(key);
    if (known != remembered_.end() && known->second.until_ms > milliseconds()) return known->second.caller;
    if (has_to_wait(counted)) return std::unexpected(NotLetIn{"there were too many wrong passwords for this name; wait a minute"});
  }
  auto asked = ask(name, password);
  const std::lock_guard lock(guard_);
  if (!asked) {
    if (failures_.size() > known_max) failures_.clear();
    if (!asked.error().unavailable) failures_[counted].at_ms.push_back(milliseconds());
    return asked;
  }
  if (remembered_.size() > known_max) remembered_.clear();
  remembered_[key] = {*asked, milliseconds() + options_.remember_seconds * 1000LL};
  failures_.erase(counted);
  return asked;
}

std::expected<Caller, NotLetIn> Ldap::ask(const std::string& name, const std::string& password) {
  Talk talk(options_);
  if (const int code = talk.open(); code != LDAP_SUCCESS) return std::unexpected(refused(away(code) ? code : LDAP_CONNECT_ERROR));
  const std::string person_filter = filled(options_.user_filter, "{name}", quoted(name));
  std::string dn = filled(options_.user, "{name}", options_.user.find('=') == std::string::npos ? name : quoted(name));
  bool found = options_.user.find('=') != std::string::npos;
  const auto find = [&]() -> int {
    std::vector<std::string> names;
    const int code = talk.search(options_.search_base, LDAP_SCOPE_SUBTREE, person_filter, "", 2, names);
    if (code == LDAP_SIZELIMIT_EXCEEDED || (code == LDAP_SUCCESS && names.size() != 1)) return LDAP_INVALID_CREDENTIALS;
    if (code == LDAP_SUCCESS) dn = names[0];
    return code;
  };
  // A service account that is not let in is nobody's wrong password.
  const auto as_service = [&] {
    const int code = talk.bind(options_.service, options_.service_password);
    if (code != LDAP_SUCCESS) log::write(log::Level::error, "the directory does not let ldap.service in", {{"reason", ldap_err2string(code)}});
    return code == LDAP_SUCCESS;
  };
  const std::unexpected no_service{NotLetIn{"the directory does not answer", true}};
  int code = LDAP_SUCCESS;
  if (options_.user.empty()) {
    if (!as_service()) return no_service;
    code = find();
    found = true;
  }
  if (code == LDAP_SUCCESS) code = talk.bind(dn, password);
  if (code == LDAP_SUCCESS && !options_.service.empty() && !as_service()) return no_service;
  if (code == LDAP_SUCCESS && !found) code = find();
  std::vector<std::string> groups;
  if (code == LDAP_SUCCESS && !options_.group_base.empty())
    code = talk.search(options_.group_base, LDAP_SCOPE_SUBTREE, filled(filled(options_.group_filter, "{name}", quoted(name)), "{dn}", quoted(dn)),
                       options_.group_name, 0, groups);
  if (code == LDAP_SUCCESS && !options_.member_of.empty()) {
    std::vector<std::string> names;
    code = talk.search(dn, LDAP_SCOPE_BASE, "(objectClass=*)", options_.member_of, 0, names);
    for (const std::string& one : names) groups.push_back(first_part(one));
  }
  if (code != LDAP_SUCCESS) return std::unexpected(refused(code));
  // As it stands in the directory: ANNA and anna are one person, in the audit and where a second person is asked for.
  std::vector<std::string> names;
  code = talk.search(dn, LDAP_SCOPE_BASE, "(objectClass=*)", options_.name_attribute, 0, names);
  if (code != LDAP_SUCCESS) return std::unexpected(refused(code));
  if (names.empty()) return std::unexpected(NotLetIn{fmt::format("the directory has no `{}` of this person", options_.name_attribute)});
  Caller caller{.name = *std::ranges::min_element(names), .role = {}, .rights = {}};
  give_roles(caller, groups, role_names_);
  if (const auto trouble = bindings_.bind(caller, groups)) return std::unexpected(NotLetIn{*trouble});
  return caller;
}

}  // namespace dunlin::server
