// Loops over events, lists and rows of tables: every candidate in order, every fold fed as it goes.
#include <algorithm>
#include <cmath>

#include "compiler/abi/arithmetic.h"
#include "compiler/abi/clock.h"
#include "compiler/abi/text_bodies.h"
#include "compiler/abi/wake.h"
#include "compiler/interp/machine.h"

namespace dunlin::interp {

using abi::Fault;
using Fold = ir::Aggregate::Fold;
using Walk = ir::Aggregate::Walk;

namespace {

bool below(const abi::Instance* instance, const abi::Instance* top) {
  for (; instance != nullptr; instance = instance->parent)
    if (instance == top) return true;
  return false;
}

/// What one fold has so far.
struct State {
  bool any = false;
  int64_t count = 0;
  int64_t value = 0;
  double number = 0;
  abi::Wide sum = 0;
  std::vector<int64_t> keys;  // of the element kept
  std::vector<int64_t> instants;
};

}  // namespace

class Loop {
 public:
  Loop(Machine& machine, const Machine::Frame& frame, const ir::Aggregate& loop)
      : machine_(machine), frame_(frame), loop_(loop), program_(*machine.code_.program), context_(machine.context_), states_(loop.folds.size()) {
    if (loop.body != ir::none) results_.resize(program_.functions[static_cast<size_t>(loop.body)].results.size());
    for (size_t i = 0; i < states_.size(); ++i)
      if (loop.folds[i] == Fold::wake_body) states_[i].value = abi::never;
    arguments_.push_back(0);
    for (const ir::NodeId captured : loop.captured) arguments_.push_back(Machine::value(frame, captured));
  }

  Failure run(const ir::Node& node) {
    if (loop_.walk == Walk::rows) return over_rows(node);
    return loop_.walk == Walk::list ? over_list(node) : over_events(node);
  }

  Fault results(int64_t* out) {
    for (size_t i = 0; i < states_.size(); ++i)
      if (const Fault fault = close(loop_.folds[i], states_[i], out); fault != Fault::none) return fault;
    return Fault::none;
  }

 private:
  int64_t value_of(ir::NodeId id) const { return Machine::value(frame_, id); }

  Failure over_rows(const ir::Node& node) {
    const auto& table = program_.checked->tables[static_cast<size_t>(program_.row_tables[static_cast<size_t>(loop_.row_table)].table)];
    std::vector<int64_t> keys;
    for (const ir::NodeId key : loop_.keys) keys.push_back(value_of(key));
    for (size_t i = 0; i < table.rows.size(); ++i) {
      const size_t row = loop_.backwards ? table.rows.size() - 1 - i : i;
      if (!row_accepts(table, row, keys.data())) continue;
      if (Failure failed = visit(static_cast<int64_t>(row), 0, node)) return failed;
      if (loop_.stops && accepted_) break;
    }
    return {};
  }

  Failure over_list(const ir::Node& node) {
    const auto* owner = reinterpret_cast<const abi::Instance*>(value_of(loop_.owner));
    const abi::InstanceList& list = owner->children[loop_.child_position];
    for (int64_t i = 0; i < list.count; ++i)
      if (Failure failed = visit(reinterpret_cast<int64_t>(list.items[i]), 0, node)) return failed;
    return {};
  }

  Failure over_events(const ir::Node& node) {
    const auto* owner = loop_.owner == ir::none ? nullptr : reinterpret_cast<const abi::Instance*>(value_of(loop_.owner));
    const abi::EventList& list = loop_.walk == Walk::own_events ? owner->own : context_.case_file->events;
    for (int64_t i = 0; i < list.count; ++i) {
      const abi::Event& event = *list.items[i];
      if (!is_candidate(event, owner)) continue;
      if (Failure failed = visit(reinterpret_cast<int64_t>(&event), event.at, node)) return failed;
    }
    return {};
  }

