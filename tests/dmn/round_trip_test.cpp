// Random tables written as CSV, as a workbook and as a DMN model come back with the same decisions, by both backends.
#include <unistd.h>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "lang/tables/dmn.h"
#include "lang/tables/export.h"
#include "lang/tables/sheet_text.h"
#include "lang/tables/translate.h"
#include "tests/dmn/deciding.h"

using namespace dunlin;
using test::Deciding;
using test::Given;

namespace {

enum class Kind { integer, decimal, money, boolean, text, date, colour };

struct Column {
  Kind kind;
  bool optional;
  std::string name;
};

class RandomTable {
 public:
  explicit RandomTable(unsigned seed) : random_(seed) {
    const size_t count = 1 + pick(3);
    for (size_t i = 0; i < count; ++i) columns_.push_back({static_cast<Kind>(pick(7)), pick(2) == 0, std::string(1, static_cast<char>('a' + i))});
    static constexpr const char* policies[] = {"first", "sum", "min", "max", "count", "collect", "priority", "any"};
    policy_ = policies[pick(8)];
    outputs_ = policy_ == "first" || policy_ == "priority" ? 1 + pick(2) : 1;
    const size_t rows = 1 + pick(6);
    rows_ = "  |";
    for (const Column& column : columns_) rows_ += " " + column.name + " |";
    rows_ += std::string("| fee") + (outputs_ == 2 ? " | word" : "") + " |\n";
    for (size_t r = 0; r < rows; ++r) {
      std::string line = "  |";
      for (const Column& column : columns_) line += " " + cell(column) + " |";
      line += "| " + output(r);
      if (outputs_ == 2) line += " | " + word();
      rows_ += line + " |\n";
    }
    const bool needs_rest = policy_ == "first" || policy_ == "any" || policy_ == "priority";
    if (needs_rest) rows_ += std::string("  | otherwise || ") + (policy_ == "priority" ? "blue" : "7") + (outputs_ == 2 ? " | missing" : "") + " |\n";
  }

  std::string type(const Column& column) const {
    static constexpr const char* names[] = {"int", "decimal", "money", "bool", "text", "date", "colour"};
    return std::string(names[static_cast<int>(column.kind)]) + (column.optional ? "?" : "");
  }
  std::string fields() const {
    std::string out;
    for (const Column& column : columns_) out += (out.empty() ? "" : ", ") + column.name + " : " + type(column);
    return out;
  }
  static std::string types() { return "enum colour { red, green, blue }\n"; }
  std::string head(const std::string& from) const {
    std::string outputs = policy_ == "priority" ? "fee : colour" : "fee : decimal";
    if (outputs_ == 2) outputs += ", word : text?";
    return "table t(" + fields() + ") -> (" + outputs + ") " + policy_ + from;
  }
  std::string inline_text() const { return head("") + " {\n" + rows_ + "}\n"; }
  const std::string& policy() const { return policy_; }
  std::vector<std::string> asked() const {
    std::string call = "t(";
    for (const Column& column : columns_) call += (call.size() == 2 ? "" : ", ") + column.name;
    call += ")";
    if (policy_ == "collect") return {"sum(r for r in " + call + ")", "count(r in " + call + ")"};
    if (outputs_ == 2) return {call + ".fee", call + ".word"};
    return {call};
  }
  std::vector<Given> inputs() {
    std::vector<Given> out;
    for (const Column& column : columns_) out.push_back(given(column));
    return out;
  }

 private:
  size_t pick(size_t count) { return random_() % count; }

  static std::string word_at(size_t index) {
    static constexpr const char* words[] = {"\"plain\"", "\"a, b\"",    "\"\"",  "\"any\"",    "\"with \\\"quotes\\\"\"",
                                            "\"not x\"", "\"łódź; 5\"", "\"-\"", "\"missing\""};
    return words[index];
  }
  static std::string raw_at(size_t index) {
    static constexpr const char* words[] = {"plain", "a, b", "", "any", "with \"quotes\"", "not x", "łódź; 5", "-", "missing"};
    return words[index];
  }
  std::string word() { return pick(5) == 0 ? "missing" : word_at(pick(9)); }

  std::string value(const Column& column) {
    static constexpr const char* colours[] = {"red", "green", "blue"};
    switch (column.kind) {
      case Kind::integer:
        return std::to_string(static_cast<int>(pick(11)) - 5);
      case Kind::decimal:
        return std::to_string(pick(5)) + "." + std::to_string(pick(10)) + (pick(3) == 0 ? "00001" : "");
      case Kind::money:
        return std::to_string(pick(5)) + ".5" + std::to_string(pick(10));
      case Kind::boolean:
        return pick(2) == 0 ? "true" : "false";
      case Kind::text:
        return word_at(pick(9));
      case Kind::date:
        return "2026-01-0" + std::to_string(1 + pick(9));
      default:
        return colours[pick(3)];
    }
  }
  bool ordered(const Column& column) const { return column.kind != Kind::boolean && column.kind != Kind::text && column.kind != Kind::colour; }

