// Which lines of limits judge a task that is not made yet, as far as its rule tells. Of a task that is there the engine asks the same
// (runtime/engine/limits.cpp).
#pragma once

#include <string>

#include "lang/sema/checked.h"

namespace dunlin::checked {

/// A task as a rule asks for it.
struct AskedTask {
  Index queue = none;
  RootId treatment = none;
  Index person = 0;  // entity of whom the contact is with; 0: the head of the case file
};
AskedTask asked_task(const Program& program, const Keep& keep);
/// Of an action that makes a task.
AskedTask asked_task(const Program& program, const Action& action);

enum class Judges : uint8_t { no, perhaps, surely };
/// Whether the line is about such a task; whether it withholds it is another question.
Judges judges(const Program& program, const LimitRule& line, const AskedTask& task);

/// Whom contacts are with: whoever has a personal `name`, and the head of the case file.
bool is_person(const Entity& entity);

}  // namespace dunlin::checked
