// dunlin test: runs the tests that stand beside the rules, on the interpreter and on native code, and says what they reached.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/simulate/test_runner.h"
#include "server/commands.h"
#include "server/compile.h"
#include "server/output/coverage_page.h"
#include "server/output/moment.h"
#include "server/output/terminal.h"
#include "server/test_stubs.h"

namespace dunlin::server {
namespace {

using Json = nlohmann::ordered_json;

struct TestCommand {
  CommonOptions common;
  BundleOptions bundle;
  std::string filter;
  bool coverage = false;
  std::string html, stubs;  // files to write
  int64_t tries = 100;
  uint64_t seed = 1;
};

/// Both backends' answers. They must agree; where they do not, that is our mistake and is said so.
struct Outcome {
  simulate::TestReport report;  // of the interpreter, with coverage
  std::vector<std::string> disagreements;
  double seconds = 0;
};

struct Share {
  int64_t reached = 0, all = 0;
};
struct Shares {
  Share rules, stages, rows, outcomes;
};

bool is_library(const CheckedBundle& bundle, Span where) {
  if (!where.known()) return true;
  for (const auto& file : bundle.files.files) {
    if (bundle.sources.path(where.file) == file.path) return false;
  }
  return true;
}

Shares count_shares(const CheckedBundle& bundle, const simulate::Coverage& coverage) {
  Shares shares;
  auto add = [&](Share& share, Span where, bool reached) {
    if (is_library(bundle, where)) return;
    ++share.all;
    share.reached += reached ? 1 : 0;
  };
  for (const auto& rule : coverage.rules) add(shares.rules, rule.where, rule.fired > 0);
  for (const auto& stage : coverage.stages) add(shares.stages, stage.where, stage.entered > 0);
  for (const auto& row : coverage.rows) {
    if (row.where.known()) add(shares.rows, row.where, row.hits > 0);
  }
  for (const auto& outcome : coverage.outcomes) add(shares.outcomes, outcome.where, outcome.happened > 0);
  return shares;
}

/// The bundle's own parts, for the page.
std::vector<CoveredPart> covered_parts(const CheckedBundle& bundle, const simulate::Coverage& coverage);

bool same(const simulate::TestResult& a, const simulate::TestResult& b) {
  auto equal = [](const simulate::TestFailure& x, const simulate::TestFailure& y) { return x.where == y.where && x.found == y.found && x.at == y.at; };
  return a.title == b.title && (a.tried ? a.tried->fitting : 0) == (b.tried ? b.tried->fitting : 0) &&
         std::equal(a.failures.begin(), a.failures.end(), b.failures.begin(), b.failures.end(), equal);
}

Outcome run_both(const TestCommand& command, const RunnableBundle& bundle) {
  auto begin = std::chrono::steady_clock::now();
  const auto& calendar = *bundle.machine.calendar->view();
  Outcome outcome;
  simulate::TestOptions traced{.tracer = bundle.machine.interpreter.get(), .title_contains = command.filter, .tries = command.tries, .seed = command.seed};
  outcome.report = simulate::run_tests(bundle.program(), *bundle.machine.interpreter, calendar, traced);
  auto native =
      simulate::run_tests(bundle.program(), *bundle.machine.native, calendar, {.title_contains = command.filter, .tries = command.tries, .seed = command.seed});
  for (size_t i = 0; i < outcome.report.results.size(); ++i) {
    bool agree = i < native.results.size() && same(outcome.report.results[i], native.results[i]);
    if (!agree) outcome.disagreements.push_back(outcome.report.results[i].title);
  }
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return outcome;
}

std::string rule_name(const simulate::RuleCoverage& rule) {
  std::string place = rule.strategy.empty() ? "always" : rule.stage.empty() ? rule.strategy : rule.strategy + "." + rule.stage;
  return place + ": " + rule.name;
}

std::vector<CoveredPart> covered_parts(const CheckedBundle& bundle, const simulate::Coverage& coverage) {
  std::vector<CoveredPart> parts;
  const auto add = [&](CoveredPart::Kind kind, const std::string& name, Span where, int64_t times) {
    if (!is_library(bundle, where)) parts.push_back({kind, name, where, times});
  };
  for (const auto& stage : coverage.stages) add(CoveredPart::Kind::stage, stage.name, stage.where, stage.entered);
  for (const auto& rule : coverage.rules) add(CoveredPart::Kind::rule, rule_name(rule), rule.where, rule.fired);
  for (const auto& row : coverage.rows) {
    add(CoveredPart::Kind::row, row.table + (row.row == 0 ? " otherwise" : fmt::format(" row {}", row.row)), row.where, row.hits);
  }
  for (const auto& outcome : coverage.outcomes) add(CoveredPart::Kind::outcome, outcome.name, outcome.where, outcome.happened);
  return parts;
}

/// Writes the files that were asked for; a sentence if one cannot be written.
std::string write_files(const TestCommand& command, const RunnableBundle& bundle, const Outcome& outcome) {
  const auto& checked = *bundle.checked;
  const auto write = [](const std::string& path, const std::string& text) {
    std::ofstream out(path, std::ios::binary);
    out << text;
    return static_cast<bool>(out.flush());
  };
  if (!command.html.empty() &&
      !write(command.html, coverage_page(bundle.program().bundle.name, checked.sources, covered_parts(checked, outcome.report.coverage)))) {
    return fmt::format("`{}` cannot be written", command.html);
  }
  if (command.stubs.empty()) return {};
  if (std::filesystem::exists(command.stubs)) return fmt::format("`{}` is there already; stubs go to a new file", command.stubs);
  const std::string stubs = test_stubs(bundle.program(), checked.sources, outcome.report.coverage, [&](Span where) { return !is_library(checked, where); });
  return write(command.stubs, stubs) ? std::string() : fmt::format("`{}` cannot be written", command.stubs);
}

Json share_json(const Share& share) { return {{"reached", share.reached}, {"all", share.all}}; }

Json results_json(const CheckedBundle& bundle, const simulate::TestReport& report) {
  auto list = Json::array();
  for (const auto& result : report.results) {
    auto failures = Json::array();
    for (const auto& failure : result.failures) {
      failures.push_back(
          {{"where", bundle.sources.locate(failure.where)}, {"expected", failure.expected}, {"found", failure.found}, {"at", moment_json(failure.at)}});
    }
    Json one{{"title", result.title},
             {"where", bundle.sources.locate(result.where)},
             {"passed", result.passed()},
             {"expectations", result.expectations},
             {"failures", failures}};
    if (result.tried) one["property"] = {{"tried", result.tried->fitting}, {"left_out", result.tried->unfit}, {"smallest", result.tried->smallest}};
    list.push_back(std::move(one));
  }
  return list;
}

void print_json(const RunnableBundle& bundle, const Outcome& outcome) {
  const auto& checked = *bundle.checked;
  const auto& report = outcome.report;
  auto shares = count_shares(checked, report.coverage);
  Json body{{"bundle", bundle.program().bundle.name}, {"tests", report.results.size()},         {"failed", report.failed()},
            {"backends", {"interpreter", "native"}},  {"disagreements", outcome.disagreements}, {"results", results_json(checked, report)}};
  Json coverage{{"rules", share_json(shares.rules)},
                {"stages", share_json(shares.stages)},
                {"table_rows", share_json(shares.rows)},
                {"outcomes", share_json(shares.outcomes)}};
  coverage["rules_not_fired"] = Json::array();
  for (const auto& rule : report.coverage.rules) {
    if (rule.fired == 0 && !is_library(checked, rule.where)) {
      coverage["rules_not_fired"].push_back({{"rule", rule_name(rule)}, {"where", checked.sources.locate(rule.where)}, {"tried", rule.tried}});
    }
  }
  coverage["rows_not_hit"] = Json::array();
  for (const auto& row : report.coverage.rows) {
    if (row.hits == 0 && row.where.known() && !is_library(checked, row.where)) {
      coverage["rows_not_hit"].push_back({{"table", row.table}, {"row", row.row}, {"where", checked.sources.locate(row.where)}});
    }
  }
  coverage["stages_not_entered"] = Json::array();
  for (const auto& stage : report.coverage.stages) {
    if (stage.entered == 0 && !is_library(checked, stage.where))
      coverage["stages_not_entered"].push_back({{"stage", stage.name}, {"where", checked.sources.locate(stage.where)}});
  }
  coverage["outcomes_not_happened"] = Json::array();
  for (const auto& one : report.coverage.outcomes) {
    if (one.happened == 0 && !is_library(checked, one.where))
      coverage["outcomes_not_happened"].push_back({{"outcome", one.name}, {"where", checked.sources.locate(one.where)}});
  }
  body["coverage"] = std::move(coverage);
  body["seconds"] = outcome.seconds;
  fmt::print("{}\n", body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::string tried_text(const simulate::TestResult::Tried& tried) {
  std::string text = fmt::format("  ({} {} tried", tried.fitting, tried.fitting == 1 ? "case" : "cases");
  if (tried.unfit > 0) text += fmt::format(", {} drawn that do not fit", tried.unfit);
  return text + ")";
}

/// Indented, so that it can be found and copied.
void print_smallest(const std::string& test) {
  fmt::print("        the smallest case that fails, to be kept as a test:\n\n");
  for (size_t begin = 0; begin < test.size();) {
    const size_t end = test.find('\n', begin);
    fmt::print("          {}\n", printable(test.substr(begin, end - begin)));
    begin = end + 1;
  }
  fmt::print("\n");
}

void print_results(const RunnableBundle& bundle, const Outcome& outcome, bool color) {
  const auto& sources = bundle.checked->sources;
  for (const auto& result : outcome.report.results) {
    auto mark = result.passed() ? styled("passed", Style::green, color) : styled("FAILED", Style::red, color);
    fmt::print("{}  {}{}\n", mark, printable(result.title), result.tried ? tried_text(*result.tried) : "");
    for (const auto& failure : result.failures) {
      fmt::print("        {}\n          expected {}\n          found    {}\n", sources.locate(failure.where), printable(failure.expected),
                 printable(failure.found));
    }
    if (result.tried && !result.tried->smallest.empty()) print_smallest(result.tried->smallest);
  }
  for (const auto& title : outcome.disagreements) {
    fmt::print("{}  the interpreter and native code disagree on \"{}\": this is a mistake inside dunlin, please report it\n",
               styled("FAILED", Style::red, color), printable(title));
  }
}

std::string share_text(const Share& share, std::string_view what) {
  if (share.all == 0) return "";
  return fmt::format("{}{} of {} {}", "", share.reached, share.all, what);
}

void print_coverage(const TestCommand& command, const RunnableBundle& bundle, const Outcome& outcome) {
  const auto& checked = *bundle.checked;
  const auto& coverage = outcome.report.coverage;
  auto shares = count_shares(checked, coverage);
  std::string text;
  for (const auto& part : {share_text(shares.rules, "rules fired"), share_text(shares.stages, "stages entered"), share_text(shares.rows, "table rows hit"),
                           share_text(shares.outcomes, "outcomes happened")}) {
    if (!part.empty()) text += (text.empty() ? "" : ", ") + part;
  }
  if (text.empty()) return;  // a bundle of functions has no rules, stages or rows
  fmt::print("coverage: {}{}\n", text, command.coverage ? "" : " (--coverage names the rest)");
  if (!command.coverage) return;
  for (const auto& rule : coverage.rules) {
    if (rule.fired == 0 && !is_library(checked, rule.where)) fmt::print("  never fired: {}  {}\n", rule_name(rule), checked.sources.locate(rule.where));
  }
  for (const auto& row : coverage.rows) {
    if (row.hits > 0 || !row.where.known() || is_library(checked, row.where)) continue;
    std::string which = row.row == 0 ? "otherwise" : fmt::format("row {}", row.row);
    fmt::print("  never hit:   {} {}  {}\n", row.table, which, checked.sources.locate(row.where));
  }
  for (const auto& stage : coverage.stages) {
    if (stage.entered == 0 && !is_library(checked, stage.where)) fmt::print("  never entered: {}  {}\n", stage.name, checked.sources.locate(stage.where));
  }
  for (const auto& one : coverage.outcomes) {
    if (one.happened == 0 && !is_library(checked, one.where)) fmt::print("  never happened: {}  {}\n", one.name, checked.sources.locate(one.where));
  }
}

int test(const TestCommand& command) {
  int exit = 0;
  auto bundle = runnable_bundle_or_exit(command.bundle, command.common, true, exit);
  if (!bundle) return exit;
  auto outcome = run_both(command, *bundle);
  int64_t failed = outcome.report.failed();
  bool good = failed == 0 && outcome.disagreements.empty();
  if (outcome.report.results.empty() && !command.filter.empty()) {
    return fail(command.common, Exit::input, fmt::format("no test has \"{}\" in its title", command.filter));
  }
  if (const std::string problem = write_files(command, *bundle, outcome); !problem.empty()) return fail(command.common, Exit::environment, problem);
  if (command.common.json) {
    print_json(*bundle, outcome);
    return static_cast<int>(good ? Exit::done : Exit::input);
  }
  print_results(*bundle, outcome, command.common.color);
  fmt::print("{} {}, {} failed; interpreter and native code, {:.1f} s\n", outcome.report.results.size(), outcome.report.results.size() == 1 ? "test" : "tests",
             failed, outcome.seconds);
  if (!outcome.report.results.empty()) print_coverage(command, *bundle, outcome);
  return static_cast<int>(good ? Exit::done : Exit::input);
}

}  // namespace

void add_test_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<TestCommand>();
  auto* sub = app.add_subcommand("test", "Run the tests that stand beside the rules");
  add_bundle_options(*sub, command->bundle);
  sub->add_option("--filter", command->filter, "Only tests whose title contains this");
  sub->add_flag("--coverage", command->coverage, "Name the rules, stages, table rows and outcomes that no test reaches");
  sub->add_option("--html", command->html, "Write the coverage as an HTML page over the sources to this file");
  sub->add_option("--write-stubs", command->stubs, "Write tests to be filled in, for what no test reaches, to this new file");
  sub->add_option("--tries", command->tries, "Cases that each property (`for any account …`) is tried on")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  sub->add_option("--seed", command->seed, "What these cases are drawn from: the same seed gives the same cases")->capture_default_str();
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  dunlin test strategies/card_collections --filter reminded");
  sub->callback([command, &chosen] { chosen = [command] { return test(*command); }; });
}

}  // namespace dunlin::server
