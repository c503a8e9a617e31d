// What a step asks for and does not decide. The state of a request is its history (docs/decisions/0020-requests.md).
#include "runtime/engine/requests.h"

#include <algorithm>
#include <bit>

#include "compiler/abi/calendar.h"
#include "runtime/engine/identity.h"
#include "runtime/engine/run.h"

namespace dunlin::engine {

using checked::Request;
using Role = RequestEvent::Role;

namespace {

/// So many requests and placements of a case file may end by the clock in one step: more is one that lapses at once and is asked for again.
constexpr int64_t request_ends_max = 200;

Instant instant_or(const abi::Event& event, checked::Index slot, Instant otherwise) {
  return slot == checked::none || event.slots[slot] == 0 ? otherwise : event.slots[slot + 1];
}

int64_t* changeable(const abi::Event& event) { return const_cast<int64_t*>(event.slots); }

void put_instant(int64_t* slots, checked::Index slot, Instant value) {
  slots[slot] = value == abi::never ? 0 : 1;
  slots[slot + 1] = value == abi::never ? 0 : value;
}

std::string_view text_in(const int64_t* slots, checked::Index slot) {
  if (slot == checked::none || slots[slot] == 0) return {};
  return reinterpret_cast<const abi::Text*>(slots[slot + 1])->view();
}

const char* status_of(Role role, Request::Kind kind) {
  switch (role) {
    case Role::granted:
      return kind == Request::Kind::approval ? "approved" : kind == Request::Kind::quota ? "granted" : "placed";
    case Role::declined:
      return "declined";
    case Role::lapsed:
      return "lapsed";
    case Role::ended:
      return "ended";
    case Role::recalled:
      return "recalled";
    default:
      return "withdrawn";
  }
}

/// What comes first is granted first; what is missing comes last.
int64_t order_key(const checked::Type& type, const int64_t* slots, bool descending) {
  if (type.optional && *slots++ == 0) return INT64_MAX;
  int64_t key = *slots;
  if (type.kind == checked::TypeKind::number) key = checked::order_key_of_double(std::bit_cast<double>(*slots));
  return descending ? ~key : key;
}

}  // namespace

std::vector<RequestEvent> request_events(const checked::Program& program) {
  if (program.requests.empty()) return {};
  std::vector<RequestEvent> kinds(program.events.size());
  for (size_t r = 0; r < program.requests.size(); ++r) {
    const Request& request = program.requests[r];
    const auto put = [&](checked::Index event, Role role) {
      if (event != checked::none) kinds[static_cast<size_t>(event)] = {role, static_cast<int32_t>(r)};
    };
    put(request.asked, Role::asked);
    put(request.granted, Role::granted);
    put(request.declined, Role::declined);
    put(request.withdrawn, Role::withdrawn);
    put(request.lapsed, Role::lapsed);
    put(request.overdue, Role::overdue);
    put(request.ended, Role::ended);
    put(request.recalled, Role::recalled);
    put(request.extended, Role::extended);
  }
  return kinds;
}

void link_requests(const checked::Program& program, const std::vector<RequestEvent>& kinds, const std::vector<abi::Event*>& own) {
  const auto kind_of = [&](const abi::Event* event) -> const RequestEvent& { return kinds[static_cast<size_t>(event->type)]; };
  for (abi::Event* event : own) {
    const RequestEvent& kind = kind_of(event);
    if (kind.role == Role::none) continue;
    const Request& request = program.requests[static_cast<size_t>(kind.request)];
    if (kind.role == Role::asked) put_instant(changeable(*event), request.answered_slot, abi::never);
    if (kind.role == Role::granted && request.over_slot != checked::none) {
      put_instant(changeable(*event), request.over_slot, abi::never);
      put_instant(changeable(*event), request.ends_slot, instant_or(*event, request.until_slot, abi::never));
    }
  }
  // Ids tell what belongs together: an answer that has an earlier time than its question, by whatever clock, is its answer all the same.
  for (const abi::Event* event : own) {
    const RequestEvent& kind = kind_of(event);
    const int64_t id = kind.role == Role::none ? 0 : request_id(*event);
    if (id == 0 || (!kind.answers() && !kind.ends() && kind.role != Role::extended)) continue;
    const Request& request = program.requests[static_cast<size_t>(kind.request)];
    const checked::Index about = kind.answers() ? request.asked : request.granted;
    for (abi::Event* other : own) {
      if (other->type != about || request_id(*other) != id) continue;
      int64_t* slots = changeable(*other);
      if (kind.answers()) {
        put_instant(slots, request.answered_slot, event->at);
      } else if (kind.ends()) {
        put_instant(slots, request.over_slot, event->at);
      } else {
        // x.extended: request, agency, until
        put_instant(slots, request.ends_slot, event->slots[4] == 0 ? abi::never : event->slots[5]);
      }
      break;
    }
  }
}

const abi::Event* open_request(const Request& request, const abi::Instance& owner) {
  for (int64_t e = owner.own.count; e-- > 0;) {
    const abi::Event& event = *owner.own.items[e];
    if (event.type == request.asked && event.slots[request.answered_slot] == 0) return &event;
  }
  return nullptr;
}

const abi::Event* standing_placement(const Request& request, const abi::Instance& owner) {
  if (request.over_slot == checked::none) return nullptr;
  for (int64_t e = owner.own.count; e-- > 0;) {
    const abi::Event& event = *owner.own.items[e];
    if (event.type == request.granted && event.slots[request.over_slot] == 0) return &event;
  }
  return nullptr;
}

Instant placement_ends(const Request& request, const abi::Event& placed) { return instant_or(placed, request.ends_slot, abi::never); }

std::string request_in_words(const checked::Program& program, const Request& request, const int64_t* asked) {
  std::string text = "`" + request.name + "`";
  for (const checked::Field& column : request.columns) {
    text += (&column == &request.columns.front() ? ": " : ", ") + column.name + " " + checked::format_value(program, column.type, asked + column.slot);
  }
  return text;
}

// ---- asking ----------------------------------------------------------------------------------------------------------

/// What the declaration adds to what the rule says: who decides and until when, the place in the order, how much, for how long.
void Run::prepare_request(int32_t i, const checked::Action& action, IncomingEvent& made, const abi::Event* event) {
  const RequestEvent& kind = request_events_[static_cast<size_t>(made.type)];
  const Request& request = program_.requests[static_cast<size_t>(kind.request)];
  if (kind.role != Role::asked) return;
  const uint64_t seed = hash_mix(hash_text(request.name), static_cast<uint64_t>(made.at));
  RequestEffect asked{.what = RequestEffect::What::opened,
                      .request = kind.request,
                      .instance = made.instance,
                      .id = static_cast<int64_t>(next_task_id(i, seed, rule_ == nullptr ? 0 : rule_->key).low & 0x7FFF'FFFF'FFFF'FFFF),
                      .at = made.at};
  if (asked.id == 0) asked.id = 1;
  made.slots[0] = 1;
  made.slots[1] = asked.id;
  Instant wake = abi::never;
  const size_t first = request.columns.empty() ? 0 : static_cast<size_t>(request.columns.front().slot);
  const std::vector<int64_t> columns(made.slots.begin() + static_cast<std::ptrdiff_t>(first), made.slots.end());
  if (request.kind == Request::Kind::approval) {
    asked.role = request.role;
    if (request.by != checked::none) {
      const Value value = evaluate(request.by, made.instance, nullptr, columns);
      const checked::Type& type = type_of(request.by);
      asked.role = type.kind == checked::TypeKind::text ? std::string(reinterpret_cast<const abi::Text*>(value.slots[0])->view())
                                                        : checked::format_value(program_, type, value.slots);
    }
    if (request.due != checked::none) asked.due = counted_from(made.at, whole_number(request.due, made.instance, wake, columns));
    if (request.lapses != checked::none) asked.lapses_at = counted_from(made.at, whole_number(request.lapses, made.instance, wake, columns));
    put_instant(made.slots.data(), request.due_slot, asked.due);
    put_instant(made.slots.data(), request.lapses_slot, asked.lapses_at);
    made.slots[static_cast<size_t>(request.role_slot)] = 1;
    made.slots[static_cast<size_t>(request.role_slot) + 1] = reinterpret_cast<int64_t>(case_->text(asked.role));
    asked.requester = text_in(made.slots.data(), request.requester_slot);
  }
  for (const Request::OrderKey& key : request.order) {
    const Value value = evaluate(key.value, made.instance);
    asked.order.push_back(order_key(type_of(key.value), value.slots, key.descending));
  }
  if (request.measure != checked::none) asked.amount = std::max<int64_t>(whole_number(request.measure, made.instance, wake), 0);
  if (action.duration != checked::none) asked.length = evaluate(action.duration, i, event).slots[0];
  if (handling_ != nullptr) asked.cause = handling_->external_id;
  asking_.push_back(std::move(asked));
}

/// `extend placement`, `recall`: of the allocations those act that have placed this instance.
bool Run::prepare_change(int32_t i, const checked::Action& action, IncomingEvent& made, const abi::Event* event) {
  const RequestEvent& kind = request_events_[static_cast<size_t>(made.type)];
  if (kind.role != Role::extended && kind.role != Role::recalled) return true;
  const Request& request = program_.requests[static_cast<size_t>(kind.request)];
  const abi::Event* placed = standing_placement(request, case_->instance(made.instance));
  if (placed == nullptr) return false;
  if (kind.role != Role::extended) return true;
  const Instant ends = placement_ends(request, *placed);
  if (ends == abi::never) return false;  // it has no end that could move
  const Instant until = action.duration == checked::none ? abi::never : counted_from(ends, evaluate(action.duration, i, event).slots[0]);
  put_instant(made.slots.data(), 4, until);
  return true;
}

// ---- handling --------------------------------------------------------------------------------------------------------

bool Run::same_question(const Request& request, const int64_t* a, const int64_t* b) const {
  return std::ranges::all_of(request.columns, [&](const checked::Field& column) { return same_value(column.type, a + column.slot, b + column.slot); });
}

/// Looks at an event of a request before it joins the history, and completes it. False: it does not join.
bool Run::take_request_event(IncomingEvent& event, bool raised) {
  const RequestEvent kind = request_events_[static_cast<size_t>(event.type)];
  if (kind.role == Role::none) return true;
  const Request& request = program_.requests[static_cast<size_t>(kind.request)];
  event.slots.resize(static_cast<size_t>(program_.events[static_cast<size_t>(event.type)].slot_count));
  const auto refuse = [&](std::string reason) {
    if (!raised) result_->refused.push_back({event, std::move(reason), request.span});
    return false;
  };
  if (kind.role == Role::asked) return raised ? take_question(event, request) : refuse("a rule asks for `" + request.name + "`, nobody else does");
  const bool about_placement = kind.ends() || kind.role == Role::extended;
  const abi::Instance& owner = case_->instance(event.instance);
  const abi::Event* about = about_placement ? standing_placement(request, owner) : open_request(request, owner);
  if (about == nullptr)
    return refuse(about_placement ? "nothing is placed by `" + request.name + "`" : "`" + request.name + "` is not asked for, or no longer");
  if (event.slots[0] == 0) {
    event.slots[0] = 1;
    event.slots[1] = request_id(*about);
  }
  if (event.slots[1] != request_id(*about)) return refuse("it answers a request of `" + request.name + "` that is no longer open");
  if (about_placement) {
    std::copy_n(about->slots + request.agency_slot, 2, event.slots.begin() + 2);  // agency
  } else if (request.kind == Request::Kind::approval && (kind.role == Role::granted || kind.role == Role::declined)) {
    const std::string_view who = text_in(event.slots.data(), request.by_slot), asker = text_in(about->slots, request.requester_slot);
    if (request.never_requester && !who.empty() && who == asker) return refuse(std::string(who) + " has asked for it, and does not decide on it");
    for (const checked::Field& column : request.columns) {
      const auto& fields = program_.events[static_cast<size_t>(event.type)].fields;
      const checked::Index at = checked::find_field(fields, column.name);
      if (at == checked::none || event.slots[static_cast<size_t>(fields[static_cast<size_t>(at)].slot)] != 0) continue;
      int64_t* to = event.slots.data() + fields[static_cast<size_t>(at)].slot;
      *to++ = 1;
      std::copy_n(about->slots + column.slot, checked::slot_count(program_, column.type), to);
    }
  }
  tell_of_request(event, kind, request);
  return true;
}

/// One is open at most: the same question again is none, another one takes its place.
bool Run::take_question(IncomingEvent& event, const Request& request) {
  const auto asking = std::ranges::find(asking_, event.slots[1], &RequestEffect::id);
  if (asking == asking_.end()) return false;
  RequestEffect effect = std::move(*asking);
  asking_.erase(asking);
  const abi::Instance& owner = case_->instance(event.instance);
  if (standing_placement(request, owner) != nullptr) return false;
  if (const abi::Event* open = open_request(request, owner); open != nullptr) {
    if (same_question(request, open->slots, event.slots.data())) return false;
    handle(withdrawal(request, event.instance, *open, "another one was asked for"), true);
  }
  effect.slots = event.slots;
  if (!effect.role.empty()) {
    result_->notes.push_back({.instance = event.instance, .text = request_in_words(program_, request, event.slots.data()) + " is asked", .whom = effect.role});
  }
  result_->requests.push_back(std::move(effect));
  return true;
}

void Run::tell_of_request(const IncomingEvent& event, const RequestEvent& kind, const Request& request) {
  if (kind.role == Role::overdue) return;
  RequestEffect effect{.request = kind.request, .instance = event.instance, .id = event.slots[1], .at = event.at};
  const int64_t* slots = event.slots.data();
  if (kind.role == Role::extended) {
    effect.what = RequestEffect::What::extended;
    effect.until = slots[4] == 0 ? abi::never : slots[5];
  } else {
    effect.what = kind.ends() ? RequestEffect::What::over : RequestEffect::What::answered;
    effect.status = status_of(kind.role, request.kind);
    const auto& fields = program_.events[static_cast<size_t>(event.type)].fields;
    const checked::Index reason = checked::find_field(fields, "reason");
    if (reason != checked::none) effect.reason = text_in(slots, fields[static_cast<size_t>(reason)].slot);
    if (request.until_slot != checked::none && kind.role == Role::granted && slots[request.until_slot] != 0) effect.until = slots[request.until_slot + 1];
  }
  result_->requests.push_back(std::move(effect));
}

IncomingEvent Run::withdrawal(const Request& request, int32_t i, const abi::Event& open, std::string_view why) {
  IncomingEvent event{.at = now_, .type = request.withdrawn, .instance = i};
  event.slots = {1, request_id(open), 1, reinterpret_cast<int64_t>(case_->text(why))};
  return event;
}

/// A request belongs to the stage in which it was asked: who leaves it does not wait for an answer any more.
void Run::withdraw_requests(int32_t i, std::string_view why) {
  for (const Request& request : program_.requests) {
    const abi::Instance& owner = case_->instance(i);
    if (owner.entity != request.entity) continue;
    if (const abi::Event* open = open_request(request, owner); open != nullptr) raised_.push_back(withdrawal(request, i, *open, why));
  }
}

// ---- what the clock does ---------------------------------------------------------------------------------------------

/// The next thing the clock does to a request or placement of this instance, done or ahead. `overdue` is told once.
Run::RequestEnd Run::next_request_end(const Request& request, int32_t r, int32_t i) const {
  const abi::Instance& owner = case_->instance(i);
  RequestEnd end{.request = r, .instance = i};
  const auto take = [&](Instant at, checked::Index event, const abi::Event& about) {
    if (event != checked::none && at < end.at) end = {.at = at, .request = r, .instance = i, .event = event, .id = request_id(about)};
  };
  if (const abi::Event* open = open_request(request, owner); open != nullptr) {
    if (request.overdue != checked::none) {
      bool told = false;
      for (int64_t e = 0; e < owner.own.count; ++e) {
        told = told || (owner.own.items[e]->type == request.overdue && request_id(*owner.own.items[e]) == request_id(*open));
      }
      if (!told) take(instant_or(*open, request.due_slot, abi::never), request.overdue, *open);
    }
    take(instant_or(*open, request.lapses_slot, abi::never), request.lapsed, *open);
  }
  if (const abi::Event* placed = standing_placement(request, owner); placed != nullptr) take(placement_ends(request, *placed), request.ended, *placed);
  return end;
}

Run::RequestEnd Run::find_request_end() const {
  RequestEnd first;
  for (size_t r = 0; r < program_.requests.size(); ++r) {
    for (size_t i = 0; i < work_.size(); ++i) {
      if (case_->instance(static_cast<int32_t>(i)).entity != program_.requests[r].entity) continue;
      const RequestEnd end = next_request_end(program_.requests[r], static_cast<int32_t>(r), static_cast<int32_t>(i));
      if (end.at <= now_ && end.at < first.at) first = end;
    }
  }
  return first;
}

void Run::end_request(const RequestEnd& end) {
  const Request& request = program_.requests[static_cast<size_t>(end.request)];
  if (++request_ends_ > request_ends_max) fail(abi::Fault::none, "`" + request.name + "` is asked for and lapses without end", request.span);
  rule_ = nullptr;
  entered_.clear();
  touch(end.instance);
  IncomingEvent event{.at = end.at, .type = end.event, .instance = end.instance};
  event.slots = {1, end.id};
  if (end.event == request.overdue) {
    if (const abi::Event* open = open_request(request, case_->instance(end.instance)); open != nullptr) {
      result_->notes.push_back({.instance = end.instance,
                                .text = request_in_words(program_, request, open->slots) + " should be decided by now",
                                .whom = std::string(text_in(open->slots, request.role_slot))});
    }
  }
  raised_.push_back(std::move(event));
  handle_raised();
}

void Run::wake_for_requests() {
  for (size_t r = 0; r < program_.requests.size(); ++r) {
    for (size_t i = 0; i < work_.size(); ++i) {
      if (case_->instance(static_cast<int32_t>(i)).entity != program_.requests[r].entity) continue;
      const RequestEnd end = next_request_end(program_.requests[r], static_cast<int32_t>(r), static_cast<int32_t>(i));
      work_[i].keep_wake = std::min(work_[i].keep_wake, end.at);
    }
  }
}

/// Whoever is in no stage any more, because its stage is gone from the bundle, does not wait for an answer.
void Run::withdraw_orphaned_requests() {
  for (size_t i = 0; i < work_.size(); ++i) {
    if (state(static_cast<int32_t>(i)).stage < 0) withdraw_requests(static_cast<int32_t>(i), "its stage is gone from the bundle");
  }
  if (raised_.empty()) return;
  handle_raised();
}

}  // namespace dunlin::engine
