// What an evaluation looked at: read by `explain` (why, and why not) and by the coverage of tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/ir/ir.h"
#include "lang/diag/source.h"

namespace dunlin {

/// A value that was read or computed under a name.
struct TraceRead {
  ir::Note::Kind kind = ir::Note::Kind::field;
  std::string name;      // "account.dpd", "count(call)"
  std::string value;     // as Dunlin text
  int64_t instance = 0;  // abi::Instance::id of whose it is; 0: of the instance that asks, or of none
  Span span;
  int32_t depth = 0;  // 0: in the rule itself; more: within a derived field, function or loop
};

/// A condition or a part of one that was looked at. Parts follow their whole.
struct TraceCondition {
  Span span;
  bool holds = false;
  int32_t parent = -1;    // the condition it is a part of, in Trace::conditions
  bool deciding = false;  // the part that made its whole what it is
  int32_t depth = 0;
};

struct TraceRow {
  checked::Index table = checked::none;
  int64_t row = 0;  // as written; number of rows: otherwise, or none
};

struct Trace {
  std::vector<TraceRead> reads;
  std::vector<TraceCondition> conditions;
  std::vector<TraceRow> rows;
  bool complete = true;  // false: there was more than the limit
  void clear() { *this = {}; }
};

constexpr size_t trace_entries_max = 10'000;

}  // namespace dunlin