  std::string cell(const Column& column) {
    switch (pick(ordered(column) ? 9 : 5)) {
      case 0:
        return "any";
      case 1:
        return value(column);
      case 2:
        return value(column) + ", " + value(column);
      case 3:
        return "not " + value(column);
      case 4:
        return column.optional ? (pick(2) == 0 ? "missing" : value(column) + ", missing") : value(column);
      case 5:
        return "< " + value(column);
      case 6:
        return ">= " + value(column);
      default:
        return range(column);
    }
  }
  std::string range(const Column& column) {
    switch (column.kind) {
      case Kind::integer:
        return "-3..2, > 4";
      case Kind::decimal:
        return pick(2) == 0 ? "0.5..<2.5" : "1.000001..3";
      case Kind::money:
        return "0.50..2.55";
      default:
        return "2026-01-02..<2026-01-06";
    }
  }
  std::string output(size_t row) {
    static constexpr const char* colours[] = {"red", "green", "blue"};
    if (policy_ == "priority") return colours[pick(3)];
    if (policy_ == "any") return "5.25";
    return std::to_string(row + 1) + ".25";
  }

  Given given(const Column& column) {
    if (column.optional && pick(4) == 0) return {true, 0, ""};
    switch (column.kind) {
      case Kind::integer:
        return {false, static_cast<int64_t>(pick(13)) - 6, ""};
      case Kind::decimal:
        return {false, static_cast<int64_t>(pick(51)) * 100'000 + static_cast<int64_t>(pick(3)) * 10 / 10, ""};
      case Kind::money:
        return {false, static_cast<int64_t>(pick(560)), ""};
      case Kind::boolean:
        return {false, static_cast<int64_t>(pick(2)), ""};
      case Kind::text:
        return {false, 0, pick(5) == 0 ? "other" : raw_at(pick(9))};
      case Kind::date:
        return {false, 20'453 + static_cast<int64_t>(pick(12)), ""};
      default:
        return {false, static_cast<int64_t>(pick(3)), ""};
    }
  }

  std::mt19937 random_;
  std::vector<Column> columns_;
  std::string policy_, rows_;
  size_t outputs_ = 1;
};

std::string workbook_bytes(const tables::Grid& grid) {
  const auto path = std::filesystem::temp_directory_path() / ("dunlin-round-trip-" + std::to_string(::getpid()) + ".xlsx");
  const auto written = sheets::write_workbook(path.string(), "Rates", grid);
  INFO((written ? "" : written.error()));
  REQUIRE(written);
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  std::filesystem::remove(path);
  return bytes.str();
}

}  // namespace

TEST_CASE("a table that goes out and comes back decides as before") {
  size_t refused = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    RandomTable table(seed);
    const std::string declared = RandomTable::types() + table.inline_text();
    INFO("seed " << seed << "\n" << declared);
    Deciding original(declared, table.fields(), table.asked());
    const checked::Table& checked_table = original.program().tables.at(0);

    const auto grid = tables::export_sheet(original.program(), checked_table);
    if (!grid) INFO(grid.error().place << ": " << grid.error().reason);
    REQUIRE(grid);
    Deciding from_csv(RandomTable::types() + table.head(" from \"t.csv\"") + "\n", table.fields(), table.asked(), {{"t.csv", tables::csv_of(*grid)}});
    const auto book = sheets::read_workbook(workbook_bytes(*grid));
    REQUIRE(book);
    REQUIRE(book->sheets.size() == 1);
    Deciding from_book(RandomTable::types() + table.head(" from \"t.xlsx\"") + "\n", table.fields(), table.asked(),
                       {{"t.xlsx#" + book->sheets[0].name, sheets::csv_text(book->sheets[0])}});

    const auto written = tables::sheet_table_text(book->sheets[0], {.name = "t", .policy = table.policy()});
    REQUIRE(written);
    INFO(*written);
    Deciding from_text(RandomTable::types() + *written, table.fields(), table.asked());

    const auto xml = tables::export_dmn(original.program(), checked_table);
    REQUIRE(xml);
    INFO(*xml);
    const auto model = tables::dmn::read_model(*xml);
    REQUIRE(model);
    const auto translation = tables::translate(*model);
    for (const auto& problem : translation.refused) UNSCOPED_INFO(problem.place << ": " << problem.reason);
    std::unique_ptr<Deciding> from_model;
    if (translation.refused.empty()) {
      std::string text = tables::dunlin_text(translation);
      if (text.find("enum colour") == std::string::npos) text += RandomTable::types();
      INFO(text);
      from_model = std::make_unique<Deciding>(text, table.fields(), table.asked());
    } else {
      ++refused;  // a table of which no row can ever fit
    }
    for (int i = 0; i < 40; ++i) {
      const auto inputs = table.inputs();
      const auto expected = original.answers(inputs);
      CHECK(from_csv.answers(inputs) == expected);
      CHECK(from_book.answers(inputs) == expected);
      CHECK(from_text.answers(inputs) == expected);
      if (from_model) CHECK(from_model->answers(inputs) == expected);
    }
  }
  CHECK(refused < 5);
}
