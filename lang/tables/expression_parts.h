// What the parts of the FEEL translation share: operands made, and what follows from their operands.
#pragma once

#include <initializer_list>
#include <string>

#include "lang/tables/term.h"

namespace dunlin::tables {

inline bool is_null(const Term& term) { return term.type.kind == Kind::null; }
inline bool is_whole(const Term& term) { return term.type.kind == Kind::integer || (term.figure && term.figure->is_whole()); }
inline bool is_duration(const Term& term) { return term.type.kind == Kind::days_time || term.type.kind == Kind::years_months; }

/// An operand of this text. Refused where it is longer than anybody could read.
Term bare(Kind kind, std::string text, bool nullable = false);
/// Null that hangs on these.
Term null_of(std::initializer_list<const Term*> from);
Term with_needs(Term made, std::initializer_list<const Term*> from);
/// A constant figure of any size, not yet held to six places.
Term wide_figure_term(const ExactDecimal& value);
/// Behind the names of functions of std.feel that there is one of for each type.
const char* suffix_of(Kind kind);

}  // namespace dunlin::tables
