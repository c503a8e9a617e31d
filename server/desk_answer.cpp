#include "server/desk_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/output/table.h"
#include "server/output/terminal.h"
#include "server/plan/proposal.h"

namespace dunlin::server {

namespace {

using Json = nlohmann::ordered_json;

std::string cell(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string list;
  for (const Json& one : value) list += (list.empty() ? "" : ", ") + cell(one);
  return list;
}

}  // namespace

std::optional<std::string> given_text(const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); }

std::optional<std::string> doer_or_login(const std::string& who) {
  if (!who.empty()) return who;
  return user_name();
}

int show_rows(const CommonOptions& common, const store::Result<std::string>& answer, const std::vector<std::string>& columns, const std::string& otherwise) {
  if (!answer) return fail(common, answer.error());
  const Json rows = Json::parse(*answer);
  if (common.json) {
    fmt::print("{}\n", rows.dump(2, ' ', false, Json::error_handler_t::replace));
    return 0;
  }
  if (rows.empty() || columns.empty()) return fmt::print("{}\n", otherwise), 0;
  std::vector<Table::Column> head;
  for (const std::string& column : columns) {
    std::string title = column;
    std::ranges::replace(title, '_', ' ');
    head.push_back({title});
  }
  Table table(head);
  for (const Json& row : rows) {
    std::vector<std::string> cells;
    for (const std::string& column : columns) cells.push_back(printable(cell(row.value(column, Json()))));
    table.add(cells);
  }
  fmt::print("{}", table.text(common.color));
  return 0;
}

}  // namespace dunlin::server
