// The workload as a programmer writes it who has an afternoon for it: columns, sixteen accounts at once, choices instead of branches.
// GCC's vector types, because a plain loop of this length is at the mercy of the compiler's mood. Where a comparison of 64-bit values or a
// stored truth would do, arithmetic on signs stands instead: GCC 12 takes such masks apart bit by bit.
#include <algorithm>
#include <cstring>

#include "tests/bench/reference_night.h"

namespace dunlin::bench {
namespace {

constexpr size_t lanes = 16;
using Ints [[gnu::vector_size(64)]] = int32_t;  // also masks: all ones where true
using Longs [[gnu::vector_size(64)]] = int64_t;
using HalfInts [[gnu::vector_size(32)]] = int32_t;
/// Sixteen 64-bit values: two registers.
struct Wide {
  Longs low, high;
};

template <class Vector, class Element>
Vector load(const std::vector<Element>& column, size_t row, size_t count) {
  Vector v{};
  if (count == lanes)
    std::memcpy(&v, column.data() + row, sizeof v);  // of a known size: one load
  else
    std::memcpy(&v, column.data() + row, count * sizeof(Element));
  return v;
}

Ints narrow(Longs low, Longs high) {
  return __builtin_shufflevector(__builtin_convertvector(low, HalfInts), __builtin_convertvector(high, HalfInts), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
                                 14, 15);
}
Wide widen(Ints v) {
  return {__builtin_convertvector(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7), Longs),
          __builtin_convertvector(__builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15), Longs)};
}
Ints choose(Ints mask, Ints a, Ints b) { return (mask & a) | (~mask & b); }
Ints choose(Ints mask, int32_t a, Ints b) { return choose(mask, Ints{} + a, b); }
Ints clamp(Ints v, int32_t low, int32_t high) {
  v = choose(v < low, low, v);
  return choose(v > high, high, v);
}

/// By 2^31 - 1, for values below 2^61.
Longs modulo_2147483647(Longs v) {
  constexpr int64_t m = 2147483647;
  v = (v & m) + (v >> 31);
  const Longs less = v - m;
  return less + (m & (less >> 63));
}

Longs is_challenger(Longs id) {
  const Longs h1 = modulo_2147483647(id * 48271 + 11);
  const Longs h2 = modulo_2147483647(h1 * 16807 + 7);
  const Longs rest = h2 - ((h2 * 0xCCCCCCCD) >> 35) * 10;  // modulo 10 by multiplication
  return (rest - 1) >> 63;
}

struct Block {
  Wide id, balance;
  Ints product, dpd, risk, behav, mob, calls7, letters, paid, broken, promise_open, promise_day, rpc, region, secured, legality, last_pay, tz, stage;

  Block(const Columns& c, size_t row, size_t n)
      : id(load<Wide>(c.id, row, n)),
        balance(load<Wide>(c.balance, row, n)),
        product(load<Ints>(c.product, row, n)),
        dpd(load<Ints>(c.dpd, row, n)),
        risk(load<Ints>(c.risk, row, n)),
        behav(load<Ints>(c.behav, row, n)),
        mob(load<Ints>(c.mob, row, n)),
        calls7(load<Ints>(c.calls7, row, n)),
        letters(load<Ints>(c.letters, row, n)),
        paid(-load<Ints>(c.paid_after_letter, row, n)),
        broken(load<Ints>(c.broken, row, n)),
        promise_open(-load<Ints>(c.promise_open, row, n)),
        promise_day(load<Ints>(c.promise_day, row, n)),
        rpc(load<Ints>(c.rpc_days, row, n)),
        region(load<Ints>(c.region, row, n)),
        secured(-load<Ints>(c.secured, row, n)),
        legality(load<Ints>(c.legal, row, n)),
        last_pay(load<Ints>(c.last_pay_days, row, n)),
        tz(load<Ints>(c.tz_off, row, n)),
        stage(load<Ints>(c.stage, row, n)) {}
};

struct Segments {
  Ints seg, base;
};

