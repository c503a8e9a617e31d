// Simulations: started, looked at, cancelled. What they are stands in simulations.h.
#include <fmt/format.h>

#include <algorithm>

#include "server/serve/api_parts.h"
#include "server/serve/simulations.h"

namespace dunlin::server {

namespace {

using store::Ask;

constexpr int64_t day_us = 86'400'000'000, days_max = 400;

/// The bundle of the request, a stored version, or nothing: the active version alone.
std::unique_ptr<Runner> bundle_of(Api& api, const Call& call) {
  const bool files = call.body.contains("files") && !call.body["files"].is_null(), version = call.body.contains("version") && !call.body["version"].is_null();
  if (files && version) throw Problem{422, "give `files` or `version`, not both", "", ""};
  if (version) {
    auto opened = api.context().open_store();
    if (!opened) refuse(opened.error());
    return runner_of_stored(api, **opened, static_cast<int32_t>(std::stoll(whole_number(call, "version", 0, 1, INT32_MAX))));
  }
  return files ? runner_of_files(api, call) : nullptr;
}

Reply start(Api& api, const Call& call) {
  const int64_t days = std::stoll(whole_number(call, "days", 30, 1, days_max)), from = api.context().scheduler.now();
  SimulationWish wish{.who = call.caller.name, .bundle = bundle_of(api, call), .from = from, .until = from + days * day_us};
  wish.cases_max = std::stoll(whole_number(call, "cases", 0, 0, INT64_MAX));
  const Json detail{{"bundle", wish.bundle ? Json(wish.bundle->program().content_hash) : Json()}, {"days", days}};
  const auto number = api.context().simulations.start(std::move(wish));
  if (!number) throw Problem{409, number.error(), "wait for its end, or cancel it: POST /v1/simulations/{simulation}/cancel", ""};
  (void)api.ask(Ask::audit_note, {call.caller.name, call.origin(), "start simulation", detail.dump()});
  return {*api.context().simulations.find(*number), 202};
}

Reply simulations(Api& api, const Call&) { return {Json{{"items", api.context().simulations.list()}}}; }

int64_t number(const Call& call) { return std::stoll(number_in_path(call, "simulation", "simulations")); }

Reply simulation(Api& api, const Call& call) {
  auto body = api.context().simulations.find(number(call));
  if (!body) throw Problem{404, "this node knows no simulation with this number", "each node has its own, and keeps the last twenty", ""};
  if ((*body)["status"] == "running") {
    const Json gauges = api.ask(Ask::gauges, {now_text(api)})[0];
    (*body)["cases_total"] = gauges["case_files"];
  }
  return {std::move(*body)};
}

Reply cancel(Api& api, const Call& call) {
  if (!api.context().simulations.cancel(number(call))) throw Problem{409, "no simulation with this number is running on this node", "", ""};
  const Json detail{{"simulation", number(call)}};
  (void)api.ask(Ask::audit_note, {call.caller.name, call.origin(), "cancel simulation", detail.dump()});
  return {*api.context().simulations.find(number(call))};
}

}  // namespace

void add_simulation_routes(std::vector<Route>& routes) {
  routes.push_back({"POST",
                    "/v1/simulations",
                    "design",
                    "Begin a simulation: what the clock alone would do to a copy of the live portfolio, under a bundle and under the active version; one at a "
                    "time on a node",
                    {},
                    {{"files", "array", "the bundle; the active version alone if neither this nor version is given", false, "File"},
                     {"version", "integer", "a stored version instead"},
                     {"days", "integer", "how far; 30 if not given, 400 at most"},
                     {"cases", "integer", "only so many case files; all if not given"}},
                    start,
                    false,
                    false,
                    {{202, "begun"}}});
  routes.push_back({"GET", "/v1/simulations", "read", "The last simulations of this node, newest first", {}, {}, simulations});
  routes.push_back({"GET", "/v1/simulations/{simulation}", "read", "One of them: how far it is, or its result", {}, {}, simulation});
  routes.push_back({"POST", "/v1/simulations/{simulation}/cancel", "design", "End one that runs", {}, {}, cancel});
}

}  // namespace dunlin::server
