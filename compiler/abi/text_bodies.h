// Texts made and compared by compiled expressions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "compiler/abi/case_view.h"

namespace dunlin::abi {

constexpr int64_t text_bytes_max = 1 << 20;

/// Puts the text into the evaluation's arena; the slot is its address.
Fault make_text(const EvalContext& context, std::string_view bytes, int64_t* result);
Fault concat(const EvalContext& context, const int64_t* texts, int64_t count, int64_t* result);
int64_t equal_text(const Text* a, const Text* b);
/// Negative, 0, positive: by bytes, which for UTF-8 is by code points.
int compare_text(const Text* a, const Text* b);

std::string decimal_text(int64_t millionths);
std::string number_text(double number);
std::string money_text(int64_t minor_units, int32_t minor_digits);
std::string date_text(int64_t date);
/// year-month-day hour:minute, with seconds where they are not zero, in the calendar's zone.
std::string datetime_text(const Calendar& calendar, int64_t instant);

/// 0 … 9999, the same on every machine and in every version: how experiments and splits divide a portfolio.
/// FNV-1a over salt, a zero byte and unit, finished by the mixer of SplitMix64; the high 32 bits choose the share.
int64_t split_share(std::string_view salt, std::string_view unit);
/// Code points.
int64_t text_length(std::string_view text);

}  // namespace dunlin::abi
