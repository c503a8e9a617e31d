// Where rows come from: a CSV file, JSON lines, or the generator. A source never throws a row away: what it cannot read it hands over as rejected.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dunlin::import {

/// Names of the columns, found by name.
class Header {
 public:
  /// Position of the column, or -1.
  int find(std::string_view name) const;
  /// Position of the column, which is added if it is new.
  int add(std::string_view name);
  const std::vector<std::string>& names() const { return names_; }
  size_t size() const { return names_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::vector<std::string> names_;
  std::unordered_map<std::string, int, Hash, std::equal_to<>> positions_;
};

struct Row {
  int64_t line = 0;  // counted from 1; of a record over several lines, the first
  std::vector<std::string> cells;
  std::string text;   // as it came, without its end; empty: the source has none
  bool crlf = false;  // its end was CRLF
};

/// A row that was not taken, and why.
struct Rejection {
  int64_t line = 0;
  std::string column;  // empty: the whole row
  std::string reason;  // one sentence, lower case
  std::string body;    // the row as it came; told on, bytes that are no text are written as \xFC
  bool crlf = false;   // its end was CRLF
  bool whole = true;   // false: the body is only its beginning, or none of the file's
  std::string bytes;   // set where it is told on: the row and its end as they came; empty: they are not known
};

class RowSource {
 public:
  enum class Next { row, rejected, end };

  virtual ~RowSource() = default;
  /// As people know the source: the file's name.
  virtual const std::string& name() const = 0;
  virtual const Header& header() const = 0;
  /// What stands before the rows, as it came: a byte order mark, and the line that names the columns with its end.
  virtual std::string head() const { return ""; }
  /// False if rows may have columns that are not known before (JSON lines).
  virtual bool header_is_complete() const { return true; }
  virtual Next next(Row& row, Rejection& rejection) = 0;
  /// How much has been read and how much there is, in any one unit, for progress. Total 0: not known.
  virtual int64_t position() const = 0;
  virtual int64_t total() const = 0;
};

/// A row as it came, as it is kept with a rejection; of a source that has no text, its cells as CSV.
std::string row_text(const Row& row);

}  // namespace dunlin::import
