// Every use of a declared name: those inside expressions come from the checker, the rest (types, owners, queues, events, stages) is read off the tree.
#include <algorithm>

#include "lang/service/name_index.h"
#include "lang/service/snapshot.h"
#include "lang/syntax/ast_department.h"

namespace dunlin::service {

namespace {

using checked::find_entity;
using checked::Index;
using checked::none;

class Reader {
 public:
  explicit Reader(Snapshot& snapshot) : snapshot_(snapshot), program_(*snapshot.program) {}

  void read(const ast::File& file) {
    for (const ast::Decl& declaration : file.declarations) std::visit([&](const auto& node) { add(node); }, declaration.node);
  }

 private:
  template <class List>
  Index named(const List& list, const std::string& name) {
    return names_.find(list, name);
  }
  /// By its full name or its short one.
  Index find_event(const checked::Program& program, const std::string& name) {
    if (const Index full = names_.find(program.events, name); full != none) return full;
    if (aliases_.empty()) {
      for (size_t i = 0; i < program.events.size(); ++i) aliases_.emplace(program.events[i].alias, static_cast<Index>(i));
      aliases_.emplace("", none);
    }
    const auto found = aliases_.find(name);
    return found == aliases_.end() || name.empty() ? none : found->second;
  }

  void use(Span span, SymbolKey key) {
    if (key.index != none && span.known()) snapshot_.uses.push_back({span, key, {}});
  }

  void entity(const ast::Name& name) { use(name.span, {SymbolKind::entity, find_entity(program_, name.text)}); }
  void entity(const std::optional<ast::Name>& name) {
    if (name) entity(*name);
  }

  /// Each part of `call.reached.debtor` stands for an event of its own.
  void event(const ast::Path& path) {
    std::string text;
    for (const ast::Name& part : path.parts) {
      text += (text.empty() ? "" : ".") + part.text;
      use(part.span, {SymbolKind::event, find_event(program_, text)});
    }
  }

  void queue(const ast::Path& path) { use(path.span, {SymbolKind::queue, checked::find_queue(program_, path.text())}); }

  void strategy(const ast::Name& name) { use(name.span, {SymbolKind::strategy, named(program_.strategies, name.text)}); }

  /// `calling`, `hard.triage`, or a strategy.
  void stage(const ast::Path& path) {
    if (path.parts.empty()) return;
    const std::string& name = path.parts.back().text;
    if (path.parts.size() == 2) strategy(path.parts.front());
    Index found = none;
    int fitting = 0;
    for (size_t i = 0; i < program_.stages.size(); ++i) {
      const checked::Stage& candidate = program_.stages[i];
      if (candidate.name != name) continue;
      const bool here = path.parts.size() == 1 ? candidate.strategy == strategy_ : program_.strategies[candidate.strategy].name == path.parts.front().text;
      if (here) return use(path.parts.back().span, {SymbolKind::stage, static_cast<Index>(i)});
      found = static_cast<Index>(i);
      ++fitting;
    }
    if (path.parts.size() != 1) return;
    if (fitting == 1) return use(path.parts.back().span, {SymbolKind::stage, found});
    strategy(path.parts.front());
  }

  void type(const ast::TypeExpr& type) {
    if (type.kind == ast::TypeExpr::Kind::list && type.element) return this->type(*type.element);
    if (type.kind != ast::TypeExpr::Kind::named) return;
    const std::string name = type.name.text();
    if (const Index record = named(program_.records, name); record != none) return use(type.name.span, {SymbolKind::record, record});
    if (const Index found = find_entity(program_, name); found != none) return use(type.name.span, {SymbolKind::entity, found});
    Index enumeration = named(program_.enums, name);
    if (enumeration == none) {  // of a field: `account.product`
      if (field_enums_.empty()) {
        for (size_t i = 0; i < program_.enums.size(); ++i) {
          const std::string& full = program_.enums[i].name;
          field_enums_.emplace(full.substr(full.rfind('.') + 1), static_cast<Index>(i));
        }
        field_enums_.emplace("", none);
      }
      if (const auto found = field_enums_.find(name); found != field_enums_.end()) enumeration = found->second;
    }
    use(type.name.span, {SymbolKind::enumeration, enumeration});
    if (type.name.parts.size() == 2) {  // call.outcome
      ast::Path first;
      first.parts = {type.name.parts.front()};
      event(first);
    }
  }

