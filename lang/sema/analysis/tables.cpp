#include "lang/sema/analysis/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "lang/sema/analysis/columns.h"
#include "lang/sema/interruption.h"

namespace dunlin::analysis {

using checked::HitPolicy;
using checked::Table;
using checked::TableOutput;
using checked::TypeKind;

namespace {

constexpr size_t findings_per_table_max = 20;
/// Tables with computed cells are put to the solver row by row, and pair by pair, up to this size.
constexpr size_t solved_rows_max = 40;

/// Everything that is asked about one table. Rows are counted from 1 in messages.
class TableCheck {
 public:
  TableCheck(const checked::Program& program, const Table& table, Solver& solver, Diagnostics& diagnostics, uint64_t work_max)
      : table_(table), solver_(solver), diagnostics_(diagnostics), space_(program, table), work_(work_max) {
    solved_ = row_count() <= solved_rows_max && std::find(space_.certain.begin(), space_.certain.end(), false) != space_.certain.end();
  }

  void run() {
    for (const Side& side : space_.whole) {
      if (side.empty()) return;  // a column without values: nothing can be asked of the table
    }
    rows_that_never_match();
    if (solved_) computed_rows();
    switch (table_.policy) {
      case HitPolicy::unique:
        overlaps();
        gaps();
        break;
      case HitPolicy::any:
        disagreements();
        gaps();
        break;
      case HitPolicy::first:
        shadowed_rows(rows_in_order());
        gaps();
        break;
      case HitPolicy::priority:
        if (const auto order = rows_by_priority(); !order.empty()) shadowed_rows(order);
        gaps();
        break;
      default:
        break;  // the collecting policies take any number of rows, none included
    }
    if (undecided_) not_decided();
  }

 private:
  size_t row_count() const { return table_.rows.size(); }
  bool can_match(size_t row) const { return !is_empty(space_.rows[row]); }

  void rows_that_never_match() {
    for (size_t r = 0; r < row_count(); ++r) {
      const Box& box = space_.rows[r];
      const auto side = std::find_if(box.begin(), box.end(), [](const Side& s) { return s.empty(); });
      if (side == box.end()) continue;
      const size_t column = static_cast<size_t>(side - box.begin());
      const checked::Cell& cell = table_.rows[r].cells[column];
      auto& diagnostic = diagnostics_.error(
          "E0505", cell.span.known() ? cell.span : table_.rows[r].span,
          fmt::format("row {} of table `{}` can never match: no value of `{}` fits its cell", r + 1, table_.name, table_.inputs[column].name));
      diagnostic.label = "no value fits";
      diagnostic.help = fmt::format("write a cell that some value of `{}` fits, or remove the row", table_.inputs[column].name);
    }
  }

  // ---- computed cells ----

  using RowDemand = Solver::RowDemand;
  bool computed(size_t a, size_t b) const { return !space_.certain[a] || !space_.certain[b]; }

  /// What boxes cannot tell of rows with computed cells.
  void computed_rows() {
    std::vector<bool> dead(row_count(), false);
    for (size_t r = 0; r < row_count(); ++r) {
      if (space_.certain[r] || !can_match(r)) continue;
      const SolverAnswer answer = solver_.ask_table(table_, {{&table_.rows[r], true}});
      if (answer.verdict != SolverAnswer::Verdict::never) continue;
      dead[r] = true;
      auto& diagnostic = diagnostics_.error("E0505", table_.rows[r].span,
                                            fmt::format("row {} of table `{}` can never match: no case fits all its cells at once", r + 1, table_.name));
      diagnostic.label = "no case fits";
      diagnostic.help = "look at the computed cell beside the others, or remove the row";
    }
    const bool unique = table_.policy == HitPolicy::unique, any = table_.policy == HitPolicy::any;
    for (size_t later = 0; later < row_count(); ++later) {
      if (dead[later] || !can_match(later)) continue;
      for (size_t earlier = 0; earlier < later && (unique || any); ++earlier) {
        if (dead[earlier] || !computed(earlier, later) || common_place(space_.rows[earlier], space_.rows[later]).empty()) continue;
        if (unique || surely_differ(table_.rows[earlier], table_.rows[later])) computed_pair(earlier, later);
      }
      if (table_.policy == HitPolicy::first) computed_shadow(later, dead);
    }
  }

