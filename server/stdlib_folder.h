// Where the standard library lies.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

namespace dunlin::server {

/// In this order: `given` (--stdlib), DUNLIN_STDLIB, ../share/dunlin/stdlib beside the executable, the source folder this was built from.
/// Fails with one sentence where a folder that was asked for, or every one that was not, is not there.
/// What `cmake --install` put beside this executable: "stdlib", "strategies/reference_night". Empty if it was not installed.
std::filesystem::path shipped_folder(const std::string& name);
std::expected<std::filesystem::path, std::string> find_stdlib(const std::string& given);

}  // namespace dunlin::server
