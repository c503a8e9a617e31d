// Versions: check, plan, apply, roll back, over HTTP; the same road as on the command line.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "lang/diag/render.h"
#include "lang/service/kept.h"
#include "runtime/plan/carry.h"
#include "server/give_way.h"
#include "server/output/moment.h"
#include "server/plan/all_ready.h"
#include "server/plan/comparison_text.h"
#include "server/plan/second_person.h"
#include "server/serve/api_parts.h"

namespace dunlin::server {

namespace {

BundleSources files_of(const Call& call) {
  BundleSources sources;
  for (const auto& file : call.body.at("files")) {
    if (!file.is_object() || !file.contains("path") || !file.contains("text"))
      throw Problem{422, "each of `files` is an object with `path` and `text`", "", ""};
    sources.files.push_back({file["path"].get<std::string>(), file["text"].get<std::string>()});
    if (find_invalid_utf8(sources.files.back().text) != std::string::npos) throw Problem{422, "a file is not UTF-8 text", "", ""};
  }
  if (sources.files.empty()) throw Problem{422, "`files` is empty", "a bundle has one file at least", ""};
  return sources;
}

std::unique_ptr<CheckedBundle> checked(Api& api, const Call& call) {
  auto files = files_of(call);
  std::unique_ptr<CheckedBundle> bundle;
  give_way([&] { bundle = check_files(std::move(files), api.context().stdlib, true); });
  return bundle;
}

Reply check(Api& api, const Call& call) {
  const auto bundle = checked(api, call);
  Json body = Json::parse(render_json(bundle->diagnostics, bundle->sources));
  body["good"] = bundle->program != nullptr;
  return {body};
}

std::unique_ptr<store::Store> open(Api& api) {
  auto opened = api.context().open_store();
  if (!opened) refuse(opened.error());
  return std::move(*opened);
}

std::unique_ptr<Runner> runner(store::Store& store, std::unique_ptr<CheckedBundle> bundle) {
  if (!bundle->program) {
    const auto& all = bundle->diagnostics.all();
    const auto first = std::ranges::find(all, Severity::error, &Diagnostic::severity);
    throw Problem{422, "the bundle has errors: " + (first == all.end() ? std::string("too many") : first->message), "POST /v1/bundles/check lists them all",
                  first == all.end() ? "" : first->code};
  }
  store::Result<std::unique_ptr<Runner>> made;
  give_way([&] {
    auto whole = carrying(store, std::move(bundle));
    made = whole ? make_runner(std::move(*whole), 0, true) : std::unexpected(whole.error());
  });
  if (!made) refuse(made.error());
  return std::move(*made);
}

}  // namespace

std::unique_ptr<Runner> runner_of_files(Api& api, const Call& call) {
  const auto store = open(api);
  return runner(*store, checked(api, call));
}

std::unique_ptr<Runner> runner_of_stored(Api& api, store::Store& store, int32_t version) {
  auto bundle = bundle_of_version(store, version, api.context().stdlib);
  if (!bundle) refuse(bundle.error());
  return runner(store, std::move(*bundle));
}

namespace {

bool wider_accepted(const Call& call) { return call.body.value("accept_wider_limits", false); }

/// `progress`: as for make_proposal().
Proposal propose(Api& api, store::Store& store, const Runner& next, const std::function<bool(int64_t)>& progress = {}) {
  store::Result<Proposal> proposal;
  give_way([&] { proposal = make_proposal(store, next, {.at = api.context().scheduler.now(), .portfolio = true, .progress = progress}); });
  if (!proposal) refuse(proposal.error());
  return std::move(*proposal);
}

/// How long a plan may take. Looked at between its parts, and on the portfolio after each batch of case files.
class PlanTime {
 public:
  explicit PlanTime(int seconds) : seconds_(seconds), end_(std::chrono::steady_clock::now() + std::chrono::seconds(seconds)) {}
  bool over() const { return std::chrono::steady_clock::now() >= end_; }
  /// Throws Problem 504 where it is over.
  void check(int64_t cases) const {
    if (!over()) return;
    const std::string far = cases == 0 ? "" : fmt::format(", after {} case files", cases);
    throw Problem{504, fmt::format("the plan was stopped after {} seconds (`bundles.plan_seconds`){}; nothing was changed", seconds_, far),
                  "`dunlin plan` on the command line takes the time it needs, and a simulation of fewer case files (POST /v1/simulations, `cases`) runs aside",
                  ""};
  }

