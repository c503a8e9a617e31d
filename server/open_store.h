// The database a command works on: yours (--database or DUNLIN_DATABASE), or a private one in a folder (--data or DUNLIN_DATA).
#pragma once

#include <memory>
#include <string>

#include "server/common_options.h"

namespace CLI {
class App;
}

namespace dunlin::server {

struct StoreOptions {
  std::string database;  // postgresql://… or key=value words
  std::string data;      // folder of the private server
};

void add_store_options(CLI::App& command, StoreOptions& options);
/// What the options and the environment come to, in words: for messages and `doctor`.
std::string store_name(const StoreOptions& options);
/// Fills what was not given from the environment.
StoreOptions with_environment(StoreOptions options);

/// Connects and brings the schema up to date. Null: `exit` is set and all is said.
/// `use`: a command that only looks does not make a private database where there is none: a folder was mistyped, or nothing was imported yet (exit 3).
enum class StoreUse { work, look };
std::unique_ptr<store::Store> open_store_or_exit(const StoreOptions& options, const CommonOptions& common, int& exit, StoreUse use = StoreUse::work);

}  // namespace dunlin::server
