#include "server/serve/answers.h"

#include <fmt/format.h>

#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace dunlin::server {

namespace {

using Json = nlohmann::ordered_json;

// How shapes are written, here and in the routes for the rows of a body:
//   text integer number flag null   as JSON has them
//   instant day uuid                texts of a form
//   object                          its fields are the bundle's or the caller's, not ours
//   map X                           any names, each with an X
//   { a: X, b?: Y }                 `b` may be missing
//   { a: X, ... }                   and other fields, which are the bundle's
//   [X]   X|Y   Name                a list, one of several, a shape of the first table
//   list X                          { items: [X] }
//   page X                          { items: [X], next?: text }

struct Named {
  const char *name, *shape;
};

constexpr Named shapes[] = {
    {"Problem", "{ type: text, title: text, status: integer, help?: text, code?: text, request_id?: text }"},
    {"RefusedFile",
     "{ type: text, title: text, status: integer, help: text, request_id: text, feed: text, day: day, delivery: integer|null, result: text, reason: text, "
     "rows_read?: integer, rows_taken?: integer, rows_rejected?: integer, rejected_rows?: integer, rejected?: [Rejected] }"},
    {"Outcome", "{ result: text }"},
    {"Done", "{ done: flag }"},
    {"Example", "{ entity: text, key: text }"},
    {"File", "{ path: text, text: text }"},
    {"Fix", "{ title: text, replacement: text, file: text, line: integer, column: integer, end_line: integer, end_column: integer }"},
    {"Note", "{ message: text, file?: text, line?: integer, column?: integer, end_line?: integer, end_column?: integer }"},
    {"Diagnostic",
     "{ severity: text, code: text, title?: text, message: text, file?: text, line?: integer, column?: integer, end_line?: integer, end_column?: integer, "
     "label?: text, notes: [Note], witness: [{ name: text, value: text }], help?: text, fixes: [Fix] }"},
    {"Change",
     "{ kind: text, what: text, name: text, before?: text, after?: text, where_before?: text, where_after?: text, note?: text, wider?: flag, "
     "witness?: map text, cases?: [{ where: map text, witness: map text, before: text, after: text }] }"},
    {"Difference", "{ same: flag, wider: flag, changes: [Change], renamed: [{ what: text, before: text, after: text }] }"},
    {"Portfolio",
     "{ cases: integer, instances: integer, cases_affected: integer, tasks_created: integer, tasks_withdrawn: integer, tasks_changed: integer, "
     "stages: [{ from: text, to: text, because: text, count: integer, example: Example }], "
     "tasks: [{ change: text, queue: text, treatment: text, rule: text, what?: text, count: integer, example: Example }], "
     "stranded: [{ stage: text, count: integer, example: Example }], "
     "pinned: [{ strategy: text, version: integer, count: integer, example: Example }], "
     "faults: [{ cured: flag, rule: text, message: text, count: integer, example: Example }] }"},
    {"Plan",
     "{ active: integer, bundle: text, content_hash: text, already_active: flag, version?: integer, at: instant, difference: Difference, portfolio?: "
     "Portfolio, "
     "refused?: { reason: text, help: text }, activated?: flag, proposal?: integer, help?: text, back_to?: integer }"},
    {"Proposal",
     "{ id: integer, at: instant, author: text, origin: text|null, reason: text, bundle: text, content_hash: text, replacing: integer|null, back: flag, "
     "status: text, decided_by: text|null, decided_at: instant|null, decision: text|null, version: integer|null }"},
    {"Task",
     "{ queue: text, task: uuid, priority: number, not_before: instant, due: instant|null, status: text, entity: text, key: text, treatment: text, "
     "strategy: text|null, stage: text|null, rule: text|null, created_at: instant, fields: object|null, band: integer, seq: integer, wakes: instant|null, "
     "worker: text|null, lease_until: instant|null, lease_epoch: integer, marked: flag, returns: integer, assigned: text|null, reason: text|null, "
     "listed: day|null }"},
    {"Leased",
     "{ task: uuid, epoch: integer, lease_until: instant, queue: text, entity: text, key: text, debtor: text|null, treatment: text, priority: number, "
     "due: instant|null, fields: object|null, lead: uuid|null, returns: integer }"},
    {"LeaseState", "{ lease_until: instant|null, withdrawn: flag, reason: text|null }"},
    {"QueueSettings",
     "{ queue: text, outcomes: text|null, cost: number, lease: text, merge: flag, assign: text, rate: integer|null, rate_per: text, returns_max: integer, "
     "lease_max: text, refused_for: text, channel: text|null, contacts: flag, paused_at: instant|null, paused_by: text|null, paused_why: text|null }"},
    {"WebhookSecret", "{ name: text, secret: text }"},
    {"Webhook",
     "{ id: integer, name: text, queue: text, url: text, personal: flag, paused: flag, in_flight: integer, tries_max: integer, created_by: text, "
     "created_at: instant, waiting?: integer }"},
    {"Listed", "{ listed: day|null, queue: text, task: uuid, entity: text, key: text, treatment: text, priority: number, due: instant|null, status: text }"},
    {"Worker",
     "{ worker: text, full_name: text|null, head: text|null, schedule: text|null, timezone: text, territories: [text], queues: [text], "
     "capacity: integer|null, active: flag, absent_until: instant|null, at_work_from: instant|null, holds: integer, listed: integer, ended_today: integer, "
     "facts?: [{ what: text, name: text, since: text|null, until: text|null, reason: text|null, who: text|null }], day_list?: [Listed] }"},
    {"Simulation",
     "{ simulation: integer, status: text, by: text, bundle: text|null, from: instant, until: instant, started_at: instant, ended_at: instant|null, "
     "cases_done: integer, active_version: integer|null, trouble?: text, result?: { "
     "stages: [{ stage: text, now: integer, active: integer, proposed?: integer }], "
     "moves: [{ from: text, to: text, rule: text, example: Example, active: integer, proposed?: integer }], "
     "tasks: [{ queue: text, treatment: text, active: SimulatedTasks, proposed?: SimulatedTasks }], "
     "faults: { active: [SimulatedFault], proposed?: [SimulatedFault] }, steps: { active: integer, proposed?: integer }, cases: integer, instances: integer }, "
     "cases_total?: integer }"},
    {"SimulatedTasks", "{ created: integer, withdrawn: integer, open: integer }"},
    {"SimulatedFault", "{ message: text, count: integer, example: Example }"},
    {"Figure", "{ total: text, per_head: text|null }"},
    {"Experiment",
     "{ experiment: text, title: text, kind: text, status: text, from: text, to: text, split_by: text, layer: text, arms: [{ arm: text, control: flag, "
     "share: text, enrolled: integer, success: Figure|null, cost: Figure|null, guardrails: [{ guardrail: text, happened: integer, passed: flag }], "
     "faults: integer }] }"},
    {"Ordered", "{ experiment: text, status: text, new_go_into: text }"},
    {"BulkPlan", "{ lines: integer, results: map integer, events: map integer, witness: [{ line: integer, event: text, entity: text, key: text }] }"},
    {"Rejected", "{ line: integer, column: text, reason: text, row: object|text }"},
    {"BulkTried", "{ plan: BulkPlan, rejected_lines: integer, rejected: [Rejected], bulk?: integer, status?: text, posted?: integer|null }"},
    {"Bulk",
     "{ id: integer, at: instant, author: text, reason: text, file: text, status: text, plan: BulkPlan, events?: [{ at: text, key: text, event: text, "
     "entity: text, source: text, payload: object, external_id: text }], decided_by: text|null, decided_at: instant|null, decision: text|null, "
     "posted: integer|null, undone: integer|null }"},
    {"Campaign",
     "{ campaign: integer, name: text, origin: text, queue: text, treatment: text, priority: number, from_day: day, to_day: day, per_day: integer|null, "
     "status: text, who: text, ended_why: text|null, cases: integer, waiting: integer, open: integer, done: integer, missed: integer, withdrawn: integer, "
     "rejected: integer }"},
    {"CampaignTried",
     "{ campaign: integer|null, listed: integer, good: integer, days: [{ day: day, cases: integer }]|null, unreached: integer, "
     "witness: [{ day: day, key: text }]|null, rejected: [{ key: text|null, nth: integer, reason: text }]|null }"},
    {"HoldChanged", "{ event: text, entity: text, key: text, at: instant, result: text }"},
    {"Judged", "{ nth: integer, result: text, code: text|null, message: text|null, hint: text|null }"},
    {"SetAside", "{ id: integer, at: instant, kind: text, location: text|null, reason: text, body: text|null }"},
    {"RuleExplained", "{ place: text, kind: text, rule: text, where: text, verdict: text, because: text, read: [{ name: text, value: text }], due?: text }"},
};

/// By address and method, as /openapi.json has them. With 422: a problem that says more than the others.
constexpr Named answers[] = {
    {"GET /livez", "{ live: flag }"},
    {"GET /readyz", "{ ready: flag, database: flag, version: integer, clock?: text, disk?: text, schema?: text }"},
    {"GET /openapi.json", "{ openapi: text, info: object, security: [object], paths: object, components: object }"},
    {"GET /v1/me", "{ name: text, role: text, rights: [text], bound_to?: object }"},
    {"GET /v1/audit", "page { id: integer, at: instant, who: text, origin: text|null, action: text, detail: object|null, hash: text }"},
    {"GET /v1/audit/head", "{ id: integer, hash: text, entries: integer }"},
    {"GET /v1/audit/verify", "{ good: flag, entries: integer, at_entry: integer|null, what: text, head: text|null }"},
    {"POST /v1/reload", "{ asked: flag, certificate: text, valid_until?: text, reason?: text }"},
    // ---- portfolio ----
    {"GET /v1/accounts", "page { entity: text, key: text, case_file: text|null, stage: text|null, entered_at: instant|null }"},
    {"GET /v1/accounts/{key}",
     "{ entity: text, key: text, stage: text|null, entered_at: instant|null, set_aside: flag, next_wake: instant|null, fields?: object }"},
    {"GET /v1/accounts/{key}/timeline", "page { at: instant, kind: text, what: text|null, rule: text|null, payload: object|null }"},
    {"GET /v1/accounts/{key}/explain",
     "{ entity: text, key: text, at: text, strategy: text, stage: text, next_wake: text, rules: [RuleExplained], would_do: [text]|text, tasks: [text]|text }"},
    {"GET /v1/search", "page { key: text, found: text|null }"},
    {"GET /v1/stages", "list { strategy: text, stage: text, count: integer }"},
    {"POST /v1/events", "Outcome"},
    {"POST /v1/events/batch", "{ results: [Judged] }"},
    {"POST /v1/contacts", "Outcome"},
    {"GET /v1/quarantine", "page SetAside"},
    {"GET /v1/quarantine/{number}",
     "{ id: integer, at: instant, kind: text, location: text|null, reason: text, body: text|null, source: text|null, external_id: text|null, "
     "tried_at: instant|null, resolved_at: instant|null }"},
    {"PUT /v1/quarantine/{number}", "Outcome"},
    {"DELETE /v1/quarantine/{number}", "Done"},
    {"POST /v1/quarantine/retry", "{ results: [{ result: text, events: integer }] }"},
    {"POST /v1/accounts/{key}/step_again", "Done"},
    // ---- tasks ----
    {"GET /v1/queues", "list { queue: text, ready: integer, due_now: integer, leased: integer, held: integer, oldest: instant|null, paused: flag }"},
    {"GET /v1/tasks", "page Task"},
    {"GET /v1/tasks/{task}", "Task"},
    {"GET /v1/tasks/{task}/letter", "{ name: text, key: text, subject: text|null, format: text, body: text }"},
    {"GET /v1/tasks/{task}/why", "list { what: text, this: text|null, other: text|null, decides: flag|text|null }"},
    {"POST /v1/queues/{queue}/lease", "list Leased"},
    {"POST /v1/tasks/{task}/complete", "Outcome"},
    {"POST /v1/tasks/{task}/complete_and_lease", "list Leased"},
    {"POST /v1/tasks/{task}/release", "Outcome"},
    {"POST /v1/tasks/{task}/extend", "LeaseState"},
    {"POST /v1/tasks/{task}/heartbeat", "LeaseState"},
    {"POST /v1/tasks/{task}/withdraw", "Outcome"},
    {"POST /v1/tasks/{task}/reassign", "Outcome"},
    {"POST /v1/tasks/{task}/may_contact", "{ allowed: flag, reason: text|null }"},
    {"POST /v1/tasks/{task}/redrive", "{ tasks: integer }"},
    {"POST /v1/tasks/complete", "{ results: [{ task: text|null, result: text, code: text|null, message: text|null, hint: text|null }] }"},
    {"POST /v1/queues/{queue}/pause", "Done"},
    {"POST /v1/queues/{queue}/resume", "Done"},
    {"POST /v1/queues/{queue}/redrive", "{ tasks: integer }"},
    {"GET /v1/queues/{queue}/register",
     "page { number: text, register: text, day_made: day, nth: integer, entity: text, key: text, debtor: text|null, treatment: text, fields: object|null, "
     "status: text|null, status_at: instant|null, withdrawn: text|null }"},
    {"GET /v1/queues/{queue}/register/withdrawals",
     "page { number: text, register: text, day_made: day, nth: integer, entity: text, key: text, debtor: text|null, treatment: text, fields: object|null, "
     "status: text|null, status_at: instant|null, withdrawn: text|null, correction: integer, corrected_at: instant, acknowledged_at: instant|null, "
     "acknowledged_by: text|null }"},
    {"POST /v1/queues/{queue}/register/withdrawals",
     "{ results: [{ number: text|null, result: text, code: text|null, message: text|null, hint?: text|null }] }"},
    {"POST /v1/queues/{queue}/statuses", "{ results: [{ number: text|null, result: text, code: text|null, message: text|null, hint?: text|null }] }"},
    {"GET /v1/queues/{queue}/settings", "QueueSettings"},
    {"PUT /v1/queues/{queue}/settings", "QueueSettings"},
    // ---- bundles ----
    {"GET /v1/bundles",
     "page { version: integer, bundle: text, content_hash: text, author: text, activated_at: instant|null, active: flag, instances_pinned: integer }"},
    {"GET /v1/bundles/{version}", "{ version: integer, files: [File] }"},
    {"GET /v1/bundles/{version}/diff/{other}", "Difference"},
    {"POST /v1/bundles/check", "{ diagnostics: [Diagnostic], errors: integer, warnings: integer, left_out: integer, good: flag }"},
    {"POST /v1/bundles/plan", "Plan"},
    {"POST /v1/bundles/apply", "Plan"},
    {"POST /v1/bundles/rollback", "Plan"},
    {"GET /v1/proposals", "page Proposal"},
    {"GET /v1/proposals/{proposal}",
     "{ id: integer, at: instant, author: text, origin: text|null, reason: text, bundle: text, content_hash: text, replacing: integer|null, back: flag, "
     "wider: flag, files: [File], plan: Plan|null, status: text, decided_by: text|null, decided_at: instant|null, decision: text|null, "
     "version: integer|null }"},
    {"POST /v1/proposals/{proposal}/approve", "Plan"},
    {"POST /v1/proposals/{proposal}/reject", "{ rejected: integer }"},
    {"GET /v1/experiments", "list Experiment"},
    {"GET /v1/experiments/{experiment}", "Experiment"},
    {"POST /v1/experiments/{experiment}/promote", "Ordered"},
    {"POST /v1/experiments/{experiment}/stop", "Ordered"},
    {"GET /v1/simulations", "list Simulation"},
    {"POST /v1/simulations", "Simulation"},
    {"GET /v1/simulations/{simulation}", "Simulation"},
    {"POST /v1/simulations/{simulation}/cancel", "Simulation"},
    // ---- reports ----
    {"GET /v1/reports/funnel", "{ from: text, to: text, columns: [text], items: [{ stage: text, standing: integer, entered: integer, gone: integer }] }"},
    {"GET /v1/reports/queues",
     "{ from: text, to: text, columns: [text], items: [{ queue: text, created: integer, done: integer, withdrawn: integer, expired: integer, ready: integer, "
     "leased: integer, withheld: integer, dead_letter: integer, cost: number|null }] }"},
    {"GET /v1/reports/contacts",
     "{ from: text, to: text, columns: [text], items: [{ day: day, channel: text|null, kind: text, outcome: text|null, contacts: integer, "
     "case_files: integer }] }"},
    {"GET /v1/reports/outcomes",
     "{ from: text, to: text, columns: [text], items: [{ queue: text, outcome: text|null, treatment: text, tasks: integer, case_files: integer, "
     "mean_hours: number|null }] }"},
    {"GET /v1/reports/tasks",
     "{ from: text, to: text, columns: [text], items: [{ queue: text, treatment: text, strategy: text|null, stage: text|null, rule: text|null, "
     "created: integer, done: integer, withdrawn: integer, expired: integer, open: integer }] }"},
    {"GET /v1/reports/experiments",
     "{ columns: [text], items: [{ experiment: text, status: text, arm: text, control: flag, share: text, enrolled: integer, success: text|null, "
     "success_per_head: text|null, cost: text|null, cost_per_head: text|null, guardrails_broken: integer, faults: integer }] }"},
    // ---- webhooks ----
    {"GET /v1/webhooks", "list Webhook"},
    {"POST /v1/webhooks", "WebhookSecret"},
    {"GET /v1/webhooks/{webhook}", "Webhook"},
    {"PUT /v1/webhooks/{webhook}", "Webhook"},
    {"DELETE /v1/webhooks/{webhook}", "{ removed: text }"},
    {"POST /v1/webhooks/{webhook}/secret", "WebhookSecret"},
    {"GET /v1/webhooks/{webhook}/deliveries",
     "page { id: uuid, task: uuid, epoch: integer, status: text, tries: integer, next_at: instant|null, answer: integer|null, reason: text|null, "
     "created_at: instant, ended_at: instant|null }"},
    {"POST /v1/webhooks/{webhook}/redrive", "{ tasks: integer }"},
    // ---- people, feeds, campaigns ----
    {"GET /v1/workers", "page Worker"},
    {"POST /v1/workers", "{ results: [{ worker: text|null, result: text, message: text|null, code?: text|null, hint?: text|null }] }"},
    {"GET /v1/workers/{worker}", "Worker"},
    {"PUT /v1/workers/{worker}", "Worker"},
    {"POST /v1/workers/{worker}/absences", "{ absence: integer }"},
    {"POST /v1/workers/{worker}/back", "{ ended: integer }"},
    {"POST /v1/workers/{worker}/days", "Done"},
    {"GET /v1/workers/{worker}/day_list", "list Listed"},
    {"GET /v1/workers/{worker}/withdrawn", "list { task: uuid, epoch: integer, queue: text, key: text, reason: text|null }"},
    {"POST /v1/day_lists/fill", "{ listed: integer }"},
    {"GET /v1/schedules",
     "list { name: text, title: text, hours: [{ from: integer, to: integer, weekdays: integer, working: flag }], closed: integer, odd_days: [day], "
     "zone: text|null }"},
    {"GET /v1/territories", "list { name: text, title: text, regions: [text], schedule: text|null, capacities: map integer }"},
    {"GET /v1/overrides",
     "page { override: integer, entity: text, key: text, kind: text, value: text|null, queue: text|null, since: instant, until: instant, reason: text, "
     "who: text }"},
    {"POST /v1/overrides", "{ override: integer }"},
    {"POST /v1/overrides/{override}/lift", "Done"},
    {"GET /v1/feeds",
     "list { feed: text, title: text, due: text, holds: text, expected: day|null, state: text, missing_since: instant|null, last_day: day|null, "
     "last_at: instant|null, last_file: text|null, last_rows: integer|null, last_bad: integer|null, last_total: number|null, refused: text|null, "
     "kept_back: integer|null }"},
    {"GET /v1/feeds/{feed}/files",
     "page { id: integer, feed: text, day: day, file: text, status: text, who: text, at: instant, rows_read: integer|null, rows_bad: integer|null, "
     "rows_told: integer|null, total: number|null, total_told: number|null, reason: text|null }"},
    {"POST /v1/feeds/{feed}/files",
     "{ feed: text, day: day, delivery: integer|null, result: text, reason?: text|null, tasks_let_go?: integer, rows_read?: integer, rows_taken?: integer, "
     "rows_rejected?: integer, rejected_rows?: integer, rejected?: [Rejected], rows_older?: integer, "
     "older?: [{ line: integer, entity: text, key: text, known: instant }] }"},
    {"POST /v1/feeds/{feed}/files 422", "RefusedFile"},
    {"POST /v1/feeds/{feed}/lift", "{ feed: text, day: day }"},
    {"GET /v1/campaigns", "page Campaign"},
    {"POST /v1/campaigns", "CampaignTried"},
    {"POST /v1/campaigns/plan", "CampaignTried"},
    {"POST /v1/campaigns/release", "list { name: text, released: integer, settled: integer, waiting: integer }"},
    {"GET /v1/campaigns/{campaign}/cases",
     "page { line: integer, key: text|null, status: text, day: day|null, task: uuid|null, tries: integer, reason: text|null }"},
    {"POST /v1/campaigns/{campaign}/stop", "{ name: text, withdrawn: integer, marked: integer, done: integer, never: integer }"},
    {"GET /v1/bulk", "page Bulk"},
    {"POST /v1/bulk", "BulkTried"},
    {"POST /v1/bulk/plan", "BulkTried"},
    {"GET /v1/bulk/{bulk}", "Bulk"},
    {"POST /v1/bulk/{bulk}/approve", "{ bulk: integer, posted: integer }"},
    {"POST /v1/bulk/{bulk}/reject", "Done"},
    {"POST /v1/bulk/{bulk}/undo", "{ undone: integer, acted_on: integer, kept: [object]|null }"},
    // ---- stops, approvals ----
    {"GET /v1/contact_stops",
     "page { stop: integer, since: instant, until: instant|null, entity: text|null, key: text|null, field: text|null, value: text|null, address: text|null, "
     "queue: text|null, feed: text|null, reason: text, who: text }"},
    {"POST /v1/contact_stops", "{ stop: integer, marked: integer, instances: integer|null, tasks: integer|null }"},
    {"POST /v1/contact_stops/{stop}/lift", "{ woken: integer }"},
    {"POST /v1/accounts/{key}/holds", "HoldChanged"},
    {"POST /v1/accounts/{key}/holds/{hold}/lift", "HoldChanged"},
    {"POST /v1/accounts/{key}/close", "Done"},
    {"POST /v1/accounts/{key}/reopen", "{ waiting: integer }"},
    {"GET /v1/approvals",
     "page { id: integer, name: text, status: text, entity: text, key: text, payload: object|null, role: text|null, requester: text|null, asked_at: instant, "
     "due: instant|null, lapses_at: instant|null, decided_at: instant|null, decided_by: text|null, reason: text|null }"},
    {"POST /v1/approvals/{approval}/approve", "Outcome"},
    {"POST /v1/approvals/{approval}/decline", "Outcome"},
    {"GET /v1/approvers", "list { role: text, who: text, since: instant }"},
    {"POST /v1/approvers", "{ changed: flag }"},
    {"GET /v1/requests",
     "page { id: integer, kind: text, name: text, entity: text|null, key: text|null, status: text, asked_at: instant, decided_at: instant|null, "
     "reason: text|null, agency: text|null, amount: number|null, until: instant|null, over_at: instant|null }"},
};

/// Reads one shape; a mistake in the tables above is a mistake of the program.
class Shape {
 public:
  explicit Shape(std::string text) : text_(std::move(text)) {}
  Json whole() {
    Json schema = either();
    if (!next().empty()) wrong("the end");
    return schema;
  }

