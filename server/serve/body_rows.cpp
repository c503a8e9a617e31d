#include "server/serve/body_rows.h"

#include <fmt/format.h>

#include <algorithm>

namespace dunlin::server {

namespace {

constexpr const char* leave_out = "leave the character out: \\u0000 cannot be kept in the database";

bool has_nul_in(const std::string& text) { return text.find('\0') != std::string::npos; }

/// An answer about a row that was not sent.
Json refusal(const Json& row, const char* named) {
  Json answer = Json::object();
  if (*named != '\0') answer[named] = row.is_object() && row.contains(named) && !has_nul(row[named]) ? row[named] : Json();
  answer["result"] = "refused";
  answer["code"] = "DU022";
  answer["message"] = "a text of this row has a NUL character";
  answer["hint"] = leave_out;
  return answer;
}

}  // namespace

bool has_nul(const Json& value) {
  if (value.is_string()) return has_nul_in(value.get_ref<const std::string&>());
  if (value.is_array()) return std::any_of(value.begin(), value.end(), [](const Json& part) { return has_nul(part); });
  if (!value.is_object()) return false;
  for (const auto& [name, part] : value.items()) {
    if (has_nul_in(name) || has_nul(part)) return true;
  }
  return false;
}

void refuse_nul(const Json& body, const std::string& by_rows) {
  for (const auto& [name, value] : body.items()) {
    if (name == by_rows && value.is_array()) continue;
    if (!has_nul(value)) continue;
    const auto row = std::find_if(value.begin(), value.end(), [](const Json& part) { return has_nul(part); });
    const std::string where = value.is_array() ? fmt::format("row {} of `{}`", row - value.begin() + 1, name) : fmt::format("`{}`", name);
    throw Problem{422, where + " has a text with a NUL character", leave_out, "DU022"};
  }
}

std::string rows_judged_alone(const Route& route) {
  static const std::map<std::string, std::string> known{{"POST /v1/events/batch", "events"},
                                                        {"POST /v1/tasks/complete", "results"},
                                                        {"POST /v1/queues/{queue}/statuses", "statuses"},
                                                        {"POST /v1/queues/{queue}/register/withdrawals", "withdrawals"},
                                                        {"POST /v1/workers", "workers"}};
  const auto found = known.find(route.method + " " + route.pattern);
  return found == known.end() ? "" : found->second;
}

Json judged_rows(const Json& rows, const char* named, const std::function<Json(const Json&)>& send) {
  Json good = Json::array();
  for (const Json& row : rows) {
    if (!has_nul(row)) good.push_back(row);
  }
  if (good.size() == rows.size()) return send(rows);
  const Json answers = send(good);
  Json all = Json::array();
  size_t next = 0;
  for (const Json& row : rows) {
    Json answer = has_nul(row) ? refusal(row, named) : answers.at(next++);
    // Places count all rows.
    if (std::string_view(named) == "nth" || answer.contains("nth")) answer["nth"] = all.size() + 1;
    all.push_back(std::move(answer));
  }
  return all;
}

}  // namespace dunlin::server
