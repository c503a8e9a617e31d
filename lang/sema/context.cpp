#include "lang/sema/context.h"

#include <algorithm>

#include "lang/sema/transfers.h"

namespace dunlin::sema {

bool is_kept(const Context& context, uint32_t file) { return file != Span::no_file && checked::kept_version(context.sources.path(file)) != 0; }

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

namespace {

thread_local size_t comparisons_left = SIZE_MAX;

/// The distance where it is at most `limit`, else more than that: only a band beside the diagonal is looked at.
size_t edit_distance_up_to(std::string_view a, std::string_view b, size_t limit) {
  const size_t far = limit + 1;
  if (a.size() > b.size() + limit || b.size() > a.size() + limit) return far;
  thread_local std::vector<size_t> before, last, now;
  for (auto* row : {&before, &last, &now}) row->assign(b.size() + 1, far);
  for (size_t j = 0; j <= std::min(b.size(), limit); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    const size_t from = i > limit ? i - limit : 1, to = std::min(b.size(), i + limit);
    now[from - 1] = from == 1 ? std::min(i, far) : far;
    size_t nearest = now[from - 1];
    for (size_t j = from; j <= to; ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]), far});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) now[j] = std::min(now[j], before[j - 2] + 1);
      nearest = std::min(nearest, now[j]);
    }
    if (to < b.size()) now[to + 1] = far;
    if (nearest >= far) return far;  // even a swap of neighbours costs one more than what lies two rows above
    before.swap(last);
    last.swap(now);
  }
  return std::min(last[b.size()], far);
}

}  // namespace

NearMatchBudget::NearMatchBudget() : before_(comparisons_left) {
  constexpr size_t comparisons_max = 200'000;
  comparisons_left = comparisons_max;
}
NearMatchBudget::~NearMatchBudget() { comparisons_left = before_; }
bool near_matches_left() { return comparisons_left > 0; }

size_t edit_distance(std::string_view a, std::string_view b) { return edit_distance_up_to(a, b, std::max(a.size(), b.size())); }

void suggest(Diagnostic& diagnostic, std::string_view written, const std::vector<std::string>& candidates) {
  constexpr size_t longest_compared = 64;
  if (written.size() > longest_compared) return;
  size_t limit = written.size() <= 2 ? 1 : std::min<size_t>(3, (written.size() + 2) / 3);
  const std::string* best = nullptr;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > longest_compared || candidate == written) continue;
    if (comparisons_left == 0) break;
    --comparisons_left;
    const size_t distance = edit_distance_up_to(written, candidate, limit);
    if (distance <= limit && distance < candidate.size()) {
      best = &candidate;
      if (distance <= 1) break;  // no other is nearer
      limit = distance - 1;
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
