#include "lang/sema/limit_reach.h"

#include <algorithm>

namespace dunlin::checked {

namespace {

/// The person that a recipient is, or belongs to.
Index person_of(const Program& program, Index recipient) {
  for (Index up = recipient; up != none; up = program.entities[static_cast<size_t>(up)].parent) {
    if (is_person(program.entities[static_cast<size_t>(up)])) return up;
  }
  return 0;
}

/// In an editor the rule may have mistakes: what is no instance is nobody.
Index recipient_of(const Program& program, RootId root) {
  if (root == none) return none;
  const Type& type = program.roots[static_cast<size_t>(root)].type;
  return type.kind == TypeKind::instance ? type.id : none;
}

/// The treatment, if it is the same for every account; a task without one has the empty text. Null: it is computed.
const std::string* known_treatment(const Program& program, RootId root) {
  static const std::string nothing;
  if (root == none) return &nothing;
  const Expr* body = program.roots[static_cast<size_t>(root)].body.get();
  return body != nullptr && body->op == Op::literal ? &body->text : nullptr;
}

}  // namespace

bool is_person(const Entity& entity) {
  const Index name = find_field(entity.fields, "name");
  return entity.parent == none || (name != none && entity.fields[static_cast<size_t>(name)].personal);
}

AskedTask asked_task(const Program& program, const Keep& keep) {
  // Without `to`, a task for each of a list is about that one.
  const Index recipient = keep.recipient == none ? keep.binder_entity : recipient_of(program, keep.recipient);
  return {.queue = keep.queue, .treatment = keep.treatment, .person = person_of(program, recipient)};
}

AskedTask asked_task(const Program& program, const Action& action) {
  return {.queue = action.queue, .treatment = action.value, .person = person_of(program, recipient_of(program, action.recipient))};
}

Judges judges(const Program& program, const LimitRule& line, const AskedTask& task) {
  if (!std::binary_search(line.queues.begin(), line.queues.end(), task.queue)) return Judges::no;
  if (line.recipient_entity != none && line.recipient_entity != task.person) return Judges::no;
  const std::string* treatment = known_treatment(program, task.treatment);
  Judges answer = Judges::surely;
  if (line.only && treatment == nullptr) answer = Judges::perhaps;
  if (line.only && treatment != nullptr && *treatment != *line.only) return Judges::no;
  for (const LimitRule::Exception& except : line.except) {
    if (except.queue != task.queue) continue;
    if (!except.treatment || (treatment != nullptr && *treatment == *except.treatment)) return Judges::no;
    if (treatment == nullptr) answer = Judges::perhaps;
  }
  return answer;
}

}  // namespace dunlin::checked
