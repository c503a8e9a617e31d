#include <catch2/catch.hpp>

#include "server/output/moment.h"
#include "server/output/progress.h"
#include "server/output/table.h"
#include "server/output/terminal.h"

using namespace dunlin::server;

TEST_CASE("a table is as wide as its content; figures stand to the right") {
  Table table({{"queue"}, {"open", Table::Align::right}});
  table.add({"call", "1,234"});
  table.add({"wizyta_żółta", "5"});
  table.add({"信"});
  CHECK(table.text(false) ==
        "queue          open\n"
        "call          1,234\n"
        "wizyta_żółta      5\n"
        "信\n");
}

TEST_CASE("data cannot steer the terminal") {
  CHECK(printable("a\x1b[31mb\nc") == "a·[31mb·c");
  CHECK(printable("\u202Eevil") == "·evil");
  CHECK(printable("ordinary Żółć 信") == "ordinary Żółć 信");
}

TEST_CASE("figures are grouped") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(-1234567) == "-1,234,567");
}

TEST_CASE("progress says how much, how fast and until when") {
  CHECK(Progress::line("import", "rows", 500, 2000, 2.0, "12:00:06", "") == "import  ██████░░░░░░░░░░░░░░░░░░  25%  500 rows  250/s  ends 12:00:06");
  CHECK(Progress::line("replay", "days", 3, 0, 0.0, "", "2005-04-03") == "replay  3 days  0/s  2005-04-03");
}

TEST_CASE("instants") {
  CHECK(moment_text(1114660800000000) == "2005-04-28 04:00");
  CHECK(moment_json(1114660800000000) == "2005-04-28T04:00:00Z");
  CHECK(moment_text(INT64_MAX).empty());
}
