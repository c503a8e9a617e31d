// Figures with 34 digits, as DMN computes with them, carried as texts: `-12.5`. There is one way to write each, so that equal figures are equal texts.
#include <boost/multiprecision/cpp_dec_float.hpp>
#include <new>
#include <string>
#include <string_view>

#include "compiler/abi/case_view.h"
#include "stdlib/native/standard_natives.h"

namespace {

// Wide enough for exact sums and products of 34 digits; powers are close enough to be rounded.
using Figure = boost::multiprecision::number<boost::multiprecision::cpp_dec_float<100>, boost::multiprecision::et_off>;

constexpr size_t digits_max = 34;
constexpr long exponent_max = 400;
constexpr int64_t millionths = 1'000'000;

Figure figure(int64_t slot) {
  const std::string_view text = reinterpret_cast<const dunlin::abi::Text*>(slot)->view();
  return Figure(std::string(text));
}

/// Rounded half to even to 34 digits, without an exponent and without zeros that say nothing. Empty where it is too large to be a figure.
std::string written(const Figure& value) {
  if (value == 0) return "0";
  const std::string shown = value.str(90, std::ios_base::scientific);  // [-]d.ddd…e±xx
  const bool negative = shown.front() == '-';
  const size_t mark = shown.find('e');
  if (mark == std::string::npos) return {};
  long exponent = std::stol(shown.substr(mark + 1));
  std::string digits;
  for (const char c : shown.substr(0, mark)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  if (digits.size() > digits_max) {
    const bool more = digits.find_first_not_of('0', digits_max + 1) != std::string::npos;
    const char next = digits[digits_max];
    digits.resize(digits_max);
    const bool up = next > '5' || (next == '5' && (more || (digits.back() - '0') % 2 != 0));
    size_t at = digits_max;
    while (up && at > 0) {
      if (digits[at - 1] != '9') {
        ++digits[at - 1];
        break;
      }
      digits[--at] = '0';
    }
    if (up && at == 0) {
      digits = std::string(1, '1').append(digits);
      ++exponent;
    }
  }
  if (exponent > exponent_max) return {};
  if (exponent < -exponent_max) return "0";
  while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
  const long whole = exponent + 1;  // digits before the point
  if (whole <= 0) {
    digits = "0." + std::string(static_cast<size_t>(-whole), '0').append(digits);
  } else if (digits.size() <= static_cast<size_t>(whole)) {
    digits.append(static_cast<size_t>(whole) - digits.size(), '0');
  } else {
    digits.insert(static_cast<size_t>(whole), ".");
  }
  return (negative ? "-" : "") + digits;
}

int32_t give(const Figure& value, int64_t* result, dunlin_native_host* host) {
  const std::string text = written(value);
  if (text.empty()) return 1;
  const void* made = host->make_text(host, text.data(), static_cast<int64_t>(text.size()));
  *result = reinterpret_cast<int64_t>(made);
  return made == nullptr ? 1 : 0;
}

int32_t give_whole(const Figure& value, int64_t* result) {
  if (value > Figure(INT64_MAX) || value < Figure(INT64_MIN)) return 1;
  *result = value.convert_to<int64_t>();
  return 0;
}

bool is_whole(const Figure& value) { return floor(value) == value; }

Figure power_of(const Figure& base, const Figure& exponent) {
  if (exponent == 0) return 1;
  if (is_whole(exponent) && abs(exponent) < 1'000'000) {
    const Figure raised = pow(base, abs(exponent).convert_to<long>());
    return exponent < 0 ? Figure(1) / raised : raised;
  }
  return base == 0 ? Figure(0) : pow(base, exponent);
}

template <typename Compute>
int32_t guarded(const Compute& compute) {
  try {
    return compute();
  } catch (const std::exception&) {
    return 1;
  }
}

}  // namespace

extern "C" {

int32_t dunlin_native_wide_of(const int64_t* arguments, int64_t* result, dunlin_native_host* host) {
  return guarded([&] { return give(Figure(arguments[0]) / millionths, result, host); });
}
int32_t dunlin_native_wide_sum(const int64_t* arguments, int64_t* result, dunlin_native_host* host) {
  return guarded([&] { return give(figure(arguments[0]) + figure(arguments[1]), result, host); });
}
int32_t dunlin_native_wide_difference(const int64_t* arguments, int64_t* result, dunlin_native_host* host) {
  return guarded([&] { return give(figure(arguments[0]) - figure(arguments[1]), result, host); });
}
int32_t dunlin_native_wide_product(const int64_t* arguments, int64_t* result, dunlin_native_host* host) {
  return guarded([&] { return give(figure(arguments[0]) * figure(arguments[1]), result, host); });
}
int32_t dunlin_native_wide_quotient(const int64_t* arguments, int64_t* result, dunlin_native_host* host) {
  return guarded([&] {
    const Figure divisor = figure(arguments[1]);
    return divisor == 0 ? 1 : give(figure(arguments[0]) / divisor, result, host);
  });
}
int32_t dunlin_native_wide_power(const int64_t* arguments, int64_t* result, dunlin_native_host* host) {
  return guarded([&] { return give(power_of(figure(arguments[0]), figure(arguments[1])), result, host); });
}
int32_t dunlin_native_wide_has_power(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  return guarded([&] {
    const Figure base = figure(arguments[0]), exponent = figure(arguments[1]);
    *result = (base > 0 || (base == 0 && exponent >= 0) || (base < 0 && is_whole(exponent))) ? 1 : 0;
    return 0;
  });
}
int32_t dunlin_native_wide_order(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  return guarded([&] {
    *result = figure(arguments[0]).compare(figure(arguments[1]));
    return 0;
  });
}

int32_t dunlin_native_wide_exact(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  return guarded([&] {
    const Figure scaled = figure(arguments[0]) * millionths;
    return is_whole(scaled) ? give_whole(scaled, result) : 1;
  });
}
int32_t dunlin_native_wide_rounded(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  return guarded([&] {
    const int64_t places = arguments[1];
    if (places < 0 || places > 6) return 1;
    int64_t unit = 1;
    for (int64_t i = 0; i < places; ++i) unit *= 10;
    const Figure scaled = figure(arguments[0]) * unit;
    Figure near = floor(scaled);
    const Figure rest = scaled - near;
    if (rest > Figure(0.5) || (rest == Figure(0.5) && !is_whole(near / 2))) near += 1;
    return give_whole(near * (millionths / unit), result);
  });
}
int32_t dunlin_native_wide_floor(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  return guarded([&] { return give_whole(floor(figure(arguments[0])), result); });
}
int32_t dunlin_native_wide_ceiling(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  return guarded([&] { return give_whole(ceil(figure(arguments[0])), result); });
}
}
