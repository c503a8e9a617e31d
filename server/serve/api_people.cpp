// People at the queues: who they are, when they work, what is on their lists. What `dunlin worker` does, over HTTP.
#include <fmt/format.h>

#include "server/serve/api_parts.h"
#include "server/serve/body_rows.h"

namespace dunlin::server {

namespace {

using store::Ask;

constexpr size_t rows_max = 10'000;

Reply workers(Api& api, const Call& call) {
  const int64_t limit = call.limit(100);
  return {page(api.ask(Ask::workers, {call.asked("after").value_or(""), std::to_string(limit)}), limit, "worker")};
}

Json worker_row(Api& api, const Call& call) { return one_row(api.ask(Ask::worker, {call.path.at("worker")}), "there is no worker of this name"); }

Reply read_worker(Api& api, const Call& call) {
  Reply reply{worker_row(api, call)};
  reply.etag = reply.body["tag"].get<std::string>();
  reply.body.erase("tag");
  auto more = api.ask_all({{Ask::worker_facts, {call.path.at("worker")}}, {Ask::day_list, {call.path.at("worker")}}});
  reply.body["facts"] = std::move(more[0]);
  reply.body["day_list"] = std::move(more[1]);
  return reply;
}

Reply put_workers(Api& api, const Call& call) {
  return {Json{{"results", judged_rows(rows_of_body(call, "workers", rows_max), "worker", [&](const Json& workers) {
                  return api.ask(Ask::put_workers, {workers.dump(), call.caller.name});
                })}}};
}

/// What is not given stays as it is.
Reply change_worker(Api& api, const Call& call) {
  const std::string tag = worker_row(api, call)["tag"].get<std::string>();
  call.require_match(tag);
  Json row = call.body;
  row["worker"] = call.path.at("worker");
  const Json result = api.ask_all({{Ask::worker_lock, {call.path.at("worker"), tag}}, {Ask::put_workers, {Json::array({row}).dump(), call.caller.name}}})[1][0];
  if (result["result"] == "refused") throw Problem{422, result["message"].get<std::string>(), "", "DU002"};
  return read_worker(api, call);
}

Reply day_list(Api& api, const Call& call) {
  (void)worker_row(api, call);
  return {Json{{"items", api.ask(Ask::day_list, {call.path.at("worker")})}}};
}

Reply absent(Api& api, const Call& call) {
  return {api.ask(Ask::worker_absent, {call.path.at("worker"), call.maybe_text("since"), call.text("until"), call.text("reason"), call.caller.name})[0], 201};
}

Reply back(Api& api, const Call& call) { return {api.ask(Ask::worker_back, {call.path.at("worker"), call.caller.name})[0]}; }

Reply other_day(Api& api, const Call& call) {
  return {api.ask(Ask::worker_day, {call.path.at("worker"), call.text("day"), call.maybe_text("hours"), call.text("reason"), call.caller.name})[0]};
}

Reply fill(Api& api, const Call&) { return {api.ask(Ask::fill_day_lists, {now_text(api)})[0]}; }

Reply schedules(Api& api, const Call&) { return {Json{{"items", api.ask(Ask::schedules)}}}; }
Reply territories(Api& api, const Call&) { return {Json{{"items", api.ask(Ask::territories)}}}; }

}  // namespace

void add_people_routes(std::vector<Route>& routes) {
  const BodyField reason{"reason", "string", "why, for the audit", true};
  routes.push_back({"GET",
                    "/v1/workers",
                    "read",
                    "Everybody at the queues, and what they do now",
                    {{"after", "`next` of the page before"}, {"limit", "how many at most, 1 to 500"}},
                    {},
                    workers});
  routes.push_back(
      {"POST",
       "/v1/workers",
       "supervise",
       "Add people or change them; each row is taken or refused for itself, and what it does not name stays",
       {},
       {{"workers", "array", "what each is to be, written as for PUT /v1/workers/{worker}", true,
         "{ worker: text, name?: text, head?: text, schedule?: text, timezone?: text, territories?: text, queues?: text, capacity?: text|integer|null, "
         "skills?: text, tests?: text, active?: text|flag }"}},
       put_workers});
  routes.push_back({"GET", "/v1/workers/{worker}", "read", "Somebody: skills, tests, absences, other days, the day list; with an ETag", {}, {}, read_worker});
  routes.push_back({.method = "PUT",
                    .pattern = "/v1/workers/{worker}",
                    .right = "supervise",
                    .summary = "Change somebody: schedule, capacity, queues, territories, skills; what is not given stays",
                    .query = {},
                    .body = {{"name", "string", "full name"},
                             {"head", "string", "name of the head"},
                             {"schedule", "string", "one of the bundle, or `5/2 from 9 to 18`, `2/2 from 07:00 to 19:00 since 2026-01-05`"},
                             {"timezone", "string", "empty: the schedule's"},
                             {"territories", "string", "divided by `;`"},
                             {"queues", "string", "divided by `;`"},
                             {"capacity", "string", "tasks a day; empty: no bound"},
                             {"skills", "string", "`soft 2026-01-10; legal 2026-01-10..2027-01-09`"},
                             {"tests", "string", "as skills"},
                             {"active", "string", "yes or no"}},
                    .answer = change_worker,
                    .edits = true});
  routes.push_back({"GET", "/v1/workers/{worker}/day_list", "read", "What stands on somebody's list today, in the order of hand-out", {}, {}, day_list});
  routes.push_back({"POST",
                    "/v1/workers/{worker}/absences",
                    "supervise",
                    "Somebody is away: they get nothing, and what is theirs goes to others",
                    {},
                    {{"until", "string", "that instant left out", true}, reason, {"since", "string", "from now on if not given"}},
                    absent,
                    false,
                    false,
                    {{201, "made"}}});
  routes.push_back({"POST", "/v1/workers/{worker}/back", "supervise", "They are back, or will not go", {}, {}, back});
  routes.push_back({"POST",
                    "/v1/workers/{worker}/days",
                    "supervise",
                    "A day that is not as the schedule says",
                    {},
                    {{"day", "string", "2026-12-31", true}, reason, {"hours", "string", "10:00-14:00; a day off if not given"}},
                    other_day});
  routes.push_back({"POST", "/v1/day_lists/fill", "supervise", "Fill the day lists now, as the engine does behind each pass", {}, {}, fill});
  routes.push_back({"GET", "/v1/schedules", "read", "Working hours that the active version declares", {}, {}, schedules});
  routes.push_back({"GET", "/v1/territories", "read", "Territories of the active version, with what a worker there has a day", {}, {}, territories});
}

}  // namespace dunlin::server
