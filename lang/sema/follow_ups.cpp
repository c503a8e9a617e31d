#include "lang/sema/follow_ups.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace dunlin::sema {

namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80; }
bool is_word(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

/// A declaration with a mistake of the grammar in it: from a line that begins at the margin to the next that does.
struct Broken {
  uint32_t file, begin, end;
  bool holds(Span span) const { return span.file == file && span.begin >= begin && span.begin < end; }
};

Broken declaration_around(const SourceMap& sources, Span place) {
  const std::string_view text = sources.text(place.file);
  const auto at_margin = [&](size_t line) { return line < text.size() && is_letter(text[line]); };
  size_t begin = std::min<size_t>(place.begin, text.size());
  for (;;) {
    const size_t break_before = begin == 0 ? std::string_view::npos : text.rfind('\n', begin - 1);
    begin = break_before == std::string_view::npos ? 0 : break_before + 1;
    if (begin == 0 || at_margin(begin)) break;
    --begin;
  }
  size_t end = text.find('\n', std::min<size_t>(place.begin, text.size()));
  while (end != std::string_view::npos && !at_margin(end + 1)) end = text.find('\n', end + 1);
  return {place.file, static_cast<uint32_t>(begin), static_cast<uint32_t>(end == std::string_view::npos ? text.size() : end)};
}

/// What was lost with the mistake: its line, and the block that the line opens.
Broken item_around(const SourceMap& sources, Span place) {
  const std::string_view text = sources.text(place.file);
  const size_t at = std::min<size_t>(place.begin, text.size());
  const size_t before = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
  const size_t begin = before == std::string_view::npos ? 0 : before + 1;
  size_t end = begin;
  for (int64_t open = 0; end < text.size(); ++end) {
    if (text[end] == '{') ++open;
    if (text[end] == '}') --open;
    if (text[end] == '\n' && end >= at && open <= 0) break;
  }
  return {place.file, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
}

/// "something is not there", with the name underlined.
bool says_unknown(const Diagnostic& diagnostic) {
  static const std::unordered_set<std::string_view> codes = {"E0201", "E0202", "E0203", "E0204", "E0205", "E0206",
                                                             "E0207", "E0208", "E0209", "E0210", "E0211", "E0214"};
  return codes.contains(diagnostic.code);
}

/// "something lacks a part": the part may be what could not be read.
bool says_lacking(const Diagnostic& diagnostic) {
  static constexpr std::array<std::string_view, 5> codes = {"E0321", "E0707", "E0708", "E0717", "E0803"};
  return std::ranges::find(codes, diagnostic.code) != codes.end();
}

/// Whether the words underlined stand in the part that was lost, too.
bool may_be_declared_in(const SourceMap& sources, const Broken& lost, Span name) {
  const std::string_view wanted = sources.text(name), text = sources.text(lost.file);
  if (wanted.empty() || !is_letter(wanted.front())) return false;
  for (size_t at = text.find(wanted, lost.begin); at != std::string_view::npos && at < lost.end; at = text.find(wanted, at + 1)) {
    const bool whole = (at == 0 || !is_word(text[at - 1])) && (at + wanted.size() >= text.size() || !is_word(text[at + wanted.size()]));
    if (whole && !(name.file == lost.file && name.begin == at)) return true;
  }
  return false;
}

/// Nobody knows what a module that is not there declares: any name may be one of its names, unless there is something to say of it.
void drop_names_of_unknown_module(Diagnostics& diagnostics) {
  if (std::ranges::none_of(diagnostics.all(), [](const Diagnostic& diagnostic) { return diagnostic.code == "E0212"; })) return;
  std::erase_if(diagnostics.all(), [](const Diagnostic& diagnostic) { return says_unknown(diagnostic) && diagnostic.help.empty(); });
  diagnostics.sort();  // counts again
}

}  // namespace

void drop_follow_ups(const SourceMap& sources, Diagnostics& diagnostics) {
  drop_names_of_unknown_module(diagnostics);
  std::vector<Broken> declarations, items;
  bool head_is_broken = false;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (!diagnostic.code.starts_with("E01") || diagnostic.severity != Severity::error || !diagnostic.span.known()) continue;
    declarations.push_back(declaration_around(sources, diagnostic.span));
    items.push_back(item_around(sources, diagnostic.span));
    head_is_broken = head_is_broken || sources.text(diagnostic.span.file).substr(declarations.back().begin).starts_with("bundle");
  }
  if (items.empty()) return;
  std::erase_if(diagnostics.all(), [&](const Diagnostic& diagnostic) {
    if (diagnostic.code == "E0803" && head_is_broken) return true;
    if (!diagnostic.span.known()) return false;
    if (says_unknown(diagnostic)) return std::ranges::any_of(items, [&](const Broken& lost) { return may_be_declared_in(sources, lost, diagnostic.span); });
    return says_lacking(diagnostic) && std::ranges::any_of(declarations, [&](const Broken& part) { return part.holds(diagnostic.span); });
  });
  diagnostics.sort();  // counts again
}

}  // namespace dunlin::sema
