// Versions: check, plan, apply, roll back, over HTTP; the same road as on the command line.
#include <fmt/format.h>

#include <algorithm>

#include "lang/diag/render.h"
#include "server/output/moment.h"
#include "server/plan/comparison_text.h"
#include "server/serve/api.h"

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

std::unique_ptr<CheckedBundle> checked(Api& api, const Call& call) { return check_files(files_of(call), api.context().stdlib, true); }

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

std::unique_ptr<Runner> runner(std::unique_ptr<CheckedBundle> bundle) {
  if (!bundle->program) {
    const auto& all = bundle->diagnostics.all();
    const auto first = std::ranges::find(all, Severity::error, &Diagnostic::severity);
    throw Problem{422, "the bundle has errors: " + (first == all.end() ? std::string("too many") : first->message), "POST /v1/bundles/check lists them all",
                  first == all.end() ? "" : first->code};
  }
  auto made = make_runner(std::move(bundle), 0, true);
  if (!made) refuse(made.error());
  return std::move(*made);
}

bool wider_accepted(const Call& call) { return call.body.value("accept_wider_limits", false); }

Proposal propose(Api& api, store::Store& store, const Runner& next) {
  auto proposal = make_proposal(store, next, {.at = api.context().scheduler.now(), .portfolio = true, .progress = {}});
  if (!proposal) refuse(proposal.error());
  return std::move(*proposal);
}

Reply plan(Api& api, const Call& call) {
  const auto next = runner(checked(api, call));
  const auto store = open(api);
  const Proposal proposal = propose(api, *store, *next);
  Json body = proposal_json(proposal);
  if (const auto refusal = refusal_of(proposal, wider_accepted(call))) body["refused"] = {{"reason", refusal->message}, {"help", refusal->help}};
  return {body};
}

Reply make_active(Api& api, const Call& call, store::Store& store, const Runner& next) {
  const Proposal proposal = propose(api, store, next);
  Json body = proposal_json(proposal);
  const auto expected = call.body.find("replacing");
  if (expected != call.body.end() && expected->is_number_integer() && expected->get<int64_t>() != proposal.active)
    throw Problem{409, fmt::format("version {} is active, not the one that was planned against", proposal.active), "plan again", ""};
  if (proposal.same) return {body};
  if (const auto refusal = refusal_of(proposal, wider_accepted(call))) throw Problem{409, refusal->message, refusal->help, ""};
  auto version = activate(store, next, proposal, call.caller.name, call.maybe_text("reason").value_or(""));
  if (!version) refuse(version.error());
  api.context().scheduler.wake();
  body["version"] = version->number;
  body["activated"] = true;
  return {body};
}

Reply apply(Api& api, const Call& call) {
  const auto next = runner(checked(api, call));
  const auto store = open(api);
  return make_active(api, call, *store, *next);
}

Reply rollback(Api& api, const Call& call) {
  const auto store = open(api);
  const auto given = call.body.find("version");
  auto number = given == call.body.end() || given->is_null() ? previous_version(*store) : store::Result<int32_t>(given->get<int32_t>());
  if (!number) refuse(number.error());
  if (*number == 0) throw Problem{409, "there is no earlier version to go back to", "", ""};
  auto next = runner_of_version(*store, *number, api.context().stdlib, true);
  if (!next) refuse(next.error());
  return make_active(api, call, *store, **next);
}

Json version_json(const store::BundleVersion& version) {
  return {{"version", version.number},
          {"bundle", version.name},
          {"content_hash", version.content_hash},
          {"author", version.author},
          {"activated_at", moment_json(version.activated_at)},
          {"active", version.active}};
}

Reply versions(Api& api, const Call&) {
  return {api.with_store([](store::Store& store) {
    auto all = store.versions();
    if (!all) refuse(all.error());
    Json rows = Json::array();
    for (const auto& version : *all) rows.push_back(version_json(version));
    return Json{{"items", std::move(rows)}};
  })};
}

int32_t number_in(const Call& call, const char* name) {
  const std::string& text = call.path.at(name);
  char* end = nullptr;
  const long value = std::strtol(text.c_str(), &end, 10);
  if (*end != '\0' || value < 1 || value > INT32_MAX) throw Problem{404, "versions have numbers", "", ""};
  return static_cast<int32_t>(value);
}

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
  for (const auto& file : sources_of(api, number_in(call, "version")).files) files.push_back({{"path", file.path}, {"text", file.text}});
  return {Json{{"version", number_in(call, "version")}, {"files", std::move(files)}}};
}

Reply diff(Api& api, const Call& call) {
  const auto before = check_files(sources_of(api, number_in(call, "version")), api.context().stdlib),
             after = check_files(sources_of(api, number_in(call, "other")), api.context().stdlib);
  if (!before->program || !after->program) throw Problem{409, "one of the versions does not pass the checks of this server", "", ""};
  return {comparison_json(plan::compare({*before->program, before->sources}, {*after->program, after->sources}))};
}

}  // namespace

void add_bundle_routes(std::vector<Route>& routes) {
  const BodyField files{"files", "array", "the bundle: objects with path and text", true},
      wider{"accept_wider_limits", "boolean", "a limit may let more through"};
  const BodyField reason{"reason", "string", "why, for the audit"}, replacing{"replacing", "integer", "number of the version that must still be active"};
  routes.push_back({"GET", "/v1/bundles", "read", "All versions", {}, {}, versions});
  routes.push_back({"GET", "/v1/bundles/{version}", "read", "The files of a version", {}, {}, sources});
  routes.push_back({"GET", "/v1/bundles/{version}/diff/{other}", "read", "What two versions say differently", {}, {}, diff});
  routes.push_back({"POST", "/v1/bundles/check", "design", "Every mistake in a bundle", {}, {files}, check});
  routes.push_back({"POST", "/v1/bundles/plan", "design", "What a bundle would change: its meaning, and the live portfolio", {}, {files, wider}, plan});
  routes.push_back({"POST", "/v1/bundles/apply", "activate", "Plan, and make it the active version", {}, {files, reason, wider, replacing}, apply});
  routes.push_back({"POST",
                    "/v1/bundles/rollback",
                    "activate",
                    "Make an earlier version the active one again",
                    {},
                    {{"version", "integer", "the one before if not given"}, reason, wider, replacing},
                    rollback});
}

}  // namespace dunlin::server
