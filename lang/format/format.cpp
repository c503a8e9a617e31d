#include "lang/format/format.h"

#include "lang/format/layout.h"
#include "lang/syntax/parse.h"

namespace dunlin {

namespace {

std::string write(const format::Pieces& pieces, const std::vector<format::Line>& lines) {
  std::string text;
  for (const format::Line& line : lines) {
    if (pieces[line.first].blank_line) text += '\n';
    text.append(line.indent, ' ');
    for (size_t i = line.first; i <= line.last; ++i) {
      if (i > line.first) text.append(pieces[i].spaces, ' ');
      text += pieces[i].text;
    }
    text += '\n';
  }
  return text;
}

/// Everything the parser sees, and the comments: what a layout must not change.
std::vector<std::string_view> substance(const SourceMap& sources, uint32_t file) {
  std::vector<std::string_view> words;
  const std::string_view text = sources.text(file);
  for (const Word& word : read_words(sources, file)) {
    if (word.kind == WordKind::line_end) {
      if (word.ends_item) words.emplace_back("\n");
      continue;
    }
    std::string_view part = text.substr(word.begin, word.end - word.begin);
    while (!part.empty() && (part.back() == ' ' || part.back() == '\t')) part.remove_suffix(1);
    words.push_back(part);
  }
  return words;
}

}  // namespace

std::expected<std::string, std::string> format_file(const SourceMap& sources, uint32_t file, Diagnostics& diagnostics) {
  const size_t errors_before = diagnostics.error_count();
  parse_file(sources, file, diagnostics);
  if (diagnostics.error_count() > errors_before) return std::unexpected("`" + sources.path(file) + "` has mistakes and was left as it is");
  format::Pieces pieces = format::read_pieces(sources, file);
  format::space_out(pieces);
  const std::vector<format::Line> lines = format::lay_lines(pieces);
  format::align(pieces, lines);
  std::string text = write(pieces, lines);
  SourceMap laid_out;
  const uint32_t copy = laid_out.add(sources.path(file), text);
  if (substance(sources, file) != substance(laid_out, copy)) {
    return std::unexpected("laying out `" + sources.path(file) + "` would change what it says; this is a mistake inside dunlin, please report it");
  }
  return text;
}

}  // namespace dunlin
