// Timers that are put off again and again: `after last(call).at + 10 days : go letters` in a stage that asks for a call every other day without an end. Each
// call moves what the timer counts from, so it comes due only if nobody works the task for ten days.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "lang/sema/analysis/readings.h"
#include "lang/sema/analysis/strategies.h"

namespace dunlin::analysis {

using checked::Expr;
using checked::Index;
using checked::Op;
using checked::RootId;
using checked::Rule;

namespace {

/// Days that a duration takes at least and at most; a packed duration is amount * 8 + unit: 0 microseconds, 1 days, 2 business days, 3 months.
struct Days {
  int64_t least, most;
};

/// A weekend and two holidays may lie between one working day and the next, and as much again for each further one.
constexpr int64_t business_day_most = 5;

std::optional<Days> days_of(int64_t packed) {
  constexpr int64_t day_us = 86'400'000'000;
  const int64_t amount = packed >> 3;
  if (amount <= 0) return {};
  switch (packed & 7) {
    case 0:
      return Days{amount / day_us, amount / day_us + 1};
    case 1:
      return Days{amount, amount};
    case 2:
      return Days{amount, amount * business_day_most};
    case 3:
      return Days{amount * 28, amount * 31};
    default:
      return {};
  }
}

class PutOffCheck {
 public:
  PutOffCheck(const checked::Program& program, const Flow& flow, Diagnostics& diagnostics)
      : program_(program), flow_(flow), diagnostics_(diagnostics), readings_(program) {}

  void run() {
    for (size_t stage = 0; stage < program_.stages.size(); ++stage) {
      if (!flow_.reachable(static_cast<Index>(stage)) || program_.stages[stage].is_final) continue;
      for (const Rule& rule : program_.stages[stage].rules) judge(static_cast<Index>(stage), rule);
    }
  }

 private:
  struct Anchor {
    std::set<Index> events;  // leaves
    int64_t wait = 0;        // packed
  };
  const checked::Root& root_at(RootId root) const { return program_.roots[static_cast<size_t>(root)]; }

  static const Expr& plain(const Expr& expr) {
    return (expr.op == Op::to_optional || expr.op == Op::unwrap) && !expr.args.empty() ? plain(*expr.args.front()) : expr;
  }

  /// A constant duration; nothing: it is worked out.
  std::optional<Days> duration(RootId root) const {
    if (root == checked::none || root_at(root).body == nullptr) return {};
    const Expr& body = plain(*root_at(root).body);
    return body.op == Op::literal && body.type.kind == checked::TypeKind::duration ? days_of(body.value) : std::nullopt;
  }

  /// `last(E).at + D` and nothing else; `last(E).due + D` is what somebody promised, and moves for a reason.
  std::optional<Anchor> anchor_of(const Rule& rule) const {
    if ((rule.kind != Rule::Kind::at && rule.kind != Rule::Kind::after) || rule.instant == checked::none || rule.guard != checked::none) return {};
    const Expr* body = root_at(rule.instant).body.get();
    if (body == nullptr) return {};
    Anchor anchor;
    int queries = 0, waits = 0, instants = 0;
    bool plain_only = true;
    for_each_part(*body, [&](const Expr& part) {
      if (part.op == Op::event_at) ++instants;
      if (part.op == Op::derived || part.op == Op::function || part.op == Op::table || part.op == Op::condition || part.op == Op::event_field)
        plain_only = false;
      if (part.op == Op::add && part.args.size() == 2 && part.args[1]->op == Op::literal && part.args[1]->type.kind == checked::TypeKind::duration) {
        anchor.wait = part.args[1]->value;
        ++waits;
      }
      if (part.op == Op::subtract) plain_only = false;
      if (part.aggregate == nullptr) return;
      ++queries;
      plain_only = plain_only && part.aggregate->source == checked::Aggregate::Source::events && part.aggregate->function == checked::AggregateFunction::last &&
                   part.aggregate->where == nullptr;
      for (const Index event : part.aggregate->event_types) {
        const auto leaves = readings_.leaves_of(event);
        anchor.events.insert(leaves.begin(), leaves.end());
      }
    });
    if (!plain_only || queries != 1 || waits != 1 || instants != 1) return {};
    return anchor;
  }

