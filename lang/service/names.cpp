// Definition, references, renaming.
#include <algorithm>
#include <unordered_set>

#include "lang/sema/context.h"
#include "lang/service/features.h"

namespace dunlin::service {

namespace {

/// What a name stands for: the place where it is declared. Two keys that one declaration makes (a segmentation is a field and its values) are one.
struct Identity {
  Span declared;
  std::string name;  // as it is declared
  bool children = false;
  SymbolKey key;
};

bool is_local(const SymbolKey& key) { return key.kind == SymbolKind::local || key.kind == SymbolKind::parameter; }

std::optional<Span> declared_span(const Snapshot& snapshot, const SymbolKey& key) {
  if (is_local(key)) {
    if (key.owner < 0) return std::nullopt;
    const auto begin = static_cast<uint32_t>(key.index);
    const auto file = static_cast<uint32_t>(key.owner);
    const std::string_view text = snapshot.sources.text(file);
    uint32_t end = begin;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_' || (text[end] & 0x80))) ++end;
    return Span{file, begin, end};
  }
  const Declared* declaration = snapshot.declaration(key);
  if (!declaration) return std::nullopt;
  return declaration->name_span;
}

std::optional<Identity> identity_at(const Snapshot& snapshot, uint32_t file, uint32_t offset, Span* here = nullptr) {
  if (const NamedUse* use = snapshot.use_at(file, offset)) {
    const auto declared = declared_span(snapshot, use->key);
    if (!declared) return std::nullopt;
    if (here) *here = use->span;
    return Identity{*declared, std::string(snapshot.sources.text(*declared)), use->key.kind == SymbolKind::children, use->key};
  }
  if (const Declared* declaration = snapshot.declared_at(file, offset)) {
    if (here) *here = declaration->name_span;
    return Identity{declaration->name_span, declaration->name, false, declaration->key};
  }
  return std::nullopt;
}

std::vector<const NamedUse*> uses_of(const Snapshot& snapshot, const Identity& identity) {
  std::vector<const NamedUse*> found;
  for (const NamedUse& use : snapshot.uses) {
    const auto declared = declared_span(snapshot, use.key);
    if (declared && *declared == identity.declared && use.span != identity.declared) found.push_back(&use);
  }
  return found;
}

std::string without_quotes(std::string_view text) {
  if (text.size() >= 2 && text.front() == '`') return std::string(text.substr(1, text.size() - 2));
  return std::string(text);
}

/// One word that the lexer reads as a name; reserved words get backquotes.
std::optional<std::string> as_name(const std::string& name) {
  SourceMap sources;
  if (find_invalid_utf8(name) != std::string::npos) return std::nullopt;
  const auto words = read_words(sources, sources.add("name", name));
  if (words.size() != 1 || words[0].end != name.size() || words[0].begin != 0) return std::nullopt;
  if (words[0].kind == WordKind::reserved) return "`" + name + "`";
  if (words[0].kind == WordKind::name || words[0].kind == WordKind::soft) return name;
  return std::nullopt;
}

}  // namespace

std::optional<Span> definition(const Snapshot& snapshot, uint32_t file, uint32_t offset) {
  const auto identity = identity_at(snapshot, file, offset);
  if (!identity) return std::nullopt;
  return identity->declared;
}

std::vector<Span> references(const Snapshot& snapshot, uint32_t file, uint32_t offset, bool with_declaration) {
  std::vector<Span> places;
  const auto identity = identity_at(snapshot, file, offset);
  if (!identity) return places;
  if (with_declaration) places.push_back(identity->declared);
  for (const NamedUse* use : uses_of(snapshot, *identity)) places.push_back(use->span);
  return places;
}

std::optional<Span> renamable(const Snapshot& snapshot, uint32_t file, uint32_t offset) {
  Span here;
  const auto identity = identity_at(snapshot, file, offset, &here);
  if (!identity || snapshot.is_library(identity->declared.file) || identity->children) return std::nullopt;
  return here;
}

std::expected<std::vector<Edit>, std::string> rename(const Snapshot& snapshot, uint32_t file, uint32_t offset, const std::string& name) {
  const auto identity = identity_at(snapshot, file, offset);
  if (!identity) return std::unexpected("there is no name here that can be renamed");
  if (snapshot.is_library(identity->declared.file)) return std::unexpected("`" + identity->name + "` belongs to the standard library");
  if (identity->children) return std::unexpected("this list is named after its entity: rename the entity");
  const auto written = as_name(name);
  if (!written) return std::unexpected("`" + name + "` cannot be a name");
  const std::string old = without_quotes(snapshot.sources.text(identity->declared));
  for (const Declared& other : snapshot.declared) {
    const Declared* own = snapshot.declaration(identity->key);
    const bool same_room = own && other.container == own->container && other.key.owner == own->key.owner;
    if (same_room && other.name == name && other.name_span != identity->declared) return std::unexpected("there is another `" + name + "` here");
  }
  std::vector<Edit> edits{{identity->declared, *written}};
  for (const NamedUse* use : uses_of(snapshot, *identity)) {
    if (use->key.kind == SymbolKind::children) {
      if (without_quotes(snapshot.sources.text(use->span)) == sema::plural(old)) edits.push_back({use->span, sema::plural(name)});
    } else if (without_quotes(snapshot.sources.text(use->span)) == old) {  // not by another name: an outcome's alias
      edits.push_back({use->span, *written});
    }
  }
  // `extend account` and the like name the entity once more; they stand among the uses.
  return edits;
}

}  // namespace dunlin::service
