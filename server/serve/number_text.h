// Whole numbers that callers write into addresses and queries.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>

namespace dunlin::server {

/// "42", digits and nothing else; nothing where it is none, or more than 64 bits hold.
inline std::optional<int64_t> number_in_text(const std::string& text) {
  int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [read, wrong] = std::from_chars(text.data(), end, value);
  return wrong == std::errc() && read == end && value >= 0 && text[0] != '-' ? std::optional(value) : std::nullopt;
}

}  // namespace dunlin::server
