// The reference night with PostgreSQL: read, decide, write, commit; beside the bare bytes and beside SQL that does the same.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>

namespace dunlin::bench {

struct EndToEndOptions {
  std::filesystem::path bundle, stdlib;
  std::string database;  // empty: a private server in `data`, which goes afterwards if `data` is empty too
  std::string data;
  int64_t accounts = 1'000'000;
  int rounds = 5;
  bool progress = false;
};

struct EndToEndFigures {
  double end_to_end_s = 0;  // COPY out, kernel, COPY in, reader and writer at once, one committed transaction
  double copy_floor_s = 0;  // the same rows out and in, nothing decided
  double sql_s = 0;         // one SQL statement with the same logic
  double full_night_s = 0;  // the engine: every case file loaded, stepped, committed with state, tasks, decisions
  double full_night_copy_floor_s = 0;
  double sql_twin_s = 0;         // SQL that writes the rows of that night, computed before
  double night_2pct_s = 0;       // the engine on a night on which 2% of the case files wake
  int64_t night_2pct_cases = 0;  // how many they were
  double event_night_s = 0;      // the same with events arriving all the while, until the last of them is stepped
  double posting_s = 0;          // when the last of them was posted
  double event_night_copy_floor_s = 0, event_night_sql_twin_s = 0;
  int64_t events = 0, event_night_cases = 0;
  int64_t tasks = 0;
  double rss_mb = 0;  // most memory the process has had
};

std::expected<EndToEndFigures, std::string> measure_end_to_end(const EndToEndOptions& options);

}  // namespace dunlin::bench
