// Several tables of one name, one after the other in force, whose rows are walked: both backends, on 2026-01-05.
#include <catch2/catch.hpp>

#include "tests/dmn/deciding.h"

using dunlin::test::Deciding;

namespace {

std::string due(const std::string& dates, int figure) {
  const std::string a = std::to_string(figure), b = std::to_string(figure + 10);
  return "table due(x : int) -> (fee : int, name : text) collect " + dates + " {\n  | x || fee | name |\n  | any || " + a + " | \"base\" |\n  | > 5 || " + b +
         " | \"late\" |\n}\n";
}

const std::vector<std::string> questions = {"sum(r.fee for r in due(x))",
                                            "count(r in due(x) where r.fee > 10)",
                                            "max(r.fee for r in due(x)) default -1",
                                            "first(r in due(x)).name default \"none\"",
                                            "exists(r in due(x) where r.fee > 10)",
                                            "all(r in due(x) where r.fee > 10)",
                                            "avg(r.fee for r in due(x)) default -1"};

std::vector<std::string> asked(const std::string& tables, int64_t x) {
  return Deciding(tables, "x : int", questions).answers({{.missing = false, .slot = x, .text = ""}});
}

}  // namespace

TEST_CASE("rows are those of the version that is in force") {
  const std::string before = due("in force from 2025-01-01 to 2026-01-04", 1), now = due("in force from 2026-01-05 to 2026-06-30", 2),
                    later = due("in force from 2026-07-01", 3);
  const std::vector<std::string> of_now = {"14", "1", "12", "\"base\"", "true", "false", "7"};
  CHECK(asked(before + now + later, 9) == of_now);
  CHECK(asked(later + now + before, 9) == of_now);
  CHECK(asked(due("", 4) + now + later, 9) == of_now);
  CHECK(asked(before + now + later, 1) == std::vector<std::string>{"2", "0", "2", "\"base\"", "false", "false", "2"});
  CHECK(asked(due("", 4) + later, 9) == std::vector<std::string>{"18", "1", "14", "\"base\"", "true", "false", "9"});
}

TEST_CASE("where no version is in force there are no rows") {
  const std::string before = due("in force from 2025-01-01 to 2026-01-04", 1), later = due("in force from 2026-01-06", 3);
  CHECK(asked(before + later, 9) == std::vector<std::string>{"0", "0", "-1", "\"none\"", "false", "true", "-1"});
}
