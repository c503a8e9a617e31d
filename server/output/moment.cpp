#include "server/output/moment.h"

#include <date/date.h>
#include <fmt/format.h>

#include <limits>

namespace dunlin::server {
namespace {

constexpr int64_t never = std::numeric_limits<int64_t>::max();

struct Parts {
  date::year_month_day day;
  int64_t second;
};

Parts parts_of(int64_t instant_us) {
  auto at = date::sys_time<std::chrono::microseconds>(std::chrono::microseconds(instant_us));
  auto day = date::floor<date::days>(at);
  return {date::year_month_day(day), date::floor<std::chrono::seconds>(at - day).count()};
}

std::string write(int64_t instant_us, char between, bool seconds) {
  if (instant_us == never || instant_us == 0) return "";
  auto [day, second] = parts_of(instant_us);
  std::string text = fmt::format("{:04}-{:02}-{:02}{}{:02}:{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                                 static_cast<unsigned>(day.day()), between, second / 3600, second / 60 % 60);
  return seconds ? text + fmt::format(":{:02}Z", second % 60) : text;
}

}  // namespace

std::string moment_text(int64_t instant_us) { return write(instant_us, ' ', false); }
std::string moment_json(int64_t instant_us) { return write(instant_us, 'T', true); }

}  // namespace dunlin::server
