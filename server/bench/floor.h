// What a night is measured against: the same rows copied in and out with nothing decided, and written by one SQL statement a table.
#pragma once

#include <string>
#include <vector>

#include "runtime/store/bulk.h"
#include "server/bench/in_memory.h"

namespace dunlin::bench {

/// A table that a night reads or writes. `rows`: an SQL condition on what it wrote; empty: all rows.
struct MovedTable {
  std::string name;  // with its schema
  bool read = false, written = false;
  std::string rows = {};
};

class Floor {
 public:
  /// `shadow`: a schema that this makes and fills, for tables like those that are written. Both connections outlive it.
  Floor(std::vector<MovedTable> moved, std::string shadow, store::BulkConnection& first, store::BulkConnection& second);

  /// Keeps what the night wrote, in the database; to be called before the next night changes it.
  store::Result<void> keep();
  /// Reads the kept rows into memory, then times both ways; the median of each in seconds.
  store::Result<void> measure(int rounds, double& copy_s, double& sql_s);

 private:
  struct Kept {
    std::string shadow;
    std::vector<store::Columns> rows;
  };
  template <class Way>
  store::Result<double> timed_round(Way way);
  store::Result<std::vector<store::ColumnType>> types_of(const std::string& table);
  store::Result<void> make_shadow(const std::string& shadow, const std::string& table);
  store::Result<void> load();
  store::Result<void> move_bytes();
  store::Result<void> write_kept();
  store::Result<void> write_by_sql();

  std::vector<MovedTable> moved_;
  std::string schema_;
  store::BulkConnection& first_;
  store::BulkConnection& second_;
  std::vector<Kept> kept_;
};

}  // namespace dunlin::bench
