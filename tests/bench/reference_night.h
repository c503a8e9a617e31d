// The reference workload for speed: one night's decisions over a generated portfolio, exact to the last integer.
// The same logic stands in strategies/reference_night/ (Dunlin) and twice in C++ here, so that a ratio compares like with like.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dunlin::bench {

constexpr int32_t as_of = 20000;          // today, days since 1970-01-01
constexpr int32_t never_days_ago = 9999;  // "days ago" of what never happened

// Codes in the columns.
inline constexpr int32_t card = 0, loan = 1, auto_loan = 2, mortgage = 3, overdraft = 4, telco = 5;                        // product
inline constexpr int32_t north = 0, south = 1, east = 2, west = 3, center = 4, capital = 5, islands = 6, abroad = 7;       // region
inline constexpr int32_t legal_none = 0, prelegal = 1, filed = 2, judgment = 3, enforcement = 4;                           // legal
inline constexpr int32_t current = 0, early = 1, mid = 2, late = 3, promise = 4, hard = 5, legal = 6, exit_stage = 7;      // stage
inline constexpr int32_t queue_none = 0, queue_call = 1, queue_sms = 2, queue_mail = 3, queue_field = 4, queue_legal = 5;  // queue

/// The portfolio by columns, as a columnar engine holds it.
struct Columns {
  std::vector<int64_t> id, balance;  // balance in cents
  std::vector<int32_t> product, dpd, risk, behav, mob, calls7, letters, paid_after_letter, broken, promise_open, promise_day, rpc_days, region, secured, legal,
      last_pay_days, tz_off, stage;
  size_t rows() const { return id.size(); }
};

/// The portfolio by accounts, as a program in C++ holds it.
struct Account {
  int64_t id, balance;
  int32_t dpd, promise_day, rpc_days, last_pay_days;
  int16_t risk, behav, mob;
  uint8_t product, calls7, letters, broken, region, legal, stage;
  int8_t tz_off;
  bool paid_after_letter, promise_open, secured;
};

/// The six outputs, by account …
struct Decision {
  int32_t due;
  int16_t template_number;
  uint8_t seg, ns, queue, prio;
};
/// … and by columns.
struct DecisionColumns {
  std::vector<int32_t> seg, ns, queue, prio, template_number, due;
  explicit DecisionColumns(size_t rows) : seg(rows), ns(rows), queue(rows), prio(rows), template_number(rows), due(rows) {}
};

/// Accounts first_id … first_id + count - 1. Counter based: an account is the same in every portfolio.
Columns generate(size_t count, int64_t first_id = 1);
std::vector<Account> as_accounts(const Columns& columns);

/// The hand-written twins.
void run_row(const std::vector<Account>& accounts, std::vector<Decision>& decisions);
void run_columnar(const Columns& columns, DecisionColumns& decisions);

struct Checks {
  int64_t checksum = 0;
  int64_t task_checksum = 0;  // over accounts with a task
  int64_t tasks = 0;
  int64_t prio = 0;  // sum
  int64_t by_queue[6] = {};
  friend bool operator==(const Checks&, const Checks&) = default;
  void add(int64_t id, int64_t seg, int64_t ns, int64_t queue, int64_t prio, int64_t template_number, int64_t due);
};
Checks check(const Columns& columns, const std::vector<Decision>& decisions);
Checks check(const Columns& columns, const DecisionColumns& decisions);

}  // namespace dunlin::bench
