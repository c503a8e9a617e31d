#include "runtime/simulate/recorder.h"

namespace dunlin::simulate {

Evaluation Recorder::evaluate(checked::RootId root, const abi::EvalContext& context, int64_t* out) const {
  Entry& entry = entries_.emplace_back();
  entry.root = root;
  entry.instance = context.self == nullptr ? -1 : context.self->position;
  const Evaluation done = interpreter_.trace(root, context, out, entry.trace);
  entry.fault = done.fault;
  entry.held = done.ok() && out[0] != 0;
  return done;
}

const Recorder::Entry* Recorder::latest(checked::RootId root, int32_t instance) const {
  for (size_t e = entries_.size(); e-- > 0;) {
    if (entries_[e].root == root && entries_[e].instance == instance) return &entries_[e];
  }
  return nullptr;
}

}  // namespace dunlin::simulate
