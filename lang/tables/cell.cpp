#include "lang/tables/cell.h"

#include <fmt/format.h>

#include <algorithm>

#include "lang/tables/dunlin_names.h"

namespace dunlin::tables {

using feel::NodeKind;
using feel::Op;

namespace {

/// Thrown where a cell is not constant.
struct NotConstant {};

struct Bound {
  int64_t key;
  bool open;
};
struct Interval {
  std::optional<Bound> low, high;
};

/// What a test says of null.
enum class OfNull { no, yes, null };

/// Values that a cell takes: of a column with an order, of an enumeration or boolean (ordinals), of texts.
class CellReader {
 public:
  CellReader(const Type& column, bool nullable, Expressions& expressions, const std::map<std::string, Enumeration>& enumerations)
      : column_(column), nullable_(nullable), expressions_(expressions) {
    if (column.kind == Kind::enumeration) enumeration_ = &enumerations.at(column.enumeration);
  }

  CellTexts read(const std::vector<feel::NodePtr>& tests) {
    for (const feel::NodePtr& node : tests) one(*node);
    if (of_null_.empty()) of_null_.push_back(OfNull::no);
    const bool null = nullable_ && any_of(OfNull::yes);
    if (whole_) return {{"any"}};
    return is_text() ? texts_out(null) : is_listed() ? ordinals_out(null) : intervals_out(null);
  }

 private:
  bool is_text() const { return column_.kind == Kind::text; }
  bool is_listed() const { return column_.kind == Kind::enumeration || column_.kind == Kind::boolean; }
  bool any_of(OfNull what) const { return std::find(of_null_.begin(), of_null_.end(), what) != of_null_.end(); }

  void one(const feel::Node& node) {
    switch (node.kind) {
      case NodeKind::dash:
        whole_ = true;
        return;
      case NodeKind::negated:
        negated(node);
        return;
      case NodeKind::comparison:
        comparison(node.op, constant(*node.items[0]));
        return;
      case NodeKind::interval: {
        const Term low = constant(*node.items[0]), high = constant(*node.items[1]);
        of_null_.push_back(OfNull::null);
        if (low.type.kind == Kind::null || high.type.kind == Kind::null) return;
        intervals_.push_back({Bound{key(low), node.low_open}, Bound{key(high), node.high_open}});
        return;
      }
      case NodeKind::list:
        for (const feel::NodePtr& item : node.items) equals(constant(*item));
        return;
      default:
        equals(constant(node));
    }
  }

  Term constant(const feel::Node& node) {
    const Scope nothing;
    Term made;
    try {
      made = expressions_.translate(node, nothing);
    } catch (const Refusal&) {
      throw NotConstant{};  // said again, with its reason, where the condition is made
    }
    if (!made.is_constant()) throw NotConstant{};
    return made;
  }

  /// Order key of a constant of the column's type.
  int64_t key(const Term& term) {
    if (is_text() || is_listed()) throw NotConstant{};
    if (column_.is_number() && term.figure) {
      const auto exact = millionths(*term.figure);
      if (!exact) throw NotConstant{};
      return *exact;
    }
    if (term.key && term.type.kind == column_.kind) return *term.key;
    throw NotConstant{};
  }

  void equals(const Term& term) {
    if (term.type.kind == Kind::null) {
      of_null_.push_back(OfNull::yes);
      return;
    }
    of_null_.push_back(OfNull::no);
    if (is_text()) {
      if (!term.words || texts_negated_) throw NotConstant{};
      texts_.push_back(*term.words);
    } else if (column_.kind == Kind::boolean) {
      if (!term.truth) throw NotConstant{};
      ordinals_.push_back(*term.truth ? 1 : 0);
    } else if (enumeration_ != nullptr) {
      ordinals_.push_back(ordinal(term));
    } else {
      const int64_t value = key(term);
      intervals_.push_back({Bound{value, false}, Bound{value, false}});
    }
  }

  size_t ordinal(const Term& term) {
    if (!term.words) throw NotConstant{};
    const auto found = std::find(enumeration_->texts.begin(), enumeration_->texts.end(), *term.words);
    if (found == enumeration_->texts.end()) {
      throw Refusal{fmt::format("\"{}\" is not among the allowed values", *term.words), "add it to the allowed values, or correct it"};
    }
    return static_cast<size_t>(found - enumeration_->texts.begin());
  }

