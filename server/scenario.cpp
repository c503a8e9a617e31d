#include "server/scenario.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

#include "compiler/abi/clock.h"
#include "server/import/near_match.h"
#include "server/import/value_reader.h"

namespace dunlin::server {
namespace {

using checked::Index;
using checked::none;

std::string misplaced(const std::filesystem::path& file, const toml::node& node, std::string_view message) {
  return fmt::format("{}:{}: {}", file.string(), node.source().begin.line, message);
}

bool is_whole_number(const checked::Type& type) { return type.kind == checked::TypeKind::integer && !type.optional; }

/// Finds the attribute; the error is a sentence.
std::string find_attribute(const checked::Entity& entity, Scenario& scenario) {
  std::vector<std::string> names;
  for (size_t i = 0; i < entity.fields.size(); ++i) {
    if (is_whole_number(entity.fields[i].type)) names.push_back(entity.fields[i].name);
    if (entity.fields[i].name == scenario.roll_rate) scenario.field = static_cast<Index>(i);
  }
  for (size_t i = 0; i < entity.derived.size(); ++i) {
    if (is_whole_number(entity.derived[i].type)) names.push_back(entity.derived[i].name);
    if (entity.derived[i].name == scenario.roll_rate) scenario.derived = static_cast<Index>(i);
  }
  if (std::find(names.begin(), names.end(), scenario.roll_rate) != names.end()) return "";
  bool there = scenario.field != none || scenario.derived != none;
  if (there) return fmt::format("`{}` is not a whole number that is always known", scenario.roll_rate);
  return fmt::format("`{}` has no attribute `{}`; {}", entity.name, scenario.roll_rate, import::suggest(scenario.roll_rate, names));
}

/// One of the dates of `dates`, written as a TOML date or a text.
std::expected<int64_t, std::string> date_of(const toml::node& node) {
  if (auto day = node.value_exact<toml::date>()) return abi::date_of_civil(day->year, day->month, day->day);
  return import::read_date(node.value_or(std::string()));
}

std::string read_report(const std::filesystem::path& file, const toml::table& report, const checked::Program& program, Scenario& scenario) {
  for (auto&& [key, node] : report) {
    std::vector<std::string> known = {"entity", "roll_rate", "dates", "day_of_month"};
    std::string name(key.str());
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return misplaced(file, node, fmt::format("[report] has no setting `{}`; {}", name, import::suggest(name, known)));
    }
  }
  scenario.roll_rate = report["roll_rate"].value_or(std::string());
  if (scenario.roll_rate.empty()) return "";
  auto entity = report["entity"].value_or(std::string("account"));
  scenario.entity = checked::find_entity(program, entity);
  if (scenario.entity == none) return misplaced(file, report, fmt::format("the bundle has no entity `{}`", entity));
  auto problem = find_attribute(program.entities[static_cast<size_t>(scenario.entity)], scenario);
  if (!problem.empty()) return misplaced(file, *report.get("roll_rate"), problem);
  if (auto* dates = report["dates"].as_array()) {
    for (auto&& item : *dates) {
      auto date = date_of(item);
      if (!date) return misplaced(file, item, date.error());
      scenario.dates.push_back(*date);
    }
    std::sort(scenario.dates.begin(), scenario.dates.end());
  }
  scenario.day_of_month = report["day_of_month"].value_or(0);
  bool day_good = scenario.day_of_month >= 1 && scenario.day_of_month <= 31;
  if (scenario.dates.empty() && !day_good) return misplaced(file, report, "[report] needs `dates` or `day_of_month` (1 to 31) to sample on");
  return "";
}

}  // namespace

std::vector<int64_t> Scenario::samples(int64_t from, int64_t to) const {
  std::vector<int64_t> result;
  if (roll_rate.empty()) return result;
  for (int64_t date : dates) {
    if (date >= from && date <= to) result.push_back(date);
  }
  if (!dates.empty()) return result;
  auto first = abi::civil_of(from);
  for (int64_t month = abi::date_of_civil(first.year, first.month, 1); month <= to; month = abi::add_months(month, 1)) {
    auto civil = abi::civil_of(month);
    int64_t date = month + std::min<int64_t>(day_of_month, abi::days_in_month(civil.year, civil.month)) - 1;
    if (date >= from && date <= to) result.push_back(date);
  }
  return result;
}

std::expected<Scenario, std::string> load_scenario(const std::filesystem::path& bundle_folder, const checked::Program& program) {
  Scenario scenario;
  auto file = bundle_folder / "scenario.toml";
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return scenario;
  try {
    toml::table document = toml::parse_file(file.string());
    if (auto* report = document["report"].as_table()) {
      if (auto problem = read_report(file, *report, program, scenario); !problem.empty()) return std::unexpected(problem);
    }
  } catch (const toml::parse_error& problem) {
    return std::unexpected(fmt::format("{}:{}: this is not TOML: {}", file.string(), problem.source().begin.line, std::string(problem.description())));
  }
  return scenario;
}

}  // namespace dunlin::server
