// A DMN model as its file says it (DMN 1.1 to 1.5, decision requirements and their logic): XML -> structs. Nothing is interpreted here.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lang/tables/problem.h"

namespace dunlin::tables::dmn {

/// A piece of FEEL and the line it stands on.
struct Text {
  std::string text;
  int line = 0;
  std::string language;  // as given; empty: the model's
};

struct ItemDefinition {
  std::string name, type;  // type without a prefix; empty where there are components
  std::optional<Text> allowed;
  bool collection = false;
  std::vector<ItemDefinition> components;
  int line = 0;
};

struct InputClause {
  Text expression;
  std::string type, label;
  std::optional<Text> allowed;
};
struct OutputClause {
  std::string name, label, type;
  std::optional<Text> allowed, otherwise;  // outputValues, defaultOutputEntry
};
struct Rule {
  std::vector<Text> inputs, outputs;
  int line = 0;
};

enum class HitPolicy { unique, first, priority, any, collect, rule_order, output_order };
enum class Aggregation { none, sum, minimum, maximum, count };

struct DecisionTable {
  HitPolicy policy = HitPolicy::unique;
  std::string unknown_policy;  // as written, if DMN has no such policy or aggregation
  Aggregation aggregation = Aggregation::none;
  std::vector<InputClause> inputs;
  std::vector<OutputClause> outputs;
  std::vector<Rule> rules;
  int line = 0;
};

struct Logic;
struct Binding {
  std::string name, type;
  std::vector<Logic> value;  // one, or none where it is left out
};
struct Invocation {
  Text function;
  std::vector<Binding> bindings;
};
struct Context {
  std::vector<Binding> entries;  // an entry without a name is the result
};
struct Literal {
  Text text;
};
/// Boxed logic that is not read (relations, lists, functions …): its element's name.
struct Unread {
  std::string element;
};
struct Logic {
  std::variant<std::monostate, Literal, DecisionTable, Invocation, Context, Unread> is;
  std::string type;
  int line = 0;
};

struct InputData {
  std::string id, name, type;
  int line = 0;
};
struct Decision {
  std::string id, name, type;
  std::vector<std::string> inputs, decisions, knowledge;  // ids
  Logic logic;
  int line = 0;
};
struct Parameter {
  std::string name, type;
};
struct KnowledgeModel {
  std::string id, name;
  std::vector<Parameter> parameters;
  std::vector<std::string> knowledge;  // ids
  Logic logic;
  int line = 0;
};

struct Model {
  std::string name, language;
  std::vector<ItemDefinition> items;
  std::vector<InputData> inputs;
  std::vector<Decision> decisions;
  std::vector<KnowledgeModel> knowledge;
  bool imports = false;  // it refers to other files
};

/// The whole file. Refused: not well-formed, a document type (it could define entities), more than 64 MB, elements nested deeper than 100.
std::expected<Model, Problem> read_model(std::string_view xml);

}  // namespace dunlin::tables::dmn
