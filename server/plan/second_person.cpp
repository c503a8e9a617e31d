#include "server/plan/second_person.h"

#include "server/plan/all_ready.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace dunlin::server {

namespace {

using store::Ask;
using Json = nlohmann::ordered_json;
using Kind = NotDone::Kind;

constexpr const char* second_person = "second person";

std::optional<std::string> or_null(const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); }

std::expected<Json, NotDone> rows_of(store::Service& service, Ask what, const store::Parameters& parameters) {
  auto answer = service.ask(what, parameters);
  if (!answer) return std::unexpected(not_done(answer.error()));
  return Json::parse(*answer);
}

std::expected<Json, NotDone> waiting(store::Service& service, int64_t id) {
  auto rows = rows_of(service, Ask::proposal, {std::to_string(id)});
  if (!rows) return rows;
  if (rows->empty()) return std::unexpected(NotDone{Kind::input, fmt::format("there is no proposal {}", id), "`dunlin proposal list` shows those that wait"});
  Json row = (*rows)[0];
  const std::string status = row["status"].get<std::string>();
  if (status != "waiting") return std::unexpected(NotDone{Kind::conflict, fmt::format("proposal {} does not wait any more: it was {}", id, status), ""});
  return row;
}

BundleSources files_in(const Json& row) {
  BundleSources sources;
  for (const Json& file : row["files"]) sources.files.push_back({file["path"].get<std::string>(), file["text"].get<std::string>()});
  return sources;
}

}  // namespace

NotDone not_done(const store::StoreError& error) {
  using From = store::StoreError::Kind;
  return {error.kind == From::input ? Kind::input : error.kind == From::conflict ? Kind::conflict : Kind::environment, error.message, ""};
}
NotDone not_done(const store::ServiceError& error) {
  using From = store::ServiceError::Kind;
  return {error.kind == From::refused ? Kind::input : error.kind == From::conflict ? Kind::conflict : Kind::environment, error.message, error.hint};
}

std::expected<bool, NotDone> second_person_asked(store::Service& service) {
  auto rows = rows_of(service, Ask::rule_of_use, {second_person});
  if (!rows) return std::unexpected(rows.error());
  return !rows->empty() && (*rows)[0]["value"] == true;
}

std::expected<bool, NotDone> ask_for_second_person(store::Service& service, bool asked, const std::string& who, const std::string& origin,
                                                   const std::string& reason) {
  auto now = second_person_asked(service);
  if (!now) return now;
  if (*now == asked) return false;
  const Json detail{{"asked", asked}, {"reason", reason}};
  auto done = service.ask_all(
      {{Ask::set_rule_of_use, {second_person, asked ? "true" : "false", who}}, {Ask::audit_note, {who, or_null(origin), "second person", detail.dump()}}});
  if (!done) return std::unexpected(not_done(done.error()));
  return true;
}

std::expected<int64_t, NotDone> propose(store::Service& service, const Runner& next, const Proposal& proposal, const Activator& activator, bool wider) {
  Json files = Json::array();
  for (const auto& file : next.bundle->files.files) files.push_back({{"path", file.path}, {"text", file.text}});
  const auto dump = [](const Json& body) { return body.dump(-1, ' ', false, Json::error_handler_t::replace); };
  auto rows = rows_of(service, Ask::propose,
                      {activator.author, or_null(activator.origin), activator.reason, proposal.bundle, proposal.content_hash, std::to_string(proposal.active),
                       activator.back ? "true" : "false", wider ? "true" : "false", dump(files), dump(proposal_json(proposal))});
  if (!rows) return std::unexpected(rows.error());
  return (*rows)[0]["id"].get<int64_t>();
}

std::expected<Agreed, NotDone> agree(store::Service& service, store::Store& store, int64_t id, const Activator& decision, int64_t at,
                                     const std::filesystem::path& stdlib) {
  auto row = waiting(service, id);
  if (!row) return std::unexpected(row.error());
  const std::string author = (*row)["author"].get<std::string>();
  if (author == decision.author) {
    return std::unexpected(NotDone{Kind::not_allowed, fmt::format("proposal {} is your own", id), "a second person has to agree to it"});
  }
  auto bundle = check_files(files_in(*row), stdlib);
  if (!bundle->program) {
    return std::unexpected(NotDone{Kind::input, fmt::format("the bundle of proposal {} does not pass the checks of this program", id), "propose it again"});
  }
  auto next = make_runner(std::move(bundle), 0, true);
  if (!next) return std::unexpected(not_done(next.error()));
  auto proposal = make_proposal(store, **next, {.at = at, .portfolio = true, .progress = {}});
  if (!proposal) return std::unexpected(not_done(proposal.error()));
  if (proposal->active != (*row)["replacing"].get<int32_t>()) {
    return std::unexpected(NotDone{
        Kind::conflict, fmt::format("version {} is active, but proposal {} was made against version {}", proposal->active, id, (*row)["replacing"].dump()),
        "reject it and propose again"});
  }
  if (const auto refusal = refusal_of(*proposal, (*row)["wider"].get<bool>())) return std::unexpected(NotDone{Kind::conflict, refusal->message, refusal->help});
  const Activator activator{.author = author,
                            .origin = decision.origin,
                            .reason = (*row)["reason"].get<std::string>(),
                            .back = (*row)["back"].get<bool>(),
                            .agreed_to = id,
                            .approver = decision.author};
  if (auto ready = all_nodes_ready(service, **next); !ready) return std::unexpected(ready.error());
  auto version = activate(store, **next, *proposal, activator);
  if (!version) return std::unexpected(not_done(version.error()));
  return Agreed{std::move(*proposal), std::move(*version)};
}

std::expected<void, NotDone> reject(store::Service& service, int64_t id, const Activator& decision) {
  auto row = waiting(service, id);
  if (!row) return std::unexpected(row.error());
  auto rows = rows_of(service, Ask::reject_proposal, {std::to_string(id), decision.author, or_null(decision.origin), decision.reason});
  if (!rows) return std::unexpected(rows.error());
  if ((*rows)[0]["done"] != true) return std::unexpected(NotDone{Kind::conflict, fmt::format("proposal {} does not wait any more", id), ""});
  return {};
}

}  // namespace dunlin::server
