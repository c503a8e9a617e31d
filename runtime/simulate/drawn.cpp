#include "runtime/simulate/drawn.h"

#include "compiler/abi/arena.h"
#include "compiler/abi/clock.h"

namespace dunlin::simulate {

using checked::TypeKind;

void write_slots(const checked::Program& program, const checked::Type& type, const DrawnValue& value, abi::Arena& arena, int64_t* slots) {
  if (type.optional) {
    *slots = value.known ? 1 : 0;
    if (value.known) return write_slots(program, type.known(), value, arena, slots + 1);
    std::fill_n(slots + 1, checked::slot_count(program, type) - 1, 0);
    return;
  }
  switch (type.kind) {
    case TypeKind::text:
    case TypeKind::timezone:
    case TypeKind::file:
    case TypeKind::location:
      *slots = reinterpret_cast<int64_t>(arena.text(value.text));
      return;
    case TypeKind::record: {
      const auto& fields = program.records[type.id].fields;
      for (size_t i = 0; i < fields.size(); ++i) {
        write_slots(program, fields[i].type, value.parts[i], arena, slots);
        slots += checked::slot_count(program, fields[i].type);
      }
      return;
    }
    default:
      *slots = value.slot;
  }
}

void Drawn::fill(const checked::Program& program, checked::Index instance, engine::CaseFile& file, int32_t position) const {
  if (static_cast<size_t>(instance) >= instances.size()) return;
  const auto& fields = program.entities[file.instance(position).entity].fields;
  for (const Field& drawn : instances[instance]) {
    const checked::Field& field = fields[drawn.field];
    write_slots(program, field.type, drawn.value, file.arena(), file.slots(position) + field.slot);
  }
}

engine::Instant Drawn::moment(const abi::Calendar& calendar) const {
  int64_t instant = 0;
  (void)abi::day_start(calendar, day, &instant);
  return instant;
}

DrawnValue read_slots(const checked::Program& program, const checked::Type& type, const int64_t* slots) {
  DrawnValue value;
  if (type.optional) {
    if (*slots != 0) return read_slots(program, type.known(), slots + 1);
    value.known = false;
    return value;
  }
  switch (type.kind) {
    case TypeKind::text:
    case TypeKind::timezone:
    case TypeKind::file:
    case TypeKind::location:
      if (*slots != 0) value.text = reinterpret_cast<const abi::Text*>(*slots)->view();
      break;
    case TypeKind::record:
      for (const auto& part : program.records[type.id].fields) {
        value.parts.push_back(read_slots(program, part.type, slots));
        slots += checked::slot_count(program, part.type);
      }
      break;
    default:
      value.slot = *slots;
  }
  return value;
}

std::string text_of(const checked::Program& program, const checked::Type& type, const DrawnValue& value) {
  abi::Arena arena;
  std::vector<int64_t> slots(static_cast<size_t>(checked::slot_count(program, type)));
  write_slots(program, type, value, arena, slots.data());
  return checked::format_value(program, type, slots.data());
}

}  // namespace dunlin::simulate
