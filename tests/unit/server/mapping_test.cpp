// A mapping is held against the program before a row is read; then every row comes in whole or not at all.
#include "server/import/mapping.h"

#include <catch2/catch.hpp>

#include "server/import/row_mapper.h"
#include "tests/unit/server/import_fixture.h"

using namespace dunlin;

namespace {

constexpr const char* good = R"(
[input]
missing = ["NULL"]
source = "bank"
as_of = "2005-04-01"

[[entity]]
name = "debtor"
key = "D{ID}"
[entity.fields]
name = "Client {ID}"
age = "{AGE}"
kind = { column = "K", values = { "1" = "person", "2" = "company" } }

[[entity]]
name = "account"
key = "A{ID}"
of = "D{ID}"
[entity.fields]
credit_limit = { column = "LIMIT", scale = 0.01 }
opened = { column = "OPENED", date = "%d.%m.%Y" }

[[event]]
name = "statement"
of = "A{ID}"
at = "{date} 12:00"
id = "A{ID}/{date}"
[event.fields]
months_late = "{late}"
billed = "{bill}"
[[event.repeat]]
date = "2005-04-28"
late = "{L1}"
bill = "{B1}"
[[event.repeat]]
date = "2005-05-28"
late = "{L2}"
bill = "{B2}"

[[event]]
name = "payment"
of = "A{ID}"
at = "2005-05-10"
id = "A{ID}/payment"
when = "{PAID} > 0"
[event.fields]
amount = "{PAID}"
)";

struct Fixture {
  checked::Program program = test::small_program();
  import::Zone zone = *import::Zone::find(program.bundle);
  abi::Arena arena;
  import::Header header;

  std::vector<import::MappingProblem> problems(std::string_view text) {
    auto mapping = import::parse_mapping(text, "test.toml", program);
    return mapping ? std::vector<import::MappingProblem>{} : mapping.error();
  }
  std::string changed(std::string_view from, std::string_view to) {
    std::string text = good;
    auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  }
  import::Row row(std::vector<std::string> cells){for (auto name: {"ID", "AGE", "K", "LIMIT", "OPENED", "L1", "B1", "L2", "B2", "PAID"}) header.add(name);
  return {2, std::move(cells)};
}
};  // namespace

}  // namespace

TEST_CASE_METHOD(Fixture, "a row becomes entities and events") {
  auto mapping = import::parse_mapping(good, "test.toml", program);
  REQUIRE(mapping);
  CHECK(mapping->source == "bank");
  CHECK(mapping->as_of == "2005-04-01");
  auto mapper = import::map_by_file(program, *mapping, zone);
  import::MappedRow mapped;
  REQUIRE(mapper->map(row({"7", "40", "2", "1234500", "02.01.1970", "2", "100.50", "0", "90", "5"}), header, arena, mapped));
  REQUIRE(mapped.instances.size() == 2);
  CHECK(mapped.instances[0].key == "D7");
  CHECK(mapped.instances[0].slots[2] == 40);
  CHECK(mapped.instances[0].slots[3] == 1);
  CHECK(mapped.instances[1].parent_key == "D7");
  CHECK(mapped.instances[1].root_key == "D7");
  CHECK(mapped.instances[1].slots[1] == 1234500);
  CHECK(mapped.instances[1].slots[2] == 1);
  CHECK(mapped.instances[1].slots[3] == 1);
  REQUIRE(mapped.events.size() == 3);
  CHECK(mapped.events[0].external_id == "A7/2005-04-28");
  CHECK(mapped.events[0].root_key == "D7");
  CHECK(mapped.events[0].slots == std::vector<int64_t>{2, 10050});
  CHECK(mapped.events[1].slots == std::vector<int64_t>{0, 9000});
  CHECK(mapped.events[2].slots == std::vector<int64_t>{500});
}

TEST_CASE_METHOD(Fixture, "conditions leave events out; missing marks are missing") {
  auto mapping = import::parse_mapping(good, "test.toml", program);
  REQUIRE(mapping);
  auto mapper = import::map_by_file(program, *mapping, zone);
  import::MappedRow mapped;
  REQUIRE(mapper->map(row({"7", "40", "1", "1", "NULL", "2", "1", "0", "9", "0"}), header, arena, mapped));
  CHECK(mapped.events.size() == 2);
  CHECK(mapped.instances[1].slots[2] == 0);
}

