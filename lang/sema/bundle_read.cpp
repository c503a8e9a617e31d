// Reading a bundle's folder.
#include <algorithm>
#include <fstream>
#include <sstream>
#include <system_error>

#include "lang/sema/check.h"
#include "lang/sema/letter_file.h"
#include "lang/sheets/workbook.h"

namespace dunlin {

namespace fs = std::filesystem;

static constexpr uintmax_t file_bytes_max = 64u << 20;
static constexpr size_t files_max = 10'000;

/// Nothing if the file cannot be read; the reason goes to `reason`.
static std::optional<std::string> read_file(const fs::path& path, std::string& reason) {
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  if (error) {
    reason = error.message();
    return std::nullopt;
  }
  if (size > file_bytes_max) {
    reason = "it is larger than 64 MB";
    return std::nullopt;
  }
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in && size > 0) {
    reason = "it cannot be read";
    return std::nullopt;
  }
  return std::move(text).str();
}

/// Each sheet of a workbook is a source of its own, as comma-separated text: `tariff.xlsx#Rates` is the first, `tariff.xlsx#2#Notes` the second.
static void add_sheets(const std::string& path, const std::string& bytes, BundleSources& bundle, Diagnostics& diagnostics) {
  const auto book = sheets::read_workbook(bytes);
  if (!book) {
    diagnostics.error("E0802", {}, "`" + path + "` cannot be read: " + book.error()).help = "save it again as a workbook (.xlsx) without a password";
    return;
  }
  for (size_t i = 0; i < book->sheets.size(); ++i) {
    const std::string number = i == 0 ? "" : std::to_string(i + 1) + "#";
    bundle.files.push_back({path + "#" + number + book->sheets[i].name, sheets::csv_text(book->sheets[i])});
  }
}

bool is_letter_file(std::string_view path) {
  if (!path.ends_with(".txt") && !path.ends_with(".html") && !path.ends_with(".htm")) return false;
  return path.starts_with("templates/") || path.find("/templates/") != std::string_view::npos;
}

BundleSources read_bundle(const fs::path& folder, Diagnostics& diagnostics, SourceMap& sources) {
  BundleSources bundle;
  std::error_code error;
  const std::string shown = folder.string();
  if (!fs::is_directory(folder, error)) {
    Diagnostic& diagnostic =
        diagnostics.error("E0801", {}, fs::exists(folder, error) ? "`" + shown + "` is not a folder" : "there is no folder `" + shown + "`");
    diagnostic.help = "a bundle is a folder of .dun files";
    return bundle;
  }
  std::vector<fs::path> paths;
  fs::recursive_directory_iterator walk(folder, fs::directory_options::skip_permission_denied, error), last;
  for (; !error && walk != last; walk.increment(error)) {
    const std::string name = walk->path().filename().string();
    if (walk->is_directory(error)) {
      if (name.starts_with(".") || name == "@kept") walk.disable_recursion_pending();
      continue;
    }
    const fs::path extension = walk->path().extension();
    const bool sheet = extension == ".csv" || extension == ".xlsx" || name.find(".xlsx#") != std::string::npos;
    const bool hidden = name.starts_with(".") || name.starts_with("~$");  // a spreadsheet that is open leaves a file of the second kind
    const bool letter = is_letter_file(walk->path().lexically_relative(folder).generic_string());
    if ((extension == ".dun" || sheet || letter) && !hidden) paths.push_back(walk->path());
    if (paths.size() > files_max) {
      diagnostics.error("E0802", {}, "`" + shown + "` has more than " + std::to_string(files_max) + " files");
      return bundle;
    }
  }
  std::sort(paths.begin(), paths.end());
  bool rules = false;
  for (const fs::path& path : paths) {
    const std::string relative = path.lexically_relative(folder).generic_string();
    const bool is_rules = path.extension() == ".dun";
    std::string reason;
    auto text = read_file(path, reason);
    if (!text) {
      diagnostics.error("E0802", {}, "`" + relative + "` cannot be read: " + reason);
      continue;
    }
    rules = rules || is_rules;
    if (path.extension() == ".xlsx") {
      add_sheets(relative, *text, bundle, diagnostics);
      continue;
    }
    bundle.files.push_back({relative, std::move(*text)});
  }
  if (!rules && !diagnostics.has_errors()) {
    diagnostics.error("E0801", {}, "`" + shown + "` has no .dun files").help =
        "a bundle is a folder of .dun files; one of them opens it with `bundle name \"Title\" { … }`";
  }
  (void)sources;  // files are added to the map when they are checked
  return bundle;
}

}  // namespace dunlin
