#include "compiler/native/support.h"

#include <algorithm>
#include <cstring>

#include "compiler/abi/arena.h"
#include "compiler/abi/arithmetic.h"
#include "compiler/abi/clock.h"
#include "compiler/abi/native_registry.h"
#include "compiler/abi/text_bodies.h"
#include "compiler/abi/wake.h"
#include "compiler/native/row_index.h"
#include "compiler/native/table_wake.h"

namespace abi = dunlin::abi;
using abi::EvalContext;
using abi::Fault;
using abi::Text;

namespace {

__extension__ using Wide = __int128;
constexpr auto code(Fault fault) { return static_cast<int32_t>(fault); }

}  // namespace

extern "C" {

int32_t dunlin_multiply_scaled(int64_t a, int64_t b, int64_t scale, int64_t* result) { return code(abi::multiply_scaled(a, b, scale, result)); }

int32_t dunlin_divide_scaled(int64_t a, int64_t b, int64_t scale, int64_t* result) { return code(abi::divide_scaled(a, b, scale, result)); }

int32_t dunlin_average(int64_t sum_low, int64_t sum_high, int64_t count, int64_t scale, int64_t* result) {
  const Wide sum = static_cast<Wide>(sum_high) * (Wide{1} << 64) + static_cast<uint64_t>(sum_low);
  return code(abi::average(sum, count, scale, result));
}

int64_t dunlin_equal_text(const Text* a, const Text* b) { return abi::equal_text(a, b); }
int64_t dunlin_compare_text(const Text* a, const Text* b) { return abi::compare_text(a, b); }

int32_t dunlin_concat(const EvalContext* context, const int64_t* texts, int64_t count, int64_t* result) {
  return code(abi::concat(*context, texts, count, result));
}

int32_t dunlin_day_start(const EvalContext* context, int64_t date, int64_t* result) { return code(abi::day_start(*context->calendar, date, result)); }

int32_t dunlin_date_of(const EvalContext* context, int64_t instant, int64_t* result) { return code(abi::date_of(*context->calendar, instant, result)); }

int32_t dunlin_add_duration_to_date(const EvalContext* context, int64_t date, int64_t duration, int64_t* result) {
  return code(abi::add_duration_to_date(*context->calendar, date, duration, result));
}

int32_t dunlin_add_duration_to_instant(const EvalContext* context, int64_t instant, int64_t duration, int64_t* result) {
  return code(abi::add_duration_to_instant(*context->calendar, instant, duration, result));
}

int32_t dunlin_call_native(dunlin_native_function body, const EvalContext* context, const int64_t* arguments, int64_t* result) {
  auto host = abi::native_host(context->arena);
  return body(arguments, result, &host) == 0 ? 0 : code(Fault::native_function);
}

int64_t dunlin_below(const abi::Instance* owner, const abi::Instance* top) {
  for (; owner; owner = owner->parent)
    if (owner == top) return 1;
  return 0;
}

int64_t* dunlin_scratch(const EvalContext* context, int64_t slots) {
  return static_cast<abi::Arena*>(context->arena)->array<int64_t>(static_cast<size_t>(std::max<int64_t>(slots, 1)));
}

int64_t dunlin_leaves_window(const EvalContext* context, int64_t at, int64_t length, int64_t in_days) {
  if (!in_days) return abi::add_saturating(at, length);
  return abi::day_start_clamped(*context->calendar, abi::add_saturating(abi::date_of_clamped(*context->calendar, at), length));
}

int64_t dunlin_day_start_clamped(const EvalContext* context, int64_t date) { return abi::day_start_clamped(*context->calendar, date); }
int64_t dunlin_calendar_last_day(const EvalContext* context) { return abi::calendar_last_day(*context->calendar); }
int64_t dunlin_next_working_day(const EvalContext* context, int64_t date) { return abi::next_working_day(*context->calendar, date); }
int64_t dunlin_period_start(int64_t date, int64_t period) { return abi::period_start(date, static_cast<abi::Period>(period)); }
int64_t dunlin_period_next(int64_t date, int64_t period) { return abi::period_next(date, static_cast<abi::Period>(period)); }
int64_t dunlin_flip(int64_t comparison, int64_t left, int64_t right, int64_t left_slope, int64_t right_slope) {
  return abi::flip(static_cast<abi::Comparison>(comparison), left, right, left_slope, right_slope);
}

int64_t dunlin_table_wake(const dunlin::native::TableWakePlan* plan, int64_t rows, const int64_t* operands) {
  return plan->ticks(static_cast<dunlin::ir::TableWake>(rows), operands);
}

int64_t dunlin_find_row(const dunlin::native::RowIndex* index, const int64_t* keys) { return index->first_row(keys); }
int64_t dunlin_begin_rows(const dunlin::native::RowIndex* index, const int64_t* keys, int64_t backwards, int64_t* cursor) {
  index->begin(keys, backwards != 0, cursor);
  return 0;
}
int64_t dunlin_next_row(const dunlin::native::RowIndex* index, int64_t* cursor) { return index->next(cursor); }
}

namespace dunlin::native {

const std::vector<SupportFunction>& support_functions() {
  auto address = [](auto* function) { return reinterpret_cast<const void*>(function); };
#define DUNLIN_SUPPORT(name, signature) \
  { #name, signature, address(name) }
  // Result, then parameters: f fault, i slot, p pointer.
  static const std::vector<SupportFunction> all = {
      DUNLIN_SUPPORT(dunlin_multiply_scaled, "fiiip"),
      DUNLIN_SUPPORT(dunlin_divide_scaled, "fiiip"),
      DUNLIN_SUPPORT(dunlin_average, "fiiiip"),
      DUNLIN_SUPPORT(dunlin_equal_text, "ipp"),
      DUNLIN_SUPPORT(dunlin_compare_text, "ipp"),
      DUNLIN_SUPPORT(dunlin_concat, "fppip"),
      DUNLIN_SUPPORT(dunlin_day_start, "fpip"),
      DUNLIN_SUPPORT(dunlin_date_of, "fpip"),
      DUNLIN_SUPPORT(dunlin_add_duration_to_date, "fpiip"),
      DUNLIN_SUPPORT(dunlin_add_duration_to_instant, "fpiip"),
      DUNLIN_SUPPORT(dunlin_call_native, "fpppp"),
      DUNLIN_SUPPORT(dunlin_below, "ipp"),
      DUNLIN_SUPPORT(dunlin_scratch, "ppi"),
      DUNLIN_SUPPORT(dunlin_leaves_window, "ipiii"),
      DUNLIN_SUPPORT(dunlin_day_start_clamped, "ipi"),
      DUNLIN_SUPPORT(dunlin_calendar_last_day, "ip"),
      DUNLIN_SUPPORT(dunlin_next_working_day, "ipi"),
      DUNLIN_SUPPORT(dunlin_period_start, "iii"),
      DUNLIN_SUPPORT(dunlin_period_next, "iii"),
      DUNLIN_SUPPORT(dunlin_flip, "iiiiii"),
      DUNLIN_SUPPORT(dunlin_table_wake, "ipip"),
      DUNLIN_SUPPORT(dunlin_find_row, "ipp"),
      DUNLIN_SUPPORT(dunlin_begin_rows, "ippip"),
      DUNLIN_SUPPORT(dunlin_next_row, "ipp"),
  };
#undef DUNLIN_SUPPORT
  return all;
}

}  // namespace dunlin::native
