// The control totals that come with a bank's file: how many rows it has and what a column sums up to, in its last line or in a file beside it
// (docs/guides/import-mapping.md). A source wrapped by `controlled` gives the data rows only and counts them on the way.
#pragma once

#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "server/import/row_source.h"
#include "server/import/value_reader.h"

namespace dunlin::import {

/// `[control]` of a mapping.
struct ControlSettings {
  std::string trailer;               // first cell of the last line; empty: no such line
  size_t rows_at = 2, total_at = 3;  // cells of that line, counted from 1; total_at 0: it tells no total
  std::string beside;                // what the file beside it is called: "{file}.ctl"; empty: none
  std::string total_of;              // column that is summed; empty: none
  ValueFormat format;                // of the figures
  bool given() const { return !trailer.empty() || !beside.empty(); }
};

/// Figures in millionths, as the file says them and as its rows come to.
struct ControlTotals {
  bool found = false;   // the trailer or the file beside was there and could be read
  std::string trouble;  // why not, one sentence
  std::optional<int64_t> rows_told, total_told;
  int64_t rows = 0, total = 0;
  int64_t unsummed = 0;  // rows whose figure could not be read
  /// One sentence; empty: what is told is what came.
  std::string difference() const;
};

/// "1234.5" from millionths.
std::string millionths_text(int64_t value);

/// Wraps `source`. `totals` is complete when the source has come to its end; it must stay. `file` is the file itself, for what lies beside it.
std::unique_ptr<RowSource> controlled(std::unique_ptr<RowSource> source, const std::filesystem::path& file, const ControlSettings& settings,
                                      ControlTotals& totals);

/// sha-256 of a file's bytes in hex, for which file it was. Fails with one sentence.
std::expected<std::string, std::string> file_hash(const std::filesystem::path& file);

}  // namespace dunlin::import
