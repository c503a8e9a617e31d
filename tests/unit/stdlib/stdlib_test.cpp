// The standard library: each module stands by itself, each calendar can be read and says what the law says.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "compiler/abi/calendar.h"
#include "lang/diag/render.h"
#include "lang/sema/check.h"

using namespace dunlin;
namespace fs = std::filesystem;

namespace {

const fs::path library = fs::path(DUNLIN_SOURCE_DIR) / "stdlib";

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

abi::CalendarSpec calendar(const std::string& name) {
  abi::CalendarSpec spec;
  const auto done = abi::read_calendar_csv(read(library / "calendars" / (name + ".csv")), spec);
  INFO(name << ": " << (done ? "" : done.error()));
  REQUIRE(done);
  return spec;
}

int32_t day(int year, unsigned month, unsigned of_month) {
  const std::chrono::sys_days days = std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(of_month);
  return static_cast<int32_t>(days.time_since_epoch().count());
}
bool has(const std::vector<int32_t>& dates, int32_t date) { return std::find(dates.begin(), dates.end(), date) != dates.end(); }

}  // namespace

TEST_CASE("every module can be used alone, without a warning") {
  size_t modules = 0;
  for (const auto& entry : fs::directory_iterator(library / "std")) {
    if (entry.path().extension() != ".dun") continue;
    const std::string name = "std." + entry.path().stem().string();
    CHECK(read(entry.path()).find("\nmodule " + name + "\n") != std::string::npos);
    BundleSources bundle;
    bundle.files.push_back({"bundle.dun", "bundle x \"X\" { timezone UTC, currency EUR, calendar none, day starts 06:00 }\nuse " + name +
                                              "\nentity debtor { key id : text }\nentity account of debtor { key id : text }\n"});
    SourceMap sources;
    Diagnostics diagnostics;
    CheckOptions options;
    options.stdlib = library;
    const auto program = check_bundle(bundle, sources, diagnostics, options);
    INFO(name << "\n" << render_text(diagnostics, sources));
    CHECK(program != nullptr);
    CHECK(diagnostics.all().empty());
    ++modules;
  }
  CHECK(modules >= 6);
}

TEST_CASE("calendars are in order, each with its source") {
  size_t calendars = 0;
  for (const auto& entry : fs::directory_iterator(library / "calendars")) {
    const std::string name = entry.path().stem().string();
    abi::CalendarSpec spec = calendar(name);
    INFO(name);
    CHECK(std::is_sorted(spec.holidays.begin(), spec.holidays.end()));
    CHECK(std::adjacent_find(spec.holidays.begin(), spec.holidays.end()) == spec.holidays.end());
    for (int32_t working : spec.working_weekends) CHECK_FALSE(has(spec.holidays, working));
    if (name != "none") CHECK(read(entry.path()).find("\n# Source: ") != std::string::npos);
    if (name != "none") CHECK(spec.holidays.size() > 20);
    ++calendars;
  }
  CHECK(calendars >= 7);
}

TEST_CASE("calendars know the days that people know") {
  const auto pl = calendar("pl"), de = calendar("de"), uk = calendar("uk"), ru = calendar("ru"), tw = calendar("tw"), target = calendar("eu_target");
  for (const auto* with_easter : {&pl, &de, &uk, &target}) CHECK(has(with_easter->holidays, day(2026, 4, 6)));
  CHECK(has(pl.holidays, day(2026, 6, 4)));    // Corpus Christi
  CHECK(has(pl.holidays, day(2025, 12, 24)));  // free since 2025
  CHECK_FALSE(has(pl.holidays, day(2024, 12, 24)));
  CHECK_FALSE(has(pl.holidays, day(2005, 1, 6)));  // free since 2011
  CHECK(has(de.holidays, day(2026, 10, 3)));
  CHECK(has(uk.holidays, day(2026, 12, 28)));  // for Boxing Day, a Saturday
  CHECK(has(ru.holidays, day(2026, 1, 9)));
  CHECK(has(ru.working_weekends, day(2024, 4, 27)));
  CHECK(has(tw.holidays, day(2005, 6, 11)));  // Dragon Boat Festival
  CHECK(has(tw.holidays, day(2026, 2, 17)));  // Lunar New Year
}
