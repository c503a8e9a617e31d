#include "server/lsp/answers.h"

#include <algorithm>
#include <unordered_map>

#include "lang/format/format.h"
#include "lang/sema/letter_file.h"

namespace dunlin::lsp {

using service::LineMap;
using service::Snapshot;

namespace {

Json position_json(service::Position position) { return {{"line", position.line}, {"character", position.character}}; }

Json range_of(const LineMap& lines, uint32_t begin, uint32_t end) {
  return {{"start", position_json(lines.position(begin))}, {"end", position_json(lines.position(end))}};
}

/// Numbers the protocol gives to sorts of symbols.
int symbol_kind(service::SymbolKind kind, bool is_test) {
  using Kind = service::SymbolKind;
  if (is_test) return 6;  // method
  switch (kind) {
    case Kind::entity:
      return 5;  // class
    case Kind::field:
    case Kind::derived:
    case Kind::record_field:
    case Kind::event_field:
      return 8;  // field
    case Kind::enumeration:
      return 10;
    case Kind::literal:
      return 22;
    case Kind::record:
      return 23;  // struct
    case Kind::event:
      return 24;
    case Kind::function:
    case Kind::native:
      return 12;
    case Kind::table:
      return 18;  // array
    case Kind::queue:
      return 19;  // object
    case Kind::strategy:
      return 3;  // namespace
    case Kind::stage:
      return 6;
    case Kind::setting:
      return 14;  // constant
    default:
      return 13;  // variable
  }
}

int completion_kind(service::ItemKind kind) {
  using Kind = service::ItemKind;
  switch (kind) {
    case Kind::keyword:
      return 14;
    case Kind::value:
    case Kind::variable:
      return 6;
    case Kind::field:
      return 5;
    case Kind::function:
      return 3;
    case Kind::type:
      return 7;
    case Kind::event:
      return 23;
    case Kind::queue:
    case Kind::strategy:
    case Kind::module:
      return 9;
    case Kind::stage:
    case Kind::literal:
      return 20;
    case Kind::snippet:
      return 15;
  }
  return 1;
}

Json symbol_json(const LineMap& lines, const service::SymbolNode& node) {
  Json children = Json::array();
  for (const auto& child : node.children) children.push_back(symbol_json(lines, child));
  // The protocol wants the name inside the whole.
  const uint32_t begin = std::min(node.whole.begin, node.name_span.begin);
  const uint32_t end = std::max(node.whole.end, node.name_span.end);
  return {{"name", node.name.empty() ? "?" : node.name},
          {"detail", node.detail},
          {"kind", symbol_kind(node.kind, node.is_test)},
          {"range", range_of(lines, begin, end)},
          {"selectionRange", range_of(lines, node.name_span.begin, node.name_span.end)},
          {"children", std::move(children)}};
}

Json document_symbols(const Place& place) {
  const LineMap lines(place.text());
  Json list = Json::array();
  for (const auto& node : service::document_symbols(place.snapshot, place.file)) list.push_back(symbol_json(lines, node));
  return list;
}

Json folds(const Place& place) {
  const LineMap lines(place.text());
  Json list = Json::array();
  for (const auto& fold : service::folds(place.snapshot, place.file)) {
    const auto begin = lines.position(fold.begin);
    const auto end = lines.position(fold.end);
    const uint32_t last = fold.comment || end.line == 0 ? end.line : end.line - 1;  // the closing bracket stays to be seen
    if (last <= begin.line) continue;
    Json item{{"startLine", begin.line}, {"endLine", last}};
    if (fold.comment) item["kind"] = "comment";
    list.push_back(std::move(item));
  }
  return list;
}

Json semantic_tokens(const Place& place) {
  const LineMap lines(place.text());
  Json data = Json::array();
  service::Position before;
  for (const auto& token : service::semantic_tokens(place.snapshot, place.file)) {
    const auto begin = lines.position(token.span.begin);
    const auto end = lines.position(token.span.end);
    if (begin.line != end.line) continue;
    data.push_back(begin.line - before.line);
    data.push_back(begin.line == before.line ? begin.character - before.character : begin.character);
    data.push_back(end.character - begin.character);
    data.push_back(token.type);
    data.push_back(token.modifiers);
    before = begin;
  }
  return {{"data", std::move(data)}};
}

Json inlay_hints(const Place& place, const Json& params) {
  const LineMap lines(place.text());
  uint32_t begin = 0;
  auto end = static_cast<uint32_t>(place.text().size());
  if (params.contains("range")) {
    begin = offset_of(place, params.at("range").at("start"));
    end = offset_of(place, params.at("range").at("end"));
  }
  Json list = Json::array();
  const auto add = [&](const std::vector<service::InlayHint>& hints) {
    for (const auto& hint : hints) {
      Json made = {{"position", position_json(lines.position(hint.offset))}, {"label", hint.text}};
      if (hint.kind == service::InlayHint::Kind::type) made["kind"] = 1;  // the protocol has no kind for limits
      if (!hint.markdown.empty()) made["tooltip"] = {{"kind", "markdown"}, {"value", hint.markdown}};
      list.push_back(std::move(made));
    }
  };
  add(service::inlay_hints(place.snapshot, place.file, begin, end));
  add(service::limit_hints(place.snapshot, place.file, begin, end));
  return list;
}

Json hover(const Place& place, uint32_t offset) {
  const auto found = service::hover(place.snapshot, place.file, offset);
  if (!found) return nullptr;
  return {{"contents", {{"kind", "markdown"}, {"value", found->markdown}}}, {"range", range_json(place.snapshot, found->span)}};
}

Json signature_help(const Place& place, uint32_t offset) {
  const auto found = service::signature_help(place.snapshot, place.text(), offset);
  if (!found) return nullptr;
  const LineMap label(found->label);
  Json parameters = Json::array();
  for (const auto& [begin, end] : found->parameters) {
    parameters.push_back({{"label", Json::array({label.position(begin).character, label.position(end).character})}});
  }
  Json signature{{"label", found->label}, {"documentation", {{"kind", "markdown"}, {"value", found->documentation}}}, {"parameters", std::move(parameters)}};
  return {{"signatures", Json::array({std::move(signature)})}, {"activeSignature", 0}, {"activeParameter", found->active}};
}

Json completion(const Place& place, uint32_t offset) {
  const std::string name = Workspace::name_in(place.bundle, place.path);
  const std::string text(place.text());
  const bool letter = is_letter_file(name);
  const auto probed = place.workspace.probe(place.bundle, name, letter ? service::letter_with_marker(text, offset) : service::text_with_marker(text, offset));
  const uint32_t file = probed->file(name);
  Json list = Json::array();
  for (const auto& item : letter ? service::letter_completions(*probed, file, text, offset) : service::completions(*probed, file, text, offset)) {
    Json made{{"label", item.label}, {"kind", completion_kind(item.kind)}, {"sortText", std::to_string(item.rank) + item.label}};
    if (!item.detail.empty()) made["detail"] = item.detail;
    if (!item.documentation.empty()) made["documentation"] = {{"kind", "markdown"}, {"value", item.documentation}};
    if (!item.insert.empty()) made["insertText"] = item.insert;
    if (item.snippet) made["insertTextFormat"] = 2;
    list.push_back(std::move(made));
  }
  return {{"isIncomplete", false}, {"items", std::move(list)}};
}

Json references(const Place& place, uint32_t offset, bool with_declaration) {
  Json list = Json::array();
  for (const Span span : service::references(place.snapshot, place.file, offset, with_declaration)) list.push_back(location_json(place, span));
  return list;
}

Json highlights(const Place& place, uint32_t offset) {
  Json list = Json::array();
  for (const Span span : service::references(place.snapshot, place.file, offset, true)) {
    if (span.file == place.file) list.push_back({{"range", range_json(place.snapshot, span)}, {"kind", 1}});
  }
  return list;
}

Json edits_json(const Place& place, const std::vector<service::Edit>& edits) {
  Json changes = Json::object();
  for (const auto& edit : edits) changes[uri_of(place, edit.span.file)].push_back({{"range", range_json(place.snapshot, edit.span)}, {"newText", edit.text}});
  return {{"changes", std::move(changes)}};
}

Json rename(const Place& place, uint32_t offset, const std::string& name) {
  const auto edits = service::rename(place.snapshot, place.file, offset, name);
  if (!edits) throw RequestError{request_failed, edits.error()};
  return edits_json(place, *edits);
}

/// The smallest part that differs, so that the cursor stays where it is.
Json formatting(const Place& place) {
  Diagnostics unheard;
  SourceMap sources;
  const std::string_view old = place.text();
  const uint32_t copy = sources.add(place.path, std::string(old));
  const auto made = format_file(sources, copy, unheard);
  if (!made || *made == old) return Json::array();
  size_t head = 0;
  while (head < old.size() && head < made->size() && old[head] == (*made)[head]) ++head;
  while (head > 0 && old[head - 1] != '\n') --head;
  size_t tail = 0;
  while (tail < old.size() - head && tail < made->size() - head && old[old.size() - 1 - tail] == (*made)[made->size() - 1 - tail]) ++tail;
  while (tail > 0 && old[old.size() - tail - 1] != '\n') --tail;
  const LineMap lines(old);
  return Json::array({{{"range", range_of(lines, static_cast<uint32_t>(head), static_cast<uint32_t>(old.size() - tail))},
                       {"newText", made->substr(head, made->size() - tail - head)}}});
}

Json code_actions(const Place& place, const Json& params) {
  const uint32_t begin = offset_of(place, params.at("range").at("start"));
  const uint32_t end = offset_of(place, params.at("range").at("end"));
  Json list = Json::array();
  for (const Diagnostic& diagnostic : place.snapshot.diagnostics.all()) {
    if (diagnostic.span.file != place.file || diagnostic.span.end < begin || diagnostic.span.begin > end) continue;
    for (const Fix& fix : diagnostic.fixes) {
      list.push_back({{"title", fix.title},
                      {"kind", "quickfix"},
                      {"diagnostics", diagnostics_json(place, {diagnostic})},
                      {"edit", edits_json(place, {{fix.span, fix.replacement}})},
                      {"isPreferred", diagnostic.fixes.size() == 1}});
    }
  }
  return list;
}

Json code_lenses(const Place& place, const Ports& ports) {
  Json list = Json::array();
  std::map<std::string, int64_t> counts;
  if (ports.live_counts) counts = ports.live_counts();
  for (const auto& lens : service::lenses(place.snapshot, place.file)) {
    if (lens.kind == service::Lens::Kind::test && ports.run_test) {
      list.push_back(
          {{"range", range_json(place.snapshot, {lens.span.file, lens.span.begin, lens.span.begin})},
           {"command", {{"title", "run this test"}, {"command", "dunlin.runTest"}, {"arguments", Json::array({place.bundle.folder.string(), lens.subject})}}}});
    } else if (lens.kind == service::Lens::Kind::stage && ports.live_counts) {
      const auto found = counts.find(lens.subject);
      const int64_t count = found == counts.end() ? 0 : found->second;
      list.push_back({{"range", range_json(place.snapshot, lens.span)}, {"command", {{"title", std::to_string(count) + " stand here"}, {"command", ""}}}});
    }
  }
  return list;
}

Json stage_item(const Place& place, int stage) {
  const auto& program = *place.snapshot.program;
  const service::Declared* declared = place.snapshot.declaration({service::SymbolKind::stage, stage});
  if (!declared) return nullptr;
  return {{"name", program.strategies[program.stages[stage].strategy].name + "." + program.stages[stage].name},
          {"kind", 6},
          {"detail", program.stages[stage].title},
          {"uri", uri_of(place, declared->name_span.file)},
          {"range", range_json(place.snapshot, declared->whole)},
          {"selectionRange", range_json(place.snapshot, declared->name_span)}};
}

}  // namespace

std::string uri_of(const Place& place, uint32_t file) { return uri_of_path(Workspace::path_of(place.bundle, place.stdlib, place.snapshot, file)); }

Json range_json(const Snapshot& snapshot, Span span) {
  const LineMap lines(snapshot.sources.text(span.file));
  return range_of(lines, span.begin, span.end);
}

Json location_json(const Place& place, Span span) { return {{"uri", uri_of(place, span.file)}, {"range", range_json(place.snapshot, span)}}; }

uint32_t offset_of(const Place& place, const Json& position) {
  const LineMap lines(place.text());
  return lines.offset({position.at("line").get<uint32_t>(), position.at("character").get<uint32_t>()});
}

Json diagnostics_json(const Place& place, const std::vector<Diagnostic>& diagnostics) {
  Json list = Json::array();
  const LineMap lines(place.text());
  for (const Diagnostic& diagnostic : diagnostics) {
    const bool here = diagnostic.span.file == place.file;
    std::string message = diagnostic.message;
    for (const auto& [name, value] : diagnostic.witness) message += "\n  " + name + " = " + value;
    if (!diagnostic.help.empty()) message += "\n" + diagnostic.help;
    Json item{{"range", here ? range_of(lines, diagnostic.span.begin, diagnostic.span.end) : range_of(lines, 0, 0)},
              {"severity", diagnostic.severity == Severity::error ? 1 : 2},
              {"code", diagnostic.code},
              {"source", "dunlin"},
              {"message", std::move(message)}};
    Json related = Json::array();
    for (const Note& note : diagnostic.notes) {
      if (note.span.known()) related.push_back({{"location", location_json(place, note.span)}, {"message", note.message}});
    }
    if (!related.empty()) item["relatedInformation"] = std::move(related);
    list.push_back(std::move(item));
  }
  return list;
}

Json capabilities(bool with_tests) {
  Json commands = Json::array();
  if (with_tests) commands.push_back("dunlin.runTest");
  return {{"positionEncoding", "utf-16"},
          {"textDocumentSync", {{"openClose", true}, {"change", 2}, {"save", true}}},
          {"hoverProvider", true},
          {"completionProvider", {{"triggerCharacters", Json::array({".", " ", ":", "("})}}},
          {"signatureHelpProvider", {{"triggerCharacters", Json::array({"(", ","})}}},
          {"definitionProvider", true},
          {"referencesProvider", true},
          {"renameProvider", {{"prepareProvider", true}}},
          {"documentSymbolProvider", true},
          {"workspaceSymbolProvider", true},
          {"documentHighlightProvider", true},
          {"foldingRangeProvider", true},
          {"semanticTokensProvider",
           {{"legend", {{"tokenTypes", service::semantic_token_types()}, {"tokenModifiers", Json::array({"declaration", "defaultLibrary"})}}}, {"full", true}}},
          {"inlayHintProvider", true},
          {"codeActionProvider", {{"codeActionKinds", Json::array({"quickfix"})}}},
          {"codeLensProvider", {{"resolveProvider", false}}},
          {"documentFormattingProvider", true},
          {"callHierarchyProvider", true},
          {"executeCommandProvider", {{"commands", std::move(commands)}}}};
}

bool answers(const std::string& method) {
  static const std::set<std::string> methods = {"textDocument/hover",         "textDocument/completion",
                                                "textDocument/signatureHelp", "textDocument/definition",
                                                "textDocument/references",    "textDocument/rename",
                                                "textDocument/prepareRename", "textDocument/documentSymbol",
                                                "textDocument/foldingRange",  "textDocument/documentHighlight",
                                                "textDocument/inlayHint",     "textDocument/semanticTokens/full",
                                                "textDocument/codeAction",    "textDocument/codeLens",
                                                "textDocument/formatting",    "textDocument/prepareCallHierarchy"};
  return methods.contains(method);
}

Json answer(const std::string& method, const Json& params, const Place& place, const Ports& ports) {
  if (method == "textDocument/documentSymbol") return document_symbols(place);
  if (method == "textDocument/foldingRange") return folds(place);
  if (method == "textDocument/semanticTokens/full") return semantic_tokens(place);
  if (method == "textDocument/inlayHint") return inlay_hints(place, params);
  if (method == "textDocument/codeAction") return code_actions(place, params);
  if (method == "textDocument/codeLens") return code_lenses(place, ports);
  if (method == "textDocument/formatting") return formatting(place);
  const uint32_t offset = offset_of(place, params.at("position"));
  if (method == "textDocument/hover") return hover(place, offset);
  if (method == "textDocument/completion") return completion(place, offset);
  if (method == "textDocument/signatureHelp") return signature_help(place, offset);
  if (method == "textDocument/documentHighlight") return highlights(place, offset);
  if (method == "textDocument/rename") return rename(place, offset, params.at("newName").get<std::string>());
  if (method == "textDocument/references") {
    const bool with_declaration = params.contains("context") && params.at("context").value("includeDeclaration", true);
    return references(place, offset, with_declaration);
  }
  if (method == "textDocument/definition") {
    const auto found = service::definition(place.snapshot, place.file, offset);
    return found ? location_json(place, *found) : Json(nullptr);
  }
  if (method == "textDocument/prepareRename") {
    const auto found = service::renamable(place.snapshot, place.file, offset);
    return found ? range_json(place.snapshot, *found) : Json(nullptr);
  }
  const int stage = service::stage_at(place.snapshot, place.file, offset);  // prepareCallHierarchy
  if (stage < 0) return nullptr;
  return Json::array({stage_item(place, stage)});
}

Json workspace_symbols(const Place& any, const std::string& query) {
  Json list = Json::array();
  for (const auto& node : service::workspace_symbols(any.snapshot, query, 300)) {
    list.push_back({{"name", node.name},
                    {"kind", symbol_kind(node.kind, node.is_test)},
                    {"containerName", node.detail},
                    {"location", location_json(any, node.name_span)}});
  }
  return list;
}

Json stage_calls(const std::string& method, const Json& params, const Place& place) {
  const uint32_t offset = offset_of(place, params.at("item").at("selectionRange").at("start"));
  const int stage = service::stage_at(place.snapshot, place.file, offset);
  Json list = Json::array();
  if (stage < 0) return list;
  const bool incoming = method == "callHierarchy/incomingCalls";
  for (const auto& call : incoming ? service::incoming_calls(place.snapshot, stage) : service::outgoing_calls(place.snapshot, stage)) {
    Json ranges = Json::array();
    for (const Span span : call.places) ranges.push_back(range_json(place.snapshot, span));
    list.push_back({{incoming ? "from" : "to", stage_item(place, call.stage)}, {"fromRanges", std::move(ranges)}});
  }
  return list;
}

}  // namespace dunlin::lsp
