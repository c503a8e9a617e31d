// Types of a DMN model by their names: those of FEEL and of Camunda, and the model's own item definitions.
#pragma once

#include "lang/tables/dmn.h"
#include "lang/tables/dunlin_names.h"
#include "lang/tables/term.h"

namespace dunlin::tables {

class ModelTypes {
 public:
  ModelTypes(const dmn::Model& model, FreshNames& names, FreshNames& type_names, std::map<std::string, Enumeration>& enumerations)
      : model_(model), names_(names), type_names_(type_names), enumerations_(enumerations) {}

  /// Nothing for a type that says nothing (`Any`, none). Structures are records, without fields here. Refused: an unknown name, a collection.
  std::optional<Type> find(const std::string& type);
  /// Null if the type is none of the model's own.
  const dmn::ItemDefinition* item(const std::string& type) const;

  /// The texts of `"a", "b"`; nothing where it is something else.
  static std::optional<std::vector<std::string>> texts(const dmn::Text& allowed);
  /// An enumeration of these texts: one that is there already, or a new one. Nothing where they cannot be told apart as names.
  std::optional<Type> enumeration(const std::string& name, const std::vector<std::string>& texts);

 private:
  std::optional<Type> find(const std::string& type, int depth);

  const dmn::Model& model_;
  FreshNames& names_;
  FreshNames& type_names_;
  std::map<std::string, Enumeration>& enumerations_;
  std::map<std::string, Type> own_;
};

}  // namespace dunlin::tables
