#include "runtime/store/step_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "runtime/engine/identity.h"
#include "runtime/engine/state_codec.h"
#include "runtime/store/value_codec.h"

namespace dunlin::store {

using checked::TypeKind;
using engine::CaseFile;
using engine::OpenTask;

namespace {

bool is_text(const Leaf& leaf) {
  const auto kind = leaf.type.kind;
  return kind == TypeKind::text || kind == TypeKind::timezone || kind == TypeKind::file || kind == TypeKind::location;
}
std::string_view text_in(int64_t slot) { return slot == 0 ? std::string_view() : reinterpret_cast<const abi::Text*>(slot)->view(); }

// ---- bytes ----

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  void count(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<char>(value | 0x80));
    out_.push_back(static_cast<char>(value));
  }
  void number(int64_t value) { count((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63)); }
  void bits(uint64_t value) { out_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  void flag(bool value) { out_.push_back(value ? 1 : 0); }
  void bytes(std::string_view value) {
    count(value.size());
    out_.append(value);
  }

 private:
  std::string& out_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  uint64_t count() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (bytes_.empty()) return fail();
      const auto byte = static_cast<unsigned char>(bytes_[0]);
      bytes_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return fail();
  }
  /// How many of something follow, each of at least one byte.
  size_t size() {
    const uint64_t value = count();
    return value > bytes_.size() ? fail() : value;
  }
  int64_t number() {
    const uint64_t value = count();
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
  }
  int32_t index() { return static_cast<int32_t>(number()); }
  uint64_t bits() {
    uint64_t value = 0;
    if (bytes_.size() < sizeof value) return fail();
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return value;
  }
  int64_t id() { return static_cast<int64_t>(bits()); }
  bool flag() {
    if (bytes_.empty()) return fail() != 0;
    const bool value = bytes_[0] != 0;
    bytes_.remove_prefix(1);
    return value;
  }
  std::string_view bytes() {
    const size_t length = size();
    if (!good_) return {};
    const std::string_view value = bytes_.substr(0, length);
    bytes_.remove_prefix(length);
    return value;
  }
  bool good() const { return good_; }
  std::string_view rest() const { return bytes_; }

 private:
  uint64_t fail() {
    good_ = false;
    bytes_ = {};
    return 0;
  }
  std::string_view bytes_;
  bool good_ = true;
};

constexpr uint64_t has_data = 1, has_states = 2, says_again = 4;  // of a reading
constexpr uint64_t is_fault = 4, has_refused = 8;                 // of what came of it

// ---- tasks ----

void write_task(Writer& writer, const SlotPlan& plan, const CaseFile& case_file, const OpenTask& task, bool whole) {
  if (whole) writer.bits(task.id.high);
  writer.bits(task.id.low);
  writer.count(static_cast<uint64_t>(task.status) * 2 + (task.marked ? 1 : 0));
  writer.number(task.priority);
  writer.number(task.not_before);
  writer.number(task.due);
  if (!whole) return;
  writer.bits(static_cast<uint64_t>(case_file.instance(task.instance).id));
  writer.bits(task.identity);
  writer.bits(task.rule);
  writer.number(task.queue);
  writer.number(task.recipient);
  writer.number(task.stage);
  writer.flag(task.standing);
  writer.flag(task.stays);
  writer.bytes(task.treatment);
  for (const int64_t value : {task.created_at, task.expires, task.window, task.limits_until}) writer.number(value);
  for (const int32_t rank : {task.lead_rank, task.age_rank}) writer.number(rank);
  writer.bytes(task.limits);
  const auto& leaves = plan.queues[static_cast<size_t>(task.queue)];
  writer.bytes(leaves.empty() || task.fields.empty() ? std::string() : pack_slots(leaves, task.fields.data()));
}

