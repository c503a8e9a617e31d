#include "server/import/near_match.h"

#include <algorithm>
#include <numeric>

namespace dunlin::import {
namespace {

size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j + 1] + 1, row[j] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::string near_match(std::string_view wanted, const std::vector<std::string>& names) {
  std::string best;
  size_t best_distance = std::max<size_t>(1, wanted.size() / 3) + 1;
  if (wanted.size() > 200) return best;
  for (const auto& name : names) {
    if (name.size() > 200) continue;
    size_t d = distance(wanted, name);
    if (d < best_distance) {
      best_distance = d;
      best = name;
    }
  }
  return best;
}

std::string suggest(std::string_view wanted, const std::vector<std::string>& names) {
  if (names.empty()) return "";
  if (auto near = near_match(wanted, names); !near.empty()) return "did you mean `" + near + "`?";
  std::string text = "there is ";
  for (size_t i = 0; i < names.size() && i < 15; ++i) text += (i > 0 ? ", " : "") + names[i];
  return text + (names.size() > 15 ? ", …" : "");
}

}  // namespace dunlin::import
