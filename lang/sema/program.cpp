// Questions about a checked program, and values as Dunlin text.
#include "lang/sema/checked.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "lang/sema/civil.h"
#include "lang/sema/rule_words.h"

namespace dunlin::checked {

int64_t order_key_of_double(double value) {
  const auto bits = std::bit_cast<int64_t>(value);
  return bits >= 0 ? bits : INT64_MIN - bits;  // negative doubles order backwards by their bits; -0 and 0 share a key
}

double double_of_order_key(int64_t key) { return std::bit_cast<double>(key >= 0 ? key : INT64_MIN - key); }

Index slot_count(const Program& program, const Type& type) {
  Index count = 1;
  if (type.kind == TypeKind::record) {
    count = 0;
    for (const Record::Field& field : program.records[type.id].fields) count += slot_count(program, field.type);
  } else if (type.kind == TypeKind::list || type.kind == TypeKind::error) {
    count = 0;
  }
  return count + (type.optional ? 1 : 0);
}

static std::string plain_type_name(const Program& program, const Type& type) {
  switch (type.kind) {
    case TypeKind::error:
      return "an unknown type";
    case TypeKind::boolean:
      return "bool";
    case TypeKind::integer:
      return "int";
    case TypeKind::decimal:
      return "decimal";
    case TypeKind::number:
      return "number";
    case TypeKind::money:
      return "money";
    case TypeKind::text:
      return "text";
    case TypeKind::date:
      return "date";
    case TypeKind::time:
      return "time";
    case TypeKind::time_range:
      return "time_range";
    case TypeKind::datetime:
      return "datetime";
    case TypeKind::duration:
      return "duration";
    case TypeKind::enumeration:
      return program.enums[type.id].name;
    case TypeKind::stage:
      return "stage";
    case TypeKind::record:
      return program.records[type.id].name;
    case TypeKind::instance:
      return program.entities[type.id].name;
    case TypeKind::event:
      return program.events[type.id].name;
    case TypeKind::list:
      return "list of " + type_name(program, program.lists[type.id]);
    case TypeKind::timezone:
      return "timezone";
    case TypeKind::file:
      return "file";
    case TypeKind::location:
      return "location";
  }
  return "";
}

std::string type_name(const Program& program, const Type& type) { return plain_type_name(program, type) + (type.optional ? "?" : ""); }

// ---- values as text --------------------------------------------------------------------------

/// 1234567 -> "1_234_567"; short numbers stay as they are.
static std::string grouped(std::string digits) {
  if (digits.size() < 5) return digits;
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<size_t>(at), "_");
  return digits;
}

/// value / 10^places, with at least `kept` places written.
static std::string fixed_text(int64_t value, int places, int kept) {
  const bool negative = value < 0;
  const uint64_t magnitude = negative ? ~static_cast<uint64_t>(value) + 1 : static_cast<uint64_t>(value);
  uint64_t scale = 1;
  for (int i = 0; i < places; ++i) scale *= 10;
  std::string fraction = std::to_string(magnitude % scale);
  fraction.insert(0, static_cast<size_t>(places) - std::min<size_t>(static_cast<size_t>(places), fraction.size()), '0');
  if (places == 0) fraction.clear();
  while (static_cast<int>(fraction.size()) > kept && !fraction.empty() && fraction.back() == '0') fraction.pop_back();
  std::string text = (negative ? "-" : "") + grouped(std::to_string(magnitude / scale));
  return fraction.empty() ? text : text + "." + fraction;
}

static std::string two_digits(int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); }

static std::string date_text(int64_t days) {
  const sema::Date date = sema::date_of_days(days);
  std::string year = std::to_string(date.year);
  if (year.size() < 4) year.insert(0, 4 - year.size(), '0');
  return year + "-" + two_digits(date.month) + "-" + two_digits(date.day);
}

static std::string number_text(double value) {
  char buffer[400];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  return {buffer, end.ptr};
}

static std::string amount_text(int64_t amount, const char* unit) { return std::to_string(amount) + " " + unit + (amount == 1 ? "" : "s"); }

static std::string duration_text(int64_t packed) {
  const int64_t amount = packed >> 3;
  switch (packed & 7) {
    case 1:
      return amount % 7 == 0 && amount != 0 ? amount_text(amount / 7, "week") : amount_text(amount, "day");
    case 2:
      return amount_text(amount, "business day");
    case 3:
      return amount % 12 == 0 && amount != 0 ? amount_text(amount / 12, "year") : amount_text(amount, "month");
    default:
      break;
  }
  constexpr int64_t second = 1'000'000;
  if (amount % (3600 * second) == 0) return amount_text(amount / (3600 * second), "hour");
  if (amount % (60 * second) == 0) return amount_text(amount / (60 * second), "minute");
  if (amount % second == 0) return amount_text(amount / second, "second");
  return fixed_text(amount, 6, 0) + " seconds";
}

