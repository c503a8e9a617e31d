#include "runtime/simulate/draw.h"

#include <algorithm>
#include <array>
#include <bit>

namespace dunlin::simulate {

using checked::Field;
using checked::Type;
using checked::TypeKind;

namespace {

constexpr int64_t decimal_unit = 1'000'000;

int64_t unit_of(const checked::Program& program, TypeKind kind) {
  if (kind == TypeKind::decimal) return decimal_unit;
  if (kind != TypeKind::money) return 1;
  int64_t unit = 1;
  for (int i = 0; i < program.bundle.minor_digits; ++i) unit *= 10;
  return unit;
}

int64_t within(const Field* field, int64_t value) {
  if (field == nullptr) return value;
  if (field->minimum && value < *field->minimum) return *field->minimum;
  if (field->maximum && value > *field->maximum) return *field->maximum;
  return value;
}

}  // namespace

int64_t first_day(const checked::Program& program, const checked::Test& test, const Drawn& drawn) {
  if (test.steps.empty() || test.steps.front().moment == checked::none) return drawn.day;
  const checked::Root& root = program.roots[test.steps.front().moment];
  // A date, or an instant: as near as matters for choosing values.
  if (root.body == nullptr || root.body->op != checked::Op::literal) {
    const checked::Expr* inner = root.body.get();
    while (inner != nullptr && inner->op != checked::Op::literal && !inner->args.empty()) inner = inner->args[0].get();
    if (inner == nullptr || inner->op != checked::Op::literal) return plain_day;
    return inner->type.kind == TypeKind::date ? inner->value : inner->value / 86'400'000'000;
  }
  return root.type.kind == TypeKind::date ? root.body->value : root.body->value / 86'400'000'000;
}

Drawn Draw::one(const checked::Test& test) {
  Drawn drawn;
  drawn.day = day();
  day_ = first_day(program_, test, drawn);
  for (const checked::TestInstance& instance : test.instances) {
    auto& fields = drawn.instances.emplace_back();
    if (!instance.any) continue;
    const checked::Entity& entity = program_.entities[instance.entity];
    for (size_t i = 0; i < entity.fields.size(); ++i) {
      const auto index = static_cast<checked::Index>(i);
      const bool given = std::ranges::any_of(instance.fields, [&](const auto& value) { return value.field == index; });
      if (given || entity.fields[i].key) continue;
      fields.push_back({index, value(entity.fields[i].type, &entity.fields[i], {instance.entity, index})});
    }
  }
  return drawn;
}

DrawnValue Draw::of_event(checked::Index event, checked::Index field, int64_t on) {
  day_ = on;
  // What is asked of an event is often asked of a group of events above it.
  Boundaries::FieldKey key{event_key(event), field};
  for (checked::Index up = event; up != checked::none; up = program_.events[up].parent) {
    const Boundaries::FieldKey above{event_key(up), field};
    if (boundaries_.values.contains(above) || boundaries_.days.contains(above) || boundaries_.texts.contains(above)) key = above;
  }
  const Field& declared = program_.events[event].fields[field];
  return value(declared.type, &declared, key);
}

/// Of about ten years, or beside a date that the bundle names.
int64_t Draw::day() {
  if (!boundaries_.dates.empty() && once_in(3)) return one_of(boundaries_.dates) + between(-1, 1);
  return once_in(2) ? plain_day + between(0, 30) : plain_day + between(-1500, 1500);
}

DrawnValue Draw::value(const Type& type, const Field* field, const Boundaries::FieldKey& key) {
  DrawnValue drawn;
  if (type.optional && once_in(4)) {
    drawn.known = false;
    return drawn;
  }
  switch (type.kind) {
    case TypeKind::boolean:
      drawn.slot = static_cast<int64_t>(below(2));
      break;
    case TypeKind::integer:
    case TypeKind::decimal:
    case TypeKind::money:
      drawn.slot = figure(field, key, unit_of(program_, type.kind));
      break;
    case TypeKind::number: {
      double figure = static_cast<double>(between(-1000, 1000)) / 100;
      if (const auto known = boundaries_.values.find(key); known != boundaries_.values.end() && once_in(2))
        figure = checked::double_of_order_key(one_of(known->second)) + static_cast<double>(between(-1, 1)) / 100;
      drawn.slot = std::bit_cast<int64_t>(figure);
      break;
    }
    case TypeKind::date:
      drawn.slot = within(field, date(key));
      break;
    case TypeKind::datetime:
      drawn.slot = within(field, date(key) * 86'400'000'000 + between(0, 1439) * 60'000'000);
      break;
    case TypeKind::time: {
      const auto known = boundaries_.values.find(key);
      drawn.slot =
          known != boundaries_.values.end() && once_in(2) ? std::clamp<int64_t>(one_of(known->second) + between(-1, 1), 0, 86'399) : between(0, 95) * 900;
      drawn.slot = within(field, drawn.slot);
      break;
    }
    case TypeKind::time_range:
      drawn.slot = between(0, 47) * 1800 * 131'072 + between(0, 47) * 1800;
      break;
    case TypeKind::duration:
      drawn.slot = between(0, 60) * 8 + 1;
      break;
    case TypeKind::enumeration:
      drawn.slot = static_cast<int64_t>(below(program_.enums[type.id].literals.size()));
      break;
    case TypeKind::text:
    case TypeKind::timezone:
    case TypeKind::file:
    case TypeKind::location:
      drawn.text = text(type, key);
      break;
    case TypeKind::record:
      for (const auto& part : program_.records[type.id].fields) drawn.parts.push_back(value(part.type, nullptr, {-1, -1}));
      break;
    default:
      return blank_value(program_, type);
  }
  return drawn;
}

/// A whole number, a decimal or an amount of money; `unit` is one of it.
int64_t Draw::figure(const Field* field, const Boundaries::FieldKey& key, int64_t unit) {
  const auto known = boundaries_.values.find(key);
  if (known != boundaries_.values.end() && once_in(2)) {
    const int64_t edge = one_of(known->second);
    const std::array<int64_t, 5> steps = {0, 1, -1, unit, -unit};
    return within(field, edge + (once_in(3) ? between(-100, 100) * unit : one_of(steps)));
  }
  if (field != nullptr && (field->minimum || field->maximum)) {
    if (field->minimum && once_in(5)) return *field->minimum;
    if (field->maximum && once_in(5)) return *field->maximum;
    if (field->minimum && field->maximum && *field->maximum - *field->minimum < INT64_C(1) << 40) return between(*field->minimum, *field->maximum);
  }
  if (once_in(6)) return within(field, between(0, 3) * unit);
  // Every order of magnitude is as likely as the others.
  const int64_t size = INT64_C(1) << between(1, unit == 1 ? 16 : 24);
  int64_t figure = between(0, size) * unit;
  if (unit > 1 && once_in(2)) figure += between(0, unit - 1);
  return within(field, once_in(12) ? -figure : figure);
}

int64_t Draw::date(const Boundaries::FieldKey& key) {
  const auto edges = boundaries_.days.find(key);
  if (edges != boundaries_.days.end() && once_in(2)) return day_ + (once_in(4) ? 1 : -1) * one_of(edges->second) + between(-1, 1);
  const auto dates = boundaries_.values.find(key);
  if (dates != boundaries_.values.end() && once_in(3) && field_of(program_, key).type.kind == TypeKind::date) return one_of(dates->second) + between(-1, 1);
  if (once_in(5)) return day_ + between(-1, 1);
  return day_ + between(-400, 60);
}

std::string Draw::text(const Type& type, const Boundaries::FieldKey& key) {
  if (const auto known = boundaries_.texts.find(key); known != boundaries_.texts.end() && !known->second.empty() && !once_in(4)) return one_of(known->second);
  if (type.kind == TypeKind::timezone) {
    const std::array<const char*, 4> zones = {"", "UTC", "America/New_York", "Asia/Tokyo"};
    const std::string zone = one_of(zones);
    return zone.empty() ? program_.bundle.timezone : zone;
  }
  if (once_in(3)) return {};
  std::string word;
  for (int64_t letters = between(1, 6); letters > 0; --letters) word += static_cast<char>('a' + below(26));
  return word;
}

// ---- smaller --------------------------------------------------------------------------------

DrawnValue blank_value(const checked::Program& program, const Type& type) {
  DrawnValue blank;
  blank.known = !type.optional;
  if (type.kind == TypeKind::record) {
    for (const auto& part : program.records[type.id].fields) blank.parts.push_back(blank_value(program, part.type));
  }
  return blank;
}

namespace {

/// From far away in halves, then in ones: `target`, …, the neighbour of `value`.
void approach(std::vector<int64_t>& found, int64_t value, int64_t target) {
  if (value == target) return;
  for (int64_t distance = value - target; distance != 0; distance /= 2) found.push_back(value - distance);
}

std::vector<int64_t> smaller_slots(const checked::Program& program, const Type& type, const Field* field, int64_t value, int64_t day) {
  std::vector<int64_t> found;
  switch (type.kind) {
    case TypeKind::boolean:
    case TypeKind::enumeration:
      for (int64_t lower = 0; lower < value; ++lower) found.push_back(lower);
      break;
    case TypeKind::date:
      approach(found, value, within(field, day));
      break;
    case TypeKind::number: {
      const double figure = std::bit_cast<double>(value);
      for (const double simpler : {0.0, static_cast<double>(static_cast<int64_t>(figure)), figure / 2}) {
        if (std::abs(simpler) < std::abs(figure)) found.push_back(std::bit_cast<int64_t>(simpler));
      }
      break;
    }
    case TypeKind::datetime:
      approach(found, value, day * 86'400'000'000);
      break;
    default: {
      const int64_t target = within(field, 0);
      const int64_t unit = unit_of(program, type.kind);
      // Whole units read better, and amounts above nothing better than debts of it.
      if (value < 0) found.push_back(within(field, -value));
      if (unit > 1 && value % unit != 0) found.push_back(within(field, value / unit * unit));
      if (unit > 1 && value % unit != 0 && value > 0) found.push_back(within(field, value / unit * unit + unit));
      if (unit > 1 && value % unit == 0 && target % unit == 0) {
        std::vector<int64_t> units;
        approach(units, value / unit, target / unit);
        for (const int64_t u : units) found.push_back(u * unit);
      } else {
        approach(found, value, target);
      }
    }
  }
  std::erase(found, value);
  return found;
}

}  // namespace

std::vector<DrawnValue> smaller_values(const checked::Program& program, const Type& type, const Field* field, const DrawnValue& value, int64_t day) {
  std::vector<DrawnValue> found;
  const DrawnValue blank = blank_value(program, type);
  if (value == blank) return found;
  const bool allowed = type.optional || field == nullptr || within(field, 0) == 0;
  if (allowed) found.push_back(blank);
  if (!value.known) return found;
  if (type.kind == TypeKind::record) {
    const auto& fields = program.records[type.id].fields;
    for (size_t i = 0; i < fields.size(); ++i) {
      for (const DrawnValue& part : smaller_values(program, fields[i].type, nullptr, value.parts[i], day)) {
        DrawnValue other = value;
        other.parts[i] = part;
        found.push_back(std::move(other));
      }
    }
    return found;
  }
  if (!value.text.empty()) {
    DrawnValue other = value;
    other.text.clear();
    found.push_back(other);
    if (value.text.size() > 1 && static_cast<unsigned char>(value.text[1]) < 0x80 && type.kind == TypeKind::text) {
      other.text = value.text.substr(0, 1);
      found.push_back(other);
    }
    return found;
  }
  for (const int64_t slot : smaller_slots(program, type.known(), field, value.slot, day)) {
    DrawnValue other = value;
    other.slot = slot;
    found.push_back(std::move(other));
  }
  return found;
}

}  // namespace dunlin::simulate
