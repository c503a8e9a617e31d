// What a condition reads: the fields, derived fields, variables and event fields it names, found once, formatted when asked for.
// A history query has no name of its own; it shows where a derived field holds it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compiler/evaluator.h"
#include "runtime/engine/step.h"

namespace dunlin::engine {

class Reads {
 public:
  Reads(const checked::Program& program, const Evaluator& evaluator);
  /// By parameter: what a reader calls it, where one entity may stand for several parameters. Before anything is collected.
  void name_parameters(std::vector<std::string> names) { parameter_names_ = std::move(names); }
  /// Values that the root reads in this context; what cannot be evaluated is left out. Adds to `values`, names only once.
  void collect(checked::RootId root, const abi::EvalContext& context, std::vector<ValueRead>& values);

 private:
  enum class Kind : uint8_t { field, derived, variable, event_field, event_at, entered_at, enrolled_at, visits, setting };
  struct Source {
    Kind kind = Kind::field;
    std::string name;
    checked::Type type;
    checked::Index slot = 0;                   // field, variable, event_field, setting: first slot; visits: stage
    checked::RootId root = checked::none;      // derived
    checked::Index parameter = checked::none;  // the instance is this parameter; none: self
    checked::Index ancestor = checked::none;   // … or the ancestor of it that is this entity
  };
  struct Known {
    bool ready = false;
    std::vector<Source> sources;
  };
  const std::vector<Source>& sources(checked::RootId root);
  void find(const checked::Root& root, const checked::Expr& expr, std::vector<Source>& found) const;
  bool find_here(const checked::Root& root, const checked::Expr& expr, Source& source) const;
  bool find_instance(const checked::Root& root, const checked::Expr& expr, Source& source) const;
  const int64_t* value(const Source& source, const checked::Root& root, const abi::EvalContext& context);

  const checked::Program& program_;
  const Evaluator& evaluator_;
  std::vector<std::string> parameter_names_;
  std::vector<Known> known_;  // by root
  std::vector<int64_t> out_;
};

}  // namespace dunlin::engine
