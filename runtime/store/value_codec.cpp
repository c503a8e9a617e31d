#include "runtime/store/value_codec.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

namespace dunlin::store {

using checked::TypeKind;
using engine::CaseFile;

namespace {

using Json = nlohmann::json;

std::string_view text_of(int64_t slot) { return slot == 0 ? std::string_view() : reinterpret_cast<const abi::Text*>(slot)->view(); }
int64_t slot_of(CaseFile& case_file, std::string_view text) { return reinterpret_cast<int64_t>(case_file.text(text)); }

int64_t power_of_ten(int exponent) {
  int64_t power = 1;
  while (exponent-- > 0) power *= 10;
  return power;
}

std::string fixed_point(int64_t value, int scale) {
  if (scale == 0) return std::to_string(value);
  const int64_t power = power_of_ten(scale);
  const uint64_t size = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  return fmt::format("{}{}.{:0{}}", value < 0 ? "-" : "", size / static_cast<uint64_t>(power), size % static_cast<uint64_t>(power), scale);
}

struct UnitName {
  const char* name;
  int64_t factor;
  abi::DurationUnit unit;
};
constexpr UnitName units[] = {{"microsecond", 1, abi::DurationUnit::microsecond},
                              {"second", 1'000'000, abi::DurationUnit::microsecond},
                              {"minute", 60'000'000, abi::DurationUnit::microsecond},
                              {"hour", 3'600'000'000, abi::DurationUnit::microsecond},
                              {"day", 1, abi::DurationUnit::day},
                              {"week", 7, abi::DurationUnit::day},
                              {"business day", 1, abi::DurationUnit::business_day},
                              {"month", 1, abi::DurationUnit::month},
                              {"year", 12, abi::DurationUnit::month}};

std::string duration_text(int64_t packed) {
  const int64_t amount = abi::duration_amount(packed);
  const abi::DurationUnit unit = abi::duration_unit(packed);
  const UnitName* best = nullptr;
  for (const UnitName& name : units) {
    if (name.unit == unit && amount % name.factor == 0 && (best == nullptr || name.factor > best->factor)) best = &name;
  }
  const int64_t count = amount / best->factor;
  return fmt::format("{} {}{}", count, best->name, count == 1 ? "" : "s");
}

bool parse_duration(std::string_view text, int64_t& packed) {
  int64_t amount = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (error != std::errc()) return false;
  std::string_view unit(rest, static_cast<size_t>(text.data() + text.size() - rest));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const UnitName& name : units) {
    if (unit != name.name && unit != std::string(name.name) + "s") continue;
    packed = abi::pack_duration(amount * name.factor, name.unit);
    return true;
  }
  return false;
}

std::string clock_text(int64_t seconds) {
  std::string text = fmt::format("{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
  if (seconds % 60 != 0) text += fmt::format(":{:02}", seconds % 60);
  return text;
}

/// Reads "12:30" or "12:30:15" from the front.
bool parse_clock(std::string_view& text, int64_t& seconds) {
  seconds = 0;
  int64_t weight = 3600;
  for (int part = 0; part < 3; ++part, weight /= 60) {
    int64_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < 0) return false;
    seconds += number * weight;
    text.remove_prefix(static_cast<size_t>(rest - text.data()));
    if (!text.starts_with(':') || part == 2) break;
    text.remove_prefix(1);
  }
  return seconds <= 86'400;
}

bool parse_range(std::string_view text, int64_t& packed) {
  int64_t from = 0, to = 0;
  if (!parse_clock(text, from) || !text.starts_with("..")) return false;
  text.remove_prefix(2);
  if (!parse_clock(text, to)) return false;
  packed = abi::pack_time_range(from, to);
  return true;
}

std::string date_text(int64_t days) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

bool parse_date(std::string_view& text, int64_t& days) {
  int parts[3] = {};
  for (int i = 0; i < 3; ++i) {
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), parts[i]);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<size_t>(rest - text.data()));
    if (i < 2 && !text.starts_with('-')) return false;
    if (i < 2) text.remove_prefix(1);
  }
  const std::chrono::year_month_day date{std::chrono::year{parts[0]}, std::chrono::month{static_cast<unsigned>(parts[1])},
                                         std::chrono::day{static_cast<unsigned>(parts[2])}};
  if (!date.ok()) return false;
  days = std::chrono::sys_days{date}.time_since_epoch().count();
  return true;
}

