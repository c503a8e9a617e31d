// What waits for the word of a person, and who decides for which role.
#include "server/serve/api_parts.h"

namespace dunlin::server {

namespace {

using store::Ask;

Reply approvals(Api& api, const Call& call) {
  Json rows = api.ask(Ask::approvals, {call.asked("status").value_or("open"), call.asked("role"), std::to_string(call.limit(100, 1000))});
  hide_personal(api, call, rows);
  return {Json{{"items", std::move(rows)}}};
}

Reply decide(Api& api, const Call& call, bool approve) {
  Json row = api.ask(Ask::decide_approval, {number_in_path(call, "approval", "approvals"), approve ? "true" : "false", call.caller.name,
                                            call.maybe_text("reason"), call.maybe_text("at"), call.origin()})[0];
  api.context().scheduler.wake();
  return {row};
}
Reply approve(Api& api, const Call& call) { return decide(api, call, true); }
Reply decline(Api& api, const Call& call) { return decide(api, call, false); }

Reply approvers(Api& api, const Call&) { return {Json{{"items", api.ask(Ask::approvers)}}}; }
Reply set_approver(Api& api, const Call& call) {
  return {api.ask(Ask::set_approver, {call.text("role"), call.text("who"), flag_of(call, "may") ? "true" : "false", call.caller.name, call.origin()})[0]};
}

Reply requests(Api& api, const Call& call) {
  return {Json{{"items", api.ask(Ask::requests, {call.asked("kind"), call.asked("status"), std::to_string(call.limit(100, 1000))})}}};
}

}  // namespace

void add_approval_routes(std::vector<Route>& routes) {
  const QueryField limit{"limit", "how many at most, 1 to 1000"};
  const BodyField reason{"reason", "string", "why: stands in the event and in the audit"}, at{"at", "string", "when; now if not given"};
  routes.push_back({"GET",
                    "/v1/approvals",
                    "read",
                    "What rules have asked a person for, the oldest first",
                    {{"status", "open if not given; approved, declined, lapsed, …"}, {"role", "only what this role decides"}, limit},
                    {},
                    approvals});
  routes.push_back(
      {"POST", "/v1/approvals/{approval}/approve", "supervise", "Say yes; never the requester where the bundle says so", {}, {reason, at}, approve});
  routes.push_back({"POST", "/v1/approvals/{approval}/decline", "supervise", "Say no", {}, {reason, at}, decline});
  routes.push_back({"GET", "/v1/approvers", "read", "Who decides for which role", {}, {}, approvers});
  routes.push_back({"POST",
                    "/v1/approvers",
                    "admin",
                    "Somebody decides for a role, or does so no more; from the first one on nobody else does",
                    {},
                    {{"role", "string", "as the bundle calls it", true}, {"who", "string", "the person", true}, {"may", "boolean", "decides, or not", true}},
                    set_approver});
  routes.push_back({"GET",
                    "/v1/requests",
                    "read",
                    "Everything that steps asked for and did not decide: approvals, places under quotas, placements",
                    {{"kind", "approval, quota or allocation"}, {"status", "open, …; all if not given"}, limit},
                    {},
                    requests});
}

}  // namespace dunlin::server
