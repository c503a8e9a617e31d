#include "lang/tables/model_types.h"

#include <algorithm>

#include "lang/tables/feel.h"

namespace dunlin::tables {

namespace {

constexpr std::pair<std::string_view, Kind> basic[] = {{"number", Kind::decimal},
                                                       {"double", Kind::decimal},
                                                       {"decimal", Kind::decimal},
                                                       {"integer", Kind::integer},
                                                       {"long", Kind::integer},
                                                       {"int", Kind::integer},
                                                       {"string", Kind::text},
                                                       {"boolean", Kind::boolean},
                                                       {"date", Kind::date},
                                                       {"time", Kind::time},
                                                       {"dateTime", Kind::datetime},
                                                       {"date and time", Kind::datetime},
                                                       {"duration", Kind::days_time},
                                                       {"dayTimeDuration", Kind::days_time},
                                                       {"days and time duration", Kind::days_time},
                                                       {"yearMonthDuration", Kind::years_months},
                                                       {"years and months duration", Kind::years_months}};

/// Modellers write `String` and `Boolean` too; no two of these types differ by their capitals only.
bool same_letters(std::string_view a, std::string_view b) {
  const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return small(x) == small(y); });
}

}  // namespace

const dmn::ItemDefinition* ModelTypes::item(const std::string& type) const {
  for (const dmn::ItemDefinition& one : model_.items) {
    if (one.name == type) return &one;
  }
  return nullptr;
}

std::optional<Type> ModelTypes::find(const std::string& type) { return find(type, 0); }

std::optional<Type> ModelTypes::find(const std::string& type, int depth) {
  if (type.empty() || (same_letters(type, "any") && item(type) == nullptr)) return std::nullopt;
  if (depth > 20) throw Refusal{"the item definition `" + type + "` rests on itself", ""};
  if (const dmn::ItemDefinition* own = item(type)) {
    if (own->collection) throw Refusal{"the type `" + type + "` is a collection, which lies outside of what is imported as a value", ""};
    if (!own->components.empty()) return Type{Kind::record, {}};
    if (const auto known = own_.find(type); known != own_.end()) return known->second;
    // An item definition called `money` or `int` over numbers says which of Dunlin's numbers is meant: `export` writes them so.
    if (own->type == "number" && type == "money") return Type{Kind::money, {}};
    if (own->type == "number" && (type == "int" || type == "integer")) return Type{Kind::integer, {}};
    auto found = own->type == type ? std::nullopt : find(own->type, depth + 1);
    if (found && found->kind == Kind::text && own->allowed) {
      if (const auto allowed = texts(*own->allowed)) {
        if (const auto made = enumeration(type, *allowed)) found = made;
      }
    }
    if (found) own_[type] = *found;
    return found;
  }
  for (const auto& [name, kind] : basic) {
    if (same_letters(name, type)) return Type{kind, {}};
  }
  throw Refusal{"there is no type `" + type + "`", "declare it as an item definition of the model, or use one of FEEL's types"};
}

std::optional<std::vector<std::string>> ModelTypes::texts(const dmn::Text& allowed) {
  const auto tests = feel::parse_unary_tests(allowed.text, {});
  if (!tests) return std::nullopt;
  std::vector<std::string> out;
  for (const feel::NodePtr& test : *tests) {
    if (test->kind == feel::NodeKind::list) {
      for (const feel::NodePtr& item : test->items) {
        if (item->kind != feel::NodeKind::text) return std::nullopt;
        out.push_back(item->text);
      }
      continue;
    }
    if (test->kind != feel::NodeKind::text) return std::nullopt;
    out.push_back(test->text);
  }
  return out.empty() ? std::nullopt : std::optional(out);
}

std::optional<Type> ModelTypes::enumeration(const std::string& name, const std::vector<std::string>& texts) {
  const std::string base = dunlin_name(name);
  for (const auto& [known, one] : enumerations_) {
    if (one.texts == texts && (known == base || known.starts_with(base + "_"))) return Type{Kind::enumeration, known};
  }
  Enumeration made;
  made.texts = texts;
  for (const std::string& text : texts) {
    std::string literal = dunlin_name(text);
    if (text.empty() || literal == "unnamed" || std::find(made.literals.begin(), made.literals.end(), literal) != made.literals.end()) return std::nullopt;
    made.literals.push_back(std::move(literal));
  }
  made.name = type_names_.take(name);
  names_.reserve(made.name + "_text");  // functions that are written where they are needed
  names_.reserve("same_" + made.name);
  const std::string taken = made.name;
  enumerations_.emplace(taken, std::move(made));
  return Type{Kind::enumeration, taken};
}

}  // namespace dunlin::tables
