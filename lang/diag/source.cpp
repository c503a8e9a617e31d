#include "lang/diag/source.h"

#include <algorithm>

namespace dunlin {

namespace {

bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

/// Length of the well-formed UTF-8 sequence at `at`, or 0. Overlong forms, surrogates and values above U+10FFFF are refused.
size_t sequence_length(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) -> unsigned char { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0; };
  const unsigned char first = byte(at);
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return is_continuation(byte(at + 1)) ? 2 : 0;
  if (first < 0xF0) {
    const unsigned char second = byte(at + 1);
    if (!is_continuation(second) || !is_continuation(byte(at + 2))) return 0;
    if (first == 0xE0 && second < 0xA0) return 0;
    if (first == 0xED && second > 0x9F) return 0;
    return 3;
  }
  if (first > 0xF4) return 0;
  const unsigned char second = byte(at + 1);
  if (!is_continuation(second) || !is_continuation(byte(at + 2)) || !is_continuation(byte(at + 3))) return 0;
  if (first == 0xF0 && second < 0x90) return 0;
  if (first == 0xF4 && second > 0x8F) return 0;
  return 4;
}

}  // namespace

Span cover(Span a, Span b) {
  if (!a.known()) return b;
  if (!b.known() || a.file != b.file) return a;
  return {a.file, std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

uint32_t SourceMap::add(std::string path, std::string text) {
  File file{std::move(path), std::move(text), {0}};
  for (size_t i = 0; i < file.text.size(); ++i) {
    if (file.text[i] == '\n') file.line_starts.push_back(static_cast<uint32_t>(i + 1));
  }
  files_.push_back(std::move(file));
  return static_cast<uint32_t>(files_.size() - 1);
}

std::string_view SourceMap::text(Span span) const {
  if (!span.known() || span.file >= files_.size()) return {};
  const std::string_view all = files_[span.file].text;
  const size_t begin = std::min<size_t>(span.begin, all.size());
  const size_t end = std::clamp<size_t>(span.end, begin, all.size());
  return all.substr(begin, end - begin);
}

LineColumn SourceMap::position(uint32_t file, uint32_t offset) const {
  const File& source = files_.at(file);
  offset = std::min<uint32_t>(offset, static_cast<uint32_t>(source.text.size()));
  const auto after = std::upper_bound(source.line_starts.begin(), source.line_starts.end(), offset);
  const uint32_t start = *std::prev(after);
  uint32_t column = 1;
  for (uint32_t i = start; i < offset; ++i) {
    if (!is_continuation(static_cast<unsigned char>(source.text[i]))) ++column;
  }
  return {static_cast<uint32_t>(after - source.line_starts.begin()), column};
}

std::string_view SourceMap::line(uint32_t file, uint32_t offset) const {
  const File& source = files_.at(file);
  offset = std::min<uint32_t>(offset, static_cast<uint32_t>(source.text.size()));
  const auto after = std::upper_bound(source.line_starts.begin(), source.line_starts.end(), offset);
  const size_t begin = *std::prev(after);
  size_t end = after == source.line_starts.end() ? source.text.size() : *after - 1;
  if (end > begin && source.text[end - 1] == '\r') --end;
  return std::string_view(source.text).substr(begin, end - begin);
}

std::string SourceMap::locate(Span span) const {
  if (!span.known() || span.file >= files_.size()) return "<built in>";
  const LineColumn place = position(span.file, span.begin);
  return path(span.file) + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

size_t find_invalid_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = sequence_length(text, i);
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

}  // namespace dunlin
