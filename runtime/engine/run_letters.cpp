// Tasks of a queue with letters: the letter is written by the step that makes the task, and again by each that finds it different.
#include "lang/sema/checked_people.h"
#include "runtime/engine/letters.h"
#include "runtime/engine/run.h"

namespace dunlin::engine {

void Run::bear_letter(int32_t i, int32_t queue, std::string_view treatment, int64_t recipient, std::vector<int64_t>& fields) {
  const checked::Queue& asked = program_.queues[static_cast<size_t>(queue)];
  if (checked::letters_of(asked).empty()) return;
  const abi::Instance& about = case_->instance(i);
  const checked::Letter* letter = checked::find_letter(program_, asked, treatment, about.entity);
  if (letter == nullptr) return;  // the checker has seen to it that there is one
  const int32_t to = recipient == 0 ? -1 : case_->find(recipient);
  const AskValue ask = [&](checked::RootId root, const abi::Instance& self, Arguments arguments) {
    return evaluate(root, self.position, nullptr, arguments).slots;
  };
  const auto stored = write_letter(program_, *letter, ask, about, to < 0 ? nullptr : &case_->instance(to), calendar_);
  if (!stored) fail(abi::Fault::text_too_long, "the letter \"" + letter->name + "\" is longer than a letter may be", letter->span);
  const checked::Field& field = asked.fields.back();
  fields[static_cast<size_t>(field.slot)] = 1;
  fields[static_cast<size_t>(field.slot) + 1] = reinterpret_cast<int64_t>(scratch_.text(*stored));
}

/// What somebody has in hand stays as they got it.
void Run::keep_letter(const OpenTask& before, std::vector<int64_t>& fields) const {
  const checked::Queue& queue = program_.queues[static_cast<size_t>(before.queue)];
  if (checked::letters_of(queue).empty() || before.status != TaskStatus::leased || before.fields.size() != fields.size()) return;
  const auto slot = static_cast<size_t>(queue.fields.back().slot);
  fields[slot] = before.fields[slot];
  fields[slot + 1] = before.fields[slot + 1];
}

}  // namespace dunlin::engine
