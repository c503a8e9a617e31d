// Questions about the letters of a checked program, and how long a message is.
#include <algorithm>

#include "lang/sema/checked_letters.h"
#include "lang/sema/checked_people.h"

namespace dunlin::checked {

const std::vector<Letter>& letters_of(const Queue& queue) {
  static const std::vector<Letter> nothing;
  return queue.policy && queue.policy->letters ? *queue.policy->letters : nothing;
}

const Letter* find_letter(const Program& program, const Queue& queue, std::string_view treatment, Index entity) {
  const std::vector<Letter>& letters = letters_of(queue);
  if (letters.empty()) return nullptr;
  for (; entity != none; entity = program.entities[static_cast<size_t>(entity)].parent) {
    const auto found = std::ranges::find_if(letters, [&](const Letter& letter) { return letter.entity == entity && letter.name == treatment; });
    if (found != letters.end()) return &*found;
  }
  return nullptr;
}

namespace {

/// The basic alphabet of GSM 03.38 beyond ASCII, and its extension, whose characters take two septets.
constexpr std::u32string_view gsm_more = U"£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¡ÄÖÑÜ§¿äöñüà¤", gsm_twice = U"^{}\\[~]|€\f", gsm_never = U"`\t";

char32_t next_character(std::string_view text, size_t& at) {
  const auto byte = static_cast<unsigned char>(text[at++]);
  if (byte < 0x80) return byte;
  int more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
  char32_t value = byte & (0x3F >> more);
  for (; more > 0 && at < text.size(); --more) value = (value << 6) | (static_cast<unsigned char>(text[at++]) & 0x3F);
  return value;
}

}  // namespace

MessageSize message_size(std::string_view utf8) {
  MessageSize septets, wide{.units = 0, .wide = true};
  bool fits = true;
  for (size_t at = 0; at < utf8.size();) {
    const char32_t c = next_character(utf8, at);
    wide.units += c > 0xFFFF ? 2 : 1;
    const bool twice = gsm_twice.find(c) != std::u32string_view::npos;
    const bool plain = (c >= 0x20 && c < 0x7F) || c == '\n' || c == '\r';
    fits = fits && gsm_never.find(c) == std::u32string_view::npos && (plain || twice || gsm_more.find(c) != std::u32string_view::npos);
    septets.units += twice ? 2 : 1;
  }
  return fits ? septets : wide;
}

int64_t MessageSize::parts() const {
  const int64_t alone = wide ? 70 : 160, joined = wide ? 67 : 153;
  return units <= alone ? 1 : (units + joined - 1) / joined;
}

}  // namespace dunlin::checked
