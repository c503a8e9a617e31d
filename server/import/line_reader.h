// Lines of a file, with their numbers, in a fixed amount of memory whatever the file holds.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace dunlin::import {

struct Line {
  int64_t number = 0;
  std::string text;       // without its end (LF, CRLF, or CR in a file of nothing else)
  bool crlf = false;      // its end was CRLF
  bool too_long = false;  // text is its beginning only
};

class LineReader {
 public:
  /// Fails with one sentence that names the file.
  static std::expected<LineReader, std::string> open(const std::filesystem::path& file, size_t line_bytes_max);

  bool next(Line& line);
  /// Gives lines back; they are read again, in this order, before anything else.
  void put_back(std::vector<Line> lines);

  /// The byte order mark at the beginning, or nothing.
  std::string mark() const { return marked_ ? "\xEF\xBB\xBF" : ""; }

  int64_t bytes_read() const { return bytes_read_; }
  int64_t bytes_total() const { return bytes_total_; }

 private:
  bool fill();

  std::ifstream stream_;
  std::string buffer_;
  size_t offset_ = 0;
  size_t line_bytes_max_ = 0;
  int64_t number_ = 0, bytes_read_ = 0, bytes_total_ = 0;
  bool marked_ = false;
  char end_ = '\n';
  std::deque<Line> again_;
};

}  // namespace dunlin::import
