#include "runtime/store/address.h"

namespace dunlin::store {

Result<Address> address_of(const PostgresOptions& options) {
  if (!options.url.empty()) return Address{nullptr, options.url};
  auto started = EmbeddedServer::start({.folder = options.folder.empty() ? default_data_folder("main") : options.folder, .durable = options.durable});
  if (!started) return std::unexpected(started.error());
  std::string url = (*started)->connection();
  return Address{std::move(*started), std::move(url)};
}

}  // namespace dunlin::store
