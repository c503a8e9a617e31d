// The coverage page: shares, what is missing, each line marked, and no text that could become a tag.
#include "server/output/coverage_page.h"

#include <catch2/catch.hpp>

using namespace dunlin;
using server::CoveredPart;

TEST_CASE("lines are marked by the worst that stands on them") {
  SourceMap sources;
  const uint32_t file = sources.add("a<b>.dun", "one\ntwo \"<x>\"\nthree\n");
  const std::string page = server::coverage_page("B & C", sources,
                                                 {{CoveredPart::Kind::rule, "s: first", {file, 0, 3}, 2},
                                                  {CoveredPart::Kind::rule, "s: <second>", {file, 4, 7}, 0},
                                                  {CoveredPart::Kind::row, "t row 1", {file, 5, 7}, 1},
                                                  {CoveredPart::Kind::outcome, "call.busy", {file, 14, 16}, 0}});
  CHECK(page.find("rules fired</td><td>1 of 2") != std::string::npos);
  CHECK(page.find("table rows hit</td><td>1 of 1") != std::string::npos);
  CHECK(page.find("outcomes that happened</td><td>0 of 1") != std::string::npos);
  CHECK(page.find("stages entered") == std::string::npos);
  CHECK(page.find("<span class=\"hit\" title=\"s: first: 2\">") != std::string::npos);
  CHECK(page.find("<span class=\"miss\" title=\"s: &lt;second&gt;: 0, t row 1: 1\">") != std::string::npos);
  CHECK(page.find("two &quot;&lt;x&gt;&quot;") != std::string::npos);
  CHECK(page.find("<x>") == std::string::npos);
  CHECK(page.find("a<b>") == std::string::npos);
}
