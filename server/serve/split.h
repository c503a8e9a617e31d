// A text taken apart at a character.
#pragma once

#include <string>
#include <vector>

namespace dunlin::server {

/// "a,b,," at a comma: "a", "b", "", "". One part at least.
inline std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == at) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

}  // namespace dunlin::server
