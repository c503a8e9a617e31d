#include "server/import/generated_portfolio.h"

#include <date/date.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace dunlin::import {
namespace {

constexpr int most_months_late = 8;

/// Share of accounts, in thousandths, that move from n months late (row) to m (column) by the next statement. Rows 0 and 2 to 7 were measured on 30,000
/// card accounts over six months; so few are one or eight months late that those rows are assumed: one moves like two, eight like seven.
constexpr std::array<std::array<int, most_months_late + 1>, most_months_late + 1> moves = {{
    {939, 14, 47, 0, 0, 0, 0, 0, 0},
    {253, 103, 644, 0, 0, 0, 0, 0, 0},
    {253, 103, 580, 64, 0, 0, 0, 0, 0},
    {159, 98, 327, 159, 257, 0, 0, 0, 0},
    {42, 85, 225, 77, 281, 290, 0, 0, 0},
    {54, 63, 162, 63, 99, 108, 451, 0, 0},
    {32, 32, 79, 16, 16, 48, 63, 714, 0},
    {0, 5, 268, 10, 0, 0, 5, 602, 110},
    {0, 5, 268, 10, 0, 0, 5, 602, 110},
}};

/// Twelve months of a book of overdue debt, by days past due.
struct Contact {
  int days_past_due_max;
  double recovered_a_year;  // share of the debt
  double calls_a_year;      // a case
  double reached;           // right-party contacts a call
};
constexpr std::array<Contact, 3> contacts = {{{90, 0.295, 41, 0.068}, {180, 0.131, 38, 0.059}, {360, 0.079, 40, 0.048}}};

const Contact& contact_of(int months_late) {
  for (const Contact& contact : contacts) {
    if (months_late * 30 <= contact.days_past_due_max) return contact;
  }
  return contacts.back();
}

uint64_t mix(uint64_t z) {
  z ^= z >> 30;
  z *= 0xBF58476D1CE4E5B9ull;
  z ^= z >> 27;
  z *= 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

/// Chances of one account: the same for the same seed, account and question, whoever asks and in whatever order.
class Chance {
 public:
  Chance(uint64_t seed, int64_t account) : base_(mix(seed * 0x9E3779B97F4A7C15ull + 0x5EED) + mix(static_cast<uint64_t>(account) + 1)) {}
  /// 0 … n - 1.
  int64_t below(int64_t n, uint64_t question, uint64_t month = 0, uint64_t occurrence = 0) const {
    uint64_t counter = (question * 1024 + month) * 1024 + occurrence + 1;
    return static_cast<int64_t>((mix(base_ + counter * 0x9E3779B97F4A7C15ull) >> 33) % static_cast<uint64_t>(n));
  }
  bool happens(double share, uint64_t question, uint64_t month = 0, uint64_t occurrence = 0) const {
    return static_cast<double>(below(1'000'000, question, month, occurrence)) < share * 1e6;
  }

 private:
  uint64_t base_;
};

enum Question : uint64_t {
  limit_q,
  usage_q,
  age_q,
  education_q,
  household_q,
  accounts_q,
  start_q,
  move_q,
  habit_q,
  pay_day_q,
  pay_share_q,
  calls_q,
  reached_q,
  outcome_q,
  call_day_q,
  call_hour_q,
  use_q
};

int first_state(const Chance& chance) {
  int64_t u = chance.below(1000, start_q);
  return u < 904 ? 0 : u < 994 ? 2 : 3;
}

int next_state(const Chance& chance, int state, int month) {
  int64_t u = chance.below(1000, move_q, static_cast<uint64_t>(month));
  for (int to = 0; to <= most_months_late; ++to) {
    u -= moves[static_cast<size_t>(state)][static_cast<size_t>(to)];
    if (u < 0) return to;
  }
  return state;
}

double share_moving_down(int state) {
  int sum = 0;
  for (int to = 0; to < state; ++to) sum += moves[static_cast<size_t>(state)][static_cast<size_t>(to)];
  return sum / 1000.0;
}

std::string amount_text(int64_t units) { return std::to_string(units); }

class GeneratedPortfolio final : public RowSource {
 public:
  explicit GeneratedPortfolio(const GeneratedOptions& options) : options_(options) {
    for (auto name : {"row", "account", "debtor", "name", "age", "education", "household", "credit_limit", "id", "at", "months_late", "billed", "amount",
                      "outcome", "due"}) {
      header_.add(name);
    }
  }

  const std::string& name() const override { return name_; }
  const Header& header() const override { return header_; }
  int64_t position() const override { return account_; }
  int64_t total() const override { return options_.accounts; }

  Next next(Row& row, Rejection&) override {
    while (next_ >= rows_.size()) {
      if (account_ >= options_.accounts) return Next::end;
      make_account(++account_);
    }
    row = std::move(rows_[next_++]);
    row.line = ++line_;
    return Next::row;
  }

 private:
  void make_account(int64_t account) {
    rows_.clear();
    next_ = 0;
    Chance chance(options_.seed, account);
    describe(account, chance);
    put("account");
    const int64_t limit = std::stoll(person_[credit_limit_at]);
    const bool full_payer = chance.happens(0.38, habit_q);
    int64_t usage = chance.below(100, usage_q);  // how much of the limit is used when nothing is late
    int64_t billed = 0;
    int state = first_state(chance);
    for (int month = 0; month < options_.months; ++month) {
      if (month > 0) {
        int to = next_state(chance, state, month);
        pay(chance, month, state, to, billed);
        call(chance, month, state, billed);
        state = to;
      }
      int64_t drift = chance.below(21, use_q, static_cast<uint64_t>(month)) - 10;
      usage = std::clamp<int64_t>(usage + drift, 0, 110);
      billed = state > 0 ? std::max(limit * std::max<int64_t>(usage, 25) / 100, billed * 102 / 100) : limit * usage / 100;
      int status = state > 0 ? state : billed == 0 ? -2 : full_payer ? -1 : 0;
      statement(month, status, billed);
    }
  }

  /// Who an account belongs to: about one debtor in six has two accounts, standing one after the other.
  void describe(int64_t account, const Chance& own) {
    bool second = account % 2 == 0 && Chance(options_.seed, account).happens(1.0 / 3, accounts_q);
    int64_t debtor = second ? account - 1 : account;
    Chance chance(options_.seed, debtor);
    constexpr std::array<const char*, 4> education = {"graduate_school", "university", "high_school", "other_education"};
    constexpr std::array<const char*, 3> household = {"married", "single", "other_household"};
    int64_t e = chance.below(100, education_q), h = chance.below(100, household_q);
    // Small limits are common and large ones rare.
    int64_t limit = (1 + own.below(50, limit_q) * own.below(50, limit_q, 1) / 50) * 10'000;
    person_ = {fmt::format("A-{:07}", account),
               fmt::format("D-{:07}", debtor),
               fmt::format("Invented Client {}", debtor),
               std::to_string(21 + (chance.below(40, age_q) + chance.below(20, age_q, 1))),
               education[e < 35   ? 0
                         : e < 82 ? 1
                         : e < 98 ? 2
                                  : 3],
               household[h < 45   ? 0
                         : h < 98 ? 1
                                  : 2],
               std::to_string(limit)};
  }

  Row& put(const char* kind) {
    Row row;
    row.cells.assign(header_.size(), "");
    row.cells[0] = kind;
    for (size_t i = 0; i < person_.size(); ++i) row.cells[i + 1] = person_[i];
    rows_.push_back(std::move(row));
    return rows_.back();
  }

  void set(Row& row, std::string_view column, std::string value) { row.cells[static_cast<size_t>(header_.find(column))] = std::move(value); }

  /// `day` of the month before statement number `month`: 1 … 27 days after the statement before it.
  std::string moment(int month, int64_t days_after, int hour, int minute) const {
    auto first = date::year(options_.first_year) / options_.first_month / 28;
    auto at = date::sys_days(first + date::months(month)) + date::days(days_after);
    auto day = date::year_month_day(at);
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()),
                       hour, minute);
  }

