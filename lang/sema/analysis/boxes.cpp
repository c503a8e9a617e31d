#include "lang/sema/analysis/boxes.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace dunlin::analysis {

Side intersect(const Side& a, const Side& b) {
  Side result;
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    const int32_t low = std::max(a[i].low, b[j].low);
    const int32_t high = std::min(a[i].high, b[j].high);
    if (low <= high) result.push_back({low, high});
    if (a[i].high < b[j].high) {
      ++i;
    } else {
      ++j;
    }
  }
  return result;
}

bool contains(const Side& outer, const Side& inner) { return intersect(outer, inner) == inner; }

bool is_empty(const Box& box) {
  return std::any_of(box.begin(), box.end(), [](const Side& side) { return side.empty(); });
}

namespace {

/// One question "do these boxes cover the target?", answered by a sweep over the first column that splits the boxes
/// and the same question for the rest of the columns in each piece.
class CoverageSearch {
 public:
  CoverageSearch(const Box& target, const std::vector<const Box*>& boxes, Work& work) : target_(target), work_(work) {
    for (const Box* box : boxes) add(*box);
    choose_order();
    measure_full_tails();
    solved_.resize(target.size() + 1);
  }

  CoverageAnswer run() {
    std::vector<uint32_t> all(boxes_.size());
    std::iota(all.begin(), all.end(), 0);
    CoverageAnswer answer;
    if (is_empty(target_)) return answer;
    place_.assign(target_.size(), Run{});
    answer.coverage = search(0, all);
    if (answer.coverage == Coverage::gap) answer.gap = place_;
    return answer;
  }

 private:
  void add(const Box& box) {
    Box clipped(box.size());
    for (size_t c = 0; c < box.size(); ++c) clipped[c] = intersect(box[c], target_[c]);
    work_.spend(box.size());
    if (!is_empty(clipped)) boxes_.push_back(std::move(clipped));
  }

  bool full(uint32_t box, size_t column) const { return boxes_[box][column] == target_[column]; }

  /// Columns that tell most boxes apart come first: the pieces are then small early.
  void choose_order() {
    order_.resize(target_.size());
    std::iota(order_.begin(), order_.end(), 0);
    std::vector<size_t> full_boxes(target_.size());
    for (size_t c = 0; c < target_.size(); ++c) {
      for (uint32_t b = 0; b < boxes_.size(); ++b) full_boxes[c] += full(b, c);
    }
    std::stable_sort(order_.begin(), order_.end(), [&](size_t a, size_t b) { return full_boxes[a] < full_boxes[b]; });
  }

  /// For each box the first level from which on it takes everything that is left.
  void measure_full_tails() {
    full_from_.resize(boxes_.size());
    for (uint32_t b = 0; b < boxes_.size(); ++b) {
      size_t level = order_.size();
      while (level > 0 && full(b, order_[level - 1])) --level;
      full_from_[b] = level;
    }
  }

  Coverage search(size_t level, const std::vector<uint32_t>& active) {
    if (!work_.spend(active.size() + 1)) return Coverage::undecided;
    if (active.empty()) {
      for (size_t l = level; l < order_.size(); ++l) place_[order_[l]] = target_[order_[l]].front();
      return Coverage::gap;
    }
    if (std::any_of(active.begin(), active.end(), [&](uint32_t b) { return full_from_[b] <= level; })) return Coverage::covered;
    if (solved_[level].contains(active)) return Coverage::covered;
    const Coverage coverage = sweep(level, active);
    if (coverage == Coverage::covered) solved_[level].emplace(active, true);
    return coverage;
  }

  /// The atoms at which the set of boxes changes, in order; the ends of the target's runs too.
  std::vector<int32_t> cuts(size_t column, const std::vector<uint32_t>& active) const {
    std::vector<int32_t> result;
    const auto add_side = [&](const Side& side) {
      for (const Run& run : side) {
        result.push_back(run.low);
        result.push_back(run.high + 1);
      }
    };
    add_side(target_[column]);
    for (uint32_t b : active) add_side(boxes_[b][column]);
    std::sort(result.begin(), result.end());
    result.erase(std::unique(result.begin(), result.end()), result.end());
    return result;
  }

  Coverage sweep(size_t level, const std::vector<uint32_t>& active) {
    const size_t column = order_[level];
    const std::vector<int32_t> starts = cuts(column, active);
    if (!work_.spend(starts.size() * 4)) return Coverage::undecided;
    // Boxes that begin and end at each cut, by position in `active`.
    std::vector<std::vector<uint32_t>> begin(starts.size()), end(starts.size());
    const auto at = [&](int32_t atom) { return static_cast<size_t>(std::lower_bound(starts.begin(), starts.end(), atom) - starts.begin()); };
    for (uint32_t b : active) {
      for (const Run& run : boxes_[b][column]) {
        begin[at(run.low)].push_back(b);
        end[at(run.high + 1)].push_back(b);
      }
    }
    std::vector<uint32_t> here;
    size_t target_run = 0;
    bool undecided = false;
    for (size_t i = 0; i + 1 < starts.size(); ++i) {
      for (uint32_t b : end[i]) here.erase(std::lower_bound(here.begin(), here.end(), b));
      for (uint32_t b : begin[i]) here.insert(std::lower_bound(here.begin(), here.end(), b), b);
      while (target_run < target_[column].size() && target_[column][target_run].high < starts[i]) ++target_run;
      if (target_run == target_[column].size()) break;
      if (starts[i] < target_[column][target_run].low) continue;
      place_[column] = {starts[i], starts[i + 1] - 1};
      const Coverage coverage = search(level + 1, here);
      if (coverage == Coverage::gap) return coverage;
      undecided = undecided || coverage == Coverage::undecided;
      if (work_.used_up()) return Coverage::undecided;
    }
    return undecided ? Coverage::undecided : Coverage::covered;
  }

