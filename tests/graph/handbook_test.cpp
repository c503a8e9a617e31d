// The handbook has everything the bundle declares, once, with the rules' own words, and stands alone.
#include "lang/service/handbook.h"
#include "lang/diag/markup.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "lang/service/graph.h"

using namespace dunlin;
namespace fs = std::filesystem;

namespace {

std::shared_ptr<const service::Snapshot> snapshot_of(const BundleSources& bundle) {
  ParseCache cache;
  service::SnapshotOptions options;
  options.check.stdlib = fs::path(DUNLIN_SOURCE_DIR) / "stdlib";
  options.check.analyse = false;
  auto snapshot = service::take_snapshot(bundle, options, cache);
  REQUIRE(snapshot->good);
  return snapshot;
}

bool has(const std::string& page, const std::string& text) { return page.find(text) != std::string::npos; }

}  // namespace

TEST_CASE("every declaration of the shipped bundle is in its handbook") {
  Diagnostics diagnostics;
  SourceMap unused;
  const auto snapshot = snapshot_of(read_bundle(fs::path(DUNLIN_SOURCE_DIR) / "strategies/card_collections", diagnostics, unused));
  const std::string page = service::handbook(*snapshot);
  for (const service::Declared& declared : snapshot->declared) {
    if (snapshot->is_library(declared.name_span.file) || declared.key.index < 0) continue;
    INFO(declared.name);
    CHECK(has(page, declared.name));
    const std::string doc = declared.doc.substr(0, declared.doc.find_first_of("`\n&<>\""));
    CHECK(has(page, doc));
  }
  for (const checked::Test& test : snapshot->program->tests) CHECK(has(page, escape_markup(test.title)));
  for (const checked::Strategy& strategy : snapshot->program->strategies) CHECK(has(page, "<title>" + strategy.name + "</title>"));
  CHECK(has(page, "20_000..&lt;50_000"));            // a cell
  CHECK(has(page, "after 45 days : go letters"));    // a rule
  CHECK_FALSE(has(page, "http://www.w3.org/1999"));  // nothing is fetched from anywhere
  CHECK_FALSE(has(page, "<script"));
  CHECK_FALSE(has(page, "src="));
}

TEST_CASE("versions of a table stand with their dates, events with what they cancel") {
  const auto snapshot =
      snapshot_of({{{"bundle.dun",
                     "bundle b \"B\" { timezone UTC, currency EUR, calendar none, day starts 06:00 }\nentity account { key id : text, n : int }\n"
                     "event payment of account { amount : money }\nevent chargeback of account cancels payment { }\n"
                     "table fee(n : int) -> (fee : money) first in force from 2025-01-01 to 2025-12-31 {\n| n || fee |\n| any || 1 |\n}\n"
                     "table fee(n : int) -> (fee : money) first in force from 2026-01-01 {\n| n || fee |\n| any || 2 |\n}\n"}}});
  const std::string page = service::handbook(*snapshot);
  CHECK(has(page, "table, hit policy first, in force from 2025-01-01 to 2025-12-31<"));
  CHECK(has(page, "table, hit policy first, in force from 2026-01-01<"));
  CHECK(has(page, "event, of account, cancels payment<"));
}

TEST_CASE("texts of the bundle cannot become tags; sheets beside the rules are shown") {
  const auto snapshot =
      snapshot_of({{{"bundle.dun",
                     "/// <script>alert(1)</script> and `a < b`\nbundle b \"<i>\" { timezone UTC, currency EUR, calendar none, day starts 06:00 }\n"
                     "entity account { key id : text, n : int }\ntable fee(n : int) -> (fee : money) first from \"fees.csv\"\n"
                     "extend account { f = fee(n) }\n"},
                    {"fees.csv", "n,fee\n< 5,1\nany,\"2\"\n"}}});
  const std::string page = service::handbook(*snapshot);
  CHECK_FALSE(has(page, "<script"));
  CHECK_FALSE(has(page, "<i>"));
  CHECK(has(page, "<code>a &lt; b</code>"));
  CHECK(has(page, "<td class=\"code\">&lt; 5</td><td class=\"code out\">1</td>"));
}
