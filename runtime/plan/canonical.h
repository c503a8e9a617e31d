// What a piece of a checked program means, as a number: two pieces have the same number exactly if they say the same thing,
// however they are named, ordered or laid out. Both versions of a comparison share one table of numbers.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "lang/sema/checked.h"

namespace dunlin::plan {

/// A node of a meaning. Equal within one Meanings: equal meaning.
using Meaning = int32_t;

/// Hash-consing: a node is its label and its parts, and gets its number when it is first seen. So equality is exact, not a matter of luck.
class Meanings {
 public:
  Meaning node(std::string label, std::vector<Meaning> parts = {});

 private:
  std::map<std::pair<std::string, std::vector<Meaning>>, Meaning> known_;
};

/// How definitions are referred to from outside: pairs of old and new definitions share a name, so that a rename is no change.
struct DefinitionNames {
  std::map<checked::Index, std::string> functions, tables;
  std::map<std::pair<checked::Index, checked::Index>, std::string> derived;  // (entity, derived field)
};

/// Gives meanings to the parts of one program.
class Canon {
 public:
  /// What is said of a definition that an expression uses.
  enum class Depth : uint8_t {
    named,     // its name: a change in it is not a change here
    expanded,  // its own meaning, put in its place: taking a condition out into a named definition is no change
  };
  /// All must outlive it.
  Canon(Meanings& meanings, const checked::Program& program, const DefinitionNames& names, Depth depth)
      : meanings_(meanings), program_(program), names_(names), depth_(depth) {}

  Meaning type(const checked::Type& type);
  Meaning field(const checked::Field& field);
  Meaning root(checked::RootId root);
  Meaning rule(const checked::Rule& rule);
  Meaning table(const checked::Table& table);
  Meaning table_row(const checked::Table& table, const checked::TableRow& row);
  Meaning table_output(const checked::Table& table, const checked::TableOutput& output, size_t column);
  Meaning function(checked::Index function);
  Meaning derived(checked::Index entity, checked::Index field);
  Meaning of(std::string label, std::vector<Meaning> parts = {}) { return meanings_.node(std::move(label), std::move(parts)); }

 private:
  /// What the names of an expression stand for.
  struct Scope {
    Meaning self = -1;
    std::vector<Meaning> parameters;
    std::map<checked::Index, Meaning> locals;
    checked::Index strategy = checked::none;
    int bound = 0;  // elements of queries around here
  };
  Meaning body(checked::RootId root, Scope scope);
  Meaning expression(const checked::Expr& expr, const Scope& scope);
  Meaning literal(const checked::Expr& expr);
  Meaning call(const checked::Expr& expr, std::vector<Meaning> args, const Scope& scope);
  Meaning operation(const checked::Expr& expr, std::vector<Meaning> args);
  Meaning aggregate(const checked::Aggregate& aggregate, const Scope& scope);
  Meaning reference(const checked::Expr& expr, std::vector<Meaning> args, const Scope& scope);
  Meaning action(const checked::Action& action);
  Meaning keep(const checked::Keep& keep);
  Meaning cell(const checked::TableColumn& column, const checked::Cell& cell);
  std::string slot_text(const checked::Type& type, int64_t slot) const;
  Meaning fields_given(const std::vector<checked::FieldValue>& given, const std::vector<checked::Field>& fields);
  std::string queue_name(checked::Index queue) const { return queue == checked::none ? "" : program_.queues[queue].name; }
  std::string event_name(checked::Index event) const { return event == checked::none ? "" : program_.events[event].name; }
  std::string entity_name(checked::Index entity) const { return entity == checked::none ? "" : program_.entities[entity].name; }

  Meanings& meanings_;
  const checked::Program& program_;
  const DefinitionNames& names_;
  Depth depth_;
  std::map<std::vector<int32_t>, Meaning> expanded_;  // what was put in place, by definition, arguments and depth
  std::map<checked::Index, Meaning> tables_;
};

}  // namespace dunlin::plan
