// What the compiler has to say about a bundle: one struct for each message, made anywhere,
// turned into text or JSON only by render.h.
//
// Style: lower case, one sentence without a full stop, the user's own words in `backticks`,
// never the name of an implementation type.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lang/diag/source.h"

namespace dunlin {

enum class Severity { error, warning };

struct Note {
  Span span;  // may be unknown
  std::string message;
};

/// A change a tool can make by itself.
struct Fix {
  Span span;
  std::string replacement;
  std::string title;
};

struct Diagnostic {
  Severity severity = Severity::error;
  std::string code;     // "E0201", listed in lang/diag/codes.def, explained in docs/errors/E0201.md
  std::string message;  // one sentence
  Span span;
  std::string label;  // short text behind the underline, may be empty
  std::vector<Note> notes;
  std::string help;  // what to do; may be empty
  std::vector<Fix> fixes;
  /// A concrete case that shows the mistake: (name, value as Dunlin text), e.g. ("balance", "100_000").
  std::vector<std::pair<std::string, std::string>> witness;
};

/// Collects diagnostics. Keeps at most `limit` errors and says how many were left out.
class Diagnostics {
 public:
  explicit Diagnostics(size_t limit = 200) : limit_(limit) {}

  /// The reference is good until the next call.
  Diagnostic& error(std::string code, Span span, std::string message);
  Diagnostic& warning(std::string code, Span span, std::string message);

  bool has_errors() const { return errors_ > 0; }
  size_t error_count() const { return errors_; }
  size_t left_out() const { return left_out_; }
  const std::vector<Diagnostic>& all() const { return list_; }
  std::vector<Diagnostic>& all() { return list_; }
  /// By file, then place, then code; exact repeats are dropped.
  void sort();

 private:
  Diagnostic& add(Severity severity, std::string code, Span span, std::string message);
  std::vector<Diagnostic> list_;
  Diagnostic overflow_;
  size_t limit_;
  size_t errors_ = 0;  // kept or not
  size_t kept_[2] = {0, 0};
  size_t errors_left_out_ = 0;
  size_t left_out_ = 0;
};

/// The title of a code as listed in codes.def, or nullptr if there is no such code.
const char* code_title(std::string_view code);
/// All listed codes, in order.
std::vector<std::string_view> all_codes();

}  // namespace dunlin