  void statement(int month, int status, int64_t billed) {
    Row& row = put("statement");
    set(row, "id", fmt::format("{}-S{}", person_[0], month));
    set(row, "at", moment(month, 0, 12, 0));
    set(row, "months_late", std::to_string(status));
    set(row, "billed", amount_text(billed));
  }

  /// What came in between two statements. A late account that moves down has paid so much that the year's recovery of its age is met.
  void pay(const Chance& chance, int month, int from, int to, int64_t billed) {
    if (billed <= 0) return;
    auto m = static_cast<uint64_t>(month);
    int64_t amount = 0;
    if (from > 0 && to < from) {
      amount = static_cast<int64_t>(static_cast<double>(billed) * contact_of(from).recovered_a_year / 12 / share_moving_down(from));
    } else if (from == 0 && to == 0) {
      bool full = chance.happens(0.38, habit_q);
      amount = full ? billed : billed * (3 + chance.below(12, pay_share_q, m)) / 100;
    }
    if (amount <= 0) return;
    Row& row = put("payment");
    set(row, "id", fmt::format("{}-P{}", person_[0], month));
    set(row, "at", moment(month - 1, 3 + chance.below(24, pay_day_q, m), 9 + static_cast<int>(m % 8), 30));
    set(row, "amount", amount_text(amount));
  }

