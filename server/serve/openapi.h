// /openapi.json: made of the table of routes, and of what answers.h says of their answers.
#pragma once

#include "server/serve/api.h"

namespace dunlin::server {

Json openapi_document(const std::vector<Route>& routes);

}  // namespace dunlin::server
