// What answers look like, field by field: the half of /openapi.json that the handlers do not say themselves. The tests of the API compare each answer they see
// with it: nothing in it that is not described, nothing missing that is said to be always there. What none of them has ever seen, answers_test tells.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace dunlin::server {

/// JSON schema of the good answers of "GET /v1/queues" in application/json; null: nobody has described it.
nlohmann::ordered_json answer_schema(const std::string& method, const std::string& pattern);
/// Of the problem (422) that says more here than problems do elsewhere; null: there is none.
nlohmann::ordered_json problem_schema(const std::string& method, const std::string& pattern);
/// Of a shape as it is written in answers.cpp: "{ path: text, text: text }".
nlohmann::ordered_json shape_schema(const std::string& shape);
/// What those refer to: #/components/schemas/….
nlohmann::ordered_json named_schemas();

}  // namespace dunlin::server
