// Expressions of FEEL, the language inside DMN models: text -> tree. What the tree means is said in translate.h.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dunlin::tables::feel {

enum class NodeKind {
  number,      // text: digits as written
  text,        // text: without quotes and escapes
  boolean,     // text: true | false
  null,        //
  name,        // text
  path,        // items[0] . text
  input,       // `?`, the value a unary test is about
  negate,      // items[0]
  binary,      // op; items[0], items[1]
  call,        // text: function; items: arguments, names: their names (empty where given by position)
  condition,   // items: if, then, else
  interval,    // items: low, high; low_open, high_open
  list,        // items
  in,          // items[0] in the tests that follow
  between,     // items: value, low, high
  at_literal,  // @"…": text
  comparison,  // a unary test `< 5`: op, items[0]
  dash,        // the unary test `-`
  negated,     // the unary tests not(…): items
  loop,        // text: for | some | every; names: variables; items: what each goes through, then the body
  filter,      // items: list, index or condition on `item`
};

enum class Op { add, subtract, multiply, divide, power, equal, not_equal, less, less_equal, greater, greater_equal, logical_and, logical_or };

struct Node;
using NodePtr = std::unique_ptr<Node>;

struct Node {
  NodeKind kind = NodeKind::null;
  Op op = Op::add;
  std::string text;
  std::vector<NodePtr> items;
  std::vector<std::string> names;
  bool low_open = false, high_open = false;
};

/// Names of FEEL may have blanks and signs in them: which words belong together is only known from the names in sight.
struct Names {
  std::vector<std::string> known;       // inputs, decisions, parameters
  std::vector<std::string> properties;  // what may stand behind a dot
};

/// The error is one sentence: what is not understood, or which part of FEEL lies outside of what is imported.
std::expected<NodePtr, std::string> parse_expression(std::string_view text, const Names& names);
/// A cell: one or more tests (an `or` of them), `-`, or not(…).
std::expected<std::vector<NodePtr>, std::string> parse_unary_tests(std::string_view text, const Names& names);

}  // namespace dunlin::tables::feel
