// Bytes and UTF-16 positions, held against a plain count.
#include "lang/service/position.h"

#include <catch2/catch.hpp>

#include "tests/fuzz/mutations.h"

using namespace dunlin;
using service::LineMap;
using service::Position;

TEST_CASE("letters of one, two, three and four bytes") {
  const LineMap lines("a\nжб€𝄞x\r\nend");
  CHECK(lines.lines() == 3);
  CHECK(lines.position(2) == Position{1, 0});
  CHECK(lines.position(4) == Position{1, 1});
  CHECK(lines.position(6) == Position{1, 2});
  CHECK(lines.position(9) == Position{1, 3});
  CHECK(lines.position(13) == Position{1, 5});
  CHECK(lines.offset({1, 5}) == 13);
  CHECK(lines.offset({1, 4}) == 9);    // inside a letter of two units: its beginning
  CHECK(lines.offset({1, 99}) == 14);  // the line's end
  CHECK(lines.offset({9, 0}) == 19);
  CHECK(lines.position(3) == Position{1, 0});  // inside a letter
}

TEST_CASE("there and back at every letter of random texts") {
  fuzz::Random random(3);
  const std::vector<std::string> letters = {"a", "ж", "€", "𝄞", "\n", "\r\n", " "};
  for (int round = 0; round < 200; ++round) {
    std::string text;
    std::vector<std::pair<uint32_t, Position>> expected;
    Position at;
    for (int i = 0; i < 30; ++i) {
      const std::string& letter = letters[random.below(letters.size())];
      expected.emplace_back(static_cast<uint32_t>(text.size()), at);
      text += letter;
      if (letter.back() == '\n') {
        ++at.line;
        at.character = 0;
      } else {
        at.character += letter.size() == 4 ? 2 : 1;
      }
    }
    const LineMap lines(text);
    for (const auto& [offset, position] : expected) {
      REQUIRE(lines.position(offset) == position);
      REQUIRE(lines.offset(position) == offset);
    }
  }
}
