// Where lines come from: a terminal, with a history and a prompt, or a pipe.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace dunlin::server {

class Typing {
 public:
  virtual ~Typing() = default;
  /// Nothing: the end.
  virtual std::optional<std::string> line(const char* prompt) = 0;
};

std::unique_ptr<Typing> make_typing(bool terminal);

}  // namespace dunlin::server
