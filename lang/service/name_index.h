// Positions by name in the lists of a program, each list read once: a bundle may have thousands of names, and every use asks.
#pragma once

#include <string>
#include <unordered_map>

#include "lang/sema/checked.h"

namespace dunlin::service {

class NameIndex {
 public:
  /// Position of the first element of that name; none if there is none. The list must not change meanwhile.
  template <class List>
  checked::Index find(const List& list, const std::string& name) {
    auto [place, fresh] = by_list_.try_emplace(&list);
    if (fresh) {
      for (size_t i = 0; i < list.size(); ++i) place->second.emplace(list[i].name, static_cast<checked::Index>(i));
    }
    const auto found = place->second.find(name);
    return found == place->second.end() ? checked::none : found->second;
  }

 private:
  std::unordered_map<const void*, std::unordered_map<std::string, checked::Index>> by_list_;
};

}  // namespace dunlin::service
