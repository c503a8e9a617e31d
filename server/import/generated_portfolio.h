// A card portfolio made up from published figures: month-to-month moves between months late (docs/guides/generated-portfolio.md has the table), and
// how much a book of overdue debt recovers and how often a call reaches the debtor. Every person in it is invented.
//
// Randomness is counted, not drawn: account n is the same in a small portfolio and in a large one, on every machine.
#pragma once

#include <cstdint>
#include <memory>

#include "server/import/row_source.h"

namespace dunlin::import {

struct GeneratedOptions {
  int64_t accounts = 1000;
  uint64_t seed = 1;
  int months = 6;
  int first_year = 2005, first_month = 4;  // of the first statement, which is dated the 28th
};

/// Rows with these columns; `row` says what a row is: account, statement, payment or call.
///   row, account, debtor, name, age, education, household, credit_limit          of every row
///   id, at                                                                       of statements, payments and calls
///   months_late, billed                                                          statement (-2 not used, -1 paid in full, 0 revolving, n months late)
///   amount                                                                       payment, and what is promised
///   outcome, due                                                                 call: promises, refuses, no_answer, busy, voicemail, message_left,
///   number_invalid
std::unique_ptr<RowSource> generate_portfolio(const GeneratedOptions& options);

}  // namespace dunlin::import
