#include "compiler/abi/arena.h"

#include <algorithm>

namespace dunlin::abi {

namespace {
constexpr size_t first_block_bytes = 1024;
constexpr size_t block_bytes_max = 1 << 20;
}  // namespace

void* Arena::allocate(size_t bytes) {
  bytes = (std::max<size_t>(bytes, 1) + 7) & ~size_t{7};
  while (block_ < blocks_.size() && blocks_[block_].size - offset_ < bytes) {
    ++block_;
    offset_ = 0;
  }
  if (block_ == blocks_.size()) {
    const size_t grown = blocks_.empty() ? first_block_bytes : std::min(blocks_.back().size * 2, block_bytes_max);
    const size_t size = std::max(grown, bytes);
    blocks_.push_back({std::make_unique<char[]>(size), size});
    offset_ = 0;
  }
  char* place = blocks_[block_].bytes.get() + offset_;
  offset_ += bytes;
  used_ += bytes;
  std::memset(place, 0, bytes);
  return place;
}

const Text* Arena::text(std::string_view bytes) {
  auto* made = static_cast<Text*>(allocate(sizeof(int64_t) + bytes.size() + 1));
  made->size = static_cast<int64_t>(bytes.size());
  char* data = reinterpret_cast<char*>(made) + offsetof(Text, data);
  if (!bytes.empty()) std::memcpy(data, bytes.data(), bytes.size());
  return made;
}

void Arena::clear() {
  block_ = 0;
  offset_ = 0;
  used_ = 0;
}

}  // namespace dunlin::abi