Segments segments_of(const Block& b, Ints cents) {
  Segments s{Ints{}, Ints{} + 12};
  // From the last row to the first: an earlier one replaces a later one.
  auto row = [&](int32_t seg, int32_t base, Ints hit) {
    s.seg = choose(hit, seg, s.seg);
    s.base = choose(hit, base, s.base);
  };
  const Ints from_1 = b.dpd >= 1, to_30 = from_1 & (b.dpd <= 30), to_60 = (b.dpd >= 31) & (b.dpd <= 60), to_90 = (b.dpd >= 31) & (b.dpd <= 90),
             to_120 = (b.dpd >= 61) & (b.dpd <= 120), from_91 = b.dpd >= 91, worth = cents >= 2000;
  const Ints is_card = b.product == card, revolving = is_card | (b.product == overdraft), is_loan = b.product == loan, is_telco = b.product == telco,
             is_auto = b.product == auto_loan, is_mortgage = b.product == mortgage;
  row(24, 75, from_91 & worth);
  row(23, 70, (is_loan | is_telco) & from_1 & (cents >= 50000) & (b.risk <= 520));
  row(22, 55, is_loan & to_90);
  row(21, 33, is_loan & to_30);
  row(20, 18, is_loan & to_30 & (b.risk >= 580));
  row(19, 48, revolving & to_120);
  row(18, 62, revolving & to_120 & (cents >= 200000));
  row(17, 42, revolving & to_60);
  row(16, 32, is_card & to_60 & (b.risk >= 550));
  row(15, 28, revolving & to_30 & (cents >= 100000));
  row(14, 15, revolving & to_30 & worth & (cents <= 99999));
  row(13, 8, revolving & from_1 & (b.dpd <= 15) & (b.risk >= 650));
  row(12, 25, is_telco & (b.dpd >= 61) & (b.risk >= 521));
  row(11, 10, is_telco & from_1 & (b.dpd <= 60) & worth & (cents <= 49999));
  row(10, 85, is_auto & from_91);
  row(9, 65, is_auto & to_90 & (b.risk <= 499));
  row(8, 50, is_auto & to_90 & (b.risk >= 500));
  row(7, 30, is_auto & to_30);
  row(6, 90, is_mortgage & from_91);
  row(5, 60, is_mortgage & to_90);
  row(4, 35, is_mortgage & to_30 & (b.risk <= 599));
  row(3, 20, is_mortgage & to_30 & (b.risk >= 600));
  row(2, 5, from_1 & (cents <= 1999));
  row(1, 0, b.dpd == 0);
  return s;
}

struct Night {
  Ints chal, p, due_in, promise_live, broken_eff, can_call, can_mail, can_sms, can_field, can_legal, large, cents;

  explicit Night(const Block& b) {
    chal = narrow(is_challenger(b.id.low), is_challenger(b.id.high));
    cents = narrow(b.balance.low, b.balance.high);                                   // the largest is 40,960,000
    p = clamp((((b.risk - 300) * 9 + b.behav * 4) * 52429 >> 19) - b.dpd, 10, 950);  // 52429 / 2^19: a tenth, exact up to 43,689
    const Wide share = widen(p);
    const Longs low = b.balance.low * share.low, high = b.balance.high * share.high;  // expected recovery
    auto above = [&](int64_t limit) { return narrow((limit - low) >> 63, (limit - high) >> 63); };
    auto worth = [&](int64_t cost) { return above(cost * 1000); };
    large = above(99999999);
    due_in = b.promise_day - as_of;
    promise_live = b.promise_open & (due_in >= -2);
    broken_eff = b.broken - (b.promise_open & ~promise_live);  // a true mask is -1
    const Ints call_cap = choose(b.region == abroad, 2, choose(chal, 3, Ints{} + 4));
    can_call = (b.calls7 < call_cap) & (b.tz >= -1) & (b.tz <= 7) & worth(150);
    can_mail = ~((b.letters >= 4) & ~b.paid) & (b.letters < 8) & (b.region != abroad) & worth(90);
    can_sms = worth(8);
    can_field = ((b.region == north) | (b.region == west) | (b.region == center) | (b.region == capital)) & (b.dpd >= 45) & worth(4500);
    can_legal = (b.legality <= prelegal) & (cents >= 150000) & worth(25000);
  }
};

Ints next_stage(const Block& b, const Night& n) {
  Ints ns = Ints{} + early;
  ns = choose((b.dpd > 30) | (n.broken_eff >= 2), mid, ns);
  ns = choose((b.dpd > 60) | ((b.dpd > 45) & (b.risk < 450)), late, ns);
  ns = choose((b.dpd > 90) | (n.broken_eff >= 4) | ((b.stage == late) & (b.dpd > 75)), hard, ns);
  ns = choose(((b.dpd > 120) & n.can_legal) | ((b.stage == hard) & (n.broken_eff >= 3) & (n.cents >= 150000)), legal, ns);
  ns = choose((b.dpd > 360) & ~b.secured & (n.p < 100), exit_stage, ns);
  ns = choose((b.stage == legal) & (b.legality == legal_none) & (b.last_pay <= 30), hard, ns);
  ns = choose(n.promise_live & (n.broken_eff < 3), promise, ns);
  ns = choose(b.legality >= filed, legal, ns);
  return choose(b.dpd == 0, current, ns);
}