static std::string text_literal(int64_t slot) {
  struct Text {  // the shape of abi::Text, which lies above this floor
    int64_t size;
    char data[1];
  };
  const auto* text = reinterpret_cast<const Text*>(slot);
  std::string out = "\"";
  for (int64_t i = 0; text != nullptr && i < text->size; ++i) {
    const char c = text->data[i];
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      if (c == '"' || c == '\\' || c == '{' || c == '}') out += '\\';
      out += c;
    }
  }
  return out + "\"";
}

static std::string record_text(const Program& program, const Record& record, const int64_t* slots) {
  std::string out = "{ ";
  for (const Record::Field& field : record.fields) {
    if (out.size() > 2) out += ", ";
    out += field.name + ": " + format_value(program, field.type, slots);
    slots += slot_count(program, field.type);
  }
  return out + " }";
}

std::string format_value(const Program& program, const Type& type, const int64_t* slots) {
  if (type.optional) return slots[0] == 0 ? "missing" : format_value(program, type.known(), slots + 1);
  switch (type.kind) {
    case TypeKind::error:
    case TypeKind::list:
      return "";
    case TypeKind::boolean:
      return slots[0] != 0 ? "true" : "false";
    case TypeKind::integer:
      return fixed_text(slots[0], 0, 0);
    case TypeKind::decimal:
      return fixed_text(slots[0], 6, 0);
    case TypeKind::number:
      return number_text(std::bit_cast<double>(slots[0]));
    case TypeKind::money:
      return fixed_text(slots[0], program.bundle.minor_digits, program.bundle.minor_digits);
    case TypeKind::text:
    case TypeKind::timezone:
    case TypeKind::file:
    case TypeKind::location:
      return text_literal(slots[0]);
    case TypeKind::date:
      return date_text(slots[0]);
    case TypeKind::time:
      return sema::clock_text(slots[0]);
    case TypeKind::time_range:
      return sema::clock_text(slots[0] >> 17) + ".." + sema::clock_text(slots[0] & 131071);
    case TypeKind::datetime: {
      const sema::LocalTime local = sema::local_of_instant(program.bundle.timezone, slots[0]);
      return date_text(local.days) + " " + sema::clock_text(local.second_of_day);
    }
    case TypeKind::duration:
      return duration_text(slots[0]);
    case TypeKind::enumeration: {
      const auto& literals = program.enums[type.id].literals;
      return slots[0] >= 0 && slots[0] < static_cast<int64_t>(literals.size()) ? literals[slots[0]] : "?";
    }
    case TypeKind::stage:
      return slots[0] >= 0 && slots[0] < static_cast<int64_t>(program.stages.size()) ? stage_name(program, static_cast<Index>(slots[0])) : "?";
    case TypeKind::record:
      return record_text(program, program.records[type.id], slots);
    case TypeKind::instance:
      return slots[0] == 0 ? "missing" : program.entities[type.id].name;
    case TypeKind::event:
      return slots[0] == 0 ? "missing" : program.events[type.id].name;
  }
  return "";
}

// ---- by name -------------------------------------------------------------------------------------

const char* kind_word(Rule::Kind kind) {
  switch (kind) {
    case Rule::Kind::on_event:
      return "on";
    case Rule::Kind::on_entry:
      return "on entry";
    case Rule::Kind::when:
      return "when";
    case Rule::Kind::after:
      return "after";
    case Rule::Kind::at:
      return "at";
    case Rule::Kind::every:
      return "every";
    case Rule::Kind::keep:
      return "keep";
  }
  return "";
}

bool Test::property() const {
  return std::ranges::any_of(instances, [](const TestInstance& instance) { return instance.any; });
}

std::string stage_name(const Program& program, Index stage) {
  if (stage < 0 || stage >= static_cast<Index>(program.stages.size())) return "";
  const Stage& found = program.stages[stage];
  return program.strategies[found.strategy].name + "." + found.name;
}

template <class Items>
static Index find_named(const Items& items, const std::string& name) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].name == name) return static_cast<Index>(i);
  }
  return none;
}

Index find_entity(const Program& program, const std::string& name) { return find_named(program.entities, name); }

Index find_event(const Program& program, const std::string& name) {
  const Index found = find_named(program.events, name);
  if (found != none || name.empty()) return found;
  for (size_t i = 0; i < program.events.size(); ++i) {
    if (program.events[i].alias == name) return static_cast<Index>(i);
  }
  return none;
}

Index find_queue(const Program& program, const std::string& name) { return find_named(program.queues, name); }

Index find_request(const Program& program, const std::string& name) {
  for (size_t r = 0; r < program.requests.size(); ++r) {
    if (program.requests[r].name == name) return static_cast<Index>(r);
  }
  return none;
}
Index find_hold(const Program& program, const std::string& name) {
  for (size_t h = 0; h < program.holds.size(); ++h) {
    if (program.holds[h].name == name && program.holds[h].deadline == none) return static_cast<Index>(h);
  }
  return none;
}

Index find_field(const std::vector<Field>& fields, const std::string& name) { return find_named(fields, name); }

}  // namespace dunlin::checked
