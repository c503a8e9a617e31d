// A small program about debtors and accounts, written by hand: what tests of the compiler share.
#pragma once

#include <memory>

#include "lang/sema/checked.h"

namespace dunlin::test {

/// Entities debtor (0) and account (1) of debtor; events payment, call with a tree of outcomes, complaint;
/// derived fields, a segmentation, functions, tables of every kind, one setting. Roots of tests are added behind.
struct DebtProgram {
  static constexpr checked::Index debtor = 0, account = 1;
  static constexpr checked::Index payment = 0, call = 1, call_reached = 2, call_debtor = 3, call_no_answer = 4, complaint = 5;
  static constexpr checked::Index dpd = 0, calls_this_week = 1, risk = 2, oldest_debt = 0;  // derived fields
  static constexpr checked::Index is_late = 0, fee = 1, big_function = 2;                   // functions
  static constexpr checked::Index months_offered = 0, by_order = 1, by_worth = 2, with_predicate = 3, points = 4, rows_hit = 5, largest = 6, by_date = 7;
};

std::unique_ptr<checked::Program> make_debt_program();

}  // namespace dunlin::test
