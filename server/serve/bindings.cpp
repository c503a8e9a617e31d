#include "server/serve/bindings.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/serve/split.h"

namespace dunlin::server {

namespace {

using Json = nlohmann::ordered_json;

/// Groups may have names with an equals sign in them: the last one parts theirs from the part.
void each_binding(const std::string& text, auto&& what) {
  if (text.empty()) return;
  for (const std::string& pair : split(text, ',')) {
    const size_t equals = pair.rfind('=');
    what(pair, equals == std::string::npos ? "" : pair.substr(0, equals), equals == std::string::npos ? "" : pair.substr(equals + 1));
  }
}

}  // namespace

std::optional<Bindings::Part> Bindings::read(const std::string& text) {
  Part part;
  for (const std::string& one : split(text, '&')) {
    const size_t colon = one.find(':');
    if (colon == std::string::npos) return std::nullopt;
    const std::string name = one.substr(0, colon);
    const size_t dot = name.find('.');
    if (name != "queues" && (dot == std::string::npos || dot == 0 || dot + 1 == name.size())) return std::nullopt;
    const auto values = split(one.substr(colon + 1), '+');
    if (std::ranges::any_of(values, &std::string::empty) || !part.emplace(name, std::set(values.begin(), values.end())).second) return std::nullopt;
  }
  return part;
}

std::string Bindings::wrong(const std::string& text) {
  std::string wrong;
  std::set<std::string> seen;
  each_binding(text, [&](const std::string& pair, const std::string& theirs, const std::string& part) {
    if (!wrong.empty()) return;
    if (theirs.empty() || !read(part)) {
      wrong = fmt::format("`{}` is not written as theirs=queues:call+sms&account.region:north+south", pair);
    } else if (!seen.insert(theirs).second) {
      wrong = fmt::format("`{}` is bound twice", theirs);
    }
  });
  return wrong;
}

Bindings::Bindings(const std::string& text) {
  each_binding(text, [&](const std::string&, const std::string& theirs, const std::string& part) {
    if (auto made = read(part)) parts_[theirs] = std::move(*made);
  });
}

bool Bindings::within(const Part& inner, const Part& outer) {
  return std::ranges::all_of(outer, [&](const auto& bound) {
    const auto found = inner.find(bound.first);
    return found != inner.end() && std::ranges::includes(bound.second, found->second);
  });
}

/// False: the two together are no part that could be said by values of each of its fields.
bool Bindings::unite(Part& one, const Part& other) {
  if (within(other, one)) return true;
  if (within(one, other)) {
    one = other;
    return true;
  }
  if (one.size() != other.size()) return false;
  std::string differs;
  for (const auto& [name, values] : one) {
    const auto found = other.find(name);
    if (found == other.end()) return false;
    if (found->second == values) continue;
    if (!differs.empty()) return false;
    differs = name;
  }
  one[differs].insert(other.at(differs).begin(), other.at(differs).end());
  return true;
}

std::string Bindings::scope_of(const Part& part) {
  Json scope = Json::object();
  for (const auto& [name, values] : part) {
    if (name == "queues") {
      scope["queues"] = values;
    } else {
      const size_t dot = name.find('.');
      scope["cases"].push_back({{"entity", name.substr(0, dot)}, {"field", name.substr(dot + 1)}, {"values", values}});
    }
  }
  return scope.dump();
}

std::optional<std::string> Bindings::bind(Caller& caller, const std::vector<std::string>& theirs) const {
  std::optional<Part> all;
  for (const auto& [group, part] : parts_) {
    if (std::ranges::find(theirs, group) == theirs.end()) continue;
    if (!all) {
      all = part;
    } else if (!unite(*all, part)) {
      return "the groups of this person bind them to parts that cannot be one; ask for a group of their own";
    }
  }
  if (!all) return std::nullopt;
  const auto whole = std::ranges::find_if_not(caller.rights, may_be_bound);
  if (whole != caller.rights.end())
    return fmt::format("a group binds this person to a part of the portfolio, and the right `{}` concerns the whole of it", *whole);
  caller.scope = scope_of(*all);
  return std::nullopt;
}

}  // namespace dunlin::server
