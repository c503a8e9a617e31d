#include <catch2/catch.hpp>
#include <cstring>
#include <set>

#include "compiler/abi/arena.h"

namespace dunlin::abi {

TEST_CASE("memory of an arena is aligned, zeroed and used again") {
  Arena arena;
  std::set<void*> first;
  for (size_t bytes : {1, 7, 8, 100, 5000, 2'000'000, 3}) {
    auto* place = static_cast<char*>(arena.allocate(bytes));
    CHECK(reinterpret_cast<uintptr_t>(place) % 8 == 0);
    for (size_t i = 0; i < bytes; ++i) REQUIRE(place[i] == 0);
    std::memset(place, 0xee, bytes);
    first.insert(place);
  }
  CHECK(first.size() == 7);
  arena.clear();
  CHECK(arena.used() == 0);
  auto* again = static_cast<char*>(arena.allocate(100));
  CHECK(again[0] == 0);
  CHECK(first.contains(again));
}

TEST_CASE("a text keeps its bytes, also zeros and none") {
  Arena arena;
  CHECK(arena.text("")->view().empty());
  const std::string_view bytes("a\0b", 3);
  CHECK(arena.text(bytes)->view() == bytes);
  const std::string big(100'000, 'x');
  CHECK(arena.text(big)->view() == big);
}

}  // namespace dunlin::abi
