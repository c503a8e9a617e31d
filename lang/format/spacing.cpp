// Blanks between two words that stand on one line.
#include <algorithm>
#include <array>

#include "lang/format/layout.h"

namespace dunlin::format {

namespace {

bool ends_value(const Piece& piece) {
  switch (piece.kind) {
    case WordKind::number:
    case WordKind::text:
    case WordKind::moment:
    case WordKind::name:
    case WordKind::soft:
      return true;
    case WordKind::punctuation:
      return piece.closes();
    case WordKind::reserved:
      return piece.is("entry") || piece.is("missing") || piece.is("known") || piece.is("any") || piece.is("true") || piece.is("false");
    default:
      return false;
  }
}

/// Signs that have blanks on both sides wherever they stand between two values.
bool is_spaced_sign(const Piece& piece) {
  static constexpr std::array<std::string_view, 14> signs{"=", "!=", "<", "<=", ">", ">=", "+", "*", "/", "->", "|", "||", "-", "{"};
  return piece.kind == WordKind::punctuation && std::find(signs.begin(), signs.end(), piece.text) != signs.end();
}

class Spacing {
 public:
  explicit Spacing(const Pieces& pieces) : pieces_(pieces) {}

  uint32_t before(size_t i) const {
    const Piece& left = pieces_[i - 1];
    const Piece& right = pieces_[i];
    if (right.is_comment()) return 2;
    if (left.kind == WordKind::punctuation || right.kind == WordKind::punctuation) return punctuated(i);
    // Items side by side may stand further apart, so that the eye finds them.
    return right.gap >= 2 && pieces_[i].block != nowhere && kind_around(pieces_, i) != BlockKind::values && kind_around(pieces_, i) != BlockKind::rows ? 2 : 1;
  }

 private:
  uint32_t punctuated(size_t i) const {
    const Piece& left = pieces_[i - 1];
    const Piece& right = pieces_[i];
    if (right.is(",") || right.is("?") || right.is(")") || right.is("]") || right.is(".") || right.is("..") || right.is("..<")) return 0;
    if (left.is("(") || left.is("[") || left.is(".") || left.is("..") || left.is("..<")) return 0;
    if (right.is(":")) return tight_colon(i) ? 0 : 1;
    if (right.is("(")) return before_parenthesis(i);
    if (in_zone(i)) return 0;
    if (left.is("-") && is_sign(i - 1)) return 0;
    if (is_spaced_sign(left) || is_spaced_sign(right) || left.is(",") || left.is(":")) return 1;
    return right.gap >= 2 && !right.closes() && side_by_side(i) ? 2 : 1;
  }

  bool side_by_side(size_t i) const {
    const BlockKind kind = kind_around(pieces_, i);
    return kind != BlockKind::values && kind != BlockKind::rows && kind != BlockKind::file;
  }

  bool tight_colon(size_t i) const {
    const BlockKind kind = kind_around(pieces_, i);
    return kind == BlockKind::payload || kind == BlockKind::values;
  }

  /// `f(x)`, `if (a or b)`, `refuses (reason : text)`.
  uint32_t before_parenthesis(size_t i) const {
    const Piece& left = pieces_[i - 1];
    if (left.kind == WordKind::name || left.closes()) return kind_around(pieces_, i) == BlockKind::outcomes ? 1 : 0;
    if (left.kind == WordKind::soft) {
      if (kind_around(pieces_, i) == BlockKind::outcomes) return 1;
      return pieces_[i].gap > 0 ? 1 : 0;
    }
    if (left.is("-") && is_sign(i - 1)) return 0;
    return 1;
  }

  /// A minus before a value, not between two.
  bool is_sign(size_t i) const {
    if (i == 0 || pieces_[i].line_break || !ends_value(pieces_[i - 1])) return true;
    // Behind a word that may be a name the writer knows best: `by -x`.
    return pieces_[i - 1].kind == WordKind::soft && pieces_[i].gap > 0 && i + 1 < pieces_.size() && pieces_[i + 1].gap == 0;
  }

  /// Europe/Warsaw
  bool in_zone(size_t i) const {
    const Piece& left = pieces_[i - 1];
    const Piece& right = pieces_[i];
    const auto joins = [](const Piece& piece) { return piece.is("/") || piece.is("-") || piece.is("+"); };
    if ((!joins(left) && !joins(right)) || kind_around(pieces_, i) != BlockKind::settings) return false;
    for (size_t at = i; at-- > 0 && pieces_[at].block == pieces_[i].block;) {
      if (pieces_[at].is("timezone")) return true;
      if (pieces_[at].starts_item || pieces_[at].is(",")) return false;
    }
    return false;
  }

  const Pieces& pieces_;
};

}  // namespace

void space_out(Pieces& pieces) {
  const Spacing spacing(pieces);
  for (size_t i = 1; i < pieces.size(); ++i) {
    if (!pieces[i].line_break) pieces[i].spaces = spacing.before(i);
  }
}

}  // namespace dunlin::format
