// Counters of the server in Prometheus' text form.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace dunlin::server {

class Metrics {
 public:
  void request(const std::string& method, const std::string& route, int status, double seconds);
  /// The counters of requests and their times.
  std::string text() const;

 private:
  static constexpr std::array<double, 9> bounds{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5};
  struct Times {
    std::array<int64_t, 9> up_to{};
    int64_t count = 0;
    double sum = 0;
  };
  mutable std::mutex guard_;
  std::map<std::array<std::string, 3>, int64_t> requests_;  // method, route, status
  std::map<std::string, Times> times_;                      // by route
};

}  // namespace dunlin::server
