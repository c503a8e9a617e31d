#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lang/sema/analysis/strategies.h"
#include "lang/sema/experiments.h"

namespace dunlin::analysis {

using checked::Index;
using checked::Op;

namespace {

class UseCheck {
 public:
  UseCheck(const checked::Program& program, Diagnostics& diagnostics, const AnalysisOptions& options)
      : program_(program),
        diagnostics_(diagnostics),
        options_(options),
        functions_(program.functions.size()),
        tables_(program.tables.size()),
        settings_(program.settings.size()),
        events_(program.events.size()) {}

  void run() {
    for (const checked::Root& root : program_.roots) {
      if (!root.body) continue;
      for_each_part(*root.body, [&](const checked::Expr& part) {
        mark(part);
        if (part.op == Op::variable) variables_.insert({root.strategy, part.index});
      });
    }
    for (const checked::Strategy& strategy : program_.strategies) mark_rules(strategy.rules);
    for (const checked::Stage& stage : program_.stages) mark_rules(stage.rules);
    for (const checked::Always& always : program_.always) mark_rules(always.rules);
    for (const checked::Limits& limits : program_.limits) {
      for (const checked::LimitRule& rule : limits.rules) {
        for (const std::vector<Index>* events : {&rule.after, &rule.until, &rule.counted_events}) {
          for (Index event : *events) mark_event(event);
        }
      }
    }
    for (const checked::Hold& hold : program_.holds) {
      for (Index event : {hold.event, hold.placed, hold.lifted, hold.ended}) {
        if (event != checked::none) mark_event(event);
      }
    }
    for (const checked::Deadline& deadline : program_.deadlines) {
      for (Index event : {deadline.warned, deadline.missed}) mark_event(event);
    }
    for (const checked::Request& request : program_.requests) mark_event(request.event);
    for (const checked::EventType& event : program_.events) {
      for (Index cancelled : event.cancels) mark_event(cancelled);
    }
    report();
  }

 private:
  void mark(const checked::Expr& part) {
    if (part.op == Op::function) functions_[static_cast<size_t>(part.index)] = true;
    if (part.op == Op::table) tables_[static_cast<size_t>(part.index)] = true;
    if (part.op == Op::setting) settings_[static_cast<size_t>(part.index)] = true;
    if (part.aggregate) {
      for (Index event : part.aggregate->event_types) mark_event(event);
    }
  }

  void mark_event(Index event) {
    for (Index below = event; below <= program_.events[static_cast<size_t>(event)].last_descendant; ++below) events_[static_cast<size_t>(below)] = true;
  }

  void mark_rules(const std::vector<checked::Rule>& rules) {
    for (const checked::Rule& rule : rules) {
      for (Index event : rule.events) mark_event(event);
    }
  }

  /// Arms of a parameter are asked for where the parameter is: what nobody reads is reported as a parameter.
  bool asked_for(const checked::Experiment& experiment) const {
    if (experiment.kind != checked::Experiment::Kind::arms || experiment.variables.empty()) return true;
    if (std::any_of(program_.settings.begin(), program_.settings.end(), [&](const checked::Setting& one) { return one.name == experiment.subject; }))
      return true;
    for (size_t s = 0; s < experiment.variables.size(); ++s) {
      if (variables_.contains({static_cast<Index>(s), experiment.variables[s]})) return true;
    }
    return false;
  }

  void unused(const char* what, const std::string& name, Span span) {
    if (!options_.is_of_bundle(span)) return;
    auto& diagnostic = diagnostics_.warning("E0613", span, fmt::format("{} `{}` is never used", what, name));
    diagnostic.help = "use it or remove it";
  }

  void report() {
    for (size_t i = 0; i < functions_.size(); ++i) {
      if (!functions_[i]) unused("function", program_.functions[i].name, program_.functions[i].span);
    }
    for (size_t i = 0; i < tables_.size(); ++i) {
      // The rows of a `collect` table are written out where they are walked, so a use of it leaves no trace.
      if (!tables_[i] && program_.tables[i].policy != checked::HitPolicy::collect) unused("table", program_.tables[i].name, program_.tables[i].span);
    }
    for (size_t i = 0; i < settings_.size(); ++i) {
      if (!settings_[i]) unused("parameter", program_.settings[i].name, program_.settings[i].span);
    }
    if (program_.trials) {
      for (const checked::Experiment& experiment : program_.trials->experiments) {
        if (asked_for(experiment) || !options_.is_of_bundle(experiment.span)) continue;
        auto& diagnostic = diagnostics_.warning("E0613", experiment.span, fmt::format("no rule asks for the arms of `{}`", experiment.name));
        diagnostic.label = "it would compare accounts that are treated alike";
        diagnostic.help = fmt::format("ask `arm({}) = {}` in a rule, or remove the experiment", experiment.subject, experiment.arms.back().name);
      }
    }
    for (size_t i = 0; i < events_.size(); ++i) {
      const checked::EventType& event = program_.events[i];
      // An outcome without a name of its own is an attempt: `again` and `attempts` deal with it.
      const bool expected = event.leaf && event.cancels.empty() && (event.queue == checked::none || !event.alias.empty());
      if (events_[i] || !expected || !options_.is_of_bundle(event.span)) continue;
      auto& diagnostic = diagnostics_.warning(
          "E0612", event.span, fmt::format("no rule handles event `{}` and nothing asks for it", event.alias.empty() ? event.name : event.alias));
      diagnostic.help = "add an `on` rule or a query, or remove it";
    }
  }

  const checked::Program& program_;
  Diagnostics& diagnostics_;
  const AnalysisOptions& options_;
  std::vector<bool> functions_, tables_, settings_, events_;
  std::set<std::pair<Index, Index>> variables_;  // (strategy, variable) that are read
};

}  // namespace

void check_use(const checked::Program& program, Diagnostics& diagnostics, const AnalysisOptions& options) { UseCheck(program, diagnostics, options).run(); }

}  // namespace dunlin::analysis
