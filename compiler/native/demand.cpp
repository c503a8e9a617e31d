#include "compiler/native/demand.h"

#include <algorithm>

namespace dunlin::native {

using ir::Op;

int32_t fold_results(ir::Aggregate::Fold fold) {
  using Fold = ir::Aggregate::Fold;
  switch (fold) {
    case Fold::minimum:
    case Fold::maximum:
    case Fold::minimum_number:
    case Fold::maximum_number:
    case Fold::average:
    case Fold::average_number:
    case Fold::first:
    case Fold::last:
      return 2;
    default:
      return 1;
  }
}

int32_t value_slots(const ir::Program& program, const ir::Function& function, const ir::Node& node) {
  if (node.kind != ir::Kind::tuple) return 1;
  switch (node.op) {
    case Op::call:
      return static_cast<int32_t>(program.functions[static_cast<size_t>(node.function)].results.size());
    case Op::native:
      return checked::slot_count(*program.checked, program.checked->natives[static_cast<size_t>(node.immediate)].result);
    case Op::aggregate: {
      int32_t slots = 0;
      for (auto fold : function.aggregates[static_cast<size_t>(node.immediate)].folds) slots += fold_results(fold);
      return slots;
    }
    case Op::pack:
      return static_cast<int32_t>(node.operands.size());
    case Op::branch:
    case Op::select:
      return value_slots(program, function, function.nodes[static_cast<size_t>(node.operands[1])]);
    default:
      return 1;
  }
}

std::vector<ir::NodeId> strict_operands(const ir::Node& node) {
  if (node.op == Op::branch) return {node.operands[0]};
  return node.operands;
}

namespace {

/// Cheaper to write again than to keep in a frame.
constexpr int32_t cheap_weight = 4;
/// A stretch of code longer than this is cut: the time LLVM takes grows faster than a function's length.
constexpr int32_t longest_stretch = 1200;
constexpr int32_t cut_stretch = 300;

bool may_be_repeated(Op op) {
  switch (op) {
    case Op::constant:
    case Op::text_constant:
    case Op::argument:
    case Op::self:
    case Op::event:
    case Op::now:
    case Op::today:
    case Op::setting:
    case Op::instance_slot:
    case Op::instance_parent:
    case Op::event_slot:
    case Op::event_at:
    case Op::event_owner:
    case Op::event_type:
    case Op::state_strategy:
    case Op::state_stage:
    case Op::state_entered_at:
    case Op::state_enrolled_at:
    case Op::state_variable:
    case Op::state_visits:
    case Op::add_wrapping:
    case Op::subtract_wrapping:
    case Op::minimum:
    case Op::maximum:
    case Op::equal:
    case Op::not_equal:
    case Op::less:
    case Op::less_equal:
    case Op::greater:
    case Op::greater_equal:
    case Op::equal_number:
    case Op::less_number:
    case Op::less_equal_number:
    case Op::equal_pointer:
    case Op::in_interval:
    case Op::logical_and:
    case Op::logical_or:
    case Op::logical_not:
    case Op::select:
    case Op::table_cell:
      return true;
    default:
      return false;
  }
}

class Planner {
 public:
  Planner(const ir::Program& program, const ir::Function& function) : program_(program), function_(function) {
    const auto count = function.nodes.size();
    plan_.frame_offset.assign(count, -1);
    cheap_.assign(count, 0);
    std::vector<int32_t> weight(count, 0);
    for (size_t i = 0; i < count; ++i) {
      const auto& node = function.nodes[i];
      int32_t total = 1;
      for (auto operand : node.operands) total = std::min(1000, total + weight[static_cast<size_t>(operand)]);
      weight[i] = may_be_repeated(node.op) ? total : 1000;
      cheap_[i] = weight[i] <= cheap_weight || node.op == Op::extract;
    }
  }

  DemandPlan plan() {
    while (walk()) {
    }
    cut_long_stretches();
    place();
    return std::move(plan_);
  }

 private:
  /// One pass over all stretches of code; true if it found nodes that must be shared.
  bool walk() {
    const auto count = function_.nodes.size();
    place_of_.assign(count, -1);
    parent_ = {-1};
    found_ = false;
    const auto known = plan_.shared;
    for (auto result : function_.results) visit(result, 0);
    // What this pass finds is walked by the next one: its operands still stand where it was first met.
    for (auto id : known) {
      parent_.push_back(-1);
      visit_inside(id, static_cast<int32_t>(parent_.size()) - 1);
    }
    return found_;
  }

  void visit(ir::NodeId id, int32_t place) {
    const auto index = static_cast<size_t>(id);
    if (plan_.frame_offset[index] >= 0) return;
    if (!cheap_[index]) {
      if (place_of_[index] >= 0) {
        if (!comes_before(place_of_[index], place)) share(id);
        return;
      }
      place_of_[index] = place;
    }
    visit_inside(id, place);
  }

  void visit_inside(ir::NodeId id, int32_t place) {
    const auto& node = function_.nodes[static_cast<size_t>(id)];
    for (auto operand : strict_operands(node)) visit(operand, place);
    if (node.op != Op::branch) return;
    for (size_t arm = 1; arm <= 2; ++arm) {
      parent_.push_back(place);
      visit(node.operands[arm], static_cast<int32_t>(parent_.size()) - 1);
    }
  }

  bool comes_before(int32_t earlier, int32_t place) const {
    while (place > earlier) place = parent_[static_cast<size_t>(place)];
    return place == earlier;
  }

  void share(ir::NodeId id) {
    plan_.frame_offset[static_cast<size_t>(id)] = 0;
    plan_.shared.push_back(id);
    found_ = true;
  }

  /// Nodes written in the stretch that starts at `id`; shares the roots of parts that have grown long enough.
  int32_t measure(ir::NodeId id, bool top) {
    const auto index = static_cast<size_t>(id);
    if (!top && (plan_.frame_offset[index] >= 0 || measured_[index])) return 0;
    measured_[index] = 1;
    const auto& node = function_.nodes[index];
    int32_t size = 1;
    for (auto operand : strict_operands(node)) size += measure(operand, false);
    if (node.op == Op::branch)
      for (size_t arm = 1; arm <= 2; ++arm) size += measure(node.operands[arm], false);
    if (!top && cutting_ && size >= cut_stretch && !cheap_[index]) {
      share(id);
      return 1;
    }
    return size;
  }

  void cut_long_stretches() {
    const auto stretches = plan_.shared;
    cut({function_.results.begin(), function_.results.end()}, false);
    for (auto id : stretches) cut({id}, true);
    while (walk()) {
    }
  }

  void cut(const std::vector<ir::NodeId>& roots, bool top) {
    for (bool cutting : {false, true}) {
      cutting_ = cutting;
      measured_.assign(function_.nodes.size(), 0);
      int32_t size = 0;
      for (auto root : roots) size += measure(root, top);
      if (size <= longest_stretch) return;
    }
  }

  void place() {
    for (auto id : plan_.shared) {
      plan_.frame_offset[static_cast<size_t>(id)] = plan_.frame_slots;
      plan_.frame_slots += 1 + value_slots(program_, function_, function_.nodes[static_cast<size_t>(id)]);
    }
  }

  const ir::Program& program_;
  const ir::Function& function_;
  DemandPlan plan_;
  std::vector<uint8_t> cheap_, measured_;
  std::vector<int32_t> place_of_, parent_;
  bool found_ = false, cutting_ = false;
};

}  // namespace

DemandPlan plan_demand(const ir::Program& program, const ir::Function& function) { return Planner(program, function).plan(); }

}  // namespace dunlin::native
