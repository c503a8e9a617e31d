// Builds a case file for tests: instances, their fields, events and states, as the engine would hand them to an evaluation.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "compiler/abi/arena.h"
#include "compiler/abi/case_view.h"
#include "lang/sema/checked.h"

namespace dunlin::test {

class CaseBuilder {
 public:
  explicit CaseBuilder(const checked::Program& program) : program_(program) {}

  /// A new instance with all fields 0 (texts empty, optional fields missing). `parent` is null for the root only.
  abi::Instance* add(const std::string& entity_name, abi::Instance* parent = nullptr) { return add(checked::find_entity(program_, entity_name), parent); }
  abi::Instance* add(checked::Index entity, abi::Instance* parent) {
    const auto& type = program_.entities.at(static_cast<size_t>(entity));
    auto& instance = instances_.emplace_back();
    auto& room = rooms_[&instance];
    room.slots.assign(static_cast<size_t>(type.slot_count) + 1, 0);
    fill_texts(type.fields, room.slots);
    room.children.resize(type.children.size() + 1);
    room.child_items.resize(type.children.size());
    room.visits.assign(program_.stages.size() + 1, 0);
    room.variables.assign(64, 0);
    room.state = {-1, -1, 0, 0, room.variables.data(), room.visits.data()};
    instance = {room.slots.data(), parent, room.children.data(), {}, &room.state, static_cast<int64_t>(instances_.size()), entity, 0};
    if (parent != nullptr) rooms_[parent].child_items.at(static_cast<size_t>(type.child_position)).push_back(&instance);
    return &instance;
  }

  /// A known value; of an optional field, too.
  CaseBuilder& set(abi::Instance* instance, const std::string& field_name, int64_t value) {
    const auto& field = field_of(program_.entities.at(static_cast<size_t>(instance->entity)).fields, field_name);
    store(rooms_[instance].slots, field, value);
    return *this;
  }
  CaseBuilder& set(abi::Instance* instance, const std::string& field_name, const std::string& value) {
    return set(instance, field_name, reinterpret_cast<int64_t>(arena_.text(value)));
  }
  CaseBuilder& set_number(abi::Instance* instance, const std::string& field_name, double value) { return set(instance, field_name, abi::as_slot(value)); }
  CaseBuilder& set_missing(abi::Instance* instance, const std::string& field_name) {
    const auto& field = field_of(program_.entities.at(static_cast<size_t>(instance->entity)).fields, field_name);
    auto& slots = rooms_[instance].slots;
    std::fill_n(slots.begin() + field.slot, checked::slot_count(program_, field.type), 0);
    return *this;
  }

  /// Events may be added in any order; those at the same instant keep the order in which they were added.
  abi::Event* event(const std::string& type_name, abi::Instance* owner, int64_t at) {
    const auto type = checked::find_event(program_, type_name);
    const auto& declared = program_.events.at(static_cast<size_t>(type));
    auto& room = event_slots_.emplace_back(static_cast<size_t>(declared.slot_count) + 1, 0);
    fill_texts(declared.fields, room);
    return &events_.emplace_back(abi::Event{at, type, 0, owner, room.data()});
  }
  CaseBuilder& set(abi::Event* event, const std::string& field_name, int64_t value) {
    const auto& field = field_of(program_.events.at(static_cast<size_t>(event->type)).fields, field_name);
    std::vector<int64_t> slots;
    auto* first = const_cast<int64_t*>(event->slots) + field.slot;
    if (field.type.optional) *first++ = 1;
    *first = value;
    return *this;
  }

  abi::State& state(abi::Instance* instance) { return rooms_[instance].state; }
  std::vector<int64_t>& variables(abi::Instance* instance) { return rooms_[instance].variables; }
  std::vector<int32_t>& visits(abi::Instance* instance) { return rooms_[instance].visits; }
  abi::Arena& arena() { return arena_; }

  /// Puts lists in order. Call again after adding more.
  const abi::CaseView& view() {
    all_.clear();
    sorted_.clear();
    for (auto& instance : instances_) {
      instance.position = static_cast<int32_t>(all_.size());
      all_.push_back(&instance);
    }
    for (auto& event : events_) sorted_.push_back(&event);
    std::stable_sort(sorted_.begin(), sorted_.end(), [](const auto* a, const auto* b) { return a->at < b->at; });
    for (auto& [instance, room] : rooms_) {
      for (size_t i = 0; i < room.child_items.size(); ++i) room.children[i] = {room.child_items[i].data(), static_cast<int64_t>(room.child_items[i].size())};
      room.own.clear();
    }
    for (auto* event : sorted_) rooms_[event->owner].own.push_back(event);
    for (auto& instance : instances_) {
      auto& own = rooms_[&instance].own;
      instance.own = {own.data(), static_cast<int64_t>(own.size())};
    }
    view_ = {all_.empty() ? nullptr : all_[0], all_.data(), static_cast<int64_t>(all_.size()), {sorted_.data(), static_cast<int64_t>(sorted_.size())}};
    return view_;
  }

 private:
  struct Room {
    std::vector<int64_t> slots, variables;
    std::vector<abi::InstanceList> children;
    std::vector<std::vector<abi::Instance*>> child_items;
    std::vector<abi::Event*> own;
    std::vector<int32_t> visits;
    abi::State state{};
  };

  static const checked::Field& field_of(const std::vector<checked::Field>& fields, const std::string& name) {
    const auto index = checked::find_field(fields, name);
    if (index == checked::none) throw std::invalid_argument("no field " + name);
    return fields[static_cast<size_t>(index)];
  }
  void store(std::vector<int64_t>& slots, const checked::Field& field, int64_t value) {
    auto slot = static_cast<size_t>(field.slot);
    if (field.type.optional) slots.at(slot++) = 1;
    slots.at(slot) = value;
  }
  void fill_texts(const std::vector<checked::Field>& fields, std::vector<int64_t>& slots) {
    for (const auto& field : fields) {
      const auto kind = field.type.kind;
      const bool text =
          kind == checked::TypeKind::text || kind == checked::TypeKind::timezone || kind == checked::TypeKind::file || kind == checked::TypeKind::location;
      if (text && !field.type.optional) slots.at(static_cast<size_t>(field.slot)) = reinterpret_cast<int64_t>(arena_.text(""));
    }
  }

  const checked::Program& program_;
  abi::Arena arena_;
  std::deque<abi::Instance> instances_;
  std::deque<abi::Event> events_;
  std::deque<std::vector<int64_t>> event_slots_;
  std::map<const abi::Instance*, Room> rooms_;
  std::vector<abi::Instance*> all_;
  std::vector<abi::Event*> sorted_;
  abi::CaseView view_{};
};

}  // namespace dunlin::test
