#include "lang/service/position.h"

#include <algorithm>

namespace dunlin::service {

namespace {

bool continues_letter(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }
/// Letters beyond the first 65,536 take four bytes in UTF-8 and two units in UTF-16.
uint32_t units(char first) { return static_cast<unsigned char>(first) >= 0xF0 ? 2 : 1; }

}  // namespace

LineMap::LineMap(std::string_view text) : text_(text), starts_{0} {
  for (uint32_t i = 0; i < text.size(); ++i) {
    const bool lone_return = text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n');
    if (text[i] == '\n' || lone_return) starts_.push_back(i + 1);
  }
}

Position LineMap::position(uint32_t offset) const {
  offset = std::min(offset, static_cast<uint32_t>(text_.size()));
  while (offset > 0 && offset < text_.size() && continues_letter(text_[offset])) --offset;
  const auto line = static_cast<uint32_t>(std::upper_bound(starts_.begin(), starts_.end(), offset) - starts_.begin()) - 1;
  uint32_t character = 0;
  for (uint32_t i = starts_[line]; i < offset; ++i) {
    if (!continues_letter(text_[i])) character += units(text_[i]);
  }
  return {line, character};
}

uint32_t LineMap::offset(Position position) const {
  if (position.line >= starts_.size()) return static_cast<uint32_t>(text_.size());
  uint32_t at = starts_[position.line];
  uint32_t character = 0;
  while (at < text_.size() && text_[at] != '\n' && text_[at] != '\r') {
    const uint32_t width = units(text_[at]);
    if (character + width > position.character) break;
    character += width;
    ++at;
    while (at < text_.size() && continues_letter(text_[at])) ++at;
  }
  return at;
}

}  // namespace dunlin::service
