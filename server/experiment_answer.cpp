#include "server/experiment_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "lang/sema/experiments.h"
#include "server/import/near_match.h"
#include "server/output/terminal.h"

namespace dunlin::server {

using Json = nlohmann::ordered_json;
using checked::Experiment;

std::string open_date_text(int64_t date) {
  if (date == INT64_MIN || date == INT64_MAX) return "";
  const std::time_t seconds = date * 86'400;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

std::string share_text(int64_t share) { return share % 100 == 0 ? fmt::format("{}%", share / 100) : fmt::format("{}.{:02}%", share / 100, share % 100); }

namespace {

Json figure_json(const std::optional<simulate::Figure>& figure) {
  if (!figure) return nullptr;
  return {{"total", figure->total}, {"per_head", figure->per_head.empty() ? Json(nullptr) : Json(figure->per_head)}};
}

}  // namespace

Json experiment_json(const simulate::ExperimentFigures& figures) {
  Json arms = Json::array();
  for (const auto& arm : figures.arms) {
    Json guardrails = Json::array();
    for (const auto& guardrail : arm.guardrails)
      guardrails.push_back({{"guardrail", guardrail.text}, {"happened", guardrail.happened}, {"passed", guardrail.passed}});
    arms.push_back({{"arm", arm.arm},
                    {"control", arm.control},
                    {"share", share_text(arm.share)},
                    {"enrolled", arm.enrolled},
                    {"success", figure_json(arm.success)},
                    {"cost", figure_json(arm.cost)},
                    {"guardrails", std::move(guardrails)},
                    {"faults", arm.faults}});
  }
  return {{"experiment", figures.name},
          {"title", figures.title},
          {"kind", figures.kind},
          {"status", figures.status},
          {"from", open_date_text(figures.from)},
          {"to", open_date_text(figures.to)},
          {"split_by", figures.unit},
          {"layer", figures.layer},
          {"arms", std::move(arms)}};
}

const Experiment* find_experiment(const checked::Program& program, const std::string& name) {
  if (!program.trials) return nullptr;
  const auto found = std::ranges::find(program.trials->experiments, name, &Experiment::name);
  return found == program.trials->experiments.end() ? nullptr : &*found;
}

OrderRefused no_such_experiment(const checked::Program& program, const std::string& name) {
  std::vector<std::string> names;
  if (program.trials) {
    for (const Experiment& experiment : program.trials->experiments) names.push_back(experiment.name);
  }
  const std::string help = names.empty() ? "the active version has no experiments" : import::suggest(name, names);
  return {fmt::format("there is no experiment `{}`", printable(name)), help, true};
}

std::expected<std::string, OrderRefused> may_order(const checked::Program& program, const std::string& name, const std::string& arm) {
  const Experiment* experiment = find_experiment(program, name);
  if (experiment == nullptr) return std::unexpected(no_such_experiment(program, name));
  if (experiment->kind == Experiment::Kind::holdout) {
    return std::unexpected(OrderRefused{fmt::format("`{}` is a holdout: there is nothing to promote and nothing to stop", experiment->name),
                                        "take it out of the bundle, or give it an end with `run`"});
  }
  std::vector<std::string> arms;
  for (const auto& one : experiment->arms) arms.push_back(one.name);
  if (!arm.empty() && std::ranges::find(arms, arm) == arms.end()) {
    return std::unexpected(OrderRefused{fmt::format("the experiment `{}` has no arm `{}`", experiment->name, printable(arm)), import::suggest(arm, arms)});
  }
  return arm.empty() ? arms[static_cast<size_t>(experiment->control)] : arm;
}

}  // namespace dunlin::server
