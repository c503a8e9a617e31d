// What stops contact: one client, one account, a number, a queue or everything; holds by hand; closed accounts.
#include <fmt/format.h>

#include "server/serve/api_parts.h"
#include "server/serve/instant.h"
#include "server/serve/personal.h"

namespace dunlin::server {

namespace {

using store::Ask;

// ---- stops ----

Reply stops(Api& api, const Call& call) {
  const int64_t limit = call.limit(100, 1000);
  Json rows = api.ask(Ask::contact_stops, {call.asked("after"), std::to_string(limit)});
  if (call.caller.may("personal")) return {page(std::move(rows), limit, "stop")};
  const auto names = api.active()->personal();
  for (Json& row : rows) mask_stop(row, &names);
  return {page(std::move(rows), limit, "stop")};
}

Reply stop(Api& api, const Call& call) {
  const auto key = call.maybe_text("key"), field = call.maybe_text("field"), value = call.maybe_text("value"), address = call.maybe_text("address"),
             queue = call.maybe_text("queue");
  const bool all = flag_of(call, "all");
  const int named = static_cast<int>(key.has_value()) + static_cast<int>(field.has_value()) + static_cast<int>(address.has_value()) + static_cast<int>(all);
  if (named != 1 && !(named == 0 && queue)) throw Problem{422, "say whose contact is stopped, in one way", "field and value, key, address, queue, or all", ""};
  if (!key && !field && call.maybe_text("entity")) throw Problem{422, "an entity needs a key, or a field and its value", "leave it out to stop everybody", ""};
  const auto entity = key || field ? std::optional(call.maybe_text("entity").value_or("account")) : std::nullopt;
  return {api.ask(Ask::contact_stop, {call.text("reason"), entity, key, field, value, address, queue, call.maybe_text("until"), call.caller.name})[0], 201};
}

Reply lift_stop(Api& api, const Call& call) { return {api.ask(Ask::contact_resume, {number_in_path(call, "stop", "stops"), call.caller.name})[0]}; }

// ---- holds: events of one account, each with its entry in the audit ----

Reply hold_event(Api& api, const Call& call, const std::string& hold, bool lifts) {
  const std::string event = hold + (lifts ? ".lifted" : ".placed"), entity = entity_of_call(call), &key = call.path.at("key");
  const std::string at = call.maybe_text("at").value_or(now_text(api));
  Json payload = Json::object();
  if (const auto until = call.maybe_text("until"); until && !lifts) {
    const Json end = api.ask(Ask::moment, {*until, at})[0];
    if (end["over"] == true)
      throw Problem{422, fmt::format("`until`: the hold would be over before it begins, at {}", end["at"].get<std::string>()), "an instant to come", ""};
    payload["until"] = end["at"];
  }
  if (const auto reason = call.maybe_text("reason")) payload["reason"] = *reason;
  // The same request sent again is the same event.
  const std::string id = call.request.idempotency_key.empty() ? fmt::format("{} {} {} {}", event, entity, key, call.id) : call.request.idempotency_key;
  const Json detail{{"event", event}, {"entity", entity}, {"key", key}, {"at", at}, {"payload", payload}};
  const auto answers =
      api.ask_all({{Ask::post_event, {"api " + call.caller.name, id, event, entity, key, at, payload.dump(), call.maybe_text("at") ? "true" : "false"}},
                   {Ask::audit_note, {call.caller.name, call.origin(), lifts ? "lift" : "hold", detail.dump()}}});
  const std::string result = answers[0][0]["result"].get<std::string>();
  if (result == "set_aside")
    throw Problem{404, fmt::format("there is no open {} with this key", entity), "the event was set aside; GET /v1/quarantine shows it", ""};
  api.context().scheduler.wake();
  return {Json{{"event", event}, {"entity", entity}, {"key", key}, {"at", at}, {"result", result}}};
}

Reply place_hold(Api& api, const Call& call) { return hold_event(api, call, call.text("hold"), false); }
Reply lift_hold(Api& api, const Call& call) { return hold_event(api, call, call.path.at("hold"), true); }

// ---- closed accounts ----

Reply close(Api& api, const Call& call) {
  return {api.ask(Ask::close_account,
                  {entity_of_call(call), call.path.at("key"), call.text("reason"), call.maybe_text("since").value_or(now_text(api)), call.caller.name})[0]};
}
Reply reopen(Api& api, const Call& call) { return {api.ask(Ask::reopen_account, {entity_of_call(call), call.path.at("key"), call.caller.name})[0]}; }

}  // namespace

void add_stop_routes(std::vector<Route>& routes) {
  const QueryField after{"after", "`next` of the page before"}, limit{"limit", "how many at most, 1 to 1000"};
  const BodyField reason{"reason", "string", "why, for the audit", true}, entity{"entity", "string", "kind of instance; account if not given"};
  routes.push_back({"GET", "/v1/contact_stops", "read", "What is stopped now, the oldest first", {after, limit}, {}, stops});
  routes.push_back(
      {"POST",
       "/v1/contact_stops",
       "supervise",
       "Stop contact at once: of all rows with a value (one client), of one account, one number, one queue, or everybody",
       {},
       {reason,
        entity,
        {"field", "string", "all rows with a value: this field …"},
        {"value", "string", "… has this value"},
        {"key", "string", "one account or debtor"},
        {"address", "string", "one telephone number or mail address"},
        {"queue", "string", "only through this queue"},
        {"all", "boolean", "everybody"},
        {"until", "string", "ends by itself then: 2026-05-04, 2026-05-04 08:00 (both in the bundle's zone), 2026-05-04T08:00:00Z; else it is lifted by hand"}},
       stop,
       false,
       false,
       {{201, "made"}}});
  routes.push_back({"POST", "/v1/contact_stops/{stop}/lift", "supervise", "Lift a stop; what it kept back joins the line again", {}, {}, lift_stop});
  routes.push_back({"POST",
                    "/v1/accounts/{key}/holds",
                    "supervise",
                    "Place a hold by hand: read with the next step, and nothing is handed out before it",
                    {},
                    {{"hold", "string", "as the bundle calls it", true},
                     {"reason", "string", "why: stands in explanations", true},
                     entity,
                     {"until", "string", "when it ends by itself; else as the bundle says"},
                     {"at", "string", "since when; now if not given"}},
                    place_hold});
  routes.push_back({"POST",
                    "/v1/accounts/{key}/holds/{hold}/lift",
                    "supervise",
                    "Lift a hold by hand",
                    {},
                    {{"reason", "string", "why: stands in explanations", true}, entity, {"at", "string", "since when; now if not given"}},
                    lift_hold});
  routes.push_back({"POST",
                    "/v1/accounts/{key}/close",
                    "supervise",
                    "Later events of an account are set aside from now on",
                    {},
                    {reason, entity, {"since", "string", "events that bear this instant or a later one; now if not given"}},
                    close});
  routes.push_back({"POST", "/v1/accounts/{key}/reopen", "supervise", "Undo that; says how many events wait for a retry", {}, {entity}, reopen});
}

}  // namespace dunlin::server
