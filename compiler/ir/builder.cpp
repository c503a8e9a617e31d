#include "compiler/ir/builder.h"

#include <algorithm>

#include "compiler/abi/wake.h"
#include "compiler/ir/shape.h"

namespace dunlin::ir {

namespace {

/// Above this a node is not evaluated just in case.
constexpr int32_t speculation_weight_max = 16;
constexpr int32_t weight_max = 1 << 20;

int32_t own_weight(Op op) {
  switch (op) {
    case Op::constant:
    case Op::text_constant:
    case Op::extract:
      return 0;
    case Op::call:
    case Op::aggregate:
    case Op::builtin:
    case Op::native:
    case Op::text_concat:
    case Op::table_row:
    case Op::table_wake:
    case Op::next_working_day:
    case Op::period_start:
    case Op::period_next:
      return speculation_weight_max + 1;
    case Op::flip:
    case Op::equal_text:
      return 4;
    default:
      return 1;
  }
}

bool reads_through_pointer(Op op) { return op >= Op::instance_slot && op <= Op::state_visits; }

int64_t bits(Span span) { return static_cast<int64_t>((static_cast<uint64_t>(span.file) << 32) ^ span.begin); }

}  // namespace

size_t Builder::KeyHash::operator()(const std::vector<int64_t>& key) const {
  uint64_t hash = 0x9e3779b97f4a7c15;
  for (const int64_t part : key) {
    hash ^= static_cast<uint64_t>(part) + 0x9e3779b97f4a7c15 + (hash << 6) + (hash >> 2);
    hash *= 0xbf58476d1ce4e5b9;
  }
  return hash ^ (hash >> 31);
}

int32_t Builder::site(Span span) {
  const uint64_t key = static_cast<uint64_t>(bits(span)) * 31 + span.end;
  const auto [place, added] = sites_.try_emplace(key, static_cast<int32_t>(function_.sites.size()));
  if (added) function_.sites.push_back({span});
  return place->second;
}

std::vector<int64_t> Builder::key_of(const Node& made) const {
  std::vector<int64_t> key = {static_cast<int64_t>(made.op), static_cast<int64_t>(made.kind), made.immediate, made.immediate2, made.function};
  key.insert(key.end(), made.operands.begin(), made.operands.end());
  return key;
}

Builder::Facts Builder::facts_of(const Node& made) const {
  Facts facts;
  facts.may_fault = node_may_fault(program_, function_, made);
  facts.weight = own_weight(made.op);
  const auto& first = made.operands.empty() ? Facts{} : facts_[static_cast<size_t>(made.operands[0])];
  if (reads_through_pointer(made.op) && !first.valid_pointer) facts.safe = false;
  facts.valid_pointer = made.op == Op::self || made.op == Op::event || (made.op == Op::argument && next_argument_valid_) ||
                        ((made.op == Op::instance_parent || made.op == Op::event_owner) && first.valid_pointer);
  for (const NodeId operand : made.operands) {
    const Facts& below = facts_[static_cast<size_t>(operand)];
    facts.may_fault |= below.may_fault;
    facts.safe &= below.safe;
    facts.weight = std::min(weight_max, facts.weight + below.weight);
  }
  facts.safe &= !facts.may_fault;
  return facts;
}

bool Builder::speculable(NodeId id) const {
  const Facts& facts = facts_[static_cast<size_t>(id)];
  return facts.safe && facts.weight <= speculation_weight_max;
}

NodeId Builder::add(Node made, Span span) {
  const auto key = key_of(made);
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  const Facts facts = facts_of(made);
  if (node_may_fault(program_, function_, made)) made.site = site(span);
  const auto id = static_cast<NodeId>(function_.nodes.size());
  function_.nodes.push_back(std::move(made));
  facts_.push_back(facts);
  known_.emplace(key, id);
  return id;
}

std::optional<int64_t> Builder::constant_of(NodeId id) const {
  if (at(id).op != Op::constant) return std::nullopt;
  return at(id).immediate;
}

std::optional<NodeId> Builder::folded_integers(const Node& made, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (made.op) {
    case Op::add_checked:
      if (__builtin_add_overflow(a, b, &result)) return std::nullopt;
      return constant(result);
    case Op::subtract_checked:
      if (__builtin_sub_overflow(a, b, &result)) return std::nullopt;
      return constant(result);
    case Op::multiply_checked:
      if (__builtin_mul_overflow(a, b, &result)) return std::nullopt;
      return constant(result);
    case Op::add_wrapping:
      return constant(static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)));
    case Op::subtract_wrapping:
      return constant(static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b)));
    case Op::add_saturating:
      return constant(abi::add_saturating(a, b));
    case Op::subtract_saturating:
      return constant(abi::subtract_saturating(a, b));
    case Op::minimum:
      return constant(std::min(a, b));
    case Op::maximum:
      return constant(std::max(a, b));
    case Op::floor_divide:
      if (b <= 0) return std::nullopt;
      return constant(a / b - (a % b < 0 ? 1 : 0));
    case Op::floor_modulo:
      if (b <= 0) return std::nullopt;
      return constant(a % b + (a % b < 0 ? b : 0));
    case Op::equal:
      return boolean(a == b);
    case Op::not_equal:
      return boolean(a != b);
    case Op::less:
      return boolean(a < b);
    case Op::less_equal:
      return boolean(a <= b);
    case Op::greater:
      return boolean(a > b);
    case Op::greater_equal:
      return boolean(a >= b);
    case Op::logical_and:
      return boolean(a != 0 && b != 0);
    case Op::logical_or:
      return boolean(a != 0 || b != 0);
    default:
      return std::nullopt;
  }
}

