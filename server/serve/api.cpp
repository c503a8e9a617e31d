#include "server/serve/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "server/http/proxies.h"
#include "server/serve/body_rows.h"
#include "server/serve/live.h"
#include "server/serve/log.h"
#include "server/serve/number_text.h"
#include "server/serve/openapi.h"
#include "server/serve/split.h"

namespace dunlin::server {

namespace {

constexpr int json_depth_max = 32;
constexpr int64_t caller_ttl_ms = 10'000;  // a revoked token is refused after this at the latest
constexpr size_t clients_max = 50'000;

int64_t milliseconds() { return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string dump(const Json& body) { return body.dump(-1, ' ', false, Json::error_handler_t::replace); }

http::Response problem_response(const Problem& problem, const std::string& id) {
  Json body{{"type", "about:blank"}, {"title", problem.title}, {"status", problem.status}};
  if (!problem.help.empty()) body["help"] = problem.help;
  if (!problem.code.empty()) body["code"] = problem.code;
  body["request_id"] = id;
  http::Response response{problem.status, "application/problem+json", dump(body), {}};
  if (problem.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (problem.status == 429 || problem.status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

/// A part of a path, decoded; false: it is not well formed.
bool decode_part(const std::string& from, std::string& to) {
  const http::Target target = http::parse_target("/?x=" + [&] {
    std::string safe;
    for (const char c : from) safe += c == '+' ? "%2B" : c == '&' ? "%26" : std::string(1, c);
    return safe;
  }());
  const auto found = target.query.find("x");
  if (target.path.empty()) return false;
  to = found == target.query.end() ? "" : found->second;
  return !to.empty();
}

bool matches(const std::string& pattern, const std::string& path, std::map<std::string, std::string>& values) {
  const auto wanted = split(pattern, '/'), given = split(path, '/');
  if (wanted.size() != given.size()) return false;
  values.clear();
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i].starts_with('{')) {
      if (wanted[i] != given[i]) return false;
    } else if (!decode_part(given[i], values[wanted[i].substr(1, wanted[i].size() - 2)])) {
      return false;
    }
  }
  return true;
}

Json parse_body(const http::Request& request) {
  if (request.body.empty()) return Json::object();
  if (!request.content_type.empty() && !request.content_type.starts_with("application/json"))
    throw Problem{415, "the body must be JSON", "send Content-Type: application/json", ""};
  bool too_deep = false;
  const auto watch = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > json_depth_max) too_deep = true;
    return !too_deep;
  };
  try {
    Json body = Json::parse(request.body, watch);
    if (too_deep) throw Problem{400, fmt::format("the body is nested deeper than {} levels", json_depth_max), "", ""};
    if (!body.is_object()) throw Problem{400, "the body must be a JSON object", "", ""};
    return body;
  } catch (const nlohmann::json::parse_error& error) {
    throw Problem{400, fmt::format("the body is not JSON: a mistake at byte {}", error.byte), "", ""};
  }
}

void check_body(const Route& route, const Json& body) {
  for (const BodyField& field : route.body) {
    const auto found = body.find(field.name);
    if (found == body.end() || found->is_null()) {
      if (field.required) throw Problem{422, fmt::format("the body lacks `{}`", field.name), field.what, ""};
      continue;
    }
    const bool good = (field.type == "string" && found->is_string()) || (field.type == "integer" && found->is_number_integer()) ||
                      (field.type == "object" && found->is_object()) || (field.type == "array" && found->is_array()) ||
                      (field.type == "boolean" && found->is_boolean());
    if (!good) throw Problem{422, fmt::format("`{}` must be of type {}", field.name, field.type), field.what, ""};
  }
  for (const auto& [name, value] : body.items()) {
    if (std::ranges::find(route.body, name, &BodyField::name) == route.body.end())
      throw Problem{422, fmt::format("there is no field `{}` here", name), "see /openapi.json", ""};
  }
}

}  // namespace

// ---- calls ----