 private:
  [[noreturn]] void wrong(const char* wanted) const { throw std::logic_error(fmt::format("answers: {} instead of `{}` in {}", wanted, word_, text_)); }

  /// The word or sign that comes; empty: none.
  const std::string& next() {
    if (!word_.empty()) return word_;
    const std::string& text = text_;
    while (at_ < text.size() && text[at_] == ' ') ++at_;
    size_t end = at_;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) ++end;
    if (end == at_ && end < text.size()) ++end;
    word_ = text.substr(at_, end - at_);
    at_ = end;
    return word_;
  }
  std::string take() {
    std::string taken = next();
    word_.clear();
    return taken;
  }
  bool taken(const char* sign) {
    if (next() != sign) return false;
    word_.clear();
    return true;
  }
  void need(const char* sign) {
    if (!taken(sign)) wrong(sign);
  }

  Json either() {
    Json first = one();
    if (next() != "|") return first;
    Json all = Json::array({std::move(first)});
    while (taken("|")) all.push_back(one());
    Json kinds = Json::array();
    for (const Json& each : all) {
      if (each.size() != 1 || !each.contains("type")) return {{"oneOf", std::move(all)}};
      kinds.push_back(each["type"]);
    }
    return {{"type", std::move(kinds)}};
  }

  static Json type(const char* name) { return {{"type", name}}; }
  static Json list_of(Json item) { return {{"type", "array"}, {"items", std::move(item)}}; }
  static Json items_of(Json item) { return {{"type", "object"}, {"properties", {{"items", list_of(std::move(item))}}}, {"required", Json::array({"items"})}}; }

