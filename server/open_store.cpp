#include "server/open_store.h"

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "runtime/store/embedded.h"
#include "runtime/store/postgres_store.h"

namespace dunlin::server {

void add_store_options(CLI::App& command, StoreOptions& options) {
  auto* database = command.add_option("--database", options.database, "PostgreSQL to work on (postgresql://…), or DUNLIN_DATABASE");
  command.add_option("--data", options.data, "Folder of the private database, or DUNLIN_DATA")->excludes(database);
}

StoreOptions with_environment(StoreOptions options) {
  auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  if (!options.database.empty() || !options.data.empty()) return options;
  options.database = variable("DUNLIN_DATABASE");
  if (options.database.empty()) options.data = variable("DUNLIN_DATA");
  return options;
}

std::string store_name(const StoreOptions& given) {
  StoreOptions options = with_environment(given);
  if (!options.database.empty()) return "the database that was named";
  return "the private database in " + (options.data.empty() ? store::default_data_folder("main").string() : options.data);
}

std::unique_ptr<store::Store> open_store_or_exit(const StoreOptions& given, const CommonOptions& common, int& exit, StoreUse use) {
  StoreOptions options = with_environment(given);
  if (!options.database.empty()) {
    if (auto wrong = store::wrong_address(options.database)) {
      exit = fail(common, Exit::usage, "this is no address of a database: " + *wrong, "write postgresql://user@host:5432/name, or host=… dbname=…");
      return nullptr;
    }
  }
  const std::filesystem::path folder = options.data.empty() ? store::default_data_folder("main") : std::filesystem::path(options.data);
  if (use == StoreUse::look && options.database.empty() && !store::has_private_database(folder)) {
    exit =
        fail(common, Exit::environment, "there is no database in " + folder.string(), "dunlin import makes one; --data FOLDER or --database URL name another");
    return nullptr;
  }
  store::PostgresOptions where;
  where.url = options.database;
  where.folder = options.data;
  auto store = store::open_postgres(where);
  if (!store) {
    exit = fail(common, store.error());
    return nullptr;
  }
  if (auto done = (*store)->migrate(); !done) {
    exit = fail(common, done.error());
    return nullptr;
  }
  return std::move(*store);
}

}  // namespace dunlin::server