  /// Outcomes of the queue that the timer counts from and that no rule of the stage takes as a reason to go on.
  std::set<Index> that_stay(Index stage, Index queue, const Anchor& anchor) {
    std::set<Index> stay;
    const Index root = program_.queues[static_cast<size_t>(queue)].outcomes;
    if (root == checked::none) return stay;
    std::ranges::set_intersection(readings_.leaves_of(root), anchor.events, std::inserter(stay, stay.end()));
    for (const Rule* rule : flow_.rules_in(stage)) {
      if (rule->kind == Rule::Kind::on_event && flow_.leads_away(*rule, stage)) {
        for (const Index event : rule->events) std::erase_if(stay, [&](Index leaf) { return readings_.leaves_of(event).contains(leaf); });
      }
      // A time from the entry ends them, too; and so does a number that the strategy keeps in a variable.
      if (rule->kind == Rule::Kind::after && rule->instant == checked::none && rule->guard == checked::none && flow_.leads_away(*rule, stage)) return {};
      if (rule->kind == Rule::Kind::when && flow_.leads_away(*rule, stage) && !readings_.of(rule->guard).variables.empty()) return {};
      // Whoever counts the attempts ends them: `when count(call since entry) >= 5 : go …`.
      if (rule->kind == Rule::Kind::when && std::ranges::any_of(readings_.of(rule->guard).events, [&](Index event) { return stay.contains(event); })) return {};
    }
    return stay;
  }

  static bool without_end(const checked::Keep& keep, const checked::Program& program) {
    if (!keep.attempts.empty() || keep.binder_entity != checked::none) return false;
    if (keep.condition == checked::none) return true;
    const Expr* body = program.roots[static_cast<size_t>(keep.condition)].body.get();
    return body != nullptr && body->op == Op::literal && body->value != 0;
  }

  void judge(Index stage, const Rule& rule) {
    if (!flow_.leads_away(rule, stage)) return;
    const auto anchor = anchor_of(rule);
    const auto wait = anchor ? days_of(anchor->wait) : std::nullopt;
    if (!wait) return;
    for (const Rule& other : program_.stages[static_cast<size_t>(stage)].rules) {
      if (!other.keep || !without_end(*other.keep, program_)) continue;
      const auto again = other.keep->again == checked::none ? std::optional(Days{1, business_day_most}) : duration(other.keep->again);
      if (!again || again->most >= wait->least) continue;
      const auto stay = that_stay(stage, other.keep->queue, *anchor);
      if (stay.empty()) continue;
      report(stage, rule, other, *stay.begin(), *again, *wait);
      return;
    }
  }

  void report(Index stage, const Rule& rule, const Rule& keep, Index event, const Days& again, const Days& wait) {
    const checked::EventType& type = program_.events[static_cast<size_t>(event)];
    const std::string& queue = program_.queues[static_cast<size_t>(keep.keep->queue)].name;
    auto& diagnostic = diagnostics_.warning(
        "E0618", rule.span,
        fmt::format("each `{}` puts this timer off, and stage `{}` asks for the next one sooner", type.name, checked::stage_name(program_, stage)));
    diagnostic.label = "does not come due while the task is worked";
    diagnostic.notes.push_back({keep.span, "asked for again and again, without an end"});
    const int64_t step = std::max<int64_t>(again.most, 1);
    diagnostic.notes.push_back({{}, fmt::format("day 0: `{}`; due on day {}", type.name, wait.least)});
    diagnostic.notes.push_back({{}, fmt::format("day {} at the latest: `{}` again; due on day {}, and so on", step, type.name, step + wait.least)});
    diagnostic.help = fmt::format("count from the entry of the stage (`after {} days : …`), or say how often `{}` is tried (`attempts at most 6 in stage`)",
                                  wait.least, queue);
  }

  const checked::Program& program_;
  const Flow& flow_;
  Diagnostics& diagnostics_;
  Readings readings_;
};

}  // namespace

void check_put_off(const checked::Program& program, const Flow& flow, Diagnostics& diagnostics) { PutOffCheck(program, flow, diagnostics).run(); }

}  // namespace dunlin::analysis