  Json one() {
    if (taken("[")) {
      Json item = either();
      need("]");
      return list_of(std::move(item));
    }
    if (taken("{")) return fields();
    const std::string word = take();
    static const std::map<std::string, const char*> plain{{"text", "string"},  {"integer", "integer"}, {"number", "number"},
                                                          {"flag", "boolean"}, {"null", "null"},       {"object", "object"}};
    if (const auto found = plain.find(word); found != plain.end()) return type(found->second);
    if (word == "map") return {{"type", "object"}, {"additionalProperties", one()}};
    if (word == "list") return items_of(one());
    if (word == "page") {
      Json schema = items_of(one());
      schema["properties"]["next"] = {{"type", "string"}, {"description", "where the next page begins; not there: this is the last one"}};
      return schema;
    }
    static const std::map<std::string, const char*> forms{{"instant", "Instant"}, {"day", "Day"}, {"uuid", "Uuid"}};
    if (const auto found = forms.find(word); found != forms.end()) return {{"$ref", fmt::format("#/components/schemas/{}", found->second)}};
    for (const Named& named : shapes) {
      if (word == named.name) return {{"$ref", "#/components/schemas/" + word}};
    }
    word_ = word;
    wrong("a shape");
  }

  Json fields() {
    Json properties = Json::object(), required = Json::array();
    bool others = false;
    do {
      if (next() == ".") {
        for (int dot = 0; dot < 3; ++dot) need(".");
        others = true;
        break;
      }
      const std::string name = take();
      if (!taken("?")) required.push_back(name);
      need(":");
      properties[name] = either();
    } while (taken(","));
    need("}");
    Json schema{{"type", "object"}, {"properties", std::move(properties)}};
    if (!required.empty()) schema["required"] = std::move(required);
    if (others) schema["additionalProperties"] = Json::object();
    return schema;
  }

  std::string text_, word_;
  size_t at_ = 0;
};

}  // namespace

Json answer_schema(const std::string& method, const std::string& pattern) {
  const std::string wanted = method + " " + pattern;
  for (const Named& answer : answers) {
    if (wanted == answer.name) return Shape(answer.shape).whole();
  }
  return nullptr;
}

Json problem_schema(const std::string& method, const std::string& pattern) { return answer_schema(method, pattern + " 422"); }

Json shape_schema(const std::string& shape) { return Shape(shape).whole(); }

Json named_schemas() {
  const auto form = [](const char* pattern, const char* what) { return Json{{"type", "string"}, {"pattern", pattern}, {"description", what}}; };
  Json all{{"Instant", form(R"(^(\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:\d\d)?)|-?infinity)$)", "ISO 8601 with its offset; `infinity`: never")},
           {"Day", form(R"(^\d{4}-\d\d-\d\d$)", "a calendar day")},
           {"Uuid", form("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", "a number of 128 bits")}};
  for (const Named& named : shapes) all[named.name] = Shape(named.shape).whole();
  // Where a problem says more it is described by itself: no other has a field that does not stand here.
  all["Problem"]["additionalProperties"] = false;
  return all;
}

}  // namespace dunlin::server
