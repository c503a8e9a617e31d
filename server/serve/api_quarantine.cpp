// What was set aside: looked at, repaired, tried again, let be.
#include <fmt/format.h>

#include "server/serve/api_parts.h"
#include "server/serve/personal.h"

namespace dunlin::server {

namespace {

using store::Ask;

std::string number(const Call& call) { return number_in_path(call, "number", "what is set aside"); }

Json row_of(Api& api, const Call& call) { return one_row(api.ask(Ask::quarantined, {number(call)}), "nothing is set aside under this number"); }

Reply read_one(Api& api, const Call& call) {
  Reply reply{row_of(api, call)};
  reply.etag = reply.body["tag"].get<std::string>();
  reply.body.erase("tag");
  if (!call.caller.may("personal")) reply.body["body"] = reply.body["reason"] = masked;  // a raw row may hold anything
  return reply;
}

Reply retry(Api& api, const Call& call) {
  const std::string most = whole_number(call, "most", 1000, 1, 10'000);
  const auto source = call.maybe_text("source");
  const Json detail{{"most", std::stoll(most)}, {"source", source ? Json(*source) : Json()}};
  auto answers =
      api.ask_all({{Ask::quarantine_retry, {most, source}}, {Ask::audit_note, {call.caller.name, call.origin(), "retry quarantine", detail.dump()}}});
  api.context().scheduler.wake();
  return {Json{{"results", std::move(answers[0])}}};
}

Reply repair(Api& api, const Call& call) {
  const std::string tag = row_of(api, call)["tag"].get<std::string>();
  call.require_match(tag);
  Json changes = Json::object();
  for (const char* name : {"event", "entity", "key", "at", "payload"}) {
    if (const auto given = call.body.find(name); given != call.body.end() && !given->is_null()) changes[name] = *given;
  }
  Json row = api.ask(Ask::quarantine_repair, {number(call), tag, changes.dump(), call.caller.name, call.text("reason")})[0];
  api.context().scheduler.wake();
  return {row};
}

Reply dismiss(Api& api, const Call& call) {
  const std::string tag = row_of(api, call)["tag"].get<std::string>();
  call.require_match(tag);
  return {api.ask(Ask::quarantine_dismiss, {number(call), tag, call.caller.name, call.text("reason")})[0]};
}

Reply step_again(Api& api, const Call& call) {
  Json row = api.ask(Ask::step_again, {entity_of_call(call), call.path.at("key"), call.caller.name})[0];
  api.context().scheduler.wake();
  return {row};
}

}  // namespace

void add_quarantine_routes(std::vector<Route>& routes) {
  const BodyField reason{"reason", "string", "why, for the audit", true};
  routes.push_back({"GET", "/v1/quarantine/{number}", "read", "One row or event that was set aside, with its ETag", {}, {}, read_one});
  routes.push_back({"POST",
                    "/v1/quarantine/retry",
                    "supervise",
                    "Try events again that were set aside; what still does not fit stays, with the reason",
                    {},
                    {{"most", "integer", "how many at most; 1000 if not given"}, {"source", "string", "only from this source"}},
                    retry});
  routes.push_back(
      {.method = "PUT",
       .pattern = "/v1/quarantine/{number}",
       .right = "supervise",
       .summary = "Repair an event that was set aside and try it again: accepted, duplicate, differs (it goes on waiting), or set aside anew as it is now",
       .query = {},
       .body = {reason,
                {"event", "string", "another event"},
                {"entity", "string", "of another kind of instance"},
                {"key", "string", "another key"},
                {"at", "string", "another instant"},
                {"payload", "object", "all its fields"}},
       .answer = repair,
       .edits = true});
  routes.push_back({.method = "DELETE",
                    .pattern = "/v1/quarantine/{number}",
                    .right = "supervise",
                    .summary = "Let it be: it is not tried again; it stays in the table and in the audit",
                    .query = {},
                    .body = {reason},
                    .answer = dismiss,
                    .edits = true});
  routes.push_back({"POST",
                    "/v1/accounts/{key}/step_again",
                    "supervise",
                    "Step a case file again whose step had failed",
                    {},
                    {{"entity", "string", "kind of instance; account if not given"}},
                    step_again});
}

}  // namespace dunlin::server