 private:
  int seconds_;
  std::chrono::steady_clock::time_point end_;
};

Reply plan(Api& api, const Call& call) {
  const PlanTime time(api.context().config.plan_seconds);
  const auto store = open(api);
  auto bundle = checked(api, call);
  time.check(0);
  const auto next = runner(*store, std::move(bundle));
  time.check(0);
  int64_t seen = 0;
  bool stopped = false;
  const auto go_on = [&](int64_t cases) {
    seen = cases;
    stopped = time.over();
    return !stopped;
  };
  const Proposal proposal = [&] {
    try {
      return propose(api, *store, *next, go_on);
    } catch (const Problem&) {
      if (stopped) time.check(seen);
      throw;
    }
  }();
  Json body = proposal_json(proposal);
  if (const auto refusal = refusal_of(proposal, wider_accepted(call))) body["refused"] = {{"reason", refusal->message}, {"help", refusal->help}};
  return {body};
}

[[noreturn]] void refuse_not_done(const NotDone& why) {
  using Kind = NotDone::Kind;
  if (why.kind == Kind::environment) unavailable(why.message);
  const int status = why.kind == Kind::input ? 422 : why.kind == Kind::conflict ? 409 : 403;
  throw Problem{status, why.message, why.help, ""};
}

template <class T>
T done_or_refused(std::expected<T, NotDone> result) {
  if (!result) refuse_not_done(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

bool second_person(Api& api) { return api.context().config.second_person || done_or_refused(second_person_asked(api.context().service)); }

Reply make_active(Api& api, const Call& call, store::Store& store, const Runner& next, int32_t back_to) {
  const Proposal proposal = propose(api, store, next);
  Json body = proposal_json(proposal);
  call.require_match(fmt::format("v{}", proposal.active));
  const auto expected = call.body.find("replacing");
  if (expected != call.body.end() && expected->is_number_integer() && expected->get<int64_t>() != proposal.active)
    throw Problem{409, fmt::format("version {} is active, not the one that was planned against", proposal.active), "plan again", ""};
  if (proposal.same) return {body};
  if (const auto refusal = refusal_of(proposal, wider_accepted(call))) throw Problem{409, refusal->message, refusal->help, ""};
  const Activator activator{.author = call.caller.name,
                            .origin = call.origin(),
                            .reason = call.maybe_text("reason").value_or(""),
                            .back = back_to != 0,
                            .back_to = back_to,
                            .approver = ""};
  if (second_person(api)) {
    const int64_t id = done_or_refused(server::propose(api.context().service, next, proposal, activator, wider_accepted(call)));
    body["activated"] = false;
    body["proposal"] = id;
    body["help"] = fmt::format("somebody else agrees: POST /v1/proposals/{}/approve", id);
    return {body, 202};
  }
  done_or_refused(all_nodes_ready(api.context().service, next));
  auto version = activate(store, next, proposal, activator);
  if (!version) refuse(version.error());
  api.context().scheduler.wake();
  body["version"] = version->number;
  body["activated"] = true;
  return {body};
}

Reply apply(Api& api, const Call& call) {
  const auto store = open(api);
  const auto next = runner(*store, checked(api, call));
  return make_active(api, call, *store, *next, 0);
}

Reply rollback(Api& api, const Call& call) {
  const auto store = open(api);
  const auto wanted = static_cast<int32_t>(std::stoll(whole_number(call, "version", 0, 1, INT32_MAX)));  // 0: none was named
  auto number = wanted == 0 ? store->version_before() : store::Result<int32_t>(wanted);
  if (!number) refuse(number.error());
  if (*number == 0) throw Problem{409, "there is no earlier version to go back to", "GET /v1/bundles lists the versions; give one as `version`", ""};
  const auto next = runner_of_stored(api, *store, *number);
  Reply reply = make_active(api, call, *store, *next, *number);
  reply.body["back_to"] = *number;
  return reply;
}

// ---- what waits for a second person ----

int64_t proposal_number(const Call& call) { return std::stoll(number_in_path(call, "proposal", "proposals")); }

Reply proposals(Api& api, const Call& call) {
  const int64_t limit = call.limit();
  return {page(api.ask(store::Ask::proposals, {call.asked("status"), call.asked("before"), std::to_string(limit)}), limit, "id")};
}

Reply proposal(Api& api, const Call& call) {
  return {one_row(api.ask(store::Ask::proposal, {std::to_string(proposal_number(call))}), "there is no proposal with this number")};
}

Activator decision_of(const Call& call) {
  return {.author = call.caller.name, .origin = call.origin(), .reason = call.maybe_text("reason").value_or(""), .approver = ""};
}

Reply approve(Api& api, const Call& call) {
  const auto store = open(api);
  auto& context = api.context();
  const auto agreed = done_or_refused(agree(context.service, *store, proposal_number(call), decision_of(call), context.scheduler.now(), context.stdlib));
  context.scheduler.wake();
  Json body = proposal_json(agreed.proposal);
  body["version"] = agreed.version.number;
  body["activated"] = true;
  return {body};
}

Reply reject_proposal(Api& api, const Call& call) {
  done_or_refused(reject(api.context().service, proposal_number(call), decision_of(call)));
  return {Json{{"rejected", proposal_number(call)}}};
}

Json version_json(const store::BundleVersion& version) {
  return {{"version", version.number},
          {"bundle", version.name},
          {"content_hash", version.content_hash},
          {"author", version.author},
          {"activated_at", moment_json(version.activated_at)},
          {"active", version.active}};
}

/// How many instances finish on a version that is not active any more.
int64_t pinned_to(const std::vector<plan::Carried>& carried, int32_t version) {
  int64_t count = 0;
  for (const auto& one : carried) count += one.version == version ? one.count : 0;
  return count;
}

Reply versions(Api& api, const Call& call) {
  const int64_t limit = call.limit(500, 1000);
  const auto given = number_asked(call, "before");
  const int64_t before = given ? std::stoll(*given) : INT64_MAX;
  return api.with_store([&](store::Store& store) {
    auto all = store.versions();
    if (!all) refuse(all.error());
    std::vector<plan::Carried> carried;
    if (const auto running = api.context().scheduler.active(); running && running->carries()) {
      auto counted = plan::carried_by(store, running->program());
      if (!counted) refuse(counted.error());
      carried = std::move(*counted);
    }
    Json rows = Json::array();
    std::string etag = "v0";
    std::ranges::sort(*all, std::ranges::greater(), &store::BundleVersion::number);
    for (const auto& version : *all) {
      if (version.active) etag = fmt::format("v{}", version.number);
      if (version.number >= before || static_cast<int64_t>(rows.size()) == limit) continue;
      rows.push_back(version_json(version));
      rows.back()["instances_pinned"] = pinned_to(carried, version.number);
    }
    Reply reply{page(std::move(rows), limit, "version")};
    reply.etag = etag;
    return reply;
  });
}

int32_t version_in_path(const Call& call, const char* name) { return static_cast<int32_t>(std::stoll(number_in_path(call, name, "versions", INT32_MAX))); }

BundleSources sources_of(Api& api, int32_t number) {
  return api.with_store([&](store::Store& store) {
    auto sources = store.sources_of(number);
    if (!sources && sources.error().kind == store::StoreError::Kind::input) throw Problem{404, sources.error().message, "", ""};
    if (!sources) refuse(sources.error());
    return std::move(*sources);
  });
}

Reply sources(Api& api, const Call& call) {
  Json files = Json::array();
  for (const auto& file : sources_of(api, version_in_path(call, "version")).files) files.push_back({{"path", file.path}, {"text", file.text}});
  return {Json{{"version", version_in_path(call, "version")}, {"files", std::move(files)}}};
}

Reply diff(Api& api, const Call& call) {
  const auto before = check_files(service::own_files(sources_of(api, version_in_path(call, "version"))), api.context().stdlib),
             after = check_files(service::own_files(sources_of(api, version_in_path(call, "other"))), api.context().stdlib);
  if (!before->program || !after->program) throw Problem{409, "one of the versions does not pass the checks of this server", "", ""};
  return {comparison_json(plan::compare({*before->program, before->sources}, {*after->program, after->sources}))};
}

}  // namespace

void add_bundle_routes(std::vector<Route>& routes) {
  const BodyField files{"files", "array", "the bundle", true, "File"}, wider{"accept_wider_limits", "boolean", "a limit may let more through"};
  const BodyField reason{"reason", "string", "why, for the audit"}, replacing{"replacing", "integer", "number of the version that must still be active"};
  routes.push_back({"GET",
                    "/v1/bundles",
                    "read",
                    "All versions, newest first; the ETag names the active one, for If-Match of apply and rollback",
                    {{"before", "`next` of the page before"}, {"limit", "how many at most, 1 to 1000; 500 if not given"}},
                    {},
                    versions});
  routes.push_back({"GET", "/v1/bundles/{version}", "read", "The files of a version", {}, {}, sources});
  routes.push_back({"GET", "/v1/bundles/{version}/diff/{other}", "read", "What two versions say differently", {}, {}, diff});
  routes.push_back({"POST", "/v1/bundles/check", "design", "Every mistake in a bundle", {}, {files}, check});
  routes.push_back({"POST",
                    "/v1/bundles/plan",
                    "design",
                    "What a bundle would change: its meaning, and the live portfolio; 504 where that takes longer than bundles.plan_seconds",
                    {},
                    {files, wider},
                    plan});
  routes.push_back({"POST",
                    "/v1/bundles/apply",
                    "activate",
                    "Plan, and make it the active version; 202 and a proposal where a second person has to agree",
                    {},
                    {files, reason, wider, replacing},
                    apply,
                    false,
                    false,
                    {{202, "somebody else has to agree"}}});
  routes.push_back({"POST",
                    "/v1/bundles/rollback",
                    "activate",
                    "Make an earlier version the active one again",
                    {},
                    {{"version", "integer", "the one that was active before in the order of activations if not given"}, reason, wider, replacing},
                    rollback,
                    false,
                    false,
                    {{202, "somebody else has to agree"}}});
  routes.push_back({"GET",
                    "/v1/proposals",
                    "read",
                    "Versions that wait, or waited, for a second person, newest first",
                    {{"status", "waiting, approved or rejected"}, {"before", "`next` of the page before"}, {"limit", "how many at most"}},
                    {},
                    proposals});
  routes.push_back({"GET", "/v1/proposals/{proposal}", "read", "One of them, with its files and the plan its author saw", {}, {}, proposal});
  routes.push_back(
      {"POST", "/v1/proposals/{proposal}/approve", "approve", "Agree to what somebody else proposed: plan again and make it active", {}, {reason}, approve});
  routes.push_back({"POST", "/v1/proposals/{proposal}/reject", "approve", "It will not become active", {}, {reason}, reject_proposal});
}

}  // namespace dunlin::server
