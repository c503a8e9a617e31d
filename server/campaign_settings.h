// What a campaign from a list asks of the active version, for the command line and the API.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lang/sema/checked.h"

namespace dunlin::server {

/// "09:00-12:00" as seconds of the day, the end left out; the whole day where nothing is written. Nothing: these are no hours.
std::optional<std::pair<int32_t, int32_t>> hours_of_day(const std::string& text);

struct Misfit {
  std::string message, help;
};
/// Why a campaign cannot make tasks of this queue; nothing: it can. An empty `entity` becomes what the list's columns (`head`) name, else what the strategies
/// are for.
std::optional<Misfit> campaign_misfit(const checked::Program& program, const std::string& queue, const std::vector<std::string>& head, std::string& entity);

}  // namespace dunlin::server
