#include "runtime/plan/live.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

#include "lang/sema/transfers.h"
#include "runtime/engine/state_codec.h"

namespace dunlin::plan {

using engine::CaseFile;
using engine::OpenTask;

const char* task_difference_text(TaskDifference difference) {
  switch (difference) {
    case TaskDifference::created:
      return "created";
    case TaskDifference::withdrawn:
      return "withdrawn";
    case TaskDifference::changed:
      return "changed";
  }
  return "";
}

int64_t LivePlan::count(TaskDifference difference) const {
  int64_t sum = 0;
  for (const auto& change : tasks) sum += change.difference == difference ? change.count : 0;
  return sum;
}

namespace {

/// A figure with one instance behind it.
struct Seen {
  int64_t count = 0;
  Example example;
};

/// One version while it steps.
class SideOfPlan {
 public:
  explicit SideOfPlan(const simulate::NightProgram& night) : night_(night), stepper_(night.program, night.evaluator, night.calendar, night.settings) {
    for (size_t s = 0; s < program().stages.size(); ++s) stages_.push_back(checked::stage_name(program(), static_cast<checked::Index>(s)));
    const auto name_rules = [&](const std::vector<checked::Rule>& rules) {
      for (const auto& rule : rules) rules_[rule.key] = rule.name;
    };
    for (const auto& stage : program().stages) name_rules(stage.rules);
    for (const auto& strategy : program().strategies) name_rules(strategy.rules);
    for (const auto& always : program().always) name_rules(always.rules);
  }
  const checked::Program& program() const { return night_.program; }
  bool has_stage(const std::string& stage) const { return std::ranges::find(stages_, stage) != stages_.end(); }
  /// `migrate` has led there from that stage.
  bool moved(const std::string& before, const std::string& after) const {
    const auto place = engine::stage_in(program(), before);
    return !before.empty() && place >= 0 && stages_[static_cast<size_t>(place)] == after && !has_stage(before);
  }
  const std::string& stage_of(const CaseFile& case_file, int32_t position) const {
    static const std::string nowhere;
    const auto& state = case_file.state(position);
    return state.strategy < 0 || state.stage < 0 ? nowhere : stages_[static_cast<size_t>(state.stage)];
  }
  std::string rule_name(uint64_t key) const {
    const auto found = rules_.find(key);
    return found == rules_.end() ? "" : found->second;
  }
  void step(CaseFile& case_file, Instant now) { stepper_.step(case_file, now, result, {.version = night_.version, .collect_reads = false, .orders = orders}); }
  /// The rule that brought an instance where it is now; empty if it did not move.
  std::string last_way(int32_t position) const {
    std::string rule;
    for (const auto& transition : result.transitions) {
      if (transition.instance == position) rule = transition.rule == 0 ? "enrolment" : transition.rule_name;
    }
    return rule;
  }
  Example example(const CaseFile& case_file, int32_t position) const {
    const auto& instance = case_file.instance(position);
    const checked::Entity& entity = program().entities[instance.entity];
    Example example{entity.name, ""};
    if (entity.key_field == checked::none) return example;
    const checked::Field& key = entity.fields[entity.key_field];
    example.key = key.type.kind == checked::TypeKind::text ? std::string(reinterpret_cast<const abi::Text*>(instance.slots[key.slot])->view())
                                                           : checked::format_value(program(), key.type, instance.slots + key.slot);
    return example;
  }

  engine::StepResult result;
  const std::vector<engine::ExperimentOrder>* orders = nullptr;

 private:
  const simulate::NightProgram& night_;
  engine::Stepper stepper_;
  std::vector<std::string> stages_;
  std::unordered_map<uint64_t, std::string> rules_;
};

class Portfolio {
 public:
  Portfolio(store::Store& store, const simulate::NightProgram* active, const simulate::NightProgram& proposed, Instant now, const LiveOptions& options)
      : store_(store), proposed_(proposed), now_(now), options_(options) {
    if (active != nullptr) active_.emplace(*active);
  }

  store::Result<LivePlan> run() {
    std::vector<const checked::Program*> programs{&proposed_.program()};
    if (active_) programs.push_back(&active_->program());
    auto orders = store_.experiment_orders();
    if (!orders) return std::unexpected(orders.error());
    proposed_.orders = &*orders;
    if (active_) active_->orders = &*orders;
    store::Look look;
    for (;;) {
      if (auto done = store_.look(programs, look, options_.batch); !done) return std::unexpected(done.error());
      if (look.cases[0].empty()) break;
      for (size_t c = 0; c < look.cases[0].size(); ++c) {
        if (look.cases[0][c]->instance_count() > 0) compare(active_ ? look.cases[1][c].get() : nullptr, *look.cases[0][c]);
      }
      if (options_.progress && !options_.progress(plan_.cases)) return std::unexpected(store::StoreError{store::StoreError::Kind::input, "stopped"});
    }
    collect();
    return std::move(plan_);
  }

