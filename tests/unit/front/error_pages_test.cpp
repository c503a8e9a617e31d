// Every page of a syntax error: what it calls wrong yields that code, what it calls right yields none.
#include <algorithm>
#include <catch2/catch.hpp>

#include "lang/diag/diagnostic.h"
#include "tests/unit/front/front_test.h"

using namespace dunlin::front_test;

namespace {

/// The block fenced ```dunlin under `heading`, or nothing.
std::string block(const std::string& page, const std::string& heading) {
  const std::string fence = "```dunlin\n";
  const size_t section = page.find("## " + heading);
  if (section == std::string::npos) return {};
  const size_t next = page.find("\n## ", section + 1);
  const size_t begin = page.find(fence, section);
  if (begin == std::string::npos || begin > next) return {};
  const size_t end = page.find("```", begin + fence.size());
  return page.substr(begin + fence.size(), end - begin - fence.size());
}

}  // namespace

TEST_CASE("the pages of syntax errors are right") {
  for (const std::string_view code : dunlin::all_codes()) {
    if (!code.starts_with("E01")) continue;
    const std::string page = file_text("docs/errors/" + std::string(code) + ".md");
    INFO(code);
    REQUIRE(page.starts_with("# " + std::string(code) + ": "));
    const std::string right = block(page, "Right");
    REQUIRE_FALSE(right.empty());
    CHECK(mistakes(right) == std::vector<std::string>{});
    const std::string wrong = block(page, "Wrong");
    if (wrong.empty()) {
      // Bytes and sizes that a page cannot hold; limits_test.cpp shows them.
      CHECK((code == "E0101" || code == "E0102"));
      continue;
    }
    const std::vector<std::string> found = mistakes(wrong);
    REQUIRE(found.size() == 1);
    CHECK(found[0].starts_with(code));
  }
}
