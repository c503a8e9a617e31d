#include <nlohmann/json.hpp>

#include "lang/diag/render.h"

namespace dunlin {

namespace {

using Json = nlohmann::ordered_json;

void put_place(Json& to, Span span, const SourceMap& sources) {
  if (!span.known() || span.file >= sources.size()) return;
  const LineColumn begin = sources.position(span.file, span.begin);
  const LineColumn end = sources.position(span.file, span.end);
  to["file"] = sources.path(span.file);
  to["line"] = begin.line;
  to["column"] = begin.column;
  to["end_line"] = end.line;
  to["end_column"] = end.column;
}

Json diagnostic_json(const Diagnostic& diagnostic, const SourceMap& sources) {
  Json out;
  out["severity"] = diagnostic.severity == Severity::error ? "error" : "warning";
  out["code"] = diagnostic.code;
  if (const char* title = code_title(diagnostic.code)) out["title"] = title;
  out["message"] = diagnostic.message;
  put_place(out, diagnostic.span, sources);
  if (!diagnostic.label.empty()) out["label"] = diagnostic.label;
  out["notes"] = Json::array();
  for (const Note& note : diagnostic.notes) {
    Json item;
    item["message"] = note.message;
    put_place(item, note.span, sources);
    out["notes"].push_back(std::move(item));
  }
  out["witness"] = Json::array();
  for (const auto& [name, value] : diagnostic.witness) out["witness"].push_back({{"name", name}, {"value", value}});
  if (!diagnostic.help.empty()) out["help"] = diagnostic.help;
  out["fixes"] = Json::array();
  for (const Fix& fix : diagnostic.fixes) {
    Json item;
    item["title"] = fix.title;
    item["replacement"] = fix.replacement;
    put_place(item, fix.span, sources);
    out["fixes"].push_back(std::move(item));
  }
  return out;
}

}  // namespace

std::string render_json(const Diagnostics& diagnostics, const SourceMap& sources) {
  Json out;
  out["diagnostics"] = Json::array();
  size_t warnings = 0;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    out["diagnostics"].push_back(diagnostic_json(diagnostic, sources));
    warnings += diagnostic.severity == Severity::warning;
  }
  out["errors"] = diagnostics.error_count();
  out["warnings"] = warnings;
  out["left_out"] = diagnostics.left_out();
  // A quoted line of a broken file may hold anything: never throw, write U+FFFD instead.
  return out.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace dunlin
