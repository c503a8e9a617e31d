#include "server/output/terminal.h"

#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace dunlin::server {
namespace {

uint32_t next_code_point(std::string_view text, size_t& at) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  uint32_t first = byte(at);
  size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  uint32_t point = length == 1 ? first : first & (0xFFu >> (length + 1));
  for (size_t i = 1; i < length; ++i) point = (point << 6) | (byte(at + i) & 0x3F);
  at += length;
  return point;
}

size_t width_of(uint32_t point) {
  bool combining = (point >= 0x0300 && point <= 0x036F) || point == 0x200D || (point >= 0xFE00 && point <= 0xFE0F);
  bool wide = (point >= 0x1100 && point <= 0x115F) || (point >= 0x2E80 && point <= 0xA4CF) || (point >= 0xAC00 && point <= 0xD7A3) ||
              (point >= 0xF900 && point <= 0xFAFF) || (point >= 0xFF00 && point <= 0xFF60) || (point >= 0x1F300 && point <= 0x1FAFF);
  return combining ? 0 : wide ? 2 : 1;
}

const char* escape(Style style) {
  switch (style) {
    case Style::bold:
      return "\033[1m";
    case Style::dim:
      return "\033[2m";
    case Style::red:
      return "\033[31m";
    case Style::green:
      return "\033[32m";
    case Style::yellow:
      return "\033[33m";
    case Style::blue:
      return "\033[34m";
    default:
      return "";
  }
}

}  // namespace

bool wants_color() {
  const char* terminal = std::getenv("TERM");
  return isatty(STDOUT_FILENO) && !std::getenv("NO_COLOR") && terminal && std::string_view(terminal) != "dumb";
}

bool errors_go_to_terminal() { return isatty(STDERR_FILENO); }

std::string styled(std::string_view text, Style style, bool color) {
  if (!color || style == Style::plain) return std::string(text);
  return std::string(escape(style)) + std::string(text) + "\033[0m";
}

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (size_t at = 0; at < text.size();) width += width_of(next_code_point(text, at));
  return width;
}

std::string printable(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    size_t begin = at;
    uint32_t point = next_code_point(text, at);
    bool control = point < 0x20 || (point >= 0x7F && point < 0xA0) || (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
    result += control ? "·" : std::string(text.substr(begin, at - begin));
  }
  return result;
}

std::string grouped(long long figure) {
  std::string digits = std::to_string(figure < 0 ? -figure : figure);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return (figure < 0 ? "-" : "") + digits;
}

}  // namespace dunlin::server
