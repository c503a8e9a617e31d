// Workbooks: what a spreadsheet saves, what hostile hands make, and tables of a bundle that come from one.
#include <unistd.h>
#include <zip.h>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lang/diag/render.h"
#include "lang/sema/check.h"
#include "lang/sheets/workbook.h"

using namespace dunlin;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "dunlin-workbook-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path / name, std::ios::binary) << text; }
};

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

const std::string workbook_part =
    "<workbook xmlns:r=\"r\"><sheets><sheet name=\"Rates\" sheetId=\"1\" r:id=\"rId1\"/><sheet name=\"Notes\" sheetId=\"2\" "
    "r:id=\"rId2\"/></sheets></workbook>";
const std::string relations_part =
    "<Relationships><Relationship Id=\"rId1\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"rId2\" Target=\"worksheets/sheet2.xml\"/></Relationships>";
const std::string styles_part =
    "<styleSheet><numFmts><numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd\"/><numFmt numFmtId=\"165\" formatCode=\"#,##0.00 &quot;days&quot;\"/></numFmts>"
    "<cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"164\"/><xf numFmtId=\"165\"/><xf numFmtId=\"20\"/><xf numFmtId=\"22\"/></cellXfs></styleSheet>";

/// A workbook made by hand, part by part.
std::string packed(const std::string& sheet, const std::string& strings = "<sst><si><t>a</t></si><si><r><t>two </t></r><r><t>runs</t></r></si></sst>") {
  Folder folder;
  const fs::path path = folder.path / "x.zip";
  int error = 0;
  zip_t* zip = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
  REQUIRE(zip != nullptr);
  const std::string second = "<worksheet><sheetData/></worksheet>";
  const std::pair<const char*, const std::string*> parts[] = {{"xl/workbook.xml", &workbook_part},  {"xl/_rels/workbook.xml.rels", &relations_part},
                                                              {"xl/styles.xml", &styles_part},      {"xl/sharedStrings.xml", &strings},
                                                              {"xl/worksheets/sheet1.xml", &sheet}, {"xl/worksheets/sheet2.xml", &second}};
  for (const auto& [name, text] : parts) zip_file_add(zip, name, zip_source_buffer(zip, text->data(), text->size(), 0), ZIP_FL_ENC_UTF_8);
  REQUIRE(zip_close(zip) == 0);
  return read(path);
}

std::string messages(const fs::path& folder, bool& good) {
  SourceMap sources;
  Diagnostics diagnostics;
  const auto bundle = read_bundle(folder, diagnostics, sources);
  good = !diagnostics.has_errors() && check_bundle(bundle, sources, diagnostics, {.stdlib = fs::path(DUNLIN_SOURCE_DIR) / "stdlib"}) != nullptr;
  diagnostics.sort();
  return render_text(diagnostics, sources);
}

const std::string head =
    "bundle b \"B\" { timezone UTC, currency EUR, calendar none, day starts 06:00 }\nentity account { key id : text, dpd : int, fee = tariff(dpd) }\n";

}  // namespace

TEST_CASE("cells are read as the spreadsheet shows them") {
  const auto book = sheets::read_workbook(packed(
      "<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"C1\" t=\"s\"><v>1</v></c></row>"
      "<row r=\"3\"><c r=\"A3\"><v>0.30000000000000004</v></c><c r=\"B3\" s=\"1\"><v>46027</v></c><c r=\"C3\" s=\"2\"><v>1.2E3</v></c><c r=\"D3\" "
      "t=\"b\"><v>1</v></c>"
      "<c r=\"E3\" t=\"e\"><v>#REF!</v></c><c r=\"F3\" t=\"inlineStr\"><is><t>in line</t></is></c><c r=\"G3\" t=\"str\"><f>A1</f><v>made</v></c>"
      "<c r=\"H3\" s=\"3\"><v>0.35416666666666669</v></c><c r=\"I3\" s=\"4\"><v>46027.5</v></c><c r=\"AA3\"><v>-1E-7</v></c></row></sheetData></worksheet>"));
  REQUIRE(book);
  REQUIRE(book->sheets.size() == 2);
  CHECK(book->sheets[0].name == "Rates");
  const auto& rows = book->sheets[0].rows;
  REQUIRE(rows.size() == 3);
  CHECK(rows[0] == std::vector<std::string>{"a", "", "two runs"});
  CHECK(rows[1].empty());
  REQUIRE(rows[2].size() == 27);
  CHECK(rows[2][0] == "0.3");
  CHECK(rows[2][1] == "2026-01-05");
  CHECK(rows[2][2] == "1200");
  CHECK(rows[2][3] == "true");
  CHECK(rows[2][4] == "#REF!");
  CHECK(rows[2][5] == "in line");
  CHECK(rows[2][6] == "made");
  CHECK(rows[2][7] == "08:30");
  CHECK(rows[2][8] == "2026-01-05 12:00");
  CHECK(rows[2][26] == "-0.0000001");
  CHECK(sheets::cell_name(7, 2) == "B7");
  CHECK(sheets::cell_name(1, 28) == "AB1");
}

