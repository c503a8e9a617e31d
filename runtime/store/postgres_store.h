// The PostgreSQL store: schema `dunlin` for the engine, schema `portfolio` for the tables of a program's entities.
// Every SQL statement of the engine stands in this folder and in runtime/migrations.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "runtime/store/store.h"

namespace dunlin::store {

struct PostgresOptions {
  /// postgresql://… or key=value words. Empty: the private server of `folder` is started, or joined where it runs already.
  std::string url;
  /// Data folder of the private server. Empty: default_data_folder("main").
  std::filesystem::path folder;
  /// False only for tests and benchmarks of the private server: a power cut may lose data then.
  bool durable = true;
  /// So many case files to be stepped, 24 bytes each, are listed in one look at the table; where there are more, they are counted by buckets first, and listed
  /// or read stretch by stretch. Each of that is another look at the table: a quiet night of a large portfolio should fit into one list.
  int64_t listed_max = 250'000;
  /// Shown in pg_stat_activity.
  std::string application_name = "dunlin";
};

/// Why an address of a database cannot be one, or nothing: only its writing is looked at.
std::optional<std::string> wrong_address(const std::string& url);

/// Connects (and starts the private server if no URL is given). The server lives at least as long as the store. One store a thread, but a load and a commit may
/// overlap. Call migrate() and prepare() before anything else.
Result<std::unique_ptr<Store>> open_postgres(const PostgresOptions& options);

}  // namespace dunlin::store
