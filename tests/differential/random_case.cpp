#include "tests/differential/random_case.h"

#include <fmt/format.h>

namespace dunlin::differential {
namespace {

constexpr int64_t day_us = 86'400'000'000;

int64_t random_slot(Random& r, const checked::Program& program, const checked::Type& type, engine::Instant now, engine::CaseFile& case_file) {
  using checked::TypeKind;
  switch (type.kind) {
    case TypeKind::boolean:
      return r.below(2);
    case TypeKind::integer:
      return r.chance(5) ? r.between(-9'000'000'000'000'000'000, 9'000'000'000'000'000'000) : r.between(-5, 800);
    case TypeKind::decimal:
      return r.chance(5) ? r.between(-1'000'000'000'000'000'000, 1'000'000'000'000'000'000) : r.between(-500'000, 40'000'000);
    case TypeKind::number:
      return abi::as_slot(static_cast<double>(r.between(-1000, 100'000)) / 64.0);
    case TypeKind::money:
      return r.chance(4) ? r.between(-9'000'000'000'000'000'000, 9'000'000'000'000'000'000) : r.between(-10'000, 400'000);
    case TypeKind::text:
    case TypeKind::timezone:
    case TypeKind::file:
    case TypeKind::location: {
      static const std::vector<std::string> texts = {"north", "south", "", "a", "zz", "Łódź", "долг", "a longer text with spaces"};
      return reinterpret_cast<int64_t>(case_file.text(r.pick(texts)));
    }
    case TypeKind::date:
      return now / day_us + r.between(-120, 40);
    case TypeKind::time:
      return r.below(86'400);
    case TypeKind::time_range:
      return abi::pack_time_range(r.below(86'400), r.below(86'400));
    case TypeKind::datetime:
      return now + r.between(-90 * 24, 30 * 24) * 3'600'000'000 + r.below(3'600'000'000);
    case TypeKind::duration:
      return abi::pack_duration(r.between(1, 30), abi::DurationUnit::day);
    case TypeKind::enumeration:
      return r.below(static_cast<int64_t>(program.enums[static_cast<size_t>(type.id)].literals.size()));
    default:
      return 0;
  }
}

void fill_field(Random& r, const checked::Program& program, const checked::Field& field, engine::Instant now, engine::CaseFile& case_file, int64_t* slots) {
  int64_t* at = slots + field.slot;
  if (field.type.optional) {
    if (r.chance(30)) return;  // missing: zeros
    *at++ = 1;
  }
  *at = random_slot(r, program, field.type, now, case_file);
  if (field.minimum && *at < *field.minimum) *at = *field.minimum;
  if (field.maximum && *at > *field.maximum) *at = *field.maximum;
}

void add_instances(Random& r, const checked::Program& program, engine::Instant now, engine::CaseFile& case_file, int32_t entity, int32_t parent, int& serial) {
  const checked::Entity& e = program.entities[static_cast<size_t>(entity)];
  const std::string key = fmt::format("{}{:03}", e.name, serial++);
  const int32_t position = case_file.add_instance(entity, parent, engine::stable_id(e.name, key));
  int64_t* slots = case_file.slots(position);
  for (const auto& field : e.fields) {
    if (field.key && field.type.kind == checked::TypeKind::text)
      slots[field.slot] = reinterpret_cast<int64_t>(case_file.text(key));
    else
      fill_field(r, program, field, now, case_file, slots);
  }
  for (checked::Index child : e.children)
    for (int64_t i = 0, n = r.between(child == 1 ? 1 : 0, 2); i < n; ++i) add_instances(r, program, now, case_file, child, position, serial);
}

std::vector<int64_t> random_payload(Random& r, const checked::Program& program, const checked::EventType& type, engine::Instant now,
                                    engine::CaseFile& case_file) {
  std::vector<int64_t> slots(static_cast<size_t>(type.slot_count), 0);
  for (const auto& field : type.fields) fill_field(r, program, field, now, case_file, slots.data());
  return slots;
}

/// A leaf event type and an instance that may own it; -1 if there is none.
std::pair<int32_t, int32_t> random_event(Random& r, const checked::Program& program, const engine::CaseFile& case_file) {
  for (int attempt = 0; attempt < 8; ++attempt) {
    const auto type = static_cast<int32_t>(r.below(static_cast<int64_t>(program.events.size())));
    const checked::EventType& event = program.events[static_cast<size_t>(type)];
    if (!event.leaf) continue;
    const auto owner = static_cast<int32_t>(r.below(static_cast<int64_t>(case_file.instance_count())));
    if (case_file.instance(owner).entity == event.owner) return {type, owner};
  }
  return {-1, -1};
}

}  // namespace

void fill_random_case(Random& random, const checked::Program& program, engine::Instant now, engine::CaseFile& case_file) {
  int serial = 0;
  add_instances(random, program, now, case_file, 0, -1, serial);
  const int64_t history = random.between(0, 12);
  for (int64_t i = 0; i < history && !program.events.empty(); ++i) {
    auto [type, owner] = random_event(random, program, case_file);
    if (type < 0) continue;
    const auto payload = random_payload(random, program, program.events[static_cast<size_t>(type)], now, case_file);
    case_file.add_event(now - random.between(1, 60 * 24) * 3'600'000'000, type, owner, payload.data(), payload.size(), random.chance(8));
  }
  case_file.bucket = 0;
  case_file.debtor_id = 1;
  case_file.finish();
}

void add_random_events(Random& random, const checked::Program& program, engine::Instant now, engine::CaseFile& case_file) {
  const int64_t count = random.chance(40) ? 0 : random.between(1, 3);
  for (int64_t i = 0; i < count && !program.events.empty(); ++i) {
    auto [type, owner] = random_event(random, program, case_file);
    if (type < 0) continue;
    engine::IncomingEvent event;
    event.at = now - random.between(0, random.chance(20) ? 40 * 24 : 20) * 3'600'000'000 - random.below(60) * 60'000'000;
    if (random.chance(8)) event.at = now + random.between(1, 100) * 3'600'000'000;
    event.type = type;
    event.instance = owner;
    event.slots = random_payload(random, program, program.events[static_cast<size_t>(type)], now, case_file);
    case_file.inbox().push_back(std::move(event));
  }
}

}  // namespace dunlin::differential
