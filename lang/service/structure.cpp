// Outline, folding, colours, lenses, ways between stages.
#include <algorithm>
#include <map>

#include "lang/service/features.h"

namespace dunlin::service {

namespace {

SymbolNode node_of(const Declared& declared) { return {declared.name, declared.head, declared.key.kind, false, declared.whole, declared.name_span, {}}; }

bool letters_in_order(std::string_view name, std::string_view query) {
  size_t at = 0;
  for (const char c : name) {
    if (at < query.size() && std::tolower(static_cast<unsigned char>(c)) == std::tolower(static_cast<unsigned char>(query[at]))) ++at;
  }
  return at == query.size();
}

}  // namespace

std::vector<SymbolNode> document_symbols(const Snapshot& snapshot, uint32_t file) {
  // Declarations stand behind the one around them: from the end, each can be moved into its container.
  std::map<int, SymbolNode> nodes;
  std::vector<SymbolNode> roots;
  for (int i = static_cast<int>(snapshot.declared.size()); i-- > 0;) {
    const Declared& declared = snapshot.declared[i];
    if (declared.name_span.file != file) continue;
    SymbolNode node = node_of(declared);
    if (const auto waiting = nodes.find(i); waiting != nodes.end()) node.children = std::move(waiting->second.children);
    std::reverse(node.children.begin(), node.children.end());
    if (declared.container >= 0) {
      nodes[declared.container].children.push_back(std::move(node));
    } else {
      roots.push_back(std::move(node));
    }
  }
  std::reverse(roots.begin(), roots.end());
  if (const ast::File* tree = snapshot.tree(file)) {
    for (const ast::Decl& declaration : tree->declarations) {
      if (const auto* test = std::get_if<ast::TestDecl>(&declaration.node)) {
        roots.push_back({test->title, "test", SymbolKind::function, true, declaration.span, declaration.span, {}});
      }
    }
  }
  std::stable_sort(roots.begin(), roots.end(), [](const SymbolNode& a, const SymbolNode& b) { return a.whole.begin < b.whole.begin; });
  return roots;
}

std::vector<SymbolNode> workspace_symbols(const Snapshot& snapshot, const std::string& query, size_t limit) {
  std::vector<SymbolNode> found;
  for (const Declared& declared : snapshot.declared) {
    if (found.size() >= limit) break;
    if (declared.key.index < 0 || declared.key.kind == SymbolKind::parameter || snapshot.is_library(declared.name_span.file)) continue;
    if (letters_in_order(declared.name, query)) found.push_back(node_of(declared));
  }
  return found;
}

std::vector<Fold> folds(const Snapshot& snapshot, uint32_t file) {
  std::vector<Fold> found;
  const std::string_view text = snapshot.sources.text(file);
  std::vector<uint32_t> open;
  uint32_t comment_begin = 0, comment_end = 0;
  size_t comments = 0;
  const auto end_comment = [&] {
    if (comments > 1) found.push_back({comment_begin, comment_end, true});
    comments = 0;
  };
  for (const Word& word : read_words(snapshot.sources, file)) {
    const std::string_view written = text.substr(word.begin, word.end - word.begin);
    if (word.kind == WordKind::comment || word.kind == WordKind::doc) {
      if (comments++ == 0) comment_begin = word.begin;
      comment_end = word.end;
      continue;
    }
    if (word.kind == WordKind::line_end) continue;
    end_comment();
    if (word.kind != WordKind::punctuation) continue;
    if (written == "{") open.push_back(word.begin);
    if (written == "}" && !open.empty()) {
      if (text.substr(open.back(), word.begin - open.back()).find('\n') != std::string_view::npos) found.push_back({open.back(), word.begin, false});
      open.pop_back();
    }
  }
  end_comment();
  return found;
}

// ---- colours ----

const std::vector<std::string>& semantic_token_types() {
  static const std::vector<std::string> types = {"keyword",   "type",  "property",  "enumMember", "event",  "function", "variable",
                                                 "parameter", "class", "namespace", "string",     "number", "comment"};
  return types;
}

namespace {

enum Colour : uint32_t { keyword, type, property, enum_member, event, function, variable, parameter, klass, name_space, string, number, comment };

uint32_t colour_of(SymbolKind kind) {
  switch (kind) {
    case SymbolKind::entity:
    case SymbolKind::children:
      return klass;
    case SymbolKind::enumeration:
    case SymbolKind::record:
      return type;
    case SymbolKind::field:
    case SymbolKind::derived:
    case SymbolKind::record_field:
    case SymbolKind::event_field:
      return property;
    case SymbolKind::literal:
      return enum_member;
    case SymbolKind::event:
      return event;
    case SymbolKind::function:
    case SymbolKind::native:
    case SymbolKind::builtin:
    case SymbolKind::table:
      return function;
    case SymbolKind::queue:
    case SymbolKind::strategy:
    case SymbolKind::stage:
      return name_space;
    case SymbolKind::parameter:
      return parameter;
    default:
      return variable;
  }
}

}  // namespace

std::vector<SemanticToken> semantic_tokens(const Snapshot& snapshot, uint32_t file) {
  std::map<uint32_t, SemanticToken> by_place;
  for (const Declared& declared : snapshot.declared) {
    if (declared.name_span.file == file) by_place[declared.name_span.begin] = {declared.name_span, colour_of(declared.key.kind), 1};
  }
  const auto first = std::lower_bound(snapshot.uses.begin(), snapshot.uses.end(), file, [](const NamedUse& use, uint32_t f) { return use.span.file < f; });
  for (auto use = first; use != snapshot.uses.end() && use->span.file == file; ++use) {
    const Declared* declaration = snapshot.declaration(use->key);
    const uint32_t modifiers = declaration && snapshot.is_library(declaration->name_span.file) ? 2 : 0;
    by_place.emplace(use->span.begin, SemanticToken{use->span, colour_of(use->key.kind), modifiers});
  }
  for (const Word& word : read_words(snapshot.sources, file)) {
    const Span span{file, word.begin, word.end};
    // A soft word is coloured as a word of the language unless it is a name where it stands.
    if (word.kind == WordKind::reserved || word.kind == WordKind::soft) by_place.emplace(word.begin, SemanticToken{span, keyword, 0});
    if (word.kind == WordKind::number || word.kind == WordKind::moment) by_place.emplace(word.begin, SemanticToken{span, number, 0});
    if (word.kind == WordKind::comment || word.kind == WordKind::doc) by_place.emplace(word.begin, SemanticToken{span, comment, 0});
  }
  std::vector<SemanticToken> tokens;
  uint32_t end = 0;
  for (const auto& [begin, token] : by_place) {
    if (begin < end) continue;
    tokens.push_back(token);
    end = token.span.end;
  }
  return tokens;
}

std::vector<Lens> lenses(const Snapshot& snapshot, uint32_t file) {
  std::vector<Lens> found;
  const ast::File* tree = snapshot.tree(file);
  if (!tree) return found;
  for (const ast::Decl& declaration : tree->declarations) {
    if (const auto* test = std::get_if<ast::TestDecl>(&declaration.node)) found.push_back({Lens::Kind::test, declaration.span, test->title});
    if (const auto* strategy = std::get_if<ast::StrategyDecl>(&declaration.node)) {
      for (const ast::StageDecl& stage : strategy->stages) {
        found.push_back({Lens::Kind::stage, stage.name.span, strategy->name.text + "." + stage.name.text});
      }
    }
  }
  return found;
}

// ---- ways between stages ----

namespace {

void add_call(std::vector<StageCall>& calls, int stage, Span place) {
  if (stage < 0) return;
  auto found = std::find_if(calls.begin(), calls.end(), [&](const StageCall& call) { return call.stage == stage; });
  if (found == calls.end()) {
    calls.push_back({stage, {}});
    found = calls.end() - 1;
  }
  found->places.push_back(place);
}

/// Calls `visit(from stage, to stage, place)` for each `go` that names a stage or a strategy. Rules of a strategy act in each of its stages.
template <class Visit>
void each_way(const checked::Program& program, Visit visit) {
  const auto rules = [&](const std::vector<checked::Rule>& list, const std::vector<checked::Index>& from) {
    for (const checked::Rule& rule : list) {
      for (const checked::Action& action : rule.actions) {
        checked::Index to = checked::none;
        if (action.kind == checked::Action::Kind::go) to = action.stage;
        if (action.kind == checked::Action::Kind::enter_strategy && action.strategy >= 0 && !program.strategies[action.strategy].stages.empty()) {
          to = program.strategies[action.strategy].stages.front();
        }
        if (to == checked::none) continue;
        for (const checked::Index stage : from) visit(stage, to, action.span);
      }
    }
  };
  for (size_t stage = 0; stage < program.stages.size(); ++stage) rules(program.stages[stage].rules, {static_cast<checked::Index>(stage)});
  for (const checked::Strategy& strategy : program.strategies) {
    std::vector<checked::Index> open;
    for (const checked::Index stage : strategy.stages) {
      if (!program.stages[stage].is_final) open.push_back(stage);
    }
    rules(strategy.rules, open);
  }
}

}  // namespace

int stage_at(const Snapshot& snapshot, uint32_t file, uint32_t offset) {
  if (const NamedUse* use = snapshot.use_at(file, offset); use && use->key.kind == SymbolKind::stage) return use->key.index;
  if (const Declared* declared = snapshot.declared_at(file, offset); declared && declared->key.kind == SymbolKind::stage) return declared->key.index;
  return -1;
}

std::vector<StageCall> incoming_calls(const Snapshot& snapshot, int stage) {
  std::vector<StageCall> calls;
  each_way(*snapshot.program, [&](int from, int to, Span place) {
    if (to == stage) add_call(calls, from, place);
  });
  return calls;
}

std::vector<StageCall> outgoing_calls(const Snapshot& snapshot, int stage) {
  std::vector<StageCall> calls;
  each_way(*snapshot.program, [&](int from, int to, Span place) {
    if (from == stage) add_call(calls, to, place);
  });
  return calls;
}

}  // namespace dunlin::service
