#include "lang/tables/dunlin_names.h"

#include <fmt/format.h>

#include <algorithm>

#include "lang/sema/civil.h"
#include "lang/sema/signatures.h"

namespace dunlin::tables {

namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name(std::string_view text) {
  return !text.empty() && is_letter(text.front()) && std::all_of(text.begin(), text.end(), [](char c) { return is_letter(c) || is_digit(c); });
}

/// Signs beyond ASCII that are no letters (the long dash, quotation marks, …) lie in the block of general punctuation.
std::string without_punctuation(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 1) == "\xE2" && i + 2 < text.size()) {
      out += ' ';
      i += 2;
    } else if (text.substr(i, 2) == "\xC2\xA0") {
      out += ' ';
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

constexpr std::string_view reserved[] = {"on",  "when",  "after", "every", "rule",   "keep",  "stage",     "final",   "go",    "set",     "raise", "recall",
                                         "var", "enrol", "while", "where", "within", "since", "otherwise", "default", "known", "missing", "any",   "entry",
                                         "as",  "in",    "and",   "or",    "not",    "if",    "then",      "else",    "match", "between", "true",  "false"};

}  // namespace

std::string dunlin_name(std::string_view foreign) {
  const std::string plain = without_punctuation(foreign);
  if (is_name(plain)) return plain;
  std::string out;
  for (const char c : plain) {
    if (is_letter(c) || is_digit(c)) {
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!out.empty() && out.back() != '_') {
      out += '_';
    }
  }
  while (!out.empty() && out.back() == '_') out.pop_back();
  if (out.empty()) return "unnamed";
  if (is_digit(out.front())) out.insert(0, "_");
  return out;
}

std::string quoted_name(const std::string& name) {
  const bool taken = std::find(std::begin(reserved), std::end(reserved), name) != std::end(reserved);
  return taken ? "`" + name + "`" : name;
}

std::string text_literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      if (c == '"' || c == '\\' || c == '{' || c == '}') out += '\\';
      out += c;
    }
  }
  return out + "\"";
}

std::string date_literal(int64_t days) {
  const sema::Date date = sema::date_of_days(days);
  return fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day);
}

std::string time_literal(int64_t seconds) { return sema::clock_text(seconds); }

std::span<const std::string_view> library_functions() {
  static constexpr std::string_view names[] = {"exact_product", "exact_quotient",  "decimal_of",     "ends_with",      "text_precedes", "text_part",
                                               "text_before",   "text_after",      "decimal_modulo", "duration_count", "upper_case",    "lower_case",
                                               "hour_of",       "minute_of",       "second_of",      "local_date",     "time_plus",     "wide_of",
                                               "wide_sum",      "wide_difference", "wide_product",   "wide_quotient",  "wide_power",    "wide_has_power",
                                               "wide_order",    "wide_exact",      "wide_rounded",   "wide_floor",     "wide_ceiling"};
  return names;
}

FreshNames FreshNames::of_declarations() {
  FreshNames names;
  for (const auto& signature : sema::builtin_signatures()) names.reserve(std::string(signature.name));
  for (const char* name : {"count", "sum", "min", "max", "avg", "exists", "all", "first", "last", "spent", "now", "today", "event"}) names.reserve(name);
  for (const std::string_view name : library_functions()) names.reserve(std::string(name));
  return names;
}

FreshNames FreshNames::of_types() {
  FreshNames names;
  for (const char* name : {"bool", "int", "decimal", "number", "money", "text", "date", "time", "datetime", "duration", "timezone", "file", "location", "list",
                           "record", "enum", "stage"}) {
    names.reserve(name);
  }
  return names;
}

std::string FreshNames::take(std::string_view foreign) {
  const std::string base = dunlin_name(foreign);
  std::string name = base;
  for (int i = 2; !taken_.insert(name).second; ++i) name = fmt::format("{}_{}", base, i);
  return name;
}

}  // namespace dunlin::tables