/// 2026-01-15, 2026-01-15T07:00, …:15.250, with Z, +03 or +03:00
bool parse_instant(std::string_view text, int64_t& at) {
  int64_t days = 0, seconds = 0, micros = 0, offset = 0;
  if (!parse_date(text, days)) return false;
  if (text.starts_with('T') || text.starts_with(' ')) {
    text.remove_prefix(1);
    if (!parse_clock(text, seconds)) return false;
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      int64_t weight = 100'000;
      for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1), weight /= 10) micros += (text[0] - '0') * weight;
    }
    if (text.starts_with('+') || text.starts_with('-')) {
      const int sign = text[0] == '-' ? -1 : 1;
      text.remove_prefix(1);
      if (!parse_clock(text, offset)) return false;
      offset *= sign;
    } else if (text.starts_with('Z')) {
      text.remove_prefix(1);
    }
  }
  at = ((days * 86'400 + seconds - offset) * 1'000'000) + micros;
  return text.empty();
}

/// What a value is as text, for the types that lie in text columns.
std::string column_text(const checked::Program& program, const checked::Type& type, int64_t slot) {
  switch (type.kind) {
    case TypeKind::enumeration:
      return program.enums[type.id].literals[static_cast<size_t>(slot)];
    case TypeKind::stage:
      return slot < 0 ? std::string() : checked::stage_name(program, static_cast<int32_t>(slot));
    case TypeKind::duration:
      return duration_text(slot);
    case TypeKind::time_range:
      return clock_text(abi::time_range_from(slot)) + ".." + clock_text(abi::time_range_to(slot));
    default:
      return std::string(text_of(slot));
  }
}

bool slot_from_text(const checked::Program& program, const checked::Type& type, std::string_view text, CaseFile& case_file, int64_t& slot) {
  switch (type.kind) {
    case TypeKind::enumeration: {
      const auto& literals = program.enums[type.id].literals;
      for (size_t i = 0; i < literals.size(); ++i) {
        if (literals[i] != text) continue;
        slot = static_cast<int64_t>(i);
        return true;
      }
      return false;
    }
    case TypeKind::stage:
      for (size_t i = 0; i < program.stages.size(); ++i) {
        if (checked::stage_name(program, static_cast<int32_t>(i)) != text) continue;
        slot = static_cast<int64_t>(i);
        return true;
      }
      return false;
    case TypeKind::duration:
      return parse_duration(text, slot);
    case TypeKind::time_range:
      return parse_range(text, slot);
    default:
      slot = slot_of(case_file, text);
      return true;
  }
}

bool lies_in_text(const Leaf& leaf) { return leaf.column == ColumnType::text; }
bool is_plain_text(const Leaf& leaf) {
  return leaf.type.kind == TypeKind::text || leaf.type.kind == TypeKind::timezone || leaf.type.kind == TypeKind::file || leaf.type.kind == TypeKind::location;
}

void set_slot(const Leaf& leaf, int64_t* slots, int64_t value) {
  if (leaf.optional) slots[leaf.slot] = 1;
  slots[leaf.value_slot()] = value;
}

// ---- packed bytes ----

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}
bool get_varint(std::string_view& bytes, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes[0]);
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}
uint64_t zigzag(int64_t value) { return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63); }
int64_t unzigzag(uint64_t value) { return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1); }

// ---- JSON ----

void append_json_value(const checked::Program& program, const Leaf& leaf, int64_t slot, std::string& out) {
  switch (leaf.type.kind) {
    case TypeKind::boolean:
      out += slot != 0 ? "true" : "false";
      return;
    case TypeKind::integer:
      out += std::to_string(slot);
      return;
    case TypeKind::decimal:
    case TypeKind::money:
      out += fixed_point(slot, leaf.scale);
      return;
    case TypeKind::number:
      out += fmt::format("{}", abi::as_number(slot));
      return;
    case TypeKind::date:
      out += '"' + date_text(slot) + '"';
      return;
    case TypeKind::time:
      out += '"' + clock_text(slot) + '"';
      return;
    case TypeKind::datetime:
      out += '"' + instant_text(slot) + '"';
      return;
    default:
      append_json_text(out, column_text(program, leaf.type, slot));
      return;
  }
}

