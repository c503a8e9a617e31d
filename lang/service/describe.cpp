// Hover, signatures, inlay hints.
#include <algorithm>
#include <unordered_map>

#include "lang/sema/signatures.h"
#include "lang/service/features.h"

namespace dunlin::service {

namespace {

using checked::Type;
using checked::TypeKind;

std::string slot_text(const checked::Program& program, const sema::Signature::Slot& slot) {
  return slot.generic ? std::string("T") : checked::type_name(program, slot.type);
}

Signature signature_of(const checked::Program& program, const sema::Signature& builtin) {
  Signature made;
  made.label = builtin.name + "(";
  for (size_t i = 0; i < builtin.parameters.size(); ++i) {
    if (i > 0) made.label += ", ";
    const auto begin = static_cast<uint32_t>(made.label.size());
    made.label += slot_text(program, builtin.parameters[i]);
    made.parameters.emplace_back(begin, static_cast<uint32_t>(made.label.size()));
  }
  made.label += ") -> " + slot_text(program, builtin.result);
  made.documentation = builtin.documentation + "\n\n`" + builtin.example + "` is `" + builtin.example_result + "`";
  return made;
}

/// The parameters inside the first brackets of a declaration's head: "table offer(balance : money, risk : risk) -> (…)".
Signature signature_of(const Declared& declared) {
  Signature made{declared.head, {}, declared.doc, 0};
  const size_t open = declared.head.find('(');
  if (open == std::string::npos) return made;
  int depth = 0;
  size_t begin = open + 1;
  for (size_t i = open; i < declared.head.size(); ++i) {
    const char c = declared.head[i];
    if (c == '(' || c == '{' || c == '[') ++depth;
    if (c == ')' || c == '}' || c == ']') --depth;
    const bool ends = (c == ',' && depth == 1) || (c == ')' && depth == 0);
    if (!ends) continue;
    while (begin < i && declared.head[begin] == ' ') ++begin;
    if (i > begin) made.parameters.emplace_back(static_cast<uint32_t>(begin), static_cast<uint32_t>(i));
    begin = i + 1;
    if (depth == 0) break;
  }
  return made;
}

const char* kind_name(const SymbolKey& key) {
  switch (key.kind) {
    case SymbolKind::entity:
      return "entity";
    case SymbolKind::children:
      return "list";
    case SymbolKind::field:
      return "stored field";
    case SymbolKind::derived:
      return "derived field";
    case SymbolKind::enumeration:
      return "enumeration";
    case SymbolKind::literal:
      return "value";
    case SymbolKind::record:
      return "record";
    case SymbolKind::record_field:
      return "field of a record";
    case SymbolKind::event:
      return "event";
    case SymbolKind::event_field:
      return "field of an event";
    case SymbolKind::setting:
      return "parameter of the bundle";
    case SymbolKind::function:
      return "function";
    case SymbolKind::native:
      return "native function";
    case SymbolKind::table:
      return "table";
    case SymbolKind::queue:
      return "queue";
    case SymbolKind::strategy:
      return "strategy";
    case SymbolKind::stage:
      return "stage";
    case SymbolKind::variable:
      return "variable";
    case SymbolKind::parameter:
      return "parameter";
    case SymbolKind::local:
      return "local name";
    case SymbolKind::builtin:
      return "function of the language";
  }
  return "";
}

template <class List>
bool holds(const List& list, int32_t index) {
  return index >= 0 && static_cast<size_t>(index) < list.size();
}

/// The type of what a key names; error if it has none.
Type type_of_key(const checked::Program& program, const SymbolKey& key) {
  switch (key.kind) {
    case SymbolKind::field:
      if (holds(program.entities, key.owner) && holds(program.entities[key.owner].fields, key.index)) return program.entities[key.owner].fields[key.index].type;
      break;
    case SymbolKind::derived:
      if (holds(program.entities, key.owner) && holds(program.entities[key.owner].derived, key.index))
        return program.entities[key.owner].derived[key.index].type;
      break;
    case SymbolKind::event_field:
      if (holds(program.events, key.owner) && holds(program.events[key.owner].fields, key.index)) return program.events[key.owner].fields[key.index].type;
      break;
    case SymbolKind::setting:
      if (holds(program.settings, key.index)) return program.settings[key.index].type;
      break;
    case SymbolKind::variable:
      if (holds(program.strategies, key.owner) && holds(program.strategies[key.owner].variables, key.index)) {
        return program.strategies[key.owner].variables[key.index].type;
      }
      break;
    default:
      break;
  }
  return {};
}

std::string markdown_of(const Snapshot& snapshot, const SymbolKey& key, Type type, std::string_view written) {
  const checked::Program& program = *snapshot.program;
  std::string text;
  std::string doc;
  if (key.kind == SymbolKind::builtin && holds(sema::builtin_signatures(), key.index)) {
    const Signature signature = signature_of(program, sema::builtin_signatures()[key.index]);
    text = signature.label;
    doc = signature.documentation;
  } else if (const Declared* declared = snapshot.declaration(key)) {
    text = declared->head;
    doc = declared->doc;
    if (declared->container >= 0 && (key.kind == SymbolKind::field || key.kind == SymbolKind::derived || key.kind == SymbolKind::stage)) {
      doc = "in `" + snapshot.declared[declared->container].name + "`" + (doc.empty() ? "" : "\n\n" + doc);
    }
  } else {
    text = std::string(written);
  }
  if (type.is_error()) type = type_of_key(program, key);
  std::string result = "```dunlin\n" + text + "\n```\n" + kind_name(key);
  if (!type.is_error()) {
    result += ", `" + checked::type_name(program, type) + "`";
    if (type.optional) result += ": may be missing";
  }
  if (!doc.empty()) result += "\n\n" + doc;
  return result;
}

}  // namespace

std::optional<Hover> hover(const Snapshot& snapshot, uint32_t file, uint32_t offset) {
  if (const NamedUse* use = snapshot.use_at(file, offset)) {
    return Hover{use->span, markdown_of(snapshot, use->key, use->type, snapshot.sources.text(use->span))};
  }
  if (const Declared* declared = snapshot.declared_at(file, offset)) {
    if (declared->key.index < 0)
      return Hover{declared->name_span, "```dunlin\n" + declared->head + "\n```" + (declared->doc.empty() ? "" : "\n\n" + declared->doc)};
    return Hover{declared->name_span, markdown_of(snapshot, declared->key, {}, declared->name)};
  }
  return std::nullopt;
}

// ---- signatures ----

namespace {

/// The call whose brackets stand open at the end of `words`, and which argument that is.
struct OpenCall {
  std::string name;
  uint32_t argument = 0;
};

std::optional<OpenCall> open_call(std::string_view text, const std::vector<Word>& words, uint32_t offset) {
  struct Open {
    bool call;
    std::string name;
    uint32_t argument;
  };
  std::vector<Open> open;
  std::string previous;
  bool previous_is_name = false;
  for (const Word& word : words) {
    if (word.begin >= offset) break;
    const std::string_view written = text.substr(word.begin, word.end - word.begin);
    if (word.kind == WordKind::line_end || word.kind == WordKind::comment || word.kind == WordKind::doc) continue;
    if (word.kind == WordKind::punctuation) {
      if (written == "(" || written == "[" || written == "{") open.push_back({written == "(" && previous_is_name, previous, 0});
      if ((written == ")" || written == "]" || written == "}") && !open.empty()) open.pop_back();
      if (written == "," && !open.empty()) ++open.back().argument;
      previous_is_name = false;
    } else {
      previous = written;
      previous_is_name = word.kind == WordKind::name || word.kind == WordKind::soft;
    }
  }
  while (!open.empty() && open.back().name.empty() && !open.back().call) open.pop_back();
  if (open.empty() || !open.back().call) return std::nullopt;
  return OpenCall{open.back().name, open.back().argument};
}

}  // namespace

std::optional<Signature> signature_help(const Snapshot& snapshot, std::string_view text, uint32_t offset) {
  SourceMap sources;
  const uint32_t copy = sources.add("text", std::string(text));
  const auto call = open_call(sources.text(copy), read_words(sources, copy), offset);
  if (!call) return std::nullopt;
  std::optional<Signature> found;
  for (const Declared& declared : snapshot.declared) {
    const bool callable = declared.key.kind == SymbolKind::function || declared.key.kind == SymbolKind::native || declared.key.kind == SymbolKind::table;
    if (callable && declared.name == call->name) found = signature_of(declared);
  }
  if (!found) {
    if (const auto builtin = sema::find_builtin(call->name)) found = signature_of(*snapshot.program, sema::builtin_signatures()[*builtin]);
  }
  if (!found) return std::nullopt;
  found->active = call->argument;
  return found;
}

// ---- inlay hints ----

std::vector<InlayHint> inlay_hints(const Snapshot& snapshot, uint32_t file, uint32_t begin, uint32_t end) {
  std::vector<InlayHint> hints;
  for (const Declared& declared : snapshot.declared) {
    if (declared.key.kind != SymbolKind::derived || declared.name_span.file != file) continue;
    if (declared.name_span.end < begin || declared.name_span.begin > end) continue;
    const std::string_view written = snapshot.sources.text(declared.whole);
    if (written.starts_with("segmentation")) continue;
    size_t behind = declared.name_span.end - declared.whole.begin;
    while (behind < written.size() && written[behind] == ' ') ++behind;
    if (behind >= written.size() || written[behind] != '=') continue;  // the type is stated
    const Type type = type_of_key(*snapshot.program, declared.key);
    if (!type.is_error()) hints.push_back({declared.name_span.end, " : " + checked::type_name(*snapshot.program, type), {}});
  }
  return hints;
}

}  // namespace dunlin::service
