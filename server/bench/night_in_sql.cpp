// The workload's logic as one SQL statement. `offset 0` keeps the planner from writing a shared value out again wherever it is used, which would
// multiply the work.
#include "server/bench/workload_tables.h"

namespace dunlin::bench {

const char* night_in_sql() {
  return R"(
insert into bench.task (account_id, seg, ns, queue, prio, template, due_day)
select id, seg, ns, queue,
       greatest(1, least(255, base + dpd / 10 + (850 - risk) / 25 + 3 * broken_now + case when ev >= 100000000 then 10 else 0 end
                              - case when rpc_days < 3 then 5 else 0 end + case when chal then 1 else 0 end)),
       template + case when chal and queue in (2, 3) then 1000 else 0 end, 20000 + due
from (
  select t.*,
    case treatment when 4 then 2 when 5 then 1 when 6 then 3 when 7 then 5 when 8 then 5 when 9 then 4 when 10 then 1 when 11 then 3 when 12 then 2
                   when 13 then 1 when 14 then 3 when 15 then 1 when 16 then 2 when 17 then 3 when 18 then 2 else 0 end as queue,
    case treatment when 4 then 400 when 5 then 410 when 6 then 700 when 7 then 610 when 8 then 600 when 9 then 500 + region
                   when 10 then 420 + least(broken_now, 3) when 11 then 300 + letters when 12 then 210 when 13 then 430 when 14 then 310 + letters
                   when 15 then 440 when 16 then 200 + product when 17 then 320 when 18 then 220 else 0 end as template,
    case treatment when 1 then 30 when 2 then 30 when 3 then due_in when 4 then 0 when 5 then 0 when 6 then 10 when 7 then 5 when 8 then 3 when 9 then 5
                   when 10 then case when rpc_days = 9999 then 1 else 0 end when 11 then 2 when 12 then 1 when 13 then 1 when 14 then 3 when 15 then 0
                   when 16 then 1 when 17 then 4 when 18 then 1 else 7 end as due
  from (
    select s.*,
      case
        when ns = 0 then 1
        when not can_sms then 2
        when ns = 4 and due_in > 1 then 3
        when ns = 4 and due_in >= 0 then 4
        when ns = 4 and can_call then 5
        when ns = 7 and can_mail then 6
        when ns = 6 and legal = 3 and last_pay_days > 90 then 7
        when ns = 6 and can_sue then 8
        when ns = 5 and can_visit and rpc_days > 14 and (secured or balance >= 300000) then 9
        when ns in (5, 3) and can_call and rpc_days >= 2 then 10
        when ns in (5, 3) and can_mail and last_pay_days > 20 then 11
        when chal and ns = 2 and behav >= 700 then 12
        when ns = 2 and can_call and not (rpc_days < 5 and last_pay_days < 10) then 13
        when ns = 2 and can_mail and letters < 3 then 14
        when ns = 1 and mob < 6 and can_call and risk < 560 then 15
        when ns = 1 and dpd >= 5 and (behav < 800 or last_pay_days > 35) then 16
        when ns = 1 and dpd >= 20 and can_mail then 17
        when ns in (2, 3, 5) and last_pay_days > 7 then 18
        else 19
      end as treatment
    from (
      select c.*,
        (array[12, 0, 5, 20, 35, 60, 90, 30, 50, 65, 85, 10, 25, 8, 15, 28, 32, 42, 62, 48, 18, 33, 55, 70, 75])[seg + 1] as base,
        case
          when dpd = 0 then 0
          when legal in (2, 3, 4) then 6
          when promise_live and broken_now < 3 then 4
          when stage = 6 and legal = 0 and last_pay_days <= 30 then 5
          when dpd > 360 and not secured and p < 100 then 7
          when (dpd > 120 and can_sue) or (stage = 5 and broken_now >= 3 and balance >= 150000) then 6
          when dpd > 90 or broken_now >= 4 or (stage = 3 and dpd > 75) then 5
          when dpd > 60 or (dpd > 45 and risk < 450) then 3
          when dpd > 30 or broken_now >= 2 then 2
          else 1
        end as ns
      from (
        select b.*,
          broken + case when promise_open and not promise_live then 1 else 0 end as broken_now,
          calls7 < case when region = 7 then 2 when chal then 3 else 4 end and tz_off between -1 and 7 and ev > 150000 as can_call,
          not (letters >= 4 and not paid_after_letter) and letters < 8 and region <> 7 and ev > 90000 as can_mail,
          ev > 8000 as can_sms,
          region in (0, 3, 4, 5) and dpd >= 45 and ev > 4500000 as can_visit,
          legal in (0, 1) and balance >= 150000 and ev > 25000000 as can_sue
        from (
          select a.*, balance * p as ev, promise_open and due_in >= -2 as promise_live
          from (
            select account.*,
              ((((id * 48271 + 11) % 2147483647) * 16807 + 7) % 2147483647) % 10 = 0 as chal,
              greatest(10, least(950, ((risk - 300) * 9 + behav * 4) / 10 - dpd)) as p,
              promise_day - 20000 as due_in,
              case
                when dpd = 0 then 1
                when balance <= 1999 then 2
                when product = 3 and dpd <= 30 then case when risk >= 600 then 3 else 4 end
                when product = 3 then case when dpd <= 90 then 5 else 6 end
                when product = 2 and dpd <= 30 then 7
                when product = 2 and dpd <= 90 then case when risk >= 500 then 8 else 9 end
                when product = 2 then 10
                when product = 5 and dpd <= 60 and balance <= 49999 then 11
                when product = 5 and dpd >= 61 and risk >= 521 then 12
                when product in (0, 4) and dpd <= 15 and risk >= 650 then 13
                when product in (0, 4) and dpd <= 30 then case when balance <= 99999 then 14 else 15 end
                when product = 0 and dpd <= 60 and risk >= 550 then 16
                when product in (0, 4) and dpd <= 60 then 17
                when product in (0, 4) and dpd <= 120 then case when balance >= 200000 then 18 else 19 end
                when product = 1 and dpd <= 30 then case when risk >= 580 then 20 else 21 end
                when product = 1 and dpd <= 90 then 22
                when product in (1, 5) and balance >= 50000 and risk <= 520 then 23
                when dpd >= 91 then 24
                else 0
              end as seg
            from bench.account offset 0) a
          offset 0) b
        offset 0) c
      offset 0) s
    offset 0) t
  offset 0) u
where queue <> 0
)";
}

}  // namespace dunlin::bench