  void fields(const std::vector<ast::FieldDecl>& fields) {
    for (const ast::FieldDecl& field : fields) {
      if (field.type) type(*field.type);
    }
  }

  // ---- declarations ----

  void add(const ast::ParameterDecl& node) { type(node.type); }
  void add(const ast::TypeDecl& node) { fields(node.type.fields); }
  void add(const ast::EntityDecl& node) {
    entity(node.parent);
    fields(node.fields);
  }
  void add(const ast::ExtendDecl& node) {
    entity(node.entity);
    fields(node.fields);
  }
  void add(const ast::EventDecl& node) {
    entity(node.owner);
    if (node.cancels) event(*node.cancels);
    fields(node.fields);
  }
  void add(const ast::SegmentationDecl& node) { entity(node.entity); }
  void add(const ast::TableDecl& node) {
    for (const auto& column : node.inputs) type(column.type);
    for (const auto& column : node.outputs) type(column.type);
    header(node);
  }
  /// The names above the rows are the columns' names once more.
  void header(const ast::TableDecl& node) {
    for (const ast::Name& name : node.header) {
      for (const auto* columns : {&node.inputs, &node.outputs}) {
        for (const auto& column : *columns) {
          if (column.name.text == name.text) local(name.span, SymbolKind::parameter, column.name.span);
        }
      }
    }
  }
  void add(const ast::FunctionDecl& node) {
    for (const auto& parameter : node.parameters) type(parameter.type);
    type(node.result);
  }
  void outcomes(const std::vector<ast::OutcomeNode>& nodes) {
    for (const ast::OutcomeNode& node : nodes) {
      fields(node.fields);
      outcomes(node.children);
    }
  }
  void add(const ast::OutcomesDecl& node) {
    entity(node.owner);
    outcomes(node.roots);
  }
  void add(const ast::QueueDecl& node) {
    if (node.outcomes) event(*node.outcomes);
    if (node.counts_as) queue(*node.counts_as);
    fields(node.fields);
  }
  void add(const ast::StrategyDecl& node) {
    entity(node.entity);
    for (const ast::Path& path : node.before) {
      if (path.parts.size() == 1) strategy(path.parts.front());
    }
    strategy_ = named(program_.strategies, node.name.text);
    fields(node.variables);
    rules(node.rules);
    deadlines(node.deadlines);
    for (const ast::StageDecl& stage : node.stages) {
      rules(stage.rules);
      deadlines(stage.deadlines);
    }
    strategy_ = none;
  }
  void add(const ast::AlwaysDecl& node) {
    entity(node.entity);
    rules(node.rules);
  }
  void add(const ast::TestDecl& node) {
    for (const ast::TestGiven& given : node.given) entity(given.entity);
    for (const ast::TestStep& step : node.steps) {
      if (step.event) event(*step.event);
      for (const ast::TestExpect& expect : step.expects) {
        if (expect.kind == ast::TestExpect::Kind::stage) stage(expect.target);
        using Kind = ast::TestExpect::Kind;
        if (expect.kind == Kind::task || expect.kind == Kind::no_task || expect.kind == Kind::withheld) queue(expect.target);
      }
    }
  }
  void add(const ast::Part<ast::HoldDecl>& node) {
    entity(node->entity);
    for (const auto* kinds : {&node->stops, &node->except}) {
      for (const ast::ContactKind& kind : *kinds) queue(kind.queue);
    }
  }
  void add(const ast::Part<ast::DeadlineDecl>& node) {
    entity(node->entity);
    deadlines({node});
  }
  template <class Other>
  void add(const Other&) {}

  // ---- rules ----

  void deadlines(const std::vector<ast::Part<ast::DeadlineDecl>>& list) {
    for (const auto& deadline : list) {
      for (const auto& warning : deadline->warnings) {
        for (const ast::Action& one : warning.actions) action(one);
      }
      for (const ast::Action& one : deadline->missed) action(one);
    }
  }

  void rules(const std::vector<ast::Rule>& rules) {
    for (const ast::Rule& rule : rules) {
      for (const ast::Path& path : rule.events) event(path);
      if (rule.in_strategy) strategy(*rule.in_strategy);
      if (rule.keep) queue(rule.keep->queue);
      for (const ast::Action& action : rule.actions) this->action(action);
    }
  }

