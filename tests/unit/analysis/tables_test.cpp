// Tables: every finding with the case that shows it.
#include <catch2/catch.hpp>
#include <chrono>
#include <limits>
#include <random>

#include "tests/unit/analysis/program_builder.h"

using namespace dunlin;
using namespace dunlin::test;

namespace {

constexpr int64_t least = std::numeric_limits<int64_t>::min();
constexpr int64_t greatest = std::numeric_limits<int64_t>::max();

Cell range(int64_t low, int64_t high) {
  Cell cell;
  cell.intervals.push_back({low, high});
  return cell;
}
Cell any() {
  Cell cell = range(least, greatest);
  cell.accepts_missing = true;
  cell.texts_negated = true;
  return cell;
}
Cell missing_only() {
  Cell cell;
  cell.accepts_missing = true;
  return cell;
}
Cell texts(std::vector<std::string> list, bool negated = false) {
  Cell cell;
  cell.texts = std::move(list);
  cell.texts_negated = negated;
  return cell;
}

class TableTest {
 public:
  Builder builder;
  TableTest(HitPolicy policy, std::vector<TableColumn> inputs, Type output = integer) {
    Table table;
    table.name = "offer";
    table.span = {0, 8000, 8001};
    table.policy = policy;
    table.inputs = std::move(inputs);
    table.outputs.push_back({"result", output});
    builder.program.tables.push_back(std::move(table));
  }
  Table& table() { return builder.program.tables[0]; }
  TableTest& row(std::vector<Cell> cells, int64_t output = 0) {
    table().rows.push_back(make_row(std::move(cells), output));
    return *this;
  }
  TableTest& otherwise() {
    table().otherwise = make_row({}, 0);
    table().otherwise->span = {0, 9000, 9001};
    return *this;
  }
  std::vector<std::string> errors() const { return codes(builder.findings()); }
  std::vector<std::string> warnings() const { return codes(builder.findings(), Severity::warning); }
  std::string witness(const std::string& code, const std::string& name) const { return witness_of(builder.findings(), code, name); }

 private:
  TableRow make_row(std::vector<Cell> cells, int64_t output) {
    TableRow row;
    row.cells = std::move(cells);
    TableOutput constant;
    constant.slots = {output};
    row.outputs.push_back(constant);
    const auto at = static_cast<uint32_t>(table().rows.size() * 10);
    row.span = {0, at, at + 5};
    return row;
  }
};

const Type risk{TypeKind::enumeration, false, 0};
const std::vector<std::string> nothing;

}  // namespace

TEST_CASE("a complete table without overlaps has no findings") {
  TableTest test(HitPolicy::unique, {{"balance", integer}, {"risk", risk}});
  test.row({range(least, 99), any()}).row({range(100, 199), range(0, 0)}).row({range(100, 199), range(1, 2)}).row({range(200, greatest), any()});
  CHECK(test.errors() == nothing);
}

TEST_CASE("a gap is shown by a case at its border") {
  TableTest test(HitPolicy::unique, {{"balance", integer}, {"risk", risk}});
  test.row({range(least, 99), any()}).row({range(100, 199), range(0, 1)}).row({range(200, greatest), any()});
  CHECK(test.errors() == std::vector<std::string>{"E0501"});
  CHECK(test.witness("E0501", "balance") == "100");
  CHECK(test.witness("E0501", "risk") == "high");
}

TEST_CASE("missing is one more value of an optional column") {
  TableTest test(HitPolicy::first, {{"score", integer.maybe()}});
  Cell known = range(least, greatest);
  test.row({known});
  CHECK(test.errors() == std::vector<std::string>{"E0501"});
  CHECK(test.witness("E0501", "score") == "missing");
  test.row({missing_only()});
  CHECK(test.errors() == nothing);
}

TEST_CASE("values outside the range of a column are no gap, and a row for them never matches") {
  TableColumn score{"score", integer};
  score.minimum = 300;
  score.maximum = 850;
  TableTest test(HitPolicy::unique, {score});
  test.row({range(300, 600)}).row({range(601, 850)});
  CHECK(test.errors() == nothing);
  test.row({range(851, greatest)});
  CHECK(test.errors() == std::vector<std::string>{"E0505"});
}