RecordedTask read_task(Reader& reader, bool whole) {
  RecordedTask made;
  OpenTask& task = made.task;
  if (whole) task.id.high = reader.bits();
  task.id.low = reader.bits();
  const uint64_t status = reader.count();
  task.status = static_cast<engine::TaskStatus>(status / 2);
  task.marked = status % 2 != 0;
  task.priority = reader.number();
  task.not_before = reader.number();
  task.due = reader.number();
  if (!whole) return made;
  made.instance = reader.id();
  task.identity = reader.bits();
  task.rule = reader.bits();
  task.queue = reader.index();
  task.recipient = reader.number();
  task.stage = reader.index();
  task.standing = reader.flag();
  task.stays = reader.flag();
  task.treatment = reader.bytes();
  for (int64_t* value : {&task.created_at, &task.expires, &task.window, &task.limits_until}) *value = reader.number();
  for (int32_t* rank : {&task.lead_rank, &task.age_rank}) *rank = static_cast<int32_t>(reader.number());
  task.limits = reader.bytes();
  made.values = reader.bytes();
  return made;
}

// ---- data and states ----

void write_data(Writer& writer, const SlotPlan& plan, const CaseFile& case_file) {
  writer.count(case_file.instance_count());
  for (size_t i = 0; i < case_file.instance_count(); ++i) {
    const abi::Instance& instance = case_file.instance(static_cast<int32_t>(i));
    writer.number(instance.entity);
    writer.bits(static_cast<uint64_t>(instance.id));
    writer.number(instance.parent == nullptr ? -1 : instance.parent->position);
    writer.bytes(pack_slots(plan.entities[static_cast<size_t>(instance.entity)], instance.slots));
  }
}

std::vector<RecordedInstance> read_data(Reader& reader) {
  std::vector<RecordedInstance> made(reader.size());
  for (RecordedInstance& instance : made) {
    instance.entity = reader.index();
    instance.id = reader.id();
    const int64_t parent = reader.number();
    if (parent >= 0 && parent < static_cast<int64_t>(made.size())) instance.parent = made[static_cast<size_t>(parent)].id;
    instance.values = reader.bytes();
  }
  return made;
}

void write_states(Writer& writer, const CaseFile& case_file, const std::vector<std::pair<int64_t, std::string_view>>& bodies) {
  writer.count(bodies.size());
  for (const auto& [instance, body] : bodies) {
    const engine::InstanceState& state = case_file.state(case_file.find(instance));
    writer.bits(static_cast<uint64_t>(instance));
    for (const int64_t value : {static_cast<int64_t>(state.version), static_cast<int64_t>(state.strategy), static_cast<int64_t>(state.stage), state.entered_at,
                                state.wake_at, state.step_number})
      writer.number(value);
    writer.bytes(body);
  }
}

std::vector<RecordedState> read_states(Reader& reader) {
  std::vector<RecordedState> made(reader.size());
  for (RecordedState& state : made) {
    state.instance = reader.id();
    state.version = reader.index();
    state.strategy = reader.index();
    state.stage = reader.index();
    state.entered_at = reader.number();
    state.wake_at = reader.number();
    state.step_number = reader.number();
    state.body = reader.bytes();
  }
  return made;
}

void write_refused(Writer& writer, const SlotPlan& plan, const CaseFile& case_file, const engine::IncomingEvent& event) {
  writer.number(event.inbox_id);
  writer.number(event.at);
  writer.number(event.type);
  writer.bits(static_cast<uint64_t>(case_file.instance(event.instance).id));
  writer.bytes(pack_slots(plan.events[static_cast<size_t>(event.type)], event.slots.data()));
  writer.bytes(event.source);
  writer.bytes(event.external_id);
}

RecordedEvent read_refused(Reader& reader) {
  RecordedEvent event;
  event.arrival = reader.number();
  event.at = reader.number();
  event.type = reader.index();
  event.owner = reader.id();
  event.values = reader.bytes();
  event.source = reader.bytes();
  event.external_id = reader.bytes();
  return event;
}

}  // namespace

