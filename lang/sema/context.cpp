#include "lang/sema/context.h"

#include <algorithm>

namespace dunlin::sema {

Index Context::list_of(const Type& element) {
  for (size_t i = 0; i < program.lists.size(); ++i) {
    if (program.lists[i] == element) return static_cast<Index>(i);
  }
  program.lists.push_back(element);
  return static_cast<Index>(program.lists.size() - 1);
}

bool Context::is_ancestor_or_self(Index ancestor, Index entity) const {
  for (Index at = entity; at != none; at = program.entities[at].parent) {
    if (at == ancestor) return true;
  }
  return false;
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) now[j] = std::min(now[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(now);
  }
  return last[b.size()];
}

void suggest(Diagnostic& diagnostic, std::string_view written, const std::vector<std::string>& candidates) {
  constexpr size_t longest_compared = 64;
  if (written.size() > longest_compared) return;
  const size_t limit = written.size() <= 2 ? 1 : std::min<size_t>(3, (written.size() + 2) / 3);
  const std::string* best = nullptr;
  size_t best_distance = limit + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > longest_compared || candidate == written) continue;
    const size_t distance = edit_distance(written, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best = &candidate;
      best_distance = distance;
    }
  }
  if (best == nullptr) return;
  diagnostic.help = "did you mean " + in_ticks(*best) + "?";
  diagnostic.fixes.push_back({diagnostic.span, *best, "write " + in_ticks(*best)});
}

std::string in_ticks(std::string_view name) { return "`" + std::string(name) + "`"; }

bool is_numeric(TypeKind kind) { return kind == TypeKind::integer || kind == TypeKind::decimal || kind == TypeKind::number || kind == TypeKind::money; }

bool is_ordered(TypeKind kind) {
  return is_numeric(kind) || kind == TypeKind::date || kind == TypeKind::time || kind == TypeKind::datetime || kind == TypeKind::duration;
}

bool is_storable(TypeKind kind) {
  switch (kind) {
    case TypeKind::stage:
    case TypeKind::record:
    case TypeKind::instance:
    case TypeKind::event:
    case TypeKind::list:
      return false;
    default:
      return true;
  }
}

std::string plural(const std::string& entity) {
  const auto is_vowel = [](char c) { return std::string_view("aeiou").find(c) != std::string_view::npos; };
  if (entity.size() >= 2 && entity.back() == 'y' && !is_vowel(entity[entity.size() - 2])) return entity.substr(0, entity.size() - 1) + "ies";
  return entity + "s";
}

}  // namespace dunlin::sema
