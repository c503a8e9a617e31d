#include "runtime/plan/policy_label.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lang/sema/checked_people.h"

namespace dunlin::plan {

static std::string label_of(const checked::Program& program, const checked::QueuePolicy& policy) {
  const auto event = [&](checked::Index index) { return index == checked::none ? std::string() : program.events[static_cast<size_t>(index)].name; };
  std::string label;
  if (policy.merge) {
    label += fmt::format(" merge {} once {}", program.entities[static_cast<size_t>(policy.merge->per)].name, policy.merge->counts_once);
    for (const auto& key : policy.merge->lead) label += key.descending ? " desc" : " asc";
    for (const auto& order : policy.merge->orders) label += fmt::format(" {} {}", event(order.event), order.oldest ? "oldest" : "newest");
  }
  for (const checked::AssignWay way : policy.assign) label += fmt::format(" assign {}", static_cast<int>(way));
  if (policy.order_per != checked::none) label += fmt::format(" in order per {}", program.entities[static_cast<size_t>(policy.order_per)].name);
  label += fmt::format(" sticky {}", event(policy.sticky_on));
  for (const checked::Need& need : policy.needs) label += fmt::format(" needs {} \"{}\" {}", need.test, need.name, need.within);
  label += fmt::format(" late {} \"{}\" batch {} {} \"{}\" barcode {} check {}", policy.late_whom, policy.late_text, policy.batch_s, policy.batch_working,
                       policy.register_name, policy.by_barcode, policy.check_digit);
  if (policy.sees_personal) label += " sees personal";
  for (const checked::NumberRange& range : policy.numbers)
    label += fmt::format(" {}{}-{}{}:{}", range.prefix, range.from, range.to, range.suffix, range.digits);
  return label;
}

std::string policy_label(const checked::Program& program, const checked::Queue& queue) {
  if (queue.policy == nullptr) return "";
  const std::string label = label_of(program, *queue.policy);
  return label == label_of(program, {}) ? "" : label;  // one that only holds letters asks for nothing
}

std::vector<checked::RootId> lead_roots(const checked::Queue& queue) {
  std::vector<checked::RootId> roots;
  if (queue.policy == nullptr || !queue.policy->merge) return roots;
  for (const auto& key : queue.policy->merge->lead) {
    for (const auto& [entity, root] : key.by_entity) roots.push_back(root);
  }
  return roots;
}

std::string schedule_label(const checked::Schedule& schedule) {
  std::string label = fmt::format("schedule {} {} {}", schedule.closed, schedule.calendar, schedule.zone);
  for (const auto& hours : schedule.hours) label += fmt::format(" {}-{} {} {}", hours.from_s, hours.to_s, hours.weekdays, hours.working_only);
  return label;
}

std::string territory_label(const checked::Program& program, const checked::Territory& territory) {
  std::string label = fmt::format("territory {} {}", fmt::join(territory.regions, ","), territory.schedule);
  for (const auto& capacity : territory.capacities) label += fmt::format(" {} {}", capacity.count, program.queues[static_cast<size_t>(capacity.queue)].name);
  return label;
}

}  // namespace dunlin::plan
