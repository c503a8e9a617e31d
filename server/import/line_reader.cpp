#include "server/import/line_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace dunlin::import {
namespace {

constexpr size_t chunk_bytes = 64u << 10;

/// What kind of file this is not, by its first bytes; empty if it looks like text.
std::string wrong_kind(std::string_view start) {
  auto begins = [&](std::string_view magic) { return start.substr(0, magic.size()) == magic; };
  if (begins("\xFF\xFE") || begins("\xFE\xFF")) return "it is UTF-16 text; save it as UTF-8";
  if (begins("PK\x03\x04")) return "it is a spreadsheet or a zip archive; export it as CSV";
  if (begins("\x1F\x8B")) return "it is compressed; unpack it first";
  if (begins("\x28\xB5\x2F\xFD")) return "it is compressed; unpack it first";
  if (begins("%PDF")) return "it is a PDF document; export the table as CSV";
  // A row with a zero byte is set aside by itself; a file of many, or one that begins so, is none of rows.
  const size_t zero = start.find('\0');
  if (zero == std::string_view::npos) return "";
  const auto zeros = static_cast<size_t>(std::count(start.begin(), start.end(), '\0'));
  const auto line = std::count(start.begin(), start.begin() + static_cast<std::ptrdiff_t>(zero), '\n') + 1;
  if (line > 1 && zeros < start.size() / 4) return "";
  return fmt::format("it is not text: byte {} is zero, in line {}", zero + 1, line);
}

}  // namespace

std::expected<LineReader, std::string> LineReader::open(const std::filesystem::path& file, size_t line_bytes_max) {
  std::error_code error;
  auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) return std::unexpected("there is no file `" + file.string() + "`");
  if (std::filesystem::is_directory(status)) return std::unexpected("`" + file.string() + "` is a folder, not a file");
  LineReader reader;
  reader.stream_.open(file, std::ios::binary);
  if (!reader.stream_) return std::unexpected("`" + file.string() + "` cannot be opened: " + std::strerror(errno));
  reader.line_bytes_max_ = line_bytes_max;
  auto size = std::filesystem::file_size(file, error);
  reader.bytes_total_ = error ? 0 : static_cast<int64_t>(size);
  if (!reader.fill()) return std::unexpected("`" + file.string() + "` is empty");
  if (auto kind = wrong_kind(reader.buffer_); !kind.empty()) return std::unexpected("`" + file.string() + "` cannot be read: " + kind);
  reader.marked_ = reader.buffer_.starts_with("\xEF\xBB\xBF");
  if (reader.marked_) reader.offset_ = 3;
  // As an old spreadsheet on a Mac writes it.
  const size_t first = reader.buffer_.find('\r');
  if (first != std::string::npos && first + 1 < reader.buffer_.size() && reader.buffer_.find('\n') == std::string::npos) reader.end_ = '\r';
  return reader;
}

bool LineReader::fill() {
  buffer_.resize(chunk_bytes);
  stream_.read(buffer_.data(), static_cast<std::streamsize>(chunk_bytes));
  buffer_.resize(static_cast<size_t>(stream_.gcount()));
  offset_ = 0;
  bytes_read_ += static_cast<int64_t>(buffer_.size());
  return !buffer_.empty();
}

bool LineReader::next(Line& line) {
  if (!again_.empty()) {
    line = std::move(again_.front());
    again_.pop_front();
    return true;
  }
  line.text.clear();
  line.too_long = false;
  bool any = false, ended = false;
  while (!ended) {
    if (offset_ >= buffer_.size() && !fill()) break;
    any = true;
    size_t end = buffer_.find(end_, offset_);
    ended = end != std::string::npos;
    std::string_view piece = std::string_view(buffer_).substr(offset_, (ended ? end : buffer_.size()) - offset_);
    size_t room = line_bytes_max_ - std::min(line_bytes_max_, line.text.size());
    if (piece.size() > room) line.too_long = true;
    line.text += piece.substr(0, room);
    offset_ = ended ? end + 1 : buffer_.size();
  }
  if (!any) return false;
  line.crlf = !line.too_long && line.text.ends_with('\r');
  if (line.crlf) line.text.pop_back();
  line.number = ++number_;
  return true;
}

void LineReader::put_back(std::vector<Line> lines) {
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) again_.push_front(std::move(*line));
}

}  // namespace dunlin::import
