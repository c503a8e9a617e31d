// Which version a step back leads to, and what a second person has to do with it.
#include <map>
#include <random>

#include "tests/store/office.h"

namespace dunlin::store::test {

namespace {

Result<BundleVersion> activate(Office& office, bool back) {
  good(office.store->prepare(office.desk.program));
  return office.store->activate(office.desk.program, {{{"office.dun", "// " + office.desk.program.content_hash}}},
                                Activation{.author = "tester", .at = on(1), .reason = "", .replacing = {}, .back = back});
}

}  // namespace

TEST_CASE("steps back go down the stack of activations, and never in a circle", "[store]") {
  ON_BOTH_STORES();
  std::vector<std::unique_ptr<Office>> offices;
  for (const char* name : {"v1", "v2", "v3", "v4"}) offices.push_back(std::make_unique<Office>(*place, name));
  Store& store = *offices.front()->store;
  CHECK(good(store.version_before()) == 0);
  // The oracle: a stack of versions. What is activated goes on top, a step back takes the top away.
  std::vector<int32_t> stack;
  std::map<int32_t, Office*> by_number;
  std::mt19937 random(7);
  for (int i = 0; i < 60; ++i) {
    const bool back = stack.size() > 1 && random() % 2 == 0;
    if (back) {
      stack.pop_back();
      CHECK(good(activate(*by_number.at(stack.back()), true)).number == stack.back());
    } else {
      Office& next = *offices[random() % offices.size()];
      const int32_t number = good(activate(next, false)).number;
      by_number[number] = &next;
      if (stack.empty() || stack.back() != number) stack.push_back(number);
    }
    INFO("after " << i << " activations, depth " << stack.size());
    REQUIRE(good(store.version_before()) == (stack.size() < 2 ? 0 : stack[stack.size() - 2]));
  }
}

TEST_CASE("a step back over several versions forgets all of them", "[store]") {
  ON_BOTH_STORES();
  Office one(*place, "v1"), two(*place, "v2"), three(*place, "v3"), four(*place, "v4");
  for (Office* office : {&one, &two, &three, &four}) good(activate(*office, false));
  good(activate(two, true));
  CHECK(good(one.store->version_before()) == 1);
  good(activate(four, true));  // nowhere below: it is an activation like any other
  CHECK(good(one.store->version_before()) == 2);
}

}  // namespace dunlin::store::test
