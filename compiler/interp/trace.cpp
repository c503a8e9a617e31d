#include "compiler/interp/trace.h"

#include <algorithm>

#include "compiler/interp/machine.h"

namespace dunlin::interp {

using ir::Note;

namespace {

class Recorder {
 public:
  Recorder(const checked::Program& program, const FrameView& frame, int32_t depth, Trace& trace)
      : program_(program), frame_(frame), depth_(depth), trace_(trace), condition_of_(frame.function.notes.size(), -1), closed_(frame.function.notes.size()) {}

  void run() {
    for (size_t i = 0; i < frame_.function.notes.size(); ++i) {
      if (trace_.reads.size() + trace_.conditions.size() >= trace_entries_max) {
        trace_.complete = false;
        return;
      }
      const Note& note = frame_.function.notes[i];
      if (note.parent >= 0 && closed_[static_cast<size_t>(note.parent)] != 0) {
        closed_[i] = 1;  // computed for nothing: what stands before it had decided
        continue;
      }
      if (note.kind == Note::Kind::table) {
        row(note);
      } else if (computed(note)) {
        note.kind == Note::Kind::condition ? condition(i, note) : read(note);
      }
    }
    decide();
  }

 private:
  bool is_constant(ir::NodeId id) const { return frame_.function.nodes[static_cast<size_t>(id)].op == ir::Op::constant; }
  bool done(ir::NodeId id) const { return frame_.done[static_cast<size_t>(id)] != 0; }
  int64_t value(ir::NodeId id) const {
    if (is_constant(id)) return frame_.function.nodes[static_cast<size_t>(id)].immediate;
    return frame_.values[static_cast<size_t>(frame_.layout.offset[static_cast<size_t>(id)])];
  }
  /// A missing value leaves what stands behind its flag alone.
  bool computed(const Note& note) const {
    if (note.slots.empty()) return false;
    const auto known = [&](ir::NodeId id) { return done(id) || is_constant(id); };
    if (note.type.optional && known(note.slots[0]) && value(note.slots[0]) == 0) return done(note.slots[0]);
    return std::all_of(note.slots.begin(), note.slots.end(), known) && std::any_of(note.slots.begin(), note.slots.end(), [&](auto id) { return done(id); });
  }

  void read(const Note& note) {
    std::vector<int64_t> slots;
    for (const ir::NodeId slot : note.slots) slots.push_back(done(slot) || is_constant(slot) ? value(slot) : 0);
    TraceRead made{note.kind, note.name, checked::format_value(program_, note.type, slots.data()), 0, note.span, depth_};
    if (note.instance != ir::none && done(note.instance)) {
      const auto* instance = reinterpret_cast<const abi::Instance*>(value(note.instance));
      if (instance != nullptr && instance != frame_.self) made.instance = instance->id;
    }
    const bool again = std::any_of(trace_.reads.begin(), trace_.reads.end(), [&](const TraceRead& other) {
      return other.name == made.name && other.value == made.value && other.instance == made.instance && other.span == made.span;
    });
    if (!again) trace_.reads.push_back(std::move(made));
  }

  void condition(size_t index, const Note& note) {
    condition_of_[index] = static_cast<int32_t>(trace_.conditions.size());
    const int32_t parent = note.parent < 0 ? -1 : condition_of_[static_cast<size_t>(note.parent)];
    trace_.conditions.push_back({note.span, value(note.slots[0]) != 0, parent, false, depth_});
    first_ = std::min(first_, trace_.conditions.size() - 1);
    if (note.parent < 0) return;
    const Note::Join join = frame_.function.notes[static_cast<size_t>(note.parent)].join;
    const bool holds = trace_.conditions.back().holds;
    if (join == (holds ? Note::Join::disjunction : Note::Join::conjunction)) closed_[static_cast<size_t>(note.parent)] = 1;
  }

  void row(const Note& note) {
    if (note.row == ir::none) return rows(note);
    const bool by_row = !note.slots.empty();  // a row that has its own condition
    if (by_row) {
      const auto policy = program_.tables[static_cast<size_t>(note.index)].policy;
      const bool one = policy == checked::HitPolicy::first || policy == checked::HitPolicy::unique;
      if (one && taken_ == note.index) return;
      if (!(is_constant(note.slots[0]) || done(note.slots[0])) || value(note.slots[0]) == 0) return;
      taken_ = note.index;
    } else if (!done(note.row)) {
      return;
    }
    trace_.rows.push_back({note.index, value(note.row)});
  }

  /// Every row that takes the keys.
  void rows(const Note& note) {
    const auto known = [&](ir::NodeId id) { return done(id) || is_constant(id); };
    if (!std::all_of(note.slots.begin(), note.slots.end(), known)) return;
    std::vector<int64_t> keys;
    for (const ir::NodeId key : note.slots) keys.push_back(value(key));
    const auto& table = program_.tables[static_cast<size_t>(note.index)];
    for (size_t row = 0; row < table.rows.size(); ++row)
      if (row_accepts(table, row, keys.data())) trace_.rows.push_back({note.index, static_cast<int64_t>(row)});
  }

  /// Of the parts with the outcome of their whole, the one looked at last is the one that decided.
  void decide() {
    std::vector<int32_t> last(trace_.conditions.size(), -1);
    for (size_t i = std::min(first_, trace_.conditions.size()); i < trace_.conditions.size(); ++i) {
      const auto& part = trace_.conditions[i];
      if (part.parent < 0) continue;
      const auto whole = static_cast<size_t>(part.parent);
      const bool agrees = part.holds == trace_.conditions[whole].holds;
      if (agrees || last[whole] < 0) last[whole] = static_cast<int32_t>(i);
    }
    for (const int32_t part : last)
      if (part >= 0) trace_.conditions[static_cast<size_t>(part)].deciding = true;
  }

  const checked::Program& program_;
  const FrameView& frame_;
  const int32_t depth_;
  Trace& trace_;
  std::vector<int32_t> condition_of_;     // by note
  std::vector<uint8_t> closed_;           // by note: its other parts were not needed
  size_t first_ = SIZE_MAX;               // condition of this frame
  checked::Index taken_ = checked::none;  // table of which a row was taken
};

}  // namespace

void record(const checked::Program& program, const FrameView& frame, int32_t depth, Trace& trace) { Recorder(program, frame, depth, trace).run(); }

}  // namespace dunlin::interp
