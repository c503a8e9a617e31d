#include "runtime/engine/state_codec.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "lang/sema/transfers.h"
#include "runtime/engine/identity.h"

namespace dunlin::engine {

namespace {

using checked::Index;
using checked::Type;
using checked::TypeKind;

constexpr char format_number = 1;

bool is_text(TypeKind kind) { return kind == TypeKind::text || kind == TypeKind::timezone || kind == TypeKind::file || kind == TypeKind::location; }

/// Values of these kinds cannot outlive a step; sema keeps them out of variables.
bool can_be_kept(const checked::Program& program, const Type& type) {
  if (type.kind == TypeKind::record) {
    return std::ranges::all_of(program.records[type.id].fields, [&](const auto& field) { return can_be_kept(program, field.type); });
  }
  return type.kind != TypeKind::instance && type.kind != TypeKind::event && type.kind != TypeKind::list && type.kind != TypeKind::error;
}

/// Names of a program as hashes: made once, because states are read and written by the million.
struct Names {
  std::string content_hash;
  std::vector<uint64_t> stages;
  std::vector<std::vector<uint64_t>> variables;  // by strategy
  std::vector<std::pair<uint64_t, Index>> moved_stages;
  std::vector<std::vector<std::pair<uint64_t, size_t>>> moved_variables;  // by strategy: old key, variable
  std::vector<std::pair<uint64_t, uint64_t>> moved_rules;                 // old key, new key

  explicit Names(const checked::Program& program) : content_hash(program.content_hash) {
    for (size_t s = 0; s < program.stages.size(); ++s) stages.push_back(hash_text(checked::stage_name(program, static_cast<Index>(s))));
    for (const checked::Strategy& strategy : program.strategies) {
      auto& keys = variables.emplace_back();
      // A variable that changed its type is not the same variable.
      for (const checked::Variable& variable : strategy.variables) keys.push_back(key_of(program, strategy.name, variable.name, variable.type));
    }
    moved_variables.resize(program.strategies.size());
    if (program.transfers) take(program, *program.transfers);
  }

  /// What an older version calls `risk` is `risk@4` where it is kept.
  static std::string name_of_type(const checked::Program& program, const Type& type) {
    std::string name = checked::type_name(program, type);
    for (size_t at = name.find('@'); at != std::string::npos; at = name.find('@', at)) {
      size_t end = at + 1;
      while (end < name.size() && name[end] >= '0' && name[end] <= '9') ++end;
      name.erase(at, end - at);
    }
    return name;
  }
  static uint64_t key_of(const checked::Program& program, const std::string& strategy, const std::string& variable, const Type& type) {
    return hash_text(name_of_type(program, type), hash_text(variable, hash_text(strategy)));
  }

