#include "compiler/abi/zone_rules.h"

#include <algorithm>

#include "compiler/abi/case_view.h"

namespace dunlin::abi {

namespace {
constexpr int64_t us_per_day = 86'400 * us_per_second;
}

size_t ZoneRules::span_of(int64_t instant_us) const {
  const auto after = std::upper_bound(spans_.begin(), spans_.end(), instant_us, [](int64_t instant, const Span& span) { return instant < span.begin_us; });
  return after == spans_.begin() ? 0 : static_cast<size_t>(after - spans_.begin()) - 1;
}

int64_t ZoneRules::offset_s(int64_t instant_us) const { return spans_[span_of(instant_us)].offset_s; }

LocalTime ZoneRules::local(int64_t instant_us) const {
  const int64_t shifted = instant_us + offset_s(instant_us) * us_per_second;
  int64_t date = shifted / us_per_day;
  int64_t rest = shifted % us_per_day;
  if (rest < 0) {
    rest += us_per_day;
    --date;
  }
  return {date, rest / us_per_second, rest % us_per_second};
}

int64_t ZoneRules::instant(int64_t date, int64_t second_of_day, int64_t microseconds) const {
  const int64_t local_us = date * us_per_day + second_of_day * us_per_second + microseconds;
  // Spans in order: the first whose instants reach this local time has its first occurrence; one that begins behind it leaves a gap.
  const size_t start = span_of(local_us - 2 * us_per_day);
  for (size_t i = start; i < spans_.size(); ++i) {
    const int64_t candidate = local_us - spans_[i].offset_s * us_per_second;
    const bool begun = i == start || candidate >= spans_[i].begin_us;
    const bool ended = i + 1 < spans_.size() && candidate >= spans_[i + 1].begin_us;
    if (!begun) return spans_[i].begin_us;
    if (!ended) return candidate;
  }
  return local_us - spans_.back().offset_s * us_per_second;
}

}  // namespace dunlin::abi
