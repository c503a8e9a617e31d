// Accounts and what is known of them; events in.
#include <fmt/format.h>

#include "runtime/simulate/explain.h"
#include "server/output/moment.h"
#include "server/serve/api_parts.h"
#include "server/serve/body_rows.h"
#include "server/serve/personal.h"

namespace dunlin::server {

namespace {

using store::Ask;

Reply list_accounts(Api& api, const Call& call) {
  const int64_t limit = call.limit();
  Json rows = api.ask(Ask::accounts,
                      {entity_of_call(call), call.asked("after").value_or(""), call.asked("key").value_or(""), call.asked("stage"), std::to_string(limit)});
  return {page(std::move(rows), limit, "key")};
}

Json fields_of(const engine::CaseFile& file, int32_t position) {
  Json fields = Json::object();
  const checked::Program& program = file.program();
  const auto& instance = file.instance(position);
  for (const auto& field : program.entities[instance.entity].fields) {
    const int64_t* slots = instance.slots + field.slot;
    if (field.type.optional && slots[0] == 0) {
      fields[field.name] = nullptr;
    } else if (field.type.kind == checked::TypeKind::text) {
      fields[field.name] = std::string(reinterpret_cast<const abi::Text*>(slots[field.type.optional ? 1 : 0])->view());
    } else {
      fields[field.name] = checked::format_value(program, field.type, slots);
    }
  }
  return fields;
}

Reply read_account(Api& api, const Call& call) {
  const std::string entity = entity_of_call(call), &key = call.path.at("key");
  Json body = one_row(api.ask(Ask::account_place, {entity, key}), fmt::format("there is no {} with this key", entity));
  const auto active = api.active();
  api.with_store([&](store::Store& store) {
    auto file = store.load_case(active->program(), entity, key, std::nullopt);
    if (!file) refuse(file.error());
    const int32_t position = (*file)->find(engine::stable_id(entity, key));
    if (position >= 0) body["fields"] = fields_of(**file, position);
    return 0;
  });
  hide_personal(api, call, body);
  return {body};
}

Reply timeline(Api& api, const Call& call) {
  const int64_t limit = call.limit(100);
  Json rows = api.ask(Ask::timeline, {entity_of_call(call), call.path.at("key"), call.asked("before"), std::to_string(limit)});
  if (!call.caller.may("personal")) {
    const auto names = api.active()->personal();
    for (auto& row : rows) {
      mask(row, names);
      const std::string kind = row["kind"].get<std::string>();
      if (kind == "note" || kind.starts_with("notified")) row["what"] = masked;  // its text may hold anything
    }
  }
  return {page(std::move(rows), limit, "at")};
}

Json rule_json(const simulate::RuleExplained& rule, const SourceMap& sources, const std::set<std::string>* hidden) {
  Json body{{"place", rule.place},
            {"kind", rule.kind},
            {"rule", rule.name},
            {"where", sources.locate(rule.where)},
            {"verdict", simulate::verdict_text(rule.verdict)}};
  bool hides = false;
  Json read = Json::array();
  for (const auto& value : rule.read) {
    const bool hide_it = hidden != nullptr && reads_personal(value.name, *hidden);
    hides = hides || hide_it;
    read.push_back({{"name", value.name}, {"value", hide_it ? masked : value.value}});
  }
  body["because"] = hides ? masked : rule.because;
  body["read"] = std::move(read);
  if (rule.due) body["due"] = moment_json(*rule.due);
  return body;
}

Reply explain_account(Api& api, const Call& call) {
  const auto active = api.active();
  const std::string entity = entity_of_call(call), &key = call.path.at("key");
  if (call.caller.bound()) (void)one_row(api.ask(Ask::account_place, {entity, key}), fmt::format("there is no {} with this key", entity));
  const int64_t at = api.context().scheduler.now();
  const auto names = active->personal();
  const std::set<std::string>* hidden = call.caller.may("personal") ? nullptr : &names;
  return {api.with_store([&](store::Store& store) {
    auto explained =
        simulate::explain(store, active->program(), *active->machine.interpreter, *active->machine.calendar->view(), active->settings, entity, key, at);
    if (!explained) refuse(explained.error());
    Json body{{"entity", explained->entity},     {"key", explained->key},     {"at", moment_json(at)},
              {"strategy", explained->strategy}, {"stage", explained->stage}, {"next_wake", moment_json(explained->wake_at)}};
    body["rules"] = Json::array();
    for (const auto& rule : explained->rules) {
      if (rule.verdict != simulate::Verdict::no_event) body["rules"].push_back(rule_json(rule, active->bundle->sources, hidden));
    }
    // Whoever is bound may not know of other queues; what a task is stands in its text.
    const bool all = !call.caller.bound();
    body["would_do"] = hidden == nullptr && all ? Json(explained->would_do) : Json(fmt::format("{} things", explained->would_do.size()));
    body["tasks"] = all ? Json(explained->tasks) : Json(fmt::format("{} tasks", explained->tasks.size()));
    return body;
  })};
}

Reply post_event(Api& api, const Call& call) {
  const auto id = external_id_of(call);
  if (!id || id->empty()) throw Problem{422, "an event needs the id it has in its source", "give external_id, or the header Idempotency-Key", ""};
  Json rows = api.ask(Ask::post_event,
                      {call.maybe_text("source").value_or(call.caller.name), id, call.text("event"), call.maybe_text("entity").value_or("account"),
                       call.text("key"), call.maybe_text("at").value_or(now_text(api)), call.maybe_text("payload"), call.maybe_text("at") ? "true" : "false"});
  api.context().scheduler.wake();
  return {rows[0]};
}

Reply post_events(Api& api, const Call& call) {
  constexpr size_t most = 10'000;
  if (call.body["events"].size() > most) throw Problem{413, fmt::format("a batch has {} events at most", most), "", ""};
  Json rows = judged_rows(call.body["events"], "nth", [&](const Json& events) { return api.ask(Ask::post_events, {events.dump()}); });
  api.context().scheduler.wake();
  return {Json{{"results", std::move(rows)}}};
}

Reply funnel(Api& api, const Call&) { return {Json{{"items", api.ask(Ask::funnel)}}}; }

Reply quarantine(Api& api, const Call& call) {
  const int64_t limit = call.limit();
  Json rows = api.ask(Ask::quarantine, {call.asked("before"), std::to_string(limit)});
  if (!call.caller.may("personal")) {
    for (auto& row : rows) row["body"] = row["reason"] = masked;  // a raw row may hold anything
  }
  return {page(std::move(rows), limit, "id")};
}

}  // namespace

void add_portfolio_routes(std::vector<Route>& routes) {
  const QueryField entity{"entity", "kind of instance; account if not given"}, limit{"limit", "how many at most, 1 to 500"};
  routes.push_back({"GET",
                    "/v1/accounts",
                    "read",
                    "Accounts in the order of their keys",
                    {entity, {"key", "beginning of the key"}, {"stage", "soft.calling"}, {"after", "`next` of the page before"}, limit},
                    {},
                    list_accounts});
  routes.push_back({"GET", "/v1/accounts/{key}", "read", "One account: its fields, stage and next wake", {entity}, {}, read_account});
  routes.push_back({"GET",
                    "/v1/accounts/{key}/timeline",
                    "read",
                    "What happened to an account, newest first; what happened at one instant stays on one page, which may be longer than `limit`",
                    {entity, {"before", "`next` of the page before"}, limit},
                    {},
                    timeline});
  routes.push_back(
      {"GET", "/v1/accounts/{key}/explain", "read", "Each rule that could act on the account now: why, and why not", {entity}, {}, explain_account});
  routes.push_back({"GET", "/v1/stages", "read", "How many instances stand in each stage", {}, {}, funnel});
  routes.push_back(
      {"POST",
       "/v1/events",
       "events",
       "Post one event: accepted, duplicate, differs (source and external_id are known of this instance with other content, and nothing changes), or set_aside",
       {},
       {{"event", "string", "the event's name", true},
        {"key", "string", "key of the instance it belongs to", true},
        {"entity", "string", "kind of that instance; account if not given"},
        {"source", "string", "who says so; the caller if not given"},
        {"external_id", "string", "its id in the source; the header Idempotency-Key if not given"},
        {"at", "string", "when it happened, 2026-01-05T12:00:00Z; now if not given"},
        {"payload", "object", "the event's fields"}},
       post_event});
  routes.push_back({"POST",
                    "/v1/events/batch",
                    "events",
                    "Post many events; each is accepted, duplicate, differs, set_aside or refused for itself",
                    {},
                    {{"events", "array", "each as for POST /v1/events; source, external_id, entity and at must be given", true,
                      "{ source: text, external_id: text, event: text, entity: text, key: text, at: text, payload?: object }"}},
                    post_events});
  routes.push_back({"GET",
                    "/v1/quarantine",
                    "read",
                    "Rows and case files that were set aside, newest first",
                    {{"before", "`next` of the page before"}, limit},
                    {},
                    quarantine});
}

}  // namespace dunlin::server
