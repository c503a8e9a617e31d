// What two versions of a bundle say differently: by meaning, not by text. Names of rules, the order and the layout of the text make no
// difference; a table is compared by the cases that come out otherwise, each with a concrete one.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lang/diag/source.h"
#include "lang/sema/checked.h"

namespace dunlin::plan {

/// A version to compare: its program and the text behind it.
struct VersionView {
  const checked::Program& program;
  const SourceMap& sources;
};

enum class ChangeKind : uint8_t {
  added,
  removed,
  changed,
  reordered,  // the same rules, but another one is tried first where two can act
};
const char* change_text(ChangeKind kind);

/// Cases of a table, a segmentation or another derived field that come out otherwise.
struct TableCases {
  std::vector<std::pair<std::string, std::string>> where;    // (column, the values): the box; empty for a derived field
  std::vector<std::pair<std::string, std::string>> witness;  // one case in it
  std::string before, after;                                 // what comes out; "no row" where nothing does
};

struct Change {
  ChangeKind kind = ChangeKind::changed;
  std::string what;                       // "rule", "table", "field", "stage", …
  std::string name;                       // "soft.calling: after 3 days"
  std::string before, after;              // as written, on one line; empty where there is none
  std::string where_before, where_after;  // "strategies.dun:12:3"
  std::string note;                       // what follows from it, where that is not plain
  bool wider = false;                     // a limit that now lets more through
  std::vector<TableCases> cases;
  std::vector<std::pair<std::string, std::string>> witness;  // reordered: an account on which both rules could act
};

/// A name that is another, and nothing else.
struct Renaming {
  std::string what, before, after;
};

struct Comparison {
  std::vector<Change> changes;  // in the order of the kinds of declarations, then of the text
  std::vector<Renaming> renamed;
  bool same() const { return changes.empty(); }
  bool wider() const;
};

struct CompareOptions {
  /// Steps of search for one table before the answer is "not decided" and its rows are listed instead.
  uint64_t table_work_max = 20'000'000;
  size_t cases_max = 50;  // of one table
};

Comparison compare(const VersionView& before, const VersionView& after, const CompareOptions& options = {});

}  // namespace dunlin::plan
