#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>

#include "lang/diag/render.h"

namespace dunlin {

namespace {

constexpr size_t columns_max = 140;  // of a quoted line; longer ones are shown as a window around the place
constexpr size_t columns_before = 60;
constexpr size_t tab_columns = 4;

constexpr const char* red = "\x1b[1;31m";
constexpr const char* yellow = "\x1b[1;33m";
constexpr const char* blue = "\x1b[1;34m";
constexpr const char* green = "\x1b[1;32m";
constexpr const char* bold = "\x1b[1m";
constexpr const char* plain = "\x1b[0m";

/// One character of a quoted line as it is shown.
struct Cell {
  std::string text;
  size_t columns;
  size_t begin, end;  // bytes in the line
};

size_t columns_of(UChar32 c) {
  switch (u_charType(c)) {
    case U_NON_SPACING_MARK:
    case U_ENCLOSING_MARK:
    case U_FORMAT_CHAR:
      return 0;
    default:
      break;
  }
  const int width = u_getIntPropertyValue(c, UCHAR_EAST_ASIAN_WIDTH);
  return width == U_EA_WIDE || width == U_EA_FULLWIDTH ? 2 : 1;
}

/// Characters of `line` from byte `from` on, until `limit` columns are used. Control characters and broken bytes become U+FFFD.
std::vector<Cell> cells_of(std::string_view line, size_t from, size_t limit) {
  std::vector<Cell> cells;
  size_t columns = 0;
  const auto length = static_cast<int32_t>(line.size());
  for (auto i = static_cast<int32_t>(from); i < length && columns < limit;) {
    const int32_t begin = i;
    UChar32 c;
    U8_NEXT(line.data(), i, length, c);
    Cell cell{std::string(line.substr(begin, i - begin)), 1, static_cast<size_t>(begin), static_cast<size_t>(i)};
    if (c == '\t') {
      cell.columns = tab_columns - columns % tab_columns;
      cell.text = std::string(cell.columns, ' ');
    } else if (c < 0 || u_charType(c) == U_CONTROL_CHAR || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069)) {
      cell.text = "\xEF\xBF\xBD";  // also for direction overrides, which could show a line in another order than it is read
    } else {
      cell.columns = columns_of(c);
    }
    columns += cell.columns;
    cells.push_back(std::move(cell));
  }
  return cells;
}

/// Start of the window shown of a long line: a character boundary some way before `place`.
size_t window_start(std::string_view line, size_t place) {
  if (line.size() <= columns_max || place <= columns_before) return 0;
  size_t start = std::min(place, line.size()) - columns_before;
  while (start > 0 && (static_cast<unsigned char>(line[start]) & 0xC0) == 0x80) --start;
  return start;
}

class TextRenderer {
 public:
  TextRenderer(const SourceMap& sources, RenderOptions options) : sources_(sources), options_(options) {}

  void diagnostic(const Diagnostic& d) {
    const bool is_error = d.severity == Severity::error;
    paint(is_error ? red : yellow, std::string(is_error ? "error" : "warning") + (d.code.empty() ? "" : "[" + d.code + "]"));
    paint(bold, ": " + one_line(d.message));
    out_ += '\n';
    size_t margin = 1;
    if (known(d.span)) margin = std::to_string(sources_.position(d.span.file, d.span.begin).line).size();
    for (const Note& note : d.notes) {
      if (known(note.span)) margin = std::max(margin, std::to_string(sources_.position(note.span.file, note.span.begin).line).size());
    }
    margin_ = margin;
    if (known(d.span)) snippet(d.span, d.label, '^', is_error ? red : yellow);
    for (const Note& note : d.notes) {
      detail("note", note.message);
      if (known(note.span)) snippet(note.span, "", '-', blue);
    }
    if (!d.witness.empty()) detail("for example", witness(d));
    if (!d.help.empty()) detail("help", d.help);
    for (const Fix& fix : d.fixes) {
      if (d.help.empty() && !fix.title.empty()) detail("help", fix.title);
    }
    out_ += '\n';
  }

  void total(size_t errors, size_t warnings, size_t left_out) {
    if (left_out > 0) out_ += std::to_string(left_out) + " more not shown\n";
    if (errors == 0 && warnings == 0) return;
    const auto count = [](size_t n, const char* word) { return std::to_string(n) + " " + word + (n == 1 ? "" : "s"); };
    std::string line = errors > 0 ? count(errors, "error") : "";
    if (warnings > 0) line += (line.empty() ? "" : ", ") + count(warnings, "warning");
    out_ += line + "\n";
  }

  std::string take() { return std::move(out_); }

 private:
  bool known(Span span) const { return span.known() && span.file < sources_.size(); }

  static std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
  }

  static std::string witness(const Diagnostic& d) {
    std::string line;
    for (const auto& [name, value] : d.witness) line += (line.empty() ? "" : ", ") + name + " = " + value;
    return line;
  }

  void paint(const char* color, std::string_view text) {
    if (options_.color) out_ += color;
    out_ += text;
    if (options_.color) out_ += plain;
  }

  void detail(std::string_view what, std::string_view text) {
    out_ += std::string(margin_ + 1, ' ');
    paint(blue, "= ");
    paint(what == "help" ? green : bold, what);
    out_ += ": ";
    for (const char c : text) {
      out_ += c;
      if (c == '\n') out_ += std::string(margin_ + 3, ' ');
    }
    out_ += '\n';
  }

  void snippet(Span span, std::string_view label, char mark, const char* color) {
    const LineColumn place = sources_.position(span.file, span.begin);
    const std::string number = std::to_string(place.line);
    const std::string_view line = sources_.line(span.file, span.begin);
    const auto line_begin = static_cast<size_t>(line.data() - sources_.text(span.file).data());
    const size_t begin = std::min<size_t>(span.begin - std::min<size_t>(span.begin, line_begin), line.size());
    const size_t end = std::clamp<size_t>(span.end - std::min<size_t>(span.end, line_begin), begin, line.size());

    const size_t start = window_start(line, begin);
    const std::vector<Cell> cells = cells_of(line, start, columns_max);
    std::string shown = start > 0 ? "…" : "";
    size_t before = start > 0 ? 1 : 0, marked = 0;
    for (const Cell& cell : cells) {
      shown += cell.text;
      if (cell.begin < begin) before += cell.columns;
      if (cell.begin >= begin && cell.begin < end) marked += cell.columns;
    }
    if (!cells.empty() && cells.back().end < line.size()) shown += "…";

    out_ += std::string(margin_, ' ');
    paint(blue, "--> ");
    out_ += sources_.locate(span) + "\n";
    gutter("");
    out_ += '\n';
    gutter(number);
    out_ += " " + shown + "\n";
    gutter("");
    out_ += " " + std::string(before, ' ');
    paint(color, std::string(std::max<size_t>(marked, 1), mark) + (label.empty() ? "" : " " + one_line(std::string(label))));
    out_ += '\n';
  }

  void gutter(std::string_view number) { paint(blue, std::string(margin_ - std::min(margin_, number.size()), ' ') + std::string(number) + " |"); }

  const SourceMap& sources_;
  RenderOptions options_;
  size_t margin_ = 1;
  std::string out_;
};

}  // namespace

std::string render_text(const Diagnostics& diagnostics, const SourceMap& sources, RenderOptions options) {
  TextRenderer renderer(sources, options);
  size_t warnings = 0;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    renderer.diagnostic(diagnostic);
    warnings += diagnostic.severity == Severity::warning;
  }
  renderer.total(diagnostics.error_count(), warnings, diagnostics.left_out());
  return renderer.take();
}

}  // namespace dunlin
