#include "runtime/simulate/cap_story.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lang/sema/stage_orders.h"
#include "runtime/simulate/cap_story_run.h"
#include "runtime/simulate/draw.h"
#include "runtime/simulate/ready_debtor.h"

namespace dunlin::simulate {

using checked::Index;
using checked::LimitRule;
using checked::Program;
using checked::Rule;

namespace {

constexpr int64_t steps_of_one = 250;   // of one debtor
constexpr int64_t steps_of_pair = 60;   // of one with two accounts that differ
constexpr int64_t tries_of_one = 12;    // debtors for each strategy
constexpr int64_t tries_unasked = 40;   // … that has asked nothing of any of them
constexpr int64_t tries_of_pairs = 12;  // debtors with two accounts that differ
constexpr int64_t share_of_pairs = 6;   // of the steps of all others, besides them
constexpr int64_t simpler_tries = 50;   // to make a story simpler
constexpr size_t told_first = 6, told_last = 18;

/// All rules with their strategies.
template <class Visit>
void for_each_rule(const Program& program, Visit&& visit) {
  for (size_t s = 0; s < program.strategies.size(); ++s) {
    for (const Rule& rule : program.strategies[s].rules) visit(static_cast<Index>(s), rule);
  }
  for (const checked::Stage& stage : program.stages) {
    for (const Rule& rule : stage.rules) visit(stage.strategy, rule);
  }
  for (const checked::Always& always : program.always) {
    for (const Rule& rule : always.rules) visit(checked::none, rule);
  }
}

class Search {
 public:
  Search(const Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, const CapStoryOptions& options)
      : program_(program), evaluator_(evaluator), calendar_(calendar), boundaries_(find_boundaries(program)), draw_(program, boundaries_, options.seed) {
    // A step of a large bundle costs more: it tries every enrolment.
    const auto size = static_cast<int64_t>(program.roots.size()) + 100;
    steps_left_ = options.steps_max > 0 ? options.steps_max : std::clamp<int64_t>(INT64_C(600'000) / size, 200, 3'000);
    steps_of_pairs_ = steps_left_ / share_of_pairs;
    settings_ = engine::initial_settings(program, evaluator, calendar, arena_);
    for (size_t e = 0; e < program.entities.size(); ++e) {
      checked::TestInstance& one = all_.instances.emplace_back();
      one.entity = static_cast<Index>(e);
      one.any = true;
    }
    leaves_.resize(program.queues.size());
    for (size_t q = 0; q < program.queues.size(); ++q) find_leaves(q);
    find_first_events();
  }

  std::vector<CapStory> run() {
    const std::vector<Index> asking = strategies_that_ask();
    if (asking.empty()) return {};
    for (int64_t round = 0; round < tries_unasked && steps_left_ > 0; ++round) {
      for (const Index strategy : asking) {
        if (round < tries_of_one || !has_asked_[strategy]) try_one(strategy, round);
      }
    }
    try_pairs(asking);
    std::ranges::sort(found_, [](const Found& a, const Found& b) {
      return std::tuple(a.rule->span.file, a.rule->span.begin, a.hit.cap->span.file, a.hit.cap->span.begin) <
             std::tuple(b.rule->span.file, b.rule->span.begin, b.hit.cap->span.file, b.hit.cap->span.begin);
    });
    std::vector<CapStory> stories;
    for (Found& found : found_) stories.push_back(story_of(found));
    return stories;
  }

 private:
  struct Found {
    CapHit hit;
    const Rule* rule = nullptr;
    CapPlot plot;
    int64_t steps = 0;  // until it was hit
  };

  /// Strategies with tasks that some cap counts; those of `always` are asked for in any of them.
  std::vector<Index> strategies_that_ask() {
    judged_.assign(program_.queues.size(), false);
    has_asked_.assign(program_.strategies.size(), false);
    std::vector<bool> asks(program_.strategies.size(), false);
    for (const checked::Limits& limits : program_.limits) {
      for (const LimitRule& line : limits.rules) {
        if (line.kind != LimitRule::Kind::at_most) continue;
        for (const Index queue : line.queues) judged_[queue] = true;
      }
    }
    for_each_rule(program_, [&](Index strategy, const Rule& rule) {
      if (!asks_for(rule, judged_)) return;
      if (strategy == checked::none) {
        std::fill(asks.begin(), asks.end(), true);
      } else {
        asks[strategy] = true;
      }
    });
    std::vector<Index> asking;
    for (size_t s = 0; s < asks.size(); ++s) {
      if (asks[s]) asking.push_back(static_cast<Index>(s));
    }
    return asking;
  }

  // ---- plots ----

  void find_leaves(size_t queue) {
    const Index root = program_.queues[queue].outcomes;
    if (root == checked::none) return;
    for (Index e = root; e <= program_.events[root].last_descendant; ++e) {
      if (program_.events[e].leaf) leaves_[queue].push_back(e);
    }
    // Those that say nothing come first: a story of failed attempts is the simplest one.
    std::ranges::stable_sort(leaves_[queue], {}, [&](Index e) { return program_.events[e].fields.size() > outcome_fields; });
  }

  /// Events that bring facts: conditions ask for their fields. The others are tried now and then.
  void find_first_events() {
    std::vector<bool> of_hold(program_.events.size(), false);
    for (const checked::Hold& hold : program_.holds) {
      if (hold.event != checked::none) std::fill(of_hold.begin() + hold.event, of_hold.begin() + program_.events[hold.event].last_descendant + 1, true);
      for (const Index e : {hold.placed, hold.lifted, hold.ended}) {
        if (e != checked::none) of_hold[e] = true;
      }
    }
    for (const checked::Deadline& deadline : program_.deadlines) {
      for (const Index e : {deadline.warned, deadline.missed}) {
        if (e != checked::none) of_hold[e] = true;
      }
    }
    for (size_t e = 0; e < program_.events.size(); ++e) {
      const checked::EventType& type = program_.events[e];
      if (!type.leaf || type.queue != checked::none || of_hold[e] || checked::is_stage_order(program_, type)) continue;
      const Index key = event_key(static_cast<Index>(e));
      const auto asked = [&](const auto& map) {
        const auto from = map.lower_bound({key, 0});
        return from != map.end() && from->first.first == key;
      };
      first_events_.emplace_back(static_cast<Index>(e), asked(boundaries_.values) || asked(boundaries_.days) || asked(boundaries_.texts));
    }
  }

  CapPlot::Payload payload_of(Index event, int64_t day) {
    CapPlot::Payload payload{.event = event, .fields = {}};
    const checked::EventType& type = program_.events[event];
    const size_t given = type.queue == checked::none ? 0 : outcome_fields;
    for (size_t f = 0; f < type.fields.size(); ++f) {
      payload.fields.push_back(f < given ? blank_value(program_, type.fields[f].type) : draw_.of_event(event, static_cast<Index>(f), day));
    }
    return payload;
  }

  CapPlot plot_for(Index strategy, int64_t round) {
    CapPlot plot;
    plot.debtor = draw_.one(all_);
    if (round % 2 == 0) {
      plot.debtor.day = plain_day;
      make_ready(plot, strategy, round % 4 == 0);
    }
    for (const auto& [event, asked] : first_events_) {
      if (draw_.below(asked ? 2 : 12) == 0 && round > 0) plot.first.push_back(payload_of(event, plot.debtor.day));
    }
    plot.outcomes.resize(program_.queues.size());
    for (size_t q = 0; q < leaves_.size(); ++q) {
      if (leaves_[q].empty()) continue;
      plot.outcomes[q] = payload_of(leaves_[q][round < 2 ? 0 : draw_.below(leaves_[q].size())], plot.debtor.day);
    }
    return plot;
  }

  /// Puts in what the analyses know to be enough for the strategy to ask something; with `plain` there is nothing else about this debtor.
  void make_ready(CapPlot& plot, Index strategy, bool plain) {
    auto known = ready_.find(strategy);
    if (known == ready_.end()) known = ready_.emplace(strategy, ready_debtor(program_, strategy, judged_)).first;
    const ReadyDebtor& ready = known->second;
    for (size_t e = 0; e < plot.debtor.instances.size(); ++e) {
      for (auto& [index, value] : plot.debtor.instances[e]) {
        const std::pair key{static_cast<Index>(e), index};
        const auto fact = ready.facts.fields.find(key);
        if (fact != ready.facts.fields.end() && (plain || ready.sought.contains(key)))
          value = {.known = !fact->second.missing, .slot = fact->second.slot, .text = fact->second.text, .parts = {}};
      }
    }
  }

  // ---- runs ----

  void try_one(Index strategy, int64_t round) {
    if (steps_left_ <= 0) return;
    const CapPlot plot = plot_for(strategy, round);
    try_plot(plot);
    // The commonest breach: a limit counts per debtor, and the strategy asks for each account.
    if (round > 1 || steps_left_ <= 0 || !counts_above(program_.strategies[strategy].entity)) return;
    CapPlot two = plot;
    two.twice = program_.strategies[strategy].entity;
    try_plot(two);
  }

  /// Accounts that differ: neither strategy asks for too much, and both of them do, as a limit counts per debtor and one account stands here, the other
  /// there. Neighbours in the text come first; then two that stand in the same strategy, the second with facts that are drawn.
  void try_pairs(const std::vector<Index>& asking) {
    steps_left_ = steps_of_pairs_;
    int64_t left = tries_of_pairs;
    const auto try_pair = [&](Index first, Index second) {
      const Index entity = program_.strategies[first].entity;
      if (program_.strategies[second].entity != entity || !counts_above(entity)) return;
      if (--left >= 0 && steps_left_ > 0) try_plot(plot_of_pair(first, second), steps_of_pair);
    };
    for (size_t apart = 1; apart < asking.size() && left > 0; ++apart) {
      for (size_t a = 0; a + apart < asking.size(); ++a) try_pair(asking[a], asking[a + apart]);
    }
    for (int64_t again = 0; again < tries_of_pairs && left > 0; ++again) {
      for (const Index strategy : asking) try_pair(strategy, strategy);
    }
  }

  /// What is above the accounts is as the first strategy has it, and as the second where the first does not look. The second of one strategy is any
  /// account: what is sought for the first would make them alike.
  CapPlot plot_of_pair(Index first, Index second) {
    const Index entity = program_.strategies[first].entity;
    CapPlot other = plot_for(second, first == second ? 1 : 0);
    CapPlot plot = plot_for(first, 0);
    for (size_t e = 0; e < program_.entities.size(); ++e) {
      for (size_t f = 0; f < plot.debtor.instances[e].size(); ++f) {
        const std::pair key{static_cast<Index>(e), plot.debtor.instances[e][f].field};
        if (key.first != entity && ready_.at(second).sought.contains(key) && !ready_.at(first).sought.contains(key))
          plot.debtor.instances[e][f].value = other.debtor.instances[e][f].value;
      }
    }
    plot.twice = entity;
    plot.debtor.instances.push_back(std::move(other.debtor.instances[entity]));
    return plot;
  }

  /// Of an instance of a plot; the second of two lies behind all others.
  Index entity_of(const CapPlot& plot, size_t instance) const { return instance < program_.entities.size() ? static_cast<Index>(instance) : plot.twice; }

  /// Whether some cap counts together what is done for different instances of this entity.
  bool counts_above(Index entity) const {
    std::set<Index> above;
    for (Index up = program_.entities[entity].parent; up != checked::none; up = program_.entities[up].parent) above.insert(up);
    return std::ranges::any_of(program_.limits, [&](const checked::Limits& limits) {
      return std::ranges::any_of(limits.rules, [&](const LimitRule& rule) {
        return rule.kind == LimitRule::Kind::at_most && std::ranges::all_of(rule.keys, [&](const LimitRule::Key& key) { return above.contains(key.entity); });
      });
    });
  }

  void try_plot(const CapPlot& plot, int64_t steps = steps_of_one) {
    CapStoryRun run(program_, evaluator_, calendar_, settings_, plot);
    run.run(std::min(steps, steps_left_), nullptr);
    steps_left_ -= run.steps() + 1;
    for (const auto& [strategy, queue] : run.asked()) {
      if (judged_[queue]) has_asked_[strategy] = true;
    }
    for (const CapHit& hit : run.hits()) {
      const bool told = std::ranges::any_of(found_, [&](const Found& found) { return found.hit.kind() == hit.kind(); });
      if (!told) found_.push_back({hit, rule_of(hit.rule), plot, hit.step});
    }
    std::erase_if(found_, [](const Found& found) { return found.rule == nullptr; });
  }

  const Rule* rule_of(uint64_t key) const {
    const Rule* found = nullptr;
    for_each_rule(program_, [&](Index, const Rule& rule) { found = rule.key == key ? &rule : found; });
    return found;
  }

  /// The same rule runs into the same block; the cap may be another of its lines.
  bool still_hits(const CapPlot& plot, const Found& found) {
    const CapHit& hit = found.hit;
    CapStoryRun run(program_, evaluator_, calendar_, settings_, plot);
    // A simpler story is not a longer one.
    run.run(found.steps + 5, &hit);
    return std::ranges::any_of(run.hits(), [&](const CapHit& other) { return other.kind() == hit.kind(); });
  }

  void make_simpler(Found& found) {
    int64_t left = simpler_tries;
    if (found.plot.twice != checked::none) {
      CapPlot one = found.plot;
      one.twice = checked::none;
      one.debtor.instances.resize(program_.entities.size());
      CapPlot alike = found.plot;
      alike.debtor.instances.resize(program_.entities.size());
      if (still_hits(one, found)) {
        found.plot = std::move(one);
      } else if (found.plot.differ(program_) && still_hits(alike, found)) {
        found.plot = std::move(alike);
      }
    }
    const auto keep_if_hit = [&](CapPlot simpler) {
      if (--left < 0 || !still_hits(simpler, found)) return false;
      found.plot = std::move(simpler);
      return true;
    };
    for (size_t e = found.plot.first.size(); e-- > 0;) {
      CapPlot simpler = found.plot;
      simpler.first.erase(simpler.first.begin() + static_cast<std::ptrdiff_t>(e));
      keep_if_hit(std::move(simpler));
    }
    for (size_t i = 0; i < found.plot.debtor.instances.size(); ++i) {
      for (size_t f = 0; f < found.plot.debtor.instances[i].size(); ++f) {
        const checked::Field& field = program_.entities[entity_of(found.plot, i)].fields[found.plot.debtor.instances[i][f].field];
        const auto values = smaller_values(program_, field.type, &field, found.plot.debtor.instances[i][f].value, found.plot.debtor.day);
        for (size_t v = 0; v < std::min<size_t>(values.size(), 3); ++v) {
          CapPlot simpler = found.plot;
          simpler.debtor.instances[i][f].value = values[v];
          if (keep_if_hit(std::move(simpler))) break;
        }
      }
    }
  }

  CapStory story_of(Found& found) {
    make_simpler(found);
    CapStoryRun run(program_, evaluator_, calendar_, settings_, found.plot);
    run.run(steps_of_one, &found.hit);
    for (const CapHit& hit : run.hits()) {
      if (hit.kind() == found.hit.kind()) found.hit = hit;
    }
    CapStory story{.strategy = found.hit.strategy,
                   .twice = found.plot.twice,
                   .differ = found.plot.differ(program_),
                   .rule = found.rule,
                   .limits = found.hit.limits,
                   .cap = found.hit.cap,
                   .facts = {},
                   .days = run.days()};
    for (size_t i = 0; i < found.plot.debtor.instances.size(); ++i) {
      const checked::Entity& entity = program_.entities[entity_of(found.plot, i)];
      const bool one_of_two = story.differ && entity_of(found.plot, i) == found.plot.twice;
      const std::string name = entity.name + (!one_of_two ? "." : i < program_.entities.size() ? " 1." : " 2.");
      for (const auto& [index, value] : found.plot.debtor.instances[i]) {
        const checked::Field& field = entity.fields[index];
        if (value != blank_value(program_, field.type)) story.facts.emplace_back(name + field.name, text_of(program_, field.type, value));
      }
    }
    return story;
  }

  const Program& program_;
  const Evaluator& evaluator_;
  const abi::Calendar& calendar_;
  Boundaries boundaries_;
  Draw draw_;
  abi::Arena arena_;
  std::vector<int64_t> settings_;
  checked::Test all_;
  std::vector<std::vector<Index>> leaves_;            // by queue
  std::vector<std::pair<Index, bool>> first_events_;  // and whether a condition asks for their fields
  std::map<Index, ReadyDebtor> ready_;                // by strategy
  std::vector<bool> judged_;                          // by queue: some cap counts its tasks
  std::vector<bool> has_asked_;                       // by strategy: for a task of those, of somebody
  std::vector<Found> found_;
  int64_t steps_left_ = 0, steps_of_pairs_ = 0;
};

}  // namespace

std::vector<CapStory> find_cap_stories(const Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, const CapStoryOptions& options) {
  const bool caps = std::ranges::any_of(program.limits, [](const checked::Limits& limits) {
    return std::ranges::any_of(limits.rules, [](const LimitRule& rule) { return rule.kind == LimitRule::Kind::at_most; });
  });
  if (!caps) return {};
  return Search(program, evaluator, calendar, options).run();
}

namespace {

std::string help_for(const Program& program, const CapStory& story) {
  const std::string keep = ", or keep it: the engine puts the task off as shown";
  if (story.twice == checked::none) return "ask less often (`again`, `attempts`, `every`, `when`)" + keep;
  const std::string& above = program.entities[program.entities[story.twice].parent].name;
  const std::string merge = "`merge per " + above + " { counts once }`";
  if (!story.differ) return "ask once for all of them (" + merge + " in the queue, or a strategy for it)" + keep;
  return "ask once for both of them (a strategy for the " + above + "; " + merge + " where both ask in one queue)" + keep;
}

}  // namespace

void report_cap_stories(const Program& program, const std::vector<CapStory>& stories, Diagnostics& diagnostics) {
  for (const CapStory& story : stories) {
    std::string who = story.strategy == checked::none ? "a rule of `always`" : "strategy `" + program.strategies[story.strategy].name + "`";
    if (story.twice != checked::none) {
      const checked::Entity& entity = program.entities[story.twice];
      who += fmt::format(", for a {} with two of `{}`{},", program.entities[entity.parent].name, entity.name, story.differ ? " that differ" : "");
    }
    Diagnostic& diagnostic = diagnostics.warning("E0735", story.rule->span,
                                                 fmt::format("{} asks for more than the limits `{}` allow: `{}`", who, story.limits->name, story.cap->text));
    diagnostic.label = "what it asks for has to wait";
    diagnostic.notes.push_back({story.cap->span, "the limit"});
    const size_t count = story.days.size();
    for (size_t d = 0; d < count; ++d) {
      if (count > told_first + told_last && d == told_first) {
        diagnostic.notes.push_back({{}, fmt::format("… {} lines like these", count - told_first - told_last)});
        d = count - told_last;
      }
      diagnostic.notes.push_back({{}, story.days[d].first + ": " + story.days[d].second});
    }
    diagnostic.witness = story.facts;
    diagnostic.help = help_for(program, story);
  }
}

}  // namespace dunlin::simulate
