#include "server/import/exact_figure.h"

#include <fmt/format.h>

#include <limits>

namespace dunlin::import {
namespace {

__extension__ using Wide = __int128;

struct Figure {
  Wide mantissa = 0;
  int digits = 0;  // behind the point
};

constexpr int digits_max = 18;

/// The part behind the E of 5.00E+05, as spreadsheets write round figures. Moves the point; loses nothing.
bool parse_exponent(std::string_view text, Figure& figure) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.size() > 2 || text.find_first_not_of("0123456789") != std::string_view::npos) return false;
  int exponent = 0;
  for (char c : text) exponent = exponent * 10 + (c - '0');
  if (exponent > digits_max) return false;
  figure.digits += negative ? exponent : -exponent;
  return true;
}

/// False if the text is no figure at all, or one with more digits than anything here needs.
bool parse(std::string_view text, char point, std::string_view thousands, Figure& figure) {
  bool negative = false;
  if (text.starts_with('-') || text.starts_with('+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int digits = 0;
  bool behind_point = false, digits_seen = false;
  while (!text.empty()) {
    if (text[0] >= '0' && text[0] <= '9') {
      digits_seen = true;
      if (figure.mantissa > 0 || text[0] != '0') ++digits;
      if (digits > 2 * digits_max) return false;
      figure.mantissa = figure.mantissa * 10 + (text[0] - '0');
      figure.digits += behind_point ? 1 : 0;
      text.remove_prefix(1);
    } else if (text[0] == point && !behind_point) {
      behind_point = true;
      text.remove_prefix(1);
      if (text.empty()) return false;
    } else if (!thousands.empty() && !behind_point && text.starts_with(thousands) && text.size() > thousands.size()) {
      text.remove_prefix(thousands.size());
    } else if ((text[0] == 'e' || text[0] == 'E') && digits_seen) {
      if (!parse_exponent(text.substr(1), figure)) return false;
      break;
    } else {
      return false;
    }
  }
  if (negative) figure.mantissa = -figure.mantissa;
  return figure.digits <= digits_max;
}

bool has_digit(std::string_view text) { return text.find_first_of("0123456789") != std::string_view::npos; }

}  // namespace

std::expected<int64_t, std::string> read_figure(std::string_view text, const ValueFormat& format, int digits, std::string_view what) {
  Figure figure;
  if (!has_digit(text) || !parse(text, format.decimal_point, format.thousands, figure)) return std::unexpected(fmt::format("`{}` is not {}", text, what));
  const Wide limit = Wide(1) << 126;
  auto overflows = [&](Wide factor) { return figure.mantissa != 0 && (figure.mantissa > limit / factor || figure.mantissa < -limit / factor); };
  auto too_large = [&] { return std::unexpected(fmt::format("`{}` is too large", text)); };
  Wide scale = format.scale_numerator;
  if (scale != 0 && overflows(scale < 0 ? -scale : scale)) return too_large();
  figure.mantissa *= scale;
  figure.digits += format.scale_digits;
  for (; figure.digits < digits; ++figure.digits) {
    if (overflows(10)) return too_large();
    figure.mantissa *= 10;
  }
  for (; figure.digits > digits; --figure.digits) {
    if (figure.mantissa % 10 != 0) return std::unexpected(fmt::format("`{}` has more than {} decimal places", text, digits));
    figure.mantissa /= 10;
  }
  if (figure.mantissa > std::numeric_limits<int64_t>::max() || figure.mantissa < std::numeric_limits<int64_t>::min()) return too_large();
  return static_cast<int64_t>(figure.mantissa);
}

bool read_scale(std::string_view text, int64_t& numerator, int& digits) {
  Figure figure;
  if (!has_digit(text) || !parse(text, '.', "", figure)) return false;
  if (figure.mantissa > std::numeric_limits<int64_t>::max() || figure.mantissa < std::numeric_limits<int64_t>::min()) return false;
  numerator = static_cast<int64_t>(figure.mantissa);
  digits = figure.digits;
  return true;
}

}  // namespace dunlin::import
