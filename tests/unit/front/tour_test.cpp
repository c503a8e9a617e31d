// Everything the language can say, read into the expected tree. Re-record with DUNLIN_RECORD=1 and read the difference.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "tests/unit/front/front_test.h"

using namespace dunlin::front_test;

TEST_CASE("the language tour is read into the expected tree") {
  for (const std::string name : {"bundle", "case_file", "judging", "acting", "department", "tests"}) {
    DYNAMIC_SECTION(name) {
      const std::string folder = "tests/unit/front/language_tour/";
      const std::string found = tree(file_text(folder + name + ".dun"));
      if (std::getenv("DUNLIN_RECORD") != nullptr) {
        std::ofstream(std::string(DUNLIN_SOURCE_DIR) + "/" + folder + name + ".ast") << found;
      }
      CHECK(found == file_text(folder + name + ".ast"));
      CHECK_FALSE(found.starts_with("mistakes"));
    }
  }
}

TEST_CASE("Windows line ends and a byte order mark change nothing") {
  const std::string unix_text = file_text("tests/unit/front/language_tour/acting.dun");
  std::string windows_text = "\xEF\xBB\xBF";
  for (const char c : unix_text) windows_text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  CHECK(tree(windows_text) == tree(unix_text));
}
