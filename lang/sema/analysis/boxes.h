// Boxes over small finite columns: the arithmetic behind gaps, overlaps and shadowed rows.
//
// Every column of a table is cut into atoms: pieces that no cell tells apart. A cell is then a set of runs of atoms, a
// row is a box, and whether rows leave a case out is a question about boxes that has an exact answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace dunlin::analysis {

/// Atoms low..high, both included.
struct Run {
  int32_t low = 0, high = 0;
  friend bool operator==(const Run&, const Run&) = default;
};
/// What a cell accepts: runs in order, apart from each other. No runs: nothing.
using Side = std::vector<Run>;
using Box = std::vector<Side>;
/// A box with one run a column: where a witness is taken from.
using Place = std::vector<Run>;

Side intersect(const Side& a, const Side& b);
bool contains(const Side& outer, const Side& inner);
bool is_empty(const Box& box);

/// How much searching is allowed before the answer is "undecided".
class Work {
 public:
  explicit Work(uint64_t limit) : left_(limit) {}
  bool spend(uint64_t steps) {
    if (left_ < steps) {
      left_ = 0;
      return false;
    }
    left_ -= steps;
    return true;
  }
  bool used_up() const { return left_ == 0; }

 private:
  uint64_t left_;
};

enum class Coverage : uint8_t { covered, gap, undecided };

struct CoverageAnswer {
  Coverage coverage = Coverage::covered;
  Place gap;  // where coverage is gap: a place inside the target that no box touches
};

/// Whether the boxes together take every point of `target`.
CoverageAnswer find_gap(const Box& target, const std::vector<const Box*>& boxes, Work& work);

/// Pairs (i < j) of boxes with a point in common, at most `pairs_max` of them, in order of j. False: there may be more.
bool find_overlaps(const std::vector<const Box*>& boxes, std::size_t pairs_max, Work& work, std::vector<std::pair<std::size_t, std::size_t>>& pairs);

/// The first place that both boxes have in common; empty if there is none.
Place common_place(const Box& a, const Box& b);

/// For each box the earlier ones (by index, in order) that overlap it. False: too many, or too much work.
bool find_earlier_overlaps(const std::vector<const Box*>& boxes, Work& work, std::vector<std::vector<uint32_t>>& earlier);

}  // namespace dunlin::analysis
