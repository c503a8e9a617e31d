#include "server/serve/config.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <utility>

#include "server/import/near_match.h"

namespace dunlin::server {

namespace {

struct Setting {
  std::string name;
  std::function<std::string(ServeConfig&, const std::string&)> set;  // what is wrong; empty: nothing
  std::function<std::string(const ServeConfig&)> get;
  bool list = false;  // words with commas between them; a file may write an array
};

template <class T>
Setting number(std::string name, T& (*of)(ServeConfig&), double low, double high) {
  return {name,
          [=](ServeConfig& config, const std::string& text) -> std::string {
            char* end = nullptr;
            const double value = std::strtod(text.c_str(), &end);
            // Not: value < low || value > high. What is no number at all ("nan") is neither.
            if (text.empty() || *end != '\0' || !(value >= low && value <= high))
              return fmt::format("must be a figure from {} to {}, not `{}`", low, high, text);
            if (std::is_integral_v<T> && value != std::floor(value)) return fmt::format("must be a whole number from {} to {}, not `{}`", low, high, text);
            of(config) = static_cast<T>(value);
            return "";
          },
          [=](const ServeConfig& config) { return fmt::format("{}", of(const_cast<ServeConfig&>(config))); }};
}

Setting yes_or_no(std::string name, bool& (*of)(ServeConfig&)) {
  return {name,
          [=](ServeConfig& config, const std::string& text) -> std::string {
            if (text != "true" && text != "false") return fmt::format("must be true or false, not `{}`", text);
            of(config) = text == "true";
            return "";
          },
          [=](const ServeConfig& config) { return of(const_cast<ServeConfig&>(config)) ? "true" : "false"; }};
}

Setting word(std::string name, std::string& (*of)(ServeConfig&)) {
  return {name,
          [=](ServeConfig& config, const std::string& text) -> std::string {
            of(config) = text;
            return "";
          },
          [=](const ServeConfig& config) { return of(const_cast<ServeConfig&>(config)); }};
}

/// "a, b", and in a file ["a", "b"] too.
Setting words(std::string name, std::string& (*of)(ServeConfig&)) {
  Setting setting = word(std::move(name), of);
  setting.list = true;
  return setting;
}

const std::vector<Setting>& settings() {
  using C = ServeConfig;
  static const std::vector<Setting> all{
      word("server.address", [](C& c) -> std::string& { return c.http.address; }),
      number<uint16_t>(
          "server.port", [](C& c) -> uint16_t& { return c.http.port; }, 0, 65535),
      number<int>(
          "server.threads", [](C& c) -> int& { return c.http.threads; }, 1, 256),
      number<size_t>(
          "server.connections_max", [](C& c) -> size_t& { return c.http.connections_max; }, 1, 1e6),
      number<uint32_t>(
          "server.header_bytes_max", [](C& c) -> uint32_t& { return c.http.header_bytes_max; }, 1024, 1 << 20),
      number<uint64_t>(
          "server.body_bytes_max", [](C& c) -> uint64_t& { return c.http.body_bytes_max; }, 1024, 1 << 30),
      number<int>(
          "server.read_seconds", [](C& c) -> int& { return c.http.read_seconds; }, 1, 3600),
      number<int>(
          "server.idle_seconds", [](C& c) -> int& { return c.http.idle_seconds; }, 1, 3600),
      number<size_t>(
          "server.stream_bytes_max", [](C& c) -> size_t& { return c.http.stream_bytes_max; }, 4096, 1 << 30),
      number<int>(
          "server.stream_beat_seconds", [](C& c) -> int& { return c.http.stream_beat_seconds; }, 1, 3600),
      number<int>(
          "server.drain_seconds", [](C& c) -> int& { return c.drain_seconds; }, 0, 3600),
      word("server.certificate_file", [](C& c) -> std::string& { return c.http.certificate_file; }),
      word("server.key_file", [](C& c) -> std::string& { return c.http.key_file; }),
      words("server.trusted_proxies", [](C& c) -> std::string& { return c.http.trusted_proxies; }),
      word("server.forwarded_header", [](C& c) -> std::string& { return c.http.forwarded_header; }),
      word("database.url", [](C& c) -> std::string& { return c.store.database; }),
      word("database.data", [](C& c) -> std::string& { return c.store.data; }),
      number<int>(
          "database.connections", [](C& c) -> int& { return c.database_connections; }, 1, 256),
      number<int>(
          "database.statement_seconds", [](C& c) -> int& { return c.statement_seconds; }, 1, 3600),
      number<int>(
          "engine.threads", [](C& c) -> int& { return c.step_threads; }, 1, 256),
      number<int>(
          "engine.poll_ms", [](C& c) -> int& { return c.poll_ms; }, 10, 3'600'000),
      number<int>(
          "engine.tables_seconds", [](C& c) -> int& { return c.tables_seconds; }, 0, 86'400),
      word("engine.node", [](C& c) -> std::string& { return c.node; }),
      number<int>(
          "engine.lease_seconds", [](C& c) -> int& { return c.lease_seconds; }, 2, 3600),
      word("engine.clock", [](C& c) -> std::string& { return c.clock; }),
      word("engine.stdlib", [](C& c) -> std::string& { return c.stdlib; }),
      yes_or_no("bundles.second_person", [](C& c) -> bool& { return c.second_person; }),
      word("bundles.watch", [](C& c) -> std::string& { return c.watch; }),
      yes_or_no("bundles.watch_apply", [](C& c) -> bool& { return c.watch_apply; }),
      number<int>(
          "bundles.plan_seconds", [](C& c) -> int& { return c.plan_seconds; }, 1, 86'400),
      word("oidc.issuer", [](C& c) -> std::string& { return c.oidc.issuer; }),
      word("oidc.audience", [](C& c) -> std::string& { return c.oidc.audience; }),
      word("oidc.roles_claim", [](C& c) -> std::string& { return c.oidc.roles_claim; }),
      words("oidc.role_names", [](C& c) -> std::string& { return c.oidc.role_names; }),
      word("oidc.bindings", [](C& c) -> std::string& { return c.oidc.bindings; }),
      word("oidc.bindings_claim", [](C& c) -> std::string& { return c.oidc.bindings_claim; }),
      word("oidc.name_claim", [](C& c) -> std::string& { return c.oidc.name_claim; }),
      word("oidc.authorities_file", [](C& c) -> std::string& { return c.oidc.authorities_file; }),
      yes_or_no("oidc.allow_http", [](C& c) -> bool& { return c.oidc.plain; }),
      number<int>(
          "oidc.refresh_seconds", [](C& c) -> int& { return c.oidc.refresh_seconds; }, 1, 86'400),
      number<int>(
          "oidc.unknown_key_seconds", [](C& c) -> int& { return c.oidc.unknown_key_seconds; }, 1, 3600),
      word("ldap.url", [](C& c) -> std::string& { return c.ldap.url; }),
      word("ldap.authorities_file", [](C& c) -> std::string& { return c.ldap.authorities_file; }),
      word("ldap.user", [](C& c) -> std::string& { return c.ldap.user; }),
      word("ldap.search_base", [](C& c) -> std::string& { return c.ldap.search_base; }),
      word("ldap.user_filter", [](C& c) -> std::string& { return c.ldap.user_filter; }),
      word("ldap.name_attribute", [](C& c) -> std::string& { return c.ldap.name_attribute; }),
      word("ldap.service", [](C& c) -> std::string& { return c.ldap.service; }),
      word("ldap.service_password", [](C& c) -> std::string& { return c.ldap.service_password; }),
      word("ldap.group_base", [](C& c) -> std::string& { return c.ldap.group_base; }),
      word("ldap.group_filter", [](C& c) -> std::string& { return c.ldap.group_filter; }),
      word("ldap.group_name", [](C& c) -> std::string& { return c.ldap.group_name; }),
      word("ldap.member_of", [](C& c) -> std::string& { return c.ldap.member_of; }),
      words("ldap.role_names", [](C& c) -> std::string& { return c.ldap.role_names; }),
      word("ldap.bindings", [](C& c) -> std::string& { return c.ldap.bindings; }),
      yes_or_no("ldap.start_tls", [](C& c) -> bool& { return c.ldap.start_tls; }),
      yes_or_no("ldap.allow_plain", [](C& c) -> bool& { return c.ldap.plain; }),
      yes_or_no("ldap.allow_http", [](C& c) -> bool& { return c.ldap.plain_http; }),
      number<int>(
          "ldap.seconds", [](C& c) -> int& { return c.ldap.seconds; }, 1, 60),
      number<int>(
          "ldap.remember_seconds", [](C& c) -> int& { return c.ldap.remember_seconds; }, 0, 3600),
      number<int>(
          "ldap.failures_a_minute", [](C& c) -> int& { return c.ldap.failures_a_minute; }, 1, 1000),
      word("webhooks.key", [](C& c) -> std::string& { return c.webhook_key; }),
      words("webhooks.allowed_hosts", [](C& c) -> std::string& { return c.webhook_hosts; }),
      yes_or_no("webhooks.allow_http", [](C& c) -> bool& { return c.webhook_plain; }),
      word("webhooks.authorities_file", [](C& c) -> std::string& { return c.webhook_authorities; }),
      number<int>(
          "webhooks.seconds", [](C& c) -> int& { return c.webhook_seconds; }, 1, 300),
      number<int>(
          "webhooks.retry_ms", [](C& c) -> int& { return c.webhook_retry_ms; }, 10, 3'600'000),
      number<int>(
          "history.keep_months", [](C& c) -> int& { return c.keep_months; }, 0, 1200),
      number<double>(
          "limits.requests_per_second", [](C& c) -> double& { return c.requests_per_second; }, 0.1, 1e6),
      number<double>(
          "limits.burst", [](C& c) -> double& { return c.burst; }, 1, 1e6),
      number<int>(
          "limits.streams", [](C& c) -> int& { return c.streams_max; }, 0, 1e6),
      number<int>(
          "limits.streams_of_client", [](C& c) -> int& { return c.streams_of_client; }, 0, 1e6),
      word("log.level", [](C& c) -> std::string& { return c.log_level; }),
  };
  return all;
}

const Setting* find_setting(const std::string& name) {
  const auto found = std::ranges::find(settings(), name, &Setting::name);
  return found == settings().end() ? nullptr : &*found;
}

/// What is wrong; empty: nothing.
std::string set(ServeConfig& config, const std::string& name, const std::string& value, const std::string& where) {
  const Setting* found = find_setting(name);
  if (found == nullptr) {
    std::vector<std::string> names;
    for (const auto& setting : settings()) names.push_back(setting.name);
    return fmt::format("{}: there is no setting `{}`; {}", where, name, import::suggest(name, names));
  }
  const std::string wrong = found->set(config, value);
  return wrong.empty() ? "" : fmt::format("{}: `{}` {}", where, name, wrong);
}

/// ["a", "b"] as the other roads write it; the error ends a sentence that begins with the setting's name.
std::expected<std::string, std::string> list_text(const toml::array& array) {
  std::string text;
  for (const auto& part : array) {
    const auto* word = part.as_string();
    if (word == nullptr || word->get().find(',') != std::string::npos) return std::unexpected("must be a list of texts without commas");
    text += (text.empty() ? "" : ",") + word->get();
  }
  return text;
}

/// A value of the file as the other roads write it. What cannot be one is refused: taken for nothing, it would be a setting that was asked for and is not
/// there.
std::expected<std::string, std::string> text_of(const toml::node& node, bool list) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* integer = node.as_integer()) return fmt::format("{}", integer->get());
  if (const auto* figure = node.as_floating_point()) return fmt::format("{}", figure->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* array = node.as_array()) return list ? list_text(*array) : std::unexpected("must be one value, not a list");
  if (node.is_table()) return std::unexpected("must be one value, not a section of its own");
  return std::unexpected("must be a text: write the date in quotes");
}

std::string read_file(ServeConfig& config, const std::string& file) {
  toml::table table;
  try {
    table = toml::parse_file(file);
  } catch (const toml::parse_error& error) {
    return fmt::format("{}:{}: {}", file, error.source().begin.line, error.description());
  }
  for (const auto& [section, part] : table) {
    const auto* values = part.as_table();
    if (values == nullptr) return fmt::format("{}: `{}` must stand in a section, e.g. [server]", file, std::string(section.str()));
    for (const auto& [key, value] : *values) {
      const std::string name = fmt::format("{}.{}", std::string(section.str()), std::string(key.str()));
      const Setting* setting = find_setting(name);
      const auto text = text_of(value, setting != nullptr && setting->list);
      if (setting != nullptr && !text) return fmt::format("{}:{}: `{}` {}", file, value.source().begin.line, name, text.error());
      const std::string wrong = set(config, name, text.value_or(""), file);
      if (!wrong.empty()) return wrong;
    }
  }
  return "";
}

std::string variable_of(const std::string& name) {
  std::string variable = "DUNLIN_";
  for (const char c : name) variable += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return variable;
}

}  // namespace

namespace {

std::string read_environment(ServeConfig& config) {
  // These two every command reads; the settings of the server have a variable each beside them.
  config.store = with_environment(config.store);
  if (const char* stdlib = std::getenv("DUNLIN_STDLIB"); stdlib != nullptr && *stdlib != '\0') config.stdlib = stdlib;
  for (const auto& setting : settings()) {
    const std::string variable = variable_of(setting.name);
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr) continue;
    if (std::string wrong = set(config, setting.name, value, "environment variable " + variable); !wrong.empty()) return wrong;
  }
  return "";
}

std::string read_flags(ServeConfig& config, const std::vector<std::string>& flags) {
  for (const std::string& flag : flags) {
    const size_t equals = flag.find('=');
    if (equals == std::string::npos) return fmt::format("--set {}: write it as section.name=value", flag);
    if (std::string wrong = set(config, flag.substr(0, equals), flag.substr(equals + 1), "--set"); !wrong.empty()) return wrong;
  }
  return "";
}

/// Reads a stronger source over what the weaker ones said. Which database is one thing that has two names: whoever says either has said it, and what a weaker
/// source said under the other name does not stand beside it.
template <class Read>
std::string read_over(ServeConfig& config, Read read) {
  const StoreOptions weaker = std::exchange(config.store, {});
  std::string wrong = read();
  if (config.store.database.empty() && config.store.data.empty()) config.store = weaker;
  return wrong;
}

}  // namespace

std::expected<ServeConfig, std::string> load_config(const ConfigSources& sources) {
  ServeConfig config;
  std::string wrong = sources.file.empty() ? "" : read_file(config, sources.file);
  if (wrong.empty()) wrong = read_over(config, [&] { return read_environment(config); });
  if (wrong.empty()) wrong = read_over(config, [&] { return read_flags(config, sources.flags); });
  if (wrong.empty() && config.http.certificate_file.empty() != config.http.key_file.empty())
    wrong = "server.certificate_file and server.key_file belong together";
  static const std::vector<std::string> levels{"debug", "info", "warn", "error"};
  if (wrong.empty() && std::ranges::find(levels, config.log_level) == levels.end())
    wrong = fmt::format("log.level is debug, info, warn or error, not `{}`", config.log_level);
  if (wrong.empty() && !config.webhook_key.empty() && config.webhook_key.size() < 32) wrong = "webhooks.key must have 32 characters at least";
  if (wrong.empty()) wrong = wrong_oidc(config.oidc);
  if (wrong.empty()) wrong = wrong_ldap(config.ldap);
  if (wrong.empty() && !config.ldap.url.empty() && !config.ldap.plain_http && config.http.certificate_file.empty() &&
      !config.http.address.starts_with("127.") && config.http.address != "::1")
    wrong = "passwords would come to this server in the clear: set server.certificate_file, or ldap.allow_http where something in front of it has TLS";
  if (!wrong.empty()) return std::unexpected(wrong);
  return config;
}

std::string config_text(const ServeConfig& config) {
  std::string text;
  for (const auto& setting : settings()) {
    std::string value = setting.get(config);
    if ((setting.name == "database.url" || setting.name == "webhooks.key" || setting.name == "ldap.service_password") && !value.empty())
      value = "(given)";  // a secret, or it may hold one
    text += fmt::format("{} = {}\n", setting.name, value);
  }
  return text;
}

}  // namespace dunlin::server
