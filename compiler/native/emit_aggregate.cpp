// Loops over events, lists and rows of tables. One pass feeds all folds of an aggregate; what each fold keeps stands in stack slots that the optimiser
// turns into registers.
#include <algorithm>
#include <cstddef>

#include "compiler/native/function_emitter.h"

namespace dunlin::native {

using abi::Fault;
using ir::Kind;
using Fold = ir::Aggregate::Fold;
using Walk = ir::Aggregate::Walk;
using llvm::Value;

class AggregateLoop {
 public:
  AggregateLoop(FunctionEmitter& emitter, const ir::Node& node)
      : e_(emitter), m_(emitter.m_), b_(emitter.b_), node_(node), a_(emitter.ir_.aggregates[static_cast<size_t>(node.immediate)]) {}

  std::vector<Value*> emit() {
    read_operands();
    if (a_.walk == Walk::rows) {
      find_rows();
    } else {
      find_list();
    }
    for (auto fold : a_.folds) open(fold);
    a_.walk == Walk::rows ? loop_over_rows() : loop();
    std::vector<Value*> results;
    for (size_t i = 0; i < a_.folds.size(); ++i) close(a_.folds[i], states_[i], results);
    for (auto*& result : results) result = e_.to_slot(result);
    return results;
  }

 private:
  /// What one fold keeps while the loop runs.
  struct State {
    Value* count = nullptr;  // accepted so far, or a flag
    Value* value = nullptr;  // i64, double or i128, as the fold has it
    Value* scratch = nullptr;
    std::vector<Value*> keys;  // of the best element
  };

  bool over_events() const { return a_.walk != Walk::list && a_.walk != Walk::rows; }
  Value* constant(int64_t value) { return b_.getInt64(static_cast<uint64_t>(value)); }

  void read_operands() {
    if (a_.owner != ir::none) owner_ = e_.from_slot(e_.value(a_.owner), Kind::pointer);
    if (a_.window_low != ir::none) window_low_ = e_.to_slot(e_.value(a_.window_low));
    if (a_.window_value != ir::none) window_value_ = e_.to_slot(e_.value(a_.window_value));
    if (a_.nth != ir::none) nth_ = e_.to_slot(e_.value(a_.nth));
    arguments_ = e_.room(static_cast<int64_t>(a_.captured.size()) + 1);
    for (size_t i = 0; i < a_.captured.size(); ++i) e_.store_slot(arguments_, static_cast<int64_t>(i) + 1, e_.value(a_.captured[i]));
    if (a_.body != ir::none) results_ = e_.room(static_cast<int64_t>(m_.program.functions[static_cast<size_t>(a_.body)].results.size()) + 1);
  }

  void find_list() {
    Value* list = nullptr;
    if (a_.walk == Walk::own_events)
      list = b_.CreateConstInBoundsGEP1_64(m_.i8, owner_, offsetof(abi::Instance, own));
    else if (a_.walk == Walk::list)
      list = b_.CreateConstInBoundsGEP1_64(m_.i8, e_.load(m_.pointer, owner_, offsetof(abi::Instance, children)),
                                           static_cast<uint64_t>(a_.child_position) * sizeof(abi::InstanceList));
    else
      list = b_.CreateConstInBoundsGEP1_64(m_.i8, e_.load(m_.pointer, e_.context_, offsetof(abi::EvalContext, case_file)), offsetof(abi::CaseView, events));
    items_ = e_.load(m_.pointer, list, offsetof(abi::EventList, items));
    size_ = e_.load(m_.i64, list, offsetof(abi::EventList, count));
  }

  /// A cursor over the rows that take the keys.
  void find_rows() {
    const auto* index = m_.constants.row_index(m_.program, a_.row_table);
    auto* keys = e_.room(std::max<int64_t>(static_cast<int64_t>(a_.keys.size()), 1));
    for (size_t i = 0; i < a_.keys.size(); ++i) e_.store_slot(keys, static_cast<int64_t>(i), e_.value(a_.keys[i]));
    items_ = e_.room(static_cast<int64_t>(index->cursor_slots()));
    index_ = m_.address(index);
    b_.CreateCall(m_.support("dunlin_begin_rows"), {index_, keys, constant(a_.backwards ? 1 : 0), items_});
  }

  void loop_over_rows() {
    auto *test = e_.block("test"), *visit = e_.block("visit");
    next_ = test;
    done_ = e_.block("done");
    b_.CreateBr(test);
    b_.SetInsertPoint(test);
    element_ = b_.CreateCall(m_.support("dunlin_next_row"), {index_, items_});
    b_.CreateCondBr(b_.CreateICmpSGE(element_, constant(0)), visit, done_);
    b_.SetInsertPoint(visit);
    visit_element();
    b_.CreateBr(a_.stops ? done_ : test);
    b_.SetInsertPoint(done_);
  }

