// What `dunlin diff` says of experiments.
#include <catch2/catch.hpp>

#include "runtime/plan/compare.h"
#include "tests/sim/world.h"

namespace dunlin::trial_test {

using sim_test::Compiled;

TEST_CASE("a changed share, a changed population and a restart show in the difference", "[trial]") {
  const std::string text = R"(
bundle compared "Compared" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity account { key id : text, overdue : money }
queue call { cost 12 }
strategy soft "Soft" for account { enrol when overdue > 0, stage first { keep call "a", after 9 days : go gone }, final stage gone }
strategy other "Other" for account { stage first { keep call "b", after 9 days : go gone }, final stage gone }
experiment trial { champion soft 90%, challenger other 10%, among account where overdue > 100, run 2026-12-01 to 2027-02-28 }
)";
  const auto changes = [&](const std::string& from, const std::string& to) {
    std::string edited = text;
    edited.replace(edited.find(from), from.size(), to);
    const Compiled before(text), after(edited);
    std::string said;
    for (const auto& change : plan::compare({before.program(), before.source_map()}, {after.program(), after.source_map()}).changes)
      said += std::string(said.empty() ? "" : "; ") + plan::change_text(change.kind) + " " + change.what + " " + change.name;
    return said;
  };
  CHECK(changes("champion soft 90%, challenger other 10%", "challenger other 10%\n champion soft 90%").empty());
  CHECK(changes("champion soft 90%, challenger other 10%", "champion   soft  90%\n challenger other 10%").empty());
  CHECK(changes("90%, challenger other 10%", "50%, challenger other 50%") == "changed experiment trial");
  CHECK(changes("overdue > 100", "overdue > 200") == "changed experiment trial");
  CHECK(changes("run 2026-12-01", "run 2026-12-02") == "changed experiment trial");
  CHECK(changes("for account { enrol", "for account { on change restart, enrol") == "changed strategy soft");
}

}  // namespace dunlin::trial_test
