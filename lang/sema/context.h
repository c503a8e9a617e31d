// What the parts of the checker share while one bundle is checked: the program that is being made, the names that are
// known so far, and definitions that are checked when first needed (so that their order in the files does not matter).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lang/diag/diagnostic.h"
#include "lang/sema/checked.h"
#include "lang/sema/symbols.h"
#include "lang/syntax/ast.h"

namespace dunlin::sema {

using checked::Index;
using checked::none;
using checked::RootId;
using checked::Type;
using checked::TypeKind;

/// Room for products of two 64-bit figures.
__extension__ using Wide = __int128;

/// What a name of the whole program stands for.
struct Symbol {
  enum class Kind : uint8_t { enumeration, record, entity, function, native, table, setting };
  Kind kind;
  Index index;
  Span span;
};

/// What a name means on an instance.
struct EntityName {
  enum class Kind : uint8_t { field, derived, ancestor, children };
  Kind kind;
  Index index;  // field, derived: of the entity; ancestor, children: entity
  Span span;
};

/// Checked on first use; `running` again means that a definition needs itself.
enum class Progress : uint8_t { waiting, running, done };

struct DerivedSource {
  const ast::FieldDecl* field = nullptr;
  const ast::SegmentationDecl* segmentation = nullptr;
  Progress progress = Progress::waiting;
};
struct FunctionSource {
  const ast::FunctionDecl* declaration = nullptr;
  Progress progress = Progress::waiting;
};
struct TableSource {
  const ast::TableDecl* declaration = nullptr;
  uint32_t file = Span::no_file;  // file that names the data file
  Progress progress = Progress::waiting;
  /// Tables of one name, each in force for a time; kept with the first one, in the order of their dates.
  std::vector<Index> versions;
  std::optional<int64_t> from, to;  // dates, both included
};
struct QueueSource {
  const ast::QueueDecl* declaration = nullptr;
};
struct EventSource {
  const ast::EventDecl* event = nullptr;
  const ast::OutcomeNode* outcome = nullptr;
  const ast::OutcomesDecl* outcomes = nullptr;
};
struct StrategySource {
  const ast::StrategyDecl* declaration = nullptr;
};

struct Symbols {
  std::unordered_map<std::string, Symbol> types;   // enumerations, records, entities
  std::unordered_map<std::string, Symbol> values;  // functions, tables, settings
  /// Enumerations written inside a field, by the field's name; `product : product` means the only one.
  std::map<std::string, std::vector<Index>> field_enums;
  std::vector<std::unordered_map<std::string, EntityName>> entities;
  std::unordered_map<std::string, Index> events;  // full names and aliases
  std::unordered_map<std::string, Index> queues;
  std::unordered_map<std::string, Index> strategies;
  std::unordered_map<std::string, std::vector<Index>> stages;  // by short name
};

/// A declaration with the file it stands in.
struct Placed {
  const ast::Decl* declaration = nullptr;
  uint32_t file = Span::no_file;
  bool library = false;  // of a module of the standard library
};

/// Data files (CSV) by the path shown to people.
struct DataFiles {
  std::unordered_map<std::string, uint32_t> by_path;  // -> file of the SourceMap
};

struct Context {
  checked::Program& program;
  Diagnostics& diagnostics;
  const SourceMap& sources;
  std::vector<Placed> declarations;
  DataFiles data_files;
  Symbols names;
  std::vector<std::vector<DerivedSource>> derived;  // by entity
  std::vector<FunctionSource> functions;
  std::vector<TableSource> tables;
  std::vector<QueueSource> queues;
  std::vector<StrategySource> strategies;
  std::vector<EventSource> events;  // by event type
  int definition_depth = 0;         // definitions that wait for another
  SymbolIndex* symbols = nullptr;   // where names are used; only for editors
  size_t looped_rows_min = 64;      // see CheckOptions
  /// Enumerations written inside a field, column or parameter.
  std::unordered_map<const ast::TypeExpr*, Index> inline_enums;
  std::unordered_map<const ast::DeadlineDecl*, Index> deadlines;  // Program::deadlines
  std::string calendars;                                          // folder of the calendars; empty: there is none
  /// Declarations that follow from others: the events of holds and deadlines.
  std::vector<std::shared_ptr<const ast::Decl>> made_declarations;
  /// Events an `outcomes` declaration made, by its name.
  std::unordered_map<std::string, Index> outcome_roots;

  /// Remembers what the name at the end of `span` stands for, if anybody wants to know.
  void note_use(Span span, SymbolKind kind, Index index, Index owner = none, Type type = {}, Span declared = {}) {
    if (symbols != nullptr) symbols->uses.push_back({span, {kind, index, owner}, type, declared});
  }

  Diagnostic& error(const char* code, Span span, std::string message) { return diagnostics.error(code, span, std::move(message)); }
  Diagnostic& warning(const char* code, Span span, std::string message) { return diagnostics.warning(code, span, std::move(message)); }

  template <class Node>
  void each(auto&& visit) const {
    for (const Placed& placed : declarations) {
      if (const Node* node = std::get_if<Node>(&placed.declaration->node)) visit(placed, *node);
    }
  }

  std::string type_text(const Type& type) const { return checked::type_name(program, type); }
  Index list_of(const Type& element);
  bool is_ancestor_or_self(Index ancestor, Index entity) const;
};

/// Adds help "did you mean `x`?" with a fix where one of `candidates` is near to `written`.
void suggest(Diagnostic& diagnostic, std::string_view written, const std::vector<std::string>& candidates);
/// In a bundle full of mistakes near matches would take longer than all the rest: while this lives, no more than so many names are compared.
class NearMatchBudget {
 public:
  NearMatchBudget();
  ~NearMatchBudget();
  NearMatchBudget(const NearMatchBudget&) = delete;
  NearMatchBudget& operator=(const NearMatchBudget&) = delete;

 private:
  size_t before_;
};
/// False: nobody need gather candidates any more.
bool near_matches_left();
/// Number of single letters to insert, remove, replace or swap with the neighbour.
size_t edit_distance(std::string_view a, std::string_view b);

/// Whether a file is part of an older version, kept for those who finish under it (checked::KeptStrategy).
bool is_kept(const Context& context, uint32_t file);

/// "x" in backticks.
std::string in_ticks(std::string_view name);

inline Type type_of(TypeKind kind, Index id = none) { return {kind, false, id}; }
bool is_numeric(TypeKind kind);
/// Values that `<` compares.
bool is_ordered(TypeKind kind);
/// Values that may lie in fields of entities, events, tasks and in variables.
bool is_storable(TypeKind kind);

/// Name of the list of children: `accounts`, `parties`.
std::string plural(const std::string& entity);

}  // namespace dunlin::sema
