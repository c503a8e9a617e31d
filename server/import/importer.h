// Carries the rows of a source into a store, batch by batch. What cannot be taken is set aside with its line and the reason; nothing is lost.
#pragma once

#include <functional>
#include <map>
#include <unordered_map>

#include "server/import/row_mapper.h"

namespace dunlin::import {

struct ImportSummary {
  int64_t rows_read = 0, rows_taken = 0, rows_rejected = 0;
  int64_t rows_repeated = 0;                            // an entity or event that stood in the file before, with the same values
  std::map<std::string, store::ImportCounts> entities;  // by name
  store::ImportCounts events;
  std::map<std::string, int64_t> event_rows;  // how many the rows held, by name of the event
  std::vector<Rejection> first_rejections;    // at most 20
  std::vector<std::string> first_differing;   // events that are known with other content; at most 20
  int64_t older() const;                      // rows that were left alone
};

struct ImportOptions {
  store::Instant as_of = 0;
  bool correct = false;  // the rows are right, whatever is known as of later
  size_t batch_rows = 5000;
  std::function<void(int64_t position, int64_t total)> progress;  // may be empty
  /// Why an event cannot be taken whatever its case file says; may be empty.
  std::function<std::optional<std::string>(const store::EventRow&)> refuses;
  /// Told of every row that is not taken; `by_store`: it could be read, and the store could not place it. May be empty.
  std::function<void(const Rejection&, bool by_store)> rejected;
  /// Told of every row that is left alone because something newer is known, with its line. May be empty.
  std::function<void(const store::OlderRow&, int64_t line)> older;
};

/// One sentence if data cannot be of this instant yet: it lies more than a day ahead of the clock.
std::optional<std::string> ahead_of_clock(store::Instant as_of, store::Instant clock);

/// Reads a whole source and says what import_rows() would reject of it before the store is asked. Nothing is written.
ImportSummary try_rows(const checked::Program& program, RowMapper& mapper, RowSource& source, const ImportOptions& options);

/// Runs a whole source through. An error of the store ends it; what was committed before stays, and the same file can be imported again.
store::Result<ImportSummary> import_rows(store::Store& store, const checked::Program& program, RowMapper& mapper, RowSource& source,
                                         const ImportOptions& options);

/// Sees keys twice: the same values again are a repetition, others a contradiction. Knows the rows since it was made, up to a limit; behind that the
/// store decides (an entity's last values stand, an event's first).
class SeenKeys {
 public:
  enum class Seen { first, same, contradicts };
  explicit SeenKeys(size_t limit = 8'000'000) : limit_(limit) {}
  /// `line_before` is set unless first. What is seen first is tentative until keep().
  Seen look(const checked::Program& program, const store::InstanceRow& row, int64_t line, int64_t& line_before);
  Seen look(const checked::Program& program, const store::EventRow& row, int64_t line, int64_t& line_before);
  void keep() { tentative_.clear(); }
  /// Forgets what was seen since the last keep(): the row it came from is not taken.
  void forget();

 private:
  struct Entry {
    uint64_t content;
    int64_t line;
  };
  Seen remember(uint64_t key, uint64_t content, int64_t line, int64_t& line_before);
  std::unordered_map<uint64_t, Entry> entries_;
  std::vector<uint64_t> tentative_;
  size_t limit_;
};

}  // namespace dunlin::import
