// How a program's data lies in tables: each stored field is one column (a record is one for each part), events and task fields are packed bytes.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "lang/sema/checked.h"
#include "runtime/engine/strange_outcome.h"
#include "runtime/store/bulk.h"

namespace dunlin::store {

/// Digits behind the point of a decimal.
constexpr int decimal_scale = 6;

/// A field, or a part of a record field, that holds one value.
struct Leaf {
  std::string name;    // "amount", "address.street"
  checked::Type type;  // no record, not optional
  bool optional = false;
  int32_t slot = 0;  // of the presence flag if optional, else of the value
  ColumnType column = ColumnType::int64;
  int scale = 0;
  int32_t name_id = 0;  // dictionary number of the name, for packed bytes
  int32_t value_slot() const { return slot + (optional ? 1 : 0); }
};
std::vector<Leaf> leaves_of(const checked::Program& program, const std::vector<checked::Field>& fields);
/// Types of the leaves as columns, for CopyOut and CopyIn.
std::vector<ColumnType> types_of(const std::vector<Leaf>& leaves);

/// Quoted for SQL; a name too long for PostgreSQL (63 bytes) is cut and made unique by a hash.
std::string quote_name(const std::string& name);
std::string quote_text(std::string_view text);
/// "numeric(20,2)", "text"
std::string sql_type(const Leaf& leaf);

struct EntityTable {
  std::string table, past;  // portfolio."account", portfolio."account_past"
  std::vector<Leaf> leaves;
  std::vector<std::string> columns;  // quoted names, one a leaf
  std::string list;                  // ", \"id\", \"balance\"": the columns with a comma in front of each
};

/// Where the values of a program's entities, events and queues lie in their slots.
struct SlotPlan {
  explicit SlotPlan(const checked::Program& program);
  std::vector<std::vector<Leaf>> entities, events, queues;
};

/// One program's layout, with the dictionary's numbers of its names.
struct Layout {
  explicit Layout(const checked::Program& program);

  const checked::Program& program;
  SlotPlan slots;
  std::vector<EntityTable> entities;
  std::vector<std::vector<Leaf>> events, queues;  // by Program::events, Program::queues

  /// Filled by the store from dunlin.name. *_ids: by index of the program; *_of: back again (a name this program does not know is absent).
  std::vector<int32_t> event_ids, queue_ids, strategy_ids, stage_ids;
  std::unordered_map<int32_t, int32_t> event_of, queue_of, strategy_of, stage_of;
  /// Events of other versions that this one knows as outcomes of a queue all the same, by their number.
  std::unordered_map<int32_t, engine::StrangeName> strange_of;

  /// All (kind, name) pairs that the dictionary must hold.
  std::vector<std::pair<std::string, std::string>> names() const;
  void take_names(const std::unordered_map<std::string, int32_t>& numbers);  // "kind:name" -> number
  static int32_t find(const std::unordered_map<int32_t, int32_t>& map, int32_t number) {
    const auto found = map.find(number);
    return found == map.end() ? -1 : found->second;
  }
};

}  // namespace dunlin::store
