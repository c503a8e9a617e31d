// The workload as a programmer writes it: a struct for each account, tests in the order of the rules, done as soon as one holds.
#include <algorithm>

#include "tests/bench/reference_night.h"

namespace dunlin::bench {
namespace {

struct Segment {
  uint8_t seg, base;
};

Segment segment_of(const Account& a) {
  const auto dpd = a.dpd;
  const auto balance = a.balance;
  if (dpd == 0) return {1, 0};
  if (balance <= 1999) return {2, 5};
  switch (a.product) {
    case mortgage:
      if (dpd <= 30) return a.risk >= 600 ? Segment{3, 20} : Segment{4, 35};
      return dpd <= 90 ? Segment{5, 60} : Segment{6, 90};
    case auto_loan:
      if (dpd <= 30) return {7, 30};
      if (dpd <= 90) return a.risk >= 500 ? Segment{8, 50} : Segment{9, 65};
      return {10, 85};
    case telco:
      if (dpd <= 60 && balance <= 49999) return {11, 10};
      if (dpd >= 61 && a.risk >= 521) return {12, 25};
      break;
    case card:
    case overdraft:
      if (dpd <= 15 && a.risk >= 650) return {13, 8};
      if (dpd <= 30) return balance <= 99999 ? Segment{14, 15} : Segment{15, 28};
      if (dpd <= 60) return a.product == card && a.risk >= 550 ? Segment{16, 32} : Segment{17, 42};
      if (dpd <= 120) return balance >= 200000 ? Segment{18, 62} : Segment{19, 48};
      break;
    case loan:
      if (dpd <= 30) return a.risk >= 580 ? Segment{20, 18} : Segment{21, 33};
      if (dpd <= 90) return {22, 55};
      break;
  }
  if ((a.product == loan || a.product == telco) && balance >= 50000 && a.risk <= 520) return {23, 70};
  if (dpd >= 91) return {24, 75};
  return {0, 12};
}

struct Treatment {
  int32_t queue;
  int16_t template_number;
  int32_t due;
};

struct Night {
  const Account& a;
  bool chal, promise_live, can_sms, can_call, can_mail, can_field, can_legal;
  int32_t p, due_in, broken_eff;
  int64_t ev;

  explicit Night(const Account& account) : a(account) {
    const int64_t h1 = (a.id * 48271 + 11) % 2147483647;
    const int64_t h2 = (h1 * 16807 + 7) % 2147483647;
    chal = h2 % 10 == 0;
    p = std::clamp(((a.risk - 300) * 9 + a.behav * 4) / 10 - a.dpd, 10, 950);
    ev = a.balance * p;
    due_in = a.promise_day - as_of;
    promise_live = a.promise_open && due_in >= -2;
    broken_eff = a.broken + (a.promise_open && !promise_live);
    const int call_cap = a.region == abroad ? 2 : chal ? 3 : 4;
    can_call = a.calls7 < call_cap && a.tz_off >= -1 && a.tz_off <= 7 && ev > 150 * 1000;
    const bool letter_dead = a.letters >= 4 && !a.paid_after_letter;
    can_mail = !letter_dead && a.letters < 8 && a.region != abroad && ev > 90 * 1000;
    can_sms = ev > 8 * 1000;
    can_field = (a.region == north || a.region == west || a.region == center || a.region == capital) && a.dpd >= 45 && ev > 4500 * 1000;
    can_legal = a.legal <= prelegal && a.balance >= 150000 && ev > 25000 * 1000;
  }

  int32_t next_stage() const {
    if (a.dpd == 0) return current;
    if (a.legal >= filed) return legal;
    if (promise_live && broken_eff < 3) return promise;
    if (a.stage == legal && a.legal == legal_none && a.last_pay_days <= 30) return hard;
    if (a.dpd > 360 && !a.secured && p < 100) return exit_stage;
    if ((a.dpd > 120 && can_legal) || (a.stage == hard && broken_eff >= 3 && a.balance >= 150000)) return legal;
    if (a.dpd > 90 || broken_eff >= 4 || (a.stage == late && a.dpd > 75)) return hard;
    if (a.dpd > 60 || (a.dpd > 45 && a.risk < 450)) return late;
    if (a.dpd > 30 || broken_eff >= 2) return mid;
    return early;
  }

  Treatment treatment(int32_t ns) const {
    auto number = [](int value) { return static_cast<int16_t>(value); };
    if (ns == current || !can_sms) return {queue_none, 0, 30};
    switch (ns) {
      case promise:
        if (due_in > 1) return {queue_none, 0, due_in};
        if (due_in >= 0) return {queue_sms, 400, 0};
        if (can_call) return {queue_call, 410, 0};
        break;
      case exit_stage:
        if (can_mail) return {queue_mail, 700, 10};
        break;
      case legal:
        if (a.legal == judgment && a.last_pay_days > 90) return {queue_legal, 610, 5};
        if (can_legal) return {queue_legal, 600, 3};
        break;
      case hard:
        if (can_field && a.rpc_days > 14 && (a.secured || a.balance >= 300000)) return {queue_field, number(500 + a.region), 5};
        [[fallthrough]];
      case late:
        if (can_call && a.rpc_days >= 2) return {queue_call, number(420 + std::min(broken_eff, 3)), a.rpc_days == never_days_ago};
        if (can_mail && a.last_pay_days > 20) return {queue_mail, number(300 + a.letters), 2};
        break;
      case mid:
        if (chal && a.behav >= 700) return {queue_sms, 210, 1};
        if (can_call && !(a.rpc_days < 5 && a.last_pay_days < 10)) return {queue_call, 430, 1};
        if (can_mail && a.letters < 3) return {queue_mail, number(310 + a.letters), 3};
        break;
      case early:
        if (a.mob < 6 && can_call && a.risk < 560) return {queue_call, 440, 0};
        if (a.dpd >= 5 && (a.behav < 800 || a.last_pay_days > 35)) return {queue_sms, number(200 + a.product), 1};
        if (a.dpd >= 20 && can_mail) return {queue_mail, 320, 4};
        break;
      case current:
        break;
    }
    if ((ns == mid || ns == late || ns == hard) && a.last_pay_days > 7) return {queue_sms, 220, 1};
    return {queue_none, 0, 7};
  }

  int32_t priority(const Treatment& t, int32_t base) const {
    if (t.queue == queue_none) return 0;
    const int32_t sum = base + a.dpd / 10 + (850 - a.risk) / 25 + 3 * broken_eff + (ev >= 100000000 ? 10 : 0) - (a.rpc_days < 3 ? 5 : 0) + (chal ? 1 : 0);
    return std::clamp(sum, 1, 255);
  }
};

Decision decide(const Account& account) {
  const Night night(account);
  const auto segment = segment_of(account);
  const auto ns = night.next_stage();
  auto t = night.treatment(ns);
  if (night.chal && (t.queue == queue_sms || t.queue == queue_mail)) t.template_number += 1000;
  return {
      t.due, t.template_number, segment.seg, static_cast<uint8_t>(ns), static_cast<uint8_t>(t.queue), static_cast<uint8_t>(night.priority(t, segment.base))};
}

}  // namespace

void run_row(const std::vector<Account>& accounts, std::vector<Decision>& decisions) {
  for (size_t i = 0; i < accounts.size(); ++i) decisions[i] = decide(accounts[i]);
}

}  // namespace dunlin::bench
