// Every row of a file comes out, as a row or as a rejection with its line; a bad one never takes the next with it.
#include "server/import/csv_reader.h"

#include <catch2/catch.hpp>

#include "server/import/json_lines_reader.h"
#include "tests/unit/server/import_fixture.h"

using namespace dunlin;
using import::RowSource;

namespace {

struct Read {
  std::vector<import::Row> rows;
  std::vector<import::Rejection> rejections;
};

Read read_all(RowSource& source) {
  Read read;
  import::Row row;
  import::Rejection rejection;
  while (true) {
    auto next = source.next(row, rejection);
    if (next == RowSource::Next::end) return read;
    if (next == RowSource::Next::row) read.rows.push_back(row);
    if (next == RowSource::Next::rejected) read.rejections.push_back(rejection);
  }
}

Read read_text(std::string_view text, const import::CsvOptions& options = {}) {
  test::TemporaryFile file(text);
  auto source = import::open_csv(file.path(), options);
  REQUIRE(source);
  return read_all(**source);
}

std::string open_error(std::string_view text) {
  test::TemporaryFile file(text);
  auto source = import::open_csv(file.path(), {});
  return source ? "" : source.error();
}

}  // namespace

TEST_CASE("plain rows, CRLF, a byte order mark, no line end at the end") {
  auto read = read_text("\xEF\xBB\xBFid,name\r\n1,Ann\r\n\r\n2,\"Bo, junior\"");
  REQUIRE(read.rows.size() == 2);
  CHECK(read.rejections.empty());
  CHECK(read.rows[0].cells == std::vector<std::string>{"1", "Ann"});
  CHECK(read.rows[1].cells == std::vector<std::string>{"2", "Bo, junior"});
  CHECK(read.rows[1].line == 4);
}

TEST_CASE("quotes hold delimiters, quotes and line ends") {
  auto read = read_text("id,note\n1,\"a \"\"b\"\"\nc\"\n2,x\n");
  REQUIRE(read.rows.size() == 2);
  CHECK(read.rows[0].cells[1] == "a \"b\"\nc");
  CHECK(read.rows[1].line == 4);
}

TEST_CASE("a quote that never closes costs its own line only") {
  auto read = read_text("id,note\n1,\"open\n2,x\n3,y\n");
  REQUIRE(read.rejections.size() == 1);
  CHECK(read.rejections[0].line == 2);
  CHECK(read.rejections[0].body == "1,\"open");
  REQUIRE(read.rows.size() == 2);
  CHECK(read.rows[0].cells[0] == "2");
}

TEST_CASE("a quote that swallows rows up to the next quote costs its own line only") {
  auto read = read_text("id,note\n1,\"open\n2,x\n3,\"closed\"\n4,z\n");
  REQUIRE(read.rejections.size() == 1);
  CHECK(read.rejections[0].line == 2);
  REQUIRE(read.rows.size() == 3);
  CHECK(read.rows[1].cells[1] == "closed");
}

TEST_CASE("wrong column counts, half rows and bytes that are no UTF-8 are rejected with their line") {
  auto read = read_text("id,name,age\n1,Ann,30\n2,Bo\n3,C\xFFy,40\n4,Di,50,extra\n5,Ed");
  CHECK(read.rows.size() == 1);
  REQUIRE(read.rejections.size() == 4);
  CHECK(read.rejections[0].line == 3);
  CHECK(read.rejections[0].reason == "the row has 2 columns where 3 are expected");
  CHECK(read.rejections[1].reason.find("not valid UTF-8") != std::string::npos);
  CHECK(read.rejections[2].reason == "the row has 4 columns where 3 are expected");
  CHECK(read.rejections[3].line == 6);
}