TEST_CASE("texts: what no row names is a gap until a row takes the rest") {
  TableTest test(HitPolicy::unique, {{"region", text}});
  test.row({texts({"north"})}).row({texts({"south", "east"})});
  CHECK(test.errors() == std::vector<std::string>{"E0501"});
  CHECK(test.witness("E0501", "region") == "\"other\"");
  test.row({texts({"north", "south", "east"}, true)});
  CHECK(test.errors() == nothing);
  test.row({texts({"west"})});
  CHECK(test.errors() == std::vector<std::string>{"E0502"});
  CHECK(test.witness("E0502", "region") == "\"west\"");
}

TEST_CASE("unique rows must not overlap") {
  TableTest test(HitPolicy::unique, {{"balance", integer}, {"secured", boolean}});
  test.row({range(least, 100), any()}).row({range(100, greatest), range(1, 1)}).row({range(101, greatest), range(0, 0)});
  CHECK(test.errors() == std::vector<std::string>{"E0502"});
  CHECK(test.witness("E0502", "balance") == "100");
  CHECK(test.witness("E0502", "secured") == "true");
}

TEST_CASE("rows of an `any` table may overlap where they agree") {
  TableTest test(HitPolicy::any, {{"balance", integer}});
  test.row({range(least, 100)}, 5).row({range(50, greatest)}, 5);
  CHECK(test.errors() == nothing);
  test.row({range(70, 80)}, 6);
  CHECK(test.errors() == std::vector<std::string>{"E0503", "E0503"});
  CHECK(test.witness("E0503", "balance") == "70");
}

TEST_CASE("a row behind the rows that take all its cases is never used") {
  TableTest test(HitPolicy::first, {{"balance", integer}});
  test.row({range(least, 10)}).row({range(11, 20)}).row({range(5, 15)}).row({any()});
  CHECK(test.errors() == std::vector<std::string>{"E0504"});
  CHECK(test.builder.findings()[0].span.begin == 20);
  CHECK(test.builder.findings()[0].notes.size() == 1);
}

TEST_CASE("under `priority` the better result goes first, wherever it stands") {
  TableTest test(HitPolicy::priority, {{"balance", integer}}, risk);
  test.row({range(5, 15)}, 2).row({any()}, 0);
  CHECK(test.errors() == std::vector<std::string>{"E0504"});
  TableTest other(HitPolicy::priority, {{"balance", integer}}, risk);
  other.row({range(5, 15)}, 0).row({any()}, 2);
  CHECK(other.errors() == nothing);
}

TEST_CASE("an `otherwise` row closes every gap; where there is none it is never used") {
  TableTest test(HitPolicy::unique, {{"balance", integer}});
  test.row({range(least, 10)}).otherwise();
  CHECK(test.errors() == nothing);
  CHECK(test.warnings() == std::vector<std::string>{"E0613"});  // the table itself is not used
  test.row({range(11, greatest)});
  CHECK(test.errors() == nothing);
  CHECK(test.warnings() == std::vector<std::string>{"E0507", "E0613"});
}

TEST_CASE("collecting tables may leave cases out and take several rows") {
  for (HitPolicy policy : {HitPolicy::collect, HitPolicy::sum, HitPolicy::minimum, HitPolicy::maximum, HitPolicy::count}) {
    TableTest test(policy, {{"balance", integer}});
    test.row({range(0, 10)}).row({range(5, 15)});
    CHECK(test.errors() == nothing);
  }
}

TEST_CASE("computed cells are never held against a table, nor relied on") {
  TableTest test(HitPolicy::unique, {{"balance", integer}});
  Cell computed;
  // Nobody knows what it comes to.
  computed.predicate = test.builder.root(compare(Op::greater, test.builder.field(Builder::balance), lit(5)));
  test.row({range(least, 10)}).row({computed});
  CHECK(test.errors() == nothing);
  CHECK(test.warnings() == std::vector<std::string>{"E0506", "E0613"});
}

TEST_CASE("a computed cell that is decided counts like any other") {
  TableTest test(HitPolicy::unique, {{"balance", integer}});
  Cell computed;
  computed.predicate = test.builder.root(yes());
  test.row({range(least, 10)}).row({computed});
  CHECK(test.errors() == std::vector<std::string>{"E0502"});
  CHECK(test.warnings() == std::vector<std::string>{"E0613"});
}

