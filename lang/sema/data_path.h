// Data files that rules name: sheets, lists, shares, ranges of numbers. They lie beside the file that names them, or in the bundle's folder.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "lang/sema/context.h"

namespace dunlin::sema {

/// The path in the bundle that `path` in the file `owner` means: beside it, else from the bundle's folder. Nothing if `there` knows neither.
std::optional<std::string> data_path(const std::string& owner, const std::string& path, const std::function<bool(const std::string&)>& there);

/// The file of that path, a workbook without a sheet's name meaning its first sheet. Nothing if there is none (E0810) or it cannot be read (which was said).
std::optional<uint32_t> data_file(Context& context, const std::string& path, uint32_t owner, Span span);

}  // namespace dunlin::sema
