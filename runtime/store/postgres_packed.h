// Compressed bytes in columns.
#pragma once

#include <string>
#include <string_view>

namespace dunlin::store {

std::string compress(const std::string& plain);
/// False if the bytes are damaged.
bool decompress(std::string_view packed, std::string& plain);

}  // namespace dunlin::store
