// What a version says of its names, rules, events, stages, queues, people and letters, written where SQL can read it.
#pragma once

#include <optional>
#include <string>

#include "runtime/store/layout.h"
#include "runtime/store/postgres_small.h"

namespace dunlin::store {

void remember_names(pqxx::work& work, const Layout& layout);
/// Events are kept as they came: a field that is of another type now would have them read wrong, or not at all. What stands in the way, or nothing.
std::optional<std::string> look_at_kept_events(pqxx::work& work, const Layout& layout);
/// All of it, names first.
void remember_definitions(SmallWork& work, const Layout& layout);

}  // namespace dunlin::store
