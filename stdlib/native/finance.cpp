#include <cmath>
#include <cstdint>
#include <limits>

#include "compiler/abi/clock.h"
#include "stdlib/native/standard_natives.h"

namespace {

constexpr double millionths = 1e6;
constexpr int64_t rouble = 100;  // minor units

bool to_minor_units(double amount, int64_t* result) {
  if (!std::isfinite(amount) || std::fabs(amount) >= 9e18) return false;
  *result = std::llrint(amount);
  return true;
}

/// A step of the scale of fees: from `above` roubles a fixed sum and a share of what lies above, in hundredths of a percent.
struct FeeStep {
  int64_t above, fixed, share;
};

/// Tax Code of the Russian Federation, article 333.19, part 1, paragraph 1, before and after Federal Law 259-FZ of 2024-08-08. The law came into force on
/// 2024-09-08 and counts for claims that were sent after that day. Compared with what courts published of it, 2026-11-22.
constexpr FeeStep until_2024[] = {{0, 0, 400}, {20'000, 800, 300}, {100'000, 3'200, 200}, {200'000, 5'200, 100}, {1'000'000, 13'200, 50}};
constexpr FeeStep from_2024[] = {
    {0, 4'000, 0},           {100'000, 4'000, 300},   {300'000, 10'000, 250},    {500'000, 15'000, 200},    {1'000'000, 25'000, 100},
    {3'000'000, 45'000, 70}, {8'000'000, 80'000, 35}, {24'000'000, 136'000, 30}, {50'000'000, 214'000, 20}, {100'000'000, 314'000, 15}};

template <size_t count>
int64_t fee_of(const FeeStep (&steps)[count], int64_t claim, int64_t least, int64_t most) {
  const FeeStep* step = steps;
  for (const FeeStep& next : steps)
    if (next.above == 0 || claim > next.above * rouble) step = &next;
  const int64_t over = claim - step->above * rouble;
  const int64_t fee = step->fixed * rouble + over / 10'000 * step->share + over % 10'000 * step->share / 10'000;
  const int64_t held = fee < least * rouble ? least * rouble : fee > most * rouble ? most * rouble : fee;
  return (held + rouble / 2) / rouble * rouble;  // full roubles, article 52, part 6
}

}  // namespace

extern "C" {

/// principal * r / (1 - (1 + r)^-months) with r a twelfth of the yearly rate.
int32_t dunlin_native_annuity_payment(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  const auto principal = static_cast<double>(arguments[0]);
  const double rate = static_cast<double>(arguments[1]) / millionths / 12;
  const int64_t months = arguments[2];
  if (months < 1 || months > 1200 || rate <= -1) return 1;
  const double share = rate == 0 ? 1.0 / static_cast<double>(months) : rate / (1 - std::pow(1 + rate, -static_cast<double>(months)));
  return to_minor_units(principal * share, result) ? 0 : 1;
}

int32_t dunlin_native_court_fee_ru(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  const int64_t claim = arguments[0];
  if (claim <= 0 || claim > std::numeric_limits<int64_t>::max() / 2) return 1;
  static const int64_t change = dunlin::abi::date_of_civil(2024, 9, 9);
  *result = arguments[1] < change ? fee_of(until_2024, claim, 400, 60'000) : fee_of(from_2024, claim, 4'000, 900'000);
  return 0;
}

/// Gregorian computus (Meeus, Jones, Butcher).
int32_t dunlin_native_easter_sunday(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  const int64_t year = arguments[0];
  if (year < 1583 || year > 9999) return 1;
  const int64_t a = year % 19, b = year / 100, c = year % 100;
  const int64_t h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
  const int64_t l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
  const int64_t m = (a + 11 * h + 22 * l) / 451;
  const int64_t day = h + l - 7 * m + 114;
  *result = dunlin::abi::date_of_civil(year, day / 31, day % 31 + 1);
  return 0;
}
}