  void take(const checked::Program& program, const checked::Transfers& transfers) {
    for (const auto& move : transfers.stages) moved_stages.emplace_back(hash_text(move.from_strategy + "." + move.from_stage), move.to);
    for (const auto& move : transfers.variables) {
      const checked::Variable& to = program.strategies[move.strategy].variables[move.to];
      moved_variables[move.strategy].emplace_back(key_of(program, move.from_strategy, move.from, to.type), static_cast<size_t>(move.to));
    }
    moved_rules = transfers.rule_keys;
  }
  /// Also by the name it had before it was moved.
  Index find_stage(uint64_t key) const {
    const auto found = std::ranges::find(stages, key);
    if (found != stages.end()) return static_cast<Index>(found - stages.begin());
    const auto moved = std::ranges::find(moved_stages, key, &std::pair<uint64_t, Index>::first);
    return moved == moved_stages.end() ? checked::none : moved->second;
  }
};

/// Programs with one content hash have the same names. A program without a hash (made by hand) is not remembered.
const Names& names_of(const checked::Program& program) {
  thread_local std::unique_ptr<Names> last;
  if (last == nullptr || program.content_hash.empty() || last->content_hash != program.content_hash) last = std::make_unique<Names>(program);
  return *last;
}

class Writer {
 public:
  void number(int64_t value) {
    // Zigzag varint: most numbers in a state are small.
    auto rest = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
    for (; rest >= 128; rest >>= 7) bytes_ += static_cast<char>(rest | 128);
    bytes_ += static_cast<char>(rest);
  }
  void hash(uint64_t value) {
    char raw[8];
    std::memcpy(raw, &value, 8);
    bytes_.append(raw, 8);
  }
  void text(std::string_view value) {
    number(static_cast<int64_t>(value.size()));
    bytes_.append(value);
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_{format_number};
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  int64_t number() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return fail();
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 127) << shift;
      if (byte < 128) return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
    }
    return fail();
  }
  uint64_t hash() {
    uint64_t value = 0;
    if (rest_.size() < 8) return static_cast<uint64_t>(fail());
    std::memcpy(&value, rest_.data(), 8);
    rest_.remove_prefix(8);
    return value;
  }
  std::string_view text() {
    const int64_t size = number();
    if (size < 0 || static_cast<size_t>(size) > rest_.size()) {
      fail();
      return {};
    }
    const auto value = rest_.substr(0, static_cast<size_t>(size));
    rest_.remove_prefix(static_cast<size_t>(size));
    return value;
  }
  /// A number of things that follow; each takes at least one byte, so a damaged number cannot ask for the moon.
  size_t count() {
    const int64_t value = number();
    if (value < 0 || static_cast<size_t>(value) > rest_.size()) return static_cast<size_t>(fail());
    return static_cast<size_t>(value);
  }
  bool good() const { return good_; }
  bool at_end() const { return rest_.empty(); }

 private:
  int64_t fail() {
    good_ = false;
    rest_ = {};
    return 0;
  }
  std::string_view rest_;
  bool good_ = true;
};

/// Literals and stages go by name, because their numbers change when the text does.
void write_value(const checked::Program& program, const Names& names, const Type& type, const int64_t* slots, Writer& out) {
  if (type.optional) {
    out.number(slots[0]);
    if (slots[0] == 0) return;
    ++slots;
  }
  if (is_text(type.kind)) {
    out.text(reinterpret_cast<const abi::Text*>(slots[0])->view());
  } else if (type.kind == TypeKind::enumeration) {
    out.hash(hash_text(program.enums[type.id].literals[static_cast<size_t>(slots[0])]));
  } else if (type.kind == TypeKind::stage) {
    out.hash(names.stages[static_cast<size_t>(slots[0])]);
  } else if (type.kind == TypeKind::record) {
    for (const auto& field : program.records[type.id].fields) {
      write_value(program, names, field.type, slots, out);
      slots += checked::slot_count(program, field.type);
    }
  } else {
    out.number(slots[0]);
  }
}

/// False if the value means nothing in this version (a literal or a stage that is gone).
bool read_value(const checked::Program& program, const Names& names, const Type& type, int64_t* slots, Reader& in, abi::Arena& arena) {
  if (type.optional) {
    slots[0] = in.number() != 0 ? 1 : 0;
    if (slots[0] == 0) return true;
    ++slots;
  }
  if (is_text(type.kind)) {
    slots[0] = reinterpret_cast<int64_t>(arena.text(in.text()));
  } else if (type.kind == TypeKind::enumeration) {
    const uint64_t key = in.hash();
    const auto& literals = program.enums[type.id].literals;
    const auto found = std::ranges::find_if(literals, [&](const std::string& literal) { return hash_text(literal) == key; });
    slots[0] = found - literals.begin();
    return found != literals.end();
  } else if (type.kind == TypeKind::stage) {
    slots[0] = names.find_stage(in.hash());
    return slots[0] >= 0;
  } else if (type.kind == TypeKind::record) {
    bool all = true;
    for (const auto& field : program.records[type.id].fields) {
      all = read_value(program, names, field.type, slots, in, arena) && all;
      slots += checked::slot_count(program, field.type);
    }
    return all;
  } else {
    slots[0] = in.number();
  }
  return true;
}

