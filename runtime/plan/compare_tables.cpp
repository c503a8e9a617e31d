#include "runtime/plan/compare_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "compiler/abi/arena.h"
#include "lang/sema/analysis/columns.h"

namespace dunlin::plan {

namespace {

using analysis::Box;
using analysis::Side;
using checked::HitPolicy;

/// What comes out of one or several rows.
struct Outcome {
  std::vector<Meaning> meaning;
  std::string text;
  bool operator==(const Outcome& other) const { return meaning == other.meaning; }
};

struct RowOf {
  Box box;
  Meaning identity = -1;  // of the whole row, cells and outputs
  Outcome outcome;
  int64_t rank = 0;              // `priority`: better is smaller
  std::optional<int64_t> value;  // of a single constant output that is added or compared
};

struct Piece {
  Box box;
  Outcome before, after;
};

bool same_literals(const checked::Program& a, const checked::Program& b, const checked::Type& left, const checked::Type& right) {
  if (left.kind != right.kind || left.optional != right.optional) return false;
  if (left.kind == checked::TypeKind::stage) return false;
  if (left.kind != checked::TypeKind::enumeration) return true;
  return a.enums[left.id].literals == b.enums[right.id].literals;
}

bool has_computed_cells(const checked::Table& table) {
  return std::ranges::any_of(table.rows,
                             [](const auto& row) { return std::ranges::any_of(row.cells, [](const auto& cell) { return cell.predicate != checked::none; }); });
}

std::string output_text(const TableVersion& version, const checked::TableOutput& output, size_t column) {
  const checked::Program& program = version.view.program;
  if (!output.constant) return std::string(version.view.sources.text(program.roots[output.root].span));
  const checked::Type& type = version.table.outputs[column].type;
  const auto is_text = [](checked::TypeKind kind) {
    return kind == checked::TypeKind::text || kind == checked::TypeKind::timezone || kind == checked::TypeKind::file || kind == checked::TypeKind::location;
  };
  if (type.optional && !output.slots.empty() && output.slots[0] == 0) return "missing";
  if (is_text(type.kind)) return '"' + output.text + '"';
  return checked::format_value(program, type, output.slots.data());
}

Outcome outcome_of(const TableVersion& version, const checked::TableRow& row) {
  Outcome outcome;
  for (size_t o = 0; o < row.outputs.size(); ++o) {
    outcome.meaning.push_back(version.canon.table_output(version.table, row.outputs[o], o));
    if (o > 0) outcome.text += ", ";
    if (row.outputs.size() > 1) outcome.text += version.table.outputs[o].name + ": ";
    outcome.text += output_text(version, row.outputs[o], o);
  }
  return outcome;
}

/// As the policy `priority` prefers them: the earlier literal, the greater value.
int64_t rank_of(const checked::Table& table, const checked::TableRow& row) {
  if (table.policy != HitPolicy::priority || row.outputs.empty() || row.outputs[0].slots.empty()) return 0;
  const int64_t value = row.outputs[0].slots.back();
  return table.outputs[0].type.kind == checked::TypeKind::enumeration ? value : -value;
}

std::optional<int64_t> value_of(const checked::Table& table, const checked::TableRow& row) {
  const bool one = row.outputs.size() == 1 && row.outputs[0].constant && row.outputs[0].slots.size() == 1;
  if (!one || table.outputs[0].type.kind == checked::TypeKind::number || table.outputs[0].type.kind == checked::TypeKind::duration) return std::nullopt;
  return row.outputs[0].slots[0];
}

/// Splits the cases column by column into pieces that no row of either version tells apart, and keeps those that come out otherwise.
class Splitter {
 public:
  Splitter(const TableVersion& before, const TableVersion& after, std::vector<analysis::Column>& columns, const CompareOptions& options)
      : before_(before), after_(after), columns_(columns), work_(options.table_work_max) {
    take_rows(before, old_rows_);
    take_rows(after, new_rows_);
    if (before.table.otherwise) old_otherwise_ = outcome_of(before, *before.table.otherwise);
    if (after.table.otherwise) new_otherwise_ = outcome_of(after, *after.table.otherwise);
  }

  /// False: too much work.
  bool run() {
    std::vector<size_t> old_alive(old_rows_.size()), new_alive(new_rows_.size());
    for (size_t r = 0; r < old_alive.size(); ++r) old_alive[r] = r;
    for (size_t r = 0; r < new_alive.size(); ++r) new_alive[r] = r;
    split(0, old_alive, new_alive);
    return !work_.used_up();
  }
  std::vector<Piece> pieces() { return std::move(pieces_); }

