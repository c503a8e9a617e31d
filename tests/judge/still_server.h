// A PostgreSQL server whose clock stands still until somebody sets it: libfaketime reads it from a file at each look.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "runtime/engine/case_file.h"
#include "runtime/store/embedded.h"

namespace dunlin::judge {

class StillServer {
 public:
  /// Null, with a warning that says why, where there is no server or no libfaketime (scripts/packages.txt).
  static std::unique_ptr<StillServer> start();
  ~StillServer();

  /// Address of a database of this server.
  std::string url(const std::string& database) const;
  /// To a second, forward or back; sessions that are there see it at their next look.
  void set_clock(engine::Instant now);

 private:
  StillServer() = default;
  std::filesystem::path folder_;
  std::unique_ptr<store::EmbeddedServer> server_;
};

}  // namespace dunlin::judge
