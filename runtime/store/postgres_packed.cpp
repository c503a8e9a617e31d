#include "runtime/store/postgres_packed.h"

#include <zstd.h>

namespace dunlin::store {

std::string compress(const std::string& plain) {
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  const size_t size = ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 1);
  packed.resize(ZSTD_isError(size) != 0U ? 0 : size);
  return packed;
}

bool decompress(std::string_view packed, std::string& plain) {
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > (1ULL << 30)) return false;
  plain.resize(size);
  return ZSTD_isError(ZSTD_decompress(plain.data(), plain.size(), packed.data(), packed.size())) == 0U;
}

}  // namespace dunlin::store
