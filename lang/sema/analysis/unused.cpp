// Queues that nobody asks for a task in, segmentations and enumerations that nothing looks at. What people use by hand is left out: holds may be placed from
// outside, schedules and territories belong to the workers that are imported.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lang/sema/analysis/readings.h"
#include "lang/sema/analysis/strategies.h"
#include "lang/sema/checked_people.h"

namespace dunlin::analysis {

using checked::Index;
using checked::LimitRule;
using checked::Op;
using checked::Type;
using checked::TypeKind;

namespace {

class UnusedCheck {
 public:
  UnusedCheck(const checked::Program& program, Diagnostics& diagnostics, const AnalysisOptions& options)
      : program_(program), diagnostics_(diagnostics), options_(options), queues_(program.queues.size()) {}

  void run() {
    if (program_.strategies.empty() && program_.always.empty()) return;  // a bundle of data and judgements, or one that is being begun
    for (const checked::Root& root : program_.roots) look_at_root(root);
    for (const checked::Strategy& strategy : program_.strategies) look_at_rules(strategy.rules);
    for (const checked::Stage& stage : program_.stages) look_at_rules(stage.rules);
    for (const checked::Always& always : program_.always) look_at_rules(always.rules);
    look_at_limits();
    look_at_types();
    unused_queues();
    unused_segmentations();
    for (const AnalysisOptions::DeclaredEnum& one : options_.declared_enums) {
      if (!enums_.contains(one.index))
        unused("enumeration", program_.enums[static_cast<size_t>(one.index)].name, one.span, "give a field this type, or remove it");
    }
  }

 private:
  void unused(const char* what, const std::string& name, Span span, std::string help) {
    if (!options_.is_of_bundle(span)) return;
    diagnostics_.warning("E0613", span, fmt::format("{} `{}` is never used", what, name)).help = std::move(help);
  }

  void use(Index queue) {
    if (queue != checked::none) queues_[static_cast<size_t>(queue)] = true;
  }

  void use_events(const std::vector<Index>& events) {
    for (const Index event : events) {
      for (Index below = event; below <= program_.events[static_cast<size_t>(event)].last_descendant; ++below)
        use(program_.events[static_cast<size_t>(below)].queue);
    }
  }

  void use(const Type& type) {
    if (type.kind == TypeKind::enumeration) enums_.insert(type.id);
  }
  void use(const std::vector<checked::Field>& fields) {
    for (const checked::Field& field : fields) use(field.type);
  }

  void look_at_root(const checked::Root& root) {
    use(root.type);
    for (const Type& type : root.parameters) use(type);
    if (root.body == nullptr) return;
    for_each_part(*root.body, [&](const checked::Expr& part) {
      use(part.type);
      if (part.op == Op::derived && part.args.at(0)->type.id >= 0) derived_.insert({part.args[0]->type.id, part.index});
      if (part.aggregate) use_events(part.aggregate->event_types);
    });
  }

  void look_at_rules(const std::vector<checked::Rule>& rules) {
    for (const checked::Rule& rule : rules) {
      if (rule.keep) use(rule.keep->queue);
      for (const checked::Action& action : rule.actions) use(action.queue);
      // Outcomes may come without a task: a contact that somebody else reports.
      use_events(rule.events);
    }
  }

  /// A line about this queue and not about all of them says that there are contacts of this kind.
  void look_at_limits() {
    const auto contacts = static_cast<size_t>(std::ranges::count_if(program_.queues, &checked::Queue::counts));
    for (const checked::Limits& limits : program_.limits) {
      for (const LimitRule& line : limits.rules) {
        if (limits.hold == checked::none && line.queues.size() < contacts) std::ranges::for_each(line.queues, [&](Index queue) { use(queue); });
        if (line.counted_queues.size() < contacts) std::ranges::for_each(line.counted_queues, [&](Index queue) { use(queue); });
        for (const auto* events : {&line.counted_events, &line.after, &line.until}) use_events(*events);
        for (const LimitRule::Exception& except : line.except) use(except.queue);
      }
    }
    for (const checked::Queue& queue : program_.queues) {
      if (!queue.counts_as.empty()) use(checked::find_queue(program_, queue.counts_as));
      if (options_.queues_of_campaigns.contains(queue.name)) use(checked::find_queue(program_, queue.name));
    }
    for (const auto& territory : program_.territories) {
      for (const checked::Territory::Capacity& capacity : territory->capacities) use(capacity.queue);
    }
  }

  void look_at_types() {
    for (const checked::Record& record : program_.records) {
      for (const checked::Record::Field& field : record.fields) use(field.type);
    }
    for (const Type& list : program_.lists) use(list);
    for (const checked::Entity& entity : program_.entities) use(entity.fields);
    for (const checked::EventType& event : program_.events) use(event.fields);
    for (const checked::Queue& queue : program_.queues) use(queue.fields);
    for (const checked::Request& request : program_.requests) use(request.columns);
    for (const checked::Setting& setting : program_.settings) use(setting.type);
    for (const checked::Strategy& strategy : program_.strategies) {
      for (const checked::Variable& variable : strategy.variables) use(variable.type);
    }
    for (const checked::Table& table : program_.tables) {
      for (const auto* columns : {&table.inputs, &table.outputs}) {
        for (const checked::TableColumn& column : *columns) use(column.type);
      }
    }
    for (const checked::Native& native : program_.natives) {
      use(native.result);
      for (const Type& type : native.parameters) use(type);
    }
  }

  void unused_queues() {
    for (size_t q = 0; q < queues_.size(); ++q) {
      const checked::Queue& queue = program_.queues[q];
      if (!queues_[q]) unused("queue", queue.name, queue.span, "let a rule or a campaign ask for a task in it, or remove it");
    }
  }

  void unused_segmentations() {
    for (const checked::Segmentation& one : program_.segmentations) {
      if (one.entity == checked::none || one.derived == checked::none || derived_.contains({one.entity, one.derived})) continue;
      const checked::Derived& derived = program_.entities[static_cast<size_t>(one.entity)].derived[static_cast<size_t>(one.derived)];
      unused("segmentation", one.name, derived.span, "ask for it in a rule, a table or a test, or remove it");
    }
  }

  const checked::Program& program_;
  Diagnostics& diagnostics_;
  const AnalysisOptions& options_;
  std::vector<bool> queues_;
  std::set<Index> enums_;
  std::set<std::pair<Index, Index>> derived_;  // (entity, derived field) that something reads
};

}  // namespace

void check_unused(const checked::Program& program, Diagnostics& diagnostics, const AnalysisOptions& options) {
  UnusedCheck(program, diagnostics, options).run();
}

}  // namespace dunlin::analysis