 private:
  void compare(CaseFile* old_case, CaseFile& new_case) {
    ++plan_.cases;
    plan_.instances += static_cast<int64_t>(new_case.instance_count());
    affected_ = false;
    if (old_case != nullptr) {
      find_stranded(*old_case);
      active_->step(*old_case, now_);
    }
    find_pinned(new_case);
    proposed_.step(new_case, now_);
    compare_faults(old_case, new_case);
    compare_stages(old_case, new_case);
    compare_tasks(old_case, new_case);
    if (affected_) ++plan_.cases_affected;
  }

  template <class Map, class Key>
  void count(Map& map, const Key& key, const SideOfPlan& side, const CaseFile& case_file, int32_t position) {
    Seen& seen = map[key];
    if (seen.count++ == 0) seen.example = side.example(case_file, position);
    affected_ = true;
  }

  void find_stranded(const CaseFile& old_case) {
    for (size_t i = 0; i < old_case.instance_count(); ++i) {
      const auto position = static_cast<int32_t>(i);
      const std::string& stage = active_->stage_of(old_case, position);
      const checked::Index there = stage.empty() ? checked::none : engine::stage_in(proposed_.program(), stage);
      if (!stage.empty() && checked::stage_under(proposed_.program(), there, old_case.state(position).version) < 0)
        count(stranded_, stage, *active_, old_case, position);
    }
  }

  void find_pinned(const CaseFile& new_case) {
    for (size_t i = 0; i < new_case.instance_count(); ++i) {
      const auto position = static_cast<int32_t>(i);
      const checked::KeptStrategy* kept = checked::kept_at(proposed_.program(), new_case.state(position).strategy);
      if (kept == nullptr) continue;
      Seen& seen = pinned_[{proposed_.program().strategies[static_cast<size_t>(kept->strategy)].name, kept->version}];
      if (seen.count++ == 0) seen.example = proposed_.example(new_case, position);
    }
  }

  void compare_faults(const CaseFile* old_case, const CaseFile& new_case) {
    const bool was = old_case != nullptr && active_->result.fault, is = proposed_.result.fault.has_value();
    if (was == is) return;
    const auto& fault = is ? *proposed_.result.fault : *active_->result.fault;
    const CaseFile& where = is ? new_case : *old_case;
    count(faults_, std::tuple{was, fault.rule_name, fault.message}, is ? proposed_ : *active_, where, std::max(fault.instance, 0));
  }

  void compare_stages(const CaseFile* old_case, const CaseFile& new_case) {
    for (size_t i = 0; i < new_case.instance_count(); ++i) {
      const auto position = static_cast<int32_t>(i);
      const int32_t other = old_case == nullptr ? -1 : old_case->find(new_case.instance(position).id);
      const std::string before = other < 0 ? "" : active_->stage_of(*old_case, other), after = proposed_.stage_of(new_case, position);
      const bool restarted = std::ranges::any_of(
          proposed_.result.transitions, [&](const auto& transition) { return transition.instance == position && transition.rule == checked::restart_key; });
      if (before == after && !restarted) continue;
      std::string because = proposed_.last_way(position);
      if (restarted) because = "on change restart";
      if (because.empty() && proposed_.moved(before, after)) because = "migrate " + before + " -> " + after;
      if (because.empty() && other >= 0) {
        because = active_->last_way(other);
        if (!because.empty()) because = "no longer: " + because;
      }
      count(moves_, std::tuple{before, after, because}, proposed_, new_case, position);
    }
  }

  /// What tells an open task from others, in words that both versions share.
  using Nature = std::tuple<int64_t, std::string, std::string, int64_t, bool>;
  static Nature nature(const CaseFile& case_file, const OpenTask& task) {
    return {case_file.instance(task.instance).id, case_file.program().queues[task.queue].name, task.treatment, task.recipient, task.standing};
  }

