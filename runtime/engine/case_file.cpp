#include "runtime/engine/case_file.h"

#include "lang/sema/transfers.h"

#include <algorithm>
#include <cassert>

#include "runtime/engine/holds.h"
#include "runtime/engine/requests.h"

namespace dunlin::engine {

namespace {

using checked::Field;
using checked::TypeKind;

const abi::Text empty_text{};

bool is_text(const checked::Type& type) {
  return type.kind == TypeKind::text || type.kind == TypeKind::timezone || type.kind == TypeKind::file || type.kind == TypeKind::location;
}

/// Writes the empty text where a value of this type, all zero otherwise, would hold a null pointer. Returns its slots.
size_t blank(const checked::Program& program, const checked::Type& type, int64_t* slot) {
  const auto count = static_cast<size_t>(checked::slot_count(program, type));
  if (type.optional) return count;
  if (is_text(type)) *slot = reinterpret_cast<int64_t>(&empty_text);
  if (type.kind == TypeKind::record) {
    for (const auto& part : program.records[type.id].fields) slot += blank(program, part.type, slot);
  }
  return count;
}

std::vector<int64_t> blank_slots(const checked::Program& program, const std::vector<Field>& fields, checked::Index count) {
  std::vector<int64_t> slots(static_cast<size_t>(std::max(count, 0)));
  for (const Field& field : fields) blank(program, field.type, slots.data() + field.slot);
  return slots;
}

/// In CaseFile::hold_lifted_: this less the hold, for events that say when a placement ends.
constexpr int32_t dates_hold = -2;

bool earlier(const abi::Event* a, const abi::Event* b) { return a->at < b->at; }

/// Order of two keys of one entity.
bool key_before(const checked::Entity& entity, const abi::Instance* a, const abi::Instance* b) {
  if (entity.key_field == checked::none) return false;
  const Field& key = entity.fields[entity.key_field];
  if (!is_text(key.type)) return a->slots[key.slot] < b->slots[key.slot];
  const auto* left = reinterpret_cast<const abi::Text*>(a->slots[key.slot]);
  const auto* right = reinterpret_cast<const abi::Text*>(b->slots[key.slot]);
  return left->view() < right->view();
}

void reset(InstanceState& state) {
  state.strategy = state.stage = -1;
  state.entered_at = state.enrolled_at = 0;
  state.version = 0;
  state.step_number = 0;
  state.may_enrol = true;
  state.variables.clear();
  state.new_variables.clear();
  state.visits.clear();
  state.marks.clear();
  state.back.clear();
  state.arms.clear();
  state.moved_variables.clear();
  state.strategy_text = state.stage_text = 0;
  state.wake_at = abi::never;
}

}  // namespace

CaseFile::CaseFile(const checked::Program& program) : program_(program), no_visits_(program.stages.size()) {
  for (const checked::Entity& entity : program.entities) entity_blank_.push_back(blank_slots(program, entity.fields, entity.slot_count));
  for (const checked::EventType& type : program.events) {
    event_blank_.push_back(blank_slots(program, type.fields, type.slot_count));
    has_cancels_ = has_cancels_ || !type.cancels.empty();
  }
  if (auto kinds = request_events(program); !kinds.empty()) request_events_ = std::make_unique<std::vector<RequestEvent>>(std::move(kinds));
  if (program.holds.empty()) return;
  hold_placed_.assign(program.events.size(), -1);
  hold_lifted_.assign(program.events.size(), -1);
  for (size_t h = 0; h < program.holds.size(); ++h) {
    hold_placed_[program.holds[h].placed] = static_cast<int32_t>(h);
    hold_lifted_[program.holds[h].lifted] = static_cast<int32_t>(h);
    const checked::Index dated = checked::find_event(program, program.holds[h].name + ".dated");
    if (dated != checked::none && program.holds[h].until_slot != checked::none) hold_lifted_[dated] = dates_hold - static_cast<int32_t>(h);
  }
}

CaseFile::~CaseFile() = default;

void CaseFile::clear() {
  arena_.clear();
  instances_.clear();
  events_.clear();
  cancelled_from_outside_.clear();
  strange_outcomes_.clear();
  tasks_.clear();
  inbox_.clear();
  view_ = {};
  bucket = 0;
  debtor_id = 0;
  step_number = 0;
  strange_events = 0;
}

int32_t CaseFile::add_instance(int32_t entity, int32_t parent_position, int64_t id) {
  const auto position = static_cast<int32_t>(instances_.size());
  const auto& blank = entity_blank_[entity];
  auto* slots = arena_.array<int64_t>(blank.size());
  std::copy(blank.begin(), blank.end(), slots);
  auto* made = arena_.array<abi::Instance>(1);
  made->slots = slots;
  made->parent = parent_position < 0 ? nullptr : instances_[parent_position];
  made->children = arena_.array<abi::InstanceList>(program_.entities[entity].children.size());
  made->id = id;
  made->entity = entity;
  made->position = position;
  instances_.push_back(made);
  if (states_.size() < instances_.size()) {
    states_.emplace_back();
    own_events_.emplace_back();
  }
  reset(states_[position]);
  own_events_[position].clear();
  return position;
}

int64_t* CaseFile::slots(int32_t position) { return const_cast<int64_t*>(instances_[position]->slots); }

abi::Event* CaseFile::make_event(Instant at, int32_t type, int32_t owner_position, const int64_t* slots, size_t slot_count) {
  const auto& blank = event_blank_[type];
  auto* copy = arena_.array<int64_t>(blank.size());
  const size_t given = std::min(slot_count, blank.size());
  std::copy(slots, slots + given, copy);
  std::copy(blank.begin() + static_cast<std::ptrdiff_t>(given), blank.end(), copy + given);
  auto* made = arena_.array<abi::Event>(1);
  made->at = at;
  made->type = type;
  made->owner = instances_[owner_position];
  made->slots = copy;
  return made;
}

void CaseFile::add_event(Instant at, int32_t type, int32_t owner_position, const int64_t* slots, size_t slot_count, bool cancelled) {
  abi::Event* made = make_event(at, type, owner_position, slots, slot_count);
  if (cancelled) {
    made->cancelled = 1;
    cancelled_from_outside_.push_back(made);
  }
  events_.push_back(made);
}

void CaseFile::add_strange_outcome(Instant at, int32_t within, bool reached, int32_t owner_position, const int64_t* slots, size_t slot_count) {
  strange_outcomes_.push_back({make_event(at, within, owner_position, slots, slot_count), reached});
}

void CaseFile::finish() {
  link_children();
  link_history();
  for (size_t i = 0; i < instances_.size(); ++i) refresh_view(static_cast<int32_t>(i));
  relink();
}

void CaseFile::link_children() {
  // Two passes: count, then fill, so that every list is one piece of the arena.
  const auto list_of = [&](abi::Instance* child) -> abi::InstanceList& { return child->parent->children[program_.entities[child->entity].child_position]; };
  for (abi::Instance* child : instances_) {
    if (child->parent != nullptr) ++list_of(child).count;
  }
  for (abi::Instance* child : instances_) {
    if (child->parent == nullptr) continue;
    abi::InstanceList& list = list_of(child);
    if (list.items == nullptr) {
      list.items = arena_.array<abi::Instance*>(static_cast<size_t>(list.count));
      list.count = 0;
    }
    list.items[list.count++] = child;
  }
  for (abi::Instance* parent : instances_) {
    const auto& children = program_.entities[parent->entity].children;
    for (size_t c = 0; c < children.size(); ++c) {
      const abi::InstanceList& list = parent->children[c];
      const checked::Entity& entity = program_.entities[children[c]];
      if (list.count > 1)
        std::stable_sort(list.items, list.items + list.count, [&](const abi::Instance* a, const abi::Instance* b) { return key_before(entity, a, b); });
    }
  }
}

void CaseFile::link_history() {
  if (!std::is_sorted(events_.begin(), events_.end(), earlier)) std::stable_sort(events_.begin(), events_.end(), earlier);
  for (size_t i = 0; i < instances_.size(); ++i) own_events_[i].clear();
  for (abi::Event* event : events_) own_events(*event->owner).push_back(event);
  if (has_cancels_) {
    for (size_t i = 0; i < instances_.size(); ++i) apply_cancels(static_cast<int32_t>(i));
  }
  if (request_events_ != nullptr) {
    for (size_t i = 0; i < instances_.size(); ++i) apply_answers(static_cast<int32_t>(i));
  }
  if (hold_placed_.empty()) return;
  for (size_t i = 0; i < instances_.size(); ++i) apply_lifts(static_cast<int32_t>(i));
}

void CaseFile::apply_answers(int32_t owner_position) { link_requests(program_, *request_events_, own_events_[static_cast<size_t>(owner_position)]); }

bool CaseFile::cancels_type(const std::vector<checked::Index>& cancels, int32_t type) const {
  return std::any_of(cancels.begin(), cancels.end(), [&](checked::Index root) { return type >= root && type <= program_.events[root].last_descendant; });
}

/// Which events are cancelled follows from the history alone, so that a case file that was loaded and one that lived through its
/// events agree. The latest cancelling event goes first: it may cancel one that would have cancelled; each takes the latest before it
/// that still stands.
void CaseFile::apply_cancels(int32_t owner_position) {
  auto& own = own_events_[owner_position];
  for (abi::Event* event : own) event->cancelled = 0;
  for (const abi::Event* event : cancelled_from_outside_) const_cast<abi::Event*>(event)->cancelled = 1;
  for (size_t i = own.size(); i-- > 0;) {
    const auto& cancels = program_.events[own[i]->type].cancels;
    if (cancels.empty() || own[i]->cancelled != 0) continue;
    for (size_t j = i; j-- > 0;) {
      if (own[j]->cancelled != 0 || !cancels_type(cancels, own[j]->type)) continue;
      own[j]->cancelled = 1;
      break;
    }
  }
}

/// What placements of holds come to. A lift ends the earliest that stands at its time; `dated` says when the latest before it ends, if that
/// one leaves it open. This follows from the history alone, too.
void CaseFile::apply_lifts(int32_t owner_position) {
  const auto& own = own_events_[owner_position];
  const auto slots_of = [&](size_t i) { return const_cast<int64_t*>(own[i]->slots); };
  for (size_t i = 0; i < own.size(); ++i) {
    if (const int32_t placed = hold_placed_[own[i]->type]; placed >= 0) {
      const checked::Hold& hold = program_.holds[placed];
      slots_of(i)[hold.lifted_slot] = slots_of(i)[hold.lifted_slot + 1] = 0;
      if (const checked::Index ends = ends_slot(hold); ends != checked::none) std::copy_n(slots_of(i) + hold.until_slot, 2, slots_of(i) + ends);
    }
    const int32_t lifted = hold_lifted_[own[i]->type];
    if (lifted == -1 || own[i]->cancelled != 0) continue;
    if (lifted <= dates_hold) {
      const checked::Hold& hold = program_.holds[dates_hold - lifted];
      for (size_t j = i; j-- > 0;) {
        if (own[j]->type != hold.placed || slots_of(j)[ends_slot(hold)] != 0) continue;
        std::copy_n(slots_of(i), 2, slots_of(j) + ends_slot(hold));
        break;
      }
      continue;
    }
    const checked::Hold& hold = program_.holds[lifted];
    const checked::Index ends = ends_slot(hold);
    for (size_t j = 0; j < i; ++j) {
      if (own[j]->type != hold.placed || own[j]->cancelled != 0) continue;
      const bool over = ends != checked::none && slots_of(j)[ends] != 0 && slots_of(j)[ends + 1] <= own[i]->at;
      if (over || slots_of(j)[hold.lifted_slot] != 0) continue;
      slots_of(j)[hold.lifted_slot] = 1;
      slots_of(j)[hold.lifted_slot + 1] = own[i]->at;
      break;
    }
  }
}

/// The latest event of the own list, if it cancels: takes the latest before it that still stands. True if that is all there is to do.
bool CaseFile::cancel_from_end(const std::vector<abi::Event*>& own) const {
  const auto& cancels = program_.events[own.back()->type].cancels;
  if (cancels.empty()) return true;
  // Cancelling a cancelling event gives back what that one had taken: think again from the beginning.
  for (size_t j = own.size() - 1; j-- > 0;) {
    if (own[j]->cancelled != 0 || !cancels_type(cancels, own[j]->type)) continue;
    if (!program_.events[own[j]->type].cancels.empty()) return false;
    own[j]->cancelled = 1;
    return true;
  }
  return true;
}

void CaseFile::relink() {
  for (size_t i = 0; i < instances_.size(); ++i) {
    instances_[i]->own = {own_events_[i].data(), static_cast<int64_t>(own_events_[i].size())};
    instances_[i]->state = &states_[i].view;
  }
  view_.instances = instances_.data();
  view_.instance_count = static_cast<int64_t>(instances_.size());
  view_.root = instances_.empty() ? nullptr : instances_[0];
  view_.events = {events_.data(), static_cast<int64_t>(events_.size())};
}

void CaseFile::refresh_view(int32_t position) {
  InstanceState& state = states_[position];
  state.view = {.strategy = checked::base_of(program_, state.strategy),
                .stage = checked::read_as(program_, state.stage),
                .entered_at = state.entered_at,
                .enrolled_at = state.enrolled_at,
                .variables = state.variables.data(),
                .visits = state.visits.empty() ? no_visits_.data() : state.visits.data()};
}

int32_t CaseFile::find(int64_t id) const {
  for (const abi::Instance* instance : instances_) {
    if (instance->id == id) return instance->position;
  }
  return -1;
}

abi::Event* CaseFile::append_event(Instant at, int32_t type, int32_t owner_position, const int64_t* slots, size_t slot_count) {
  abi::Event* made = make_event(at, type, owner_position, slots, slot_count);
  events_.insert(std::upper_bound(events_.begin(), events_.end(), made, earlier), made);
  auto& own = own_events_[owner_position];
  own.insert(std::upper_bound(own.begin(), own.end(), made, earlier), made);
  if (has_cancels_ && (own.back() != made || !cancel_from_end(own))) apply_cancels(owner_position);
  const bool of_hold = !hold_placed_.empty() && (has_cancels_ || hold_placed_[type] >= 0 || hold_lifted_[type] != -1);
  if (of_hold) apply_lifts(owner_position);
  if (request_events_ != nullptr && (*request_events_)[static_cast<size_t>(type)].role != RequestEvent::Role::none) apply_answers(owner_position);
  instances_[owner_position]->own = {own.data(), static_cast<int64_t>(own.size())};
  view_.events = {events_.data(), static_cast<int64_t>(events_.size())};
  return made;
}

void CaseFile::remove_events(std::vector<const abi::Event*> events) {
  if (events.empty()) return;
  std::sort(events.begin(), events.end());
  const auto gone = [&](const abi::Event* event) { return std::binary_search(events.begin(), events.end(), event); };
  std::erase_if(events_, gone);
  for (size_t i = 0; i < instances_.size(); ++i) {
    if (std::erase_if(own_events_[i], gone) == 0) continue;
    if (has_cancels_) apply_cancels(static_cast<int32_t>(i));
    if (!hold_placed_.empty()) apply_lifts(static_cast<int32_t>(i));
    if (request_events_ != nullptr) apply_answers(static_cast<int32_t>(i));
  }
  relink();
}

int32_t CaseFile::open_instance(int32_t entity, int32_t parent_position, int64_t id, const std::vector<int64_t>& slots) {
  const int32_t position = add_instance(entity, parent_position, id);
  std::copy(slots.begin(), slots.end(), this->slots(position));
  abi::Instance* made = instances_[position];
  const checked::Entity& kind = program_.entities[entity];
  if (made->parent != nullptr) {
    abi::InstanceList& list = made->parent->children[kind.child_position];
    auto** items = arena_.array<abi::Instance*>(static_cast<size_t>(list.count) + 1);
    auto** place = std::upper_bound(list.items, list.items + list.count, made, [&](auto* a, auto* b) { return key_before(kind, a, b); });
    std::copy(list.items, place, items);
    items[place - list.items] = made;
    std::copy(place, list.items + list.count, items + (place - list.items) + 1);
    list = {items, list.count + 1};
  }
  for (size_t i = 0; i < instances_.size(); ++i) refresh_view(static_cast<int32_t>(i));
  relink();
  return position;
}

void CaseFile::remove_last_instance() {
  assert(!instances_.empty());
  abi::Instance* last = instances_.back();
  if (last->parent != nullptr) {
    abi::InstanceList& list = last->parent->children[program_.entities[last->entity].child_position];
    list.count = std::remove(list.items, list.items + list.count, last) - list.items;
  }
  instances_.pop_back();
  relink();
}

}  // namespace dunlin::engine