  void comparison(Op op, const Term& term) {
    if (op == Op::equal) return equals(term);
    if (term.type.kind == Kind::null) {
      if (op != Op::not_equal) {
        of_null_.push_back(OfNull::null);
        return;
      }
      of_null_.push_back(OfNull::no);
      add_everything();
      return;
    }
    if (op == Op::not_equal) {
      CellReader inner = another();
      inner.equals(term);
      add_complement(inner);
      of_null_.push_back(OfNull::yes);
      return;
    }
    const int64_t value = key(term);
    of_null_.push_back(OfNull::null);
    const bool open = op == Op::less || op == Op::greater;
    if (op == Op::less || op == Op::less_equal) {
      intervals_.push_back({std::nullopt, Bound{value, open}});
    } else {
      intervals_.push_back({Bound{value, open}, std::nullopt});
    }
  }

  void negated(const feel::Node& node) {
    CellReader inner = another();
    for (const feel::NodePtr& item : node.items) inner.one(*item);
    if (inner.whole_) return;
    add_complement(inner);
    of_null_.push_back(inner.any_of(OfNull::yes) ? OfNull::no : inner.any_of(OfNull::null) ? OfNull::null : OfNull::yes);
  }

  CellReader another() const {
    CellReader made = *this;
    made.intervals_.clear();
    made.ordinals_.clear();
    made.texts_.clear();
    made.of_null_.clear();
    made.whole_ = made.texts_negated_ = false;
    return made;
  }

  void add_everything() {
    if (is_text()) {
      if (!texts_.empty() || texts_negated_) throw NotConstant{};
      texts_negated_ = true;
    } else if (is_listed()) {
      for (size_t i = 0; i < listed_count(); ++i) ordinals_.push_back(i);
    } else {
      intervals_.push_back({std::nullopt, std::nullopt});
    }
  }
  size_t listed_count() const { return enumeration_ != nullptr ? enumeration_->texts.size() : 2; }

  void add_complement(CellReader& inner) {
    if (is_text()) {
      if (inner.texts_negated_ || !texts_.empty() || texts_negated_) throw NotConstant{};
      texts_ = inner.texts_;
      texts_negated_ = true;
    } else if (is_listed()) {
      for (size_t i = 0; i < listed_count(); ++i) {
        if (std::find(inner.ordinals_.begin(), inner.ordinals_.end(), i) == inner.ordinals_.end()) ordinals_.push_back(i);
      }
    } else {
      for (const Interval& rest : complement(inner.normal())) intervals_.push_back(rest);
    }
  }

  // ---- intervals ----

  static bool is_empty(const Interval& interval) {
    if (!interval.low || !interval.high) return false;
    if (interval.low->key != interval.high->key) return interval.low->key > interval.high->key;
    return interval.low->open || interval.high->open;
  }

  /// Sorted and merged where they overlap or touch, without empty ones.
  std::vector<Interval> normal() const {
    std::vector<Interval> sorted;
    for (const Interval& interval : intervals_) {
      if (!is_empty(interval)) sorted.push_back(interval);
    }
    const auto before = [](const Interval& a, const Interval& b) {
      if (!a.low || !b.low) return !a.low && b.low;
      return a.low->key != b.low->key ? a.low->key < b.low->key : a.low->open < b.low->open;
    };
    std::sort(sorted.begin(), sorted.end(), before);
    std::vector<Interval> out;
    for (const Interval& next : sorted) {
      const bool joins = !out.empty() && (!out.back().high || !next.low || next.low->key < out.back().high->key ||
                                          (next.low->key == out.back().high->key && !(next.low->open && out.back().high->open)));
      if (!joins) {
        out.push_back(next);
        continue;
      }
      auto& high = out.back().high;
      if (!high) continue;
      if (!next.high || next.high->key > high->key || (next.high->key == high->key && high->open)) high = next.high;
    }
    return out;
  }

  static std::vector<Interval> complement(const std::vector<Interval>& taken) {
    std::vector<Interval> out;
    std::optional<Bound> from;
    bool ended = false;
    for (const Interval& interval : taken) {
      if (interval.low) {
        const Interval gap{from, Bound{interval.low->key, !interval.low->open}};
        if (!is_empty(gap)) out.push_back(gap);
      }
      if (!interval.high) {
        ended = true;
        break;
      }
      from = Bound{interval.high->key, !interval.high->open};
    }
    if (!ended) out.push_back({from, std::nullopt});
    return out;
  }

  // ---- writing ----

  std::string literal(int64_t key) const {
    switch (column_.kind) {
      case Kind::date:
        return date_literal(key);
      case Kind::time:
        return time_literal(key);
      case Kind::datetime:
        return datetime_term(key).text;
      default:
        return text_of(decimal_of_millionths(key));
    }
  }

