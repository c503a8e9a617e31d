#include "runtime/store/postgres_people.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "compiler/abi/calendar.h"
#include "compiler/abi/clock.h"
#include "lang/sema/checked_people.h"

namespace dunlin::store {

namespace {

using checked::AssignWay;
using checked::QueuePolicy;
using nlohmann::json;

std::string text_array(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + quote_text(text);
  return "array[" + list + "]::text[]";
}

std::string text_or_null(const std::string& text) { return text.empty() ? "null" : quote_text(text); }

/// Days on which a calendar works though they are Saturdays or Sundays, and the other way round.
std::string odd_days(const std::string& calendar_file) {
  abi::CalendarSpec spec;
  std::string days;
  if (!abi::read_calendar_csv(calendar_file, spec)) return "'{}'";  // the bundle was checked with it; without a file there are none
  const auto add = [&](int32_t day) { days += fmt::format("{}date '1970-01-01' + {}", days.empty() ? "" : ", ", day); };
  constexpr int64_t saturday = 6;
  for (const int32_t day : spec.holidays) {
    if (abi::weekday_of(day) < saturday) add(day);
  }
  for (const int32_t day : spec.working_weekends) add(day);
  return "array[" + days + "]::date[]";
}

void remember_schedules(SmallWork& work, const checked::Program& program) {
  std::vector<std::string> names;
  for (const auto& schedule : program.schedules) {
    json hours = json::array();
    for (const auto& one : schedule->hours) {
      hours.push_back({{"from", one.from_s}, {"to", one.to_s}, {"weekdays", one.weekdays}, {"working", one.working_only}});
    }
    work.exec(
        fmt::format("insert into dunlin.schedule (name, title, hours, closed, odd_days, zone) values ({}, {}, {}, {}, {}, {}) on conflict (name) do "
                    "update set title = excluded.title, hours = excluded.hours, closed = excluded.closed, odd_days = excluded.odd_days, zone = "
                    "excluded.zone",
                    quote_text(schedule->name), quote_text(schedule->title), quote_text(hours.dump()), schedule->closed,
                    schedule->calendar_text.empty() ? "'{}'" : odd_days(schedule->calendar_text), text_or_null(schedule->zone)));
    names.push_back(schedule->name);
  }
  // One that somebody works by stays, until they are given another.
  work.exec(fmt::format("delete from dunlin.schedule s where s.name <> all ({}) and not exists (select from dunlin.worker w where w.schedule = s.name)",
                        text_array(names)));
}

void remember_territories(SmallWork& work, const checked::Program& program) {
  work.exec("delete from dunlin.territory");
  for (const auto& territory : program.territories) {
    work.exec(fmt::format("insert into dunlin.territory (name, title, regions, schedule) values ({}, {}, {}, {})", quote_text(territory->name),
                          quote_text(territory->title), text_array(territory->regions), text_or_null(territory->schedule)));
    for (const auto& capacity : territory->capacities) {
      work.exec(
          fmt::format("insert into dunlin.territory_capacity (territory, queue, most) values ({}, {}, {}) on conflict (territory, queue) do update set "
                      "most = least(territory_capacity.most, excluded.most)",
                      quote_text(territory->name), quote_text(program.queues[static_cast<size_t>(capacity.queue)].name), capacity.count));
    }
  }
}

const char* way_name(AssignWay way) {
  switch (way) {
    case AssignWay::priority:
      return "priority";
    case AssignWay::one_operator:
      return "one_operator";
    case AssignWay::sticky:
      return "sticky";
    case AssignWay::territory:
      return "territory";
    case AssignWay::skill:
      return "skill";
    case AssignWay::load:
      return "load";
  }
  return "";
}

/// A packed calendar duration as PostgreSQL reads it.
std::string interval_text(int64_t duration) {
  const int64_t amount = duration >> 3;
  switch (abi::duration_unit(duration)) {
    case abi::DurationUnit::month:
      return fmt::format("{} months", amount);
    default:
      return fmt::format("{} days", amount);
  }
}

json needs_of(const QueuePolicy& policy) {
  json needs = json::array();
  for (const checked::Need& need : policy.needs) {
    json one = {{"kind", need.test ? "test" : "skill"}, {"name", need.name}};
    if (need.within >= 0) one["within"] = interval_text(need.within);
    needs.push_back(std::move(one));
  }
  return needs;
}

void remember_numbers(SmallWork& work, const std::string& queue, const QueuePolicy& policy) {
  const std::string number = fmt::format("(select s.queue from dunlin.queue_setting s where s.name = {})", quote_text(queue));
  work.exec("update dunlin.number_range set gone = true where queue = " + number);
  for (const checked::NumberRange& range : policy.numbers) {
    work.exec(
        fmt::format("insert into dunlin.number_range (queue, prefix, suffix, low, high, digits, next) values ({0}, {1}, {2}, {3}, {4}, {5}, {3}) on "
                    "conflict (queue, prefix, suffix, digits, low, high) do update set gone = false",
                    number, quote_text(range.prefix), quote_text(range.suffix), range.from, range.to, range.digits));
  }
}

void remember_policy(SmallWork& work, const checked::Program& program, const checked::Queue& queue) {
  static const QueuePolicy nothing;
  const QueuePolicy& policy = queue.policy ? *queue.policy : nothing;
  std::vector<std::string> ways, oldest, newest;
  for (const AssignWay way : policy.assign) ways.emplace_back(way_name(way));
  std::string per;
  if (policy.merge) {
    if (policy.merge->per > 0) per = program.entities[static_cast<size_t>(policy.merge->per)].name;
    for (const auto& order : policy.merge->orders) (order.oldest ? oldest : newest).push_back(program.events[static_cast<size_t>(order.event)].name);
  }
  const bool in_order = policy.order_per != checked::none;
  const std::string order_per = policy.order_per > 0 ? program.entities[static_cast<size_t>(policy.order_per)].name : "";  // the first entity: the case file
  const bool merges = policy.merge.has_value();
  // Whoever merges a queue by hand keeps that; what the bundle merged ends with it.
  work.exec(fmt::format(
      "update dunlin.queue_setting set merge = case when {0} then true when merge_bundle then false else merge end, merge_bundle = {0}, merge_per = {1}, "
      "merge_once = {2}, oldest_first = {3}, newest_first = {4}, ways = {5}, sticky_on = {6}, needs = {7}, late_whom = {8}, late_text = {9}, batch_at = {10}, "
      "batch_working = {11}, register_name = {12}, check_digit = {13}, by_barcode = {14}, in_order = {15}, order_per = {16} where name = {17}",
      merges, text_or_null(per), !merges || policy.merge->counts_once, text_array(oldest), text_array(newest), text_array(ways),
      policy.sticky_on == checked::none ? "null" : quote_text(program.events[static_cast<size_t>(policy.sticky_on)].name), quote_text(needs_of(policy).dump()),
      text_or_null(policy.late_whom), quote_text(policy.late_text), policy.batch_s < 0 ? "null" : std::to_string(policy.batch_s), policy.batch_working,
      text_or_null(policy.register_name), policy.check_digit, policy.by_barcode, in_order, text_or_null(order_per), quote_text(queue.name)));
  remember_numbers(work, queue.name, policy);
}

}  // namespace

void make_region_view(SmallWork& work, const Layout& layout) {
  std::string sql;
  for (size_t e = 0; e < layout.entities.size(); ++e) {
    const EntityTable& table = layout.entities[e];
    for (size_t i = 0; i < table.leaves.size(); ++i) {
      if (table.leaves[i].name != "region") continue;
      sql += fmt::format("{}select dunlin_bucket as bucket, dunlin_case as case_id, dunlin_id as id, {}::text as region from {}",
                         sql.empty() ? "" : " union all ", table.columns[i], table.table);
    }
  }
  if (sql.empty()) sql = "select null::int4 as bucket, null::int8 as case_id, null::int8 as id, null::text as region where false";
  work.exec("create or replace view dunlin.instance_region as " + sql);
}

void remember_people(SmallWork& work, const Layout& layout) {
  remember_schedules(work, layout.program);
  remember_territories(work, layout.program);
  for (const checked::Queue& queue : layout.program.queues) remember_policy(work, layout.program, queue);
}

Result<void> PostgresStore::tend_queues(Instant now) {
  return small("look after the queues", [&](SmallWork& work) {
    work.exec(fmt::format("select dunlin.tend_queues({})", sql_instant(now)));
    work.exec("select dunlin.keep_months()");
  });
}

}  // namespace dunlin::store
