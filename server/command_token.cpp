// dunlin token: who may use the API. dunlin audit: who did what.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/store/service.h"
#include "server/command_part.h"
#include "server/open_service.h"
#include "server/output/table.h"
#include "server/plan/proposal.h"
#include "server/serve/rights.h"
#include "server/serve/serve_commands.h"

namespace dunlin::server {
namespace {

using Json = nlohmann::ordered_json;
using store::Ask;

struct TokenCommand {
  CommonOptions common;
  StoreOptions store;
  std::string name, role, rights, queues, head;
  std::vector<std::string> only;
  int id = 0;
  int64_t limit = 50;
};

/// Asks one question of a database whose schema is up to date. False: `exit` is set and all is said.
bool ask(const TokenCommand& command, const std::vector<std::pair<Ask, store::Parameters>>& calls, Json& rows, int& exit) {
  const auto service = open_service_or_exit(command.store, command.common, exit);
  if (!service) return false;
  auto answers = service->ask_all(calls);
  if (!answers) {
    const bool environment = answers.error().kind == store::ServiceError::Kind::unavailable;
    exit = fail(command.common, environment ? Exit::environment : Exit::input, answers.error().message, answers.error().hint);
    return false;
  }
  rows = Json::parse(answers->front());
  return true;
}

void print(const Json& body) { fmt::print("{}\n", body.dump(2, ' ', false, Json::error_handler_t::replace)); }
std::string text_of(const Json& value) { return value.is_null() ? "" : value.is_string() ? value.get<std::string>() : value.dump(); }

/// "account.region=north,south" and "call,sms" as the database keeps it (migration `bound`). Empty: bound to nothing.
std::expected<std::string, std::string> scope_of(const TokenCommand& command) {
  if (command.queues.empty() && command.only.empty()) return "";
  Json scope = Json::object();
  if (!command.queues.empty()) scope["queues"] = CLI::detail::split(command.queues, ',');
  for (const std::string& one : command.only) {
    const size_t equals = one.find('='), dot = one.find('.');
    if (equals == std::string::npos || dot == std::string::npos || dot == 0 || dot + 1 >= equals || equals + 1 == one.size())
      return std::unexpected(fmt::format("`{}` is not written as entity.field=value,value", one));
    scope["cases"].push_back(
        {{"entity", one.substr(0, dot)}, {"field", one.substr(dot + 1, equals - dot - 1)}, {"values", CLI::detail::split(one.substr(equals + 1), ',')}});
  }
  return scope.dump();
}

int create(const TokenCommand& command) {
  std::vector<std::string> rights;
  if (!command.rights.empty()) {
    for (const std::string& right : CLI::detail::split(command.rights, ',')) rights.push_back(right);
    for (const std::string& right : rights) {
      if (std::ranges::find(all_rights(), right) == all_rights().end())
        return fail(command.common, Exit::usage, fmt::format("there is no right `{}`", right), fmt::format("rights are {}", fmt::join(all_rights(), ", ")));
    }
  } else if (auto of_role = rights_of_role(command.role)) {
    rights = *of_role;
  } else {
    return fail(command.common, Exit::usage, fmt::format("there is no role `{}`", command.role),
                fmt::format("roles are {}; or name single rights with --rights", fmt::join(all_roles(), ", ")));
  }
  const auto scope = scope_of(command);
  if (!scope) return fail(command.common, Exit::usage, scope.error(), "--only account.region=north,south");
  if (!scope->empty()) {
    const auto whole = std::ranges::find_if_not(rights, may_be_bound);
    if (whole != rights.end())
      return fail(command.common, Exit::usage, fmt::format("the right `{}` concerns the whole portfolio; a token with it cannot be bound", *whole),
                  "bound tokens have rights among read, personal, work, events, supervise");
  }
  const std::string token = make_token(), given = fmt::format("{}", fmt::join(rights, ","));
  const Json detail{{"name", command.name}, {"role", command.role}, {"rights", given}, {"bound_to", scope->empty() ? Json() : Json::parse(*scope)}};
  int exit = 0;
  Json rows;
  const std::string who = user_name();
  if (!ask(command,
           {{Ask::token_create, {command.name, command.role, given, token_hash(token), who, scope->empty() ? std::nullopt : std::optional(*scope)}},
            {Ask::audit_note, {who, command_line_origin(), "create token", detail.dump()}}},
           rows, exit)) {
    return exit;
  }
  if (command.common.json) {
    print({{"id", rows[0]["id"]}, {"name", command.name}, {"role", command.role}, {"rights", rights}, {"bound_to", detail["bound_to"]}, {"token", token}});
  } else {
    fmt::print("{}\n", token);
    fmt::print(stderr, "this is shown once; the database keeps its hash only\n");
  }
  return 0;
}

int list(const TokenCommand& command) {
  int exit = 0;
  Json rows;
  if (!ask(command, {{Ask::token_list, {}}}, rows, exit)) return exit;
  if (command.common.json) return print({{"tokens", rows}}), 0;
  Table table({{"id", Table::Align::right}, {"name"}, {"role"}, {"rights"}, {"bound to"}, {"created (UTC)"}, {"by"}, {"revoked"}});
  for (const auto& row : rows) {
    std::string rights;
    for (const auto& right : row["rights"]) rights += (rights.empty() ? "" : ", ") + right.get<std::string>();
    table.add({row["id"].dump(), text_of(row["name"]), text_of(row["role"]), rights, text_of(row["scope"]), text_of(row["created_at"]).substr(0, 16),
               text_of(row["created_by"]), text_of(row["revoked_at"]).substr(0, 16)});
  }
  fmt::print("{}", table.empty() ? "no token has been created yet\n" : table.text(command.common.color));
  return 0;
}

int revoke(const TokenCommand& command) {
  int exit = 0;
  Json rows;
  const Json detail{{"id", command.id}};
  if (!ask(command, {{Ask::token_revoke, {std::to_string(command.id)}}, {Ask::audit_note, {user_name(), command_line_origin(), "revoke token", detail.dump()}}},
           rows, exit))
    return exit;
  if (rows.empty()) return fail(command.common, Exit::input, fmt::format("there is no token {} that could be revoked", command.id), "dunlin token list");
  if (command.common.json) return print({{"revoked", rows[0]}}), 0;
  fmt::print("token {} ({}) is revoked; a running server refuses it within ten seconds\n", command.id, text_of(rows[0]["name"]));
  return 0;
}

int audit_list(const TokenCommand& command) {
  int exit = 0;
  Json rows;
  if (!ask(command, {{Ask::audit, {std::nullopt, std::to_string(command.limit)}}}, rows, exit)) return exit;
  if (command.common.json) return print({{"entries", rows}}), 0;
  Table table({{"", Table::Align::right}, {"at (UTC)"}, {"who"}, {"from"}, {"what"}, {"detail"}});
  for (const auto& row : rows)
    table.add(
        {row["id"].dump(), text_of(row["at"]).substr(0, 19), text_of(row["who"]), text_of(row["origin"]), text_of(row["action"]), text_of(row["detail"])});
  fmt::print("{}", table.empty() ? "nothing has been done yet\n" : table.text(command.common.color));
  return 0;
}

int audit_head(const TokenCommand& command) {
  int exit = 0;
  Json rows;
  if (!ask(command, {{Ask::audit_head, {}}}, rows, exit)) return exit;
  if (command.common.json) return print(rows[0]), 0;
  fmt::print("{}:{}\n", rows[0]["id"].dump(), text_of(rows[0]["hash"]));
  return 0;
}

int audit_verify(const TokenCommand& command) {
  int exit = 0;
  store::Parameters anchor{std::nullopt, std::nullopt};
  if (!command.head.empty()) {
    const size_t colon = command.head.find(':');
    const bool good = colon != std::string::npos && colon > 0 && command.head.find_first_not_of("0123456789abcdef:") == std::string::npos;
    if (!good) return fail(command.common, Exit::usage, "--head is written as `dunlin audit head` prints it: 17:9f86d0…");
    anchor = {command.head.substr(0, colon), command.head.substr(colon + 1)};
  }
  Json rows;
  if (!ask(command, {{Ask::audit_verify, anchor}}, rows, exit)) return exit;
  const bool good = rows[0]["good"].get<bool>();
  if (command.common.json) {
    print(rows[0]);
  } else if (good) {
    fmt::print("the audit is whole: {} entries, head {}:{}\n", rows[0]["entries"].dump(), rows[0]["entries"].dump(), text_of(rows[0]["head"]));
  } else {
    return fail(command.common, Exit::input, text_of(rows[0]["what"]),
                "somebody with rights on the database has been at it; compare with an anchored head and a backup");
  }
  return good ? 0 : static_cast<int>(Exit::input);
}

}  // namespace

void add_token_command(CLI::App& app, Chosen& chosen) {
  auto* sub = app.add_subcommand("token", "Tokens for the API");
  sub->require_subcommand(1);
  sub->footer("Example:\n  dunlin token create --role operator --name anna");
  auto command = std::make_shared<TokenCommand>();
  auto* made =
      add_part(*sub, "create", "A new token; printed once, kept as a hash", "dunlin token create --role operator --name anna", command, chosen, create);
  made->add_option("--name", command->name, "Who it is for; stands in the audit")->required();
  auto* role = made->add_option("--role", command->role, "designer, analyst, operations, operator, supervisor, auditor, administrator");
  made->add_option("--rights", command->rights, "Single rights instead of a role's: read,work")->excludes(role);
  made->add_option("--queues", command->queues, "Bind it to these queues: call,sms")->check([](const std::string& text) {
    return text.empty() ? std::string("it names no queue; leave --queues out for a token that is bound to none") : std::string();
  });
  made->add_option("--only", command->only,
                   "Bind it to case files with a row whose field has one of these values: account.region=north,south; several must all hold");
  add_part(*sub, "list", "All tokens", "dunlin token list", command, chosen, list);
  auto* gone = add_part(*sub, "revoke", "Refuse a token from now on", "dunlin token revoke 3", command, chosen, revoke);
  gone->add_option("ID", command->id, "Number of the token")->required();
}

void add_audit_command(CLI::App& app, Chosen& chosen) {
  auto* sub = app.add_subcommand("audit", "Who did what: a chain of hashes that nobody changes unseen");
  sub->require_subcommand(1);
  sub->footer("Example:\n  dunlin audit verify");
  auto command = std::make_shared<TokenCommand>();
  auto* listed = add_part(*sub, "list", "The latest entries", "dunlin audit list --limit 20", command, chosen, audit_list);
  listed->add_option("--limit", command->limit, "How many")->check(CLI::Range(1, 10000))->capture_default_str();
  add_part(*sub, "head", "Where the chain ends: to be kept somewhere else", "dunlin audit head", command, chosen, audit_head);
  auto* checked = add_part(*sub, "verify", "Goes along the whole chain; ends with 1 where an entry was changed or is missing", "dunlin audit verify", command,
                           chosen, audit_verify);
  checked->add_option("--head", command->head, "A head that was kept: nothing before it may have been written anew");
}

}  // namespace dunlin::server