 private:
  void take_rows(const TableVersion& version, std::vector<RowOf>& rows) {
    for (const auto& row : version.table.rows) {
      RowOf taken;
      for (size_t c = 0; c < columns_.size(); ++c) taken.box.push_back(columns_[c].side(row.cells[c]));
      taken.identity = version.canon.table_row(version.table, row);
      taken.outcome = outcome_of(version, row);
      taken.rank = rank_of(version.table, row);
      taken.value = value_of(version.table, row);
      rows.push_back(std::move(taken));
    }
  }

  bool surely_same(const std::vector<size_t>& old_alive, const std::vector<size_t>& new_alive) const {
    if (before_.table.policy != after_.table.policy || old_alive.size() != new_alive.size() || !(old_otherwise_ == new_otherwise_)) return false;
    for (size_t i = 0; i < old_alive.size(); ++i) {
      if (old_rows_[old_alive[i]].identity != new_rows_[new_alive[i]].identity) return false;
    }
    return true;
  }

  void split(size_t column, const std::vector<size_t>& old_alive, const std::vector<size_t>& new_alive) {
    if (work_.used_up() || !work_.spend(1 + old_alive.size() + new_alive.size())) return;
    if (surely_same(old_alive, new_alive)) return;
    if (column == columns_.size()) return settle(old_alive, new_alive);
    // Atoms that the same rows take go together.
    std::map<std::pair<std::vector<size_t>, std::vector<size_t>>, Side> groups;
    for (int32_t atom = 0; atom < columns_[column].atom_count(); ++atom) {
      if (!work_.spend(old_alive.size() + new_alive.size())) return;
      auto& side = groups[{taking(old_rows_, old_alive, column, atom), taking(new_rows_, new_alive, column, atom)}];
      if (!side.empty() && side.back().high + 1 == atom) {
        side.back().high = atom;
      } else {
        side.push_back({atom, atom});
      }
    }
    for (const auto& [rows, side] : groups) {
      path_.push_back(side);
      split(column + 1, rows.first, rows.second);
      path_.pop_back();
    }
  }

  static std::vector<size_t> taking(const std::vector<RowOf>& rows, const std::vector<size_t>& alive, size_t column, int32_t atom) {
    std::vector<size_t> left;
    for (const size_t r : alive) {
      const Side& side = rows[r].box[column];
      const auto run = std::ranges::lower_bound(side, atom, {}, &analysis::Run::high);
      if (run != side.end() && run->low <= atom) left.push_back(r);
    }
    return left;
  }

  void settle(const std::vector<size_t>& old_alive, const std::vector<size_t>& new_alive) {
    Outcome old_outcome = combine(before_, old_rows_, old_alive, old_otherwise_);
    Outcome new_outcome = combine(after_, new_rows_, new_alive, new_otherwise_);
    if (old_outcome == new_outcome) return;
    for (Piece& piece : pieces_) {
      if (piece.before == old_outcome && piece.after == new_outcome && merged(piece.box)) return;
    }
    pieces_.push_back({path_, std::move(old_outcome), std::move(new_outcome)});
  }

  /// Two boxes that differ in one column only are one.
  bool merged(Box& box) const {
    size_t differing = box.size();
    for (size_t c = 0; c < box.size(); ++c) {
      if (box[c] == path_[c]) continue;
      if (differing != box.size()) return false;
      differing = c;
    }
    if (differing == box.size()) return true;
    Side& side = box[differing];
    side.insert(side.end(), path_[differing].begin(), path_[differing].end());
    std::ranges::sort(side, {}, &analysis::Run::low);
    Side joined;
    for (const analysis::Run& run : side) {
      if (!joined.empty() && joined.back().high + 1 >= run.low) {
        joined.back().high = std::max(joined.back().high, run.high);
      } else {
        joined.push_back(run);
      }
    }
    side = std::move(joined);
    return true;
  }

  static Outcome combine(const TableVersion& version, const std::vector<RowOf>& rows, std::vector<size_t> alive, const std::optional<Outcome>& otherwise) {
    const HitPolicy policy = version.table.policy;
    if (policy == HitPolicy::count) return {{static_cast<Meaning>(alive.size())}, std::to_string(alive.size())};
    const bool figures = policy == HitPolicy::sum || policy == HitPolicy::minimum || policy == HitPolicy::maximum;
    if (figures && std::ranges::all_of(alive, [&](size_t r) { return rows[r].value.has_value(); })) return figure(version, rows, alive);
    if (alive.empty()) return otherwise ? *otherwise : Outcome{{}, "no row"};
    if (policy == HitPolicy::priority) return rows[*std::ranges::min_element(alive, {}, [&](size_t r) { return rows[r].rank; })].outcome;
    if (!figures && policy != HitPolicy::collect) return rows[alive.front()].outcome;
    // The order of rows makes no difference to a figure; it does to what is walked.
    if (figures) std::ranges::sort(alive, {}, [&](size_t r) { return rows[r].outcome.meaning; });
    Outcome together;
    for (const size_t r : alive) {
      const Outcome& one = rows[r].outcome;
      together.meaning.insert(together.meaning.end(), one.meaning.begin(), one.meaning.end());
      together.text += (together.text.empty() ? "" : "; ") + one.text;
    }
    return together;
  }

