// `working days`, `weekends`, `saturdays`: groups of days as limits and schedules name them.
#pragma once

#include <optional>
#include <vector>

#include "lang/sema/context.h"

namespace dunlin::sema {

struct DayGroup {
  uint8_t weekdays = 0x7f;  // bit 0: Monday
  bool working_only = false;
};

/// No name, or `others`: every day. Nothing if no group is called so (E0219).
std::optional<DayGroup> day_group(Context& context, const std::vector<ast::Name>& days);

}  // namespace dunlin::sema
