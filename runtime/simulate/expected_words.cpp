#include "runtime/simulate/expected_words.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace dunlin::simulate {

namespace {

constexpr size_t words_max = 80;  // of an expectation, compared word by word
constexpr size_t around = 3;      // words shown before and behind

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

/// Without the marks of a page and without signs before and behind: `<p>Dear` and `Dear,` are the same word.
std::string plain(std::string_view word) {
  std::string text;
  bool in_mark = false;
  for (const char c : word) {
    if (c == '<') in_mark = true;
    if (!in_mark) text += c;
    if (c == '>') in_mark = false;
  }
  const auto is_sign = [](char c) { return std::string_view(".,;:!?()\"'").find(c) != std::string_view::npos; };
  while (!text.empty() && is_sign(text.back())) text.pop_back();
  while (!text.empty() && is_sign(text.front())) text.erase(0, 1);
  return text.empty() ? std::string(word) : text;
}

using Words = std::vector<std::string>;

Words plain_words(const std::vector<std::string_view>& words) {
  Words all;
  for (const std::string_view word : words) all.push_back(plain(word));
  return all;
}

/// Longest common sequences of the ends of both: [i][j] of what begins at the i-th wanted word and the j-th of the stretch.
std::vector<std::vector<size_t>> common_ends(const Words& wanted, const Words& letter, size_t from, size_t to) {
  std::vector<std::vector<size_t>> common(wanted.size() + 1, std::vector<size_t>(to - from + 1));
  for (size_t i = wanted.size(); i-- > 0;) {
    for (size_t j = to - from; j-- > 0;) {
      common[i][j] = wanted[i] == letter[from + j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  return common;
}

}  // namespace

std::string one_blank(std::string_view text) {
  // Amounts have a blank that does not break between figure and currency; nobody sees the difference.
  static constexpr std::string_view blanks[] = {" ", "\n", "\t", "\r", "\u00a0", "\u202f"};
  std::string words;
  while (!text.empty()) {
    const auto blank = std::ranges::find_if(blanks, [&](std::string_view one) { return text.starts_with(one); });
    if (blank == std::end(blanks)) {
      words += text.front();
      text.remove_prefix(1);
      continue;
    }
    if (!words.empty() && words.back() != ' ') words += ' ';
    text.remove_prefix(blank->size());
  }
  if (words.ends_with(' ')) words.pop_back();
  return words;
}

std::string nearest_words(const std::string& letter, const std::string& words) {
  const std::vector<std::string_view> written = split(letter), asked = split(words);
  Words wanted = plain_words(asked);
  if (wanted.size() > words_max) wanted.resize(words_max);
  const Words there = plain_words(written);
  size_t best = 0, best_at = 0;
  for (size_t at = 0; at < there.size(); ++at) {
    const size_t same = common_ends(wanted, there, at, std::min(at + wanted.size(), there.size()))[0][0];
    if (same <= best) continue;
    best = same;
    best_at = at;
  }
  if (best == 0) return '"' + letter + '"';
  const size_t end = std::min(best_at + wanted.size(), there.size());
  const auto common = common_ends(wanted, there, best_at, end);
  std::string missing;
  for (size_t i = 0, j = 0; i < wanted.size();) {
    if (j < end - best_at && wanted[i] == there[best_at + j]) {
      ++i;
      ++j;
    } else if (j < end - best_at && common[i][j + 1] >= common[i + 1][j]) {
      ++j;
    } else {
      missing += (missing.empty() ? "" : " ") + std::string(asked[i++]);
    }
  }
  const size_t first = best_at > around ? best_at - around : 0, last = std::min(end + around, written.size());
  std::string shown = first > 0 ? "…" : "";
  for (size_t i = first; i < last; ++i) shown += (shown.empty() ? "" : " ") + std::string(written[i]);
  if (last < written.size()) shown += " …";
  return '"' + shown + '"' + (missing.empty() ? "" : ", without \"" + missing + '"');
}

}  // namespace dunlin::simulate