  void computed_pair(size_t earlier, size_t later) {
    const SolverAnswer answer = solver_.ask_table(table_, {{&table_.rows[earlier], true}, {&table_.rows[later], true}});
    if (!answer.witness) return;  // they never meet, or no case is known in which they do
    const bool unique = table_.policy == HitPolicy::unique;
    auto& diagnostic =
        diagnostics_.error(unique ? "E0502" : "E0503", table_.rows[later].span,
                           unique ? fmt::format("rows {} and {} of table `{}` overlap: both take this case", earlier + 1, later + 1, table_.name)
                                  : fmt::format("rows {} and {} of table `{}` give different results for this case", earlier + 1, later + 1, table_.name));
    diagnostic.label = unique ? "overlaps" : "disagrees";
    diagnostic.notes.push_back({table_.rows[earlier].span, fmt::format("row {} is here", earlier + 1)});
    diagnostic.witness = answer.witness->text;
    diagnostic.help = unique ? "make the rows disjoint, or choose the policy `first` if the upper row shall win"
                             : "under the policy `any` rows may overlap only where their results are the same";
  }

  void computed_shadow(size_t row, const std::vector<bool>& dead) {
    std::vector<RowDemand> demands{{&table_.rows[row], true}};
    bool any_computed = !space_.certain[row];
    for (size_t earlier = 0; earlier < row; ++earlier) {
      if (dead[earlier] || !can_match(earlier) || common_place(space_.rows[earlier], space_.rows[row]).empty()) continue;
      any_computed = any_computed || !space_.certain[earlier];
      demands.push_back({&table_.rows[earlier], false});
    }
    // With certain rows alone the boxes tell (shadowed_rows).
    if (!any_computed || demands.size() == 1) return;
    if (space_.certain[row] && std::all_of(demands.begin() + 1, demands.end(), [&](const RowDemand& d) { return space_.certain[d.row - table_.rows.data()]; }))
      return;
    if (solver_.ask_table(table_, demands).verdict != SolverAnswer::Verdict::never) return;
    std::vector<const Box*> boxes;
    for (size_t earlier = 0; earlier < row; ++earlier) {
      if (can_match(earlier) && space_.certain[earlier]) boxes.push_back(&space_.rows[earlier]);
    }
    if (find_gap(space_.rows[row], boxes, work_).coverage == Coverage::covered) return;  // E0504 comes from the boxes
    auto& diagnostic = diagnostics_.error("E0504", table_.rows[row].span,
                                          fmt::format("row {} of table `{}` is never used: the rows that come first take all its cases", row + 1, table_.name));
    diagnostic.label = "never used";
    diagnostic.help = "move the row up, narrow a row above, or remove it";
  }

  std::vector<const Box*> boxes_where(bool also_uncertain) const {
    std::vector<const Box*> boxes;
    for (size_t r = 0; r < row_count(); ++r) {
      if (can_match(r) && (also_uncertain || space_.certain[r])) boxes.push_back(&space_.rows[r]);
    }
    return boxes;
  }

  void gaps() {
    const CoverageAnswer surely = find_gap(space_.whole, boxes_where(false), work_);
    if (surely.coverage == Coverage::undecided) {
      undecided_ = true;
      return;
    }
    if (table_.otherwise) {
      if (surely.coverage == Coverage::covered) otherwise_is_never_used();
      return;
    }
    if (surely.coverage == Coverage::covered) return;
    const CoverageAnswer perhaps = find_gap(space_.whole, boxes_where(true), work_);
    if (perhaps.coverage == Coverage::gap) {
      auto& diagnostic = diagnostics_.error("E0501", table_.span, fmt::format("table `{}` has no row for this case", table_.name));
      diagnostic.label = "a case falls through";
      diagnostic.witness = space_.witness(table_, perhaps.gap);
      diagnostic.help = "add a row for it, or an `otherwise` row that takes whatever is left";
    } else if (perhaps.coverage == Coverage::covered) {
      computed_gap(surely.gap);
    } else {
      undecided_ = true;
    }
  }

