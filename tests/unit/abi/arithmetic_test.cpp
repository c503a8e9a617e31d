#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "compiler/abi/arithmetic.h"

namespace dunlin::abi {

namespace {

constexpr int64_t largest = std::numeric_limits<int64_t>::max(), smallest = std::numeric_limits<int64_t>::min();

template <class Function, class... Args>
int64_t value(Function function, Args... args) {
  int64_t result = -999;
  REQUIRE(function(args..., &result) == Fault::none);
  return result;
}
template <class Function, class... Args>
Fault fault(Function function, Args... args) {
  int64_t result = 0;
  return function(args..., &result);
}

}  // namespace

TEST_CASE("scaled products and quotients round once, half to even") {
  CHECK(value(multiply_scaled, 25, 100'000, 1'000'000) == 2);  // 2.5
  CHECK(value(multiply_scaled, 35, 100'000, 1'000'000) == 4);  // 3.5
  CHECK(value(multiply_scaled, -25, 100'000, 1'000'000) == -2);
  CHECK(value(multiply_scaled, -35, 100'000, 1'000'000) == -4);
  CHECK(value(multiply_scaled, 251, 10'000, 1'000'000) == 3);
  CHECK(value(multiply_scaled, largest, 1'000'000, 1'000'000) == largest);
  CHECK(value(multiply_scaled, smallest, 1'000'000, 1'000'000) == smallest);
  CHECK(fault(multiply_scaled, largest, 1'000'001, 1'000'000) == Fault::overflow);
  CHECK(value(divide_scaled, 1, 3, 1'000'000) == 333'333);
  CHECK(value(divide_scaled, 2, 3, 1'000'000) == 666'667);
  CHECK(value(divide_scaled, 5, -2, 1) == -2);
  CHECK(value(divide_scaled, -7, 2, 1) == -4);
  CHECK(value(divide_scaled, smallest, 1, 1) == smallest);
  CHECK(fault(divide_scaled, smallest, -1, 1) == Fault::overflow);
  CHECK(fault(divide_scaled, 1, 0, 1) == Fault::division_by_zero);
}

TEST_CASE("division and remainder round down") {
  CHECK(value(floor_divide, 7, 2) == 3);
  CHECK(value(floor_divide, -7, 2) == -4);
  CHECK(value(floor_divide, 7, -2) == -4);
  CHECK(value(floor_modulo, -7, 2) == 1);
  CHECK(value(floor_modulo, 7, -2) == -1);
  CHECK(value(floor_modulo, smallest, -1) == 0);
  CHECK(fault(floor_divide, smallest, -1) == Fault::overflow);
  CHECK(fault(floor_divide, 1, 0) == Fault::division_by_zero);
  CHECK(fault(floor_modulo, 1, 0) == Fault::division_by_zero);
}

TEST_CASE("an average is rounded once, and its sum may be wider than 64 bits") {
  int64_t result = 0;
  CHECK(average(static_cast<Wide>(largest) * 3, 3, 1, &result) == Fault::none);
  CHECK(result == largest);
  CHECK(average(5, 2, 1, &result) == Fault::none);
  CHECK(result == 2);
  CHECK(average(7, 2, 1'000'000, &result) == Fault::none);
  CHECK(result == 3'500'000);
  CHECK(average(static_cast<Wide>(largest), 1, 1'000'000, &result) == Fault::overflow);
}

TEST_CASE("a number becomes a decimal exactly, then rounds half to even") {
  CHECK(value(decimal_of_number, 2.0) == 2'000'000);
  CHECK(value(decimal_of_number, -0.5) == -500'000);
  CHECK(value(decimal_of_number, std::ldexp(1.0, -7)) == 7'812);       // 7812.5 millionths
  CHECK(value(decimal_of_number, 3 * std::ldexp(1.0, -7)) == 23'438);  // 23437.5
  CHECK(value(decimal_of_number, 0.1) == 100'000);
  CHECK(value(decimal_of_number, 1e-300) == 0);
  CHECK(value(decimal_of_number, 9'000'000'000'000.25) == 9'000'000'000'000'250'000);
  CHECK(fault(decimal_of_number, 1e13) == Fault::overflow);
  CHECK(fault(decimal_of_number, std::nan("")) == Fault::not_a_number);
}

TEST_CASE("decimals round to so many places") {
  CHECK(value(round_decimal, 2'345'000, 2) == 2'340'000);
  CHECK(value(round_decimal, 2'355'000, 2) == 2'360'000);
  CHECK(value(round_decimal, -2'500'000, 0) == -2'000'000);
  CHECK(value(round_decimal, 1'234'567, 6) == 1'234'567);
  CHECK(fault(round_decimal, 1, 7) == Fault::bad_argument);
  CHECK(fault(round_decimal, largest, 0) == Fault::overflow);
}

}  // namespace dunlin::abi
