#include "server/open_service.h"

namespace dunlin::server {

std::unique_ptr<store::Service> open_service_or_exit(const StoreOptions& given, const CommonOptions& common, int& exit, Patient patient) {
  const auto store = open_store_or_exit(given, common, exit);
  if (!store) return nullptr;
  const StoreOptions options = with_environment(given);
  store::PostgresOptions where;
  where.url = options.database;
  where.folder = options.data;
  auto service = store::Service::open(where, 1, patient == Patient::yes ? 0 : 60'000);
  if (service) return std::move(*service);
  exit = fail(common, service.error());
  return nullptr;
}

Exit exit_of(const NotDone& error) { return error.kind == NotDone::Kind::environment ? Exit::environment : Exit::input; }

}  // namespace dunlin::server
