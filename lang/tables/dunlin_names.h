// Names and literals of Dunlin for what has other names elsewhere.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace dunlin::tables {

/// `Applicant Age` -> `applicant_age`; what can be a name of Dunlin is left as it is. Never empty.
std::string dunlin_name(std::string_view foreign);
/// In backquotes where the language has the word for itself.
std::string quoted_name(const std::string& name);
/// A text literal with its escapes.
std::string text_literal(std::string_view text);
/// Days since 1970-01-01 as 2026-01-05; seconds since midnight as 08:30 or 08:30:15.
std::string date_literal(int64_t days);
std::string time_literal(int64_t seconds);

/// The functions of std.feel that imported text calls by other names than `feel_…`.
std::span<const std::string_view> library_functions();

/// Hands out names that are not taken yet: `offer`, `offer_2`, …
class FreshNames {
 public:
  FreshNames() = default;
  /// Without the names of the language's own functions and of std.feel.
  static FreshNames of_declarations();
  /// Without the names of the language's own types. A type and a function may have the same name.
  static FreshNames of_types();
  std::string take(std::string_view foreign);
  bool reserve(const std::string& name) { return taken_.insert(name).second; }

 private:
  std::set<std::string> taken_;
};

}  // namespace dunlin::tables