std::string Call::text(const char* name) const { return body.at(name).get<std::string>(); }
std::optional<std::string> Call::maybe_text(const char* name) const {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) return std::nullopt;
  return found->is_string() ? found->get<std::string>() : found->dump();
}
std::optional<std::string> Call::asked(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() || found->second.empty() ? std::nullopt : std::optional(found->second);
}
int64_t Call::limit(int64_t otherwise, int64_t most) const {
  const auto given = asked("limit");
  if (!given) return otherwise;
  const auto value = number_in_text(*given);
  if (!value || *value < 1 || *value > most) throw Problem{422, fmt::format("`limit` must be a whole number from 1 to {}", most), "", ""};
  return *value;
}

void Call::require_match(const std::string& tag) const {
  const std::string& given = request.if_match;
  if (given.empty()) return;
  // A list of quoted tags, or * for whatever is there. Weak ones (W/"…") never match.
  for (size_t from = 0; from < given.size();) {
    const size_t comma = std::min(given.find(',', from), given.size());
    const size_t begin = given.find_first_not_of(" \t", from), end = given.find_last_not_of(" \t,", comma == 0 ? 0 : comma - 1);
    const std::string one = begin == std::string::npos || end == std::string::npos || end < begin ? "" : given.substr(begin, end - begin + 1);
    if (one == "*" || one == "\"" + tag + "\"") return;
    from = comma + 1;
  }
  throw Problem{412, "it has changed since you read it", "read it again; the header ETag names its state", ""};
}

void unavailable(const std::string& reason) {
  throw Problem{503, "the database does not answer", "try again in a while; the log of the server says more", "", reason};
}

void no_room(const std::string& reason) {
  throw Problem{503, "the disk of the database is full: nothing can be written", "free some space on it, then ask again; nobody need be restarted", "", reason};
}

void refuse(const store::StoreError& error) {
  if (error.disk_full) no_room(error.message);
  switch (error.kind) {
    case store::StoreError::Kind::input:
      throw Problem{422, error.message, "", ""};
    case store::StoreError::Kind::conflict:
      throw Problem{409, error.message, "", ""};
    default:
      unavailable(error.message);
  }
}

Json page(Json rows, int64_t limit, const char* column) {
  Json body{{"items", Json::array()}};
  if (static_cast<int64_t>(rows.size()) >= limit && !rows.empty()) {
    const Json& last = rows.back()[column];
    body["next"] = last.is_string() ? last.get<std::string>() : last.dump();
  }
  body["items"] = std::move(rows);
  return body;
}

// ---- the API ----

Api::Api(ApiContext context) : context_(std::move(context)) {
  add_system_routes(routes_);
  add_portfolio_routes(routes_);
  add_task_routes(routes_);
  add_letter_routes(routes_);
  add_bundle_routes(routes_);
  add_webhook_routes(routes_);
  add_report_routes(routes_);
  add_stream_routes(routes_);
  add_task_desk_routes(routes_);
  add_people_routes(routes_);
  add_feed_routes(routes_);
  add_campaign_routes(routes_);
  add_bulk_routes(routes_);
  add_stop_routes(routes_);
  add_approval_routes(routes_);
  add_quarantine_routes(routes_);
  add_experiment_routes(routes_);
  add_simulation_routes(routes_);
  openapi_ = dump(openapi_document(routes_));
}

