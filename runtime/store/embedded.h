// A private PostgreSQL server, started from the installed binaries in a folder of its own. It listens on a Unix socket only, runs as an
// unprivileged user when root starts it, is shared by all Dunlin processes that name the same folder, and stops when the last of them has gone,
// however it went: a small keeper process waits for the lock that all of them hold.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "runtime/store/store.h"

namespace dunlin::store {

struct EmbeddedOptions {
  /// Created if it is missing. Holds the data, the server's log and the locks.
  std::filesystem::path folder;
  /// False only for tests and benchmarks of other things: a power cut may lose data then.
  bool durable = true;
};

/// ~/.local/share/dunlin/<name>; /var/lib/dunlin/<name> for root, whose home the server's user cannot enter.
std::filesystem::path default_data_folder(const std::string& name);
/// Whether a private database has been made in this folder; nothing is started or made.
bool has_private_database(const std::filesystem::path& folder);

/// Folder of the newest installed server binaries that can run data of `major` (0: any); empty if there are none.
std::filesystem::path find_server_binaries(int major = 0);

class EmbeddedServer {
 public:
  /// Starts the server of this folder or joins it. Errors are of kind environment and say what to do.
  static Result<std::unique_ptr<EmbeddedServer>> start(const EmbeddedOptions& options);
  /// Stops the server unless another process uses it; waits until it has stopped.
  ~EmbeddedServer();
  EmbeddedServer(const EmbeddedServer&) = delete;
  EmbeddedServer& operator=(const EmbeddedServer&) = delete;

  /// For libpq: "host=… port=… user=… dbname=…".
  const std::string& connection() const { return connection_; }

 private:
  EmbeddedServer() = default;
  std::filesystem::path folder_;
  std::string connection_;
  int users_lock_ = -1;
};

}  // namespace dunlin::store
