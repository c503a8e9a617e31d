// Writes the nodes of one function: equal nodes are one node, constants are folded, and of each node it is known whether it
// may be evaluated without need (speculated).
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "compiler/ir/ir.h"

namespace dunlin::ir {

class Builder {
 public:
  Builder(const Program& program, Function& function) : program_(program), function_(function) {}

  NodeId constant(int64_t value, Kind kind = Kind::integer);
  NodeId boolean(bool value) { return constant(value ? 1 : 0, Kind::boolean); }
  NodeId never() { return constant(abi::never); }
  NodeId zero() { return constant(0); }
  /// A leaf.
  NodeId leaf(Op op, Kind kind, int64_t immediate = 0);
  NodeId argument(int64_t slot, Kind kind, bool valid_pointer);
  NodeId unary(Op op, Kind kind, NodeId a, int64_t immediate = 0, Span span = {});
  NodeId binary(Op op, Kind kind, NodeId a, NodeId b, int64_t immediate = 0, Span span = {});
  NodeId extract(NodeId tuple, int64_t index, Kind kind) { return unary(Op::extract, kind, tuple, index); }
  NodeId fault(abi::Fault fault, Kind kind, Span span);
  NodeId in_interval(NodeId value, int64_t low, int64_t high);
  NodeId logical_not(NodeId a);
  NodeId minimum(NodeId a, NodeId b);
  /// branch, or select where both arms may be speculated.
  NodeId choose(NodeId condition, NodeId a, NodeId b);
  NodeId select(NodeId condition, NodeId a, NodeId b);
  /// The general way.
  NodeId node(Node made, Span span);
  NodeId aggregate(Aggregate made, Span span);

  const Node& at(NodeId id) const { return function_.nodes[static_cast<size_t>(id)]; }
  std::optional<int64_t> constant_of(NodeId id) const;
  bool is_constant(NodeId id, int64_t value) const { return constant_of(id) == value; }
  bool may_fault(NodeId id) const { return facts_[static_cast<size_t>(id)].may_fault; }
  /// Free of faults and of reads through pointers that may be null, and small enough to be evaluated for nothing.
  bool speculable(NodeId id) const;
  int32_t site(Span span);
  Function& function() { return function_; }

 private:
  struct Facts {
    bool may_fault = false;
    bool safe = true;            // may be evaluated although not needed
    bool valid_pointer = false;  // never null where the function is called
    int32_t weight = 0;          // of the whole graph below, saturating
  };
  struct KeyHash {
    size_t operator()(const std::vector<int64_t>& key) const;
  };
  NodeId add(Node made, Span span);
  std::optional<NodeId> folded(const Node& made);
  std::optional<NodeId> folded_integers(const Node& made, int64_t a, int64_t b);
  std::optional<NodeId> simplified(const Node& made);
  std::optional<NodeId> simplified_choice(const Node& made);
  Facts facts_of(const Node& made) const;
  std::vector<int64_t> key_of(const Node& made) const;

  const Program& program_;
  Function& function_;
  std::vector<Facts> facts_;
  std::unordered_map<std::vector<int64_t>, NodeId, KeyHash> known_;
  std::unordered_map<uint64_t, int32_t> sites_;
  bool next_argument_valid_ = false;
};

/// A function's whole content as numbers: equal keys, equal functions (names, sites and notes left aside).
std::vector<int64_t> content_key(const Function& function);

}  // namespace dunlin::ir
