// dunlin approval: what waits for the word of a person. dunlin request: everything that steps asked for and did not decide.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "server/command_part.h"
#include "server/open_service.h"
#include "server/output/table.h"
#include "server/serve/serve_commands.h"

namespace dunlin::server {
namespace {

using Json = nlohmann::ordered_json;
using store::Ask;

struct ApprovalCommand {
  CommonOptions common;
  StoreOptions store;
  std::string author, reason, at, role, who, kind;
  int64_t id = 0;
  bool all = false;
};

void print(const Json& body) { fmt::print("{}\n", body.dump(2, ' ', false, Json::error_handler_t::replace)); }
std::string text_of(const Json& value) { return value.is_null() ? "" : value.is_string() ? value.get<std::string>() : value.dump(); }
std::string minute(const Json& value) { return text_of(value).substr(0, 16); }
std::string author_of(const ApprovalCommand& command) { return command.author.empty() ? user_name() : command.author; }
std::optional<std::string> or_null(const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); }

/// The rows of one question; `exit` is not 0 if there was no answer, and that was said.
Json ask(const ApprovalCommand& command, Ask what, const store::Parameters& parameters, int& exit) {
  const auto service = open_service_or_exit(command.store, command.common, exit);
  if (!service) return {};
  auto answer = service->ask(what, parameters);
  if (answer) return Json::parse(*answer);
  const NotDone why = not_done(answer.error());
  exit = fail(command.common, exit_of(why), why.message, why.help);
  return {};
}

/// {"discount": 0.3, "months": 6} as `discount 0.3, months 6`.
std::string in_words(const Json& payload) {
  std::string text;
  for (const auto& [name, value] : payload.items()) text += (text.empty() ? "" : ", ") + name + " " + text_of(value);
  return text;
}

int list(const ApprovalCommand& command) {
  int exit = 0;
  const Json rows =
      ask(command, Ask::approvals, {command.all ? std::nullopt : std::optional<std::string>("open"), or_null(command.role), std::nullopt, std::nullopt}, exit);
  if (exit != 0) return exit;
  if (command.common.json) return print({{"approvals", rows}}), 0;
  Table table({{"", Table::Align::right}, {"asked (UTC)"}, {"for"}, {"approval"}, {"asks for"}, {"decides"}, {"requester"}, {"due"}, {"lapses"}, {"status"}});
  for (const auto& row : rows) {
    const std::string decided = text_of(row["decided_by"]).empty() ? "" : " by " + text_of(row["decided_by"]);
    table.add({row["id"].dump(), minute(row["asked_at"]), text_of(row["entity"]) + " " + text_of(row["key"]), text_of(row["name"]), in_words(row["payload"]),
               text_of(row["role"]), text_of(row["requester"]), minute(row["due"]), minute(row["lapses_at"]), text_of(row["status"]) + decided});
  }
  fmt::print("{}", table.empty() ? "nothing waits for an approval\n" : table.text(command.common.color));
  return 0;
}

int decide(const ApprovalCommand& command, bool approve) {
  int exit = 0;
  const std::string who = author_of(command);
  const Json rows =
      ask(command, Ask::decide_approval,
          {std::to_string(command.id), approve ? "true" : "false", who, or_null(command.reason), or_null(command.at), command_line_origin()}, exit);
  if (exit != 0) return exit;
  const std::string result = rows.empty() ? "" : text_of(rows[0]["result"]);
  if (command.common.json) return print({{"request", command.id}, {"result", result}, {"by", who}}), 0;
  fmt::print("approval {} is {} by {}{}: its case file is told with the next step\n", command.id, approve ? "approved" : "declined", who,
             result == "duplicate" ? " already" : "");
  return 0;
}
int approve(const ApprovalCommand& command) { return decide(command, true); }
int decline(const ApprovalCommand& command) { return decide(command, false); }

int set_role(const ApprovalCommand& command, bool may) {
  int exit = 0;
  const Json rows = ask(command, Ask::set_approver, {command.role, command.who, may ? "true" : "false", author_of(command), command_line_origin()}, exit);
  if (exit != 0) return exit;
  const bool changed = !rows.empty() && rows[0]["changed"].get<bool>();
  if (command.common.json) return print({{"role", command.role}, {"who", command.who}, {"may", may}, {"changed", changed}}), 0;
  fmt::print("{}{} {} as {}\n", changed ? "" : "as before: ", command.who, may ? "decides" : "does not decide", command.role);
  return 0;
}
int give(const ApprovalCommand& command) { return set_role(command, true); }
int take(const ApprovalCommand& command) { return set_role(command, false); }

int roles(const ApprovalCommand& command) {
  int exit = 0;
  const Json rows = ask(command, Ask::approvers, {}, exit);
  if (exit != 0) return exit;
  if (command.common.json) return print({{"approvers", rows}}), 0;
  Table table({{"role"}, {"who"}, {"since (UTC)"}});
  for (const auto& row : rows) table.add({text_of(row["role"]), text_of(row["who"]), minute(row["since"])});
  fmt::print("{}", table.empty() ? "no role was given to anybody: whoever may decide at all decides for each\n" : table.text(command.common.color));
  return 0;
}

int requests(const ApprovalCommand& command) {
  int exit = 0;
  const Json rows =
      ask(command, Ask::requests, {or_null(command.kind), command.all ? std::nullopt : std::optional<std::string>("open"), std::nullopt, std::nullopt}, exit);
  if (exit != 0) return exit;
  if (command.common.json) return print({{"requests", rows}}), 0;
  Table table({{"", Table::Align::right}, {"asked (UTC)"}, {"kind"}, {"of"}, {"for"}, {"status"}, {"since"}, {"agency"}, {"until"}, {"why"}});
  for (const auto& row : rows) {
    table.add({row["id"].dump(), minute(row["asked_at"]), text_of(row["kind"]), text_of(row["name"]), text_of(row["entity"]) + " " + text_of(row["key"]),
               text_of(row["status"]), minute(row["decided_at"]), text_of(row["agency"]), minute(row["until"]), text_of(row["reason"])});
  }
  fmt::print("{}", table.empty() ? "nothing is asked for\n" : table.text(command.common.color));
  return 0;
}

}  // namespace

