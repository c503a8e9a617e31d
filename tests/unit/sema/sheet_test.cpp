// Tables kept in CSV files.
#include <catch2/catch.hpp>

#include "checking.h"
#include "lang/sema/csv.h"

using namespace dunlin;
using namespace dunlin::sema_test;

namespace {

Checked sheet(const std::string& csv, const std::string& inputs = "x : int, size : size", const std::string& outputs = "a : money") {
  return check_files(
      {{"fees.csv", csv}, {"rules.dun", head + "enum size { small, large }\ntable t(" + inputs + ") -> (" + outputs + ") first from \"fees.csv\"\n"}});
}

}  // namespace

TEST_CASE("a sheet is read as the table would be") {
  const Checked made = sheet("a,x,size\n5,< 10,small\n7.50,10..20,\"small, large\"\n0,not 3,*\n1,,\n2,otherwise,\n", "x : int, size : size");
  INFO(made.text());
  REQUIRE(made.program);
  const checked::Table& table = made.program->tables[0];
  REQUIRE(table.rows.size() == 4);
  CHECK(table.rows[0].cells[0].intervals[0].high == 9);
  CHECK(table.rows[0].outputs[0].slots == std::vector<int64_t>{500});
  CHECK(table.rows[1].cells[1].intervals[0].high == 1);
  CHECK(table.rows[2].cells[0].intervals.size() == 2);
  CHECK(table.otherwise);
}

TEST_CASE("an otherwise row names its first input") {
  const Checked made = sheet("x,size,a\n1,small,5\notherwise,,9\n");
  INFO(made.text());
  REQUIRE(made.program);
  REQUIRE(made.program->tables[0].otherwise);
  CHECK(made.program->tables[0].otherwise->outputs[0].slots == std::vector<int64_t>{900});
}

TEST_CASE("line ends, byte order marks and semicolons of spreadsheet programs") {
  const Checked made = sheet("\xEF\xBB\xBFx;size;a\r\n1..5;small, large;5\r\n\r\n;;0\r\n");
  INFO(made.text());
  REQUIRE(made.program);
  CHECK(made.program->tables[0].rows.size() == 2);
}

TEST_CASE("every kind of value") {
  const Checked made = sheet("d,t,b,n,r,w\n2026-01-01..2026-01-31,a b,yes,0.5,12%,15 minutes\n,*,,,0.1,2 business days\n",
                             "d : date, t : text, b : bool, n : number", "r : decimal, w : duration");
  INFO(made.text());
  REQUIRE(made.program);
  const checked::TableRow& row = made.program->tables[0].rows[0];
  CHECK(row.cells[1].texts == std::vector<std::string>{"a b"});
  CHECK(row.cells[2].intervals[0].low == 1);
  CHECK(row.outputs[0].slots == std::vector<int64_t>{120'000});
  CHECK(row.outputs[1].slots == std::vector<int64_t>{900'000'000LL * 8});
}

TEST_CASE("mistakes in a sheet are shown in the sheet") {
  CHECK(sheet("x,size,a\n1,\"small,5\n").codes() == "E0811");
  CHECK(sheet("x,sise,a\n1,small,5\n").codes() == "E0812 E0812");
  CHECK(sheet("x,size\n1,small\n").codes() == "E0812");
  CHECK(sheet("x,size,a,a\n1,small,5,5\n").codes() == "E0812");
  CHECK(sheet("").codes() == "E0812");
  CHECK(sheet("x,size,a\n1,small\n").codes() == "E0813");
  const Checked cell = sheet("x,size,a\nfew,small,5\n");
  CHECK(cell.codes() == "E0814");
  CHECK(cell.underlined() == "few");
  CHECK(cell.sources->path(cell.first().span.file) == "fees.csv");
  CHECK(sheet("x,size,a\n1,tiny,5\n").codes() == "E0216");
  CHECK(sheet("x,size,a\n1,small,0.001\n").codes() == "E0305");
  CHECK(check("table t(x : int) -> (a : int) first from \"fees.csv\"").codes() == "E0810");
  CHECK(check_files({{"fees.csv", "x,a\n\xFF,1\n"}, {"rules.dun", head + "table t(x : int) -> (a : int) first from \"fees.csv\"\n"}}).codes() == "E0808");
}

TEST_CASE("a workbook that is not there") { CHECK(check("table t(x : int) -> (a : int) first from \"fees.xlsx\"").codes() == "E0810"); }

TEST_CASE("a sheet lies beside the file that names it") {
  const Checked made =
      check_files({{"bundle.dun", head}, {"fees/fees.csv", "x,a\n,1\n"}, {"fees/fees.dun", "table t(x : int) -> (a : int) first from \"fees.csv\"\n"}});
  INFO(made.text());
  CHECK(made.program != nullptr);
}

TEST_CASE("the places of cells") {
  const std::string text = "a,\"b \"\"c\"\"\"\n  d , e\n";
  const sema::CsvText csv = sema::read_csv(text);
  REQUIRE(csv.rows.size() == 2);
  CHECK(csv.rows[0].cells[1].text == "b \"c\"");
  CHECK(csv.rows[1].cells[0].text == "d");
  CHECK(text.substr(csv.rows[1].cells[1].begin, 1) == "e");
  CHECK(sema::read_csv("").rows.empty());
  CHECK(sema::read_csv("\n\n").rows.empty());
  CHECK(sema::read_csv("a").rows.size() == 1);
}
