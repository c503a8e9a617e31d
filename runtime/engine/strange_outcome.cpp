#include "runtime/engine/strange_outcome.h"

namespace dunlin::engine {

bool says_reached(std::string_view name) {
  for (size_t from = name.find('.'); from != std::string_view::npos;) {
    const size_t to = name.find('.', from + 1);
    const std::string_view word = name.substr(from + 1, to == std::string_view::npos ? to : to - from - 1);
    if (word == "reached" || word == "met") return true;
    from = to;
  }
  return false;
}

StrangeName strange_name(const checked::Program& program, std::string_view name, std::optional<std::string_view> queue) {
  const auto outcomes_of = [&](std::string_view queue_name) {
    const checked::Index found = checked::find_queue(program, std::string(queue_name));
    return found == checked::none ? checked::none : program.queues[static_cast<size_t>(found)].outcomes;
  };
  const bool reached = says_reached(name);
  if (queue && queue->empty()) return {-1, reached};
  for (size_t end = name.rfind('.'); end != std::string_view::npos; end = end == 0 ? std::string_view::npos : name.rfind('.', end - 1)) {
    for (size_t e = 0; e < program.events.size(); ++e) {
      const checked::EventType& type = program.events[e];
      if (!type.leaf && type.queue != checked::none && type.name == name.substr(0, end)) return {static_cast<int32_t>(e), reached};
    }
  }
  // The whole tree has another name, or there is none: the queue says which it has now.
  const checked::Index root = outcomes_of(queue.value_or(name.substr(0, name.find('.'))));
  return {root == checked::none ? -1 : root, reached};
}

bool may_be_below(const checked::Program& program, const StrangeOutcome& outcome, checked::Index root) {
  const checked::Index within = outcome.event->type;
  if (within >= root && within <= program.events[static_cast<size_t>(root)].last_descendant) return true;
  if (root < within || root > program.events[static_cast<size_t>(within)].last_descendant) return false;
  return outcome.reached || !says_reached(program.events[static_cast<size_t>(root)].name);
}

}  // namespace dunlin::engine
