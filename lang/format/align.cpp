// Columns: what stands on neighbouring lines and means the same stands below each other.
#include <algorithm>
#include <map>
#include <optional>

#include "lang/format/layout.h"

namespace dunlin::format {

namespace {

/// A head wider than this does not push the column of its neighbours.
constexpr uint32_t rule_head_max = 60;

/// A piece of a line that stands in a column.
struct Anchor {
  size_t line = 0;
  size_t piece = nowhere;
};

class Aligner {
 public:
  Aligner(Pieces& pieces, const std::vector<Line>& lines) : pieces_(pieces), lines_(lines) {}

  void run() {
    align_neighbours([this](const Line& line) { return anchor_of(line); }, rule_head_max);
    align_rows();
    align_gaps();
    align_neighbours([this](const Line& line) { return trailing_comment(line); }, UINT32_MAX, true);
  }

 private:
  /// Letters on the line before `piece`, the blanks in front of it left out.
  uint32_t width_before(const Line& line, size_t piece) const {
    uint32_t width = line.indent;
    for (size_t i = line.first; i < piece; ++i) width += (i == line.first ? 0 : pieces_[i].spaces) + pieces_[i].width;
    return width;
  }

  bool is_comment_line(const Line& line) const { return pieces_[line.first].is_comment(); }

  // ---- one column on neighbouring lines ----

  template <class Find>
  void align_neighbours(Find find, uint32_t width_max, bool any_block = false) {
    std::vector<Anchor> section;
    for (size_t l = 0; l < lines_.size(); ++l) {
      const Line& line = lines_[l];
      const size_t piece = is_comment_line(line) ? nowhere : find(line);
      const bool joins = piece != nowhere && width_before(line, piece) - line.indent <= width_max;
      const bool neighbour =
          !section.empty() && section.back().line + 1 == l && !pieces_[line.first].blank_line && (any_block || like(section.back(), {l, piece}));
      if (!joins || !neighbour) flush(section, any_block ? 2 : 1);
      if (joins) section.push_back({l, piece});
    }
    flush(section, any_block ? 2 : 1);
  }

  /// Of the same block and the same sort.
  bool like(const Anchor& a, const Anchor& b) const {
    if (b.piece == nowhere) return false;
    const Piece& first = pieces_[lines_[a.line].first];
    const Piece& second = pieces_[lines_[b.line].first];
    if (first.block != second.block) return false;
    return (first.text == "var" || first.text == "parameter") == (second.text == "var" || second.text == "parameter");
  }

  void flush(std::vector<Anchor>& section, uint32_t gap) {
    uint32_t column = 0;
    for (const Anchor& anchor : section) column = std::max(column, width_before(lines_[anchor.line], anchor.piece) + gap);
    for (const Anchor& anchor : section) pieces_[anchor.piece].spaces = column - width_before(lines_[anchor.line], anchor.piece);
    section.clear();
  }

  size_t anchor_of(const Line& line) const {
    const Piece& first = pieces_[line.first];
    if (!first.starts_item || !first.is_word()) return nowhere;
    switch (kind_around(pieces_, line.first)) {
      case BlockKind::file:
        return first.is("parameter") ? field_anchor(line) : nowhere;
      case BlockKind::fields:
        return field_anchor(line);
      case BlockKind::settings:
        return line.last > line.first && !pieces_[line.first + 1].is_comment() && single_item(line, line.first) ? line.first + 1 : nowhere;
      case BlockKind::segments:
        return line.last > line.first && pieces_[line.first + 1].is("when") ? line.first + 1 : nowhere;
      case BlockKind::outcomes:
        return line.last > line.first && pieces_[line.first + 1].is("{") && pieces_[line.first + 1].partner <= line.last ? line.first + 1 : nowhere;
      case BlockKind::rules:
        return first.is("var") ? field_anchor(line) : action_anchor(line);
      case BlockKind::test:
        return action_anchor(line);
      default:
        return nowhere;
    }
  }

  /// The `:` or `=` behind a field's name.
  size_t field_anchor(const Line& line) const {
    size_t at = line.first;
    if ((pieces_[at].is("key") || pieces_[at].is("var") || pieces_[at].is("parameter")) && at + 1 <= line.last && pieces_[at + 1].is_word()) ++at;
    ++at;
    if (at > line.last || !(pieces_[at].is(":") || pieces_[at].is("=")) || !single_item(line, at)) return nowhere;
    return at;
  }

  /// No second item stands on the line behind `from`.
  bool single_item(const Line& line, size_t from) const {
    const size_t block = pieces_[line.first].block;
    const bool commas_end = kind_around(pieces_, line.first) == BlockKind::fields;
    for (size_t i = from; i < line.last; ++i) {
      if (pieces_[i].block == block && commas_end && pieces_[i].is(",") && !pieces_[i + 1].is_comment()) return false;
    }
    return true;
  }

