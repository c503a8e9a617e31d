#include "lang/sema/data_path.h"

#include <algorithm>

namespace dunlin::sema {

namespace {

using Found = decltype(DataFiles::by_path)::const_iterator;

/// The first sheet of a workbook is called by the file alone; the others have their number in front of their name.
Found find_data(const Context& context, const std::string& path) {
  const auto& files = context.data_files.by_path;
  const auto exact = files.find(path);
  const size_t ending = path.find(".xlsx");
  if (exact != files.end() || ending == std::string::npos) return exact;
  const std::string book = path.substr(0, ending + 5) + "#";
  const std::string sheet = path.size() > book.size() ? path.substr(book.size()) : "";
  return std::find_if(files.begin(), files.end(), [&](const auto& file) {
    if (!file.first.starts_with(book)) return false;
    const std::string name = file.first.substr(book.size());
    const size_t hash = name.find('#');
    const bool later = hash != std::string::npos && hash > 0 && name.find_first_not_of("0123456789") == hash;
    return sheet.empty() ? !later : later && name.substr(hash + 1) == sheet;
  });
}

}  // namespace

std::optional<std::string> data_path(const std::string& owner, const std::string& path, const std::function<bool(const std::string&)>& there) {
  const std::string beside = owner.substr(0, owner.rfind('/') + 1) + path;  // without a slash: all of nothing
  if (there(beside)) return beside;
  if (there(path)) return path;
  return std::nullopt;
}

std::optional<uint32_t> data_file(Context& context, const std::string& path, uint32_t owner, Span span) {
  const auto there = [&](const std::string& one) { return find_data(context, one) != context.data_files.by_path.end(); };
  const auto found = data_path(context.sources.path(owner), path, there);
  if (!found) {
    context.error("E0810", span, "there is no file \"" + path + "\" in the bundle").help = "it lies beside the file that names it, or in the bundle's folder";
    return std::nullopt;
  }
  const uint32_t file = find_data(context, *found)->second;
  return file == Span::no_file ? std::nullopt : std::optional(file);
}

}  // namespace dunlin::sema
