// A DMN model -> declarations of Dunlin with the same meaning, decision by decision. A decision that lies outside is refused with the place
// and the reason, and with it those that rest on it; the others are translated.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lang/tables/dmn.h"
#include "lang/tables/term.h"

namespace dunlin::tables {

struct Column {
  std::string name;
  Type type;
  bool nullable = false;
};

struct TableText {
  struct Row {
    std::vector<std::string> cells, outputs;
  };
  std::string name, doc, policy;
  std::vector<Column> inputs, outputs;
  std::vector<Row> rows;
  std::optional<std::vector<std::string>> otherwise;
};

struct FunctionText {
  std::string name, doc;
  std::vector<Column> parameters;
  Column result;
  std::string body;
};

using Definition = std::variant<TableText, FunctionText>;

/// A leaf of the model's input data.
struct Input {
  std::string name;  // of Dunlin
  Type type;
  std::string data;               // name of the input data
  std::vector<std::string> path;  // components below it
};

/// How the result of a decision is asked for.
struct Answer {
  struct Part {
    std::string name;  // component; empty where there is one value
    Type type;
    bool nullable = true;
    std::string text;  // an expression over the inputs
  };
  std::string decision;
  std::vector<Part> parts;
  /// A list: the rows one by one, in the order of the result, each as a table of one row that is missing where it does not fit.
  bool list = false, null_without_hits = false;
  std::vector<TableText> rows;
  std::string arguments;  // of each of these tables
};

struct TranslateOptions {
  std::string only;      // name of one decision; it and what it rests on. Empty: all
  bool rounded = false;  // figures are rounded at the sixth place instead of being refused where they do not fit
};

struct Translation {
  std::string model;
  std::vector<Enumeration> enumerations;
  std::vector<Enumeration> unwritten;  // of inputs that no definition asks for
  std::vector<Input> inputs;
  std::vector<Definition> definitions;  // what is used stands before what uses it
  std::vector<Answer> answers;
  Problems refused;
  Problems remarks;                            // what DMN makes null of, or takes otherwise than it is written
  std::map<std::string, std::string> reasons;  // decision -> why it is refused, with the place
};

Translation translate(const dmn::Model& model, const TranslateOptions& options = {});

/// Declarations as text, tables aligned. `use std.feel` stands in front where they need it.
std::string dunlin_text(const Translation& translation);
std::string dunlin_text(const TableText& table);
std::string dunlin_text(const Enumeration& enumeration);

}  // namespace dunlin::tables