std::string pack_slots(const std::vector<Leaf>& leaves, const int64_t* slots) {
  std::string out;
  Writer writer(out);
  uint64_t missing = 0;
  size_t optional = 0;
  for (const Leaf& leaf : leaves) {
    if (!leaf.optional) continue;
    if (slots[leaf.slot] == 0) missing |= uint64_t{1} << (optional % 64);
    if (++optional % 64 != 0) continue;
    writer.count(missing);
    missing = 0;
  }
  if (optional % 64 != 0) writer.count(missing);
  for (const Leaf& leaf : leaves) {
    if (leaf.optional && slots[leaf.slot] == 0) continue;
    const int64_t value = slots[leaf.value_slot()];
    if (is_text(leaf)) {
      writer.bytes(text_in(value));
    } else if (leaf.type.kind == TypeKind::number) {
      writer.bits(static_cast<uint64_t>(value));
    } else {
      writer.number(value);
    }
  }
  return out;
}

bool unpack_slots(const std::vector<Leaf>& leaves, std::string_view bytes, abi::Arena& arena, int64_t* slots) {
  Reader reader(bytes);
  const auto optional = static_cast<size_t>(std::ranges::count(leaves, true, &Leaf::optional));
  std::vector<uint64_t> missing((optional + 63) / 64);
  for (uint64_t& word : missing) word = reader.count();
  size_t nth = 0;
  for (const Leaf& leaf : leaves) {
    if (leaf.optional) {
      const bool gone = (missing[nth / 64] >> (nth % 64) & 1) != 0;
      ++nth;
      if (gone) continue;
      slots[leaf.slot] = 1;
    }
    int64_t& value = slots[leaf.value_slot()];
    if (is_text(leaf)) {
      value = reinterpret_cast<int64_t>(arena.text(reader.bytes()));
    } else if (leaf.type.kind == TypeKind::number) {
      value = reader.id();
    } else {
      value = reader.number();
    }
  }
  return reader.good() && reader.rest().empty();
}

std::vector<int64_t> blank_slots(const std::vector<Leaf>& leaves, int32_t count) {
  static const abi::Text empty{};
  std::vector<int64_t> slots(static_cast<size_t>(std::max(count, 0)));
  for (const Leaf& leaf : leaves) {
    if (is_text(leaf) && !leaf.optional) slots[leaf.slot] = reinterpret_cast<int64_t>(&empty);
  }
  return slots;
}

int32_t month_of(Instant at) {
  const std::chrono::year_month_day date(
      std::chrono::floor<std::chrono::days>(std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(at))));
  return (static_cast<int>(date.year()) - 1970) * 12 + static_cast<int>(static_cast<unsigned>(date.month())) - 1;
}

void append_reading(std::string& out, const SlotPlan& plan, const CaseFile& case_file, const Reading& reading) {
  Writer writer(out);
  writer.count((reading.data || reading.whole ? has_data : 0U) | (reading.whole ? has_states : 0U) | (reading.whole && !reading.data ? says_again : 0U));
  writer.count(reading.taken.size());
  int64_t last = 0;
  for (const int64_t arrival : reading.taken) {
    writer.number(arrival - last);
    last = arrival;
  }
  if (reading.data || reading.whole) write_data(writer, plan, case_file);
  if (reading.whole) {
    write_states(writer, case_file, reading.bodies);
    writer.number(reading.history_to);
  }
  writer.count(case_file.tasks().size());
  for (const OpenTask& task : case_file.tasks()) write_task(writer, plan, case_file, task, reading.whole);
}

void append_record(std::string& out, const SlotPlan& plan, const CaseFile& case_file, const engine::StepResult& result, std::string_view reading) {
  Writer writer(out);
  writer.bits(static_cast<uint64_t>(case_file.debtor_id));
  writer.number(case_file.step_number);
  writer.bits(outcome_of(plan, case_file, result));
  writer.count((result.fault ? is_fault : 0U) | (result.refused.empty() ? 0U : has_refused));
  writer.bytes(reading);
  if (result.refused.empty()) return;
  writer.count(result.refused.size());
  for (const auto& refused : result.refused) write_refused(writer, plan, case_file, refused.event);
}

