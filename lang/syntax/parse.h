// Source text -> syntax tree. The only room that knows ANTLR.
#pragma once

#include "lang/diag/diagnostic.h"
#include "lang/syntax/ast.h"

namespace dunlin {

/// Limits that keep hostile input cheap. Exceeding one is an ordinary diagnostic (E01xx).
struct ParseLimits {
  size_t bytes_max = 8u << 20;        // one file
  size_t line_bytes_max = 64u << 10;  // one line
  size_t nesting_max = 200;           // brackets and nested expressions
  size_t errors_max = 50;             // syntax errors per file
};

/// Parses one file of the map. Always returns a tree; what could not be read is left out and reported.
/// Thread safe for different files.
ast::File parse_file(const SourceMap& sources, uint32_t file, Diagnostics& diagnostics, const ParseLimits& limits = {});

/// Parses one expression (tests, `explain`, parameters given on the command line). Null if there were errors.
ast::ExprPtr parse_expression(const SourceMap& sources, uint32_t file, Diagnostics& diagnostics, const ParseLimits& limits = {});

}  // namespace dunlin
