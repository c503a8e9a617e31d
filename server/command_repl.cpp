// dunlin repl: tries expressions, data, events and time on one account. Nothing is written.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>

#include "server/command_part.h"
#include "server/compile.h"
#include "server/output/terminal.h"
#include "server/repl/beginnings.h"
#include "server/repl/session.h"
#include "server/repl/typing.h"
#include "server/writer_commands.h"

namespace dunlin::server {
namespace {

using Json = nlohmann::ordered_json;

struct ReplCommand {
  CommonOptions common;
  StoreOptions store;
  BundleOptions bundle;
  Beginning beginning;
};

const char* const help_text =
    "EXPRESSION                  its value, its type, and when it can next change by itself\n"
    ":type EXPRESSION            its type only\n"
    ":set FIELD = VALUE          other data (`:set debtor.kind = person` for what it hangs on)\n"
    ":event NAME { FIELD: … }    something happens\n"
    ":at DATE [TIME]             time goes on; the account wakes on the way as it would\n"
    ":why [RULE]                 the rules that could act now, or those with this in their name\n"
    ":stages                     the stages there are, and where the account stands\n"
    ":tasks                      its open tasks\n"
    ":reset                      from the beginning again\n"
    ":help   :quit\n";

/// Without what stands around it.
std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

Answer refused(const std::string& message) {
  Answer answer;
  answer.good = false;
  answer.text = fmt::format("error: {}\n  help: :help shows what can be typed\n", printable(message));
  answer.facts = {{"error", message}, {"help", ":help shows what can be typed"}};
  return answer;
}

Answer answer_to(Session& session, const std::string& line) {
  if (line.front() != ':') return session.evaluate(line, false);
  const size_t space = line.find_first_of(" \t");
  const std::string word = line.substr(0, space), rest = space == std::string::npos ? "" : trimmed(line.substr(space));
  if (word == ":why") return session.why(rest);
  if (word == ":stages") return session.stages();
  if (word == ":tasks") return session.tasks();
  if (word == ":help") return {.text = help_text, .facts = {{"text", help_text}}, .happened = {}, .rules = {}, .lists = {}};
  if (word == ":reset") {
    auto begun = session.begin();
    return begun ? *begun : refused(begun.error());
  }
  const bool takes_text = word == ":type" || word == ":set" || word == ":event" || word == ":at";
  if (!takes_text) return refused("there is no `" + word + "`");
  if (rest.empty()) return refused("`" + word + "` needs something behind it");
  if (word == ":type") return session.evaluate(rest, true);
  if (word == ":set") return session.set(rest);
  if (word == ":event") return session.event(rest);
  return session.go_to(rest);
}

void print_json(const std::string& line, const Answer& answer) {
  Json body{{"input", line}, {"good", answer.good}};
  for (const auto& [name, value] : answer.facts) {
    if (!body.contains(name)) body[name] = value;
  }
  if (!answer.happened.empty()) body["happened"] = answer.happened;
  for (const auto& [name, lines] : answer.lists) body[name] = lines;
  if (!answer.rules.empty()) {
    body["rules"] = Json::array();
    for (const std::string& rule : answer.rules) body["rules"].push_back(Json::parse(rule));
  }
  fmt::print("{}\n", body.dump(-1, ' ', false, Json::error_handler_t::replace));
  std::fflush(stdout);
}

int converse(const ReplCommand& command, Session& session) {
  const bool people = isatty(STDIN_FILENO) != 0 && !command.common.json;
  if (people) fmt::print("{}\n:help shows what can be typed\n", printable(session.where()));
  auto typing = make_typing(people);
  bool all_good = true;
  while (auto read = typing->line("dunlin> ")) {
    const std::string line = trimmed(*read);
    if (line.empty() || line.starts_with("//")) continue;
    if (line == ":quit" || line == ":q") break;
    const Answer answer = answer_to(session, line);
    all_good = all_good && answer.good;
    if (command.common.json) {
      print_json(line, answer);
    } else {
      fmt::print("{}", answer.text);
      std::fflush(stdout);
    }
  }
  return static_cast<int>(all_good || people ? Exit::done : Exit::input);
}

int repl(const ReplCommand& command) {
  int exit = 0;
  auto bundle = runnable_bundle_or_exit(command.bundle, command.common, false, exit);
  if (!bundle) return exit;
  auto zone = import::Zone::find(bundle->program().bundle);
  if (!zone) return fail(command.common, Exit::environment, zone.error());
  std::unique_ptr<store::Store> store;
  if (!command.beginning.key.empty() && command.beginning.csv.empty()) {
    store = open_store_or_exit(command.store, command.common, exit);
    if (!store) return exit;
    if (auto done = store->prepare(bundle->program()); !done) return fail(command.common, done.error());
  }
  auto source = begin_case(command.beginning, *bundle, *zone, store.get());
  if (!source) return fail(command.common, source.error().exit, source.error().message, source.error().help);
  Session session(*bundle, *zone, std::move(*source), command.common.color);
  if (!command.beginning.given.empty()) {
    if (const Answer given = session.give(command.beginning.given); !given.good) {
      fmt::print(stderr, "{}", given.text);
      return static_cast<int>(Exit::usage);
    }
  }
  auto begun = session.begin();
  if (!begun) return fail(command.common, Exit::input, begun.error());
  if (!begun->good) return fail(command.common, Exit::input, begun->text);
  return converse(command, session);
}

}  // namespace

void add_repl_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<ReplCommand>();
  auto* sub = app.add_subcommand("repl", "Try expressions, data, events and time on one account");
  Beginning& from = command->beginning;
  add_bundle_options(*sub, command->bundle);
  sub->add_option("--account", from.key, "Key of an account in the database, or of a row of --csv");
  sub->add_option("--entity", from.entity, "Try something else than an account")->capture_default_str();
  auto* csv = sub->add_option("--csv", from.csv, "Take the account from this file, whose columns are called like the fields");
  auto* example = sub->add_flag("--example", from.example, "An account made up, within the declared types and ranges");
  sub->add_option("--seed", from.seed, "Another example for each number")->capture_default_str();
  auto* given = sub->add_option("--given", from.given, "Values as in a test: 'overdue: 500, score: 600'");
  csv->excludes(example);
  given->excludes(csv);
  sub->add_option("--at", from.at, "Instant to begin at (2026-01-05, 2026-01-05 09:30); without it now, or where a database's clock stands");
  add_store_options(*sub, command->store);
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  dunlin repl strategies/card_collections --example --at 2026-01-05");
  sub->callback([command, &chosen] { chosen = [command] { return repl(*command); }; });
}

}  // namespace dunlin::server
