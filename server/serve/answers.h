// What good answers look like, field by field: the half of /openapi.json that the handlers do not say themselves. The tests of the API compare each answer they
// see with it, both ways.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace dunlin::server {

/// JSON schema of the good answers of "GET /v1/queues" in application/json; null: nobody has described it.
nlohmann::ordered_json answer_schema(const std::string& method, const std::string& pattern);
/// What those refer to: #/components/schemas/….
nlohmann::ordered_json named_schemas();

}  // namespace dunlin::server
