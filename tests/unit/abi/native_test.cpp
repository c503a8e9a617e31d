#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "compiler/abi/arena.h"
#include "compiler/abi/clock.h"
#include "stdlib/native/standard_natives.h"

namespace dunlin::abi {

namespace {

/// Every `native function` line of the standard library: name -> what stands behind the words.
std::map<std::string, std::string> declared_natives() {
  std::map<std::string, std::string> declared;
  const std::string words = "native function ";
  for (const auto& file : std::filesystem::directory_iterator(std::filesystem::path(DUNLIN_SOURCE_DIR) / "stdlib/std")) {
    std::ifstream in(file.path());
    for (std::string line; std::getline(in, line);) {
      if (!line.starts_with(words)) continue;
      const std::string signature = line.substr(words.size());
      declared[signature.substr(0, signature.find('('))] = signature;
    }
  }
  return declared;
}

int32_t call(const char* name, std::vector<int64_t> arguments, int64_t& result, Arena& arena) {
  const auto body = standard_natives().body(name);
  REQUIRE(body != nullptr);
  auto host = native_host(&arena);
  return body(arguments.data(), &result, &host);
}
int64_t value(const char* name, std::vector<int64_t> arguments, Arena& arena) {
  int64_t result = 0;
  REQUIRE(call(name, std::move(arguments), result, arena) == 0);
  return result;
}

}  // namespace

TEST_CASE("each native function is declared as it is written, in both directions") {
  const auto declared = declared_natives();
  for (const auto& entry : standard_native_entries()) {
    INFO(entry.name);
    REQUIRE(declared.contains(entry.name));
    CHECK(declared.at(entry.name) == entry.signature);
    CHECK(std::string(entry.signature).starts_with(std::string(entry.name) + "("));
  }
  for (const auto& [name, signature] : declared) {
    INFO(signature);
    CHECK(standard_natives().find(name) != nullptr);
  }
}

TEST_CASE("a shared library brings functions of its own") {
  NativeRegistry registry;
  registry.add(standard_native_entries());
  REQUIRE(registry.load(SAMPLE_NATIVES));
  REQUIRE(registry.find("doubled") != nullptr);
  CHECK(registry.find("doubled")->signature == "doubled(amount : money) -> money");
  int64_t argument = 21, result = 0;
  CHECK(registry.body("doubled")(&argument, &result, nullptr) == 0);
  CHECK(result == 42);
  CHECK(registry.load(SAMPLE_NATIVES).error().ends_with("brings `doubled`, which is there already"));
  CHECK_FALSE(registry.load("/nowhere/lib.so"));
  CHECK(registry.load_all("/nowhere/a.so:/nowhere/b.so").size() == 2);
  CHECK(registry.body("nothing") == nullptr);
}

TEST_CASE("instalments, fees and feasts") {
  Arena arena;
  int64_t result = 0;
  CHECK(value("annuity_payment", {10'000'000, 120'000, 12}, arena) == 888'488);  // 100 000 at 12% a year
  CHECK(value("annuity_payment", {1'200, 0, 12}, arena) == 100);
  CHECK(call("annuity_payment", {1'200, 0, 0}, result, arena) != 0);
  const int64_t old_scale = date_of_civil(2024, 9, 8), new_scale = date_of_civil(2024, 9, 9);
  CHECK(value("court_fee_ru", {500'000, old_scale}, arena) == 40'000);           // 4%, at least 400
  CHECK(value("court_fee_ru", {15'000'000, old_scale}, arena) == 420'000);       // 3200 + 2% over 100 000
  CHECK(value("court_fee_ru", {5'000'000'000, old_scale}, arena) == 6'000'000);  // at most 60 000
  CHECK(value("court_fee_ru", {500'000, new_scale}, arena) == 400'000);
  CHECK(value("court_fee_ru", {15'000'000, new_scale}, arena) == 550'000);
  CHECK(value("court_fee_ru", {10'000'000'000'000, new_scale}, arena) == 90'000'000);
  CHECK(call("court_fee_ru", {0, new_scale}, result, arena) != 0);
  CHECK(value("easter_sunday", {2026}, arena) == date_of_civil(2026, 4, 5));
  CHECK(value("easter_sunday", {2000}, arena) == date_of_civil(2000, 4, 23));
}

TEST_CASE("places and texts") {
  Arena arena;
  const auto text = [&](const char* bytes) { return reinterpret_cast<int64_t>(arena.text(bytes)); };
  int64_t result = 0;
  CHECK(std::fabs(as_number(value("distance_km", {text("55.7558,37.6173"), text("59.9343, 30.3351")}, arena)) - 634) < 3);
  CHECK(as_number(value("distance_km", {text("0,0"), text("0,0")}, arena)) == 0);
  CHECK(call("distance_km", {text("somewhere"), text("0,0")}, result, arena) != 0);
  CHECK(call("distance_km", {text("91,0"), text("0,0")}, result, arena) != 0);
  CHECK(value("edit_distance", {text("kitten"), text("sitting")}, arena) == 3);
  CHECK(value("edit_distance", {text("Łódź"), text("Lodz")}, arena) == 3);
  CHECK(value("edit_distance", {text(""), text("abc")}, arena) == 3);
  CHECK(reinterpret_cast<const Text*>(value("digits_of", {text("+7 (495) 123-45")}, arena))->view() == "749512345");
  CHECK(value("check_digit_fits", {text("79927398713")}, arena) == 1);
  CHECK(value("check_digit_fits", {text("79927398710")}, arena) == 0);
  CHECK(value("check_digit_fits", {text("")}, arena) == 0);
}

}  // namespace dunlin::abi
