#include "server/serve/metrics.h"

#include <fmt/format.h>

namespace dunlin::server {

void Metrics::request(const std::string& method, const std::string& route, int status, double seconds) {
  const std::lock_guard lock(guard_);
  ++requests_[{method, route, std::to_string(status)}];
  Times& times = times_[route];
  for (size_t b = 0; b < bounds.size(); ++b) times.up_to[b] += seconds <= bounds[b] ? 1 : 0;
  ++times.count;
  times.sum += seconds;
}

std::string Metrics::text() const {
  const std::lock_guard lock(guard_);
  std::string text = "# HELP dunlin_http_requests_total Requests answered.\n# TYPE dunlin_http_requests_total counter\n";
  for (const auto& [key, count] : requests_) {
    text += fmt::format("dunlin_http_requests_total{{method=\"{}\",route=\"{}\",status=\"{}\"}} {}\n", key[0], key[1], key[2], count);
  }
  text += "# HELP dunlin_http_request_seconds Time from a request's last byte to its answer.\n# TYPE dunlin_http_request_seconds histogram\n";
  for (const auto& [route, times] : times_) {
    for (size_t b = 0; b < bounds.size(); ++b)
      text += fmt::format("dunlin_http_request_seconds_bucket{{route=\"{}\",le=\"{}\"}} {}\n", route, bounds[b], times.up_to[b]);
    text += fmt::format(
        "dunlin_http_request_seconds_bucket{{route=\"{0}\",le=\"+Inf\"}} {1}\ndunlin_http_request_seconds_sum{{route=\"{0}\"}} {2}\n"
        "dunlin_http_request_seconds_count{{route=\"{0}\"}} {1}\n",
        route, times.count, times.sum);
  }
  return text;
}

}  // namespace dunlin::server
