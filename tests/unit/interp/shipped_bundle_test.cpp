// Every shipped bundle becomes IR that keeps the rules, and its conditions share their work.
#include <catch2/catch.hpp>
#include <filesystem>

#include "compiler/ir/lower.h"
#include "compiler/ir/native_signatures.h"
#include "compiler/ir/print.h"
#include "compiler/ir/verify.h"
#include "lang/diag/render.h"
#include "lang/sema/check.h"
#include "stdlib/native/standard_natives.h"
#include "tests/support/bundle_world.h"

namespace dunlin::test {

TEST_CASE("every shipped bundle lowers to IR that keeps the rules") {
  int bundles = 0;
  const std::filesystem::path root(DUNLIN_SOURCE_DIR);
  for (const auto& entry : std::filesystem::directory_iterator(root / "strategies")) {
    if (!std::filesystem::exists(entry.path() / "bundle.dun")) continue;
    INFO(entry.path());
    Diagnostics diagnostics;
    SourceMap sources;
    const auto files = read_bundle(entry.path(), diagnostics, sources);
    const auto program = check_bundle(files, sources, diagnostics, {.stdlib = root / "stdlib", .analyse = false});
    INFO(render_text(diagnostics, sources, {}));
    REQUIRE(program != nullptr);
    const auto lowered = ir::lower(*program);
    CHECK(ir::verify(*lowered).empty());
    CHECK(ir::unmatched_natives(*program, standard_natives()).empty());
    CHECK(ir::print(*lowered).find("function \"") != std::string::npos);
    ++bundles;
  }
  CHECK(bundles >= 1);
}

TEST_CASE("a native function written for another signature is found before it is called") {
  const std::string text =
      "bundle natives \"Natives\" {\n  timezone UTC\n  currency EUR\n  calendar none\n  day starts 06:00\n}\nentity debtor {\n  key id : text\n}\n"
      "native function easter_sunday(year : int, shift : int) -> date\nnative function unheard_of(a : money) -> money\n";
  const BundleWorld world(text);
  const auto problems = ir::unmatched_natives(world.program(), standard_natives());
  REQUIRE(problems.size() == 2);
  CHECK(problems[0] == "the native function `easter_sunday(year : int, shift : int) -> date` was written as `easter_sunday(year : int) -> date`");
  CHECK(problems[1] == "no library brings the native function `unheard_of`");
}

TEST_CASE("what is written twice is computed once") {
  const std::string text = R"(bundle sharing "Sharing" {
  timezone UTC
  currency EUR
  calendar none
  day starts 06:00
}
entity debtor {
  key id : text
  asked  = count(call within 7 days) > 3 or count(call within 7 days) < 1
  where_twice = count(call where at > start_of(today)) + count(call where at > start_of(today))
}
event call of debtor { }
)";
  const BundleWorld world(text);
  for (const auto& derived : world.program().entities[0].derived) {
    const auto& function = world.ir().functions[static_cast<size_t>(world.ir().of_root[static_cast<size_t>(derived.root)])];
    INFO(ir::print(world.ir(), function));
    // With a wake the two comparisons ask for different leaving events.
    CHECK(function.aggregates.size() == (derived.name == "asked" ? 2 : 1));
  }
}

}  // namespace dunlin::test
