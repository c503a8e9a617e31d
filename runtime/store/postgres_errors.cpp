#include "runtime/store/postgres_errors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "runtime/store/disk_room.h"

namespace dunlin::store {

namespace {

std::string one_line(std::string_view text) {
  if (text.starts_with("ERROR:")) text.remove_prefix(6);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return std::string(text.substr(0, text.find('\n')));
}

/// What a code means for somebody who runs Dunlin, and what to do. By the longest prefix; every class of SQLSTATE ends in the last line.
std::string_view sentence_for(std::string_view state) {
  static constexpr std::pair<std::string_view, std::string_view> sentences[] = {
      {"23502", "a column that Dunlin leaves empty must have a value; a table of its own was changed by hand or is of another version: `dunlin doctor` looks"},
      {"23", "a row breaks a rule of the tables themselves; a table was changed by hand or is of another version: `dunlin doctor` looks"},
      {"42P01", "a table is missing that this program needs; it was dropped, or the database is of another version: `dunlin doctor` looks"},
      {"42",
       "a table, column or function is not as this program made it; it was changed by hand, or the database is of another version: `dunlin doctor` looks"},
      {"3F000", "a schema is missing that this program needs: `dunlin doctor` looks"},
      {"54", "a limit of PostgreSQL is reached; give less at once, or raise it"},
      {"53", "the database has run out of something; see its log, give it more, and try again"},
      {"57014", "the database stopped the work, by its statement_timeout or because somebody cancelled it; try again"},
      {"58", "the database cannot read or write its own files; see its log and the disk"},
      {"F0", "the database's configuration is broken; see its log"},
      {"XX001", "the database's files are damaged; restore a backup"},
      {"XX002", "an index of the database is damaged; rebuild it (REINDEX) or restore a backup"},
      {"XX", "the database failed inside; see its log"},
  };
  for (const auto& [prefix, sentence] : sentences) {
    if (state.starts_with(prefix)) return sentence;
  }
  return "the database refused it; if it does so again, its log says more";
}

int64_t steady_us() { return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

constexpr int64_t not_seen = INT64_MIN;
std::atomic<int64_t> full_seen_at = not_seen;

}  // namespace

std::optional<double> seconds_since_disk_full() {
  const int64_t at = full_seen_at;
  if (at == not_seen) return std::nullopt;
  return static_cast<double>(steady_us() - at) / 1e6;
}

StoreError explain_error(std::string_view state, std::string_view said, std::string_view doing) {
  using Kind = StoreError::Kind;
  const auto environment = [&](std::string_view what) { return StoreError{Kind::environment, fmt::format("cannot {}: {}", doing, what)}; };
  if (state.empty() || state.starts_with("08") || state.starts_with("57P")) {
    return environment(fmt::format("the connection to the database is lost ({}); is the server running?", one_line(said)));
  }
  if (state == "53100") {
    full_seen_at = steady_us();
    StoreError full = environment("the disk of the database is full; free some space and try again");
    full.disk_full = true;
    return full;
  }
  if (state == "53200" || state == "53300") return environment("the database has no memory or no free connection; try again or raise its limits");
  if (state == "42501") return environment(fmt::format("the database user lacks a right: {}", one_line(said)));
  if (state == "25006") return environment("the database is read only (a standby?); give the primary");
  if (state == "3D000" || state == "28000" || state == "28P01") return environment(one_line(said));
  if (state.starts_with("40") || state == "23505" || state == "55P03") {
    return {Kind::conflict, fmt::format("cannot {}: somebody else changed the same rows; read them again", doing)};
  }
  if (state == "22P02" || state == "22007") return {Kind::input, one_line(said)};  // what was typed is no id, number or instant
  if (state.starts_with("22")) return {Kind::input, fmt::format("cannot {}: a value does not fit the database: {}", doing, one_line(said))};
  if (state.starts_with("DU")) {  // ours: it has its own hint
    std::string message = one_line(said);
    constexpr std::string_view mark = "\nHINT:  ";
    if (const size_t hint = said.find(mark); hint != std::string_view::npos) {
      const std::string_view rest = said.substr(hint + mark.size());
      message += ". " + std::string(rest.substr(0, rest.find('\n')));
    }
    return {Kind::input, message};
  }
  if (state == "P0001") return {Kind::conflict, one_line(said)};
  return environment(fmt::format("{} (PostgreSQL says: {}; code {})", sentence_for(state), one_line(said), state));
}

namespace {

struct CrashTest {
  long wanted = 0;
  int log = -1;
  std::atomic<long> passed = 0;

  CrashTest() {
    if (const char* at = std::getenv("DUNLIN_CRASH_AT"); at != nullptr) wanted = std::atol(at);
    if (const char* file = std::getenv("DUNLIN_CRASH_LOG"); file != nullptr) log = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  }
};

CrashTest& crash_test() {
  static CrashTest test;
  return test;
}

std::atomic<void (*)()> hook_at_boundaries = nullptr;

}  // namespace

void at_crash_points(void (*hook)()) { hook_at_boundaries = hook; }

bool crash_points_counted() { return crash_test().wanted != 0 || crash_test().log >= 0 || hook_at_boundaries.load(std::memory_order_relaxed) != nullptr; }

void crash_point(Boundary boundary) {
  if (!crash_points_counted()) return;
  if (auto* const hook = hook_at_boundaries.load(std::memory_order_relaxed)) return hook();
  CrashTest& test = crash_test();
  const long number = ++test.passed;
  if (test.log >= 0) {
    constexpr const char* names[] = {"before", "written", "committed"};
    const std::string line = fmt::format("{} {}\n", number, names[static_cast<size_t>(boundary)]);
    (void)!::write(test.log, line.data(), line.size());
  }
  if (number == test.wanted) kill(getpid(), SIGKILL);
}

}  // namespace dunlin::store
