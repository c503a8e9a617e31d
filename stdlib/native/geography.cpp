#include <charconv>
#include <cmath>
#include <string_view>

#include "compiler/abi/case_view.h"
#include "stdlib/native/standard_natives.h"

namespace {

constexpr double earth_radius_km = 6371.0088;  // mean radius, IUGG
constexpr double radians = 3.14159265358979323846 / 180;

struct Place {
  double latitude, longitude;
};

/// "55.7558,37.6173": degrees north and east.
bool read_place(std::string_view text, Place& place) {
  const size_t comma = text.find(',');
  if (comma == std::string_view::npos) return false;
  const auto number = [](std::string_view part, double& value) {
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    return error == std::errc{} && end == part.data() + part.size();
  };
  if (!number(text.substr(0, comma), place.latitude) || !number(text.substr(comma + 1), place.longitude)) return false;
  return std::fabs(place.latitude) <= 90 && std::fabs(place.longitude) <= 180;
}

}  // namespace

/// Great-circle distance by the haversine formula.
extern "C" int32_t dunlin_native_distance_km(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  Place one{}, other{};
  if (!read_place(reinterpret_cast<const dunlin::abi::Text*>(arguments[0])->view(), one)) return 1;
  if (!read_place(reinterpret_cast<const dunlin::abi::Text*>(arguments[1])->view(), other)) return 1;
  const double half_north = std::sin((other.latitude - one.latitude) * radians / 2);
  const double half_east = std::sin((other.longitude - one.longitude) * radians / 2);
  const double chord = half_north * half_north + std::cos(one.latitude * radians) * std::cos(other.latitude * radians) * half_east * half_east;
  *result = dunlin::abi::as_slot(2 * earth_radius_km * std::asin(std::sqrt(std::fmin(1.0, chord))));
  return 0;
}
