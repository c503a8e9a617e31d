// The HTTP API: routes, who may call them, what they answer. The table of routes is also what /openapi.json is made of.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/store/service.h"
#include "server/http/http_server.h"
#include "server/serve/metrics.h"
#include "server/serve/rights.h"
#include "server/serve/scheduler.h"

namespace dunlin::server {

using Json = nlohmann::ordered_json;

/// A request on its way: who asks for what, with the parts of its path and query and its body taken apart.
struct Call {
  const http::Request& request;
  std::map<std::string, std::string> path, query;
  Json body;
  Caller caller;
  std::string id;  // of the request, in logs and answers

  std::string origin() const { return request.peer; }
  std::string text(const char* name) const;  // from the body; throws Problem where it is missing or no text
  std::optional<std::string> maybe_text(const char* name) const;
  int64_t limit(int64_t otherwise = 50, int64_t most = 500) const;
  std::optional<std::string> asked(const std::string& name) const;  // from the query
  /// Throws Problem 412 where If-Match is there and names another state than `tag`.
  void require_match(const std::string& tag) const;
};

/// Ends a call: RFC 9457, application/problem+json.
struct Problem {
  int status = 400;
  std::string title, help, code;
  std::string logged = {};  // why, for the server's log only: where the database is and what it is called is nothing for clients
};

/// What an answer is made of.
struct Reply {
  Json body;
  int status = 200;
  std::string content_type = {};                                 // empty: what the body's kind says; a text or bytes stand for themselves
  std::string file_name = {};                                    // to be saved under
  std::string etag = {};                                         // of the state that is shown, without quotes; empty: none
  std::function<void(std::shared_ptr<http::Outlet>)> live = {};  // set: the connection stays open
};

struct QueryField {
  std::string name, what;
};
struct BodyField {
  std::string name, type, what;  // type as JSON Schema has it: "string", "integer", "object", "array", "boolean"
  bool required = false;
  std::string each = {};  // of an array: what each of it looks like, as answers.h writes shapes
};

class Api;
struct Route {
  std::string method, pattern;  // "/v1/accounts/{key}"
  std::string right;            // empty: any caller with a token; "-": anybody
  std::string summary;
  std::vector<QueryField> query;
  std::vector<BodyField> body;
  std::function<Reply(Api&, const Call&)> answer;
  bool edits = false;                                  // needs If-Match: 428 without it, 412 where somebody was first
  bool streams = false;                                // the answer does not end
  std::vector<std::pair<int, std::string>> also = {};  // other answers than 200 that have its shape: 201 made, 202 waits for somebody, 503 not ready
};

class Live;
class Simulations;
/// What the handlers work with.
struct ApiContext {
  store::Service& service;
  Scheduler& scheduler;
  Metrics& metrics;
  Oidc& oidc;
  Ldap& ldap;
  Live& live;
  const ServeConfig& config;
  std::filesystem::path stdlib;
  std::function<store::Result<std::unique_ptr<store::Store>>()> open_store;  // another connection to the same database
  Simulations& simulations;
};

class Api {
 public:
  explicit Api(ApiContext context);
  http::Response handle(const http::Request& request);
  /// The text of /openapi.json.
  const std::string& openapi() const { return openapi_; }
  ApiContext& context() { return context_; }
  std::function<http::ConnectionCounts()> connections;
  std::function<http::Certificate()> reload_certificate;
  std::function<std::optional<int64_t>()> certificate_expires;

  /// Asks the database; throws Problem where it refuses.
  Json ask(store::Ask what, const store::Parameters& parameters = {});
  /// Several calls in one transaction: all or none.
  std::vector<Json> ask_all(const std::vector<std::pair<store::Ask, store::Parameters>>& calls);
  /// One call at a time on a store of its own, for what needs programs: explain, plan, apply.
  template <class Work>
  auto with_store(Work work) {
    const std::lock_guard lock(store_guard_);
    return work(admin_store());
  }
  /// The version in use; throws Problem where there is none.
  std::shared_ptr<const Runner> active() const;
  /// Who a request comes from, asked later: null where the token is not good any more; nothing where that cannot be said now.
  std::optional<std::unique_ptr<Caller>> caller_again(const http::Request& request);

 private:
  http::Response answer(const http::Request& request, std::string& route_name, Call& call);
  Caller caller_of(const http::Request& request);
  void check_rate(const std::string& client);
  store::Store& admin_store();

  ApiContext context_;
  std::vector<Route> routes_;
  std::string openapi_;
  std::mutex store_guard_, caller_guard_, rate_guard_;
  std::unique_ptr<store::Store> store_;
  struct KnownCaller {
    Caller caller;
    int64_t until_ms = 0;
  };
  std::map<std::string, KnownCaller> callers_;  // by hash of the token
  struct Bucket {
    double tokens = 0;
    int64_t at_ms = 0;
  };
  std::map<std::string, Bucket> buckets_;
};

void add_portfolio_routes(std::vector<Route>& routes);
void add_task_routes(std::vector<Route>& routes);
void add_letter_routes(std::vector<Route>& routes);
void add_bundle_routes(std::vector<Route>& routes);
void add_report_routes(std::vector<Route>& routes);
void add_webhook_routes(std::vector<Route>& routes);
void add_stream_routes(std::vector<Route>& routes);
void add_system_routes(std::vector<Route>& routes);
// ---- the desk ----
void add_task_desk_routes(std::vector<Route>& routes);
void add_people_routes(std::vector<Route>& routes);
void add_feed_routes(std::vector<Route>& routes);
void add_campaign_routes(std::vector<Route>& routes);
void add_bulk_routes(std::vector<Route>& routes);
void add_stop_routes(std::vector<Route>& routes);
void add_approval_routes(std::vector<Route>& routes);
void add_quarantine_routes(std::vector<Route>& routes);
void add_experiment_routes(std::vector<Route>& routes);
void add_simulation_routes(std::vector<Route>& routes);

/// Ends the call with 503; the reason goes to the log, with the id of the request.
[[noreturn]] void unavailable(const std::string& reason);
/// The same where the database answers that its disk is full: that is no secret, and somebody must make room.
[[noreturn]] void no_room(const std::string& reason);
/// Turns a store's error into a problem.
[[noreturn]] void refuse(const store::StoreError& error);
/// {"items": […], "next": cursor}: `column` of the last row, if the page is full.
Json page(Json rows, int64_t limit, const char* column);

}  // namespace dunlin::server