  void computed_gap(const Place& place) {
    if (!solved_) return gap_hangs_on_computed_cells(place);
    std::vector<RowDemand> none_takes;
    for (const checked::TableRow& row : table_.rows) none_takes.push_back({&row, false});
    const SolverAnswer answer = solver_.ask_table(table_, none_takes);
    if (answer.verdict == SolverAnswer::Verdict::never) return;
    if (!answer.witness) return gap_hangs_on_computed_cells(place);
    auto& diagnostic = diagnostics_.error("E0501", table_.span, fmt::format("table `{}` has no row for this case", table_.name));
    diagnostic.label = "a case falls through";
    diagnostic.witness = answer.witness->text;
    diagnostic.help = "add a row for it, or an `otherwise` row that takes whatever is left";
  }

  void gap_hangs_on_computed_cells(const Place& place) {
    auto& diagnostic = diagnostics_.warning(
        "E0506", table_.span,
        fmt::format("it is not decided whether table `{}` has a row for every case: only computed cells would take this one", table_.name));
    diagnostic.witness = space_.witness(table_, place);
    diagnostic.help = "add an `otherwise` row; without it such a case is set aside when it comes";
  }

  void otherwise_is_never_used() {
    auto& diagnostic = diagnostics_.warning("E0507", table_.otherwise->span,
                                            fmt::format("the `otherwise` row of table `{}` is never used: the rows above take every case", table_.name));
    diagnostic.help = "remove it, or narrow a row above";
  }

  void overlaps() {
    std::vector<size_t> numbers;
    for (const auto& [earlier, later] : overlapping_pairs(numbers)) {
      auto& diagnostic = diagnostics_.error("E0502", table_.rows[later].span,
                                            fmt::format("rows {} and {} of table `{}` overlap: both take this case", earlier + 1, later + 1, table_.name));
      diagnostic.label = "overlaps";
      diagnostic.notes.push_back({table_.rows[earlier].span, fmt::format("row {} is here", earlier + 1)});
      diagnostic.witness = space_.witness(table_, common_place(space_.rows[earlier], space_.rows[later]));
      diagnostic.help = "make the rows disjoint, or choose the policy `first` if the upper row shall win";
    }
  }

  void disagreements() {
    std::vector<size_t> numbers;
    for (const auto& [earlier, later] : overlapping_pairs(numbers)) {
      if (!surely_differ(table_.rows[earlier], table_.rows[later])) continue;
      auto& diagnostic =
          diagnostics_.error("E0503", table_.rows[later].span,
                             fmt::format("rows {} and {} of table `{}` give different results for this case", earlier + 1, later + 1, table_.name));
      diagnostic.label = "disagrees";
      diagnostic.notes.push_back({table_.rows[earlier].span, fmt::format("row {} is here", earlier + 1)});
      diagnostic.witness = space_.witness(table_, common_place(space_.rows[earlier], space_.rows[later]));
      diagnostic.help = "under the policy `any` rows may overlap only where their results are the same";
    }
  }

  /// Pairs of certain rows with a case in common, as row numbers from 0.
  std::vector<std::pair<size_t, size_t>> overlapping_pairs(std::vector<size_t>& numbers) {
    std::vector<const Box*> boxes;
    for (size_t r = 0; r < row_count(); ++r) {
      if (!space_.certain[r] || !can_match(r)) continue;
      boxes.push_back(&space_.rows[r]);
      numbers.push_back(r);
    }
    std::vector<std::pair<size_t, size_t>> pairs;
    // `any` tables overlap on purpose: all pairs are needed there to find the ones that disagree.
    const size_t pairs_max = table_.policy == HitPolicy::any ? 1'000'000 : findings_per_table_max;
    // Some pairs are enough to refuse a `unique` table; of an `any` table each one must be looked at.
    if (!find_overlaps(boxes, pairs_max, work_, pairs) && (pairs.empty() || table_.policy == HitPolicy::any)) undecided_ = true;
    for (auto& [a, b] : pairs) {
      a = numbers[a];
      b = numbers[b];
    }
    return pairs;
  }

  static bool surely_differ(const checked::TableRow& a, const checked::TableRow& b) {
    for (size_t o = 0; o < a.outputs.size() && o < b.outputs.size(); ++o) {
      const TableOutput& x = a.outputs[o];
      const TableOutput& y = b.outputs[o];
      if (x.constant && y.constant && (x.slots != y.slots || x.text != y.text)) return true;
    }
    return false;
  }

  std::vector<size_t> rows_in_order() const {
    std::vector<size_t> order(row_count());
    std::iota(order.begin(), order.end(), 0);
    return order;
  }

