#include "lang/sema/content_hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

namespace dunlin::sema {

std::string content_hash(const std::vector<SourceFile>& files) {
  std::vector<const SourceFile*> sorted;
  for (const SourceFile& file : files) sorted.push_back(&file);
  std::sort(sorted.begin(), sorted.end(), [](const SourceFile* a, const SourceFile* b) { return a->path < b->path; });
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);
  const auto add = [&](const std::string& text) {
    const std::string size = std::to_string(text.size()) + ":";
    EVP_DigestUpdate(digest.get(), size.data(), size.size());
    EVP_DigestUpdate(digest.get(), text.data(), text.size());
  };
  for (const SourceFile* file : sorted) {
    add(file->path);
    add(file->text);
  }
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int count = 0;
  EVP_DigestFinal_ex(digest.get(), bytes, &count);
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < count; ++i) {
    hex += digits[bytes[i] >> 4];
    hex += digits[bytes[i] & 15];
  }
  return hex;
}

}  // namespace dunlin::sema