void write_marks(const std::vector<TimerMark>& marks, Writer& out) {
  out.number(static_cast<int64_t>(marks.size()));
  for (const TimerMark& mark : marks) {
    out.hash(mark.rule);
    out.number(mark.anchor);
    out.number(mark.occurrence);
    out.number(mark.acted);
  }
}
void read_marks(const Names& names, std::vector<TimerMark>& marks, Reader& in) {
  marks.clear();
  const size_t count = in.count();
  for (size_t i = 0; i < count && in.good(); ++i) marks.push_back({.rule = in.hash(), .anchor = in.number(), .occurrence = in.number(), .acted = in.number()});
  for (TimerMark& mark : marks) {
    const auto moved = std::ranges::find(names.moved_rules, mark.rule, &std::pair<uint64_t, uint64_t>::first);
    if (moved != names.moved_rules.end()) mark.rule = moved->second;
  }
}

void write_variables(const checked::Program& program, const Names& names, const InstanceState& state, Writer& out) {
  if (state.strategy < 0) return out.number(0);
  const checked::Strategy& strategy = program.strategies[state.strategy];
  const bool filled = state.variables.size() == static_cast<size_t>(strategy.variable_slots);
  const auto written = [&](const checked::Variable& variable) { return filled && can_be_kept(program, variable.type); };
  out.number(std::ranges::count_if(strategy.variables, written));
  for (size_t v = 0; v < strategy.variables.size(); ++v) {
    const checked::Variable& variable = strategy.variables[v];
    if (!written(variable)) continue;
    out.hash(names.variables[state.strategy][v]);
    Writer value;
    write_value(program, names, variable.type, state.variables.data() + variable.slot, value);
    // With its length in front, so that a version without this variable can pass over it.
    const std::string bytes = value.take();
    out.text(std::string_view(bytes).substr(1));
  }
}

void read_variables(const checked::Program& program, const Names& names, InstanceState& state, Reader& in, abi::Arena& arena) {
  const checked::Strategy* strategy = state.strategy < 0 ? nullptr : &program.strategies[state.strategy];
  state.variables.assign(strategy == nullptr ? 0 : static_cast<size_t>(strategy->variable_slots), 0);
  std::vector<bool> known(strategy == nullptr ? 0 : strategy->variables.size());
  state.moved_variables.clear();
  const size_t count = in.count();
  for (size_t i = 0; i < count && in.good(); ++i) {
    const uint64_t key = in.hash();
    const std::string_view value = in.text();
    for (size_t v = 0; v < known.size(); ++v) {
      const checked::Variable& variable = strategy->variables[v];
      if (names.variables[state.strategy][v] != key) continue;
      Reader bytes(value);
      known[v] = read_value(program, names, variable.type, state.variables.data() + variable.slot, bytes, arena) && bytes.good() && bytes.at_end();
    }
    if (strategy == nullptr) continue;
    for (const auto& [old_key, v] : names.moved_variables[state.strategy]) {
      if (old_key != key || known[v]) continue;
      const checked::Variable& variable = strategy->variables[v];
      Reader bytes(value);
      known[v] = read_value(program, names, variable.type, state.variables.data() + variable.slot, bytes, arena) && bytes.good() && bytes.at_end();
      if (known[v]) state.moved_variables.push_back(static_cast<int32_t>(v));
    }
  }
  state.new_variables.clear();
  for (size_t v = 0; v < known.size(); ++v) {
    if (!known[v]) state.new_variables.push_back(static_cast<int32_t>(v));
  }
}