  void loop() {
    auto* index = kept(constant(0));
    auto *test = e_.block("test"), *visit = e_.block("visit"), *done = e_.block("done");
    next_ = e_.block("next");
    b_.CreateBr(test);
    b_.SetInsertPoint(test);
    b_.CreateCondBr(b_.CreateICmpSLT(get(index), size_), visit, done);
    b_.SetInsertPoint(visit);
    element_ = b_.CreateLoad(m_.pointer, b_.CreateInBoundsGEP(m_.pointer, items_, get(index)));
    if (over_events()) pass_over_others();
    visit_element();
    b_.CreateBr(next_);
    b_.SetInsertPoint(next_);
    put(index, b_.CreateAdd(get(index), constant(1)));
    b_.CreateBr(test);
    b_.SetInsertPoint(done);
  }

  void only_if(Value* condition) {
    auto* going_on = e_.block("");
    b_.CreateCondBr(condition, going_on, next_);
    b_.SetInsertPoint(going_on);
  }

  void pass_over_others() {
    if (m_.planted != Miscompilation::cancelled_event_counted)
      only_if(b_.CreateICmpEQ(e_.load(m_.i32, element_, offsetof(abi::Event, cancelled)), b_.getInt32(0)));
    auto* type = e_.load(m_.i32, element_, offsetof(abi::Event, type));
    Value* wanted = b_.getFalse();
    for (auto top : a_.event_types) {
      const auto last = m_.program.checked->events[static_cast<size_t>(top)].last_descendant;
      wanted =
          b_.CreateOr(wanted, b_.CreateICmpULE(b_.CreateSub(type, b_.getInt32(static_cast<uint32_t>(top))), b_.getInt32(static_cast<uint32_t>(last - top))));
    }
    only_if(wanted);
    at_ = e_.load(m_.i64, element_, offsetof(abi::Event, at));
    if (window_low_) only_if(a_.window_low_included ? b_.CreateICmpSGE(at_, window_low_) : b_.CreateICmpSGT(at_, window_low_));
    if (a_.walk == Walk::subtree_events)
      only_if(b_.CreateICmpNE(b_.CreateCall(m_.support("dunlin_below"), {e_.load(m_.pointer, element_, offsetof(abi::Event, owner)), owner_}), constant(0)));
  }

  void visit_element() {
    Value* accepted = b_.getTrue();
    if (a_.body != ir::none) {
      e_.store_slot(arguments_, 0, element_);
      e_.return_if_fault(b_.CreateCall(m_.function(a_.body), {e_.context_, e_.self_, arguments_, results_}));
      if (a_.accept_result != ir::none) accepted = b_.CreateICmpNE(e_.load_slot(results_, a_.accept_result), constant(0));
    }
    for (size_t i = 0; i < a_.folds.size(); ++i) {
      if (a_.folds[i] == Fold::wake_body)
        put(states_[i].value, b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, get(states_[i].value), e_.load_slot(results_, a_.wake_result)));
      if (a_.folds[i] == Fold::all) put(states_[i].count, b_.CreateAnd(get(states_[i].count), b_.CreateZExt(accepted, m_.i64)));
    }
    only_if(accepted);
    for (size_t i = 0; i < a_.folds.size(); ++i) take(a_.folds[i], states_[i]);
  }

  // ---- what each fold keeps ------------------------------------------------------------------

  llvm::AllocaInst* slot(llvm::Type* type) {
    auto& entry = e_.machine_->getEntryBlock();
    return llvm::IRBuilder<>(&entry, entry.begin()).CreateAlloca(type);
  }
  Value* kept(Value* initial) {
    auto* place = slot(initial->getType());
    b_.CreateStore(initial, place);
    return place;
  }
  Value* get(Value* place) { return b_.CreateLoad(llvm::cast<llvm::AllocaInst>(place)->getAllocatedType(), place); }
  void put(Value* place, Value* value) { b_.CreateStore(value, place); }

  void open(Fold fold) {
    State state;
    state.count = kept(constant(fold == Fold::all ? 1 : 0));
    switch (fold) {
      case Fold::sum_number:
      case Fold::average_number:
      case Fold::minimum_number:
      case Fold::maximum_number:
        state.value = kept(llvm::ConstantFP::get(m_.f64, 0));
        break;
      case Fold::average:
        state.value = kept(llvm::ConstantInt::get(m_.i128, 0));
        break;
      case Fold::wake_body:
        state.value = kept(constant(abi::never));
        break;
      default:
        state.value = kept(constant(0));
    }
    if (fold == Fold::first || fold == Fold::last)
      for (size_t i = 0; i < a_.order_results.size(); ++i) state.keys.push_back(kept(constant(0)));
    if (fold == Fold::nth_oldest_leaves) state.scratch = b_.CreateCall(m_.support("dunlin_scratch"), {e_.context_, size_});
    states_.push_back(std::move(state));
  }

