// Words for syntax errors, in terms of the language and never of the parser.
#pragma once

#include <antlr4-runtime.h>

#include <string>
#include <string_view>
#include <vector>

#include "lang/syntax/tokens.h"

namespace dunlin::syntax {

/// Everything known about a mistake at the place where it was met.
struct Mistake {
  std::vector<size_t> rules;              // from the file down to the innermost rule
  antlr4::misc::IntervalSet expected;     // tokens that could stand here
  antlr4::TokenStream* tokens = nullptr;  // never null
  antlr4::Token* found = nullptr;         // never null
  antlr4::Token* before = nullptr;        // the token before it, or null
  bool too_deep = false;
  bool unknown_item = false;  // no item of this block begins so
};

/// True for a token added to mend the brackets: what goes wrong there has been reported already.
bool is_added(const antlr4::Token& token);
Span span_of(const Slice& slice, const antlr4::Token& token);

/// Adds the diagnostic for `mistake`.
void describe(const Mistake& mistake, const Slice& slice, Diagnostics& diagnostics);

/// The nearest of `words` if it is near enough to be what was meant; empty otherwise.
std::string nearest_word(std::string_view written, const std::vector<std::string>& words);

}  // namespace dunlin::syntax
