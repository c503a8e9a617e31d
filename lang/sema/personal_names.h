// Under which names personal data may stand on its way out of the engine.
#pragma once

#include <set>
#include <string>

#include "lang/sema/checked.h"

namespace dunlin::sema {

/// Fields of entities, events and queues that are marked `personal`, their parts by their own names too; and whatever rests on them: derived fields, fields of
/// tasks, of raised events and opened entities, and variables that a rule fills so, through functions and tables too. A name is personal wherever it stands if
/// it is so anywhere. Treatments are not among them, nor letters (their places say it each for itself), nor texts of notes. Costs a walk over all rules.
std::set<std::string> personal_names(const checked::Program& program);

}  // namespace dunlin::sema
