// Webhooks: addresses that tasks of a queue are sent to; and the settings of queues. Both are edited with If-Match.
#include <fmt/format.h>

#include "server/http/http_client.h"
#include "server/serve/api.h"
#include "server/serve/deliverer.h"
#include "server/serve/signature.h"

namespace dunlin::server {

namespace {

using store::Ask;

Json dump(const Call& call, Json detail) {
  detail["webhook"] = call.path.contains("webhook") ? call.path.at("webhook") : call.text("name");
  return detail;
}
/// Asks and notes it in the audit, in one transaction.
Json ask_and_note(Api& api, const Call& call, Ask what, const store::Parameters& parameters, const char* action, Json detail) {
  return api.ask_all({{what, parameters}, {Ask::audit_note, {call.caller.name, call.origin(), action, dump(call, std::move(detail)).dump()}}})[0];
}

const std::string& key_of(Api& api) {
  const std::string& key = api.context().config.webhook_key;
  if (key.empty()) throw Problem{409, "webhooks are not set up on this server", "set webhooks.key and webhooks.allowed_hosts in its configuration", ""};
  return key;
}

std::string good_url(Api& api, const std::string& text) {
  auto url = http::parse_url(text);
  if (!url) throw Problem{422, url.error(), "", ""};
  const std::string refused = http::refused_destination(*url, webhook_destinations(api.context().config));
  if (!refused.empty()) throw Problem{422, refused, "webhooks.allowed_hosts lists where requests may go", ""};
  return text;
}

std::string flag(const Call& call, const char* name, bool otherwise) { return call.body.value(name, otherwise) ? "true" : "false"; }

std::string number(const Call& call, const char* name, int64_t otherwise, int64_t most) {
  const auto found = call.body.find(name);
  const int64_t value = found == call.body.end() || found->is_null() ? otherwise : found->get<int64_t>();
  if (value < 1 || value > most) throw Problem{422, fmt::format("`{}` must be from 1 to {}", name, most), "", ""};
  return std::to_string(value);
}

/// The tag stands in the header ETag, not in the body.
Reply tagged(Json row) {
  Reply reply{std::move(row)};
  reply.etag = reply.body["tag"].get<std::string>();
  reply.body.erase("tag");
  reply.body.erase("generation");
  return reply;
}

Json find(Api& api, const Call& call) {
  Json rows = api.ask(Ask::webhook, {call.path.at("webhook")});
  if (rows.empty()) throw Problem{404, "there is no webhook with this name", "", ""};
  return rows[0];
}

Reply webhooks(Api& api, const Call&) {
  Json rows = api.ask(Ask::webhooks);
  for (auto& row : rows) row.erase("tag");
  return {Json{{"items", std::move(rows)}}};
}

Reply webhook(Api& api, const Call& call) { return tagged(find(api, call)); }

Reply add(Api& api, const Call& call) {
  const std::string& key = key_of(api);
  const std::string url = good_url(api, call.text("url"));
  const Json rows = ask_and_note(api, call, Ask::webhook_add,
                                 {call.text("name"), call.text("queue"), url, flag(call, "personal", false), number(call, "in_flight", 50, 1000),
                                  number(call, "tries_max", 8, 50), call.caller.name},
                                 "add webhook", {{"queue", call.text("queue")}, {"url", url}, {"personal", call.body.value("personal", false)}});
  const Json& row = rows[0];
  Reply reply{Json{{"name", row["name"]}, {"secret", webhook_secret(key, row["id"].get<int64_t>(), row["generation"].get<int64_t>())}}};
  reply.etag = row["tag"].get<std::string>();
  return reply;
}

/// Changes the webhook whose state If-Match named, and notes it; all or nothing.
Json change_and_note(Api& api, const Call& call, Ask what, const store::Parameters& parameters, const char* action, Json detail) {
  try {
    return ask_and_note(api, call, what, parameters, action, std::move(detail));
  } catch (const Problem& problem) {
    if (problem.status != 409) throw;
    throw Problem{412, "somebody else changed it in the meantime", "read it again", ""};
  }
}

/// A webhook as it stands in the audit.
Json shown(const Json& row) { return {{"url", row["url"]}, {"queue", row["queue"]}, {"personal", row["personal"]}, {"paused", row["paused"]}}; }

Reply change(Api& api, const Call& call) {
  const Json before = find(api, call);
  call.require_match(before["tag"].get<std::string>());
  const std::string url = good_url(api, call.text("url"));
  const Json after{{"url", url}, {"queue", call.text("queue")}, {"personal", call.body.value("personal", false)}, {"paused", call.body.value("paused", false)}};
  const Json rows = change_and_note(api, call, Ask::webhook_change,
                                    {call.path.at("webhook"), before["tag"].get<std::string>(), call.text("queue"), url, flag(call, "personal", false),
                                     flag(call, "paused", false), number(call, "in_flight", 50, 1000), number(call, "tries_max", 8, 50)},
                                    "change webhook", {{"before", shown(before)}, {"after", after}});
  return tagged(rows[0]);
}

Reply remove(Api& api, const Call& call) {
  const Json before = find(api, call);
  call.require_match(before["tag"].get<std::string>());
  (void)change_and_note(api, call, Ask::webhook_remove, {call.path.at("webhook"), before["tag"].get<std::string>()}, "remove webhook",
                        {{"before", shown(before)}});
  return {Json{{"removed", call.path.at("webhook")}}};
}

Reply new_secret(Api& api, const Call& call) {
  const std::string& key = key_of(api);
  (void)find(api, call);
  const Json rows = ask_and_note(api, call, Ask::webhook_new_secret, {call.path.at("webhook")}, "new secret of webhook", Json::object());
  if (rows.empty()) throw Problem{404, "there is no webhook with this name", "", ""};
  Reply reply{Json{{"name", call.path.at("webhook")}, {"secret", webhook_secret(key, rows[0]["id"].get<int64_t>(), rows[0]["generation"].get<int64_t>())}}};
  reply.etag = rows[0]["tag"].get<std::string>();
  return reply;
}

Reply deliveries(Api& api, const Call& call) {
  const int64_t limit = call.limit();
  (void)find(api, call);
  return {page(api.ask(Ask::webhook_deliveries, {call.path.at("webhook"), call.asked("status"), call.asked("before"), std::to_string(limit)}), limit,
               "created_at")};
}

Reply redrive(Api& api, const Call& call) {
  (void)find(api, call);
  return {ask_and_note(api, call, Ask::webhook_redrive, {call.path.at("webhook"), call.caller.name}, "redrive webhook", Json::object())[0]};
}

// ---- settings of queues ----

Reply queue_settings(Api& api, const Call& call) { return tagged(api.ask(Ask::queue_setting, {call.path.at("queue")})[0]); }

Reply change_queue(Api& api, const Call& call) {
  const Json before = api.ask(Ask::queue_setting, {call.path.at("queue")})[0];
  call.require_match(before["tag"].get<std::string>());
  // What is not given stays as it is; null takes a rate or a channel away.
  const auto value = [&](const char* name) -> std::optional<std::string> {
    const auto given = call.body.find(name);
    const Json& found = given == call.body.end() ? before[name] : *given;
    if (found.is_null()) return std::nullopt;
    return found.is_string() ? found.get<std::string>() : found.dump();
  };
  const Json rows = api.ask(Ask::queue_setting_change, {call.path.at("queue"), before["tag"].get<std::string>(), value("merge"), value("assign"), value("rate"),
                                                        value("rate_per"), value("returns_max"), value("lease_max"), value("refused_for"), value("channel"),
                                                        value("contacts"), call.caller.name, call.origin()});
  if (rows[0]["done"] != true) throw Problem{412, "somebody else changed it in the meantime", "read it again", ""};
  return queue_settings(api, call);
}

}  // namespace

void add_webhook_routes(std::vector<Route>& routes) {
  const BodyField url{"url", "string", "where to: https://…, on a host that webhooks.allowed_hosts names", true},
      queue{"queue", "string", "tasks of this queue", true};
  const BodyField personal{"personal", "boolean", "send fields marked `personal` as they are; masked if not given"};
  const BodyField in_flight{"in_flight", "integer", "tasks that are sent and not yet settled, at most; 50 if not given"},
      tries{"tries_max", "integer", "tries before the task is a dead letter; 8 if not given"};
  routes.push_back({"GET", "/v1/webhooks", "admin", "Addresses that tasks are sent to", {}, {}, webhooks});
  routes.push_back({"POST",
                    "/v1/webhooks",
                    "admin",
                    "Send the tasks of a queue to an address; answers the secret of their signatures, once",
                    {},
                    {{"name", "string", "letters, digits, _ . -", true}, queue, url, personal, in_flight, tries},
                    add});
  routes.push_back({"GET", "/v1/webhooks/{webhook}", "admin", "One of them, with its ETag", {}, {}, webhook});
  routes.push_back({.method = "PUT",
                    .pattern = "/v1/webhooks/{webhook}",
                    .right = "admin",
                    .summary = "Change it as a whole; what is not given is as for a new one",
                    .query = {},
                    .body = {queue, url, personal, {"paused", "boolean", "nothing is leased or sent meanwhile"}, in_flight, tries},
                    .answer = change,
                    .edits = true});
  routes.push_back({.method = "DELETE",
                    .pattern = "/v1/webhooks/{webhook}",
                    .right = "admin",
                    .summary = "Send nothing there any more; what was leased for it goes back when its lease ends",
                    .query = {},
                    .body = {},
                    .answer = remove,
                    .edits = true});
  routes.push_back({"POST", "/v1/webhooks/{webhook}/secret", "admin", "A new secret from now on; answered once", {}, {}, new_secret});
  routes.push_back({"GET",
                    "/v1/webhooks/{webhook}/deliveries",
                    "admin",
                    "What was sent, newest first; what was made at one instant stays on one page, which may be longer than `limit`",
                    {{"status", "waiting, delivered, dead or dropped"}, {"before", "`next` of the page before"}, {"limit", "how many at most"}},
                    {},
                    deliveries});
  routes.push_back({"POST", "/v1/webhooks/{webhook}/redrive", "admin", "Put the tasks it gave up on back into line", {}, {}, redrive});
  routes.push_back({"GET", "/v1/queues/{queue}/settings", "read", "How a queue hands out, with its ETag", {}, {}, queue_settings});
  routes.push_back({.method = "PUT",
                    .pattern = "/v1/queues/{queue}/settings",
                    .right = "supervise",
                    .summary = "Change how a queue hands out; what is not given stays",
                    .query = {},
                    .body = {{"merge", "boolean", "tasks of one case file go out together"},
                             {"assign", "string", "by_priority or one_operator"},
                             {"rate", "integer", "tasks in rate_per at most; null: no bound"},
                             {"rate_per", "string", "an interval: 1 minute"},
                             {"returns_max", "integer", "leases that may end without an outcome before it is a dead letter"},
                             {"lease_max", "string", "longest lease: 8 hours"},
                             {"refused_for", "string", "what a limit refused is looked at again after this: 10 minutes"},
                             {"channel", "string", "name in the ledger of contacts; null: the queue's"},
                             {"contacts", "boolean", "do its tasks reach anybody at all"}},
                    .answer = change_queue,
                    .edits = true});
}

}  // namespace dunlin::server