  Value* body_value() { return e_.load_slot(results_, a_.value_result); }
  Value* body_number() { return e_.from_slot(body_value(), Kind::number); }
  void count_one(const State& state) { put(state.count, b_.CreateAdd(get(state.count), constant(1))); }
  Value* none_yet(const State& state) { return b_.CreateICmpEQ(get(state.count), constant(0)); }

  /// Replaces the kept value where `better`, or where there is none yet.
  void replace(const State& state, Value* value, Value* better) {
    put(state.value, b_.CreateSelect(b_.CreateOr(none_yet(state), better), value, get(state.value)));
    put(state.count, constant(1));
  }

  void take(Fold fold, const State& state) {
    switch (fold) {
      case Fold::count:
        return count_one(state);
      case Fold::exists:
        return put(state.count, constant(1));
      case Fold::count_days:
        return take_day(state);
      case Fold::sum:
        return put(state.value, e_.checked(llvm::Intrinsic::sadd_with_overflow, get(state.value), body_value(), node_));
      case Fold::sum_number:
        return put(state.value, e_.finite(b_.CreateFAdd(get(state.value), body_number()), node_));
      case Fold::average:
        put(state.value, b_.CreateAdd(get(state.value), b_.CreateSExt(body_value(), m_.i128)));
        return count_one(state);
      case Fold::average_number:
        put(state.value, e_.finite(b_.CreateFAdd(get(state.value), body_number()), node_));
        return count_one(state);
      case Fold::minimum:
        return replace(state, body_value(), b_.CreateICmpSLT(body_value(), get(state.value)));
      case Fold::maximum:
        return replace(state, body_value(), b_.CreateICmpSGT(body_value(), get(state.value)));
      case Fold::minimum_number:
        return replace(state, body_number(), b_.CreateFCmpOLT(body_number(), get(state.value)));
      case Fold::maximum_number:
        return replace(state, body_number(), b_.CreateFCmpOGT(body_number(), get(state.value)));
      case Fold::first:
      case Fold::last:
        return take_ordered(fold, state);
      case Fold::leave_days:
      case Fold::leave_exact:
        return replace(state, at_, b_.getFalse());
      case Fold::leave_last:
        return replace(state, at_, b_.getTrue());
      case Fold::nth_oldest_leaves:
        b_.CreateStore(at_, b_.CreateInBoundsGEP(m_.i64, state.scratch, get(state.count)));
        return count_one(state);
      case Fold::all:
      case Fold::wake_body:
        return;
    }
  }

  void take_day(const State& state) {
    auto* date = e_.room(1);
    e_.fault_if_any(b_.CreateCall(m_.support("dunlin_date_of"), {e_.context_, at_, date}), node_);
    auto* day = e_.load_slot(date, 0);
    auto* other = b_.CreateOr(none_yet(state), b_.CreateICmpNE(day, get(state.value)));
    put(state.value, day);
    put(state.count, b_.CreateAdd(get(state.count), b_.CreateZExt(other, m_.i64)));
  }

  void take_ordered(Fold fold, const State& state) {
    std::vector<Value*> keys;
    for (auto result : a_.order_results) keys.push_back(e_.load_slot(results_, result));
    // Ties: the earlier element comes first, so `first` keeps what it has and `last` takes what comes.
    Value* before = b_.getFalse();
    for (size_t i = keys.size(); i-- > 0;) {
      auto [less, greater] = compare(keys[i], get(state.keys[i]), a_.order_number[i]);
      if (a_.order_descending[i]) std::swap(less, greater);
      before = b_.CreateSelect(less, b_.getTrue(), b_.CreateSelect(greater, b_.getFalse(), before));
    }
    auto* better = fold == Fold::first ? before : b_.CreateNot(before);
    auto* taken = b_.CreateOr(none_yet(state), better);
    for (size_t i = 0; i < keys.size(); ++i) put(state.keys[i], b_.CreateSelect(taken, keys[i], get(state.keys[i])));
    replace(state, e_.to_slot(element_), better);
  }