namespace {

/// What the caller of the request that this thread answers is bound to, and where it calls from. Every question of it is asked under that, whoever asks.
thread_local std::string asking_scope, asking_origin;
struct Asking {
  Asking(const std::string& scope, const std::string& origin) {
    asking_scope = scope;
    asking_origin = origin;
  }
  ~Asking() {
    asking_scope.clear();
    asking_origin.clear();
  }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
};

/// What callers may use who are bound: its questions have the conditions in them. Everything else concerns the whole portfolio.
bool for_bound_callers(const Route& route) {
  static const std::set<std::string> known{"GET /v1/me",
                                           "GET /v1/stream",
                                           "GET /v1/accounts",
                                           "GET /v1/accounts/{key}",
                                           "GET /v1/accounts/{key}/timeline",
                                           "GET /v1/accounts/{key}/explain",
                                           "GET /v1/stages",
                                           "GET /v1/queues",
                                           "GET /v1/tasks",
                                           "GET /v1/tasks/{task}",
                                           "GET /v1/tasks/{task}/letter",
                                           "GET /v1/reports/funnel",
                                           "GET /v1/reports/queues",
                                           "GET /v1/reports/contacts",
                                           "POST /v1/events",
                                           "POST /v1/events/batch",
                                           "POST /v1/queues/{queue}/lease",
                                           "POST /v1/tasks/{task}/complete",
                                           "POST /v1/tasks/{task}/complete_and_lease",
                                           "POST /v1/tasks/{task}/release",
                                           "POST /v1/tasks/{task}/extend",
                                           "POST /v1/tasks/{task}/withdraw",
                                           "POST /v1/tasks/{task}/reassign",
                                           "GET /v1/search",
                                           "GET /v1/overrides",
                                           "POST /v1/overrides",
                                           "GET /v1/tasks/{task}/why",
                                           "POST /v1/tasks/{task}/heartbeat",
                                           "POST /v1/tasks/{task}/may_contact",
                                           "POST /v1/accounts/{key}/holds",
                                           "POST /v1/accounts/{key}/holds/{hold}/lift",
                                           "GET /v1/reports/tasks",
                                           "GET /v1/reports/outcomes"};
  return route.right == "-" || known.contains(route.method + " " + route.pattern);
}

}  // namespace

Json Api::ask(store::Ask what, const store::Parameters& parameters) { return ask_all({{what, parameters}})[0]; }

std::vector<Json> Api::ask_all(const std::vector<std::pair<store::Ask, store::Parameters>>& calls) {
  auto answers = context_.service.ask_all(calls, asking_scope, asking_origin);
  if (answers) {
    std::vector<Json> all;
    for (const std::string& answer : *answers) all.push_back(Json::parse(answer));
    return all;
  }
  const auto& error = answers.error();
  using Kind = store::ServiceError::Kind;
  if (error.disk_full) no_room(error.message);
  if (error.kind == Kind::unavailable) unavailable(error.message);
  throw Problem{error.kind == Kind::refused ? 422 : 409, error.message, error.hint, error.code};
}

store::Store& Api::admin_store() {
  if (!store_) {
    auto opened = context_.open_store();
    if (!opened) refuse(opened.error());
    store_ = std::move(*opened);
  }
  return *store_;
}

std::shared_ptr<const Runner> Api::active() const {
  auto runner = context_.scheduler.active();
  if (runner) return runner;
  const auto rows = context_.service.ask(store::Ask::gauges, {"epoch"});
  if (!rows) unavailable(rows.error().message);
  if (Json::parse(*rows)[0]["version"].is_null()) throw Problem{409, "no bundle is active yet", "apply one: POST /v1/bundles/apply", ""};
  throw Problem{503, "the active version is being compiled", "try again in a moment; /readyz tells when", ""};
}

namespace {

/// From the header, or, since browsers set none when they open a WebSocket, from the protocols they offer: "dunlin, token.dun_…". Empty: none.
std::string token_in(const http::Request& request) {
  static const std::string scheme = "Bearer ", offered = "token.";
  if (request.authorization.starts_with(scheme)) return request.authorization.substr(scheme.size());
  if (!request.upgrade || !request.authorization.empty()) return "";
  for (size_t from = 0; from < request.protocols.size();) {
    const size_t to = std::min(request.protocols.find(',', from), request.protocols.size());
    const size_t begin = std::min(request.protocols.find_first_not_of(' ', from), to);
    if (request.protocols.compare(begin, offered.size(), offered) == 0) return request.protocols.substr(begin + offered.size(), to - begin - offered.size());
    from = to + 1;
  }
  return "";
}

}  // namespace

