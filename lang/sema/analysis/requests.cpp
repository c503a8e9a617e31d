// Requests that nobody makes, and answers that nobody waits for.
#include <fmt/format.h>

#include <algorithm>

#include "lang/sema/analysis/scope.h"
#include "lang/sema/analysis/strategies.h"

namespace dunlin::analysis {

using checked::Index;
using checked::Request;

namespace {

class RequestCheck {
 public:
  RequestCheck(const checked::Program& program, Diagnostics& diagnostics, const AnalysisOptions& options)
      : program_(program), diagnostics_(diagnostics), options_(options), heard_(program.events.size()), raised_(program.events.size()) {}

  void run() {
    if (program_.requests.empty()) return;
    for (const checked::Root& root : program_.roots) {
      if (root.body == nullptr) continue;
      for_each_part(*root.body, [&](const checked::Expr& part) {
        if (part.aggregate == nullptr) return;
        for (const Index event : part.aggregate->event_types) hear(event);
      });
    }
    for (const checked::Strategy& strategy : program_.strategies) look(strategy.rules, strategy.name);
    for (const checked::Stage& stage : program_.stages) look(stage.rules, program_.strategies[static_cast<size_t>(stage.strategy)].name + "." + stage.name);
    for (const checked::Always& always : program_.always) look(always.rules, "always");
    for (const Request& request : program_.requests) judge(request);
  }

 private:
  struct Asked {
    std::string where;
    Span span;
  };

  void hear(Index event) {
    for (Index below = event; below <= program_.events[static_cast<size_t>(event)].last_descendant; ++below) heard_[static_cast<size_t>(below)] = true;
  }

  void look(const std::vector<checked::Rule>& rules, const std::string& where) {
    for (const checked::Rule& rule : rules) {
      for (const Index event : rule.events) hear(event);
      for (const checked::Action& action : rule.actions) {
        if (action.event_type == checked::none) continue;
        auto& raised = raised_[static_cast<size_t>(action.event_type)];
        if (raised.where.empty()) raised = {where, action.span};
      }
    }
  }

  bool heard(Index event) const { return event == checked::none || heard_[static_cast<size_t>(event)]; }

  void judge(const Request& request) {
    if (!options_.is_of_bundle(request.span)) return;
    const Asked& asked = raised_[static_cast<size_t>(request.asked)];
    if (asked.where.empty()) {
      constexpr const char* kinds[] = {"approval", "quota", "allocation"};
      auto& diagnostic =
          diagnostics_.warning("E0613", request.span, fmt::format("{} `{}` is never used", kinds[static_cast<size_t>(request.kind)], request.name));
      diagnostic.help = "use it or remove it";
      return;
    }
    if (heard(request.asked)) return;  // `asked(x)`: somebody looks whether it is still open
    for (const Index answer : {request.granted, request.declined, request.lapsed}) {
      if (heard(answer)) continue;
      const std::string& name = program_.events[static_cast<size_t>(answer)].name;
      auto& diagnostic = diagnostics_.warning("E0754", asked.span, fmt::format("nobody waits for `{}`", name));
      diagnostic.label = "asked here, in " + asked.where;
      diagnostic.notes.push_back({request.span, "declared here"});
      diagnostic.help =
          fmt::format("whoever asks for `{}` in {} and gets this answer stays where it is and is not told: write `on {} : …`", request.name, asked.where, name);
    }
  }

  const checked::Program& program_;
  Diagnostics& diagnostics_;
  const AnalysisOptions& options_;
  std::vector<bool> heard_;
  std::vector<Asked> raised_;
};

}  // namespace

void check_requests_heard(const checked::Program& program, Diagnostics& diagnostics, const AnalysisOptions& options) {
  RequestCheck(program, diagnostics, options).run();
}

}  // namespace dunlin::analysis