/// "12.50" -> 1250 with scale 2; more digits than the scale are refused.
bool parse_fixed_point(std::string_view text, int scale, int64_t& value) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  int64_t whole = 0;
  auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(rest - text.data()));
  int64_t fraction = 0;
  int digits = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1)) {
      if (digits == scale && text[0] != '0') return false;
      if (digits == scale) continue;
      fraction = fraction * 10 + (text[0] - '0');
      ++digits;
    }
  }
  if (!text.empty() || __builtin_mul_overflow(whole, power_of_ten(scale), &value)) return false;
  if (__builtin_add_overflow(value, fraction * power_of_ten(scale - digits), &value)) return false;
  if (negative) value = -value;
  return true;
}

bool slot_from_json(const checked::Program& program, const Leaf& leaf, const Json& value, CaseFile& case_file, int64_t& slot) {
  switch (leaf.type.kind) {
    case TypeKind::boolean:
      if (!value.is_boolean()) return false;
      slot = value.get<bool>() ? 1 : 0;
      return true;
    case TypeKind::integer:
      if (!value.is_number()) return false;
      slot = value.is_number_integer() ? value.get<int64_t>() : std::llround(value.get<double>());
      return true;
    case TypeKind::decimal:
    case TypeKind::money:
      // A double holds fifteen digits: what a person writes comes back exactly.
      if (value.is_number_integer()) return !__builtin_mul_overflow(value.get<int64_t>(), power_of_ten(leaf.scale), &slot);
      return value.is_number() && parse_fixed_point(fmt::format("{:.{}f}", value.get<double>(), leaf.scale), leaf.scale, slot);
    case TypeKind::number:
      if (!value.is_number()) return false;
      slot = abi::as_slot(value.get<double>());
      return true;
    default:
      break;
  }
  if (!value.is_string()) return false;
  const std::string& text = value.get_ref<const std::string&>();
  std::string_view rest = text;
  if (leaf.type.kind == TypeKind::date) return parse_date(rest, slot) && rest.empty();
  if (leaf.type.kind == TypeKind::time) return parse_clock(rest, slot) && rest.empty();
  if (leaf.type.kind == TypeKind::datetime) return parse_instant(rest, slot);
  return slot_from_text(program, leaf.type, rest, case_file, slot);
}

}  // namespace

