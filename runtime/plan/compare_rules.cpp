#include "runtime/plan/compare_rules.h"

#include <algorithm>
#include <optional>

#include "lang/sema/analysis/conditions.h"
#include "lang/sema/analysis/witness.h"

namespace dunlin::plan {

namespace {

using checked::none;
using checked::Rule;

struct Side {
  const Rule* rule = nullptr;
  Meaning named = -1, expanded = -1;
  int partner = -1;  // position on the other side
  bool same = false;
};

std::vector<Side> sides_of(const Reading& reading, const std::vector<Rule>& rules) {
  std::vector<Side> sides;
  for (const Rule& rule : rules) sides.push_back({&rule, reading.named.rule(rule), reading.expanded.rule(rule)});
  return sides;
}

class RuleComparison {
 public:
  RuleComparison(const Reading& before, const std::vector<Rule>& old_rules, const Reading& after, const std::vector<Rule>& new_rules, std::string place,
                 checked::Index entity, Comparison& result)
      : before_(before),
        after_(after),
        old_(sides_of(before, old_rules)),
        new_(sides_of(after, new_rules)),
        place_(std::move(place)),
        entity_(entity),
        result_(result) {}

  void run() {
    pair([](const Side& a, const Side& b) { return (a.named == b.named || a.expanded == b.expanded) && a.rule->name == b.rule->name; }, true);
    pair([](const Side& a, const Side& b) { return a.named == b.named || a.expanded == b.expanded; }, true);
    pair([](const Side& a, const Side& b) { return a.rule->key == b.rule->key; }, false);
    pair([](const Side& a, const Side& b) { return a.rule->kind == b.rule->kind && alike(*a.rule, *b.rule); }, false);
    for (const Side& side : old_) tell(side);
    for (const Side& side : new_) {
      if (side.partner < 0) add(ChangeKind::added, nullptr, side.rule);
    }
    tell_order();
  }

 private:
  /// Whether one may well have become the other: they do the same kind of thing.
  static bool alike(const Rule& a, const Rule& b) {
    if (a.keep && b.keep) return a.keep->queue == b.keep->queue;
    if (a.events != b.events || a.actions.empty() || b.actions.empty()) return false;
    const checked::Action &x = a.actions.front(), &y = b.actions.front();
    return x.kind == y.kind && x.queue == y.queue && x.stage == y.stage;
  }

  template <class Fits>
  void pair(const Fits& fits, bool same) {
    for (size_t i = 0; i < old_.size(); ++i) {
      if (old_[i].partner >= 0) continue;
      for (size_t j = 0; j < new_.size(); ++j) {
        if (new_[j].partner >= 0 || !fits(old_[i], new_[j])) continue;
        old_[i].partner = static_cast<int>(j);
        new_[j].partner = static_cast<int>(i);
        old_[i].same = new_[j].same = same;
        break;
      }
    }
  }

  void tell(const Side& side) {
    if (side.partner < 0) return (void)add(ChangeKind::removed, side.rule, nullptr);
    const Rule& other = *new_[static_cast<size_t>(side.partner)].rule;
    if (!side.same) return (void)add(ChangeKind::changed, side.rule, &other);
    if (side.rule->named && other.named && side.rule->name != other.name)
      result_.renamed.push_back({"rule", place_ + ": " + side.rule->name, place_ + ": " + other.name});
  }

  Change& add(ChangeKind kind, const Rule* old_rule, const Rule* new_rule) {
    Change change{.kind = kind, .what = "rule"};
    change.name = place_ + ": " + (new_rule != nullptr ? new_rule : old_rule)->name;
    if (old_rule != nullptr) {
      change.before = one_line(before_.view, old_rule->span);
      change.where_before = place_text(before_.view, old_rule->span);
    }
    if (new_rule != nullptr) {
      change.after = one_line(after_.view, new_rule->span);
      change.where_after = place_text(after_.view, new_rule->span);
    }
    return result_.changes.emplace_back(std::move(change));
  }

  /// Of handlers the first whose guard holds takes the event, of `when` rules the first that holds leads away: there alone the order counts.
  void tell_order() {
    for (size_t i = 0; i < old_.size(); ++i) {
      for (size_t j = i + 1; j < old_.size(); ++j) {
        const Side &first = old_[i], &second = old_[j];
        if (first.partner < 0 || second.partner < 0 || first.partner < second.partner) continue;
        if (first.rule->kind != second.rule->kind || first.expanded == second.expanded) continue;
        if (!may_both_act(*first.rule, *second.rule)) continue;
        Change& change = add(ChangeKind::reordered, first.rule, new_[static_cast<size_t>(second.partner)].rule);
        change.name = place_ + ": " + second.rule->name + " before " + first.rule->name;
        change.note = "where both could act, the second one now does";
        if (first.rule->kind == Rule::Kind::when) {
          const auto found = analysis::find_witness(before_.view.program, {entity_, {first.rule->guard, second.rule->guard}, {}});
          if (found) change.witness = found->text;
        }
      }
    }
  }

  bool may_both_act(const Rule& a, const Rule& b) const {
    if (a.kind != Rule::Kind::on_event && a.kind != Rule::Kind::when) return false;
    const checked::Program& program = before_.view.program;
    if (a.kind == Rule::Kind::on_event) {
      const bool meet = std::ranges::any_of(a.events, [&](checked::Index x) {
        return std::ranges::any_of(b.events,
                                   [&](checked::Index y) { return x <= program.events[y].last_descendant && y <= program.events[x].last_descendant; });
      });
      if (!meet) return false;
    }
    std::vector<checked::RootId> guards;
    if (a.guard != none) guards.push_back(a.guard);
    if (b.guard != none) guards.push_back(b.guard);
    return guards.size() < 2 || !analysis::Conditions(program).exclude_each_other(guards);
  }

  const Reading& before_;
  const Reading& after_;
  std::vector<Side> old_, new_;
  std::string place_;
  checked::Index entity_;
  Comparison& result_;
};

}  // namespace

void compare_rules(const Reading& before, const std::vector<Rule>& old_rules, const Reading& after, const std::vector<Rule>& new_rules,
                   const std::string& place, checked::Index entity, Comparison& result) {
  RuleComparison(before, old_rules, after, new_rules, place, entity, result).run();
}

std::string one_line(const VersionView& view, Span span) {
  if (!span.known()) return "";
  std::string line;
  bool in_comment = false;
  const std::string_view text = view.sources.text(span);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "//") in_comment = true;
    if (text[i] == '\n') in_comment = false;
    if (in_comment) continue;
    const bool blank = text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r';
    if (!blank) {
      line += text[i];
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::string place_text(const VersionView& view, Span span) { return span.known() ? view.sources.locate(span) : ""; }

}  // namespace dunlin::plan
