// One row of a file -> rows of entities and events. A row is taken whole or not at all.
#pragma once

#include <expected>
#include <memory>

#include "compiler/abi/arena.h"
#include "runtime/store/store.h"
#include "server/import/mapping.h"

namespace dunlin::import {

struct MappedRow {
  std::vector<store::InstanceRow> instances;
  std::vector<store::EventRow> events;
  void clear();
};

class RowMapper {
 public:
  virtual ~RowMapper() = default;
  /// Fills `mapped`; texts live in `arena`. The error names the column and the reason; its line and body are those of the row.
  virtual std::expected<void, Rejection> map(const Row& row, const Header& header, abi::Arena& arena, MappedRow& mapped) = 0;
  /// Columns that make the key of what it gave, with commas between them; empty: none does.
  virtual std::string key_column(const store::InstanceRow& instance) const = 0;
  virtual std::string key_column(const store::EventRow& event) const = 0;
};

/// Rows as a mapping file says. All must outlive the mapper.
std::unique_ptr<RowMapper> map_by_file(const checked::Program& program, const Mapping& mapping, const Zone& zone);

/// Rows of events in Dunlin's own columns: event, key, root, at, id, source and the fields by name (docs/guides/import-mapping.md).
/// `root` may be left out: the case file is then looked up in the store.
std::unique_ptr<RowMapper> map_events(const checked::Program& program, const Zone& zone, store::Store& store, std::string standard_source);
/// What is wrong with the columns of such a file before a row is read; empty if nothing.
std::vector<MappingProblem> event_column_problems(const checked::Program& program, const Header& header);

}  // namespace dunlin::import
