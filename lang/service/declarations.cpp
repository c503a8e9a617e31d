// Every declared name with its place, its documentation and how it is declared in short.
#include <algorithm>

#include "lang/service/name_index.h"
#include "lang/service/snapshot.h"
#include "lang/syntax/ast_department.h"

namespace dunlin::service {

namespace {

using checked::find_entity;
using checked::find_event;
using checked::Index;
using checked::none;

class Collector {
 public:
  explicit Collector(Snapshot& snapshot) : snapshot_(snapshot), program_(*snapshot.program) {}

  void collect(const ast::File& file) {
    for (const ast::Decl& declaration : file.declarations) {
      declaration_ = &declaration;
      std::visit([&](const auto& node) { add(node); }, declaration.node);
    }
  }

 private:
  template <class List>
  Index named(const List& list, const std::string& name) {
    return names_.find(list, name);
  }
  template <class List>
  Index find_field(const List& list, const std::string& name) {
    return names_.find(list, name);
  }

  /// The text of a declaration up to its block, on one line.
  std::string head_of(Span whole) const {
    const std::string_view text = snapshot_.sources.text(whole);
    std::string head;
    int depth = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (c == '(' || c == '[') ++depth;
      if (c == ')' || c == ']') --depth;
      if (c == '{' && depth == 0) {
        const std::string_view rest = text.substr(i);
        const size_t line = rest.find('\n');
        if (line == std::string_view::npos && rest.size() < 100) {  // `enum { a, b }` says more with its block
          head += rest;
        }
        break;
      }
      if (c == '/' && i + 1 < text.size() && text[i + 1] == '/') break;
      const bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
      if (!blank) {
        head += c;
      } else if (!head.empty() && head.back() != ' ') {
        head += ' ';
      }
      if (head.size() > 300) {
        head += " …";
        break;
      }
    }
    while (!head.empty() && head.back() == ' ') head.pop_back();
    return head;
  }

  int put(SymbolKey key, const ast::Name& name, Span whole, const std::string& doc, int container = -1, std::string head = {}) {
    const int index = static_cast<int>(snapshot_.declared.size());
    snapshot_.declared.push_back({key, name.text, name.span, whole, doc, head.empty() ? head_of(whole) : std::move(head), container});
    if (key.index != none) snapshot_.by_key.emplace(key, index);
    return index;
  }

  static ast::Name last_of(const ast::Path& path) { return path.parts.empty() ? ast::Name{} : path.parts.back(); }

  void literals(const std::vector<ast::Name>& names, Index enumeration, int container) {
    if (enumeration == none || static_cast<size_t>(enumeration) >= program_.enums.size()) return;
    const auto& known = program_.enums[enumeration].literals;
    for (const ast::Name& name : names) {
      const auto found = std::find(known.begin(), known.end(), name.text);
      if (found == known.end()) continue;
      put({SymbolKind::literal, static_cast<Index>(found - known.begin()), enumeration}, name, name.span, {}, container,
          program_.enums[enumeration].name + "." + name.text);
    }
  }

  /// Values written inside a field make an enumeration that goes by the field's name.
  void inline_enumeration(const ast::FieldDecl& field, const checked::Type& type, int container) {
    if (!field.type || field.type->kind != ast::TypeExpr::Kind::enumeration || type.kind != checked::TypeKind::enumeration) return;
    snapshot_.by_key.emplace(SymbolKey{SymbolKind::enumeration, type.id}, container);
    literals(field.type->literals, type.id, container);
  }

  void entity_fields(const std::vector<ast::FieldDecl>& fields, Index entity, int container) {
    if (entity == none) return;
    const checked::Entity& known = program_.entities[entity];
    for (const ast::FieldDecl& field : fields) {
      if (const Index stored = find_field(known.fields, field.name.text); stored != none) {
        const int made = put({SymbolKind::field, stored, entity}, field.name, field.span, field.doc, container);
        inline_enumeration(field, known.fields[stored].type, made);
      } else if (const Index derived = named(known.derived, field.name.text); derived != none) {
        put({SymbolKind::derived, derived, entity}, field.name, field.span, field.doc, container);
      }
    }
  }

