#include "server/serve/clock_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "runtime/store/business_clock.h"
#include "server/serve/log.h"

namespace dunlin::server {

namespace {

std::atomic<int64_t> jumped = 0;

std::string hours(int64_t us) { return fmt::format("{:+.1f}", static_cast<double>(us) / 3.6e9); }

void note(int64_t seen, const std::string& node) {
  const int64_t before = jumped.exchange(seen);
  if (seen != 0 && before == 0) {
    log::write(log::Level::error, "the clock has jumped; nothing is stepped until it is confirmed",
               {{"node", node}, {"hours", hours(seen)}, {"help", "if the clock is right: dunlin clock confirm --reason …; else set it"}});
  } else if (seen == 0 && before != 0) {
    log::write(log::Level::info, "the clock goes well again", {{"node", node}, {"hours", hours(before)}});
  }
}

}  // namespace

int64_t unconfirmed_jump() { return jumped; }

store::Result<std::vector<std::pair<int64_t, std::vector<store::BucketRange>>>> spans_by_clock(store::Store& store, const std::string& node, int64_t now,
                                                                                               bool watched, const std::vector<store::BucketRange>& held) {
  std::vector<std::pair<int64_t, std::vector<store::BucketRange>>> spans;
  store::BusinessClock* clock = watched ? store::business_clock_of(store) : nullptr;
  if (clock == nullptr) {
    spans.emplace_back(now, held);
    return spans;
  }
  const auto look = clock->look_at_clock(now, node);
  if (!look) return std::unexpected(look.error());
  note(look->jumped, node);
  if (look->jumped != 0) return spans;
  std::vector<store::BucketRange> rest;
  for (const auto& range : held) {
    int32_t next = range.first;
    for (const auto& [ahead, last] : look->ahead) {
      const int32_t first = std::max(ahead.first, next), end = std::min(ahead.last, range.last);
      if (first > end) continue;
      if (first > next) rest.push_back({next, first - 1});
      spans.push_back({last, {{first, end}}});
      next = end + 1;
    }
    if (next <= range.last) rest.push_back({next, range.last});
  }
  if (!rest.empty()) spans.emplace_back(now, std::move(rest));
  return spans;
}

}  // namespace dunlin::server
