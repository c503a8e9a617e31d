#include "server/serve/personal.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace dunlin::server {

void mask(nlohmann::ordered_json& body, const std::set<std::string>& names) {
  if (body.is_array()) {
    for (auto& part : body) mask(part, names);
  } else if (body.is_object()) {
    for (auto& [name, value] : body.items()) {
      if (names.contains(name)) {
        if (!value.is_null()) value = masked;
      } else {
        mask(value, names);
      }
    }
  }
}

void mask_stop(nlohmann::ordered_json& stop, const std::set<std::string>* names) {
  const auto hide = [&](const char* name) {
    if (const auto found = stop.find(name); found != stop.end() && !found->is_null()) *found = masked;
  };
  hide("address");
  const auto field = stop.find("field");
  if (names == nullptr || (field != stop.end() && field->is_string() && names->contains(field->get<std::string>()))) hide("value");
}

bool reads_personal(const std::string& read, const std::set<std::string>& names) {
  // Every word of it counts: "first(p in phones where p.number …)".
  std::string word;
  for (size_t i = 0; i <= read.size(); ++i) {
    const unsigned char c = i < read.size() ? static_cast<unsigned char>(read[i]) : ' ';
    if (std::isalnum(c) || c == '_' || c >= 0x80) {
      word += static_cast<char>(c);
    } else {
      if (names.contains(word)) return true;
      word.clear();
    }
  }
  return false;
}

}  // namespace dunlin::server