  void call(const Chance& chance, int month, int state, int64_t billed) {
    if (state <= 0) return;
    auto m = static_cast<uint64_t>(month);
    const Contact& contact = contact_of(state);
    double a_month = contact.calls_a_year / 12;
    auto calls = static_cast<int64_t>(a_month);
    if (chance.happens(a_month - static_cast<double>(calls), calls_q, m)) ++calls;
    for (int64_t n = 0; n < calls; ++n) {
      auto k = static_cast<uint64_t>(n);
      // Evenly spread over the four weeks between two statements, so that no two fall on one day.
      int64_t day = 1 + n * 26 / calls + chance.below(26 / calls, call_day_q, m, k);
      Row& row = put("call");
      set(row, "id", fmt::format("{}-C{}-{}", person_[0], month, n + 1));
      set(row, "at",
          moment(month - 1, day, 18 + static_cast<int>(chance.below(2, call_hour_q, m, k)), static_cast<int>(chance.below(60, call_hour_q, m, k + 512))));
      std::string outcome = outcome_of(chance, contact, m, k);
      if (outcome == "promises") {
        set(row, "amount", amount_text(std::max<int64_t>(1, billed / 10)));
        set(row, "due", moment(month - 1, day + 7, 0, 0).substr(0, 10));
      }
      set(row, "outcome", std::move(outcome));
    }
  }

  static std::string outcome_of(const Chance& chance, const Contact& contact, uint64_t month, uint64_t call) {
    int64_t u = chance.below(100, outcome_q, month, call);
    if (chance.happens(contact.reached, reached_q, month, call)) return u < 55 ? "promises" : "refuses";
    return u < 60 ? "no_answer" : u < 75 ? "busy" : u < 90 ? "voicemail" : u < 97 ? "message_left" : "number_invalid";
  }

  static constexpr size_t credit_limit_at = 6;
  GeneratedOptions options_;
  std::string name_ = "generated";
  Header header_;
  std::vector<std::string> person_;
  std::vector<Row> rows_;
  size_t next_ = 0;
  int64_t account_ = 0, line_ = 0;
};

}  // namespace

std::unique_ptr<RowSource> generate_portfolio(const GeneratedOptions& options) { return std::make_unique<GeneratedPortfolio>(options); }

}  // namespace dunlin::import
