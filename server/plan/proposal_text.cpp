// A proposal for people and for programs.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "server/output/moment.h"
#include "server/output/table.h"
#include "server/output/terminal.h"
#include "server/plan/comparison_text.h"
#include "server/plan/proposal.h"

namespace dunlin::server {

namespace {

using Json = nlohmann::ordered_json;

std::string place(const std::string& stage) { return stage.empty() ? "(in no strategy)" : stage; }
std::string example(const plan::Example& one) { return one.entity + " " + one.key; }
Json example_json(const plan::Example& one) { return {{"entity", one.entity}, {"key", one.key}}; }

std::string live_text(const plan::LivePlan& live, bool color) {
  std::string text;
  const auto head = [&](const std::string& words) { text += "\n" + styled(words, Style::bold, color) + "\n"; };
  if (!live.stranded.empty()) {
    head("left without a stage");
    Table table({{"stage"}, {"how many", Table::Align::right}, {"for example"}});
    for (const auto& one : live.stranded) table.add({one.stage, grouped(one.count), example(one.example)});
    text += table.text(color);
  }
  if (!live.pinned.empty()) {
    head("finish on the version they entered");
    Table table({{"strategy"}, {"version", Table::Align::right}, {"how many", Table::Align::right}, {"for example"}});
    for (const auto& one : live.pinned) table.add({one.strategy, std::to_string(one.version), grouped(one.count), example(one.example)});
    text += table.text(color);
  }
  if (!live.moves.empty()) {
    head("in another stage");
    Table table({{"now"}, {"then"}, {"because of"}, {"how many", Table::Align::right}, {"for example"}});
    for (const auto& one : live.moves) table.add({place(one.from), place(one.to), one.because, grouped(one.count), example(one.example)});
    text += table.text(color);
  }
  if (!live.tasks.empty()) {
    head("tasks");
    Table table({{""}, {"queue"}, {"treatment"}, {"rule"}, {"what"}, {"how many", Table::Align::right}, {"for example"}});
    for (const auto& one : live.tasks) {
      table.add({plan::task_difference_text(one.difference), one.queue, one.treatment, one.rule, one.what, grouped(one.count), example(one.example)});
    }
    text += table.text(color);
  }
  if (!live.faults.empty()) {
    head("case files set aside");
    Table table({{""}, {"rule"}, {"what"}, {"how many", Table::Align::right}, {"for example"}});
    for (const auto& one : live.faults) table.add({one.cured ? "no longer" : "newly", one.rule, one.message, grouped(one.count), example(one.example)});
    text += table.text(color);
  }
  text += fmt::format("\n{} case files looked at, {} come out otherwise\n", grouped(live.cases), grouped(live.cases_affected));
  return text;
}

}  // namespace

std::string proposal_text(const Proposal& proposal, bool color) {
  if (proposal.same) return fmt::format("this is version {}, the active one; there is nothing to do\n", proposal.active);
  std::string text;
  if (proposal.active == 0) {
    text += "no version is active yet; this would be the first\n";
  } else {
    text += fmt::format("against version {}, the active one\n\n", proposal.active) + comparison_text(proposal.comparison, color);
  }
  if (proposal.live) text += live_text(*proposal.live, color);
  return text;
}

nlohmann::ordered_json proposal_json(const Proposal& proposal) {
  Json body{{"active", proposal.active}, {"bundle", proposal.bundle}, {"content_hash", proposal.content_hash}, {"already_active", proposal.same}};
  if (proposal.proposed != 0) body["version"] = proposal.proposed;
  body["at"] = moment_json(proposal.at);
  body["difference"] = comparison_json(proposal.comparison);
  if (!proposal.live) return body;
  const auto& live = *proposal.live;
  Json moves = Json::array(), tasks = Json::array(), stranded = Json::array(), faults = Json::array(), pinned = Json::array();
  for (const auto& one : live.moves) {
    moves.push_back({{"from", one.from}, {"to", one.to}, {"because", one.because}, {"count", one.count}, {"example", example_json(one.example)}});
  }
  for (const auto& one : live.tasks) {
    Json task{{"change", plan::task_difference_text(one.difference)}, {"queue", one.queue}, {"treatment", one.treatment}, {"rule", one.rule}};
    if (!one.what.empty()) task["what"] = one.what;
    task["count"] = one.count;
    task["example"] = example_json(one.example);
    tasks.push_back(std::move(task));
  }
  for (const auto& one : live.pinned)
    pinned.push_back({{"strategy", one.strategy}, {"version", one.version}, {"count", one.count}, {"example", example_json(one.example)}});
  for (const auto& one : live.stranded) stranded.push_back({{"stage", one.stage}, {"count", one.count}, {"example", example_json(one.example)}});
  for (const auto& one : live.faults) {
    faults.push_back({{"cured", one.cured}, {"rule", one.rule}, {"message", one.message}, {"count", one.count}, {"example", example_json(one.example)}});
  }
  body["portfolio"] = {{"cases", live.cases},
                       {"instances", live.instances},
                       {"cases_affected", live.cases_affected},
                       {"tasks_created", live.count(plan::TaskDifference::created)},
                       {"tasks_withdrawn", live.count(plan::TaskDifference::withdrawn)},
                       {"tasks_changed", live.count(plan::TaskDifference::changed)},
                       {"stages", std::move(moves)},
                       {"tasks", std::move(tasks)},
                       {"stranded", std::move(stranded)},
                       {"pinned", std::move(pinned)},
                       {"faults", std::move(faults)}};
  return body;
}

}  // namespace dunlin::server
