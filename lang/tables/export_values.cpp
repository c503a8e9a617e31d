#include "lang/tables/export_values.h"

#include <algorithm>
#include <bit>

#include "lang/tables/export.h"

namespace dunlin::tables {

using checked::TypeKind;

bool is_words(const checked::Type& type) {
  return type.kind == TypeKind::text || type.kind == TypeKind::timezone || type.kind == TypeKind::file || type.kind == TypeKind::location;
}

bool is_listed(const checked::Type& type) {
  return type.kind == TypeKind::boolean || type.kind == TypeKind::enumeration || type.kind == TypeKind::stage || type.kind == TypeKind::duration ||
         type.kind == TypeKind::time_range;
}

checked::Cell::Interval whole_domain(const checked::Program& program, const checked::Type& type) {
  switch (type.kind) {
    case TypeKind::boolean:
      return {0, 1};
    case TypeKind::enumeration:
      return {0, static_cast<int64_t>(program.enums[static_cast<size_t>(type.id)].literals.size()) - 1};
    case TypeKind::stage:
      return {0, static_cast<int64_t>(program.stages.size()) - 1};
    default:
      return {INT64_MIN, INT64_MAX};
  }
}

std::string value_text(const checked::Program& program, const checked::Type& type, int64_t key) {
  const bool number = type.kind == TypeKind::number;
  const int64_t slot = number ? std::bit_cast<int64_t>(checked::double_of_order_key(key)) : key;
  std::string text = checked::format_value(program, type.known(), &slot);
  const bool figure = number || type.kind == TypeKind::integer || type.kind == TypeKind::decimal || type.kind == TypeKind::money;
  if (figure) std::erase(text, '_');
  if (figure && text.find_first_not_of("0123456789.-") != std::string::npos) throw Unwritable{"the figure " + text + " has no plain form"};
  return text;
}

bool is_missing(const checked::TableOutput& output, const checked::Type& type) { return type.optional && (output.slots.empty() || output.slots.front() == 0); }

const char* policy_name(checked::HitPolicy policy) {
  switch (policy) {
    case checked::HitPolicy::unique:
      return "unique";
    case checked::HitPolicy::first:
      return "first";
    case checked::HitPolicy::any:
      return "any";
    case checked::HitPolicy::priority:
      return "priority";
    case checked::HitPolicy::collect:
      return "collect";
    case checked::HitPolicy::sum:
      return "sum";
    case checked::HitPolicy::minimum:
      return "min";
    case checked::HitPolicy::maximum:
      return "max";
    case checked::HitPolicy::count:
      return "count";
  }
  return "";
}

}  // namespace dunlin::tables
