#include "runtime/store/layout.h"

#include <fmt/format.h>

#include "lang/sema/transfers.h"
#include "runtime/engine/identity.h"

namespace dunlin::store {

using checked::TypeKind;

namespace {

void set_column(const checked::Program& program, Leaf& leaf) {
  switch (leaf.type.kind) {
    case TypeKind::boolean:
      leaf.column = ColumnType::boolean;
      break;
    case TypeKind::integer:
      leaf.column = ColumnType::int64;
      break;
    case TypeKind::number:
      leaf.column = ColumnType::float8;
      break;
    case TypeKind::date:
      leaf.column = ColumnType::date;
      break;
    case TypeKind::time:
      leaf.column = ColumnType::time;
      break;
    case TypeKind::datetime:
      leaf.column = ColumnType::timestamp;
      break;
    case TypeKind::decimal:
      leaf.column = ColumnType::numeric;
      leaf.scale = decimal_scale;
      break;
    case TypeKind::money:
      leaf.column = ColumnType::numeric;
      leaf.scale = program.bundle.minor_digits;
      break;
    default:
      leaf.column = ColumnType::text;
      break;  // texts, enumerations by literal, stages by name, durations as written
  }
}

void add_leaves(const checked::Program& program, const std::string& name, const checked::Type& type, int32_t slot, std::vector<Leaf>& leaves) {
  if (type.kind != TypeKind::record) {
    Leaf leaf{name, type.known(), type.optional, slot};
    set_column(program, leaf);
    leaves.push_back(std::move(leaf));
    return;
  }
  if (type.optional) {
    leaves.push_back(Leaf{name, {TypeKind::boolean, false, -1}, false, slot, ColumnType::boolean});
    ++slot;
  }
  for (const auto& part : program.records[type.id].fields) {
    add_leaves(program, name + "." + part.name, part.type, slot, leaves);
    slot += checked::slot_count(program, part.type);
  }
}

}  // namespace

std::vector<Leaf> leaves_of(const checked::Program& program, const std::vector<checked::Field>& fields) {
  std::vector<Leaf> leaves;
  for (const checked::Field& field : fields) add_leaves(program, field.name, field.type, field.slot, leaves);
  return leaves;
}

std::vector<ColumnType> types_of(const std::vector<Leaf>& leaves) {
  std::vector<ColumnType> types;
  for (const Leaf& leaf : leaves) types.push_back(leaf.column);
  return types;
}

std::string quote_name(const std::string& name) {
  std::string cut = name;
  if (cut.size() > 63) {
    size_t end = 46;
    while ((static_cast<unsigned char>(cut[end]) & 0xC0) == 0x80) --end;  // not inside a letter
    cut = fmt::format("{}_{:016x}", cut.substr(0, end), engine::hash_text(name));
  }
  std::string quoted = "\"";
  for (const char c : cut) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string quote_text(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += '\'';
    if (c != '\0') quoted += c;
  }
  return quoted + "'";
}

std::string sql_type(const Leaf& leaf) {
  switch (leaf.column) {
    case ColumnType::boolean:
      return "boolean";
    case ColumnType::int16:
      return "smallint";
    case ColumnType::int32:
      return "integer";
    case ColumnType::int64:
      return "bigint";
    case ColumnType::float8:
      return "double precision";
    case ColumnType::bytea:
      return "bytea";
    case ColumnType::jsonb:
      return "jsonb";
    case ColumnType::uuid:
      return "uuid";
    case ColumnType::date:
      return "date";
    case ColumnType::time:
      return "time without time zone";
    case ColumnType::timestamp:
      return "timestamp with time zone";
    case ColumnType::numeric:
      return fmt::format("numeric({},{})", 19 + leaf.scale, leaf.scale);
    case ColumnType::text:
      return "text";
  }
  return "text";
}

SlotPlan::SlotPlan(const checked::Program& program) {
  for (const auto& entity : program.entities) entities.push_back(leaves_of(program, entity.fields));
  for (const auto& event : program.events) events.push_back(leaves_of(program, event.fields));
  for (const auto& queue : program.queues) queues.push_back(leaves_of(program, queue.fields));
}

Layout::Layout(const checked::Program& given) : program(given), slots(given) {
  for (const checked::Entity& entity : program.entities) {
    EntityTable table;
    table.table = "portfolio." + quote_name(entity.name);
    table.past = "portfolio." + quote_name(entity.name + "_past");
    table.leaves = leaves_of(program, entity.fields);
    for (const Leaf& leaf : table.leaves) {
      table.columns.push_back(quote_name(leaf.name));
      table.list += ", " + table.columns.back();
    }
    entities.push_back(std::move(table));
  }
  for (const checked::EventType& event : program.events) events.push_back(leaves_of(program, event.fields));
  for (const checked::Queue& queue : program.queues) queues.push_back(leaves_of(program, queue.fields));
}

std::vector<std::pair<std::string, std::string>> Layout::names() const {
  std::vector<std::pair<std::string, std::string>> names;
  for (const auto& event : program.events) names.emplace_back("event", event.name);
  for (const auto& queue : program.queues) names.emplace_back("queue", queue.name);
  for (const auto& strategy : program.strategies) names.emplace_back("strategy", strategy.name);
  for (size_t i = 0; i < program.stages.size(); ++i) names.emplace_back("stage", checked::stage_name(program, static_cast<int32_t>(i)));
  if (program.transfers) {
    for (const auto& move : program.transfers->stages) names.emplace_back("stage", move.from_strategy + "." + move.from_stage);
  }
  for (const auto& leaves : events) {
    for (const Leaf& leaf : leaves) names.emplace_back("field", leaf.name);
  }
  return names;
}

void Layout::take_names(const std::unordered_map<std::string, int32_t>& numbers) {
  const auto take = [&](const std::string& kind, const std::string& name, std::vector<int32_t>& ids, std::unordered_map<int32_t, int32_t>& back) {
    const int32_t number = numbers.at(kind + ":" + name);
    back.try_emplace(number, static_cast<int32_t>(ids.size()));  // strategies of older versions stand behind those of now
    ids.push_back(number);
  };
  for (const auto& event : program.events) take("event", event.name, event_ids, event_of);
  for (const auto& queue : program.queues) take("queue", queue.name, queue_ids, queue_of);
  for (const auto& strategy : program.strategies) take("strategy", strategy.name, strategy_ids, strategy_of);
  for (size_t i = 0; i < program.stages.size(); ++i) take("stage", checked::stage_name(program, static_cast<int32_t>(i)), stage_ids, stage_of);
  if (program.transfers) {
    for (const auto& move : program.transfers->stages) stage_of.try_emplace(numbers.at("stage:" + move.from_strategy + "." + move.from_stage), move.to);
  }
  for (auto& leaves : events) {
    for (Leaf& leaf : leaves) leaf.name_id = numbers.at("field:" + leaf.name);
  }
}

}  // namespace dunlin::store
