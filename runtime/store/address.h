// Where a database is: at the address that was given, or on the private server of a folder.
#pragma once

#include "runtime/store/embedded.h"
#include "runtime/store/postgres_store.h"

namespace dunlin::store {

struct Address {
  std::unique_ptr<EmbeddedServer> server;  // null where an address was given; else it must outlive every connection to `url`
  std::string url;                         // for libpq
};

/// Starts or joins the private server where the options name no address. Errors as EmbeddedServer::start().
Result<Address> address_of(const PostgresOptions& options);

}  // namespace dunlin::store
