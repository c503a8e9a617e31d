#include "runtime/engine/letter_words.h"

#include <bit>
#include <charconv>
#include <cstdlib>

#include "compiler/abi/clock.h"
#include "lang/sema/letter_languages.h"

namespace dunlin::engine {

namespace {

using checked::LetterLanguage;
using checked::LetterStyle;
using checked::TypeKind;

std::string two(int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); }

std::string grouped(const std::string& digits, const LetterLanguage& language) {
  if (language.group.empty() || digits.size() < (language.groups_of_four ? 5u : 4u)) return digits;
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += language.group;
    text += digits[i];
  }
  return text;
}

/// A whole number of units, `places` of whose digits stand behind the point; of those the last `optional` are left out while they are zero.
std::string figure(int64_t units, int places, int optional, bool groups, const LetterLanguage& language) {
  const bool negative = units < 0;
  std::string digits = std::to_string(negative ? 0 - static_cast<uint64_t>(units) : static_cast<uint64_t>(units));
  const auto behind = static_cast<size_t>(places);
  if (digits.size() <= behind) digits.insert(0, behind + 1 - digits.size(), '0');
  std::string fraction = digits.substr(digits.size() - behind);
  digits.resize(digits.size() - behind);
  for (; optional > 0 && fraction.ends_with('0'); --optional) fraction.pop_back();
  std::string text = negative ? "-" : "";
  text += groups ? grouped(digits, language) : digits;
  if (!fraction.empty()) text += std::string(language.decimal) + fraction;
  return text;
}

std::string number(double value, bool percent, const LetterLanguage& language) {
  // Never with an exponent; a share has six places at most, so that the product shows no rounding of its own.
  char buffer[400];
  const auto end = percent ? std::to_chars(buffer, buffer + sizeof buffer, value * 100, std::chars_format::fixed, 6)
                           : std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  std::string text(buffer, end.ptr);
  if (percent && text.find('.') != std::string::npos) {
    while (text.ends_with('0')) text.pop_back();
    if (text.ends_with('.')) text.pop_back();
  }
  if (const size_t point = text.find('.'); point != std::string::npos) text.replace(point, 1, language.decimal);
  return text;
}

std::string date_by(std::string_view pattern, int64_t date, const LetterLanguage& language) {
  const abi::Civil civil = abi::civil_of(date);
  std::string text;
  for (size_t at = 0; at < pattern.size();) {
    size_t end = at;
    while (end < pattern.size() && pattern[end] >= 'a' && pattern[end] <= 'z') ++end;
    const std::string_view word = pattern.substr(at, end - at);
    if (word == "d") {
      text += std::to_string(civil.day);
    } else if (word == "dd") {
      text += two(civil.day);
    } else if (word == "mm") {
      text += two(civil.month);
    } else if (word == "month") {
      text += language.months[static_cast<size_t>(civil.month - 1)];
    } else if (word == "yyyy") {
      text += std::to_string(civil.year);
    } else if (end > at) {
      text += word;
    } else {
      text += pattern[end++];
    }
    at = end;
  }
  return text;
}

std::string date(int64_t day, LetterStyle style, const LetterLanguage& language) {
  if (style == LetterStyle::iso) return date_by("yyyy-mm-dd", day, language);
  return date_by(style == LetterStyle::long_ ? language.long_date : language.short_date, day, language);
}

std::string clock(int64_t seconds) { return two(seconds / 3600) + ":" + two(seconds / 60 % 60); }

std::string instant(int64_t at, LetterStyle style, const LetterLanguage& language, const abi::Calendar& calendar) {
  const abi::LocalTime local = abi::zone_of(calendar).local(at);
  if (style == LetterStyle::time) return clock(local.seconds);
  std::string text = date(local.date, style, language);
  return style == LetterStyle::date ? text : text + " " + clock(local.seconds);
}

/// Blanks at which no line ends are none of the alphabet of SMS.
std::string with_plain_blanks(std::string text) {
  for (const std::string_view blank : {"\u00A0", "\u202F"}) {
    for (size_t at = text.find(blank); at != std::string::npos; at = text.find(blank, at)) text.replace(at, blank.size(), " ");
  }
  return text;
}

std::string words(const checked::Program& program, const checked::Type& type, const int64_t* slots, const LetterLanguage& language, LetterStyle style,
                  const abi::Calendar& calendar) {
  const bool groups = style != LetterStyle::bare;
  constexpr int decimal_places = 6;
  switch (type.kind) {
    case TypeKind::integer:
      return figure(*slots, 0, 0, groups, language);
    case TypeKind::decimal:
      if (style == LetterStyle::percent) return figure(*slots, decimal_places - 2, decimal_places - 2, groups, language) + std::string(language.percent);
      return figure(*slots, decimal_places, decimal_places, groups, language);
    case TypeKind::number:
      return number(std::bit_cast<double>(*slots), style == LetterStyle::percent, language) +
             (style == LetterStyle::percent ? std::string(language.percent) : std::string());
    case TypeKind::money: {
      std::string text = figure(*slots, program.bundle.minor_digits, 0, groups, language);
      return style == LetterStyle::bare ? text : text + "\u00A0" + program.bundle.currency;
    }
    case TypeKind::date:
      return date(*slots, style, language);
    case TypeKind::datetime:
      return instant(*slots, style, language, calendar);
    case TypeKind::time:
      return clock(*slots);
    case TypeKind::enumeration: {
      std::string name = program.enums[static_cast<size_t>(type.id)].literals[static_cast<size_t>(*slots)];
      for (char& c : name) c = c == '_' ? ' ' : c;
      return name;
    }
    default:
      return {};
  }
}

}  // namespace

std::string letter_words(const checked::Program& program, const checked::Type& type, const int64_t* slots, const checked::Letter& letter,
                         checked::LetterStyle style, const abi::Calendar& calendar) {
  if (type.kind == TypeKind::text || type.kind == TypeKind::timezone || type.kind == TypeKind::location || type.kind == TypeKind::file)
    return std::string(reinterpret_cast<const abi::Text*>(*slots)->view());
  const LetterLanguage* language = checked::letter_language(letter.language);
  std::string text = words(program, type, slots, language == nullptr ? *checked::letter_language("") : *language, style, calendar);
  return letter.format == checked::Letter::Format::text ? with_plain_blanks(std::move(text)) : text;
}

}  // namespace dunlin::engine
