// Whether a server could be started with these options, without starting it.
#pragma once

#include <string>

namespace dunlin::server::http {

struct ServerOptions;

/// Why not, in one sentence that names the setting: an address that is none, a certificate or key that cannot be used. Empty: nothing is wrong. Listens
/// nowhere.
std::string wrong_options(const ServerOptions& options);

}  // namespace dunlin::server::http