TEST_CASE("workbooks from hostile hands are refused") {
  const auto refused = [](const std::string& bytes) {
    const auto book = sheets::read_workbook(bytes);
    REQUIRE_FALSE(book);
    return book.error();
  };
  refused("");
  refused("PK\x03\x04 but no more");
  refused(packed("<worksheet><sheetData><row r=\"5\"/><row r=\"4\"/></sheetData></worksheet>"));
  refused(packed("<worksheet><sheetData><row r=\"99999999\"><c r=\"A1\"><v>1</v></c></row></sheetData></worksheet>"));
  refused(packed("<worksheet><sheetData><row r=\"1\"><c r=\"ZZZZZZ1\"><v>1</v></c></row></sheetData></worksheet>"));
  refused(packed("<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"s\"><v>9</v></c></row></sheetData></worksheet>"));
  refused(packed("<worksheet><sheetData><row r=\"1\"><c r=\"A1\"><v>x</v></c></row></sheetData></worksheet>"));
  refused(packed("<!DOCTYPE d [<!ENTITY a \"b\">]><worksheet/>"));
  refused(packed("<worksheet><sheetData>"));
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "<a>";
  refused(packed(deep));
  const std::string bomb = packed("<worksheet><sheetData/></worksheet>", "<sst><si><t>" + std::string(130u << 20, 'a') + "</t></si></sst>");
  CHECK(bomb.size() < 2'000'000);
  CHECK(refused(bomb).find("200 MB") != std::string::npos);
  std::string whole = packed("<worksheet><sheetData><row r=\"1\"><c r=\"A1\"><v>1</v></c></row></sheetData></worksheet>");
  for (size_t at = 0; at < whole.size(); at += 7) {  // damaged anywhere: refused or read, never worse
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    (void)sheets::read_workbook(damaged);
  }
}

TEST_CASE("a table may stand in a workbook") {
  Folder folder;
  using W = sheets::WrittenCell;
  const auto write = [&](const std::string& bad) {
    REQUIRE(sheets::write_workbook((folder.path / "tariff.xlsx").string(), "Rates",
                                   {{{W::Kind::text, "dpd"}, {W::Kind::text, "fee"}},
                                    {{W::Kind::text, "< 30"}, {W::Kind::figure, "1.5"}},
                                    {},
                                    {{W::Kind::text, ">= 30"}, {W::Kind::text, bad}}}));
  };
  write("2.5");
  folder.write("a.dun", head + "table tariff(dpd : int) -> (fee : decimal) from \"tariff.xlsx\"\n");
  bool good = false;
  CHECK(messages(folder.path, good) == "");
  CHECK(good);
  folder.write("a.dun", head + "table tariff(dpd : int) -> (fee : decimal) from \"tariff.xlsx#Rates\"\n");
  messages(folder.path, good);
  CHECK(good);
  folder.write("a.dun", head + "table tariff(dpd : int) -> (fee : decimal) from \"tariff.xlsx#Other\"\n");
  CHECK(messages(folder.path, good).find("E0810") != std::string::npos);
  CHECK_FALSE(good);
  write("much");
  folder.write("a.dun", head + "table tariff(dpd : int) -> (fee : decimal) from \"tariff.xlsx\"\n");
  const std::string said = messages(folder.path, good);
  INFO(said);
  CHECK_FALSE(good);
  CHECK(said.find("cell B4") != std::string::npos);
  CHECK(said.find("tariff.xlsx#Rates:4") != std::string::npos);
  folder.write("tariff.xlsx", "no workbook");
  CHECK(messages(folder.path, good).find("E0802") != std::string::npos);
  CHECK_FALSE(good);
}
