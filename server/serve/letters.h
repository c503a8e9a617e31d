// Letters in what the API answers about tasks.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace dunlin::server {

/// Tasks bear their letters in a form that only the engine and the database read: in rows of tasks a place to read it stands instead,
/// {"template": …, "href": "/v1/tasks/…/letter"}.
void point_to_letters(nlohmann::ordered_json& rows);

}  // namespace dunlin::server