std::string instant_text(Instant at) {
  if (at == abi::never) return "never";
  int64_t days = at / 86'400'000'000, rest = at % 86'400'000'000;
  if (rest < 0) {
    --days;
    rest += 86'400'000'000;
  }
  std::string text = fmt::format("{}T{:02}:{:02}:{:02}", date_text(days), rest / 3'600'000'000, rest / 60'000'000 % 60, rest / 1'000'000 % 60);
  if (rest % 1'000'000 != 0) text += fmt::format(".{:06}", rest % 1'000'000);
  return text + "Z";
}

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void add_value(const checked::Program& program, const Leaf& leaf, const int64_t* slots, Column& column) {
  column.scale = leaf.scale;
  if (leaf.optional && slots[leaf.slot] == 0) return column.add_missing();
  const int64_t slot = slots[leaf.value_slot()];
  if (!lies_in_text(leaf)) return column.add(slot);
  if (is_plain_text(leaf)) return column.add(text_of(slot));
  column.add(std::string_view(column_text(program, leaf.type, slot)));
}

bool read_value(const checked::Program& program, const Leaf& leaf, FieldBytes field, CaseFile& case_file, int64_t* slots) {
  if (field.missing()) return true;
  int64_t slot = 0;
  if (!lies_in_text(leaf)) {
    slot = get_number(field, leaf.column, leaf.scale);
  } else if (!slot_from_text(program, leaf.type, field.view(), case_file, slot)) {
    return false;
  }
  set_slot(leaf, slots, slot);
  return true;
}

std::string pack_values(const checked::Program& program, const std::vector<Leaf>& leaves, const int64_t* slots) {
  std::string out;
  for (const Leaf& leaf : leaves) {
    if (leaf.optional && slots[leaf.slot] == 0) continue;
    const int64_t slot = slots[leaf.value_slot()];
    put_varint(out, static_cast<uint64_t>(leaf.name_id));
    // Even: a whole number follows; odd: a text. The rest of the byte is the type, so that a retyped field is not misread.
    out.push_back(static_cast<char>(static_cast<int>(leaf.type.kind) * 2 + (lies_in_text(leaf) ? 1 : 0)));
    if (!lies_in_text(leaf)) {
      put_varint(out, zigzag(slot));
      continue;
    }
    const std::string text = column_text(program, leaf.type, slot);
    put_varint(out, text.size());
    out += text;
  }
  return out;
}

bool unpack_values(const checked::Program& program, const std::vector<Leaf>& leaves, std::string_view bytes, CaseFile& case_file, int64_t* slots) {
  size_t expected = 0;  // fields mostly come in the order in which they were packed
  while (!bytes.empty()) {
    uint64_t name = 0, number = 0;
    if (!get_varint(bytes, name) || bytes.empty()) return false;
    const auto kind = static_cast<unsigned char>(bytes[0]);
    bytes.remove_prefix(1);
    if (!get_varint(bytes, number)) return false;
    std::string_view text;
    if (kind % 2 == 1) {
      if (number > bytes.size()) return false;
      text = bytes.substr(0, number);
      bytes.remove_prefix(number);
    }
    for (size_t tried = 0; tried < leaves.size(); ++tried, ++expected) {
      const Leaf& leaf = leaves[expected % leaves.size()];
      if (leaf.name_id != static_cast<int32_t>(name)) continue;
      if (static_cast<int>(leaf.type.kind) != kind / 2) break;
      int64_t slot = unzigzag(number);
      if (kind % 2 == 1 && !slot_from_text(program, leaf.type, text, case_file, slot)) break;
      set_slot(leaf, slots, slot);
      break;
    }
  }
  return true;
}

std::string packed_to_json(const checked::Program& program, const std::unordered_map<int32_t, std::string>& names, std::string_view bytes) {
  std::string out = "{";
  while (!bytes.empty()) {
    uint64_t name = 0, number = 0;
    if (!get_varint(bytes, name) || bytes.empty()) break;
    const auto kind = static_cast<unsigned char>(bytes[0]);
    bytes.remove_prefix(1);
    if (!get_varint(bytes, number) || (kind % 2 == 1 && number > bytes.size())) break;
    const auto known = names.find(static_cast<int32_t>(name));
    if (out.size() > 1) out += ", ";
    append_json_text(out, known == names.end() ? std::to_string(name) : known->second);
    out += ": ";
    if (kind % 2 == 1) {
      append_json_text(out, bytes.substr(0, number));
      bytes.remove_prefix(number);
      continue;
    }
    Leaf leaf;
    leaf.type.kind = static_cast<TypeKind>(kind / 2);
    leaf.scale = leaf.type.kind == TypeKind::money ? program.bundle.minor_digits : leaf.type.kind == TypeKind::decimal ? decimal_scale : 0;
    append_json_value(program, leaf, unzigzag(number), out);
  }
  return out + "}";
}

std::string values_to_json(const checked::Program& program, const std::vector<Leaf>& leaves, const int64_t* slots) {
  std::string out = "{";
  for (const Leaf& leaf : leaves) {
    if (leaf.optional && slots[leaf.slot] == 0) continue;
    if (out.size() > 1) out += ", ";
    append_json_text(out, leaf.name);
    out += ": ";
    append_json_value(program, leaf, slots[leaf.value_slot()], out);
  }
  return out + "}";
}

bool json_to_values(const checked::Program& program, const std::vector<Leaf>& leaves, std::string_view json, CaseFile& case_file, int64_t* slots) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) return false;
  bool good = true;
  for (const Leaf& leaf : leaves) {
    const auto found = object.find(leaf.name);
    if (found == object.end() || found->is_null()) continue;
    int64_t slot = 0;
    if (slot_from_json(program, leaf, *found, case_file, slot)) {
      set_slot(leaf, slots, slot);
    } else {
      good = false;
    }
  }
  return good;
}

std::string strange_event_reason(const std::string& name) {
  return fmt::format("this version has no event `{}`; `dunlin import replay` takes it in once a version that has it is active", name);
}

SetAside set_aside_of(const checked::Program& program, const engine::CaseFile& case_file, const engine::RefusedEvent& refused) {
  const engine::IncomingEvent& event = refused.event;
  const checked::EventType& type = program.events[static_cast<size_t>(event.type)];
  const abi::Instance& owner = case_file.instance(event.instance);
  std::string body = "{\"event\": ";
  append_json_text(body, type.name);
  body += ", \"at\": \"" + instant_text(event.at) + "\", \"source\": ";
  append_json_text(body, event.source);
  body += ", \"external_id\": ";
  append_json_text(body, event.external_id);
  body += ", \"values\": " + values_to_json(program, leaves_of(program, type.fields), event.slots.data()) + "}";
  return {"event", program.entities[static_cast<size_t>(owner.entity)].name + " " + engine::key_text(program, owner), refused.reason, std::move(body),
          event.at};
}

}  // namespace dunlin::store
