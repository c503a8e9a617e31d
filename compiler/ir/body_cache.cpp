#include "compiler/ir/body_cache.h"

#include "compiler/ir/builder.h"

namespace dunlin::ir {

FunctionId BodyCache::add(Program& program, Function made) {
  const auto [place, added] = known_.try_emplace(content_key(made), static_cast<FunctionId>(program.functions.size()));
  if (added) program.functions.push_back(std::move(made));
  return place->second;
}

}  // namespace dunlin::ir