  void add(const ast::EntityDecl& node) {
    const Index entity = find_entity(program_, node.name.text);
    const int made = put({SymbolKind::entity, entity}, node.name, declaration_->span, declaration_->doc);
    if (entity != none) snapshot_.by_key.emplace(SymbolKey{SymbolKind::children, entity}, made);
    entity_fields(node.fields, entity, made);
  }

  void add(const ast::ExtendDecl& node) {
    const int made = put({SymbolKind::entity, none}, node.entity, declaration_->span, declaration_->doc);
    entity_fields(node.fields, find_entity(program_, node.entity.text), made);
  }

  void event_fields(const std::vector<ast::FieldDecl>& fields, Index event, int container) {
    if (event == none) return;
    for (const ast::FieldDecl& field : fields) {
      const Index found = find_field(program_.events[event].fields, field.name.text);
      if (found == none) continue;
      const int made = put({SymbolKind::event_field, found, event}, field.name, field.span, field.doc, container);
      // Events below inherit the field.
      for (Index below = event + 1; below <= program_.events[event].last_descendant; ++below) {
        const Index inherited = find_field(program_.events[below].fields, field.name.text);
        if (inherited != none) snapshot_.by_key.emplace(SymbolKey{SymbolKind::event_field, inherited, below}, made);
      }
      inline_enumeration(field, program_.events[event].fields[found].type, made);
    }
  }

  void add(const ast::EventDecl& node) {
    const Index event = find_event(program_, node.name.text());
    const int made = put({SymbolKind::event, event}, last_of(node.name), declaration_->span, declaration_->doc);
    event_fields(node.fields, event, made);
  }

  void outcomes(const std::vector<ast::OutcomeNode>& nodes, const std::string& prefix, int container) {
    for (const ast::OutcomeNode& node : nodes) {
      const std::string full = prefix + "." + node.name.text;
      const Index event = find_event(program_, full);
      const int made = put({SymbolKind::event, event}, node.name, node.span, node.doc, container, "outcome " + full);
      event_fields(node.fields, event, made);
      outcomes(node.children, full, made);
    }
  }

  void add(const ast::OutcomesDecl& node) {
    const int made = put({SymbolKind::event, find_event(program_, node.name.text)}, node.name, declaration_->span, declaration_->doc);
    outcomes(node.roots, node.name.text, made);
  }

  void add(const ast::ParameterDecl& node) {
    put({SymbolKind::setting, named(program_.settings, node.name.text)}, node.name, declaration_->span, declaration_->doc);
  }

  void add(const ast::TypeDecl& node) {
    if (node.type.kind == ast::TypeExpr::Kind::record) {
      const Index record = named(program_.records, node.name.text);
      const int made = put({SymbolKind::record, record}, node.name, declaration_->span, declaration_->doc);
      for (size_t i = 0; record != none && i < node.type.fields.size(); ++i) {
        const ast::FieldDecl& field = node.type.fields[i];
        put({SymbolKind::record_field, named(program_.records[record].fields, field.name.text), record}, field.name, field.span, field.doc, made);
      }
      return;
    }
    const Index enumeration = named(program_.enums, node.name.text);
    const int made = put({SymbolKind::enumeration, enumeration}, node.name, declaration_->span, declaration_->doc);
    literals(node.type.literals, enumeration, made);
  }

  void add(const ast::SegmentationDecl& node) {
    const Index entity = find_entity(program_, node.entity.text);
    const Index derived = entity == none ? none : named(program_.entities[entity].derived, node.name.text);
    const int made = put({SymbolKind::derived, derived, entity}, node.name, declaration_->span, declaration_->doc);
    const Index enumeration = named(program_.enums, node.name.text);
    if (enumeration != none) snapshot_.by_key.emplace(SymbolKey{SymbolKind::enumeration, enumeration}, made);
    std::vector<ast::Name> names;
    for (const auto& one : node.cases) names.push_back(one.name);
    literals(names, enumeration, made);
  }