std::optional<std::unique_ptr<Caller>> Api::caller_again(const http::Request& request) {
  try {
    return std::make_unique<Caller>(caller_of(request));
  } catch (const Problem& problem) {
    if (problem.status == 401) return std::unique_ptr<Caller>();
    if (!problem.logged.empty()) log::write(log::Level::warn, "whether a stream's token is still good cannot be said now", {{"reason", problem.logged}});
    return std::nullopt;
  }
}

Caller Api::caller_of(const http::Request& request) {
  if (context_.ldap.asked_for() && request.authorization.starts_with("Basic ")) {
    auto caller = context_.ldap.caller(request.authorization);
    if (caller) return *caller;
    throw Problem{caller.error().unavailable ? 503 : 401, caller.error().message, "", ""};
  }
  const std::string token = token_in(request);
  if (token.empty()) {
    throw Problem{401, "this needs a token", "send Authorization: Bearer …; `dunlin token create --role operator --name anna` makes one", ""};
  }
  if (context_.oidc.may_be(token)) {
    auto caller = context_.oidc.caller(token);
    if (caller) return *caller;
    throw Problem{caller.error().unavailable ? 503 : 401, "this token is not good: " + caller.error().message, "", ""};
  }
  const std::string hash = token_hash(token);
  const int64_t now = milliseconds();
  {
    const std::lock_guard lock(caller_guard_);
    const auto known = callers_.find(hash);
    if (known != callers_.end() && known->second.until_ms > now) return known->second.caller;
  }
  const Json rows = ask(store::Ask::token_find, {hash});
  if (rows.empty()) throw Problem{401, "this token is not known, or was revoked", "", ""};
  Caller caller{rows[0]["name"], rows[0]["role"], {}};
  if (rows[0]["scope"].is_string()) caller.scope = rows[0]["scope"].get<std::string>();
  for (const auto& right : rows[0]["rights"]) caller.rights.insert(right.get<std::string>());
  const std::lock_guard lock(caller_guard_);
  if (callers_.size() > clients_max) callers_.clear();
  callers_[hash] = {caller, now + caller_ttl_ms};
  return caller;
}

void Api::check_rate(const std::string& client) {
  const int64_t now = milliseconds();
  const std::lock_guard lock(rate_guard_);
  if (buckets_.size() > clients_max) buckets_.clear();
  auto [at, fresh] = buckets_.try_emplace(client, Bucket{context_.config.burst, now});
  Bucket& bucket = at->second;
  bucket.tokens = std::min(context_.config.burst, bucket.tokens + static_cast<double>(now - bucket.at_ms) / 1000.0 * context_.config.requests_per_second);
  bucket.at_ms = now;
  if (bucket.tokens < 1) throw Problem{429, "too many requests from this client", "wait a second", ""};
  bucket.tokens -= 1;
}