/// What states of bundles without experiments and `on change` do not have stands behind all else, and only where there is some.
void write_trials(const InstanceState& state, Writer& out) {
  if (state.arms.empty() && state.strategy_text == 0 && state.stage_text == 0) return;
  out.hash(state.strategy_text);
  out.hash(state.stage_text);
  out.number(static_cast<int64_t>(state.arms.size()));
  for (const ArmTaken& taken : state.arms) {
    out.hash(taken.experiment);
    out.hash(taken.arm);
    out.number(taken.at);
    out.number(taken.draw);
  }
}
void read_trials(InstanceState& state, Reader& in) {
  state.arms.clear();
  state.strategy_text = state.stage_text = 0;
  if (in.at_end()) return;
  state.strategy_text = in.hash();
  state.stage_text = in.hash();
  for (size_t count = in.count(); count > 0 && in.good(); --count) {
    ArmTaken taken;
    taken.experiment = in.hash();
    taken.arm = in.hash();
    taken.at = in.number();
    taken.draw = static_cast<int32_t>(in.number());
    state.arms.push_back(taken);
  }
}

}  // namespace

std::string encode_state(const checked::Program& program, const InstanceState& state) {
  const Names& names = names_of(program);
  Writer out;
  out.number(state.enrolled_at);
  out.number(state.may_enrol ? 1 : 0);
  write_variables(program, names, state, out);
  out.number(std::ranges::count_if(state.visits, [](int32_t visits) { return visits != 0; }));
  for (size_t s = 0; s < state.visits.size(); ++s) {
    if (state.visits[s] == 0) continue;
    out.hash(names.stages[s]);
    out.number(state.visits[s]);
  }
  write_marks(state.marks, out);
  out.number(static_cast<int64_t>(state.back.size()));
  for (const StageVisit& visit : state.back) {
    out.hash(names.stages[visit.stage]);
    out.number(visit.entered_at);
    write_marks(visit.marks, out);
  }
  write_trials(state, out);
  return out.take();
}

bool decode_state(const checked::Program& program, std::string_view bytes, abi::Arena& arena, InstanceState& state, std::string& error) {
  if (bytes.empty() || bytes.front() != format_number) {
    error = bytes.empty() ? "the state is empty" : "the state was written in a format this program does not know";
    return false;
  }
  const Names& names = names_of(program);
  Reader in(bytes.substr(1));
  state.enrolled_at = in.number();
  state.may_enrol = in.number() != 0;
  read_variables(program, names, state, in, arena);
  state.visits.clear();
  for (size_t count = in.count(); count > 0 && in.good(); --count) {
    const Index stage = names.find_stage(in.hash());
    const int64_t visits = in.number();
    if (stage < 0) continue;
    state.visits.resize(program.stages.size());
    state.visits[stage] = static_cast<int32_t>(visits);
  }
  read_marks(names, state.marks, in);
  state.back.clear();
  for (size_t count = in.count(); count > 0 && in.good(); --count) {
    StageVisit visit;
    visit.stage = names.find_stage(in.hash());
    if (visit.stage >= 0 && checked::kept_at(program, state.strategy) != nullptr) {
      const Index own = checked::counterpart(program, visit.stage, state.strategy);
      if (own >= 0) visit.stage = own;
    }
    visit.entered_at = in.number();
    read_marks(names, visit.marks, in);
    if (visit.stage >= 0) state.back.push_back(std::move(visit));
  }
  read_trials(state, in);
  if (in.good() && in.at_end()) return true;
  error = "the state's bytes are damaged";
  return false;
}

Index stage_in(const checked::Program& program, const std::string& name) { return names_of(program).find_stage(hash_text(name)); }

std::string encode_value(const checked::Program& program, const Type& type, const int64_t* slots) {
  Writer out;
  write_value(program, names_of(program), type, slots, out);
  return out.take();
}

bool decode_value(const checked::Program& program, const Type& type, std::string_view bytes, abi::Arena& arena, int64_t* slots) {
  if (bytes.empty() || bytes.front() != format_number) return false;
  Reader in(bytes.substr(1));
  return read_value(program, names_of(program), type, slots, in, arena) && in.good() && in.at_end();
}

}  // namespace dunlin::engine
