#include "compiler/abi/builtin_bodies.h"

#include "compiler/abi/arithmetic.h"
#include "compiler/abi/clock.h"
#include "compiler/abi/text_bodies.h"
#include "lang/sema/checked.h"

namespace dunlin::abi {

namespace {

using checked::Builtin;

const Text& text_of(int64_t slot) { return *reinterpret_cast<const Text*>(slot); }

}  // namespace

// One C function each, so that native code can call them by name.
// clang-format off
#define DUNLIN_BODY(id, statements)                                                                                                \
  extern "C" int32_t dunlin_builtin_##id([[maybe_unused]] const EvalContext* context, [[maybe_unused]] const int64_t* arguments,  \
                                         int64_t* result) {                                                                       \
    statements                                                                                                                    \
  }
#define DUNLIN_VALUE(id, value) DUNLIN_BODY(id, *result = (value); return static_cast<int32_t>(Fault::none);)
#define DUNLIN_CHECKED(id, call) DUNLIN_BODY(id, return static_cast<int32_t>(call);)

DUNLIN_CHECKED(business_days, business_days(*context->calendar, arguments[0], arguments[1], result))
DUNLIN_CHECKED(is_working_day, is_working_day(*context->calendar, arguments[0], result))
DUNLIN_VALUE(months, months_between(arguments[0], arguments[1]))
DUNLIN_CHECKED(time_of, time_of(*context->calendar, arguments[0], result))
DUNLIN_VALUE(year_of, civil_of(arguments[0]).year)
DUNLIN_VALUE(month_of, civil_of(arguments[0]).month)
DUNLIN_VALUE(day_of, civil_of(arguments[0]).day)
DUNLIN_CHECKED(round_decimal, round_decimal(arguments[0], arguments[1], result))
DUNLIN_CHECKED(to_decimal, decimal_of_number(as_number(arguments[0]), result))
DUNLIN_VALUE(text_length, text_length(text_of(arguments[0]).view()))
DUNLIN_VALUE(text_starts_with, text_of(arguments[0]).view().starts_with(text_of(arguments[1]).view()) ? 1 : 0)
DUNLIN_VALUE(text_contains, text_of(arguments[0]).view().find(text_of(arguments[1]).view()) != std::string_view::npos ? 1 : 0)
DUNLIN_VALUE(split_share, split_share(text_of(arguments[0]).view(), text_of(arguments[1]).view()))
DUNLIN_CHECKED(format_int, make_text(*context, std::to_string(arguments[0]), result))
DUNLIN_CHECKED(format_decimal, make_text(*context, decimal_text(arguments[0]), result))
DUNLIN_CHECKED(format_number, make_text(*context, number_text(as_number(arguments[0])), result))
DUNLIN_CHECKED(format_money, make_text(*context, money_text(arguments[0], context->calendar->minor_digits), result))
DUNLIN_CHECKED(format_date, make_text(*context, date_text(arguments[0]), result))
DUNLIN_CHECKED(format_datetime, make_text(*context, datetime_text(*context->calendar, arguments[0]), result))

namespace {

struct Entry {
  Builtin builtin;
  BuiltinBody body;
  const char* symbol;
};

#define DUNLIN_ENTRY(id) {Builtin::id, dunlin_builtin_##id, "dunlin_builtin_" #id},
const Entry entries[] = {
    DUNLIN_ENTRY(business_days)
    DUNLIN_ENTRY(is_working_day)
    DUNLIN_ENTRY(months)
    DUNLIN_ENTRY(time_of)
    DUNLIN_ENTRY(year_of)
    DUNLIN_ENTRY(month_of)
    DUNLIN_ENTRY(day_of)
    DUNLIN_ENTRY(round_decimal)
    DUNLIN_ENTRY(to_decimal)
    DUNLIN_ENTRY(text_length)
    DUNLIN_ENTRY(text_starts_with)
    DUNLIN_ENTRY(text_contains)
    DUNLIN_ENTRY(split_share)
    DUNLIN_ENTRY(format_int)
    DUNLIN_ENTRY(format_decimal)
    DUNLIN_ENTRY(format_number)
    DUNLIN_ENTRY(format_money)
    DUNLIN_ENTRY(format_date)
    DUNLIN_ENTRY(format_datetime)
};
// clang-format on

const Entry* find(int builtin) {
  for (const Entry& entry : entries)
    if (static_cast<int>(entry.builtin) == builtin) return &entry;
  return nullptr;
}

}  // namespace

BuiltinBody builtin_body(int builtin) {
  const Entry* entry = find(builtin);
  return entry == nullptr ? nullptr : entry->body;
}

const char* builtin_symbol(int builtin) {
  const Entry* entry = find(builtin);
  return entry == nullptr ? nullptr : entry->symbol;
}

}  // namespace dunlin::abi