  void compare_tasks(const CaseFile* old_case, const CaseFile& new_case) {
    static const std::vector<OpenTask> no_tasks;
    const auto& old_tasks = old_case == nullptr ? no_tasks : old_case->tasks();
    const auto& new_tasks = new_case.tasks();
    std::vector<int32_t> partner(new_tasks.size(), -1);
    std::vector<bool> taken(old_tasks.size(), false);
    const auto pair = [&](const auto& fits) {
      for (size_t n = 0; n < new_tasks.size(); ++n) {
        for (size_t o = 0; partner[n] < 0 && o < old_tasks.size(); ++o) {
          if (taken[o] || !fits(old_tasks[o], new_tasks[n])) continue;
          partner[n] = static_cast<int32_t>(o);
          taken[o] = true;
        }
      }
    };
    pair([](const OpenTask& a, const OpenTask& b) { return a.id == b.id; });
    if (old_case != nullptr) pair([&](const OpenTask& a, const OpenTask& b) { return nature(*old_case, a) == nature(new_case, b); });
    for (size_t n = 0; n < new_tasks.size(); ++n) {
      const OpenTask& task = new_tasks[n];
      if (partner[n] < 0) {
        tell(TaskDifference::created, proposed_, new_case, task, "");
      } else if (const std::string what = differences(*old_case, old_tasks[static_cast<size_t>(partner[n])], new_case, task); !what.empty()) {
        tell(TaskDifference::changed, proposed_, new_case, task, what);
      }
    }
    for (size_t o = 0; o < old_tasks.size(); ++o) {
      if (!taken[o]) tell(TaskDifference::withdrawn, *active_, *old_case, old_tasks[o], "");
    }
  }

  void tell(TaskDifference difference, const SideOfPlan& side, const CaseFile& case_file, const OpenTask& task, const std::string& what) {
    const std::string& queue = side.program().queues[task.queue].name;
    count(tasks_, std::tuple{difference, queue, task.treatment, side.rule_name(task.rule), what}, side, case_file, task.instance);
  }

  static std::map<std::string, std::string> fields_of(const CaseFile& case_file, const OpenTask& task) {
    std::map<std::string, std::string> fields;
    const checked::Program& program = case_file.program();
    for (const auto& field : program.queues[task.queue].fields) {
      if (static_cast<size_t>(field.slot) < task.fields.size()) fields[field.name] = engine::encode_value(program, field.type, task.fields.data() + field.slot);
    }
    return fields;
  }

  static std::string differences(const CaseFile& old_case, const OpenTask& a, const CaseFile& new_case, const OpenTask& b) {
    std::string text;
    const auto add = [&](bool differs, const std::string& name) {
      if (differs) text += (text.empty() ? "" : ", ") + name;
    };
    add(a.treatment != b.treatment, "treatment");
    add(a.priority != b.priority, "priority");
    add(a.due != b.due, "due");
    add(a.not_before != b.not_before, "not before");
    add(a.expires != b.expires, "expires");
    add(a.window != b.window, "window");
    add(a.marked != b.marked, b.marked ? "its reason is gone while somebody works on it" : "its reason is back");
    const auto old_fields = fields_of(old_case, a), new_fields = fields_of(new_case, b);
    for (const auto& [name, value] : new_fields) {
      const auto found = old_fields.find(name);
      add(found == old_fields.end() || found->second != value, name);
    }
    for (const auto& [name, value] : old_fields) add(!new_fields.contains(name), name);
    return text;
  }

  void collect() {
    for (auto& [key, seen] : moves_) plan_.moves.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), seen.count, seen.example});
    for (auto& [key, seen] : tasks_) {
      const auto& [difference, queue, treatment, rule, what] = key;
      plan_.tasks.push_back({difference, queue, treatment, rule, what, seen.count, seen.example});
    }
    for (auto& [stage, seen] : stranded_) plan_.stranded.push_back({stage, seen.count, seen.example});
    for (auto& [key, seen] : pinned_) plan_.pinned.push_back({key.first, key.second, seen.count, seen.example});
    for (auto& [key, seen] : faults_) plan_.faults.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), seen.count, seen.example});
    const auto most_first = [](const auto& a, const auto& b) { return a.count > b.count; };
    std::ranges::stable_sort(plan_.moves, most_first);
    std::ranges::stable_sort(plan_.tasks, most_first);
    std::ranges::stable_sort(plan_.stranded, most_first);
    std::ranges::stable_sort(plan_.faults, most_first);
  }

  store::Store& store_;
  std::optional<SideOfPlan> active_;
  SideOfPlan proposed_;
  Instant now_;
  const LiveOptions& options_;
  bool affected_ = false;
  std::map<std::tuple<std::string, std::string, std::string>, Seen> moves_;
  std::map<std::tuple<TaskDifference, std::string, std::string, std::string, std::string>, Seen> tasks_;
  std::map<std::string, Seen> stranded_;
  std::map<std::pair<std::string, int32_t>, Seen> pinned_;
  std::map<std::tuple<bool, std::string, std::string>, Seen> faults_;
  LivePlan plan_;
};

}  // namespace

store::Result<LivePlan> look_at_portfolio(store::Store& store, const simulate::NightProgram* active, const simulate::NightProgram& proposed, Instant now,
                                          const LiveOptions& options) {
  return Portfolio(store, active, proposed, now, options).run();
}

}  // namespace dunlin::plan
