// What the commands of a department share: one question to the database, its answer as a table or as JSON.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/store/service.h"
#include "server/open_service.h"
#include "server/open_store.h"

namespace dunlin::server {

class DepartmentDesk {
 public:
  /// Nullopt: `exit` is set and all is said.
  static std::optional<DepartmentDesk> open(const StoreOptions& store, const CommonOptions& common, int& exit, Patient patient = Patient::no);
  /// False: `exit` is set and all is said.
  bool ask(store::Ask what, const store::Parameters& parameters, nlohmann::ordered_json& rows, int& exit);

 private:
  DepartmentDesk(std::unique_ptr<store::Service> service, const CommonOptions& common) : service_(std::move(service)), common_(common) {}
  std::unique_ptr<store::Service> service_;
  CommonOptions common_;
};

/// Columns by name, with the title people see. `otherwise`: what is said where there are no rows.
void show_rows(const CommonOptions& common, const nlohmann::ordered_json& rows, const std::vector<std::pair<std::string, std::string>>& columns,
               const std::string& otherwise);
void print_json(const nlohmann::ordered_json& body);
/// A value as a cell: texts as they are, nothing for null, lists with commas.
std::string cell_text(const nlohmann::ordered_json& value);
std::optional<std::string> given(const std::string& text);

}  // namespace dunlin::server
