// What an editor asks about a bundle. Every answer is a pure function of a snapshot and a place; nothing here reads files or speaks a protocol.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "lang/service/snapshot.h"

namespace dunlin::service {

// ---- names ----

/// Where the name at `offset` is declared; empty for what the language has built in.
std::optional<Span> definition(const Snapshot& snapshot, uint32_t file, uint32_t offset);
/// All places of the name at `offset`, its declaration first if it is wanted.
std::vector<Span> references(const Snapshot& snapshot, uint32_t file, uint32_t offset, bool with_declaration);

struct Edit {
  Span span;
  std::string text;
};
/// The name at `offset` if it can be renamed, with its place.
std::optional<Span> renamable(const Snapshot& snapshot, uint32_t file, uint32_t offset);
/// Edits in all files; fails with one sentence if the name belongs to the library, cannot be a name, or is taken.
std::expected<std::vector<Edit>, std::string> rename(const Snapshot& snapshot, uint32_t file, uint32_t offset, const std::string& name);

// ---- explanations ----

struct Hover {
  Span span;
  std::string markdown;
};
std::optional<Hover> hover(const Snapshot& snapshot, uint32_t file, uint32_t offset);

struct Signature {
  std::string label;                                      // "days(date, date) -> int"
  std::vector<std::pair<uint32_t, uint32_t>> parameters;  // bytes in the label
  std::string documentation;
  uint32_t active = 0;
};
std::optional<Signature> signature_help(const Snapshot& snapshot, std::string_view text, uint32_t offset);

struct InlayHint {
  enum class Kind : uint8_t { type, limit };
  uint32_t offset = 0;
  std::string text;
  std::string markdown;  // more of it, for who looks closer; may be empty
  Kind kind = Kind::type;
};
/// Types of derived fields and `let`s that state none.
std::vector<InlayHint> inlay_hints(const Snapshot& snapshot, uint32_t file, uint32_t begin, uint32_t end);
/// Beside each task that the rules ask for: the lines of `limits` that its queue is under. What depends on dates says so; nothing is known of today.
std::vector<InlayHint> limit_hints(const Snapshot& snapshot, uint32_t file, uint32_t begin, uint32_t end);

// ---- completion ----

enum class ItemKind : uint8_t { keyword, value, field, function, type, event, queue, stage, strategy, literal, variable, module, snippet };
struct CompletionItem {
  std::string label;
  ItemKind kind = ItemKind::keyword;
  std::string detail;  // its type, or how it is declared
  std::string documentation;
  std::string insert;  // empty: the label; may have tab stops ($1) if `snippet`
  bool snippet = false;
  int rank = 5;  // smaller comes first
};
/// The text with the marker put in at `offset`, so that what stands there can be checked. The snapshot is then taken of this text.
std::string text_with_marker(std::string_view text, uint32_t offset);
/// `probed`: a snapshot in which `file` is the text with the marker; `text` is the one without.
std::vector<CompletionItem> completions(const Snapshot& probed, uint32_t file, std::string_view text, uint32_t offset);
extern const char* const completion_marker;
/// The same for a letter, where names stand between braces only. Elsewhere the text comes back as it is, and nothing can be completed.
std::string letter_with_marker(std::string_view text, uint32_t offset);
std::vector<CompletionItem> letter_completions(const Snapshot& probed, uint32_t file, std::string_view text, uint32_t offset);

// ---- structure ----

struct SymbolNode {
  std::string name, detail;
  SymbolKind kind = SymbolKind::entity;
  bool is_test = false;
  Span whole, name_span;
  std::vector<SymbolNode> children;
};
std::vector<SymbolNode> document_symbols(const Snapshot& snapshot, uint32_t file);
/// Declarations of the bundle whose name has the letters of `query` in this order.
std::vector<SymbolNode> workspace_symbols(const Snapshot& snapshot, const std::string& query, size_t limit);

struct Fold {
  uint32_t begin = 0, end = 0;  // bytes: from the opening bracket to the closing one
  bool comment = false;
};
std::vector<Fold> folds(const Snapshot& snapshot, uint32_t file);

/// In the order of semantic_token_types().
struct SemanticToken {
  Span span;
  uint32_t type = 0;
  uint32_t modifiers = 0;  // bit 0: declaration, bit 1: of the library
};
const std::vector<std::string>& semantic_token_types();
std::vector<SemanticToken> semantic_tokens(const Snapshot& snapshot, uint32_t file);

struct Lens {
  enum class Kind : uint8_t { test, stage };
  Kind kind = Kind::test;
  Span span;
  std::string subject;  // title of the test, "strategy.stage"
};
std::vector<Lens> lenses(const Snapshot& snapshot, uint32_t file);

// ---- ways between stages ----

struct StageCall {
  int stage = -1;            // Program::stages; the other end
  std::vector<Span> places;  // of the `go`
};
/// The stage whose name (declared or used) stands at `offset`; -1 if there is none.
int stage_at(const Snapshot& snapshot, uint32_t file, uint32_t offset);
std::vector<StageCall> incoming_calls(const Snapshot& snapshot, int stage);
std::vector<StageCall> outgoing_calls(const Snapshot& snapshot, int stage);

}  // namespace dunlin::service