  bool is_candidate(const abi::Event& event, const abi::Instance* owner) const {
    if (event.cancelled != 0) return false;
    const auto& types = program_.checked->events;
    const bool wanted = std::any_of(loop_.event_types.begin(), loop_.event_types.end(),
                                    [&](checked::Index top) { return event.type >= top && event.type <= types[static_cast<size_t>(top)].last_descendant; });
    if (!wanted) return false;
    if (loop_.window_low != ir::none) {
      const int64_t low = value_of(loop_.window_low);
      if (loop_.window_low_included ? event.at < low : event.at <= low) return false;
    }
    return loop_.walk != Walk::subtree_events || below(event.owner, owner);
  }

  Failure visit(int64_t element, int64_t at, const ir::Node& node) {
    bool accepted = true;
    if (loop_.body != ir::none) {
      arguments_[0] = element;
      if (Failure failed = machine_.call(loop_.body, frame_.self, arguments_.data(), results_.data())) return failed;
      if (loop_.accept_result != ir::none) accepted = result(loop_.accept_result) != 0;
    }
    for (size_t i = 0; i < states_.size(); ++i) {
      if (loop_.folds[i] == Fold::wake_body) states_[i].value = std::min(states_[i].value, result(loop_.wake_result));
      if (loop_.folds[i] == Fold::all && !accepted) states_[i].any = true;
    }
    for (size_t i = 0; accepted && i < states_.size(); ++i)
      if (const Fault fault = take(loop_.folds[i], states_[i], element, at); fault != Fault::none) return machine_.failure(frame_, node, fault);
    accepted_ = accepted;
    return {};
  }

  int64_t result(int32_t index) const { return results_[static_cast<size_t>(index)]; }

  /// Keeps `value` if it is the first or a better one.
  static void keep(State& state, int64_t value, bool better) {
    if (!state.any || better) state.value = value;
    state.any = true;
  }

  Fault take(Fold fold, State& state, int64_t element, int64_t at) {
    const int64_t value = loop_.value_result == ir::none ? 0 : result(loop_.value_result);
    ++state.count;
    switch (fold) {
      case Fold::count_days:
        return take_day(state, at);
      case Fold::sum:
        return __builtin_add_overflow(state.value, value, &state.value) ? Fault::overflow : Fault::none;
      case Fold::sum_number:
      case Fold::average_number:
        state.number += abi::as_number(value);
        return std::isfinite(state.number) ? Fault::none : Fault::not_a_number;
      case Fold::average:
        state.sum += value;
        return Fault::none;
      case Fold::minimum:
        keep(state, value, value < state.value);
        return Fault::none;
      case Fold::maximum:
        keep(state, value, value > state.value);
        return Fault::none;
      case Fold::minimum_number:
        keep(state, value, abi::as_number(value) < abi::as_number(state.value));
        return Fault::none;
      case Fold::maximum_number:
        keep(state, value, abi::as_number(value) > abi::as_number(state.value));
        return Fault::none;
      case Fold::first:
      case Fold::last:
        take_ordered(fold, state, element);
        return Fault::none;
      case Fold::leave_days:
      case Fold::leave_exact:
        keep(state, at, false);
        return Fault::none;
      case Fold::leave_last:
        keep(state, at, true);
        return Fault::none;
      case Fold::nth_oldest_leaves:
        state.instants.push_back(at);
        return Fault::none;
      default:
        return Fault::none;
    }
  }

  /// Events come in the order of time, so the same date comes together.
  Fault take_day(State& state, int64_t at) {
    int64_t date = 0;
    if (const Fault fault = abi::date_of(*context_.calendar, at, &date); fault != Fault::none) return fault;
    if (!state.any || date != state.value) state.keys.push_back(date);
    state.value = date;
    state.any = true;
    return Fault::none;
  }

