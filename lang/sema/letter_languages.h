// How languages write dates and figures. Fixed with the version of Dunlin, so that a letter reads the same wherever and whenever it is written.
#pragma once

#include <array>
#include <string_view>
#include <vector>

namespace dunlin::checked {

struct LetterLanguage {
  std::string_view name;            // "en"
  std::string_view decimal, group;  // UTF-8
  bool groups_of_four = false;      // 1 234 is left 1234; 12 345 is grouped
  std::string_view percent;         // behind a figure: "%" or a blank and "%"
  /// d, dd, mm, month, yyyy stand for parts of the date; the rest for itself.
  std::string_view short_date, long_date;
  std::array<std::string_view, 12> months;  // as `month` is written in a long date
};

/// Null: none of this name. The empty name is the neutral form: 2026-01-05, 1200.00 EUR.
const LetterLanguage* letter_language(std::string_view name);
std::vector<std::string_view> letter_language_names();

}  // namespace dunlin::checked
