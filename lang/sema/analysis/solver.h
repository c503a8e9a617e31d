// What sets of cases (conditions.h) cannot tell: conditions over arithmetic of several fields, computed cells, fields compared with one another. They are
// put to Z3 as statements about whole numbers, which is what Dunlin's exact values are.
//
// The translation never says less than is possible: what it does not know (history, doubles, native functions) is a value of its own, free of
// everything else. So "never" is proof, and "sometimes" is only a hint: a witness is evaluated before it is shown. The search is bounded by Z3's
// own count of its work, so the same bundle gives the same answers on every machine, and by a time for the worst.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "lang/sema/analysis/witness.h"

namespace dunlin::analysis {

struct Demand {
  checked::RootId root = checked::none;  // bool; none: true
  bool wanted = true;
};

struct SolverAnswer {
  /// never: proved. sometimes: for all that is known there may be such values. undecided: all of it was put to Z3, and its work ran out.
  enum class Verdict : uint8_t { never, sometimes, undecided };
  Verdict verdict = Verdict::undecided;
  /// sometimes: values on which the demands were evaluated and hold. Nothing: there may be none.
  std::optional<Witness> witness;
};

class Solver {
 public:
  explicit Solver(const checked::Program& program);
  ~Solver();
  Solver(const Solver&) = delete;
  Solver& operator=(const Solver&) = delete;

  /// So many questions may be asked from here on; what is asked beyond is not put to Z3 at all, and answered with what is known without it. A bundle
  /// of many departments has hundreds of thousands of pairs of strategies.
  void allow(int64_t questions);

  /// Whether the condition has anything that sets of cases do not see: arithmetic over more than constants, or two values compared.
  bool worth_asking(checked::RootId root);
  /// Whether all demands can be met at once by an instance of the entity.
  SolverAnswer ask(checked::Index entity, const std::vector<Demand>& demands);
  /// The same for those who show no witness: none is looked for, and every verdict is remembered for the next check of a bundle that asks the same.
  SolverAnswer::Verdict verdict(checked::Index entity, const std::vector<Demand>& demands);

  /// One row of a table: whether all these cells take the inputs (or, not wanted, some cell does not).
  struct RowDemand {
    const checked::TableRow* row = nullptr;
    bool wanted = true;
  };
  /// The witness names the inputs.
  SolverAnswer ask_table(const checked::Table& table, const std::vector<RowDemand>& rows);

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace dunlin::analysis