http::Response Api::answer(const http::Request& request, std::string& route_name, Call& call) {
  const http::Target target = http::parse_target(request.target);
  if (target.path.empty()) throw Problem{400, "the address of the request is not well formed", "", ""};
  call.query = target.query;
  std::string others;
  for (const Route& route : routes_) {
    if (!matches(route.pattern, target.path, call.path)) continue;
    if (route.method != request.method) {
      others += (others.empty() ? "" : ", ") + route.method;
      continue;
    }
    route_name = route.pattern;
    if (route.right != "-") {
      check_rate("address " + http::counted_as(request.peer));
      call.caller = caller_of(request);
      check_rate("token " + call.caller.name);
      if (!route.right.empty() && !call.caller.may(route.right))
        throw Problem{403, fmt::format("the role `{}` has no right to `{}`", call.caller.role, route.right), "", ""};
      if (call.caller.bound() && !for_bound_callers(route))
        throw Problem{403, "this concerns the whole portfolio, and the token is bound to a part of it", "use a token that is not bound", ""};
    }
    for (const auto& [name, value] : call.query) {
      if (std::ranges::find(route.query, name, &QueryField::name) == route.query.end())
        throw Problem{422, fmt::format("there is no query field `{}` here", name), "see /openapi.json", ""};
    }
    if (request.method != "GET") {
      call.body = parse_body(request);
      check_body(route, call.body);
      // To the database a text ends at a NUL: it would be another one than the caller wrote. In an address it is refused where that is taken apart.
      refuse_nul(call.body, rows_judged_alone(route));
    }
    if (route.edits && request.if_match.empty()) throw Problem{428, "say which state you change", "send If-Match with the ETag that GET gave", ""};
    // Where from stands in the audit; what is not audited need not say it.
    const bool audited = request.method != "GET" && route.right != "work" && !route.pattern.starts_with("/v1/events");
    const Asking asking(call.caller.scope, audited ? call.origin() : "");
    Reply reply = route.answer(*this, call);
    if (request.method != "GET") context_.live.touch();
    // A text stands for itself: metrics.
    http::Response response{reply.status, "application/json", "", {}, std::move(reply.live)};
    if (response.live) return response;
    if (reply.body.is_string()) {
      response.content_type = "text/plain; version=0.0.4; charset=utf-8";
      response.body = reply.body.get<std::string>();
    } else if (reply.body.is_binary()) {
      const auto& bytes = reply.body.get_binary();
      response.body.assign(bytes.begin(), bytes.end());
    } else {
      response.body = dump(reply.body);
    }
    if (!reply.content_type.empty()) response.content_type = reply.content_type;
    if (!reply.file_name.empty()) response.headers.emplace_back("Content-Disposition", fmt::format("attachment; filename=\"{}\"", reply.file_name));
    if (!reply.etag.empty()) response.headers.emplace_back("ETag", "\"" + reply.etag + "\"");
    return response;
  }
  if (!others.empty()) {
    auto response = problem_response({405, "this address takes " + others, "", ""}, call.id);
    response.headers.emplace_back("Allow", others);
    return response;
  }
  throw Problem{404, "there is nothing at this address", "see /openapi.json", ""};
}

http::Response Api::handle(const http::Request& request) {
  static std::atomic<uint64_t> count = 0;
  const auto begin = std::chrono::steady_clock::now();
  const bool good_id = !request.request_id.empty() && request.request_id.size() <= 64 &&
                       std::ranges::all_of(request.request_id, [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; });
  Call call{request, {}, {}, Json::object(), {}, good_id ? request.request_id : fmt::format("r{:x}-{}", milliseconds(), ++count)};
  http::Response response;
  std::string route = "(none)";
  try {
    response = answer(request, route, call);
  } catch (const Problem& problem) {
    if (!problem.logged.empty()) log::write(log::Level::warn, "the database did not answer a request", {{"request", call.id}, {"reason", problem.logged}});
    response = problem_response(problem, call.id);
  } catch (const nlohmann::json::exception&) {
    response = problem_response({422, "a field of the body has a wrong form", "see /openapi.json", ""}, call.id);
  } catch (const std::exception& error) {
    log::write(log::Level::error, "a request failed", {{"request", call.id}, {"route", route}, {"reason", error.what()}});
    response = problem_response({500, "a mistake inside the server", "please report it with this request_id", ""}, call.id);
  }
  response.headers.emplace_back("X-Request-Id", call.id);
  response.headers.emplace_back("Cache-Control", "no-store");
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  context_.metrics.request(request.method, route, response.status, seconds);
  // The path is left out: a key may be personal. The route says what was asked for.
  log::write(log::Level::debug, "request",
             {{"request", call.id},
              {"method", request.method},
              {"route", route},
              {"status", std::to_string(response.status)},
              {"caller", call.caller.name},
              {"ms", fmt::format("{:.1f}", seconds * 1000)}});
  return response;
}

}  // namespace dunlin::server