  /// Sum, least or greatest of constant outputs: two ways to the same figure are no difference.
  static Outcome figure(const TableVersion& version, const std::vector<RowOf>& rows, const std::vector<size_t>& alive) {
    const HitPolicy policy = version.table.policy;
    if (alive.empty() && policy != HitPolicy::sum) return {{}, "missing"};
    int64_t result = alive.empty() ? 0 : *rows[alive[0]].value;
    for (size_t i = 1; i < alive.size(); ++i) {
      const int64_t value = *rows[alive[i]].value;
      if (policy == HitPolicy::sum && __builtin_add_overflow(result, value, &result)) return {{}, "a figure too large"};
      if (policy == HitPolicy::minimum) result = std::min(result, value);
      if (policy == HitPolicy::maximum) result = std::max(result, value);
    }
    const std::string text = checked::format_value(version.view.program, version.table.outputs[0].type.known(), &result);
    return {{static_cast<Meaning>(result >> 32), static_cast<Meaning>(result)}, text};
  }

  const TableVersion& before_;
  const TableVersion& after_;
  std::vector<analysis::Column>& columns_;
  analysis::Work work_;
  std::vector<RowOf> old_rows_, new_rows_;
  std::optional<Outcome> old_otherwise_, new_otherwise_;
  Box path_;
  std::vector<Piece> pieces_;
};

bool comparable(const TableVersion& before, const TableVersion& after) {
  const checked::Table &a = before.table, &b = after.table;
  if (a.inputs.size() != b.inputs.size() || a.outputs.size() != b.outputs.size()) return false;
  if (has_computed_cells(a) || has_computed_cells(b)) return false;
  for (size_t c = 0; c < a.inputs.size(); ++c) {
    if (!same_literals(before.view.program, after.view.program, a.inputs[c].type, b.inputs[c].type)) return false;
    if (a.inputs[c].minimum != b.inputs[c].minimum || a.inputs[c].maximum != b.inputs[c].maximum) return false;
  }
  for (size_t c = 0; c < a.outputs.size(); ++c) {
    if (a.outputs[c].type.kind != b.outputs[c].type.kind || a.outputs[c].type.optional != b.outputs[c].type.optional) return false;
  }
  return true;
}

}  // namespace

std::optional<TableDifference> compare_tables(const TableVersion& before, const TableVersion& after, const CompareOptions& options) {
  if (!comparable(before, after)) return std::nullopt;
  std::vector<analysis::Column> columns;
  for (size_t c = 0; c < before.table.inputs.size(); ++c) {
    std::vector<const checked::Cell*> cells;
    for (const auto& row : before.table.rows) cells.push_back(&row.cells[c]);
    for (const auto& row : after.table.rows) cells.push_back(&row.cells[c]);
    columns.emplace_back(after.view.program, after.table.inputs[c], cells);
  }
  Splitter splitter(before, after, columns, options);
  if (!splitter.run()) return std::nullopt;
  TableDifference difference;
  for (const Piece& piece : splitter.pieces()) {
    if (difference.cases.size() == options.cases_max) {
      difference.more = true;
      break;
    }
    TableCases& cases = difference.cases.emplace_back();
    for (size_t c = 0; c < columns.size(); ++c) {
      cases.where.emplace_back(after.table.inputs[c].name, columns[c].side_text(piece.box[c]));
      cases.witness.emplace_back(after.table.inputs[c].name, columns[c].value_in(piece.box[c].front()));
    }
    cases.before = piece.before.text;
    cases.after = piece.after.text;
  }
  return difference;
}

std::string rows_in_words(const TableVersion& before, const TableVersion& after) {
  std::map<Meaning, int> balance;
  for (const auto& row : before.table.rows) --balance[before.canon.table_row(before.table, row)];
  for (const auto& row : after.table.rows) ++balance[after.canon.table_row(after.table, row)];
  int fewer = 0, more = 0;
  for (const auto& [row, count] : balance) (count < 0 ? fewer : more) += std::abs(count);
  return fmt::format("{} of its rows are gone, {} are new", fewer, more);
}

}  // namespace dunlin::plan