struct Treatments {
  Ints queue = Ints{} + queue_none, template_number = Ints{}, due = Ints{} + 7;
  void row(Ints hit, int32_t to, Ints number, Ints in_days) {
    queue = choose(hit, to, queue);
    template_number = choose(hit, number, template_number);
    due = choose(hit, in_days, due);
  }
};

Treatments treatments_of(const Block& b, const Night& n, Ints ns) {
  Treatments t;
  auto days = [](int32_t count) { return Ints{} + count; };
  const Ints is_early = ns == early, is_mid = ns == mid, is_hard = ns == hard, hard_or_late = is_hard | (ns == late), is_legal = ns == legal,
             promised = ns == promise;
  t.row((is_mid | hard_or_late) & (b.last_pay > 7), queue_sms, days(220), days(1));
  t.row(is_early & (b.dpd >= 20) & n.can_mail, queue_mail, days(320), days(4));
  t.row(is_early & (b.dpd >= 5) & ((b.behav < 800) | (b.last_pay > 35)), queue_sms, b.product + 200, days(1));
  t.row(is_early & (b.mob < 6) & n.can_call & (b.risk < 560), queue_call, days(440), days(0));
  t.row(is_mid & n.can_mail & (b.letters < 3), queue_mail, b.letters + 310, days(3));
  t.row(is_mid & n.can_call & ~((b.rpc < 5) & (b.last_pay < 10)), queue_call, days(430), days(1));
  t.row(n.chal & is_mid & (b.behav >= 700), queue_sms, days(210), days(1));
  t.row(hard_or_late & n.can_mail & (b.last_pay > 20), queue_mail, b.letters + 300, days(2));
  t.row(hard_or_late & n.can_call & (b.rpc >= 2), queue_call, clamp(n.broken_eff, 0, 3) + 420, (b.rpc == never_days_ago) & 1);
  t.row(is_hard & n.can_field & (b.rpc > 14) & (b.secured | (n.cents >= 300000)), queue_field, b.region + 500, days(5));
  t.row(is_legal & n.can_legal, queue_legal, days(600), days(3));
  t.row(is_legal & (b.legality == judgment) & (b.last_pay > 90), queue_legal, days(610), days(5));
  t.row((ns == exit_stage) & n.can_mail, queue_mail, days(700), days(10));
  t.row(promised & n.can_call, queue_call, days(410), days(0));
  t.row(promised & (n.due_in >= 0), queue_sms, days(400), days(0));
  // The order of T4 and T5 above stands; T3, T2 and T1 come first of all.
  t.row(promised & (n.due_in > 1), queue_none, days(0), n.due_in);
  t.row(~n.can_sms | (ns == current), queue_none, days(0), days(30));
  t.template_number += n.chal & ((t.queue == queue_sms) | (t.queue == queue_mail)) & 1000;
  return t;
}

Ints priorities(const Block& b, const Night& n, Ints base, Ints queue) {
  // dpd / 10 and (850 - risk) / 25 by multiplication, exact for these ranges.
  Ints sum = base + (b.dpd * 6554 >> 16) + ((850 - b.risk) * 5243 >> 17) + 3 * n.broken_eff + (n.large & 10) - ((b.rpc < 3) & 5) + (n.chal & 1);
  return choose(queue == queue_none, 0, clamp(sum, 1, 255));
}

[[gnu::always_inline]] inline void run_block(const Columns& columns, DecisionColumns& d, size_t row, size_t count) {
  const Block b(columns, row, count);
  const Night n(b);
  const auto segments = segments_of(b, n.cents);
  const auto ns = next_stage(b, n);
  const auto t = treatments_of(b, n, ns);
  auto store = [&](std::vector<int32_t>& column, Ints v) { std::memcpy(column.data() + row, &v, count * sizeof(int32_t)); };
  store(d.seg, segments.seg);
  store(d.ns, ns);
  store(d.queue, t.queue);
  store(d.prio, priorities(b, n, segments.base, t.queue));
  store(d.template_number, t.template_number);
  store(d.due, t.due);
}

}  // namespace

void run_columnar(const Columns& columns, DecisionColumns& decisions) {
  const size_t rest = columns.rows() % lanes;
  for (size_t row = 0; row + lanes <= columns.rows(); row += lanes) run_block(columns, decisions, row, lanes);
  if (rest > 0) run_block(columns, decisions, columns.rows() - rest, rest);
}

}  // namespace dunlin::bench