  const Box& target_;
  Work& work_;
  std::vector<Box> boxes_;
  std::vector<size_t> order_;      // columns by level
  std::vector<size_t> full_from_;  // by box: level
  Place place_;
  /// By level: sets of boxes known to cover the rest. Ordered by content, so an answer is never taken for another's.
  std::vector<std::map<std::vector<uint32_t>, bool>> solved_;
};

}  // namespace

CoverageAnswer find_gap(const Box& target, const std::vector<const Box*>& boxes, Work& work) { return CoverageSearch(target, boxes, work).run(); }

Place common_place(const Box& a, const Box& b) {
  Place place;
  for (size_t c = 0; c < a.size(); ++c) {
    const Side side = intersect(a[c], b[c]);
    if (side.empty()) return {};
    place.push_back(side.front());
  }
  return place;
}

namespace {

bool overlap(const Side& a, const Side& b) {
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (a[i].high < b[j].low) {
      ++i;
    } else if (b[j].high < a[i].low) {
      ++j;
    } else {
      return true;
    }
  }
  return false;
}

bool overlap(const Box& a, const Box& b) {
  for (size_t c = 0; c < a.size(); ++c) {
    if (!overlap(a[c], b[c])) return false;
  }
  return true;
}

/// The column whose runs are short against its length: few boxes are open at once while it is swept.
size_t most_selective_column(const std::vector<const Box*>& boxes) {
  size_t best = 0;
  double best_share = 2;
  for (size_t c = 0; c < boxes.front()->size(); ++c) {
    int64_t atoms = 1, taken = 0;
    for (const Box* box : boxes) {
      for (const Run& run : (*box)[c]) {
        atoms = std::max<int64_t>(atoms, run.high + 1);
        taken += run.high - run.low + 1;
      }
    }
    const double share = static_cast<double>(taken) / static_cast<double>(atoms) / static_cast<double>(boxes.size());
    if (share < best_share) {
      best = c;
      best_share = share;
    }
  }
  return best;
}

}  // namespace

namespace {

/// Calls `visit` with each pair of boxes that overlap, in no order, perhaps more than once. False: too much work, or `visit` said to stop.
template <class Visit>
bool sweep_pairs(const std::vector<const Box*>& boxes, Work& work, Visit&& visit) {
  if (boxes.empty() || boxes.front()->empty()) return true;
  const size_t column = most_selective_column(boxes);
  struct Opening {
    int32_t atom;
    size_t box;
    int32_t high;
  };
  std::vector<Opening> openings;
  for (size_t b = 0; b < boxes.size(); ++b) {
    if (is_empty(*boxes[b])) continue;
    for (const Run& run : (*boxes[b])[column]) openings.push_back({run.low, b, run.high});
  }
  std::sort(openings.begin(), openings.end(), [](const Opening& a, const Opening& b) { return a.atom != b.atom ? a.atom < b.atom : a.box < b.box; });
  std::vector<Opening> open;
  for (const Opening& opening : openings) {
    std::erase_if(open, [&](const Opening& earlier) { return earlier.high < opening.atom; });
    if (!work.spend(open.size() + 1)) return false;
    for (const Opening& earlier : open) {
      if (earlier.box == opening.box || !overlap(*boxes[earlier.box], *boxes[opening.box])) continue;
      if (!visit(std::min(earlier.box, opening.box), std::max(earlier.box, opening.box))) return false;
    }
    open.push_back(opening);
  }
  return true;
}

}  // namespace

bool find_overlaps(const std::vector<const Box*>& boxes, size_t pairs_max, Work& work, std::vector<std::pair<size_t, size_t>>& pairs) {
  const bool all = sweep_pairs(boxes, work, [&](size_t a, size_t b) {
    pairs.emplace_back(a, b);
    return pairs.size() <= pairs_max * 16;
  });
  std::sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) { return a.second != b.second ? a.second < b.second : a.first < b.first; });
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  const bool whole = all && pairs.size() <= pairs_max;
  if (pairs.size() > pairs_max) pairs.resize(pairs_max);
  return whole;
}

bool find_earlier_overlaps(const std::vector<const Box*>& boxes, Work& work, std::vector<std::vector<uint32_t>>& earlier) {
  constexpr size_t pairs_max = 8'000'000;
  size_t pairs = 0;
  earlier.assign(boxes.size(), {});
  const bool all = sweep_pairs(boxes, work, [&](size_t a, size_t b) {
    earlier[b].push_back(static_cast<uint32_t>(a));
    return ++pairs <= pairs_max;
  });
  for (auto& one : earlier) {
    std::sort(one.begin(), one.end());
    one.erase(std::unique(one.begin(), one.end()), one.end());
  }
  return all;
}

}  // namespace dunlin::analysis