  /// Rows as the policy `priority` prefers them; empty where a first output is computed.
  std::vector<size_t> rows_by_priority() const {
    if (table_.outputs.empty()) return {};
    const checked::Type& type = table_.outputs.front().type;
    for (const checked::TableRow& row : table_.rows) {
      const TableOutput& output = row.outputs.front();
      if (!output.constant || output.slots.size() != (type.optional ? 2u : 1u)) return {};
    }
    const bool first_literal_wins = type.kind == TypeKind::enumeration || type.kind == TypeKind::stage;
    const auto wins = [&](size_t a, size_t b) {
      const int64_t x = table_.rows[a].outputs.front().slots.back();
      const int64_t y = table_.rows[b].outputs.front().slots.back();
      if (type.kind == TypeKind::number) return std::bit_cast<double>(x) > std::bit_cast<double>(y);
      return first_literal_wins ? x < y : x > y;
    };
    if (type.optional) return {};
    std::vector<size_t> order = rows_in_order();
    std::stable_sort(order.begin(), order.end(), wins);
    return order;
  }

  void shadowed_rows(const std::vector<size_t>& order) {
    std::vector<size_t> rows;
    std::vector<const Box*> boxes;
    for (const size_t row : order) {
      if (!can_match(row)) continue;
      rows.push_back(row);
      boxes.push_back(&space_.rows[row]);
    }
    // Only rows that meet can shadow one another, and in a large table few do.
    std::vector<std::vector<uint32_t>> meeting;
    if (!find_earlier_overlaps(boxes, work_, meeting)) {
      undecided_ = true;
      return;
    }
    size_t findings = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      std::vector<const Box*> above;
      std::vector<size_t> above_rows;
      for (const uint32_t earlier : meeting[i]) {
        if (!space_.certain[rows[earlier]]) continue;
        above.push_back(boxes[earlier]);
        above_rows.push_back(rows[earlier]);
      }
      if (above.empty()) continue;
      const CoverageAnswer answer = find_gap(*boxes[i], above, work_);
      if (answer.coverage == Coverage::undecided) {
        undecided_ = true;
        return;
      }
      if (answer.coverage == Coverage::covered && findings++ < findings_per_table_max) row_is_shadowed(rows[i], above_rows);
    }
  }

  void row_is_shadowed(size_t row, const std::vector<size_t>& above) {
    auto& diagnostic = diagnostics_.error("E0504", table_.rows[row].span,
                                          fmt::format("row {} of table `{}` is never used: the rows that come first take all its cases", row + 1, table_.name));
    diagnostic.label = "never used";
    for (size_t other : above) {
      const Place place = common_place(space_.rows[other], space_.rows[row]);
      if (place.empty()) continue;
      diagnostic.notes.push_back({table_.rows[other].span, fmt::format("row {} takes this case first", other + 1)});
      diagnostic.witness = space_.witness(table_, place);
      break;
    }
    diagnostic.help = table_.policy == HitPolicy::first ? "move the row up, narrow a row above, or remove it"
                                                        : "give the row a result that comes before the others, or remove it";
  }

  void not_decided() {
    auto& diagnostic = diagnostics_.warning(
        "E0506", table_.span, fmt::format("it is not decided whether the rows of table `{}` fit together: the table is too large to search", table_.name));
    diagnostic.help = "split the table by one of its columns";
  }

  const Table& table_;
  Solver& solver_;
  Diagnostics& diagnostics_;
  TableSpace space_;
  Work work_;
  bool undecided_ = false;
  bool solved_ = false;  // has computed cells, and is small enough for the solver
};

bool well_formed(const Table& table) {
  return !table.inputs.empty() && std::all_of(table.rows.begin(), table.rows.end(), [&](const checked::TableRow& row) {
    return row.cells.size() == table.inputs.size() && row.outputs.size() == table.outputs.size();
  });
}

}  // namespace

void check_tables(const checked::Program& program, Solver& solver, Diagnostics& diagnostics, const AnalysisOptions& options) {
  for (const Table& table : program.tables) {
    sema::Interruptible::ask();
    if (well_formed(table)) TableCheck(program, table, solver, diagnostics, options.table_work_max).run();
  }
}

}  // namespace dunlin::analysis