  /// What follows the `:` of a rule or of a step.
  size_t action_anchor(const Line& line) const {
    const size_t block = pieces_[line.first].block;
    for (size_t i = line.first; i < line.last; ++i) {
      if (pieces_[i].block == block && pieces_[i].is(":")) return pieces_[i + 1].is_comment() ? nowhere : i + 1;
    }
    return nowhere;
  }

  size_t trailing_comment(const Line& line) const { return line.last > line.first && pieces_[line.last].is_comment() ? line.last : nowhere; }

  // ---- rows of tables, arms of `match` ----

  struct Row {
    const Line* line;
    std::vector<size_t> left, right;  // separators `|`; the last of `left` is `||` or `->`
  };

  void align_rows() {
    std::map<size_t, std::vector<Row>> tables;
    for (const Line& line : lines_) {
      if (!pieces_[line.first].is("|")) continue;
      if (auto row = row_of(line)) tables[pieces_[line.first].block].push_back(std::move(*row));
    }
    for (auto& [block, rows] : tables) {
      align_cells(rows, &Row::left);
      align_cells(rows, &Row::right);
    }
  }

  std::optional<Row> row_of(const Line& line) const {
    Row row{&line, {}, {}};
    const size_t block = pieces_[line.first].block;
    bool behind = false;
    for (size_t i = line.first + 1; i <= line.last; ++i) {
      const Piece& piece = pieces_[i];
      if (piece.block != block || piece.kind != WordKind::punctuation) continue;
      if (piece.text == "|") (behind ? row.right : row.left).push_back(i);
      if ((piece.text == "||" || piece.text == "->") && !behind) {
        row.left.push_back(i);
        behind = true;
      }
    }
    if (!behind) return std::nullopt;
    return row;
  }

  /// One side after the other: separator k of all rows that have as many stands in one column; a row with fewer (`otherwise`) meets the others at its last.
  void align_cells(std::vector<Row>& rows, std::vector<size_t> Row::*side) {
    size_t most = 0;
    for (const Row& row : rows) most = std::max(most, (row.*side).size());
    for (size_t k = 0; k < most; ++k) {
      uint32_t column = 0;
      const bool last = k + 1 == most;
      const auto takes_part = [&](const Row& row) { return (row.*side).size() == most || (last && !(row.*side).empty()); };
      const auto separator = [&](const Row& row) { return (row.*side).size() == most ? (row.*side)[k] : (row.*side).back(); };
      for (const Row& row : rows) {
        if (takes_part(row)) column = std::max(column, width_before(*row.line, separator(row)) + 1);
      }
      for (const Row& row : rows) {
        if (takes_part(row)) pieces_[separator(row)].spaces = column - width_before(*row.line, separator(row));
      }
    }
  }

  // ---- wide gaps in blocks whose lines are words ----

  /// Two blanks or more make a column, as on a typewriter.
  void align_gaps() {
    std::vector<std::pair<const Line*, std::vector<size_t>>> section;
    size_t previous = nowhere;
    for (size_t l = 0; l < lines_.size(); ++l) {
      const Line& line = lines_[l];
      std::vector<size_t> gaps = is_comment_line(line) || kind_around(pieces_, line.first) != BlockKind::other ? std::vector<size_t>{} : wide_gaps(line);
      const bool joins = !section.empty() && previous + 1 == l && !pieces_[line.first].blank_line && !gaps.empty() &&
                         pieces_[section.back().first->first].block == pieces_[line.first].block;
      if (!joins) {
        align_section(section);
        section.clear();
      }
      if (!gaps.empty()) section.emplace_back(&line, std::move(gaps));
      previous = l;
    }
    align_section(section);
  }

  std::vector<size_t> wide_gaps(const Line& line) const {
    std::vector<size_t> gaps;
    for (size_t i = line.first + 1; i <= line.last; ++i) {
      if (!pieces_[i].is_comment() && pieces_[i].spaces >= 2 && pieces_[i].block == pieces_[line.first].block) gaps.push_back(i);
    }
    return gaps;
  }

  void align_section(const std::vector<std::pair<const Line*, std::vector<size_t>>>& section) {
    size_t most = 0;
    for (const auto& [line, gaps] : section) most = std::max(most, gaps.size());
    for (size_t k = 0; k < most; ++k) {
      for (size_t begin = 0; begin < section.size();) {
        size_t end = begin;
        while (end < section.size() && section[end].second.size() > k) ++end;
        uint32_t column = 0;
        for (size_t i = begin; i < end; ++i) column = std::max(column, width_before(*section[i].first, section[i].second[k]) + 2);
        for (size_t i = begin; i < end; ++i) pieces_[section[i].second[k]].spaces = column - width_before(*section[i].first, section[i].second[k]);
        begin = end + 1;
      }
    }
  }

  Pieces& pieces_;
  const std::vector<Line>& lines_;
};

}  // namespace

void align(Pieces& pieces, const std::vector<Line>& lines) { Aligner(pieces, lines).run(); }

}  // namespace dunlin::format
