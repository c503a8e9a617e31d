// The places of a page, against a page that is taken apart in another way: a marker is put where a value would stand, and what a reader of tags
// makes of the whole tells whether it ended up inside an element's text or inside a quoted attribute.
#include <catch2/catch.hpp>
#include <random>
#include <regex>

#include "lang/sema/letter_place.h"

namespace dunlin::sema {

namespace {

/// Whether a value that is nothing but quotes, brackets and blanks, escaped, can be told from a harmless one by a reader of tags.
std::string tags_of(const std::string& html) {
  static const std::regex tag("</?[a-zA-Z][^\\s>/]*(\\s+[^\\s=>/]+(\\s*=\\s*(\"[^\"]*\"|'[^']*'|[^\\s>\"']+))?)*\\s*/?>");
  std::string out;
  for (std::sregex_iterator at(html.begin(), html.end(), tag), last; at != last; ++at) {
    // Names of elements and attributes only.
    std::string one = at->str();
    one = std::regex_replace(one, std::regex("=\\s*(\"[^\"]*\"|'[^']*')"), "=");
    out += one + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("where a value is let in, its signs change no tag", "[letters][property]") {
  static const std::vector<std::string> whole = {"<p>",
                                                 "</p>",
                                                 "words ",
                                                 "a < b ",
                                                 "<br/>",
                                                 "<td id=\"a\" class='b'>",
                                                 "<!-- c -->",
                                                 "<style>p{}</style>",
                                                 "it's \"so\" ",
                                                 "<!doctype html>",
                                                 "<P TITLE = \"x\">"};
  struct Opening {
    std::string before, after;
    bool safe;
  };
  static const std::vector<Opening> openings = {
      {"", "", true},
      {"<b class=\"", "\">", true},
      {"<i title='", "'>", true},
      {"<i lang = \"a", "b\" title='x'>", true},
      {"<a href=\"https://x.example/", "\">", true},
      {"<b class=", ">", false},
      {"<b ", ">", false},
      {"<b class=\"x\"", ">", false},
      {"<", ">", false},
      {"</", ">", false},
      {"<b", ">", false},
      {"<!-- ", " -->", false},
      {"<style>", "</style>", false},
      {"<SCRIPT type='x'>", "</SCRIPT>", false},
      {"<b onclick=\"", "\">", false},
      {"<a href=\"", "\">", false},
      {"<a HREF='java", "'>", false},
  };
  std::mt19937 dice(7);
  for (int round = 0; round < 2'000; ++round) {
    const Opening& opening = openings[dice() % openings.size()];
    std::string before, after = opening.after;
    for (size_t n = dice() % 5; n > 0; --n) before += whole[dice() % whole.size()];
    for (size_t n = dice() % 4; n > 0; --n) after += whole[dice() % whole.size()];
    before += opening.before;
    HtmlPlace place;
    place.feed(before);
    INFO(before << " | " << after);
    CHECK(place.refusal().has_value() != opening.safe);
    if (!opening.safe) continue;
    const std::string calm = before + "x" + after, escaped = before + "&lt;&quot;&#39;&gt; onload=1" + after;
    CHECK(tags_of(calm) == tags_of(escaped));
  }
}

}  // namespace dunlin::sema