TEST_CASE("zero bytes are rejected: no database takes them") {
  std::string text = "id,name\n" + std::string(70'000, '\n') + "1,A";
  text += '\0';
  text += "nn\n2,Bo\n";
  auto read = read_text(text);
  REQUIRE(read.rejections.size() == 1);
  CHECK(read.rejections[0].reason == "byte 4 of the row is zero; no text has one");
  CHECK(read.rows.size() == 1);
  test::TemporaryFile file("{\"id\": \"a\\u0000b\"}\n", ".jsonl");
  auto source = import::open_json_lines(file.path());
  REQUIRE(source);
  CHECK(read_all(**source).rejections.size() == 1);
}

TEST_CASE("a line of a megabyte is rejected and the next is read") {
  std::string text = "id,name\n1," + std::string(1'000'000, 'x') + "\n2,Bo\n";
  auto read = read_text(text);
  REQUIRE(read.rejections.size() == 1);
  CHECK(read.rejections[0].line == 2);
  CHECK(read.rejections[0].reason == "the line is longer than 262144 bytes");
  REQUIRE(read.rows.size() == 1);
  CHECK(read.rows[0].cells[1] == "Bo");
}

TEST_CASE("ten thousand open quotes are read in good time") {
  std::string text = "id,name\n";
  for (int i = 0; i < 10'000; ++i) text += std::to_string(i) + ",\"x\n";
  auto read = read_text(text);
  CHECK(read.rows.size() + read.rejections.size() == 10'000);
}

TEST_CASE("files that are no table say what they are") {
  CHECK(open_error("").find("is empty") != std::string::npos);
  CHECK(open_error("\n\n").find("only empty lines") != std::string::npos);
  CHECK(open_error("a,b,a\n1,2,3\n").find("two columns are called `a`") != std::string::npos);
  CHECK(open_error("a,,c\n").find("column 2 has no name") != std::string::npos);
  CHECK(open_error("\xFF\xFEi\0d\0").find("UTF-16") != std::string::npos);
  CHECK(open_error("PK\x03\x04zip").find("spreadsheet") != std::string::npos);
  CHECK(open_error(std::string_view("a\0b", 3)).find("not text") != std::string::npos);
  CHECK(import::open_csv("/nowhere/at/all.csv", {}).error().find("there is no file") != std::string::npos);
  CHECK(import::open_csv("/", {}).error().find("is a folder") != std::string::npos);
}

TEST_CASE("lines that end in CR alone are lines") {
  auto read = read_text("id,name\r1,Ann\r2,\"Bo\"\r");
  REQUIRE(read.rejections.empty());
  REQUIRE(read.rows.size() == 2);
  CHECK(read.rows[1].line == 3);
  CHECK(read.rows[1].cells == std::vector<std::string>{"2", "Bo"});
  CHECK(read_text("id,name\r\n1,Ann\r\n").rows[0].cells[1] == "Ann");
  CHECK(read_text("id,name\n1,An\rn\n").rows[0].cells[1] == "An\rn");
}

TEST_CASE("a row with a zero byte is rejected with its line, and the others are read") {
  using namespace std::string_view_literals;
  auto read = read_text("id,name\n1,Ann\n2,B\0o\n3,Cy\n"sv);
  REQUIRE(read.rejections.size() == 1);
  CHECK(read.rejections[0].line == 3);
  CHECK(read.rejections[0].reason == "byte 4 of the row is zero; no text has one");
  REQUIRE(read.rows.size() == 2);
  CHECK(read.rows[1].cells[1] == "Cy");
  CHECK(open_error("id,na\0me\n1,Ann\n"sv).find("byte 6 is zero, in line 1") != std::string::npos);
  test::TemporaryFile file("{\"id\": 1}\n{\"id\": \"a\0\"}\n"sv);
  auto lines = read_all(**import::open_json_lines(file.path()));
  REQUIRE(lines.rejections.size() == 1);
  CHECK(lines.rejections[0].reason == "byte 10 of the line is zero; no text has one");
}

TEST_CASE("a file without a header numbers its columns; other delimiters") {
  auto read = read_text("1;Ann\n2;Bo\n", {.delimiter = ';', .header = false});
  REQUIRE(read.rows.size() == 2);
  CHECK(read.rows[0].cells == std::vector<std::string>{"1", "Ann"});
}

TEST_CASE("JSON lines: keys are columns, what is not an object is rejected") {
  test::TemporaryFile file("{\"id\": 1, \"name\": \"Ann\", \"fields\": {\"amount\": 12.50}}\n[1]\n{\"id\": }\n{\"id\": 2, \"late\": true}\n{\"id\": [1]}\n",
                           ".jsonl");
  auto source = import::open_json_lines(file.path());
  REQUIRE(source);
  auto read = read_all(**source);
  REQUIRE(read.rows.size() == 2);
  REQUIRE(read.rejections.size() == 3);
  CHECK(read.rejections[0].line == 2);
  const auto& header = (*source)->header();
  CHECK(read.rows[0].cells[static_cast<size_t>(header.find("fields.amount"))] == "12.5");
  CHECK(read.rows[1].cells[static_cast<size_t>(header.find("late"))] == "true");
}

TEST_CASE("ten thousand nested brackets in a JSON line are rejected") {
  test::TemporaryFile file("{\"a\":" + std::string(10'000, '[') + "\n{\"id\": 1}\n", ".jsonl");
  auto source = import::open_json_lines(file.path());
  REQUIRE(source);
  auto read = read_all(**source);
  REQUIRE(read.rejections.size() == 1);
  CHECK(read.rejections[0].reason == "the line is nested too deeply");
  CHECK(read.rows.size() == 1);
}