  /// Columns whose values have a next one: it makes an open end a closed one.
  int64_t step() const {
    switch (column_.kind) {
      case Kind::decimal:
      case Kind::date:
      case Kind::time:
        return 1;
      case Kind::integer:
        return 1'000'000;
      default:
        return 0;
    }
  }

  std::string text(Interval interval) const {
    if (column_.kind == Kind::integer) {  // ends between whole numbers
      const auto down = [](int64_t key) { return key - ((key % 1'000'000) + 1'000'000) % 1'000'000; };
      if (interval.low && interval.low->key % 1'000'000 != 0) interval.low = Bound{down(interval.low->key) + 1'000'000, false};
      if (interval.high && interval.high->key % 1'000'000 != 0) interval.high = Bound{down(interval.high->key), false};
    }
    if (!interval.low) return fmt::format("{} {}", interval.high->open ? "<" : "<=", literal(interval.high->key));
    if (!interval.high) return fmt::format("{} {}", interval.low->open ? ">" : ">=", literal(interval.low->key));
    if (interval.low->key == interval.high->key) return literal(interval.low->key);
    if (interval.low->open) {
      if (step() == 0) throw NotConstant{};
      interval.low = Bound{interval.low->key + step(), false};
      if (is_empty(interval)) return {};
      if (interval.low->key == interval.high->key) return literal(interval.low->key);
    }
    return fmt::format("{}..{}{}", literal(interval.low->key), interval.high->open ? "<" : "", literal(interval.high->key));
  }

  CellTexts intervals_out(bool null) const {
    std::string out;
    for (const Interval& interval : normal()) {
      std::string one;
      if (!interval.low && !interval.high) {
        if (null || !nullable_) return {{"any"}};
        one = "known";
      } else {
        one = text(interval);
        if (column_.kind == Kind::integer && interval.low && interval.high) {
          const auto whole = [](int64_t key) { return key % 1'000'000 == 0; };
          // no whole number between the ends: such an interval takes nothing
          if (!whole(interval.low->key) && !whole(interval.high->key) && interval.high->key - interval.low->key < 1'000'000 &&
              interval.high->key / 1'000'000 == interval.low->key / 1'000'000 && (interval.high->key < 0) == (interval.low->key < 0)) {
            one.clear();
          }
        }
      }
      if (one.empty()) continue;
      out += (out.empty() ? "" : ", ") + one;
    }
    return with_null(std::move(out), null);
  }

  static CellTexts with_null(std::string out, bool null) {
    if (null) out += out.empty() ? "missing" : ", missing";
    return out.empty() ? CellTexts{} : CellTexts{{std::move(out)}};
  }

  CellTexts ordinals_out(bool null) const {
    std::string out;
    size_t taken = 0;
    for (size_t i = 0; i < listed_count(); ++i) {
      if (std::find(ordinals_.begin(), ordinals_.end(), i) == ordinals_.end()) continue;
      ++taken;
      out += (out.empty() ? "" : ", ") + (enumeration_ != nullptr ? quoted_name(enumeration_->literals[i]) : std::string(i == 1 ? "true" : "false"));
    }
    if (taken == listed_count() && (null || !nullable_)) return {{"any"}};
    if (taken == listed_count()) return {{"known"}};
    return with_null(std::move(out), null);
  }

  CellTexts texts_out(bool null) const {
    std::string out;
    for (const std::string& text : texts_) out += (out.empty() ? "" : ", ") + text_literal(text);
    if (!texts_negated_) return with_null(std::move(out), null);
    if (out.empty()) return null || !nullable_ ? CellTexts{{"any"}} : CellTexts{{"known"}};
    CellTexts made{{"not " + out}};
    if (null) made.alternatives.push_back("missing");
    return made;
  }

  Type column_;
  bool nullable_;
  Expressions& expressions_;
  const Enumeration* enumeration_ = nullptr;
  std::vector<Interval> intervals_;
  std::vector<size_t> ordinals_;
  std::vector<std::string> texts_;
  bool texts_negated_ = false, whole_ = false;
  std::vector<OfNull> of_null_;  // of each test
};

}  // namespace

std::optional<CellTexts> constant_cell(const std::vector<feel::NodePtr>& tests, const Type& column, bool nullable, Expressions& expressions,
                                       const std::map<std::string, Enumeration>& enumerations) {
  if (column.kind == Kind::days_time || column.kind == Kind::years_months) {
    if (tests.size() == 1 && tests[0]->kind == NodeKind::dash) return CellTexts{{"any"}};
    return std::nullopt;
  }
  try {
    return CellReader(column, nullable, expressions, enumerations).read(tests);
  } catch (const NotConstant&) {
    return std::nullopt;
  }
}

}  // namespace dunlin::tables
