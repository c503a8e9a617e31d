#include "server/department_desk.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "server/open_service.h"
#include "server/output/table.h"
#include "server/output/terminal.h"

namespace dunlin::server {

using Json = nlohmann::ordered_json;

std::optional<DepartmentDesk> DepartmentDesk::open(const StoreOptions& store, const CommonOptions& common, int& exit, Patient patient) {
  auto service = open_service_or_exit(store, common, exit, patient);
  if (!service) return std::nullopt;
  return DepartmentDesk(std::move(service), common);
}

bool DepartmentDesk::ask(store::Ask what, const store::Parameters& parameters, Json& rows, int& exit) {
  auto answer = service_->ask(what, parameters);
  if (!answer) {
    const bool environment = answer.error().kind == store::ServiceError::Kind::unavailable;
    exit = fail(common_, environment ? Exit::environment : Exit::input, answer.error().message, answer.error().hint);
    return false;
  }
  rows = Json::parse(*answer);
  return true;
}

std::string cell_text(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return printable(value.get<std::string>());
  if (value.is_array()) {
    std::string list;
    for (const Json& one : value) list += (list.empty() ? "" : ", ") + cell_text(one);
    return list;
  }
  return printable(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void show_rows(const CommonOptions& common, const Json& rows, const std::vector<std::pair<std::string, std::string>>& columns, const std::string& otherwise) {
  if (common.json) return print_json(rows);
  if (rows.empty()) return fmt::print("{}\n", otherwise);
  std::vector<Table::Column> head;
  for (const auto& [name, title] : columns) {
    const bool figures = rows[0].contains(name) && rows[0][name].is_number();
    head.push_back({title, figures ? Table::Align::right : Table::Align::left});
  }
  Table table(head);
  for (const Json& row : rows) {
    std::vector<std::string> cells;
    for (const auto& [name, title] : columns) cells.push_back(cell_text(row.value(name, Json())));
    table.add(cells);
  }
  fmt::print("{}", table.text(common.color));
}

void print_json(const Json& body) { fmt::print("{}\n", body.dump(2, ' ', false, Json::error_handler_t::replace)); }

std::optional<std::string> given(const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); }

}  // namespace dunlin::server
