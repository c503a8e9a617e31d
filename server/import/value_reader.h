// Text from a file -> a value in slot form (lang/sema/types.h). Exact: a figure that does not fit is refused, never rounded.
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>

#include "compiler/abi/arena.h"
#include "lang/sema/checked.h"

namespace dunlin::import {

/// How a column writes its values. The standard is what Dunlin itself writes: 1234.50, 2005-04-28, 2005-04-28 12:00.
struct ValueFormat {
  char decimal_point = '.';
  std::string thousands;  // a separator to leave out, may be empty
  /// A figure is multiplied with this before it is taken: scale_numerator / 10^scale_digits.
  int64_t scale_numerator = 1;
  int scale_digits = 0;
  std::string date = "%Y-%m-%d";  // %Y %m %d %H %M %S and plain characters
};

/// Local time of the bundle and back. Thread safe after it was made.
class Zone {
 public:
  /// Fails with one sentence where the machine has no such zone.
  static std::expected<Zone, std::string> find(const checked::Bundle& bundle);
  /// Instant of a local time: a skipped one is the first instant after the gap, a repeated one its first occurrence.
  int64_t instant(int64_t local_us) const;
  /// Local time of an instant.
  int64_t local(int64_t instant_us) const;
  /// Instant at which this date (days since 1970-01-01) begins for the bundle: its `day starts`.
  int64_t day_start(int64_t date) const;

 private:
  const void* zone_ = nullptr;
  int64_t day_start_s_ = 0;
};

class ValueReader {
 public:
  ValueReader(const checked::Program& program, const Zone& zone) : program_(program), zone_(zone) {}

  /// Writes slot_count(type) slots. An empty text is missing: good for an optional type, an error for another.
  /// The error is one sentence without the column's name: "`abc` is not a date (2005-04-28 is expected)".
  std::expected<void, std::string> read(const checked::Type& type, std::string_view text, const ValueFormat& format, abi::Arena& arena, int64_t* slots) const;
  /// The same for a stored field, whose range it holds.
  std::expected<void, std::string> read_field(const checked::Field& field, std::string_view text, const ValueFormat& format, abi::Arena& arena,
                                              int64_t* slots) const;
  /// A date (its day start), a local date and time, or an instant with Z or an offset.
  std::expected<int64_t, std::string> read_instant(std::string_view text, const ValueFormat& format) const;

 private:
  std::expected<int64_t, std::string> read_slot(const checked::Type& type, std::string_view text, const ValueFormat& format, abi::Arena& arena) const;

  const checked::Program& program_;
  const Zone& zone_;
};

/// Days since 1970-01-01 of a date written YYYY-MM-DD.
std::expected<int64_t, std::string> read_date(std::string_view text);
/// YYYY-MM-DD of a number of days since 1970-01-01.
std::string date_text(int64_t days);

}  // namespace dunlin::import
