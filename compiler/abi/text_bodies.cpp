#include "compiler/abi/text_bodies.h"

#include <fmt/format.h>

#include <charconv>

#include "compiler/abi/arena.h"
#include "compiler/abi/clock.h"

namespace dunlin::abi {

Fault make_text(const EvalContext& context, std::string_view bytes, int64_t* result) {
  if (static_cast<int64_t>(bytes.size()) > text_bytes_max) return Fault::text_too_long;
  if (context.arena == nullptr) return Fault::out_of_memory;
  try {
    *result = reinterpret_cast<int64_t>(static_cast<Arena*>(context.arena)->text(bytes));
  } catch (const std::bad_alloc&) {
    return Fault::out_of_memory;
  }
  return Fault::none;
}

Fault concat(const EvalContext& context, const int64_t* texts, int64_t count, int64_t* result) {
  std::string joined;
  for (int64_t i = 0; i < count; ++i) {
    joined += reinterpret_cast<const Text*>(texts[i])->view();
    if (static_cast<int64_t>(joined.size()) > text_bytes_max) return Fault::text_too_long;
  }
  return make_text(context, joined, result);
}

int64_t equal_text(const Text* a, const Text* b) {
  // A missing text is a null address. Comparisons cannot fault, so they may be made before it is asked whether there is a text.
  if (a == nullptr || b == nullptr) return a == b ? 1 : 0;
  return a == b || a->view() == b->view() ? 1 : 0;
}

int compare_text(const Text* a, const Text* b) { return a->view().compare(b->view()); }

std::string decimal_text(int64_t millionths) {
  const bool negative = millionths < 0;
  const uint64_t size = negative ? 0 - static_cast<uint64_t>(millionths) : static_cast<uint64_t>(millionths);
  std::string text = fmt::format("{}{}", negative ? "-" : "", size / 1'000'000);
  if (size % 1'000'000 != 0) {
    text += fmt::format(".{:06}", size % 1'000'000);
    while (text.back() == '0') text.pop_back();
  }
  return text;
}

std::string number_text(double number) {
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number);
  return std::string(buffer, error == std::errc{} ? end : buffer);
}

std::string money_text(int64_t minor_units, int32_t minor_digits) {
  const bool negative = minor_units < 0;
  const uint64_t size = negative ? 0 - static_cast<uint64_t>(minor_units) : static_cast<uint64_t>(minor_units);
  uint64_t unit = 1;
  for (int32_t i = 0; i < minor_digits; ++i) unit *= 10;
  std::string text = fmt::format("{}{}", negative ? "-" : "", size / unit);
  if (minor_digits > 0) text += fmt::format(".{:0{}}", size % unit, minor_digits);
  return text;
}

std::string date_text(int64_t date) {
  const Civil civil = civil_of(date);
  return fmt::format("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day);
}

std::string datetime_text(const Calendar& calendar, int64_t instant) {
  const LocalTime local = zone_of(calendar).local(instant);
  std::string text = fmt::format("{} {:02}:{:02}", date_text(local.date), local.seconds / 3600, local.seconds / 60 % 60);
  if (local.seconds % 60 != 0) text += fmt::format(":{:02}", local.seconds % 60);
  return text;
}

int64_t split_share(std::string_view salt, std::string_view unit) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3; };
  for (const char byte : salt) add(static_cast<unsigned char>(byte));
  add(0);
  for (const char byte : unit) add(static_cast<unsigned char>(byte));
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb;
  hash ^= hash >> 31;
  return static_cast<int64_t>(((hash >> 32) * 10'000) >> 32);
}

int64_t text_length(std::string_view text) {
  int64_t length = 0;
  for (const char byte : text) length += (static_cast<unsigned char>(byte) & 0xc0) != 0x80 ? 1 : 0;
  return length;
}

}  // namespace dunlin::abi