void add_approval_commands(CLI::App& app, Chosen& chosen) {
  auto* sub = app.add_subcommand("approval", "What waits for the word of a person");
  sub->require_subcommand(1);
  sub->footer("Example:\n  dunlin approval approve 7041 --author anna --reason \"seen the papers\"");
  auto command = std::make_shared<ApprovalCommand>();
  auto* listed = add_part(*sub, "list", "What is asked for", "dunlin approval list --role supervisor", command, chosen, list);
  listed->add_flag("--all", command->all, "What was decided too");
  listed->add_option("--role", command->role, "Only what this role decides");
  auto* yes = add_part(*sub, "approve", "Say yes", "dunlin approval approve 7041 --author anna", command, chosen, approve);
  auto* no = add_part(*sub, "decline", "Say no", "dunlin approval decline 7041 --author anna --reason \"too much\"", command, chosen, decline);
  for (auto* part : {yes, no}) {
    part->add_option("ID", command->id, "Number of the request")->required()->check(CLI::PositiveNumber);
    part->add_option("--reason", command->reason, "Why: stands in the event and in the audit");
    part->add_option("--at", command->at, "When, with a time zone; now if nothing is said");
  }
  auto* given = add_part(*sub, "give", "Somebody decides for a role; from the first one on nobody else does", "dunlin approval give supervisor anna", command,
                         chosen, give);
  auto* taken = add_part(*sub, "take", "Somebody decides for a role no more", "dunlin approval take supervisor anna", command, chosen, take);
  for (auto* part : {given, taken}) {
    part->add_option("ROLE", command->role, "The role, as the bundle calls it")->required();
    part->add_option("WHO", command->who, "The person")->required();
  }
  for (auto* part : {yes, no, given, taken}) part->add_option("--author", command->author, "Who says so; the user of this machine if not given");
  add_part(*sub, "roles", "Who decides for which role", "dunlin approval roles", command, chosen, roles);

  auto* all = app.add_subcommand("request", "What steps asked for and did not decide: approvals, places under quotas, placements");
  all->require_subcommand(1);
  all->footer("Example:\n  dunlin request list --kind quota");
  auto* shown = add_part(*all, "list", "What is open", "dunlin request list --kind allocation --all", command, chosen, requests);
  shown->add_option("--kind", command->kind, "Only these: approval, quota, allocation")->check(CLI::IsMember({"approval", "quota", "allocation"}));
  shown->add_flag("--all", command->all, "What was answered too");
}

}  // namespace dunlin::server
