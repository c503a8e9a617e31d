#include "lang/sema/analysis/columns.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace dunlin::analysis {

using checked::Cell;
using checked::TypeKind;

namespace {

std::pair<int64_t, int64_t> natural_domain(const checked::Program& program, const checked::Type& type) {
  switch (type.kind) {
    case TypeKind::boolean:
      return {0, 1};
    case TypeKind::enumeration:
      return {0, static_cast<int64_t>(program.enums.at(static_cast<size_t>(type.id)).literals.size()) - 1};
    case TypeKind::stage:
      return {0, static_cast<int64_t>(program.stages.size()) - 1};
    case TypeKind::time:
      return {0, 86'399};
    case TypeKind::number:
      return {checked::order_key_of_double(std::numeric_limits<double>::lowest()), checked::order_key_of_double(std::numeric_limits<double>::max())};
    default:
      return {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
  }
}

}  // namespace

Column::Column(const checked::Program& program, const checked::TableColumn& column, const std::vector<const Cell*>& cells)
    : program_(program), type_(column.type.known()), optional_(column.type.optional) {
  ordered_ = type_.kind != TypeKind::text && type_.kind != TypeKind::timezone && type_.kind != TypeKind::file && type_.kind != TypeKind::location;
  if (ordered_) {
    std::tie(low_, high_) = natural_domain(program, type_);
    if (column.minimum) low_ = std::max(low_, *column.minimum);
    if (column.maximum) high_ = std::min(high_, *column.maximum);
    cut(cells);
    return;
  }
  for (const Cell* cell : cells) texts_.insert(texts_.end(), cell->texts.begin(), cell->texts.end());
  std::sort(texts_.begin(), texts_.end());
  texts_.erase(std::unique(texts_.begin(), texts_.end()), texts_.end());
}

void Column::cut(const std::vector<const Cell*>& cells) {
  if (low_ > high_) return;
  starts_.push_back(low_);
  for (const Cell* cell : cells) {
    for (const Cell::Interval& interval : cell->intervals) {
      if (interval.low > low_ && interval.low <= high_) starts_.push_back(interval.low);
      if (interval.high >= low_ && interval.high < high_) starts_.push_back(interval.high + 1);
    }
  }
  std::sort(starts_.begin(), starts_.end());
  starts_.erase(std::unique(starts_.begin(), starts_.end()), starts_.end());
}

Side Column::whole() const {
  if (atom_count() == 0) return {};
  return {{0, atom_count() - 1}};
}

Side Column::side(const Cell& cell) const {
  if (cell.predicate != checked::none) return whole();
  Side side;
  const auto add = [&](int32_t low, int32_t high) {
    if (!side.empty() && side.back().high + 1 >= low) {
      side.back().high = std::max(side.back().high, high);
    } else {
      side.push_back({low, high});
    }
  };
  if (ordered_) {
    for (const Cell::Interval& interval : cell.intervals) {
      if (interval.low > interval.high || interval.high < low_ || interval.low > high_ || starts_.empty()) continue;
      const auto first = std::lower_bound(starts_.begin(), starts_.end(), std::max(interval.low, low_));
      const auto past = std::upper_bound(starts_.begin(), starts_.end(), interval.high);
      add(static_cast<int32_t>(first - starts_.begin()), static_cast<int32_t>(past - starts_.begin()) - 1);
    }
  } else {
    for (size_t t = 0; t < texts_.size(); ++t) {
      const bool named = std::find(cell.texts.begin(), cell.texts.end(), texts_[t]) != cell.texts.end();
      if (named != cell.texts_negated) add(static_cast<int32_t>(t), static_cast<int32_t>(t));
    }
    if (cell.texts_negated) add(static_cast<int32_t>(texts_.size()), static_cast<int32_t>(texts_.size()));
  }
  if (optional_ && cell.accepts_missing) add(atom_count() - 1, atom_count() - 1);
  return side;
}

std::string Column::text_in(const Run& run) const {
  if (static_cast<size_t>(run.low) < texts_.size()) return '"' + texts_[static_cast<size_t>(run.low)] + '"';
  std::string other = "other";
  while (std::binary_search(texts_.begin(), texts_.end(), other)) other += '_';
  return '"' + other + '"';
}

std::string Column::value_in(const Run& run) const {
  if (optional_ && run.low == atom_count() - 1) return "missing";
  if (!ordered_) return text_in(run);
  const size_t last = std::min(static_cast<size_t>(run.high), starts_.size() - 1);
  const int64_t low = starts_[static_cast<size_t>(run.low)];
  const int64_t high = last + 1 < starts_.size() ? starts_[last + 1] - 1 : high_;
  int64_t value = low;
  if (low == low_ && high == high_) {
    value = std::clamp<int64_t>(0, low, high);
  } else if (low == low_) {
    value = high;
  }
  if (type_.kind == TypeKind::number) {
    const double number = checked::double_of_order_key(value);
    std::memcpy(&value, &number, sizeof value);
  }
  return checked::format_value(program_, type_, &value);
}

/// Its values are few and named: they are listed one by one.
bool Column::is_listed() const { return type_.kind == TypeKind::boolean || type_.kind == TypeKind::enumeration || type_.kind == TypeKind::stage; }

std::string Column::bound_text(int64_t value) const {
  if (type_.kind == TypeKind::number) {
    const double number = checked::double_of_order_key(value);
    std::memcpy(&value, &number, sizeof value);
  }
  return checked::format_value(program_, type_, &value);
}

std::string Column::interval_text(const Run& run) const {
  const size_t last = std::min(static_cast<size_t>(run.high), starts_.size() - 1);
  const int64_t low = starts_[static_cast<size_t>(run.low)];
  const int64_t high = last + 1 < starts_.size() ? starts_[last + 1] - 1 : high_;
  if (low == high) return bound_text(low);
  if (is_listed()) {
    std::string text;
    for (int64_t value = low; value <= high; ++value) text += (text.empty() ? "" : ", ") + bound_text(value);
    return text;
  }
  const bool open_below = low == low_, open_above = high == high_;
  // Whole things are counted up to the last one, measured things up to the next bound.
  const bool whole = type_.kind == TypeKind::integer || type_.kind == TypeKind::date;
  if (open_below && open_above) return "known";
  if (open_above) return ">= " + bound_text(low);
  if (open_below) return whole ? "<= " + bound_text(high) : "< " + bound_text(high + 1);
  return bound_text(low) + (whole ? ".." + bound_text(high) : "..<" + bound_text(high + 1));
}

std::string Column::side_text(const Side& side) const {
  if (side == whole()) return "any";
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  for (Run run : side) {
    const bool with_missing = optional_ && run.high == atom_count() - 1;
    if (with_missing) --run.high;
    if (run.low <= run.high && ordered_) add(interval_text(run));
    for (int32_t atom = run.low; !ordered_ && atom <= run.high; ++atom)
      add(static_cast<size_t>(atom) < texts_.size() ? text_in({atom, atom}) : std::string("any other text"));
    if (with_missing) add("missing");
  }
  return text;
}

TableSpace::TableSpace(const checked::Program& program, const checked::Table& table) {
  for (size_t c = 0; c < table.inputs.size(); ++c) {
    std::vector<const Cell*> cells;
    for (const checked::TableRow& row : table.rows) cells.push_back(&row.cells.at(c));
    columns.emplace_back(program, table.inputs[c], cells);
    whole.push_back(columns.back().whole());
  }
  for (const checked::TableRow& row : table.rows) {
    Box box;
    bool sure = true;
    for (size_t c = 0; c < columns.size(); ++c) {
      box.push_back(columns[c].side(row.cells[c]));
      sure = sure && row.cells[c].predicate == checked::none;
    }
    rows.push_back(std::move(box));
    certain.push_back(sure);
  }
}

std::vector<std::pair<std::string, std::string>> TableSpace::witness(const checked::Table& table, const Place& place) const {
  std::vector<std::pair<std::string, std::string>> result;
  for (size_t c = 0; c < place.size(); ++c) result.emplace_back(table.inputs[c].name, columns[c].value_in(place[c]));
  return result;
}

}  // namespace dunlin::analysis
