#include "server/repl/typing.h"

#include <dlfcn.h>

#include <cstdlib>
#include <iostream>

namespace dunlin::server {
namespace {

class Piped final : public Typing {
 public:
  explicit Piped(bool prompts) : prompts_(prompts) {}
  std::optional<std::string> line(const char* prompt) override {
    if (prompts_) std::cout << prompt << std::flush;
    std::string read;
    if (!std::getline(std::cin, read)) return std::nullopt;
    return read;
  }

 private:
  bool prompts_;
};

/// Editing and a history by libedit (BSD), which LLVM brings along. It is looked for when it is wanted: its headers need not be there to build.
class Edited final : public Typing {
 public:
  /// Null where the library is not there.
  static std::unique_ptr<Typing> make() {
    void* library = dlopen("libedit.so.2", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return nullptr;
    auto made = std::make_unique<Edited>();
    made->readline_ = reinterpret_cast<char* (*)(const char*)>(dlsym(library, "readline"));
    made->add_history_ = reinterpret_cast<int (*)(const char*)>(dlsym(library, "add_history"));
    if (made->readline_ == nullptr || made->add_history_ == nullptr) return nullptr;
    return made;
  }
  std::optional<std::string> line(const char* prompt) override {
    char* read = readline_(prompt);
    if (read == nullptr) return std::nullopt;
    std::string text = read;
    if (!text.empty()) add_history_(read);
    std::free(read);
    return text;
  }

 private:
  char* (*readline_)(const char*) = nullptr;
  int (*add_history_)(const char*) = nullptr;
};

}  // namespace

std::unique_ptr<Typing> make_typing(bool terminal) {
  if (terminal) {
    if (auto edited = Edited::make()) return edited;
  }
  return std::make_unique<Piped>(terminal);
}

}  // namespace dunlin::server