TEST_CASE("number columns are cut between neighbouring doubles") {
  TableTest test(HitPolicy::unique, {{"p", Type{TypeKind::number}}});
  const int64_t half = order_key_of_double(0.5);
  test.row({range(least, half - 1)}).row({range(half + 1, greatest)});
  CHECK(test.errors() == std::vector<std::string>{"E0501"});
  CHECK(test.witness("E0501", "p") == "0.5");
  test.row({range(half, half)});
  CHECK(test.errors() == nothing);
}

TEST_CASE("random tables agree with enumeration") {
  std::mt19937 random(99);
  int with_gap = 0, with_overlap = 0, with_shadow = 0;
  for (int round = 0; round < 1500; ++round) {
    const bool first = round % 2;
    TableColumn a{"a", integer}, b{"b", integer.maybe()};
    a.minimum = 0;
    a.maximum = 7;
    b.minimum = 0;
    b.maximum = 4;
    TableTest test(first ? HitPolicy::first : HitPolicy::unique, {a, b});
    const int rows = 1 + static_cast<int>(random() % 9);
    std::vector<std::vector<bool>> takes;
    for (int r = 0; r < rows; ++r) {
      const auto low_a = static_cast<int64_t>(random() % 8), low_b = static_cast<int64_t>(random() % 5);
      Cell cell_a = random() % 3 ? range(low_a, low_a + static_cast<int64_t>(random() % 6)) : any();
      Cell cell_b = random() % 3 ? range(low_b, low_b + static_cast<int64_t>(random() % 4)) : any();
      if (random() % 3 == 0) cell_b.accepts_missing = true;
      std::vector<bool> points;
      for (int64_t x = 0; x <= 7; ++x) {
        for (int64_t y = 0; y <= 5; ++y) {
          const bool in_a = x >= cell_a.intervals[0].low && x <= cell_a.intervals[0].high;
          const bool in_b = y == 5 ? cell_b.accepts_missing : y >= cell_b.intervals[0].low && y <= cell_b.intervals[0].high;
          points.push_back(in_a && in_b);
        }
      }
      takes.push_back(points);
      test.row({cell_a, cell_b}, r);
    }
    bool gap = false, overlap = false, shadow = false;
    for (size_t p = 0; p < takes[0].size(); ++p) {
      int hits = 0;
      for (const auto& row : takes) hits += row[p];
      gap = gap || hits == 0;
      overlap = overlap || hits > 1;
    }
    for (size_t r = 0; r < takes.size(); ++r) {
      bool free = false;
      for (size_t p = 0; p < takes[r].size(); ++p) {
        bool above = false;
        for (size_t q = 0; q < r; ++q) above = above || takes[q][p];
        free = free || (takes[r][p] && !above);
      }
      shadow = shadow || !free;
    }
    const auto errors = test.errors();
    const auto reported = [&](const char* code) { return std::find(errors.begin(), errors.end(), code) != errors.end(); };
    REQUIRE(reported("E0501") == gap);
    REQUIRE(reported("E0502") == (!first && overlap));
    REQUIRE(reported("E0504") == (first && shadow));
    with_gap += gap;
    with_overlap += !first && overlap;
    with_shadow += first && shadow;
  }
  CHECK(with_gap > 50);
  CHECK(with_overlap > 50);
  CHECK(with_shadow > 50);
}

TEST_CASE("thousands of rows are decided, and the one gap among them is found") {
  const auto build = [](bool whole) {
    TableTest test(HitPolicy::unique, {{"balance", integer}, {"score", integer}, {"risk", risk}});
    constexpr int64_t bands = 70;
    for (int64_t x = 0; x < bands; ++x) {
      for (int64_t y = 0; y < bands; ++y) {
        Cell balance = range(x == 0 ? least : x * 100, x == bands - 1 ? greatest : x * 100 + 99);
        Cell score = range(y == 0 ? least : y * 10, y == bands - 1 ? greatest : y * 10 + 9);
        if (!whole && x == 41 && y == 17) score = range(y * 10, y * 10 + 8);
        test.row({balance, score, any()});
      }
    }
    return test;
  };
  const auto start = std::chrono::steady_clock::now();
  CHECK(build(true).errors() == nothing);
  const TableTest broken = build(false);
  CHECK(broken.errors() == std::vector<std::string>{"E0501"});
  CHECK(broken.witness("E0501", "balance") == "4100");
  CHECK(broken.witness("E0501", "score") == "179");
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(60));
}
