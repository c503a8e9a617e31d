// The arithmetic of boxes against plain enumeration of every point.
#include "lang/sema/analysis/boxes.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

using namespace dunlin::analysis;

namespace {

Side random_side(std::mt19937& random, int32_t atoms) {
  if (random() % 3 == 0) return {{0, atoms - 1}};
  Side side;
  int32_t at = static_cast<int32_t>(random() % 3);
  while (at < atoms) {
    const int32_t high = std::min<int32_t>(atoms - 1, at + static_cast<int32_t>(random() % 3));
    side.push_back({at, high});
    at = high + 2 + static_cast<int32_t>(random() % 4);
  }
  return side;
}

bool has(const Side& side, int32_t atom) {
  return std::any_of(side.begin(), side.end(), [&](const Run& run) { return run.low <= atom && atom <= run.high; });
}
bool has(const Box& box, const std::vector<int32_t>& point) {
  for (size_t c = 0; c < box.size(); ++c) {
    if (!has(box[c], point[c])) return false;
  }
  return true;
}

/// Calls visit for every point of atoms^columns.
template <class Visit>
void every_point(size_t columns, int32_t atoms, Visit visit) {
  std::vector<int32_t> point(columns, 0);
  while (true) {
    visit(point);
    size_t c = 0;
    while (c < columns && ++point[c] == atoms) point[c++] = 0;
    if (c == columns) return;
  }
}

struct Puzzle {
  Box target;
  std::vector<Box> boxes;
  std::vector<const Box*> pointers() const {
    std::vector<const Box*> result;
    for (const Box& box : boxes) result.push_back(&box);
    return result;
  }
};

Puzzle random_puzzle(std::mt19937& random, size_t columns, int32_t atoms) {
  Puzzle puzzle;
  for (size_t c = 0; c < columns; ++c) puzzle.target.push_back(random() % 2 ? Side{{0, atoms - 1}} : random_side(random, atoms));
  const size_t count = random() % 14;
  for (size_t b = 0; b < count; ++b) {
    Box box;
    for (size_t c = 0; c < columns; ++c) box.push_back(random_side(random, atoms));
    puzzle.boxes.push_back(std::move(box));
  }
  return puzzle;
}

}  // namespace

TEST_CASE("a gap is found exactly where enumeration finds one") {
  std::mt19937 random(20261122);
  int gaps = 0, covered = 0;
  for (int round = 0; round < 4000; ++round) {
    const size_t columns = 1 + random() % 3;
    const int32_t atoms = 1 + static_cast<int32_t>(random() % 6);
    const Puzzle puzzle = random_puzzle(random, columns, atoms);
    bool gap = false;
    every_point(columns, atoms, [&](const std::vector<int32_t>& point) {
      gap = gap || (has(puzzle.target, point) && std::none_of(puzzle.boxes.begin(), puzzle.boxes.end(), [&](const Box& box) { return has(box, point); }));
    });
    Work work(1'000'000);
    const CoverageAnswer answer = find_gap(puzzle.target, puzzle.pointers(), work);
    REQUIRE(answer.coverage == (gap ? Coverage::gap : Coverage::covered));
    (gap ? gaps : covered)++;
    if (!gap) continue;
    // The whole place must be free, not just one corner.
    every_point(columns, atoms, [&](const std::vector<int32_t>& point) {
      for (size_t c = 0; c < columns; ++c) {
        if (point[c] < answer.gap[c].low || point[c] > answer.gap[c].high) return;
      }
      REQUIRE(has(puzzle.target, point));
      for (const Box& box : puzzle.boxes) REQUIRE_FALSE(has(box, point));
    });
  }
  CHECK(gaps > 500);
  CHECK(covered > 500);
}

TEST_CASE("overlaps are exactly the pairs with a point in common") {
  std::mt19937 random(7);
  size_t found = 0;
  for (int round = 0; round < 3000; ++round) {
    const size_t columns = 1 + random() % 3;
    const int32_t atoms = 1 + static_cast<int32_t>(random() % 6);
    const Puzzle puzzle = random_puzzle(random, columns, atoms);
    std::vector<std::pair<size_t, size_t>> expected, pairs;
    for (size_t j = 0; j < puzzle.boxes.size(); ++j) {
      for (size_t i = 0; i < j; ++i) {
        bool common = false;
        every_point(columns, atoms,
                    [&](const std::vector<int32_t>& point) { common = common || (has(puzzle.boxes[i], point) && has(puzzle.boxes[j], point)); });
        if (common) expected.emplace_back(i, j);
        REQUIRE(common == !common_place(puzzle.boxes[i], puzzle.boxes[j]).empty());
      }
    }
    Work work(1'000'000);
    REQUIRE(find_overlaps(puzzle.pointers(), 1000, work, pairs));
    REQUIRE(pairs == expected);
    found += pairs.size();
  }
  CHECK(found > 1000);
}

TEST_CASE("the search ends when its work is used up") {
  std::mt19937 random(3);
  Puzzle puzzle;
  puzzle.target.assign(12, Side{{0, 40}});
  for (int b = 0; b < 400; ++b) {
    Box box(12, Side{{0, 40}});
    for (int c = 0; c < 6; ++c) box[random() % 12] = {{static_cast<int32_t>(random() % 10), 30 + static_cast<int32_t>(random() % 10)}};
    puzzle.boxes.push_back(std::move(box));
  }
  Work work(1000);
  CHECK(find_gap(puzzle.target, puzzle.pointers(), work).coverage == Coverage::undecided);
  CHECK(work.used_up());
}
