// Health, metrics, the description of the API, the audit.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>

#include "runtime/store/disk_room.h"
#include "runtime/store/migrations.h"
#include "server/output/moment.h"
#include "server/serve/api.h"
#include "server/serve/clock_watch.h"
#include "server/serve/instant.h"
#include "server/serve/personal.h"
#include "server/serve/table_puller.h"

namespace dunlin::server {

namespace {

using store::Ask;

/// Whether the database has refused a write lately because its disk is full. Who steps tries again every few seconds, and so do those who ask.
bool disk_full() {
  constexpr double lately_s = 10;
  const auto seconds = store::seconds_since_disk_full();
  return seconds && *seconds < lately_s;
}

Reply live(Api&, const Call&) { return {Json{{"live", true}}}; }

Reply ready(Api& api, const Call&) {
  const auto pinged = api.context().service.ask(Ask::ping);
  bool database = pinged.has_value();
  const auto totals = api.context().scheduler.totals();
  // A server with no bundle yet is ready: the first is applied through it. One whose version is still being compiled is not.
  bool compiled = totals.version != 0;
  if (database && !compiled) {
    const auto rows = api.context().service.ask(Ask::gauges, {"epoch"});
    database = rows.has_value();
    compiled = database && Json::parse(*rows)[0]["version"].is_null();
  }
  const int64_t jumped = unconfirmed_jump();
  const int64_t schema = database ? Json::parse(*pinged)[0].value("schema", int64_t{0}) : 0;
  const bool newer = schema > store::migrations().back().number;
  const bool full = disk_full();
  const bool good = database && compiled && jumped == 0 && !newer && !full;
  Json body{{"ready", good}, {"database", database}, {"version", totals.version}};
  if (jumped != 0) body["clock"] = fmt::format("jumped by {:+.1f} h: nothing is stepped until `dunlin clock confirm`", static_cast<double>(jumped) / 3.6e9);
  if (full) body["disk"] = "the disk of the database is full: nothing new can be kept until there is room on it again";
  if (newer) body["schema"] = store::migrated_by_newer(std::to_string(schema));
  return {body, good ? 200 : 503};
}

/// Seconds since an instant as the database writes it, "2026-12-05T07:00:00.25+01:00"; nothing where it is none.
std::optional<double> age_of(const Json& written, int64_t now_us) {
  if (!written.is_string()) return std::nullopt;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, zone_hour = 0, zone_minute = 0;
  double second = 0;
  char sign = '+';
  const int read = std::sscanf(written.get_ref<const std::string&>().c_str(), "%d-%d-%dT%d:%d:%lf%c%d:%d", &year, &month, &day, &hour, &minute, &second, &sign,
                               &zone_hour, &zone_minute);
  if (read < 6) return std::nullopt;
  const std::chrono::sys_days date = std::chrono::year(year) / month / day;
  const double zone = read < 8 ? 0 : (sign == '-' ? -60.0 : 60.0) * (60 * zone_hour + zone_minute);
  const double at = static_cast<double>(date.time_since_epoch().count()) * 86400 + hour * 3600 + minute * 60 + second - zone;
  return std::max(0.0, static_cast<double>(now_us) / 1e6 - at);
}

Reply metrics(Api& api, const Call&) {
  std::string text = api.context().metrics.text();
  const auto totals = api.context().scheduler.totals();
  const auto add = [&](const char* name, const char* kind, const char* help, auto value) {
    text += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n", name, kind, help, value);
  };
  add("dunlin_passes_total", "counter", "Looks at the portfolio.", totals.passes);
  add("dunlin_cases_stepped_total", "counter", "Case files stepped.", totals.cases);
  add("dunlin_events_handled_total", "counter", "Events handled.", totals.events);
  add("dunlin_transitions_total", "counter", "Moves between stages.", totals.transitions);
  add("dunlin_tasks_created_total", "counter", "Tasks created.", totals.tasks_created);
  add("dunlin_tasks_updated_total", "counter", "Tasks changed.", totals.tasks_updated);
  add("dunlin_tasks_withdrawn_total", "counter", "Tasks withdrawn.", totals.tasks_withdrawn);
  add("dunlin_faults_total", "counter", "Case files set aside.", totals.faults);
  add("dunlin_step_seconds_total", "counter", "Time in steps.", totals.step_seconds);
  add("dunlin_commit_seconds_total", "counter", "Time in commits.", totals.commit_seconds);
  add("dunlin_compile_seconds_total", "counter", "Time in compiling versions.", totals.compile_seconds);
  add("dunlin_passes_failed_total", "counter", "Passes that ended in an error.", totals.failures);
  add("dunlin_passes_overtaken_total", "counter", "Passes overtaken by a switch of versions or of nodes.", totals.overtaken);
  add("dunlin_lease_losses_total", "counter", "Leases on buckets that this node lost to another one or could not renew.", totals.lease_losses);
  add("dunlin_buckets_held", "gauge", "Buckets that this node steps, of 1024.", totals.buckets);
  add("dunlin_active_version", "gauge", "Number of the version in use on this node.", totals.version);
  add("dunlin_kept_strategies", "gauge", "Strategies of older versions that the active one carries along (`on change pin`).", totals.kept_strategies);
  add("dunlin_kept_strategies_let_go", "gauge", "Of them: without native code on this node, because nobody stands there any more.", totals.kept_let_go);
  add("dunlin_database_up", "gauge", "1: the database answers.", totals.database_there ? 1 : 0);
  add("dunlin_database_full", "gauge", "1: the database's disk was full when this node last tried to write, in the last ten seconds.", disk_full() ? 1 : 0);
  add("dunlin_clock_jumped_seconds", "gauge", "By how much the clock has jumped, unconfirmed; not 0: nothing is stepped.", unconfirmed_jump() / 1'000'000);
  const auto pulled = pull_totals();
  add("dunlin_table_pulls_total", "counter", "Pulls of the bank's tables by this node that went well.", pulled.pulls);
  add("dunlin_table_pull_failures_total", "counter", "Pulls of the bank's tables by this node that failed.", pulled.failures);
  add("dunlin_table_pull_failing", "gauge", "1: the last one failed; `dunlin doctor` says why.", pulled.failing ? 1 : 0);
  add("dunlin_table_rows_total", "counter", "Rows read from the bank's tables.", pulled.rows);
  add("dunlin_table_changed_total", "counter", "Of them: new or changed.", pulled.changed);
  add("dunlin_table_set_aside_total", "counter", "Of them: set aside, counted with each reading.", pulled.set_aside);
  text += api.context().scheduler.effects().text();
  if (const auto expires = api.certificate_expires ? api.certificate_expires() : std::nullopt)
    add("dunlin_certificate_expires_timestamp_seconds", "gauge", "When the certificate in use ends, in seconds since 1970.", *expires);
  if (api.connections) {
    const auto counts = api.connections();
    add("dunlin_http_connections", "gauge", "Open connections.", counts.open);
    add("dunlin_http_connections_total", "counter", "Connections taken.", counts.accepted);
    add("dunlin_http_connections_refused_total", "counter", "Connections refused: too many.", counts.refused);
    add("dunlin_http_timeouts_total", "counter", "Requests that came too slowly.", counts.timed_out);
    add("dunlin_http_malformed_total", "counter", "Requests that were not HTTP or too large.", counts.malformed);
    add("dunlin_http_streams", "gauge", "Connections that are told of changes.", counts.streams);
    add("dunlin_http_slow_readers_total", "counter", "Readers of streams that were cut off: too far behind.", counts.slow_readers);
  }
  const Json gauges = api.ask(Ask::gauges, {moment_json(api.context().scheduler.now())})[0];
  for (const char* name : {"case_files", "set_aside", "awake", "inbox", "quarantine", "feeds_late", "campaigns"})
    add(fmt::format("dunlin_{}", name).c_str(), "gauge", "What the database holds.", gauges[name].get<int64_t>());
  const Json queues = api.ask(Ask::queues, {precise_text(api.context().scheduler.now())});
  const auto of_queues = [&](const char* name, const char* help, auto figure) {
    text += fmt::format("# HELP dunlin_queue_{0} {1}\n# TYPE dunlin_queue_{0} gauge\n", name, help);
    for (const auto& queue : queues) text += fmt::format("dunlin_queue_{}{{queue=\"{}\"}} {}\n", name, queue["queue"].get<std::string>(), figure(queue));
  };
  const auto whole = [](const Json& queue, const char* name) { return queue[name].template get<int64_t>(); };
  of_queues("due_now", "Tasks that can be leased, were the queue not paused.", [&](const Json& queue) { return whole(queue, "due_now"); });
  of_queues("waiting", "Tasks whose time has not come.", [&](const Json& queue) { return whole(queue, "ready") - whole(queue, "due_now"); });
  of_queues("leased", "Tasks that somebody holds.", [&](const Json& queue) { return whole(queue, "leased"); });
  of_queues("held", "Tasks that are withheld, or were given up.", [&](const Json& queue) { return whole(queue, "held"); });
  of_queues("paused", "1: nothing is handed out.", [](const Json& queue) { return queue["paused"].template get<bool>() ? 1 : 0; });
  text += "# HELP dunlin_queue_oldest_seconds For how long the oldest task that can be leased has been one.\n# TYPE dunlin_queue_oldest_seconds gauge\n";
  for (const auto& queue : queues) {
    if (const auto age = age_of(queue["oldest"], api.context().scheduler.now()))
      text += fmt::format("dunlin_queue_oldest_seconds{{queue=\"{}\"}} {:.0f}\n", queue["queue"].get<std::string>(), *age);
  }
  text += "# HELP dunlin_node_version Version that each live node steps with.\n# TYPE dunlin_node_version gauge\n";
  text += api.with_store([](store::Store& store) {
    auto nodes = store.nodes();
    if (!nodes) refuse(nodes.error());
    std::string lines;
    for (const auto& node : *nodes) {
      if (node.live) lines += fmt::format("dunlin_node_version{{node=\"{}\"}} {}\n", node.name, node.version);
    }
    return lines;
  });
  text += "# HELP dunlin_webhook_deliveries Tasks sent to webhooks, by what became of them.\n# TYPE dunlin_webhook_deliveries gauge\n";
  for (const auto& row : api.ask(Ask::webhook_counts))
    text += fmt::format("dunlin_webhook_deliveries{{webhook=\"{}\",status=\"{}\"}} {}\n", row["name"].get<std::string>(), row["status"].get<std::string>(),
                        row["count"].get<int64_t>());
  return {Json(text)};
}

Reply openapi(Api& api, const Call&) {
  Reply reply{Json(api.openapi())};
  reply.content_type = "application/json";
  return reply;
}

Reply audit(Api& api, const Call& call) {
  const int64_t limit = call.limit();
  Json rows = api.ask(Ask::audit, {call.asked("before"), std::to_string(limit)});
  if (!call.caller.may("personal")) {
    // Without a version nobody knows which fields are personal: any may be.
    const auto active = api.context().scheduler.active();
    const std::set<std::string>* names = active ? &active->personal() : nullptr;
    for (Json& row : rows) {
      if (!row["detail"].is_object()) continue;
      if (row["action"] == "stop contact") mask_stop(row["detail"], names);
      if (row["action"] == "resume contact" && row["detail"].contains("before")) mask_stop(row["detail"]["before"], names);
    }
  }
  return {page(std::move(rows), limit, "id")};
}
Reply audit_head(Api& api, const Call&) { return {api.ask(Ask::audit_head)[0]}; }
Reply audit_verify(Api& api, const Call& call) { return {api.ask(Ask::audit_verify, {call.asked("id"), call.asked("hash")})[0]}; }

Reply reload(Api& api, const Call& call) {
  (void)api.ask(Ask::audit_note, {call.caller.name, call.origin(), "reload", "{}"});
  api.context().scheduler.wake();
  Json body{{"asked", true}, {"certificate", "none"}};
  if (!api.reload_certificate) return {body};
  const http::Certificate certificate = api.reload_certificate();
  if (certificate.state == http::Certificate::State::loaded) {
    body["certificate"] = "loaded";
    body["valid_until"] = certificate.valid_until;
  } else if (certificate.state == http::Certificate::State::kept) {
    body["certificate"] = "kept";
    body["reason"] = certificate.wrong;
  }
  return {body};
}

Reply me(Api&, const Call& call) {
  Json body{{"name", call.caller.name}, {"role", call.caller.role}, {"rights", call.caller.rights}};
  if (call.caller.bound()) body["bound_to"] = Json::parse(call.caller.scope);
  return {body};
}

}  // namespace

void add_system_routes(std::vector<Route>& routes) {
  routes.push_back({"GET", "/livez", "-", "The process answers", {}, {}, live});
  routes.push_back({"GET",
                    "/readyz",
                    "-",
                    "The database answers too, and the active version is in use",
                    {},
                    {},
                    ready,
                    false,
                    false,
                    {{503, "not now: the database is away, the version is being compiled, or what `clock`, `disk` or `schema` says"}}});
  routes.push_back({"GET", "/openapi.json", "-", "This description", {}, {}, openapi});
  routes.push_back({"GET", "/metrics", "read", "Counters in Prometheus' form", {}, {}, metrics});
  routes.push_back({"GET", "/v1/me", "", "Who the token belongs to, and what it may do", {}, {}, me});
  routes.push_back(
      {"GET", "/v1/audit", "audit", "Who did what, newest first", {{"before", "`next` of the page before"}, {"limit", "how many at most"}}, {}, audit});
  routes.push_back({"GET", "/v1/audit/head", "audit", "Where the chain ends: to be kept somewhere else", {}, {}, audit_head});
  routes.push_back(
      {"GET", "/v1/audit/verify", "audit", "Goes along the whole chain", {{"id", "entry of an anchored head"}, {"hash", "its hash"}}, {}, audit_verify});
  routes.push_back({"POST", "/v1/reload", "admin", "Look for a new active version now, and read the certificate again", {}, {}, reload});
}

}  // namespace dunlin::server
