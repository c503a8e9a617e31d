// Campaigns: lists that are worked on certain days, at most so many a day. What `dunlin campaign` does, over HTTP.
#include <fmt/format.h>

#include "server/campaign_settings.h"
#include "server/serve/api_parts.h"

namespace dunlin::server {

namespace {

using store::Ask;

constexpr size_t keys_max = 200'000;

Json cases_of(const Call& call) {
  const Json& keys = call.body.at("keys");
  if (keys.size() > keys_max) throw Problem{413, fmt::format("`keys` has {} lines at most", keys_max), "", ""};
  Json cases = Json::array();
  int64_t line = 0;
  for (const Json& key : keys) {
    if (!key.is_string()) throw Problem{422, "`keys` is a list of texts", "", ""};
    cases.push_back({{"nth", ++line}, {"key", key}});
  }
  return cases;
}

Json settings_of(Api& api, const Call& call, const std::string& reason) {
  const auto hours = hours_of_day(call.maybe_text("between").value_or(""));
  if (!hours) throw Problem{422, "`between` is hours of a day", "09:00-12:00", ""};
  std::string entity = call.maybe_text("entity").value_or("");
  const std::string queue = call.text("queue");
  if (const auto misfit = campaign_misfit(api.active()->program(), queue, {}, entity)) throw Problem{422, misfit->message, misfit->help, ""};
  const auto per_day = call.body.find("per_day");
  const bool capped = per_day != call.body.end() && !per_day->is_null();
  return {{"name", call.text("name")},
          {"entity", entity},
          {"queue", queue},
          {"treatment", call.maybe_text("treatment").value_or("")},
          {"priority", std::stoll(whole_number(call, "priority", 0, -1'000'000, 1'000'000))},
          {"from_day", call.text("from")},
          {"to_day", call.text("to")},
          {"from_s", hours->first},
          {"to_s", hours->second},
          {"who", call.caller.name},
          {"reason", reason},
          {"file", call.maybe_text("file").value_or("")},
          {"per_day", capped ? Json(std::stoll(whole_number(call, "per_day", 1, 1, 1'000'000'000))) : Json()}};
}

Reply plan(Api& api, const Call& call) { return {api.ask(Ask::campaign_start, {settings_of(api, call, "").dump(), cases_of(call).dump(), "true"})[0]}; }

Reply start(Api& api, const Call& call) {
  const std::string settings = settings_of(api, call, call.text("reason")).dump(), cases = cases_of(call).dump();
  const Json tried = api.ask(Ask::campaign_start, {settings, cases, "true"})[0];
  if (tried["good"] == 0) throw Problem{422, "no line of the list names anybody", "POST /v1/campaigns/plan says why, line by line", ""};
  Json made = api.ask(Ask::campaign_start, {settings, cases, "false"})[0];
  api.context().scheduler.wake();
  return {std::move(made), 201};
}

Reply campaigns(Api& api, const Call& call) {
  const int64_t limit = call.limit();
  return {page(api.ask(Ask::campaign_page, {call.asked("before"), std::to_string(limit)}), limit, "campaign")};
}

Reply cases(Api& api, const Call& call) {
  const int64_t limit = call.limit(100);
  return {page(api.ask(Ask::campaign_case_page, {call.path.at("campaign"), call.asked("status"), call.asked("after").value_or("0"), std::to_string(limit)}),
               limit, "line")};
}

Reply stop(Api& api, const Call& call) { return {api.ask(Ask::campaign_stop, {call.path.at("campaign"), call.text("reason"), call.caller.name})[0]}; }

Reply release(Api& api, const Call&) {
  Json rows = api.ask(Ask::campaign_release, {now_text(api)});
  api.context().scheduler.wake();
  return {Json{{"items", std::move(rows)}}};
}

}  // namespace

void add_campaign_routes(std::vector<Route>& routes) {
  const BodyField reason{"reason", "string", "why, for the audit", true};
  std::vector<BodyField> settings{{"name", "string", "what it is called", true},
                                  {"keys", "array", "whom it is about", true, "text"},
                                  {"queue", "string", "queue of its tasks", true},
                                  {"from", "string", "first day: 2026-05-05", true},
                                  {"to", "string", "last day", true},
                                  {"treatment", "string", "of its tasks"},
                                  {"between", "string", "hours of each day: 09:00-12:00; the whole day if not given"},
                                  {"per_day", "integer", "most tasks a day"},
                                  {"priority", "integer", "of its tasks; 0 if not given"},
                                  {"entity", "string", "whose keys these are; what the strategies are for if not given"},
                                  {"file", "string", "name of the list"}};
  const auto with_reason = [&] {
    auto all = settings;
    all.push_back(reason);
    return all;
  };
  routes.push_back(
      {"POST", "/v1/campaigns/plan", "supervise", "How many cases each day would have, and which lines name nobody; nothing is written", {}, settings, plan});
  routes.push_back({"POST", "/v1/campaigns", "supervise", "Start a campaign from a list of keys", {}, with_reason(), start, false, false, {{201, "made"}}});
  routes.push_back({"GET",
                    "/v1/campaigns",
                    "read",
                    "Campaigns, newest first, with what became of their cases",
                    {{"before", "`next` of the page before"}, {"limit", "how many at most, 1 to 500"}},
                    {},
                    campaigns});
  routes.push_back({"GET",
                    "/v1/campaigns/{campaign}/cases",
                    "read",
                    "The lines of a campaign, by its name or number, and what became of each",
                    {{"status", "waiting, released, done, missed, withdrawn, rejected or dropped"},
                     {"after", "`next` of the page before"},
                     {"limit", "how many at most, 1 to 500"}},
                    {},
                    cases});
  routes.push_back({"POST", "/v1/campaigns/{campaign}/stop", "supervise", "End a campaign and withdraw its open tasks", {}, {reason}, stop});
  routes.push_back({"POST", "/v1/campaigns/release", "supervise", "Make the tasks of the day now; the server does it by itself", {}, {}, release});
}

}  // namespace dunlin::server