TEST_CASE_METHOD(Fixture, "a bad value rejects the whole row with its column") {
  auto mapping = import::parse_mapping(good, "test.toml", program);
  REQUIRE(mapping);
  auto mapper = import::map_by_file(program, *mapping, zone);
  import::MappedRow mapped;
  auto refused = mapper->map(row({"7", "-3", "1", "1", "", "2", "1", "0", "9", "0"}), header, arena, mapped);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().line == 2);
  CHECK(refused.error().column == "AGE");
  CHECK(refused.error().reason == "age from column AGE: -3 is below the least allowed, 18");
  CHECK(refused.error().body == "7,-3,1,1,,2,1,0,9,0");
  CHECK(mapped.instances.empty());
  refused = mapper->map(row({"7", "30", "1", "1", "31.02.2005", "2", "1", "0", "9", "0"}), header, arena, mapped);
  CHECK(refused.error().column == "OPENED");
  refused = mapper->map(row({"", "30", "1", "1", "", "2", "1", "0", "9", "0"}), header, arena, mapped);
  CHECK(refused.error().column == "ID");
  refused = mapper->map(row({"7", "30", "3", "1", "", "2", "1", "0", "9", "0"}), header, arena, mapped);
  CHECK(refused.error().reason == "kind from column K: `3` is none of person, company");
}

TEST_CASE_METHOD(Fixture, "mistakes in a mapping have a place and a way out") {
  struct Case {
    std::string text, message, help;
  };
  std::vector<Case> cases = {
      {changed("name = \"debtor\"", "name = \"debtors\""), "the bundle has no entity `debtors`", "did you mean `debtor`?"},
      {changed("credit_limit =", "creditlimit ="), "`account` has no field `creditlimit`", "did you mean `credit_limit`?"},
      {changed("\"company\"", "\"compny\""), "`compny` of `kind` is not one of its values", "did you mean `company`?"},
      {changed("age = \"{AGE}\"\n", ""), "`debtor` needs a value for `age`", ""},
      {changed("key = \"D{ID}\"\n", ""), "`key` is missing: what makes one debtor differ from another?", ""},
      {changed("id = \"A{ID}/payment\"\n", ""), "`id` is missing: what tells this event from others, so that the same one counts once?", ""},
      {changed("scale = 0.01", "scale = \"much\""), "`scale` is a figure such as 0.01", ""},
      {changed("\"{PAID} > 0\"", "\"PAID\""), "`when`: a condition names a column in braces", ""},
      {changed("\"Client {ID}\"", "\"Client {ID\""), "`name`: a `{` is never closed", ""},
      {changed("missing = [\"NULL\"]", "mising = [\"NULL\"]"), "[input] has no setting `mising`", "did you mean `missing`?"},
      {changed("[input]", "[input"), "", ""},
      {"", "the mapping says nothing about any entity or event", ""},
  };
  for (const auto& c : cases) {
    auto found = problems(c.text);
    INFO(c.message);
    REQUIRE_FALSE(found.empty());
    if (!c.message.empty()) CHECK(found[0].message == c.message);
    if (!c.help.empty()) CHECK(found[0].help == c.help);
    if (!c.text.empty()) CHECK(found[0].line > 0);
  }
}

TEST_CASE_METHOD(Fixture, "columns that the file does not have are named") {
  auto mapping = import::parse_mapping(good, "test.toml", program);
  REQUIRE(mapping);
  import::Header short_header;
  for (auto name : {"ID", "AGE", "K", "LIMITS", "OPENED", "L1", "B1", "L2", "B2", "PAID"}) short_header.add(name);
  auto found = import::missing_columns(*mapping, short_header);
  REQUIRE(found.size() == 1);
  CHECK(found[0].message == "the file has no column `LIMIT`");
  CHECK(found[0].help == "did you mean `LIMITS`?");
}
