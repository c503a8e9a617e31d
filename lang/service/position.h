// Places as editors count them: lines from 0, and in a line units of UTF-16 from 0. A Cyrillic letter is one unit and two bytes; 𝄞 is two units and four bytes.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace dunlin::service {

struct Position {
  uint32_t line = 0;
  uint32_t character = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};
struct Range {
  Position start, end;
  friend bool operator==(const Range&, const Range&) = default;
};

/// Converts between bytes of a text (valid UTF-8) and positions in it. Refers to the text, which must stay.
class LineMap {
 public:
  explicit LineMap(std::string_view text);
  /// An offset inside a letter means its beginning, one behind the text its end.
  Position position(uint32_t offset) const;
  Range range(uint32_t begin, uint32_t end) const { return {position(begin), position(end)}; }
  /// A character behind the line's end means the line's end, a line behind the last one the text's end.
  uint32_t offset(Position position) const;
  uint32_t lines() const { return static_cast<uint32_t>(starts_.size()); }

 private:
  std::string_view text_;
  std::vector<uint32_t> starts_;
};

}  // namespace dunlin::service
