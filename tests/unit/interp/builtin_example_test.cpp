// The example beside each built-in function's signature gives what stands beside it.
#include <catch2/catch.hpp>

#include "tests/support/bundle_world.h"

namespace dunlin::test {

TEST_CASE("every built-in function does what its example says") {
  struct Example {
    const char *name, *expression, *result;
  };
  const Example examples[] = {
#define DUNLIN_BUILTIN(id, name, signature, documentation, example, result) {name, example, result},
#include "lang/sema/builtins.def"
#undef DUNLIN_BUILTIN
  };
  for (const auto& example : examples) {
    INFO(example.expression);
    BundleWorld world(std::string("bundle examples \"Examples\" {\n  timezone UTC\n  currency EUR\n  calendar none\n  day starts 06:00\n}\n") +
                      "entity debtor {\n  key id : text\n  asked = " + example.expression + "\n  expected = " + example.result + "\n}\n");
    CaseBuilder builder(world.program());
    auto* debtor = builder.add("debtor");
    const auto asked = world.ask("asked", builder, debtor, world.at("2026-01-05 12:00"));
    CHECK(asked.fault == abi::Fault::none);
    CHECK(asked.value == world.ask("expected", builder, debtor, world.at("2026-01-05 12:00")).value);
    CHECK(asked.wake == abi::never);
  }
}

}  // namespace dunlin::test
