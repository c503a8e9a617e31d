// Queues and tasks: the SQL functions of schema dunlin, over HTTP.
#include "server/serve/api.h"
#include "server/serve/instant.h"
#include "server/serve/letters.h"
#include "server/serve/personal.h"

namespace dunlin::server {

namespace {

using store::Ask;

void hide(const Call& call, Api& api, Json& body) {
  point_to_letters(body);
  if (!call.caller.may("personal")) mask(body, api.active()->personal());
}

/// By the server's clock, which may have been set.
std::string now(Api& api) { return precise_text(api.context().scheduler.now()); }

Reply queues(Api& api, const Call&) { return {Json{{"items", api.ask(Ask::queues, {now(api)})}}}; }

Reply list_tasks(Api& api, const Call& call) {
  const int64_t limit = call.limit();
  Json rows = api.ask(Ask::tasks, {call.asked("queue"), call.asked("status"), call.asked("after"), std::to_string(limit)});
  hide(call, api, rows);
  return {page(std::move(rows), limit, "task")};
}

Reply read_task(Api& api, const Call& call) {
  Json rows = api.ask(Ask::task, {call.path.at("task")});
  if (rows.empty()) throw Problem{404, "there is no open task with this id", "", ""};
  hide(call, api, rows[0]);
  return {rows[0]};
}

std::string whole(const Call& call, const char* name, int64_t otherwise) {
  const auto found = call.body.find(name);
  return std::to_string(found == call.body.end() || found->is_null() ? otherwise : found->get<int64_t>());
}

Reply lease(Api& api, const Call& call) {
  const auto seconds = call.maybe_text("seconds");
  Json rows = api.ask(Ask::lease, {call.path.at("queue"), call.maybe_text("worker").value_or(call.caller.name), whole(call, "n", 1), now(api),
                                   seconds ? std::optional(*seconds + " seconds") : std::nullopt});
  hide(call, api, rows);
  return {Json{{"items", std::move(rows)}}};
}

/// What dunlin.complete() takes: task, epoch, outcome, payload, external id, at.
store::Parameters ended(Api& api, const Call& call) {
  const auto external = call.maybe_text("external_id");
  return {call.path.at("task"),
          whole(call, "epoch", 0),
          call.maybe_text("outcome"),
          call.maybe_text("payload"),
          external                               ? external
          : call.request.idempotency_key.empty() ? std::nullopt
                                                 : std::optional(call.request.idempotency_key),
          call.maybe_text("at").value_or(now(api))};
}

Reply complete(Api& api, const Call& call) {
  Json rows = api.ask(Ask::complete, ended(api, call));
  api.context().scheduler.wake();
  return {rows[0]};
}

Reply complete_and_lease(Api& api, const Call& call) {
  store::Parameters given = ended(api, call);
  const auto seconds = call.maybe_text("seconds");
  given.push_back(call.maybe_text("worker"));
  given.push_back(seconds ? std::optional(*seconds + " seconds") : std::nullopt);
  given.push_back(now(api));
  Json rows = api.ask(Ask::complete_and_lease, given);
  api.context().scheduler.wake();
  hide(call, api, rows);
  return {Json{{"items", std::move(rows)}}};
}

Reply release(Api& api, const Call& call) {
  return {api.ask(Ask::release, {call.path.at("task"), whole(call, "epoch", 0), call.maybe_text("not_before"), call.maybe_text("reason")})[0]};
}
Reply extend(Api& api, const Call& call) {
  return {api.ask(Ask::extend, {call.path.at("task"), whole(call, "epoch", 0), whole(call, "seconds", 600) + " seconds"})[0]};
}
Reply withdraw(Api& api, const Call& call) { return {api.ask(Ask::withdraw, {call.path.at("task"), call.text("reason"), call.caller.name})[0]}; }
Reply reassign(Api& api, const Call& call) {
  return {api.ask(Ask::reassign, {call.path.at("task"), call.maybe_text("worker"), call.text("reason"), call.caller.name})[0]};
}
Reply pause(Api& api, const Call& call) { return {api.ask(Ask::pause_queue, {call.path.at("queue"), call.text("reason"), call.caller.name})[0]}; }
Reply resume(Api& api, const Call& call) { return {api.ask(Ask::resume_queue, {call.path.at("queue"), call.caller.name})[0]}; }

}  // namespace

void add_task_routes(std::vector<Route>& routes) {
  const BodyField epoch{"epoch", "integer", "number of the lease, as lease gave it", true}, reason{"reason", "string", "why, for the audit", true};
  routes.push_back({"GET", "/v1/queues", "read", "Queues with their open tasks", {}, {}, queues});
  routes.push_back(
      {"GET",
       "/v1/tasks",
       "read",
       "Open tasks, by id",
       {{"queue", "only this queue"}, {"status", "ready, leased, withheld, …"}, {"after", "`next` of the page before"}, {"limit", "how many at most"}},
       {},
       list_tasks});
  routes.push_back({"GET", "/v1/tasks/{task}", "read", "One open task", {}, {}, read_task});
  routes.push_back({"POST",
                    "/v1/queues/{queue}/lease",
                    "work",
                    "Take tasks to work on, the most urgent first",
                    {},
                    {{"worker", "string", "who works; the caller if not given"},
                     {"n", "integer", "how many; 1 if not given"},
                     {"seconds", "integer", "how long; as the queue says if not given"}},
                    lease});
  routes.push_back({"POST",
                    "/v1/tasks/{task}/complete",
                    "work",
                    "A task is done: its outcome from the queue's tree, with the outcome's fields",
                    {},
                    {epoch,
                     {"outcome", "string", "a leaf of the queue's outcomes"},
                     {"payload", "object", "the outcome's fields"},
                     {"at", "string", "when it happened; now if not given"},
                     {"external_id", "string", "the same id again is the same outcome; the header Idempotency-Key if not given"}},
                    complete});
  routes.push_back({"POST",
                    "/v1/tasks/{task}/complete_and_lease",
                    "work",
                    "A task is done, and the next one of its queue is taken, in one transaction; `items` is empty if there is none",
                    {},
                    {epoch,
                     {"outcome", "string", "a leaf of the queue's outcomes"},
                     {"payload", "object", "the outcome's fields"},
                     {"at", "string", "when it happened; now if not given"},
                     {"external_id", "string", "the same id again is the same outcome; the header Idempotency-Key if not given"},
                     {"worker", "string", "who works on the next; who had this one if not given"},
                     {"seconds", "integer", "how long; as the queue says if not given"}},
                    complete_and_lease});
  routes.push_back({"POST",
                    "/v1/tasks/{task}/release",
                    "work",
                    "Give a task back",
                    {},
                    {epoch, {"not_before", "string", "not again before this instant"}, {"reason", "string", "why"}},
                    release});
  routes.push_back(
      {"POST", "/v1/tasks/{task}/extend", "work", "Keep a task longer", {}, {epoch, {"seconds", "integer", "from now; 600 if not given"}}, extend});
  routes.push_back({"POST", "/v1/tasks/{task}/withdraw", "supervise", "Withdraw a task", {}, {reason}, withdraw});
  routes.push_back({"POST",
                    "/v1/tasks/{task}/reassign",
                    "supervise",
                    "Give a task to one worker, or to all again",
                    {},
                    {reason, {"worker", "string", "who; everybody if not given"}},
                    reassign});
  routes.push_back({"POST", "/v1/queues/{queue}/pause", "supervise", "Hand out nothing from a queue", {}, {reason}, pause});
  routes.push_back({"POST", "/v1/queues/{queue}/resume", "supervise", "Hand out again", {}, {}, resume});
}

}  // namespace dunlin::server
