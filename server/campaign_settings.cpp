#include "server/campaign_settings.h"

#include <fmt/format.h>

#include <regex>

#include "lang/sema/feeds.h"
#include "server/import/near_match.h"

namespace dunlin::server {

namespace {

constexpr int32_t day_s = 86'400;

/// "09:00" as the second of the day; -1: it is no time.
int32_t second_of(const std::string& text) {
  static const std::regex shape("([01]?[0-9]|2[0-4]):([0-5][0-9])");
  std::smatch parts;
  if (!std::regex_match(text, parts, shape)) return -1;
  const int32_t second = std::stoi(parts[1]) * 3600 + std::stoi(parts[2]) * 60;
  return second > day_s ? -1 : second;
}

}  // namespace

std::optional<std::pair<int32_t, int32_t>> hours_of_day(const std::string& text) {
  if (text.empty()) return std::pair(0, day_s);
  const size_t dash = text.find('-');
  if (dash == std::string::npos || text.size() > 16) return std::nullopt;
  const int32_t from = second_of(text.substr(0, dash)), to = second_of(text.substr(dash + 1));
  if (from < 0 || to <= from) return std::nullopt;
  return std::pair(from, to);
}

std::optional<Misfit> campaign_misfit(const checked::Program& program, const std::string& name, const std::vector<std::string>& head, std::string& entity) {
  const auto queue = checked::find_queue(program, name);
  if (queue == checked::none) {
    std::vector<std::string> names;
    for (const auto& one : program.queues) names.push_back(one.name);
    return Misfit{fmt::format("there is no queue `{}`", name), import::suggest(name, names)};
  }
  for (const auto& field : program.queues[queue].fields) {
    if (field.type.optional) continue;
    return Misfit{fmt::format("tasks of `{}` need the field `{}`, which a campaign does not fill", name, field.name), "make the field optional in the bundle"};
  }
  if (entity.empty()) {
    entity = checked::campaign_entity(program, head);
    if (entity.empty()) {
      return Misfit{"the list does not say whose keys it has",
                    "the strategies are about several entities: name the column after the one that is meant, or say --entity (`entity` over HTTP)"};
    }
  } else if (checked::find_entity(program, entity) == checked::none) {
    return Misfit{fmt::format("there is no entity `{}`", entity), ""};
  }
  return std::nullopt;
}

}  // namespace dunlin::server
