// Source text and places in it. Every floor of the house points into text with a Span.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dunlin {

/// A half-open range of bytes [begin, end) in one file of a SourceMap.
/// `file == no_file` means "nowhere" (made by the compiler).
struct Span {
  static constexpr uint32_t no_file = UINT32_MAX;
  uint32_t file = no_file;
  uint32_t begin = 0;
  uint32_t end = 0;
  bool known() const { return file != no_file; }
  friend bool operator==(const Span&, const Span&) = default;
};

/// Smallest span that covers both; either may be unknown.
Span cover(Span a, Span b);

/// Line and column, both counted from 1; the column counts code points.
struct LineColumn {
  uint32_t line = 1;
  uint32_t column = 1;
};

/// All files of one compilation. Ids are stable; text is kept until the map goes.
class SourceMap {
 public:
  /// Adds a file. `path` is shown to people as given; `text` must be valid UTF-8 (check_utf8 first).
  uint32_t add(std::string path, std::string text);

  size_t size() const { return files_.size(); }
  const std::string& path(uint32_t file) const { return files_.at(file).path; }
  std::string_view text(uint32_t file) const { return files_.at(file).text; }
  std::string_view text(Span span) const;
  LineColumn position(uint32_t file, uint32_t offset) const;
  /// The whole line (without its end) that holds `offset`.
  std::string_view line(uint32_t file, uint32_t offset) const;
  /// "path:line:column" or "<built in>" for an unknown span.
  std::string locate(Span span) const;

 private:
  struct File {
    std::string path;
    std::string text;
    std::vector<uint32_t> line_starts;
  };
  std::vector<File> files_;
};

/// Byte offset of the first invalid UTF-8 sequence, or npos.
size_t find_invalid_utf8(std::string_view text);

}  // namespace dunlin
