// What is on trial: figures of the arms, promoting one, stopping.
#include <fmt/format.h>

#include "server/experiment_answer.h"
#include "server/serve/api_parts.h"

namespace dunlin::server {

namespace {

std::vector<simulate::ExperimentFigures> figures_of(Api& api, const std::string& name) {
  const auto active = api.active();
  if (!name.empty() && find_experiment(active->program(), name) == nullptr) {
    const OrderRefused why = no_such_experiment(active->program(), name);
    throw Problem{404, why.message, why.help, ""};
  }
  return api.with_store([&](store::Store& store) {
    auto figures = simulate::experiment_figures(store, active->night(), name, api.context().scheduler.now());
    if (!figures) refuse(figures.error());
    return std::move(*figures);
  });
}

Reply experiments(Api& api, const Call&) {
  Json items = Json::array();
  for (const auto& one : figures_of(api, "")) items.push_back(experiment_json(one));
  return {Json{{"items", std::move(items)}}};
}

Reply experiment(Api& api, const Call& call) { return {experiment_json(figures_of(api, call.path.at("experiment")).at(0))}; }

Reply order(Api& api, const Call& call, const std::string& arm) {
  const auto active = api.active();
  const std::string& name = call.path.at("experiment");
  const auto goes_into = may_order(active->program(), name, arm);
  if (!goes_into) throw Problem{goes_into.error().unknown ? 404 : 422, goes_into.error().message, goes_into.error().help, ""};
  // Not by the store: its connection does not say where an order comes from.
  const Json done =
      api.ask(store::Ask::order_experiment, {name, arm.empty() ? std::nullopt : std::optional(arm), now_text(api), call.caller.name, call.text("reason")});
  if (!done.at(0).at("done").get<bool>())
    throw Problem{422, arm.empty() ? fmt::format("the experiment `{}` is stopped already", name) : fmt::format("`{}` is promoted already", arm), "", ""};
  api.context().scheduler.wake();
  return {Json{{"experiment", name}, {"status", arm.empty() ? "stopped" : "promoted " + arm}, {"new_go_into", *goes_into}}};
}

Reply promote(Api& api, const Call& call) {
  if (call.text("arm").empty()) throw Problem{422, "say which arm", "", ""};
  return order(api, call, call.text("arm"));
}
Reply stop(Api& api, const Call& call) { return order(api, call, ""); }

}  // namespace

void add_experiment_routes(std::vector<Route>& routes) {
  const BodyField reason{"reason", "string", "why, for the audit", true};
  routes.push_back({"GET",
                    "/v1/experiments",
                    "read",
                    "What is on trial in the active version: arms, who was drawn, sums of success and cost, guardrails",
                    {},
                    {},
                    experiments});
  routes.push_back({"GET", "/v1/experiments/{experiment}", "read", "One of them", {}, {}, experiment});
  routes.push_back({"POST",
                    "/v1/experiments/{experiment}/promote",
                    "activate",
                    "Send everybody who enrols from now on into one arm; who is in an arm stays in it",
                    {},
                    {{"arm", "string", "which", true}, reason},
                    promote});
  routes.push_back(
      {"POST", "/v1/experiments/{experiment}/stop", "activate", "Draw nobody any more: whoever enrols goes into the champion", {}, {reason}, stop});
}

}  // namespace dunlin::server
