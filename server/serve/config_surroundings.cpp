#include "server/serve/config_surroundings.h"

#include <fmt/format.h>

#include <fstream>
#include <system_error>

#include "runtime/store/postgres_store.h"
#include "server/http/wrong_options.h"
#include "server/serve/config.h"
#include "server/stdlib_folder.h"

namespace dunlin::server {

namespace {

bool can_be_read(const std::string& file) {
  std::error_code error;
  return std::filesystem::is_regular_file(file, error) && std::ifstream(file).good();
}

}  // namespace

std::string wrong_surroundings(const ServeConfig& config) {
  if (std::string wrong = http::wrong_options(config.http); !wrong.empty()) return wrong;
  const std::pair<const char*, const std::string*> files[] = {{"oidc.authorities_file", &config.oidc.authorities_file},
                                                              {"ldap.authorities_file", &config.ldap.authorities_file},
                                                              {"webhooks.authorities_file", &config.webhook_authorities}};
  for (const auto& [name, file] : files) {
    if (!file->empty() && !can_be_read(*file)) return fmt::format("{}: there is no file `{}` that can be read", name, *file);
  }
  if (auto stdlib = find_stdlib(config.stdlib); !stdlib) return "engine.stdlib: " + stdlib.error();
  std::error_code error;
  if (!config.watch.empty() && !std::filesystem::is_directory(config.watch, error)) return fmt::format("bundles.watch: there is no folder `{}`", config.watch);
  if (!config.store.database.empty()) {
    if (const auto wrong = store::wrong_address(config.store.database)) return "database.url: this is no address of a database: " + *wrong;
  }
  return "";
}

}  // namespace dunlin::server
