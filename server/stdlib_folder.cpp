#include "server/stdlib_folder.h"

#include <cstdlib>

namespace dunlin::server {
namespace {

namespace fs = std::filesystem;

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

}  // namespace

fs::path shipped_folder(const std::string& name) {
  std::error_code error;
  fs::path executable = fs::read_symlink("/proc/self/exe", error);
  if (error) return {};
  fs::path beside = executable.parent_path().parent_path() / "share" / "dunlin" / name;
  return is_folder(beside) ? beside : fs::path();
}

std::expected<fs::path, std::string> find_stdlib(const std::string& given) {
  if (!given.empty()) {
    if (is_folder(given)) return fs::path(given);
    return std::unexpected("there is no folder `" + given + "` (--stdlib)");
  }
  if (const char* variable = std::getenv("DUNLIN_STDLIB"); variable && *variable) {
    if (is_folder(variable)) return fs::path(variable);
    return std::unexpected(std::string("there is no folder `") + variable + "` (DUNLIN_STDLIB)");
  }
  if (auto shipped = shipped_folder("stdlib"); !shipped.empty()) return shipped;
  if (is_folder(DUNLIN_STDLIB_SOURCE)) return fs::path(DUNLIN_STDLIB_SOURCE);
  return std::unexpected("the standard library is not found; name its folder with --stdlib or DUNLIN_STDLIB");
}

}  // namespace dunlin::server
