#include "compiler/abi/native_registry.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "compiler/abi/arena.h"

namespace dunlin::abi {

namespace {

constexpr int64_t text_bytes_max = 1 << 20;

const void* make_text(dunlin_native_host* host, const char* bytes, int64_t size) {
  if (host->arena == nullptr || size < 0 || size > text_bytes_max) return nullptr;
  try {
    return static_cast<Arena*>(host->arena)->text({bytes, static_cast<size_t>(size)});
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace

dunlin_native_host native_host(void* arena) { return {arena, make_text}; }

bool NativeRegistry::add(const dunlin_native_entry& entry) { return functions_.try_emplace(entry.name, Function{entry.signature, entry.body}).second; }

void NativeRegistry::add(std::span<const dunlin_native_entry> entries) {
  for (const auto& entry : entries) add(entry);
}

std::expected<void, std::string> NativeRegistry::load(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return std::unexpected(fmt::format("cannot load the native functions of `{}`: {}", path, dlerror()));
  const auto entries = reinterpret_cast<dunlin_native_entries_function>(dlsym(library, "dunlin_native_entries"));
  if (entries == nullptr) return std::unexpected(fmt::format("`{}` has no symbol `dunlin_native_entries`", path));
  int64_t count = 0;
  const dunlin_native_entry* first = entries(&count);
  if (first == nullptr || count < 0) return std::unexpected(fmt::format("`{}` lists no native functions", path));
  for (int64_t i = 0; i < count; ++i) {
    if (first[i].name == nullptr || first[i].signature == nullptr || first[i].body == nullptr)
      return std::unexpected(fmt::format("entry {} of `{}` lacks its name, its signature or its function", i + 1, path));
    if (find(first[i].name) != nullptr) return std::unexpected(fmt::format("`{}` brings `{}`, which is there already", path, first[i].name));
  }
  for (int64_t i = 0; i < count; ++i) {
    if (!add(first[i])) return std::unexpected(fmt::format("`{}` brings `{}` twice", path, first[i].name));
  }
  return {};
}

std::vector<std::string> NativeRegistry::load_all(std::string_view paths) {
  std::vector<std::string> problems;
  while (!paths.empty()) {
    const size_t end = paths.find(':');
    const std::string_view path = paths.substr(0, end);
    if (!path.empty()) {
      if (auto loaded = load(std::string(path)); !loaded) problems.push_back(loaded.error());
    }
    if (end == std::string_view::npos) break;
    paths.remove_prefix(end + 1);
  }
  return problems;
}

const NativeRegistry::Function* NativeRegistry::find(std::string_view name) const {
  const auto found = functions_.find(name);
  return found == functions_.end() ? nullptr : &found->second;
}

dunlin_native_function NativeRegistry::body(std::string_view name) const {
  const Function* found = find(name);
  return found == nullptr ? nullptr : found->body;
}

std::vector<std::string> NativeRegistry::names() const {
  std::vector<std::string> names;
  for (const auto& [name, function] : functions_) names.push_back(name);
  return names;
}

}  // namespace dunlin::abi
