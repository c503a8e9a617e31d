// Offsets of one time zone over the calendar's years, as a table: what abi::Calendar::zone points to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dunlin::abi {

struct LocalTime {
  int64_t date;     // civil date, days since 1970-01-01; turns at local midnight
  int64_t seconds;  // since local midnight, whole seconds
  int64_t microseconds;
};

class ZoneRules {
 public:
  struct Span {
    int64_t begin_us;  // instant from which the offset holds; the first one holds before, too
    int64_t offset_s;
  };
  explicit ZoneRules(std::vector<Span> spans) : spans_(std::move(spans)) {}

  int64_t offset_s(int64_t instant_us) const;
  LocalTime local(int64_t instant_us) const;
  /// A local time skipped by a clock change is the first instant after the gap, a repeated one its first occurrence.
  int64_t instant(int64_t date, int64_t second_of_day, int64_t microseconds = 0) const;
  const std::vector<Span>& spans() const { return spans_; }

 private:
  std::size_t span_of(int64_t instant_us) const;
  std::vector<Span> spans_;  // by begin, never empty
};

}  // namespace dunlin::abi