std::optional<StepRecord> take_record(std::string_view& bytes, const SlotPlan& plan) {
  Reader reader(bytes);
  StepRecord record;
  record.case_id = reader.id();
  record.step = reader.number();
  record.outcome = reader.bits();
  const uint64_t made = reader.count();
  record.fault = (made & is_fault) != 0;
  Reader inner(reader.bytes());
  const uint64_t parts = inner.count();
  record.taken.resize(inner.size());
  int64_t last = 0;
  for (int64_t& arrival : record.taken) arrival = last += inner.number();
  record.said_again = (parts & says_again) != 0;
  if ((parts & has_data) != 0) record.data = read_data(inner);
  if ((parts & has_states) != 0) {
    record.states = read_states(inner);
    record.history_to = inner.number();
  }
  record.tasks.resize(inner.size());
  for (RecordedTask& task : record.tasks) task = read_task(inner, record.states.has_value());
  if ((made & has_refused) != 0) {
    record.refused.resize(reader.size());
    for (RecordedEvent& event : record.refused) event = read_refused(reader);
  }
  if (!reader.good() || !inner.good() || !inner.rest().empty()) return std::nullopt;
  const auto known = [](int32_t index, const auto& all) { return index >= 0 && static_cast<size_t>(index) < all.size(); };
  for (const RecordedInstance& instance : record.data.value_or(std::vector<RecordedInstance>{})) {
    if (!known(instance.entity, plan.entities)) return std::nullopt;
  }
  for (const RecordedTask& task : record.tasks) {
    if (record.states && !known(task.task.queue, plan.queues)) return std::nullopt;
  }
  for (const RecordedEvent& event : record.refused) {
    if (!known(event.type, plan.events)) return std::nullopt;
  }
  bytes = reader.rest();
  return record;
}

// ---- what came of it ----

namespace {

class Digest {
 public:
  void add(uint64_t value) { hash_ = engine::hash_mix(hash_, value); }
  void add(int64_t value) { add(static_cast<uint64_t>(value)); }
  void add(int32_t value) { add(static_cast<uint64_t>(static_cast<int64_t>(value))); }
  void add(bool value) { add(static_cast<uint64_t>(value)); }
  void add(std::string_view text) { hash_ = engine::hash_text(text, hash_); }
  uint64_t value() const { return hash_; }

 private:
  uint64_t hash_ = 0;
};

void add_state(Digest& digest, const CaseFile& case_file, int32_t position) {
  const engine::InstanceState& state = case_file.state(position);
  digest.add(case_file.instance(position).id);
  for (const int64_t value : {static_cast<int64_t>(state.version), static_cast<int64_t>(state.strategy), static_cast<int64_t>(state.stage), state.entered_at,
                              state.step_number, state.wake_at})
    digest.add(value);
  digest.add(std::string_view(engine::encode_state(case_file.program(), state)));
}

void add_task(Digest& digest, const SlotPlan& plan, const CaseFile& case_file, const engine::TaskEffect& effect) {
  const OpenTask& task = effect.task;
  for (const uint64_t value : {static_cast<uint64_t>(effect.change), task.id.high, task.id.low, task.identity, task.rule}) digest.add(value);
  for (const int64_t value :
       {static_cast<int64_t>(task.queue), case_file.instance(task.instance).id, task.recipient, static_cast<int64_t>(task.stage),
        static_cast<int64_t>(task.status), task.created_at, task.not_before, task.due, task.expires, task.window, task.priority, task.limits_until})
    digest.add(value);
  for (const int32_t rank : {task.lead_rank, task.age_rank}) digest.add(rank);
  for (const bool value : {task.standing, task.stays, task.marked}) digest.add(value);
  for (const std::string* text : {&effect.reason, &task.treatment, &task.limits}) digest.add(std::string_view(*text));
  const auto& leaves = plan.queues[static_cast<size_t>(task.queue)];
  if (!leaves.empty() && !task.fields.empty()) digest.add(std::string_view(pack_slots(leaves, task.fields.data())));
}

void add_event(Digest& digest, const SlotPlan& plan, const CaseFile& case_file, const engine::IncomingEvent& event) {
  digest.add(event.at);
  digest.add(event.type);
  digest.add(case_file.instance(event.instance).id);
  digest.add(std::string_view(pack_slots(plan.events[static_cast<size_t>(event.type)], event.slots.data())));
}

}  // namespace

