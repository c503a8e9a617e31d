#include "lang/sema/signatures.h"

#include <string_view>
#include <utility>

namespace dunlin::sema {

using checked::Type;
using checked::TypeKind;

static Signature::Slot read_slot(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  Signature::Slot slot;
  if (!text.empty() && text.back() == '?') {
    slot.type.optional = true;
    text.remove_suffix(1);
  }
  if (text == "T") {
    slot.generic = true;
    return slot;
  }
  static constexpr std::pair<std::string_view, TypeKind> kinds[] = {
      {"bool", TypeKind::boolean},      {"int", TypeKind::integer},       {"decimal", TypeKind::decimal}, {"number", TypeKind::number},
      {"money", TypeKind::money},       {"text", TypeKind::text},         {"date", TypeKind::date},       {"time", TypeKind::time},
      {"datetime", TypeKind::datetime}, {"duration", TypeKind::duration},
  };
  for (const auto& [name, kind] : kinds) {
    if (name == text) slot.type.kind = kind;
  }
  return slot;
}

static Signature read_signature(const char* name, std::string_view text, const char* documentation, const char* example, const char* result) {
  Signature made;
  made.name = name;
  made.documentation = documentation;
  made.example = example;
  made.example_result = result;
  const size_t arrow = text.find("->");
  made.result = read_slot(text.substr(arrow + 2));
  std::string_view parameters = text.substr(0, arrow);
  while (!parameters.empty()) {
    const size_t comma = parameters.find(',');
    made.parameters.push_back(read_slot(parameters.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    parameters.remove_prefix(comma + 1);
  }
  return made;
}

const std::vector<Signature>& builtin_signatures() {
  static const std::vector<Signature> all = {
#define DUNLIN_BUILTIN(id, name, signature, documentation, example, result) read_signature(name, signature, documentation, example, result),
#include "lang/sema/builtins.def"
#undef DUNLIN_BUILTIN
  };
  return all;
}

std::optional<size_t> find_builtin(const std::string& name) {
  const auto& all = builtin_signatures();
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].name == name) return i;
  }
  return std::nullopt;
}

}  // namespace dunlin::sema
