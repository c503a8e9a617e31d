// Events from a list, tried line by line: what would become of them, in figures and examples; refused lines with their column and reason.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "server/import/row_source.h"

namespace dunlin::server {

/// `tried`: the answer of Ask::bulk_try; `lines`: the line of each in its list; `refused` is told of every refused one with its place in the list.
/// Returns lines, results, events and witness; the events that are not refused go to `events`.
nlohmann::ordered_json bulk_plan(const nlohmann::ordered_json& tried, const std::vector<int64_t>& lines, nlohmann::ordered_json& events,
                                 const std::function<void(size_t place, import::Rejection rejection)>& refused);

}  // namespace dunlin::server
