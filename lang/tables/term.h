// FEEL values as Dunlin expressions: what type they have, whether they may be missing, and their text.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lang/tables/exact_decimal.h"

namespace dunlin::tables {

enum class Kind {
  null,  // the literal; agrees with every type
  decimal,
  integer,  // a number that is known to be whole
  money,
  text,
  enumeration,  // a text out of a list
  boolean,
  date,
  time,
  datetime,
  days_time,     // days and time duration
  years_months,  // years and months duration
  record,
  list,
};

struct Type {
  Kind kind = Kind::null;
  std::string enumeration;  // its Dunlin name
  friend bool operator==(const Type&, const Type&) = default;
  bool is_number() const { return kind == Kind::decimal || kind == Kind::integer || kind == Kind::money; }
  bool is_words() const { return kind == Kind::text || kind == Kind::enumeration; }
};

/// An enumeration made from a list of allowed texts.
struct Enumeration {
  std::string name;
  std::vector<std::string> texts;     // as the model has them
  std::vector<std::string> literals;  // the same as names of Dunlin
  bool written_out = false;           // its function to text is needed
  bool compared = false;              // its function of equality is needed
};

/// Outputs of a decision that gives several rows.
struct Rows {
  std::string call;  // the list
  struct Output {
    std::string name;    // of DMN
    std::string member;  // of Dunlin; empty where there is one output
    Type type;
  };
  std::vector<Output> outputs;
  bool null_without_hits = false;
};

struct Term {
  Type type;
  bool nullable = false;
  std::string text;  // a whole operand: brackets stand around whatever needs them

  /// A number with all its 34 digits, as an expression that gives them as a text; empty where `text` is all there is.
  std::string wide;

  // constants
  std::optional<ExactDecimal> figure;
  std::optional<std::string> words;
  std::optional<bool> truth;
  std::optional<int64_t> key;  // days of a date, seconds of a time, local seconds of a datetime, seconds or months of a duration
  bool counted = false;        // a duration whose text is an int: of days, of months

  std::vector<std::pair<std::string, Term>> fields;  // record
  std::vector<Term> items;                           // list written out
  std::shared_ptr<const Rows> rows;                  // list of a decision
  std::vector<std::string> needs;                    // inputs it reads, by their Dunlin names
  std::string declared;                              // a constant that has a declaration: how it is called

  bool is_constant() const { return figure || words || truth || key || type.kind == Kind::null; }
};

/// Thrown while one decision is translated, caught there.
struct Refusal {
  std::string reason, help;
};

std::string type_text(const Type& type);
/// As people who write DMN say it.
std::string type_words(const Type& type);

Term null_term();
Term figure_term(const ExactDecimal& value);
Term words_term(std::string words);
Term truth_term(bool truth);
Term date_term(int64_t days);
Term time_term(int64_t seconds);
Term datetime_term(int64_t local_seconds);
Term days_time_term(int64_t seconds);
Term years_months_term(int64_t months);

/// Parts of ISO dates, times and durations as FEEL writes them. Nothing if the text is none; a zone or an offset is refused.
std::optional<Term> read_date(std::string_view text);
std::optional<Term> read_time(std::string_view text);
std::optional<Term> read_datetime(std::string_view text);
std::optional<Term> read_duration(std::string_view text);

}  // namespace dunlin::tables
