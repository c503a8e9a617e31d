// Queues that merge: which tasks of a case file go out together, which of them leads, and what then counts once (docs/decisions/0021).
//
// The database hands them out together, so it is told here what needs the language: the place of each in the order of `lead by`, and by how long
// its strategy has had it.
#include <algorithm>
#include <bit>

#include "lang/sema/checked_people.h"
#include "runtime/engine/run.h"

namespace dunlin::engine {

namespace {

bool less(const checked::Type& type, int64_t a, int64_t b) {
  if (type.kind == checked::TypeKind::number) return std::bit_cast<double>(a) < std::bit_cast<double>(b);
  return a < b;
}

}  // namespace

const checked::MergePolicy* Run::merge_of(int32_t queue) const {
  const auto& policy = program_.queues[static_cast<size_t>(queue)].policy;
  return policy != nullptr && policy->merge ? &*policy->merge : nullptr;
}

/// Whether both may go out in one conversation: the same queue, the same person, one instance that the queue merges by.
bool Run::together(const OpenTask& a, const OpenTask& b) const {
  if (a.queue != b.queue || a.recipient != b.recipient) return false;
  const checked::MergePolicy* merge = merge_of(a.queue);
  return merge != nullptr && owner_of(a.instance, merge->per) == owner_of(b.instance, merge->per);
}

bool Run::counts_once(const OpenTask& a, const OpenTask& b) const {
  const checked::MergePolicy* merge = merge_of(a.queue);
  return merge != nullptr && merge->counts_once && together(a, b);
}

/// Whether two tasks with slots are one contact: those whose slots have come go out together.
bool Run::is_one_contact(const OpenTask& a, const OpenTask& b) const {
  return std::max(a.not_before, now_) == std::max(b.not_before, now_) && counts_once(a, b);
}

/// Outcomes of one conversation: the same instant, queue and person. `counted`: those of queues that merge which were counted before.
bool Run::is_counted_already(const abi::Event& event, std::vector<const abi::Event*>& counted) {
  const int32_t queue = program_.events[event.type].queue;
  const checked::MergePolicy* merge = queue == checked::none ? nullptr : merge_of(queue);
  if (merge == nullptr || !merge->counts_once) return false;
  const auto twin = [&](const abi::Event* other) {
    return other->at == event.at && program_.events[other->type].queue == queue &&
           owner_of(other->owner->position, merge->per) == owner_of(event.owner->position, merge->per) &&
           source_of(*other).recipient == source_of(event).recipient;
  };
  if (std::ranges::any_of(counted, twin)) return true;
  counted.push_back(&event);
  return false;
}

/// What else stands at this instant in the plan and is one conversation with `task` counts with it.
bool Run::is_planned_already(const OpenTask& task, const std::vector<const OpenTask*>& planned) const {
  return std::ranges::any_of(planned, [&](const OpenTask* other) { return is_one_contact(*other, task); });
}

/// The place of each open task among those that may go out with it.
void Run::rank_merged() {
  const auto merges = [&](const OpenTask& task) { return !task.marked && merge_of(task.queue) != nullptr; };
  const std::vector<OpenTask>& tasks = std::as_const(*case_).tasks();
  std::vector<uint8_t> ranked(tasks.size());
  for (size_t t = 0; t < tasks.size(); ++t) {
    if (ranked[t] != 0 || !merges(tasks[t])) continue;
    std::vector<size_t> group;
    for (size_t other = t; other < tasks.size(); ++other) {
      if (ranked[other] != 0 || !merges(tasks[other]) || !together(tasks[t], tasks[other])) continue;
      ranked[other] = 1;
      group.push_back(other);
    }
    if (group.size() > 1) {
      rank_group(std::move(group));
    } else {
      set_ranks(t, -1, -1);
    }
  }
}

void Run::rank_group(std::vector<size_t> group) {
  const std::vector<OpenTask>& tasks = std::as_const(*case_).tasks();
  const checked::MergePolicy& merge = *merge_of(tasks[group[0]].queue);
  // By task: the value of each key.
  std::map<size_t, std::vector<int64_t>> values;
  std::vector<checked::Type> types;
  for (const auto& key : merge.lead) {
    for (const size_t t : group) {
      const int32_t entity = case_->instance(tasks[t].instance).entity;
      const auto root = std::ranges::find(key.by_entity, entity, &std::pair<checked::Index, checked::RootId>::first);
      if (root == key.by_entity.end()) {
        values[t].push_back(0);  // no strategy asks for such a task any more
        continue;
      }
      const Value value = evaluate(root->second, tasks[t].instance);
      values[t].push_back(value.slots[0]);
      Instant& wake = work_[tasks[t].instance].keep_wake;
      wake = std::min(wake, value.wake);
      if (values[t].size() > types.size()) types.push_back(type_of(root->second));
    }
    if (types.size() < values[group[0]].size()) types.push_back({});
  }
  const auto by_age = [&](size_t a, size_t b) {
    const auto age = [&](size_t t) { return std::tuple(state(tasks[t].instance).enrolled_at, tasks[t].instance, tasks[t].created_at, tasks[t].id); };
    return age(a) < age(b);
  };
  std::ranges::sort(group, by_age);
  std::map<size_t, int32_t> ages;
  for (const size_t t : group) ages.emplace(t, static_cast<int32_t>(ages.size()));
  std::ranges::stable_sort(group, [&](size_t a, size_t b) {
    for (size_t k = 0; k < merge.lead.size(); ++k) {
      const int64_t x = values[a][k], y = values[b][k];
      if (less(types[k], x, y)) return !merge.lead[k].descending;
      if (less(types[k], y, x)) return merge.lead[k].descending;
    }
    return false;
  });
  for (size_t place = 0; place < group.size(); ++place) set_ranks(group[place], static_cast<int32_t>(place), ages[group[place]]);
}

void Run::set_ranks(size_t at, int32_t lead, int32_t age) {
  if (const OpenTask& task = std::as_const(*case_).tasks()[at]; task.lead_rank == lead && task.age_rank == age) return;
  save_tasks();
  OpenTask& task = case_->tasks()[at];
  task.lead_rank = lead;
  task.age_rank = age;
  const auto made = std::ranges::find_if(result_->tasks, [&](const TaskEffect& effect) {
    return effect.task.id == task.id && (effect.change == TaskChange::create || effect.change == TaskChange::update);
  });
  if (made == result_->tasks.end()) {
    result_->tasks.push_back({.change = TaskChange::update, .task = task, .reason = "its place among those that go out with it", .where = {}});
    return;
  }
  made->task.lead_rank = lead;
  made->task.age_rank = age;
}

}  // namespace dunlin::engine