  /// Negative: a before b, in the order asked for.
  int order(size_t key, int64_t a, int64_t b) const {
    int order = 0;
    if (loop_.order_number[key] == 1) {
      const double x = abi::as_number(a), y = abi::as_number(b);
      order = x < y ? -1 : x > y ? 1 : 0;
    } else if (loop_.order_number[key] == 2) {
      const auto text = [](int64_t slot) { return slot == 0 ? std::string_view() : reinterpret_cast<const abi::Text*>(slot)->view(); };
      order = text(a).compare(text(b));
    } else {
      order = a < b ? -1 : a > b ? 1 : 0;
    }
    return loop_.order_descending[key] != 0 ? (order < 0 ? 1 : order > 0 ? -1 : 0) : order;
  }

  void take_ordered(Fold fold, State& state, int64_t element) {
    std::vector<int64_t> keys;
    for (const int32_t key : loop_.order_results) keys.push_back(result(key));
    int compared = 0;
    for (size_t i = 0; state.any && compared == 0 && i < keys.size(); ++i) compared = order(i, keys[i], state.keys[i]);
    const bool better = fold == Fold::first ? compared < 0 : compared >= 0;
    if (!state.any || better) state.keys = keys;
    keep(state, element, better);
  }

  int64_t leaves(int64_t at, bool in_days) const {
    const int64_t length = value_of(loop_.window_value);
    if (!in_days) return abi::add_saturating(at, length);
    return abi::day_start_clamped(*context_.calendar, abi::add_saturating(abi::date_of_clamped(*context_.calendar, at), length));
  }

  Fault close(Fold fold, const State& state, int64_t*& out) {
    switch (fold) {
      case Fold::count:
        *out++ = state.count;
        return Fault::none;
      case Fold::count_days:
        *out++ = static_cast<int64_t>(state.keys.size());
        return Fault::none;
      case Fold::exists:
        *out++ = state.count > 0 ? 1 : 0;
        return Fault::none;
      case Fold::all:
        *out++ = state.any ? 0 : 1;
        return Fault::none;
      case Fold::sum:
      case Fold::wake_body:
        *out++ = state.value;
        return Fault::none;
      case Fold::sum_number:
        *out++ = abi::as_slot(state.number);
        return Fault::none;
      case Fold::average:
      case Fold::average_number:
        return close_average(fold, state, out);
      case Fold::leave_days:
      case Fold::leave_exact:
      case Fold::leave_last:
        *out++ = state.any ? leaves(state.value, fold == Fold::leave_days || (fold == Fold::leave_last && loop_.window_in_days)) : abi::never;
        return Fault::none;
      case Fold::nth_oldest_leaves: {
        const int64_t k = value_of(loop_.nth);
        const auto count = static_cast<int64_t>(state.instants.size());
        *out++ = k > 0 && k <= count ? leaves(state.instants[static_cast<size_t>(count - k)], loop_.window_in_days) : abi::never;
        return Fault::none;
      }
      default:
        *out++ = state.any ? 1 : 0;
        *out++ = state.value;
        return Fault::none;
    }
  }

  Fault close_average(Fold fold, const State& state, int64_t*& out) {
    out[0] = state.count > 0 ? 1 : 0;
    out[1] = 0;
    Fault fault = Fault::none;
    if (state.count > 0 && fold == Fold::average) fault = abi::average(state.sum, state.count, loop_.scale, &out[1]);
    if (state.count > 0 && fold == Fold::average_number) out[1] = abi::as_slot(state.number / static_cast<double>(state.count));
    out += 2;
    return fault;
  }

  Machine& machine_;
  const Machine::Frame& frame_;
  const ir::Aggregate& loop_;
  const ir::Program& program_;
  const abi::EvalContext& context_;
  std::vector<int64_t> arguments_, results_;
  std::vector<State> states_;
  bool accepted_ = false;  // the element visited last
};

Failure Machine::compute_loop(Frame& frame, const ir::Node& node, int64_t* out) {
  Loop loop(*this, frame, frame.function->aggregates[static_cast<size_t>(node.immediate)]);
  if (Failure failed = loop.run(node)) return failed;
  const Fault fault = loop.results(out);
  return fault == Fault::none ? Failure{} : failure(frame, node, fault);
}

}  // namespace dunlin::interp
