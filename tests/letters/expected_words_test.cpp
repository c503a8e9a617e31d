// What a test says of a letter that has not the words it should have.
#include <catch2/catch.hpp>

#include "runtime/simulate/expected_words.h"

namespace dunlin::simulate {

TEST_CASE("how a letter is broken into lines makes no difference") {
  CHECK(one_blank("Dear  Ann,\n\tyou owe\r\n 20.00 EUR ") == "Dear Ann, you owe 20.00 EUR");
  CHECK(one_blank(" \n ") == "");
  CHECK(one_blank("") == "");
  CHECK(one_blank("you owe 20.00\u00a0EUR,\u202f1 \u00a0 month") == "you owe 20.00 EUR, 1 month");
  CHECK(one_blank("\xc2") == "\xc2");
}

TEST_CASE("the nearest place of a letter, and what is missing there") {
  const std::string letter = "Your account <p>Dear Ben,</p> <p>20.00 EUR are open on your account since 1 January 2026.</p> <p>Call us.</p>";
  CHECK(nearest_words(letter, "30.00 EUR are open") == "\"… account <p>Dear Ben,</p> <p>20.00 EUR are open on your account …\", without \"30.00\"");
  CHECK(nearest_words(letter, "open on your account until 1 March") ==
        "\"… Ben,</p> <p>20.00 EUR are open on your account since 1 January 2026.</p> <p>Call …\", without \"until March\"");
  CHECK(nearest_words(letter, "Dear Ann") == "\"Your account <p>Dear Ben,</p> <p>20.00 EUR …\", without \"Ann\"");
  // The words are there, and others between them.
  CHECK(nearest_words("one two three four five six", "two four") == "\"one two three four five …\", without \"four\"");
  CHECK(nearest_words(letter, "Guten Tag") == '"' + letter + '"');
  CHECK(nearest_words("", "Dear Ann") == "\"\"");
  CHECK(nearest_words("short", "a longer text with the word short in it and more words") ==
        "\"short\", without \"a longer text with the word in it and more words\"");
}

}  // namespace dunlin::simulate
