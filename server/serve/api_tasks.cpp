// Queues and tasks: the SQL functions of schema dunlin, over HTTP.
#include "server/serve/api_parts.h"
#include "server/serve/letters.h"

namespace dunlin::server {

namespace {

using store::Ask;

/// Tasks as they may be shown to this caller.
Json shown(Api& api, const Call& call, Json tasks) {
  point_to_letters(tasks);
  hide_personal(api, call, tasks);
  return tasks;
}

Reply queues(Api& api, const Call&) { return {Json{{"items", api.ask(Ask::queues, {now_text(api)})}}}; }

Reply list_tasks(Api& api, const Call& call) {
  const int64_t limit = call.limit();
  Json rows = api.ask(Ask::tasks, {call.asked("queue"), call.asked("status"), call.asked("after"), std::to_string(limit)});
  return {page(shown(api, call, std::move(rows)), limit, "task")};
}

Reply read_task(Api& api, const Call& call) {
  return {shown(api, call, one_row(api.ask(Ask::task, {call.path.at("task")}), "there is no open task with this id"))};
}

std::string epoch_of(const Call& call) { return whole_number(call, "epoch", 0, 0, INT32_MAX); }

/// How long a lease is asked for; nothing: as long as the queue says.
std::optional<std::string> seconds_of(const Call& call) {
  const auto seconds = call.maybe_text("seconds");
  return seconds ? std::optional(*seconds + " seconds") : std::nullopt;
}

Reply lease(Api& api, const Call& call) {
  Json rows = api.ask(Ask::lease, {call.path.at("queue"), call.maybe_text("worker").value_or(call.caller.name), whole_number(call, "n", 1, 0, INT32_MAX),
                                   now_text(api), seconds_of(call)});
  return {Json{{"items", shown(api, call, std::move(rows))}}};
}

/// What dunlin.complete() takes: task, epoch, outcome, payload, external id, at.
store::Parameters ended(Api& api, const Call& call) {
  return {call.path.at("task"),       epoch_of(call),       call.maybe_text("outcome"),
          call.maybe_text("payload"), external_id_of(call), call.maybe_text("at").value_or(now_text(api))};
}

Reply complete(Api& api, const Call& call) {
  Json rows = api.ask(Ask::complete, ended(api, call));
  api.context().scheduler.wake();
  return {rows[0]};
}

Reply complete_and_lease(Api& api, const Call& call) {
  store::Parameters given = ended(api, call);
  given.push_back(call.maybe_text("worker"));
  given.push_back(seconds_of(call));
  given.push_back(now_text(api));
  Json rows = api.ask(Ask::complete_and_lease, given);
  api.context().scheduler.wake();
  return {Json{{"items", shown(api, call, std::move(rows))}}};
}

Reply release(Api& api, const Call& call) {
  return {api.ask(Ask::release, {call.path.at("task"), epoch_of(call), call.maybe_text("not_before"), call.maybe_text("reason")})[0]};
}
Reply extend(Api& api, const Call& call) { return {api.ask(Ask::extend, {call.path.at("task"), epoch_of(call), seconds_of(call).value_or("600 seconds")})[0]}; }
Reply withdraw(Api& api, const Call& call) { return {api.ask(Ask::withdraw, {call.path.at("task"), call.text("reason"), call.caller.name})[0]}; }
Reply reassign(Api& api, const Call& call) {
  return {api.ask(Ask::reassign, {call.path.at("task"), call.maybe_text("worker"), call.text("reason"), call.caller.name})[0]};
}
Reply pause(Api& api, const Call& call) { return {api.ask(Ask::pause_queue, {call.path.at("queue"), call.text("reason"), call.caller.name})[0]}; }
Reply resume(Api& api, const Call& call) { return {api.ask(Ask::resume_queue, {call.path.at("queue"), call.caller.name})[0]}; }

}  // namespace

void add_task_routes(std::vector<Route>& routes) {
  const BodyField epoch{"epoch", "integer", "number of the lease, as lease gave it", true}, reason{"reason", "string", "why, for the audit", true};
  const BodyField seconds{"seconds", "integer", "how long; as the queue says if not given"};
  const std::vector<BodyField> outcome{epoch,
                                       {"outcome", "string", "a leaf of the queue's outcomes"},
                                       {"payload", "object", "the outcome's fields"},
                                       {"at", "string", "when it happened; now if not given"},
                                       {"external_id", "string", "the same id again is the same outcome; the header Idempotency-Key if not given"}};
  std::vector<BodyField> outcome_and_next = outcome;
  outcome_and_next.push_back({"worker", "string", "who works on the next; who had this one if not given"});
  outcome_and_next.push_back(seconds);
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
                    {{"worker", "string", "who works; the caller if not given"}, {"n", "integer", "how many; 1 if not given"}, seconds},
                    lease});
  routes.push_back(
      {"POST", "/v1/tasks/{task}/complete", "work", "A task is done: its outcome from the queue's tree, with the outcome's fields", {}, outcome, complete});
  routes.push_back({"POST",
                    "/v1/tasks/{task}/complete_and_lease",
                    "work",
                    "A task is done, and the next one of its queue is taken, in one transaction; `items` is empty if there is none",
                    {},
                    outcome_and_next,
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
