#include "server/desk_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/plan/proposal.h"

namespace dunlin::server {

using Json = nlohmann::ordered_json;

std::optional<std::string> doer_or_login(const std::string& who) {
  if (!who.empty()) return who;
  return user_name();
}

int show_rows(const CommonOptions& common, const store::Result<std::string>& answer, const std::vector<std::string>& columns, const std::string& otherwise) {
  if (!answer) return fail(common, answer.error());
  const Json rows = Json::parse(*answer);
  if (!common.json && columns.empty()) return fmt::print("{}\n", otherwise), 0;
  std::vector<std::pair<std::string, std::string>> titled;
  for (const std::string& column : columns) {
    titled.emplace_back(column, column);
    std::ranges::replace(titled.back().second, '_', ' ');
  }
  show_rows(common, rows, titled, otherwise);
  return 0;
}

}  // namespace dunlin::server