uint64_t outcome_of(const SlotPlan& plan, const CaseFile& case_file, const engine::StepResult& result) {
  Digest digest;
  if (result.fault) {
    digest.add(static_cast<int64_t>(result.fault->fault));
    digest.add(result.fault->instance);
    digest.add(std::string_view(result.fault->message));
    digest.add(std::string_view(result.fault->rule_name));
    return digest.value();
  }
  digest.add(result.wake_at);
  for (const int32_t position : result.changed) add_state(digest, case_file, position);
  for (const auto& transition : result.transitions) {
    digest.add(case_file.instance(transition.instance).id);
    for (const int32_t value : {transition.from_strategy, transition.from_stage, transition.to_strategy, transition.to_stage}) digest.add(value);
    digest.add(transition.at);
    digest.add(transition.rule);
  }
  for (const auto& effect : result.tasks) add_task(digest, plan, case_file, effect);
  for (const auto& effect : result.events) {
    digest.add(effect.raised);
    digest.add(effect.unhandled);
    add_event(digest, plan, case_file, effect.event);
  }
  for (const auto& refused : result.refused) {
    digest.add(std::string_view(refused.reason));
    add_event(digest, plan, case_file, refused.event);
  }
  for (const auto& opened : result.opened) {
    digest.add(opened.id);
    digest.add(opened.entity);
    digest.add(std::string_view(pack_slots(plan.entities[static_cast<size_t>(opened.entity)], opened.slots.data())));
  }
  for (const auto& note : result.notes) {
    digest.add(case_file.instance(note.instance).id);
    digest.add(std::string_view(note.text));
    digest.add(std::string_view(note.whom));
  }
  for (const auto& request : result.requests) {
    for (const int64_t value : {static_cast<int64_t>(request.what), static_cast<int64_t>(request.request), case_file.instance(request.instance).id, request.id,
                                request.at, request.until, request.due, request.lapses_at, request.amount, request.length})
      digest.add(value);
    for (const std::string* text : {&request.status, &request.reason, &request.role, &request.requester, &request.cause}) digest.add(std::string_view(*text));
    for (const int64_t key : request.order) digest.add(key);
  }
  for (const auto& firing : result.firings) {
    digest.add(case_file.instance(firing.instance).id);
    digest.add(firing.rule);
  }
  return digest.value();
}

void append_decision(std::string& out, const CaseFile& case_file, const engine::Firing& firing, Instant now) {
  out += fmt::format("{{\"instance\": {}, \"at\": \"{}\", \"rule\": ", case_file.instance(firing.instance).id, instant_text(now));
  append_json_text(out, firing.rule_name);
  out += ", \"read\": {";
  for (size_t i = 0; i < firing.read.size(); ++i) {
    if (i > 0) out += ", ";
    append_json_text(out, firing.read[i].name);
    out += ": ";
    append_json_text(out, firing.read[i].value);
  }
  out += "}}\n";
}

std::optional<Instant> decided_at(const std::string& decision) {
  const size_t at = decision.find("\"at\": \"");
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, micros = 0;
  if (at == std::string::npos) return std::nullopt;
  if (std::sscanf(decision.c_str() + at + 7, "%d-%d-%dT%d:%d:%d.%6d", &year, &month, &day, &hour, &minute, &second, &micros) < 6) return std::nullopt;
  const std::chrono::sys_days date = std::chrono::year(year) / month / day;
  return ((date.time_since_epoch().count() * int64_t{24} + hour) * 60 + minute) * 60'000'000 + second * int64_t{1'000'000} + micros;
}

}  // namespace dunlin::store
