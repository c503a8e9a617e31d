// Values of one row as a graph: equal nodes are one node, every node knows the range its value lies in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace dunlin::native {

using Id = int32_t;
__extension__ using Wide = __int128;

enum class KernelOp : uint8_t {
  constant,
  input,    // immediate: column
  uniform,  // immediate: see Uniform; the same in every row
  add,
  subtract,
  multiply,  // wrapping at 64 bits; the range says whether they can wrap
  divide,    // a >= 0, immediate > 0, rounding down
  modulo,    // a >= 0, immediate > 0
  divide_any,
  modulo_any,  // rounding down, any signs; anything where the quotient does not exist
  minimum,
  maximum,
  add_overflows,
  subtract_overflows,
  multiply_overflows,  // boolean
  equal,
  less,
  logical_and,
  logical_or,
  logical_not,
  select,  // a: condition
};

struct Range {
  int64_t low, high;
  bool is_constant() const { return low == high; }
  friend bool operator==(const Range&, const Range&) = default;
};

struct KernelNode {
  KernelOp op;
  bool boolean;
  Range range;
  int64_t immediate = 0;
  Id a = -1, b = -1, c = -1;
};

class KernelGraph {
 public:
  const KernelNode& operator[](Id id) const { return nodes_[static_cast<size_t>(id)]; }
  size_t size() const { return nodes_.size(); }

  Id constant(int64_t value);
  Id truth(bool value);
  Id input(int64_t column, Range range, bool boolean);
  Id uniform(int64_t which, Range range);

  Id add(Id a, Id b);
  Id subtract(Id a, Id b);
  Id multiply(Id a, Id b);
  /// Whether the exact result may leave 64 bits in this row: false where ranges exclude it.
  Id overflows(KernelOp arithmetic, Id a, Id b);
  Id floor_divide(Id a, Id b);
  Id floor_modulo(Id a, Id b);
  Id minimum(Id a, Id b);
  Id maximum(Id a, Id b);

  Id equal(Id a, Id b);
  Id less(Id a, Id b);
  Id less_equal(Id a, Id b) { return negate(less(b, a)); }
  Id between(Id a, int64_t low, int64_t high);
  Id both(Id a, Id b);
  Id either(Id a, Id b);
  Id negate(Id a);
  Id choose(Id condition, Id a, Id b);

  bool is_true(Id id) const { return (*this)[id].boolean && (*this)[id].range == Range{1, 1}; }
  bool is_false(Id id) const { return (*this)[id].boolean && (*this)[id].range == Range{0, 0}; }
  Id as_boolean(Id id);
  Id as_integer(Id id);

 private:
  Id make(KernelNode node);
  Id arithmetic(KernelOp op, Id a, Id b);
  static Range exact(KernelOp op, Range a, Range b, bool& fits);
  Range range(Id id) const { return (*this)[id].range; }

  std::vector<KernelNode> nodes_;
  struct Less {
    bool operator()(const KernelNode& a, const KernelNode& b) const;
  };
  std::map<KernelNode, Id, Less> known_;
};

}  // namespace dunlin::native
