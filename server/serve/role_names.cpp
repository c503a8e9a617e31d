#include "server/serve/role_names.h"

#include <fmt/format.h>

#include <algorithm>

namespace dunlin::server {

namespace {

/// Groups may have names with an equals sign in them: the last one parts theirs from ours.
void each_pair(const std::string& text, auto&& what) {
  for (size_t from = 0; from < text.size();) {
    const size_t to = std::min(text.find(',', from), text.size());
    const std::string pair = text.substr(from, to - from);
    from = to + 1;
    if (pair.empty()) continue;
    const size_t equals = pair.rfind('=');
    what(pair, equals == std::string::npos ? pair : pair.substr(0, equals), equals == std::string::npos ? "" : pair.substr(equals + 1));
  }
}

}  // namespace

std::string wrong_role_names(const std::string& text) {
  std::string wrong;
  each_pair(text, [&](const std::string& pair, const std::string& theirs, const std::string& ours) {
    if (wrong.empty() && (theirs.empty() || !rights_of_role(ours))) wrong = fmt::format("`{}` is not written as theirs=ours, with one of our roles", pair);
  });
  return wrong;
}

std::map<std::string, std::string> role_names_of(const std::string& text) {
  std::map<std::string, std::string> names;
  each_pair(text, [&](const std::string&, const std::string& theirs, const std::string& ours) { names[theirs] = ours; });
  return names;
}

void give_roles(Caller& caller, const std::vector<std::string>& theirs, const std::map<std::string, std::string>& names) {
  for (const std::string& one : theirs) {
    const auto named = names.find(one);
    const std::string ours = named != names.end() ? named->second : names.empty() ? one : "";
    const auto rights = rights_of_role(ours);
    if (!rights) continue;
    caller.role += (caller.role.empty() ? "" : ", ") + ours;
    caller.rights.insert(rights->begin(), rights->end());
  }
}

}  // namespace dunlin::server
