// What waits for the word of a person, and who decides for which role.
#include "server/serve/api_parts.h"

namespace dunlin::server {

namespace {

using store::Ask;

Reply approvals(Api& api, const Call& call) {
  const int64_t limit = call.limit(100, 1000);
  Json rows = api.ask(Ask::approvals, {call.asked("status").value_or("open"), call.asked("role"), std::to_string(limit), call.asked("after")});
  hide_personal(api, call, rows);
  return {page(std::move(rows), limit, "id")};
}

Reply decide(Api& api, const Call& call, bool approve) {
  Json row = api.ask(Ask::decide_approval, {number_in_path(call, "approval", "approvals"), approve ? "true" : "false", call.caller.name,
                                            call.maybe_text("reason"), call.maybe_text("at").value_or(now_text(api)), call.origin()})[0];
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
  const int64_t limit = call.limit(100, 1000);
  return {page(api.ask(Ask::requests, {call.asked("kind"), call.asked("status"), std::to_string(limit), call.asked("after")}), limit, "id")};
}

}  // namespace

void add_approval_routes(std::vector<Route>& routes) {
  const QueryField limit{"limit", "how many at most, 1 to 1000"}, after{"after", "`next` of the page before"};
  const BodyField reason{"reason", "string", "why: stands in the event and in the audit"}, at{"at", "string", "when; now if not given"};
  routes.push_back({"GET",
                    "/v1/approvals",
                    "read",
                    "What rules have asked a person for, the oldest first",
                    {{"status", "open if not given; approved, declined, lapsed, …"}, {"role", "only what this role decides"}, after, limit},
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
                    {{"kind", "approval, quota or allocation"}, {"status", "open, …; all if not given"}, after, limit},
                    {},
                    requests});
}

}  // namespace dunlin::server
