// One decision table of DMN -> a table of Dunlin.
#pragma once

#include "lang/tables/expression.h"
#include "lang/tables/model_types.h"
#include "lang/tables/translate.h"

namespace dunlin::tables {

/// What the tables of one model share.
struct Workshop {
  const dmn::Model& model;
  FreshNames names = FreshNames::of_declarations();
  FreshNames type_names = FreshNames::of_types();
  std::map<std::string, Enumeration> enumerations;
  ModelTypes types{model, names, type_names, enumerations};
  Expressions expressions{enumerations};
  std::vector<Definition> definitions;
  std::map<std::string, Column> inputs;  // by Dunlin name
};

/// Where a refusal happened inside of a decision; filled while it is worked on.
struct Spot {
  int line = 0;
  std::string part;  // "row 3, column `age`"
};

struct TableRequest {
  const dmn::DecisionTable& table;
  std::string name;         // of the decision, for the names of what is made
  std::string dunlin_name;  // taken already
  std::string type;         // declared, may be empty
  std::string doc;
  const Scope& scope;
  const feel::Names& words;
};

/// The value of the table; what it needs is added to the workshop's definitions. `answer` gets the rows of lists.
Term translate_table(Workshop& workshop, const TableRequest& request, Spot& spot, Answer& answer);

}  // namespace dunlin::tables
