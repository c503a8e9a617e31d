#include "server/bulk_plan.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "server/department_desk.h"

namespace dunlin::server {

using Json = nlohmann::ordered_json;

namespace {

/// The column that a refusal speaks of, and the reason in words.
auto rejection_of(const Json& row, int64_t line) -> import::Rejection {
  const std::string code = row["code"].is_string() ? row["code"].get<std::string>() : "", message = row["message"].get<std::string>();
  auto made = import::Rejection{line, "", message, ""};
  if (code.starts_with("22") ||
      (code == "DU022" && message.find("` is no time") != std::string::npos)) {  // the only value that is read before the event is looked at
    made.column = "at";
    made.reason = fmt::format("`{}` is no time", cell_text(row["event"]["at"]));
    return made;
  }
  if (code == "DU030" || code == "DU031") made.column = "event";
  if (code == "DU033") made.column = message.find("whose") != std::string::npos ? "key" : message.find("time") != std::string::npos ? "at" : "id";
  if (const size_t at = message.find("field `"); code == "DU022" && at != std::string::npos) {
    made.column = message.substr(at + 7, message.find('`', at + 7) - at - 7);
  }
  if (row["hint"].is_string() && row["hint"] != "") made.reason += " (" + row["hint"].get<std::string>() + ")";
  return made;
}

}  // namespace

Json bulk_plan(const Json& tried, const std::vector<int64_t>& lines, Json& events, const std::function<void(size_t, import::Rejection)>& refused) {
  std::map<std::string, int64_t> results, kinds;
  Json witness = Json::array();
  for (size_t i = 0; i < tried.size(); ++i) {
    const Json& row = tried[i];
    const std::string result = row["result"];
    ++results[result];
    if (result == "differs") {
      // The id is known, with other content: posting it would change nothing, and whoever made the list has to hear it.
      refused(i, {lines[i], "id",
                  fmt::format("{} `{}` of {} `{}` is known with another time or other values, and stays as it was", cell_text(row["event"]["event"]),
                              cell_text(row["event"]["external_id"]), cell_text(row["event"]["entity"]), cell_text(row["event"]["key"])),
                  ""});
      continue;
    }
    if (result == "refused") {
      refused(i, rejection_of(row, lines[i]));
      continue;
    }
    events.push_back(row["event"]);
    if (result == "accepted" && ++kinds[row["event"]["event"].get<std::string>()] == 1)
      witness.push_back({{"line", lines[i]}, {"event", row["event"]["event"]}, {"entity", row["event"]["entity"]}, {"key", row["event"]["key"]}});
  }
  return {{"lines", lines.size()}, {"results", results}, {"events", kinds}, {"witness", std::move(witness)}};
}

}  // namespace dunlin::server
