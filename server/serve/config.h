// Settings of the server. Each has one name and three roads: a TOML file, the environment (DUNLIN_SERVER_PORT), --set server.port=…; the later is stronger.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "server/http/http_server.h"
#include "server/open_store.h"
#include "server/serve/ldap.h"
#include "server/serve/oidc.h"

namespace dunlin::server {

struct ServeConfig {
  http::ServerOptions http;
  StoreOptions store;
  OidcOptions oidc;
  LdapOptions ldap;
  std::string stdlib, clock;
  std::string log_level = "info";
  int step_threads = 1;
  int poll_ms = 1000;
  std::string node;  // empty: host and port
  int lease_seconds = 10;
  bool second_person = false;  // a version becomes active only when somebody else agrees
  std::string watch;           // a folder with a bundle; empty: none
  bool watch_apply = false;    // a good bundle in it is made active
  int plan_seconds = 300;      // a plan over HTTP; afterwards it is stopped
  int tables_seconds = 60;     // between two pulls of the bank's tables; 0: never
  int database_connections = 8;
  int statement_seconds = 30;
  int drain_seconds = 30;
  int keep_months = 0;        // of history; 0: all of it
  std::string webhook_key;    // secrets of webhooks are made of it; empty: no webhooks
  std::string webhook_hosts;  // where they may go: "dialler.example,10.1.2.3:8080"
  std::string webhook_authorities;
  bool webhook_plain = false;        // http:// too
  int webhook_seconds = 10;          // one try
  int webhook_retry_ms = 5000;       // pause after the first failure; doubles
  double requests_per_second = 200;  // of one client
  double burst = 400;
  int streams_max = 1000;
  int streams_of_client = 20;
};

struct ConfigSources {
  std::string file;                // empty: none
  std::vector<std::string> flags;  // "server.port=8080"
};

/// The error is one sentence that names the setting and where it stands.
std::expected<ServeConfig, std::string> load_config(const ConfigSources& sources);
/// "server.port = 8460" for every setting, secrets left out.
std::string config_text(const ServeConfig& config);

}  // namespace dunlin::server
