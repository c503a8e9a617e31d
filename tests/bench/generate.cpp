#include <algorithm>

#include "tests/bench/reference_night.h"

namespace dunlin::bench {
namespace {

constexpr uint64_t seed = 0x5EED0C0FFEE12345;

uint64_t mix(uint64_t z) {
  z ^= z >> 30;
  z *= 0xBF58476D1CE4E5B9;
  z ^= z >> 27;
  z *= 0x94D049BB133111EB;
  return z ^ z >> 31;
}

/// Draw number k of an account, 0 … n - 1.
struct Draws {
  uint64_t id;
  int64_t operator()(uint64_t k, uint64_t n) const { return static_cast<int64_t>((mix(seed + (id * 64 + k + 1) * 0x9E3779B97F4A7C15) >> 33) % n); }
};

int32_t draw_product(int64_t a) { return a < 35 ? card : a < 60 ? loan : a < 70 ? auto_loan : a < 78 ? mortgage : a < 90 ? overdraft : telco; }

int64_t draw_dpd(const Draws& u) {
  const auto b = u(2, 100);
  if (b < 20) return 0;
  if (b < 55) return 1 + u(3, 30);
  if (b < 75) return 31 + u(3, 30);
  if (b < 85) return 61 + u(3, 30);
  if (b < 95) return 91 + u(3, 90);
  return 181 + u(3, 540);
}

int64_t draw_balance(const Draws& u, int32_t product) {
  const int64_t base = 500LL << u(4, 12);
  const int64_t balance = base + u(5, static_cast<uint64_t>(base));
  return product == mortgage ? balance * 20 : product == auto_loan ? balance * 4 : balance;
}

int32_t draw_calls(int64_t c) { return c < 40 ? 0 : c < 60 ? 1 : c < 72 ? 2 : c < 82 ? 3 : c < 90 ? 4 : c < 95 ? 5 : c < 98 ? 6 : 7; }
int32_t draw_broken(int64_t d) { return d < 60 ? 0 : d < 80 ? 1 : d < 90 ? 2 : d < 96 ? 3 : d < 99 ? 4 : 5; }
int32_t draw_legal(int64_t f) { return f < 50 ? legal_none : f < 75 ? prelegal : f < 90 ? filed : f < 97 ? judgment : enforcement; }

int32_t stage_by_dpd(int64_t dpd) { return dpd == 0 ? current : dpd <= 30 ? early : dpd <= 60 ? mid : dpd <= 90 ? late : dpd <= 150 ? hard : legal; }

}  // namespace

Columns generate(size_t count, int64_t first_id) {
  Columns c;
  for (size_t i = 0; i < count; ++i) {
    const int64_t id = first_id + static_cast<int64_t>(i);
    const Draws u{static_cast<uint64_t>(id)};
    auto add = [](std::vector<int32_t>& column, int64_t value) { column.push_back(static_cast<int32_t>(value)); };
    const auto product = draw_product(u(1, 100));
    const auto dpd = draw_dpd(u);
    const auto letters = dpd <= 5 ? 0 : u(11, static_cast<uint64_t>(std::min<int64_t>(9, 2 + dpd / 20)));
    const bool promises = dpd > 0 && u(14, 100) < 12;
    c.id.push_back(id);
    c.balance.push_back(draw_balance(u, product));
    add(c.product, product);
    add(c.dpd, dpd);
    add(c.risk, 300 + (u(6, 551) + u(7, 551)) / 2);
    add(c.behav, u(8, 1000));
    add(c.mob, u(9, 241));
    add(c.calls7, dpd == 0 ? 0 : draw_calls(u(10, 100)));
    add(c.letters, letters);
    add(c.paid_after_letter, letters > 0 && u(12, 100) < 35);
    add(c.broken, dpd == 0 ? 0 : draw_broken(u(13, 100)));
    add(c.promise_open, promises);
    add(c.promise_day, promises ? as_of - 10 + u(15, 25) : 0);
    add(c.rpc_days, u(16, 100) < 25 ? never_days_ago : u(17, 90));
    add(c.region, u(18, 8));
    add(c.secured, product == auto_loan || product == mortgage || (product == loan && u(19, 100) < 20));
    add(c.legal, dpd <= 120 ? legal_none : draw_legal(u(20, 100)));
    add(c.last_pay_days, u(21, 100) < 10 ? never_days_ago : dpd + u(22, 60));
    add(c.tz_off, u(23, 11) - 2);
    add(c.stage, u(24, 100) < 20 ? u(25, 7) : stage_by_dpd(dpd));
  }
  return c;
}

std::vector<Account> as_accounts(const Columns& c) {
  std::vector<Account> accounts(c.rows());
  for (size_t i = 0; i < c.rows(); ++i) {
    auto& a = accounts[i];
    auto put = [&](auto& field, const auto& column) { field = static_cast<std::remove_reference_t<decltype(field)>>(column[i]); };
    put(a.id, c.id);
    put(a.balance, c.balance);
    put(a.dpd, c.dpd);
    put(a.promise_day, c.promise_day);
    put(a.rpc_days, c.rpc_days);
    put(a.last_pay_days, c.last_pay_days);
    put(a.risk, c.risk);
    put(a.behav, c.behav);
    put(a.mob, c.mob);
    put(a.product, c.product);
    put(a.calls7, c.calls7);
    put(a.letters, c.letters);
    put(a.broken, c.broken);
    put(a.region, c.region);
    put(a.legal, c.legal);
    put(a.stage, c.stage);
    put(a.tz_off, c.tz_off);
    put(a.paid_after_letter, c.paid_after_letter);
    put(a.promise_open, c.promise_open);
    put(a.secured, c.secured);
  }
  return accounts;
}

void Checks::add(int64_t id, int64_t seg, int64_t ns, int64_t queue, int64_t priority, int64_t template_number, int64_t due) {
  const int64_t v = seg + 32 * ns + 256 * queue + 2048 * priority + 524288 * template_number + 1073741824 * due;
  const int64_t share = v % 1000003 * (id % 1009 + 1);
  checksum += share;
  prio += priority;
  ++by_queue[queue];
  if (queue == queue_none) return;
  task_checksum += share;
  ++tasks;
}

Checks check(const Columns& columns, const std::vector<Decision>& decisions) {
  Checks checks;
  for (size_t i = 0; i < columns.rows(); ++i) {
    const auto& d = decisions[i];
    checks.add(columns.id[i], d.seg, d.ns, d.queue, d.prio, d.template_number, d.due);
  }
  return checks;
}

Checks check(const Columns& columns, const DecisionColumns& d) {
  Checks checks;
  for (size_t i = 0; i < columns.rows(); ++i) checks.add(columns.id[i], d.seg[i], d.ns[i], d.queue[i], d.prio[i], d.template_number[i], d.due[i]);
  return checks;
}

}  // namespace dunlin::bench