  void action(const ast::Action& action) {
    using Kind = ast::Action::Kind;
    switch (action.kind) {
      case Kind::go:
        if (action.go.kind == ast::GoTarget::Kind::stage) stage(action.go.stage);
        break;
      case Kind::task:
      case Kind::cancel:
        queue(action.target);
        break;
      case Kind::raise:
        event(action.target);
        break;
      case Kind::open:
        if (!action.target.parts.empty()) entity(action.target.parts.back());
        break;
      case Kind::set:
        if (strategy_ != none && action.target.parts.size() == 1) {
          use(action.target.span, {SymbolKind::variable, named(program_.strategies[strategy_].variables, action.target.text()), strategy_});
        }
        break;
      default:
        break;
    }
  }

  void local(Span span, SymbolKind kind, Span declared) {
    snapshot_.uses.push_back({span, {kind, static_cast<int32_t>(declared.begin), static_cast<int32_t>(declared.file)}, {}});
  }

  Snapshot& snapshot_;
  const checked::Program& program_;
  Index strategy_ = none;
  NameIndex names_;
  std::unordered_map<std::string, Index> aliases_, field_enums_;
};

/// The last word of `a.b.c`.
Span last_word(const SourceMap& sources, Span span) {
  const std::string_view text = sources.text(span);
  size_t from = 0;
  if (!text.empty() && text.back() == '`') {
    from = text.rfind('`', text.size() - 2);
  } else if (const size_t dot = text.rfind('.'); dot != std::string_view::npos) {
    from = dot + 1;
    while (from < text.size() && (text[from] == ' ' || text[from] == '\n' || text[from] == '\r' || text[from] == '\t')) ++from;
  }
  if (from == std::string_view::npos) from = 0;
  return {span.file, span.begin + static_cast<uint32_t>(from), span.end};
}

/// Parameters are told apart by where they are declared: the function or table around the use.
class Parameters {
 public:
  explicit Parameters(const Snapshot& snapshot) : snapshot_(snapshot) {
    for (size_t i = 0; i < snapshot.declared.size(); ++i) {
      if (snapshot.declared[i].key.kind == SymbolKind::parameter) by_name_[snapshot.declared[i].name].push_back(i);
    }
  }

  std::optional<Span> declared(Span use) const {
    const auto found = by_name_.find(std::string(snapshot_.sources.text(use)));
    if (found == by_name_.end()) return std::nullopt;
    for (const size_t i : found->second) {
      const Declared& parameter = snapshot_.declared[i];
      if (parameter.container < 0) continue;
      const Span around = snapshot_.declared[parameter.container].whole;
      if (around.file == use.file && around.begin <= use.begin && use.end <= around.end) return parameter.name_span;
    }
    return std::nullopt;
  }

 private:
  const Snapshot& snapshot_;
  std::unordered_map<std::string, std::vector<size_t>> by_name_;
};

}  // namespace

void collect_uses(Snapshot& snapshot, std::vector<sema::Use> from_checker) {
  Reader reader(snapshot);
  for (const auto& tree : snapshot.trees) reader.read(*tree);
  const Parameters parameters(snapshot);
  for (sema::Use& use : from_checker) {
    if (!use.span.known()) continue;
    NamedUse named{last_word(snapshot.sources, use.span), use.key, use.type};
    if (use.key.kind == SymbolKind::parameter) {
      const auto declared = parameters.declared(named.span);
      if (declared) use.declared = *declared;
    }
    if (use.key.kind == SymbolKind::parameter || use.key.kind == SymbolKind::local) {
      named.key = {use.key.kind, static_cast<int32_t>(use.declared.begin), use.declared.known() ? static_cast<int32_t>(use.declared.file) : none};
    }
    snapshot.uses.push_back(named);
  }
  const auto place = [](const NamedUse& use) { return std::tuple(use.span.file, use.span.begin, use.span.end, use.key); };
  std::stable_sort(snapshot.uses.begin(), snapshot.uses.end(), [&](const NamedUse& a, const NamedUse& b) { return place(a) < place(b); });
  snapshot.uses.erase(std::unique(snapshot.uses.begin(), snapshot.uses.end(), [&](const NamedUse& a, const NamedUse& b) { return place(a) == place(b); }),
                      snapshot.uses.end());
}

}  // namespace dunlin::service
