// FEEL trees -> Dunlin expressions of the same meaning: three truth values, null that passes through, exact figures.
#pragma once

#include <functional>

#include "lang/tables/feel.h"
#include "lang/tables/term.h"

namespace dunlin::tables {

struct Scope {
  std::vector<std::pair<std::string, Term>> values;
  /// A function that the model itself defines; nothing if there is none of that name.
  std::function<std::optional<Term>(const std::string& name, const std::vector<std::string>& names, std::vector<Term> arguments)> call;
  std::optional<Term> input;  // `?`

  const Term* find(const std::string& name) const;
};

class Expressions {
 public:
  explicit Expressions(std::map<std::string, Enumeration>& enumerations) : enumerations_(enumerations) {}

  bool rounded = false;  // figures are rounded at the sixth place instead of being refused where they do not fit
  /// Told what DMN makes null of, so that people hear of it.
  std::function<void(const std::string&)> remark;

  Term translate(const feel::Node& node, const Scope& scope);
  /// A unary test as a condition on `scope.input`.
  Term test(const feel::Node& node, const Scope& scope);
  Term tests(const std::vector<feel::NodePtr>& nodes, const Scope& scope);

  Term compare(feel::Op op, const Term& a, const Term& b);
  /// The value as one of another type: whole numbers as decimals, texts as literals of an enumeration, and the way back. Refused where it is none.
  Term as(const Term& term, const Type& type);
  /// A constant that goes into Dunlin text has to fit into six places.
  Term placed(const Term& term) const;
  /// Null because of a mistake that DMN has no other word for; `remark` is told why.
  Term nothing(const std::string& why, std::initializer_list<const Term*> from);
  /// A type that holds both; refused where there is none.
  Type common(const Type& a, const Type& b);

 private:
  Term binary(const feel::Node& node, const Scope& scope);
  Term arithmetic(feel::Op op, const Term& a, const Term& b);
  Term numeric(feel::Op op, const Term& a, const Term& b);
  Term wide(feel::Op op, const Term& a, const Term& b);
  std::string wide_text(const Term& term);
  Term from_wide(std::string wide, bool nullable, std::initializer_list<const Term*> from);
  Term temporal(feel::Op op, const Term& a, const Term& b);
  Term moved(feel::Op op, const Term& moment, const Term& by);
  Term scaled(feel::Op op, const Term& duration, const Term& by);
  Term count_of(const Term& duration);
  Term duration_of(Kind kind, const Term& count);
  Term raise(const Term& base, const Term& exponent);
  Term negate(const Term& value);
  Term equality(const Term& a, const Term& b);
  Term unlike(const Term& a, const Term& b);
  Term unlike_but_null(const Term& a, const Term& b);
  static bool is_wide(const Term& term);
  Term wide_operand(const Term& term);
  Term order(feel::Op op, const Term& a, const Term& b);
  Term duration_order(feel::Op op, const Term& a, const Term& b);
  Term same_lists(const Term& a, const Term& b);
  Term logical(feel::Op op, const Term& a, const Term& b);
  Term logical_not(const Term& value);
  Term choice(const Term& condition, const Term& yes, const Term& no);
  Term components(const Term& base, const std::string& names);
  Term path(const Term& base, const std::string& name);
  Term call(const feel::Node& node, const Scope& scope);
  Term built_in(const std::string& name, std::vector<Term> arguments);
  Term literal_call(const std::string& name, const std::vector<Term>& arguments);
  Term fold(const std::string& name, std::vector<Term> arguments);
  Term part_of_text(const std::string& name, std::vector<Term> arguments);
  Term mean(std::vector<Term> arguments);
  Term all_or_any(const std::string& name, std::vector<Term> arguments);
  Term remainder(const std::string& name, std::vector<Term> arguments);
  Term fold_rows(const std::string& name, const Term& list);
  Term loop(const feel::Node& node, const Scope& scope);
  Term loop_over_rows(const feel::Node& node, const Term& list, const Scope& scope);
  std::vector<Term> domain(const feel::Node& node, const Scope& scope);
  Term filter(const feel::Node& node, const Scope& scope);
  Term member_of(const Term& value, const Term& list);
  Term in_interval(const feel::Node& interval, const Term& value, const Scope& scope);
  Term as_text(const Term& value);

  std::map<std::string, Enumeration>& enumerations_;  // by Dunlin name
};

/// `f(a, b)` with what follows from its arguments: missing if one of them is, and the inputs they read.
Term lifted(const std::string& function, const std::vector<Term>& arguments, Kind result);
void add_needs(Term& to, const Term& from);
/// A duration that is a count of days or months, or a negative one, as an expression that gives a duration; everything else as it is.
Term as_duration(const Term& value);

}  // namespace dunlin::tables
