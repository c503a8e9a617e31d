// dunlin hold, dunlin lift: a hold placed or lifted by hand. It is an event like any other, with its audit entry.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <nlohmann/json.hpp>

#include "runtime/store/service.h"
#include "server/commands.h"
#include "server/open_store.h"
#include "server/plan/proposal.h"

namespace dunlin::server {
namespace {

using Json = nlohmann::ordered_json;
using store::Ask;

struct HoldCommand {
  CommonOptions common;
  StoreOptions store;
  bool lifts = false;
  std::string entity = "account", key, name, until, reason, at;
};

std::string utc_now(int64_t us) {
  const std::chrono::sys_time<std::chrono::microseconds> now{std::chrono::microseconds(us)};
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{now - day};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}+00", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), time.hours().count(), time.minutes().count(), time.seconds().count(), time.subseconds().count());
}

int post(const HoldCommand& command) {
  int exit = 0;
  const auto opened = open_store_or_exit(command.store, command.common, exit);
  if (!opened) return exit;
  const StoreOptions options = with_environment(command.store);
  store::PostgresOptions where;
  where.url = options.database;
  where.folder = options.data;
  auto service = store::Service::open(where, 1, 60'000);
  if (!service) return fail(command.common, service.error());
  const int64_t us = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const std::string event = command.name + (command.lifts ? ".lifted" : ".placed"), at = command.at.empty() ? utc_now(us) : command.at;
  Json payload = Json::object();
  if (!command.until.empty()) {
    auto answer = (*service)->ask(Ask::moment, {command.until, at});
    if (!answer) return fail(command.common, Exit::input, "--until: " + answer.error().message, answer.error().hint);
    const Json end = Json::parse(*answer)[0];
    if (end["over"] == true)
      return fail(command.common, Exit::input, fmt::format("--until: the hold would be over before it begins, at {}", end["at"].get<std::string>()),
                  "give an instant to come, or leave it out");
    payload["until"] = end["at"];
  }
  if (!command.reason.empty()) payload["reason"] = command.reason;
  const std::string who = user_name();
  const Json detail{{"event", event}, {"entity", command.entity}, {"key", command.key}, {"at", at}, {"payload", payload}};
  const std::string id = fmt::format("{} {} {} {}", event, command.entity, command.key, us);
  auto answers = (*service)->ask_all({{Ask::post_event, {"dunlin " + who, id, event, command.entity, command.key, at, payload.dump(), "true"}},
                                      {Ask::audit_note, {who, std::nullopt, command.lifts ? "lift" : "hold", detail.dump()}}});
  if (!answers) {
    const bool environment = answers.error().kind == store::ServiceError::Kind::unavailable;
    return fail(command.common, environment ? Exit::environment : Exit::input, answers.error().message, answers.error().hint);
  }
  const Json rows = Json::parse(answers->front());
  const std::string result = rows.empty() ? "" : rows[0].value("result", "");
  if (result == "set_aside") {
    return fail(command.common, Exit::input, fmt::format("there is no open {} `{}`: the event was set aside", command.entity, command.key),
                "dunlin import replay tries again once it is there");
  }
  if (command.common.json) {
    fmt::print("{}\n", Json{{"event", event}, {"entity", command.entity}, {"key", command.key}, {"at", at}, {"result", result}}.dump(2));
  } else {
    fmt::print("{} {} {}: read with the next step, and nothing is handed out before it\n", event, command.entity, command.key);
  }
  return 0;
}

CLI::App* add(CLI::App& app, Chosen& chosen, bool lifts, const std::string& what, const std::string& example) {
  auto command = std::make_shared<HoldCommand>();
  command->lifts = lifts;
  auto* sub = app.add_subcommand(lifts ? "lift" : "hold", what);
  sub->add_option("KEY", command->key, "Key of the account")->required();
  sub->add_option("NAME", command->name, "The hold, as the bundle calls it")->required();
  sub->add_option("--entity", command->entity, "What the key is of, if the hold is not for accounts")->capture_default_str();
  if (!lifts)
    sub->add_option("--until", command->until,
                    "When it ends by itself: 2026-04-01 (the beginning of that day), 2026-04-01 18:00, both by the bundle's zone, or 2026-04-01T18:00+02:00; "
                    "else as the bundle says");
  sub->add_option("--reason", command->reason, "Why: stands in explanations");
  sub->add_option("--at", command->at, "Since when; now if nothing is said");
  add_store_options(*sub, command->store);
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  " + example);
  sub->callback([command, &chosen] { chosen = [command] { return post(*command); }; });
  return sub;
}

}  // namespace

void add_hold_commands(CLI::App& app, Chosen& chosen) {
  add(app, chosen, false, "Place a hold by hand", "dunlin hold A-17 in_dispute --reason \"letter of 3 March\"");
  add(app, chosen, true, "Lift a hold by hand", "dunlin lift A-17 in_dispute --reason \"answered\"");
}

}  // namespace dunlin::server
