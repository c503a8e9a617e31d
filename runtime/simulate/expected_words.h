// The words of a letter, as tests ask for them.
#pragma once

#include <string>
#include <string_view>

namespace dunlin::simulate {

/// With one blank for each run of blanks (those that do not break, too) and line ends, none at either end: how a line is broken is no business of a test.
std::string one_blank(std::string_view text);

/// Where the letter comes nearest to words that are not in it, and which of the words are missing there: `"… 20.00 EUR are open on …", without "30.00"`.
/// Where no word is the same: the whole letter, between quotes. Both texts as `one_blank` gives them.
std::string nearest_words(const std::string& letter, const std::string& words);

}  // namespace dunlin::simulate
