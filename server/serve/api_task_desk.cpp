// What else the SQL functions of the queues can do, over HTTP: keeping a lease, asking before dialling, registers, dead letters, overrides, search.
#include <fmt/format.h>

#include "server/serve/api_parts.h"
#include "server/serve/body_rows.h"
#include "server/serve/letters.h"
#include "server/serve/personal.h"

namespace dunlin::server {

namespace {

using store::Ask;

constexpr size_t rows_max = 10'000;

Reply heartbeat(Api& api, const Call& call) {
  return {one_row(api.ask(Ask::heartbeat, {call.path.at("task"), whole_number(call, "epoch", 0, 0, INT32_MAX)}), "there is no such lease")};
}

Reply complete_many(Api& api, const Call& call) {
  Json rows = judged_rows(rows_of_body(call, "results", rows_max), "task", [&](const Json& results) { return api.ask(Ask::complete_many, {results.dump()}); });
  api.context().scheduler.wake();
  return {Json{{"results", std::move(rows)}}};
}

Reply may_contact(Api& api, const Call& call) { return {api.ask(Ask::may_contact, {call.path.at("task"), call.maybe_text("address"), now_text(api)})[0]}; }

Reply withdrawn(Api& api, const Call& call) { return {Json{{"items", api.ask(Ask::withdrawn_tasks, {call.path.at("worker")})}}}; }

Reply record_contact(Api& api, const Call& call) {
  const auto id = external_id_of(call);
  if (!id || id->empty()) throw Problem{422, "a contact needs the id it has in its source", "give external_id, or the header Idempotency-Key", ""};
  Json row =
      api.ask(Ask::record_contact, {call.maybe_text("source").value_or(call.caller.name), id, call.maybe_text("entity").value_or("account"), call.text("key"),
                                    call.text("channel"), call.maybe_text("at").value_or(now_text(api)), call.maybe_text("kind"), call.maybe_text("recipient"),
                                    call.maybe_text("address"), call.maybe_text("outcome"), call.maybe_text("at") ? "true" : "false"})[0];
  api.context().scheduler.wake();
  return {row};
}

Reply why(Api& api, const Call& call) {
  // To whoever is bound, what is not theirs is not there.
  for (const auto& task : {std::optional(call.path.at("task")), call.asked("over")}) {
    if (call.caller.bound() && task && api.ask(Ask::task, {task}).empty()) throw Problem{404, "there is no open task with this id", "", ""};
  }
  return {Json{{"items", api.ask(Ask::why, {call.path.at("task"), call.asked("over")})}}};
}

Reply redrive_task(Api& api, const Call& call) { return {api.ask(Ask::redrive, {std::nullopt, call.path.at("task"), call.caller.name})[0]}; }
Reply redrive_queue(Api& api, const Call& call) { return {api.ask(Ask::redrive, {call.path.at("queue"), std::nullopt, call.caller.name})[0]}; }

Reply show_register(Api& api, const Call& call) {
  const int64_t limit = call.limit(1000, 10'000);
  Json rows = api.ask(Ask::register_of, {call.path.at("queue"), call.asked("day"), call.asked("after"), std::to_string(limit)});
  point_to_letters(rows);
  hide_personal(api, call, rows);
  return {page(std::move(rows), limit, "nth")};
}

Reply post_statuses(Api& api, const Call& call) {
  Json rows = judged_rows(rows_of_body(call, "statuses", rows_max), "number", [&](const Json& statuses) {
    return api.ask(Ask::post_statuses, {call.path.at("queue"), statuses.dump()});
  });
  api.context().scheduler.wake();
  return {Json{{"results", std::move(rows)}}};
}

Reply withdrawals(Api& api, const Call& call) {
  const int64_t limit = call.limit(1000, 10'000);
  const std::string all = call.asked("all").value_or("false");
  if (all != "true" && all != "false") throw Problem{422, "`all` is true or false", "", ""};
  Json rows =
      api.ask(Ask::register_withdrawals, {call.path.at("queue"), call.asked("day"), all, number_asked(call, "after").value_or("0"), std::to_string(limit)});
  point_to_letters(rows);
  hide_personal(api, call, rows);
  return {page(std::move(rows), limit, "correction")};
}

Reply acknowledge_withdrawals(Api& api, const Call& call) {
  Json rows = judged_rows(rows_of_body(call, "withdrawals", rows_max), "number", [&](const Json& heard) {
    return api.ask(Ask::acknowledge_withdrawals, {call.path.at("queue"), heard.dump(), call.caller.name});
  });
  api.context().scheduler.wake();
  return {Json{{"results", std::move(rows)}}};
}

// ---- a supervisor's word about one account ----

Reply overrides(Api& api, const Call& call) {
  const int64_t limit = call.limit();
  return {page(api.ask(Ask::overrides, {number_asked(call, "after").value_or("0"), std::to_string(limit)}), limit, "override")};
}

Reply set_override(Api& api, const Call& call) {
  return {api.ask(Ask::set_override, {call.maybe_text("entity").value_or("account"), call.text("key"), call.text("kind"), call.maybe_text("value"),
                                      call.maybe_text("until"), call.text("reason"), call.maybe_text("queue"), call.caller.name})[0],
          201};
}

Reply lift_override(Api& api, const Call& call) { return {api.ask(Ask::lift_override, {number_in_path(call, "override", "overrides"), call.caller.name})[0]}; }

// ---- looking for somebody ----

Reply search(Api& api, const Call& call) {
  const int64_t limit = call.limit();
  const auto text = call.asked("text"), field = call.asked("field");
  if (!text) throw Problem{422, "say what is looked for: `text`", "GET /v1/search?text=4711, or with field=city", ""};
  const std::string entity = entity_of_call(call), after = call.asked("after").value_or("");
  if (!field) return {page(api.ask(Ask::search_keys, {entity, *text, after, std::to_string(limit)}), limit, "key")};
  // Who may not see a field may not learn by questions what is in it.
  if (!call.caller.may("personal") && api.active()->personal().contains(*field))
    throw Problem{403, fmt::format("`{}` is personal, and the role `{}` has no right to `personal`", *field, call.caller.role), "", ""};
  return {page(api.ask(Ask::search_field, {entity, *field, *text, after, std::to_string(limit)}), limit, "key")};
}

}  // namespace

void add_task_desk_routes(std::vector<Route>& routes) {
  const BodyField epoch{"epoch", "integer", "number of the lease, as lease gave it", true}, reason{"reason", "string", "why, for the audit", true};
  const QueryField limit{"limit", "how many at most, 1 to 500"}, after{"after", "`next` of the page before"};
  routes.push_back(
      {"POST", "/v1/tasks/{task}/heartbeat", "work", "Keep a lease for another lease time; says whether the task was withdrawn", {}, {epoch}, heartbeat});
  routes.push_back({"POST",
                    "/v1/tasks/complete",
                    "work",
                    "Outcomes of many tasks; each is taken or refused for itself",
                    {},
                    {{"results", "array", "each as for POST /v1/tasks/{task}/complete", true,
                      "{ task: uuid, epoch: integer, outcome?: text|null, payload?: object|null, external_id?: text|null, at?: text|null }"}},
                    complete_many});
  routes.push_back({"POST",
                    "/v1/tasks/{task}/may_contact",
                    "work",
                    "Asked at the moment of dialling: may this task's person be contacted now?",
                    {},
                    {{"address", "string", "the number or address that would be used"}},
                    may_contact});
  routes.push_back({"GET", "/v1/workers/{worker}/withdrawn", "work", "Tasks that this worker holds and should stop", {}, {}, withdrawn});
  routes.push_back({"POST",
                    "/v1/contacts",
                    "events",
                    "A contact without a task: an agency's, one made by hand",
                    {},
                    {{"key", "string", "key of the instance", true},
                     {"channel", "string", "call, sms, mail, …", true},
                     {"entity", "string", "kind of that instance; account if not given"},
                     {"source", "string", "who says so; the caller if not given"},
                     {"external_id", "string", "its id in the source; the header Idempotency-Key if not given"},
                     {"at", "string", "when; now if not given"},
                     {"kind", "string", "attempt, conversation or unknown"},
                     {"recipient", "string", "key of who was reached"},
                     {"address", "string", "the number or address"},
                     {"outcome", "string", "an outcome of the bundle"}},
                    record_contact});
  routes.push_back({"GET",
                    "/v1/tasks/{task}/why",
                    "read",
                    "What the order of hand-out looks at, line by line; for two tasks, which line decides",
                    {{"over", "another task"}},
                    {},
                    why});
  routes.push_back({"POST", "/v1/tasks/{task}/redrive", "supervise", "Put a dead letter back into line", {}, {}, redrive_task});
  routes.push_back({"POST", "/v1/queues/{queue}/redrive", "supervise", "Put all dead letters of a queue back into line", {}, {}, redrive_queue});
  routes.push_back({"GET",
                    "/v1/queues/{queue}/register",
                    "read",
                    "The items of a queue's register, in their order",
                    {{"day", "2026-11-22; the last one if not given"}, after, {"limit", "how many at most, 1 to 10000; 1000 if not given"}},
                    {},
                    show_register});
  routes.push_back({"POST",
                    "/v1/queues/{queue}/statuses",
                    "work",
                    "What became of items of registers, by their numbers; each is taken or refused for itself",
                    {},
                    {{"statuses", "array", "what became of each item, by its number", true,
                      "{ number: text, status: text, at?: text|null, payload?: object|null, external_id?: text|null }"}},
                    post_statuses});
  routes.push_back({"GET",
                    "/v1/queues/{queue}/register/withdrawals",
                    "read",
                    "Items of the queue's registers that were withdrawn since they were made, or stand again, until whoever took them acknowledges it",
                    {{"day", "of this day's register; of all if not given"},
                     {"all", "true: also those that were acknowledged"},
                     after,
                     {"limit", "how many at most, 1 to 10000; 1000 if not given"}},
                    {},
                    withdrawals});
  routes.push_back({"POST",
                    "/v1/queues/{queue}/register/withdrawals",
                    "work",
                    "Acknowledge what was withdrawn: each is taken or refused for itself; `stopped` says that it did not go out",
                    {},
                    {{"withdrawals", "array", "each item, with the number of the correction that was heard of", true,
                      "{ number: text, correction: integer, stopped?: flag|null }"}},
                    acknowledge_withdrawals});
  routes.push_back({"GET", "/v1/overrides", "read", "What supervisors have said about single accounts, and still stands", {after, limit}, {}, overrides});
  routes.push_back({"POST",
                    "/v1/overrides",
                    "supervise",
                    "Decide for one account: who works it, how urgent it is, in which stage it is, or that nothing goes out",
                    {},
                    {{"key", "string", "key of the account", true},
                     {"kind", "string", "worker, priority, stage or exclude", true},
                     {"until", "string", "it ends then; without it, a stage is a move for once"},
                     reason,
                     {"entity", "string", "what the key is of; account if not given; a debtor's is for all below"},
                     {"value", "string", "the worker, the priority, or the stage"},
                     {"queue", "string", "only in this queue"}},
                    set_override,
                    false,
                    false,
                    {{201, "made"}}});
  routes.push_back({"POST", "/v1/overrides/{override}/lift", "supervise", "End an override before its time", {}, {}, lift_override});
  routes.push_back(
      {"GET",
       "/v1/search",
       "read",
       "Instances whose key has this in it, or whose field begins with it, whatever the case of its letters; in the order of their keys",
       {{"text", "what is looked for"}, {"entity", "kind of instance; account if not given"}, {"field", "in this field instead of the key"}, after, limit},
       {},
       search});
}

}  // namespace dunlin::server