std::optional<NodeId> Builder::folded(const Node& made) {
  if (made.operands.size() == 2) {
    const auto a = constant_of(made.operands[0]);
    const auto b = constant_of(made.operands[1]);
    if (a && b) return folded_integers(made, *a, *b);
  }
  if (made.op == Op::flip && is_constant(made.operands[2], 0) && is_constant(made.operands[3], 0)) return never();
  if (made.op == Op::day_start_clamped && is_constant(made.operands[0], abi::never)) return never();
  if (made.op == Op::extract && at(made.operands[0]).op == Op::pack) return at(made.operands[0]).operands[static_cast<size_t>(made.immediate)];
  return std::nullopt;
}

std::optional<NodeId> Builder::simplified_choice(const Node& made) {
  const NodeId condition = made.operands[0], a = made.operands[1], b = made.operands[2];
  if (const auto known = constant_of(condition)) return *known != 0 ? a : b;
  if (a == b && !may_fault(condition) && speculable(a)) return a;
  if (made.kind == Kind::boolean && is_constant(a, 1) && is_constant(b, 0)) return condition;
  if (made.kind == Kind::boolean && is_constant(a, 0) && is_constant(b, 1)) return logical_not(condition);
  return std::nullopt;
}

std::optional<NodeId> Builder::simplified(const Node& made) {
  switch (made.op) {
    case Op::branch:
    case Op::select:
      return simplified_choice(made);
    case Op::minimum: {
      const NodeId a = made.operands[0], b = made.operands[1];
      if (a == b || is_constant(b, abi::never)) return a;
      if (is_constant(a, abi::never)) return b;
      return std::nullopt;
    }
    case Op::logical_and:
    case Op::logical_or: {
      const bool decides = made.op == Op::logical_or;
      const NodeId a = made.operands[0], b = made.operands[1];
      if (const auto known = constant_of(a)) return (*known != 0) == decides ? a : b;
      if (const auto known = constant_of(b); known && (*known != 0) != decides) return a;
      if (a == b) return a;
      return std::nullopt;
    }
    case Op::logical_not: {
      const NodeId a = made.operands[0];
      if (const auto known = constant_of(a)) return boolean(*known == 0);
      if (at(a).op == Op::logical_not) return at(a).operands[0];
      return std::nullopt;
    }
    case Op::add_wrapping:
    case Op::add_checked:
    case Op::add_saturating:
      if (is_constant(made.operands[0], 0)) return made.operands[1];
      if (is_constant(made.operands[1], 0)) return made.operands[0];
      return std::nullopt;
    case Op::subtract_wrapping:
    case Op::subtract_checked:
    case Op::subtract_saturating:
      if (is_constant(made.operands[1], 0)) return made.operands[0];
      return std::nullopt;
    case Op::multiply_checked:
      if (is_constant(made.operands[0], 1)) return made.operands[1];
      if (is_constant(made.operands[1], 1)) return made.operands[0];
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

NodeId Builder::node(Node made, Span span) {
  if (const auto simpler = folded(made)) return *simpler;
  if (const auto simpler = simplified(made)) return *simpler;
  return add(std::move(made), span);
}

NodeId Builder::constant(int64_t value, Kind kind) {
  Node made;
  made.op = Op::constant;
  made.kind = kind;
  made.immediate = value;
  return add(std::move(made), {});
}

NodeId Builder::leaf(Op op, Kind kind, int64_t immediate) {
  Node made;
  made.op = op;
  made.kind = kind;
  made.immediate = immediate;
  return add(std::move(made), {});
}

NodeId Builder::argument(int64_t slot, Kind kind, bool valid_pointer) {
  next_argument_valid_ = valid_pointer;
  const NodeId id = leaf(Op::argument, kind, slot);
  next_argument_valid_ = false;
  return id;
}

NodeId Builder::unary(Op op, Kind kind, NodeId a, int64_t immediate, Span span) {
  Node made;
  made.op = op;
  made.kind = kind;
  made.immediate = immediate;
  made.operands = {a};
  return node(std::move(made), span);
}

NodeId Builder::binary(Op op, Kind kind, NodeId a, NodeId b, int64_t immediate, Span span) {
  Node made;
  made.op = op;
  made.kind = kind;
  made.immediate = immediate;
  made.operands = {a, b};
  return node(std::move(made), span);
}

NodeId Builder::fault(abi::Fault fault, Kind kind, Span span) {
  Node made;
  made.op = Op::fault;
  made.kind = kind;
  made.immediate = static_cast<int64_t>(fault);
  return add(std::move(made), span);
}

NodeId Builder::in_interval(NodeId value, int64_t low, int64_t high) {
  if (low == INT64_MIN && high == INT64_MAX) return boolean(true);
  if (const auto known = constant_of(value)) return boolean(*known >= low && *known <= high);
  Node made;
  made.op = Op::in_interval;
  made.kind = Kind::boolean;
  made.immediate = low;
  made.immediate2 = high;
  made.operands = {value};
  return add(std::move(made), {});
}

NodeId Builder::logical_not(NodeId a) { return unary(Op::logical_not, Kind::boolean, a); }
NodeId Builder::minimum(NodeId a, NodeId b) { return binary(Op::minimum, Kind::integer, a, b); }

NodeId Builder::select(NodeId condition, NodeId a, NodeId b) {
  Node made;
  made.op = Op::select;
  made.kind = at(a).kind;
  made.operands = {condition, a, b};
  return node(std::move(made), {});
}

NodeId Builder::choose(NodeId condition, NodeId a, NodeId b) {
  if (speculable(a) && speculable(b) && at(a).kind != Kind::tuple) return select(condition, a, b);
  Node made;
  made.op = Op::branch;
  made.kind = at(a).kind;
  made.operands = {condition, a, b};
  return node(std::move(made), {});
}

namespace {

void append(std::vector<int64_t>& key, const Aggregate& aggregate) {
  const auto add = [&key](int64_t part) { key.push_back(part); };
  const auto add_all = [&key](const auto& parts) {
    key.push_back(static_cast<int64_t>(parts.size()));
    for (const auto part : parts) key.push_back(static_cast<int64_t>(part));
  };
  add(static_cast<int64_t>(aggregate.walk));
  add(aggregate.owner);
  add(aggregate.child_position);
  add_all(aggregate.event_types);
  add(aggregate.window_low);
  add(aggregate.window_low_included ? 1 : 0);
  add(aggregate.window_value);
  add(aggregate.window_in_days ? 1 : 0);
  add(aggregate.nth);
  add(aggregate.body);
  add_all(aggregate.captured);
  add(aggregate.row_table);
  add_all(aggregate.keys);
  add(aggregate.stops ? 1 : 0);
  add(aggregate.backwards ? 1 : 0);
  add(aggregate.accept_result);
  add(aggregate.value_result);
  add(aggregate.wake_result);
  add_all(aggregate.order_results);
  add_all(aggregate.order_descending);
  add_all(aggregate.order_number);
  add(aggregate.scale);
  add_all(aggregate.folds);
}

}  // namespace

NodeId Builder::aggregate(Aggregate made, Span span) {
  std::vector<int64_t> key;
  append(key, made);
  for (size_t i = 0; i < function_.aggregates.size(); ++i) {
    std::vector<int64_t> other;
    append(other, function_.aggregates[i]);
    if (other != key) continue;
    Node node;
    node.op = Op::aggregate;
    node.kind = Kind::tuple;
    node.immediate = static_cast<int64_t>(i);
    node.operands = aggregate_operands(made);
    return add(std::move(node), span);
  }
  Node node;
  node.op = Op::aggregate;
  node.kind = Kind::tuple;
  node.immediate = static_cast<int64_t>(function_.aggregates.size());
  node.operands = aggregate_operands(made);
  function_.aggregates.push_back(std::move(made));
  return add(std::move(node), span);
}

std::vector<int64_t> content_key(const Function& function) {
  std::vector<int64_t> key = {function.takes_self ? 1 : 0, function.argument_slots, static_cast<int64_t>(function.nodes.size())};
  for (const Node& node : function.nodes) {
    key.insert(key.end(), {static_cast<int64_t>(node.op), static_cast<int64_t>(node.kind), node.immediate, node.immediate2, node.function,
                           static_cast<int64_t>(node.operands.size())});
    key.insert(key.end(), node.operands.begin(), node.operands.end());
  }
  key.push_back(static_cast<int64_t>(function.aggregates.size()));
  for (const Aggregate& aggregate : function.aggregates) append(key, aggregate);
  key.insert(key.end(), function.results.begin(), function.results.end());
  return key;
}

}  // namespace dunlin::ir
