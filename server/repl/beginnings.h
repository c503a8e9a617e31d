// The account that `dunlin repl` begins with: of a database, of a row of a CSV file, an example, or blank.
#pragma once

#include <expected>
#include <string>

#include "runtime/store/store.h"
#include "server/exit_code.h"
#include "server/repl/session.h"

namespace dunlin::server {

struct Beginning {
  std::string key, entity = "account", csv, given, at;
  bool example = false;
  uint64_t seed = 1;
};
struct NoBeginning {
  Exit exit = Exit::input;
  std::string message, help;
};

/// `store` is null where no account of a database is asked for. It must outlive what is returned.
std::expected<CaseSource, NoBeginning> begin_case(const Beginning& beginning, const RunnableBundle& bundle, const import::Zone& zone, store::Store* store);

}  // namespace dunlin::server