  std::pair<Value*, Value*> compare(Value* a, Value* b, uint8_t form) {
    if (form == 1) {
      a = e_.from_slot(a, Kind::number);
      b = e_.from_slot(b, Kind::number);
      return {b_.CreateFCmpOLT(a, b), b_.CreateFCmpOGT(a, b)};
    }
    if (form == 2) {
      auto* nothing = b_.CreatePtrToInt(m_.address(m_.constants.text("")), m_.i64);
      auto text = [&](Value* slot) { return e_.from_slot(b_.CreateSelect(b_.CreateICmpEQ(slot, constant(0)), nothing, slot), Kind::pointer); };
      auto* order = b_.CreateCall(m_.support("dunlin_compare_text"), {text(a), text(b)});
      return {b_.CreateICmpSLT(order, constant(0)), b_.CreateICmpSGT(order, constant(0))};
    }
    return {b_.CreateICmpSLT(a, b), b_.CreateICmpSGT(a, b)};
  }

  // ---- what each fold gives ------------------------------------------------------------------

  void close(Fold fold, const State& state, std::vector<Value*>& results) {
    switch (fold) {
      case Fold::count:
      case Fold::count_days:
      case Fold::exists:
      case Fold::all:
        results.push_back(get(state.count));
        return;
      case Fold::sum:
      case Fold::sum_number:
      case Fold::wake_body:
        results.push_back(get(state.value));
        return;
      case Fold::average:
      case Fold::average_number:
        return close_average(fold, state, results);
      case Fold::leave_days:
      case Fold::leave_exact:
      case Fold::leave_last: {
        const bool in_days = fold == Fold::leave_days || (fold == Fold::leave_last && a_.window_in_days);
        results.push_back(b_.CreateSelect(none_yet(state), constant(abi::never), leaves(get(state.value), in_days)));
        return;
      }
      case Fold::nth_oldest_leaves:
        return close_nth(state, results);
      default:
        results.push_back(b_.CreateZExt(b_.CreateNot(none_yet(state)), m_.i64));
        results.push_back(get(state.value));
    }
  }

  Value* leaves(Value* at, bool in_days) { return b_.CreateCall(m_.support("dunlin_leaves_window"), {e_.context_, at, window_value_, constant(in_days)}); }

  void close_average(Fold fold, const State& state, std::vector<Value*>& results) {
    auto* average = e_.room(1);
    e_.store_slot(average, 0, constant(0));
    auto *some = e_.block("average"), *done = e_.block("averaged");
    b_.CreateCondBr(none_yet(state), done, some);
    b_.SetInsertPoint(some);
    if (fold == Fold::average) {
      auto* sum = get(state.value);
      auto *low = b_.CreateTrunc(sum, m_.i64), *high = b_.CreateTrunc(b_.CreateLShr(sum, 64), m_.i64);
      e_.fault_if_any(b_.CreateCall(m_.support("dunlin_average"), {low, high, get(state.count), constant(a_.scale), average}), node_);
    } else {
      auto* quotient = b_.CreateFDiv(get(state.value), b_.CreateSIToFP(get(state.count), m_.f64));
      e_.store_slot(average, 0, e_.finite(quotient, node_));
    }
    b_.CreateBr(done);
    b_.SetInsertPoint(done);
    results.push_back(b_.CreateZExt(b_.CreateNot(none_yet(state)), m_.i64));
    results.push_back(e_.load_slot(average, 0));
  }

  void close_nth(const State& state, std::vector<Value*>& results) {
    auto* leave = kept(constant(abi::never));
    auto *some = e_.block("nth"), *done = e_.block("nth_done");
    b_.CreateCondBr(b_.CreateAnd(b_.CreateICmpSGT(nth_, constant(0)), b_.CreateICmpSLE(nth_, get(state.count))), some, done);
    b_.SetInsertPoint(some);
    auto* at = b_.CreateLoad(m_.i64, b_.CreateInBoundsGEP(m_.i64, state.scratch, b_.CreateSub(get(state.count), nth_)));
    put(leave, leaves(at, a_.window_in_days));
    b_.CreateBr(done);
    b_.SetInsertPoint(done);
    results.push_back(get(leave));
  }

  FunctionEmitter& e_;
  ModuleEmitter& m_;
  llvm::IRBuilder<>& b_;
  const ir::Node& node_;
  const ir::Aggregate& a_;
  Value *owner_ = nullptr, *window_low_ = nullptr, *window_value_ = nullptr, *nth_ = nullptr;
  Value *arguments_ = nullptr, *results_ = nullptr, *items_ = nullptr, *size_ = nullptr, *element_ = nullptr, *at_ = nullptr, *index_ = nullptr;
  llvm::BasicBlock *next_ = nullptr, *done_ = nullptr;
  std::vector<State> states_;
};

std::vector<llvm::Value*> FunctionEmitter::compute_aggregate(const ir::Node& node) { return AggregateLoop(*this, node).emit(); }

}  // namespace dunlin::native