  void add(const ast::TableDecl& node) {
    const Index table = named(program_.tables, node.name.text);
    const int made = put({SymbolKind::table, table}, node.name, declaration_->span, declaration_->doc);
    columns(node.inputs, made);
    columns(node.outputs, made);
    if (table == none) return;
    const checked::Table& known = program_.tables[table];
    for (size_t i = 0; i < known.inputs.size() && i < node.inputs.size(); ++i) column_values(node.inputs[i], known.inputs[i].type, made);
    for (size_t i = 0; i < known.outputs.size() && i < node.outputs.size(); ++i) column_values(node.outputs[i], known.outputs[i].type, made);
  }

  void columns(const std::vector<ast::TableDecl::Column>& columns, int container) {
    for (const auto& column : columns) put({SymbolKind::parameter, none}, column.name, column.name.span, {}, container, column.name.text);
  }

  void column_values(const ast::TableDecl::Column& column, const checked::Type& type, int container) {
    if (column.type.kind == ast::TypeExpr::Kind::enumeration && type.kind == checked::TypeKind::enumeration) literals(column.type.literals, type.id, container);
  }

  void add(const ast::FunctionDecl& node) {
    const SymbolKey key = node.native ? SymbolKey{SymbolKind::native, named(program_.natives, node.name.text)}
                                      : SymbolKey{SymbolKind::function, named(program_.functions, node.name.text)};
    const int made = put(key, node.name, declaration_->span, declaration_->doc);
    for (const auto& parameter : node.parameters) {
      put({SymbolKind::parameter, none}, parameter.name, parameter.name.span, {}, made,
          parameter.name.text + " : " + std::string(snapshot_.sources.text(parameter.type.span)));
    }
  }

  void add(const ast::QueueDecl& node) {
    put({SymbolKind::queue, checked::find_queue(program_, node.name.text)}, node.name, declaration_->span, declaration_->doc);
  }

  void add(const ast::StrategyDecl& node) {
    const Index strategy = named(program_.strategies, node.name.text);
    const int made = put({SymbolKind::strategy, strategy}, node.name, declaration_->span, declaration_->doc);
    if (strategy == none) return;
    const checked::Strategy& known = program_.strategies[strategy];
    for (const ast::FieldDecl& variable : node.variables) {
      put({SymbolKind::variable, named(known.variables, variable.name.text), strategy}, variable.name, variable.span, variable.doc, made);
    }
    for (const auto& written : node.deadlines) deadline(*written, written->span, {}, made);
    for (const ast::StageDecl& stage : node.stages) {
      Index found = none;
      for (const Index candidate : known.stages) {
        if (program_.stages[candidate].name == stage.name.text) found = candidate;
      }
      const int place = put({SymbolKind::stage, found}, stage.name, stage.span, stage.doc, made);
      for (const auto& written : stage.deadlines) deadline(*written, written->span, {}, place);
    }
  }

  /// A hold goes by the event that stands for all that happens to it.
  void add(const ast::Part<ast::HoldDecl>& node) {
    put({SymbolKind::event, find_event(program_, node->name.text)}, node->name, declaration_->span, declaration_->doc);
  }

  void add(const ast::Part<ast::ApprovalDecl>& node) { request(node->name); }
  void add(const ast::Part<ast::QuotaDecl>& node) { request(node->name); }
  void add(const ast::Part<ast::AllocationDecl>& node) { request(node->name); }
  void request(const ast::Name& name) { put({SymbolKind::event, find_event(program_, name.text)}, name, declaration_->span, declaration_->doc); }

  void add(const ast::Part<ast::DeadlineDecl>& node) { deadline(*node, declaration_->span, declaration_->doc, -1); }
  void deadline(const ast::DeadlineDecl& node, Span whole, const std::string& doc, int container) {
    put({SymbolKind::event, find_event(program_, node.name.text)}, node.name, whole, doc, container);
  }

  template <class Other>
  void add(const Other&) {}

  Snapshot& snapshot_;
  const checked::Program& program_;
  const ast::Decl* declaration_ = nullptr;
  NameIndex names_;
};

}  // namespace

void collect_declarations(Snapshot& snapshot) {
  Collector collector(snapshot);
  for (const auto& tree : snapshot.trees) collector.collect(*tree);
}

}  // namespace dunlin::service
