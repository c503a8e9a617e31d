#include "server/serve/instant.h"

#include <fmt/format.h>

#include <ctime>

namespace dunlin::server {

std::string precise_text(int64_t instant_us) {
  const int64_t second = instant_us / 1'000'000 - (instant_us % 1'000'000 < 0 ? 1 : 0);
  const auto seconds = static_cast<std::time_t>(second);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                     parts.tm_sec, instant_us - second * 1'000'000);
}

}  // namespace dunlin::server
