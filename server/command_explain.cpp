// dunlin explain: an account's way through the stages and, for one instant, each rule with what it read: why, and why not.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/replay/replay.h"
#include "runtime/simulate/explain.h"
#include "server/clock_stand.h"
#include "server/commands.h"
#include "server/compile.h"
#include "server/open_store.h"
#include "server/output/table.h"
#include "server/output/terminal.h"
#include "server/plan/proposal.h"
#include "server/rule_report.h"

namespace dunlin::server {
namespace {

using Json = nlohmann::ordered_json;

struct ExplainCommand {
  CommonOptions common;
  StoreOptions store;
  BundleOptions bundle;
  std::string key, entity = "account", at;
  bool all = false;
};

/// The instant asked about. Without --at: where the clock stands.
store::Result<int64_t> find_at(const ExplainCommand& command, const checked::Program& program, const import::Zone& zone, store::Store& store) {
  if (command.at.empty()) return where_the_clock_stands(store);
  auto at = import::ValueReader(program, zone).read_instant(command.at, import::ValueFormat{});
  if (!at) return std::unexpected(store::StoreError{store::StoreError::Kind::input, "--at: " + at.error()});
  return *at;
}

std::string full_stage(const simulate::Explanation& explanation) {
  return explanation.stage.empty() ? "in no strategy" : explanation.strategy + "." + explanation.stage;
}

std::string explanation_json(const simulate::Explanation& explanation, const SourceMap& sources, const LocalClock& clock) {
  Json body{{"entity", explanation.entity},
            {"key", explanation.key},
            {"at", clock.text(explanation.at)},
            {"strategy", explanation.strategy},
            {"stage", explanation.stage}};
  if (!explanation.stage.empty()) {
    if (explanation.pinned_to != 0) body["pinned_to_version"] = explanation.pinned_to;
    body["entered_at"] = clock.text(explanation.entered_at);
    body["enrolled_at"] = clock.text(explanation.enrolled_at);
  }
  body["wake_at"] = clock.text(explanation.wake_at);
  body["way"] = Json::array();
  for (const auto& step : explanation.way) {
    body["way"].push_back({{"at", clock.text(step.at)}, {"from", step.from}, {"to", step.to}, {"rule", step.rule}, {"where", step.where}});
  }
  body["notes"] = Json::array();
  for (const auto& note : explanation.notes) body["notes"].push_back({{"at", clock.text(note.at)}, {"whom", note.whom}, {"text", note.text}});
  body["tasks"] = explanation.tasks;
  body["holds"] = explanation.holds;
  body["arms"] = explanation.arms;
  body["requests"] = explanation.requests;
  body["rules"] = Json::array();
  for (const auto& rule : explanation.rules) body["rules"].push_back(Json::parse(rule_json(rule, sources, clock)));
  body["would_do"] = explanation.would_do;
  body["decisions"] = Json::array();
  for (const auto& line : explanation.decisions) {
    auto decision = Json::parse(line, nullptr, false);
    body["decisions"].push_back(decision.is_discarded() ? Json(line) : decision);
  }
  body["set_aside"] = Json::array();
  for (const auto& row : explanation.set_aside) {
    auto came = Json::parse(row.body, nullptr, false);
    body["set_aside"].push_back(
        {{"at", clock.text(row.at)}, {"kind", row.kind}, {"reason", row.reason}, {"body", came.is_discarded() ? Json(row.body) : came}});
  }
  if (explanation.fault) {
    body["fault"] = {{"message", explanation.fault->message}, {"rule", explanation.fault->rule_name}, {"where", sources.locate(explanation.fault->where)}};
    body["fault"]["read"] = Json::array();
    for (const auto& read : explanation.fault->read) body["fault"]["read"].push_back({{"name", read.name}, {"value", read.value}});
  }
  return body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

void print_way(const simulate::Explanation& explanation, const LocalClock& clock, bool color) {
  Table table({{"at"}, {"from"}, {"to"}, {"rule"}, {"written in"}});
  for (const auto& step : explanation.way) table.add({clock.text(step.at), step.from.empty() ? "(enrolled)" : step.from, step.to, step.rule, step.where});
  if (table.empty()) return;
  fmt::print("\n{}\n{}", styled("The way here", Style::bold, color), table.text(color));
}

void print_rules(const ExplainCommand& command, const simulate::Explanation& explanation, const SourceMap& sources, const LocalClock& clock) {
  bool color = command.common.color;
  std::string place;
  for (const auto& rule : explanation.rules) {
    bool quiet = rule.verdict == simulate::Verdict::no_event || rule.verdict == simulate::Verdict::not_tried;
    if (quiet && !command.all) continue;
    if (rule.place != place) fmt::print("\n{}\n", styled("Rules: " + rule.place, Style::bold, color));
    place = rule.place;
    fmt::print("{}", rule_text(rule, sources, clock, color));
  }
  auto hidden = std::count_if(explanation.rules.begin(), explanation.rules.end(),
                              [](const auto& rule) { return rule.verdict == simulate::Verdict::no_event || rule.verdict == simulate::Verdict::not_tried; });
  if (hidden > 0 && !command.all)
    fmt::print("\n{} {} had nothing to look at then; --all shows {}\n", hidden, hidden == 1 ? "rule" : "rules", hidden == 1 ? "it" : "them");
}

void print_set_aside(const simulate::Explanation& explanation, const LocalClock& clock, bool color) {
  if (explanation.set_aside.empty()) return;
  fmt::print("\n{}\n", styled("Refused or set aside", Style::bold, color));
  for (const auto& row : explanation.set_aside) {
    auto came = Json::parse(row.body, nullptr, false);
    std::string what = came.is_object() && came.contains("event") && came["event"].is_string() ? came["event"].get<std::string>() : row.kind;
    fmt::print("  {}  {}: {}\n", clock.text(row.at), printable(what), printable(row.reason));
  }
}

void print_notes(const simulate::Explanation& explanation, const LocalClock& clock, bool color) {
  if (explanation.notes.empty()) return;
  fmt::print("\n{}\n", styled("Remarks", Style::bold, color));
  for (const auto& note : explanation.notes)
    fmt::print("  {}  {}{}\n", clock.text(note.at), note.whom.empty() ? "" : "to " + printable(note.whom) + ": ", printable(note.text));
}

/// "2026-01-05T05:00:00Z", as decisions are recorded, by the bundle's clock.
std::string local_text(const std::string& recorded, const LocalClock& clock) {
  std::tm parts{};
  const char* rest = strptime(recorded.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return recorded;
  return clock.text(static_cast<int64_t>(timegm(&parts)) * 1'000'000);
}

/// What the rules that acted had read when they did, newest first; all of it in --json.
void print_decisions(const simulate::Explanation& explanation, const LocalClock& clock, bool color) {
  constexpr size_t shown = 8;
  if (explanation.decisions.empty()) return;
  fmt::print("\n{}\n", styled("What was recorded", Style::bold, color));
  for (size_t i = 0; i < std::min(shown, explanation.decisions.size()); ++i) {
    const auto decision = Json::parse(explanation.decisions[i], nullptr, false);
    if (!decision.is_object()) continue;
    std::string read;
    const Json values = decision.value("read", Json::object());
    for (const auto& [name, value] : values.items())
      read += fmt::format("{}{} = {}", read.empty() ? "" : ", ", name, value.is_string() ? value.get<std::string>() : value.dump());
    fmt::print("  {}  {}{}\n", local_text(decision.value("at", ""), clock), printable(decision.value("rule", "")), read.empty() ? "" : ": " + printable(read));
  }
  if (explanation.decisions.size() > shown) fmt::print("  … and {} more in --json\n", explanation.decisions.size() - shown);
}

void print_text(const ExplainCommand& command, const simulate::Explanation& explanation, const SourceMap& sources, const LocalClock& clock) {
  bool color = command.common.color;
  fmt::print("{}, {}\n", styled(fmt::format("{} {}", explanation.entity, explanation.key), Style::bold, color), clock.text(explanation.at));
  if (explanation.stage.empty()) {
    fmt::print("in no strategy\n");
  } else {
    fmt::print("stage {} since {}, enrolled {}\n", full_stage(explanation), clock.text(explanation.entered_at), clock.text(explanation.enrolled_at));
    if (explanation.pinned_to != 0) fmt::print("finishes under version {}, which it entered (`on change pin`)\n", explanation.pinned_to);
  }
  fmt::print("nothing changes by itself before {}\n", clock.text(explanation.wake_at));
  for (const auto& arm : explanation.arms) fmt::print("{}\n", printable(arm));
  for (const auto& hold : explanation.holds) fmt::print("{}\n", printable(hold));
  for (const auto& request : explanation.requests) fmt::print("{}\n", printable(request));
  for (const auto& task : explanation.tasks) fmt::print("open task: {}\n", printable(task));
  print_way(explanation, clock, color);
  print_notes(explanation, clock, color);
  print_decisions(explanation, clock, color);
  print_set_aside(explanation, clock, color);
  print_rules(command, explanation, sources, clock);
  if (explanation.fault) {
    fmt::print("\n{} {} in {} ({})\n", styled("fault:", Style::red, color), printable(explanation.fault->message), explanation.fault->rule_name,
               sources.locate(explanation.fault->where));
    for (const auto& read : explanation.fault->read) fmt::print("  {} = {}\n", printable(read.name), printable(read.value));
  }
  if (!explanation.would_do.empty()) fmt::print("\n{}\n", styled("A step at this instant would", Style::bold, color));
  for (const auto& line : explanation.would_do) fmt::print("  {}\n", printable(line));
}

/// What a step of the bundle had read at an instant, if the database has a record of it.
simulate::AsRead as_recorded(store::Store& store, const RunnableBundle& bundle, const std::vector<int64_t>& settings) {
  return [&](int64_t case_id, int64_t at) -> store::Result<simulate::ReadThen> {
    store::StepLog* log = store::step_log_of(store);
    if (log == nullptr) return simulate::ReadThen{};
    auto versions = store.versions();
    if (!versions) return std::unexpected(versions.error());
    const auto same = [&](int32_t number) {
      return std::ranges::any_of(*versions,
                                 [&](const auto& version) { return version.number == number && version.content_hash == bundle.program().content_hash; });
    };
    auto orders = store.experiment_orders();
    if (!orders) return std::unexpected(orders.error());
    auto met = replay::as_read(*log, {bundle.program(), *bundle.machine.interpreter, *bundle.machine.calendar->view(), settings, std::move(*orders)}, case_id,
                               at, same);
    if (!met) return std::unexpected(met.error());
    return simulate::ReadThen{std::move(met->file), met->at};
  };
}

int explain(const ExplainCommand& command) {
  int exit = 0;
  auto bundle = runnable_bundle_or_exit(command.bundle, command.common, false, exit);
  if (!bundle) return exit;
  if (checked::find_entity(bundle->program(), command.entity) == checked::none) {
    return fail(command.common, Exit::usage, fmt::format("--entity: the bundle has no entity `{}`", command.entity));
  }
  auto zone = import::Zone::find(bundle->program().bundle);
  if (!zone) return fail(command.common, Exit::environment, zone.error());
  auto store = open_store_or_exit(command.store, command.common, exit, StoreUse::look);
  if (!store) return exit;
  if (auto whole = carry_along(*store, *bundle, false); !whole) return fail(command.common, whole.error());
  const auto& program = bundle->program();
  if (auto done = store->prepare(program); !done) return fail(command.common, done.error());
  auto at = find_at(command, program, *zone, *store);
  if (!at) return fail(command.common, command.at.empty() ? Exit::environment : Exit::usage, at.error().message);
  abi::Arena arena;
  const auto& calendar = *bundle->machine.calendar->view();
  auto settings = engine::initial_settings(program, *bundle->machine.interpreter, calendar, arena);
  auto explanation = simulate::explain(*store, program, *bundle->machine.interpreter, calendar, settings, command.entity, command.key, *at,
                                       as_recorded(*store, *bundle, settings));
  if (!explanation) return fail(command.common, explanation.error());
  LocalClock clock(*zone);
  if (command.common.json) {
    fmt::print("{}\n", explanation_json(*explanation, bundle->checked->sources, clock));
  } else {
    print_text(command, *explanation, bundle->checked->sources, clock);
  }
  return 0;
}

}  // namespace

void add_explain_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<ExplainCommand>();
  auto* sub = app.add_subcommand("explain", "Why an account is where it is, and why not elsewhere");
  add_bundle_options(*sub, command->bundle);
  sub->add_option("ACCOUNT", command->key, "Key of the account (or of another entity, with --entity)")->required();
  sub->add_option("--entity", command->entity, "Entity the key belongs to")->capture_default_str();
  sub->add_option("--at", command->at, "Instant to explain (2005-07-01 12:00, bundle's time); without it where the clock stands");
  sub->add_flag("--all", command->all, "Show rules that had nothing to look at, too");
  add_store_options(*sub, command->store);
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  dunlin explain strategies/card_collections A17 --at 2005-07-01");
  sub->callback([command, &chosen] { chosen = [command] { return explain(*command); }; });
}

}  // namespace dunlin::server
