#include "runtime/store/embedded.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "runtime/store/embedded_keeper.h"

namespace dunlin::store {

namespace fs = std::filesystem;

namespace {

constexpr int64_t free_bytes_min = 200LL << 20;
constexpr int start_seconds_max = 120;

std::unexpected<StoreError> environment(std::string message) { return std::unexpected(StoreError{StoreError::Kind::environment, std::move(message)}); }

/// A file descriptor that closes itself. Locks taken on it go with it.
class File {
 public:
  File() = default;
  explicit File(int number) : number_(number) {}
  File(File&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~File() {
    if (number_ >= 0) close(number_);
  }
  int number() const { return number_; }
  int release() { return std::exchange(number_, -1); }
  bool good() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

bool lock(int file, int operation) {
  while (flock(file, operation) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

Result<ServerUser> server_user() {
  if (geteuid() != 0) {
    const passwd* self = getpwuid(geteuid());
    return ServerUser{geteuid(), getegid(), false, self ? self->pw_name : "the current user"};
  }
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* found = getpwnam(name)) return ServerUser{found->pw_uid, found->pw_gid, true, found->pw_name};
  }
  return environment(
      "PostgreSQL does not run as root, and there is no user `postgres` to run it as; run dunlin as an ordinary user, or give a server with --database URL");
}

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

int major_of_folder(const fs::path& binaries) {
  // /usr/lib/postgresql/15/bin; elsewhere ask the binary
  const std::string name = binaries.parent_path().filename().string();
  if (!name.empty() && std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) return std::stoi(name);
  const std::string command = fmt::format("'{}' --version 2>/dev/null", (binaries / "postgres").string());
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return 0;
  char line[200] = {};
  const size_t read = fread(line, 1, sizeof line - 1, pipe);
  pclose(pipe);
  const char* digits = std::find_if(line, line + read, [](char c) { return c >= '0' && c <= '9'; });
  return std::atoi(digits);
}

bool has_server(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "postgres", ignored) && fs::exists(folder / "initdb", ignored);
}

fs::path folder_of_pg_config() {
  FILE* pipe = popen("pg_config --bindir 2>/dev/null", "r");
  if (pipe == nullptr) return {};
  char line[1000] = {};
  const bool read = fgets(line, sizeof line, pipe) != nullptr;
  pclose(pipe);
  std::string text = read ? line : "";
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

/// The last lines of the server's log that say what went wrong.
std::string last_words(const fs::path& log) {
  std::ifstream file(log);
  std::string line, found;
  while (std::getline(file, line)) {
    for (const char* word : {"FATAL:", "PANIC:", "error:", "No space left"}) {
      const size_t at = line.find(word);
      if (at != std::string::npos) found = line.substr(at);
    }
  }
  return found;
}

std::string why_it_failed(const fs::path& log, const fs::path& folder) {
  const std::string words = last_words(log);
  if (words.find("No space left") != std::string::npos) return fmt::format("the disk of {} is full; free some space and try again", folder.string());
  if (words.empty()) return fmt::format("see {}", log.string());
  return fmt::format("the server said `{}`; its log is {}", words, log.string());
}

/// Short (a socket's path holds 107 bytes), private, and the same for every process that names this data folder.
Result<fs::path> socket_folder(const fs::path& folder, const ServerUser& user) {
  uint64_t hash = 1469598103934665603ULL;
  for (const char c : folder.string()) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  fs::path base = "/tmp";
  if (!user.change && runtime != nullptr && std::strlen(runtime) < 60 && access(runtime, W_OK | X_OK) == 0) base = runtime;
  const fs::path path = base / fmt::format("dunlin-{}-{:016x}", user.uid, hash);
  if (mkdir(path.c_str(), 0700) == 0) {
    if (user.change && chown(path.c_str(), user.uid, user.gid) != 0) return environment(fmt::format("cannot give {} to {}", path.string(), user.name));
  } else if (errno != EEXIST) {
    return environment(fmt::format("cannot make the folder {} for the server's socket: {}", path.string(), std::strerror(errno)));
  }
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0 || !S_ISDIR(found.st_mode) || found.st_uid != user.uid || (found.st_mode & 077) != 0) {
    return environment(fmt::format("{} should be a private folder of {}, but it is not; remove it and try again", path.string(), user.name));
  }
  return path;
}

Result<void> make_folder(const fs::path& folder, const ServerUser& user) {
  std::error_code error;
  const bool existed = fs::exists(folder, error);
  fs::create_directories(folder, error);
  if (error) return environment(fmt::format("cannot make the data folder {}: {}", folder.string(), error.message()));
  if (!existed && user.change && chown(folder.c_str(), user.uid, user.gid) != 0) {
    return environment(fmt::format("cannot give the data folder {} to {}: {}", folder.string(), user.name, std::strerror(errno)));
  }
  if (!existed) fs::permissions(folder, fs::perms::owner_all, error);
  if (!may_use_folder(user, folder.string())) {
    // An empty folder that root has made for us is fine: give it away.
    if (user.change && fs::is_empty(folder, error) && chown(folder.c_str(), user.uid, user.gid) == 0 && may_use_folder(user, folder.string())) return {};
    return environment(
        fmt::format("the data folder {} cannot be entered and written by {}, as whom the server runs; choose another folder, for example below {}",
                    folder.string(), user.name, user.change ? "/var/lib/dunlin" : "your home"));
  }
  return {};
}

Result<File> lock_file(const fs::path& path, const ServerUser& user) {
  File file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.good()) return environment(fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
  if (user.change && fchown(file.number(), user.uid, user.gid) != 0) return environment(fmt::format("cannot give {} to {}", path.string(), user.name));
  return file;
}

Result<void> check_space(const fs::path& folder) {
  struct statvfs space {};
  if (statvfs(folder.c_str(), &space) != 0) return {};
  const int64_t free_bytes = static_cast<int64_t>(space.f_bavail) * static_cast<int64_t>(space.f_frsize);
  if (free_bytes >= free_bytes_min) return {};
  return environment(
      fmt::format("the disk of {} has {} MB free; the database needs at least {} MB to start", folder.string(), free_bytes >> 20, free_bytes_min >> 20));
}

/// Binaries for this folder: of the version that made the data, or the newest for a new folder.
Result<fs::path> binaries_for(const fs::path& data) {
  const std::string version = first_line(data / "PG_VERSION");
  const int major = version.empty() ? 0 : std::atoi(version.c_str());
  const fs::path binaries = find_server_binaries(major);
  if (!binaries.empty()) return binaries;
  if (major != 0 && !find_server_binaries().empty()) {
    return environment(fmt::format("the data in {} was made by PostgreSQL {}, which is not installed; install postgresql-{} or move the data with pg_upgrade",
                                   data.string(), major, major));
  }
  return environment("no PostgreSQL server is installed; install it (on Debian: apt install postgresql-15), or give a running one with --database URL");
}

Result<void> make_data(const fs::path& folder, const fs::path& binaries, const ServerUser& user, int log) {
  const fs::path data = folder / "data", fresh = folder / "data.new";
  std::error_code error;
  if (fs::exists(data / "PG_VERSION", error)) return {};
  if (auto space = check_space(folder); !space) return space;
  fs::remove_all(fresh, error);  // what an interrupted start left
  const std::vector<std::string> command = {
      (binaries / "initdb").string(), "-D", fresh.string(), "-A", "trust", "-U", "dunlin", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"};
  const int status = run_as(user, command, log);
  if (status != 0) {
    fs::remove_all(fresh, error);
    return environment(fmt::format("cannot set up a database in {}: {}", folder.string(), why_it_failed(folder / "server.log", folder)));
  }
  fs::rename(fresh, data, error);
  if (error) return environment(fmt::format("cannot set up a database in {}: {}", folder.string(), error.message()));
  return {};
}

std::vector<std::string> server_command(const fs::path& binaries, const fs::path& folder, const fs::path& socket, bool durable) {
  std::vector<std::string> command = {(binaries / "postgres").string(), "-D", (folder / "data").string()};
  const auto set = [&](std::string setting) {
    command.push_back("-c");
    command.push_back(std::move(setting));
  };
  set("listen_addresses=");
  set("unix_socket_directories=" + socket.string());
  set("unix_socket_permissions=0700");
  set("max_connections=60");
  set("shared_buffers=512MB");
  set("max_wal_size=4GB");
  set("checkpoint_timeout=15min");
  set("wal_compression=lz4");
  set("default_toast_compression=lz4");
  set("jit=off");
  set("timezone=UTC");
  set("log_timezone=UTC");
  set("logging_collector=off");
  set("log_min_messages=warning");
  set("log_min_error_statement=panic");  // personal data stands in statements; keep it out of the log
  if (!durable) {
    set("fsync=off");
    set("synchronous_commit=off");
    set("full_page_writes=off");
  }
  return command;
}

/// Waits until the server answers; gives up when the keeper has gone.
Result<void> wait_until_ready(const std::string& connection, const fs::path& folder) {
  for (int tried = 0; tried < start_seconds_max * 50; ++tried) {
    if (PQping(connection.c_str()) == PQPING_OK) return {};
    if (tried > 5) {
      File keeper(open((folder / "keeper.lock").c_str(), O_RDWR | O_CLOEXEC));
      if (keeper.good() && flock(keeper.number(), LOCK_EX | LOCK_NB) == 0) {
        return environment(fmt::format("the database in {} does not start: {}", folder.string(), why_it_failed(folder / "server.log", folder)));
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return environment(
      fmt::format("the database in {} has not come up within {} seconds; see {}", folder.string(), start_seconds_max, (folder / "server.log").string()));
}

Result<void> make_database(const std::string& server) {
  PGconn* connection = PQconnectdb((server + " dbname=postgres").c_str());
  const auto result_of = [&](const char* sql) {
    PGresult* result = PQexec(connection, sql);
    const ExecStatusType status = PQresultStatus(result);
    const bool good = status == PGRES_COMMAND_OK || (status == PGRES_TUPLES_OK && PQntuples(result) > 0);
    PQclear(result);
    return good;
  };
  const bool good =
      PQstatus(connection) == CONNECTION_OK && (result_of("select 1 from pg_database where datname = 'dunlin'") || result_of("create database dunlin"));
  const std::string why = PQerrorMessage(connection);
  PQfinish(connection);
  if (!good) return environment(fmt::format("cannot make the database `dunlin`: {}", why));
  return {};
}

}  // namespace

fs::path default_data_folder(const std::string& name) {
  if (geteuid() == 0) return fs::path("/var/lib/dunlin") / name;
  const char* data = std::getenv("XDG_DATA_HOME");
  const char* home = std::getenv("HOME");
  if (data != nullptr && *data == '/') return fs::path(data) / "dunlin" / name;
  return fs::path(home != nullptr ? home : "/tmp") / ".local/share/dunlin" / name;
}

fs::path find_server_binaries(int major) {
  std::vector<std::pair<int, fs::path>> found;
  const auto consider = [&](const fs::path& folder) {
    if (!folder.empty() && has_server(folder)) found.emplace_back(major_of_folder(folder), folder);
  };
  if (const char* given = std::getenv("DUNLIN_POSTGRES_BIN")) consider(given);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error)) consider(entry.path() / "bin");
  if (found.empty()) consider(folder_of_pg_config());
  for (const char* folder : {"/usr/pgsql/bin", "/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"}) {
    if (found.empty()) consider(folder);
  }
  std::erase_if(found, [&](const auto& entry) { return major != 0 && entry.first != major; });
  if (found.empty()) return {};
  return std::ranges::max_element(found)->second;
}

bool has_private_database(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / "data" / "PG_VERSION", error) || error;  // what may not be looked at is left for the start to complain of
}

Result<std::unique_ptr<EmbeddedServer>> EmbeddedServer::start(const EmbeddedOptions& options) {
  std::error_code error;
  const fs::path folder = fs::absolute(options.folder, error).lexically_normal();
  const auto user = server_user();
  if (!user) return std::unexpected(user.error());
  if (auto made = make_folder(folder, *user); !made) return std::unexpected(made.error());
  const auto socket = socket_folder(folder, *user);
  if (!socket) return std::unexpected(socket.error());

  auto users = lock_file(folder / "users.lock", *user), starters = lock_file(folder / "start.lock", *user);
  if (!users) return std::unexpected(users.error());
  if (!starters) return std::unexpected(starters.error());
  // Waits here while a keeper is stopping the server: it holds this lock alone until the server has gone.
  if (!lock(users->number(), LOCK_SH) || !lock(starters->number(), LOCK_EX)) return environment(fmt::format("cannot lock {}", folder.string()));

  const std::string server = fmt::format("host={} port=5432 user=dunlin", socket->string());
  auto keeper = lock_file(folder / "keeper.lock", *user);
  if (!keeper) return std::unexpected(keeper.error());
  if (flock(keeper->number(), LOCK_EX | LOCK_NB) == 0) {
    const auto binaries = binaries_for(folder / "data");
    if (!binaries) return std::unexpected(binaries.error());
    if (auto space = check_space(folder); !space) return std::unexpected(space.error());
    File log(open((folder / "server.log").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
    if (!log.good()) return environment(fmt::format("cannot write {}: {}", (folder / "server.log").string(), std::strerror(errno)));
    if (auto made = make_data(folder, *binaries, *user, log.number()); !made) return std::unexpected(made.error());
    File keepers_users(open((folder / "users.lock").c_str(), O_RDWR | O_CLOEXEC));
    const KeeperPlan plan{*user,       server_command(*binaries, folder, *socket, options.durable), folder.string(), keepers_users.number(), keeper->number(),
                          log.number()};
    if (!start_keeper(plan)) return environment("cannot start the database: no process can be made");
  }
  *keeper = File();  // the keeper's copy holds the lock from here on
  if (auto ready = wait_until_ready(server + " dbname=postgres", folder); !ready) return std::unexpected(ready.error());
  if (auto made = make_database(server); !made) return std::unexpected(made.error());

  auto running = std::unique_ptr<EmbeddedServer>(new EmbeddedServer());
  running->folder_ = folder;
  running->connection_ = server + " dbname=dunlin";
  running->users_lock_ = users->release();
  return running;
}

EmbeddedServer::~EmbeddedServer() {
  close(users_lock_);
  const File users(open((folder_ / "users.lock").c_str(), O_RDWR | O_CLOEXEC)), keeper(open((folder_ / "keeper.lock").c_str(), O_RDWR | O_CLOEXEC));
  if (!users.good() || !keeper.good()) return;
  for (int tried = 0; tried < 6000; ++tried) {
    if (flock(keeper.number(), LOCK_EX | LOCK_NB) == 0) return;  // stopped
    const bool alone = flock(users.number(), LOCK_EX | LOCK_NB) == 0;
    const bool used = !alone && flock(users.number(), LOCK_SH | LOCK_NB) == 0;
    flock(users.number(), LOCK_UN);
    if (used) return;  // others need it
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace dunlin::store
