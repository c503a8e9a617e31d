// The SQL functions about people, for the command line.
#include "runtime/store/postgres_queue_desk.h"

namespace dunlin::store {

Result<std::string> QueueDesk::put_workers(const std::string& rows, Text who) {
  return ask("take in the workers", "dunlin.put_workers($1::jsonb, $2)", {rows, who});
}

Result<std::string> QueueDesk::workers() { return ask("look at the workers", "(select * from dunlin.worker_now order by worker) w", {}); }

Result<std::string> QueueDesk::worker_facts(const std::string& worker) {
  return ask("look at the worker",
             "(select s.kind as what, s.name, s.since::text as since, s.until::text as until, null as reason, null as who from dunlin.worker_named($1) w join "
             "dunlin.worker_skill s on s.worker = w.id "
             "union all select 'absent', a.id::text, a.since::text, a.until::text, a.reason, a.who from dunlin.worker_named($1) w join dunlin.worker_absence a "
             "on a.worker = w.id where a.cancelled_at is null and a.until > now() "
             "union all select case when e.from_s is null then 'off' else 'other hours' end, e.day::text, (e.from_s * interval '1 second')::time::text, "
             "(e.to_s * interval '1 second')::time::text, e.reason, e.who from dunlin.worker_named($1) w join dunlin.worker_exception e on e.worker = w.id "
             "where e.day >= current_date - 1 order by 1, 3, 2) f",
             {worker});
}

Result<std::string> QueueDesk::day_list(const std::string& worker) {
  return ask(
      "look at the day list",
      "(select q.listed, q.queue, q.task, q.entity, q.key, q.treatment, q.priority, q.due, q.status from dunlin.worker_named($1) w join dunlin.queue q on "
      "q.assigned = w.name and q.listed is not null order by q.band, q.priority desc, q.not_before, q.due, q.seq) l",
      {worker});
}

Result<std::string> QueueDesk::absent(const std::string& worker, Text since, Text until, const std::string& reason, Text who) {
  return ask("note the absence", "dunlin.set_absence($1, dunlin.moment($2), dunlin.moment($3), $4, $5) absence", {worker, since, until, reason, who});
}

Result<std::string> QueueDesk::back(const std::string& worker, Text who) { return ask("end the absence", "dunlin.end_absence($1, $2) ended", {worker, who}); }

Result<std::string> QueueDesk::exception(const std::string& worker, const std::string& day, Text hours, const std::string& reason, Text who) {
  return ask("note the day", "dunlin.set_exception($1, $2::date, $3, $4, $5) result", {worker, day, hours, reason, who});
}

Result<std::string> QueueDesk::fill_day_lists() { return ask("fill the day lists", "dunlin.fill_day_lists() listed", {}); }

Result<std::string> QueueDesk::set_override(const std::string& entity, const std::string& key, const std::string& kind, Text value, Text until,
                                            const std::string& reason, Text queue, Text who) {
  return ask("override", "dunlin.set_override($1, $2, $3, $4, dunlin.moment($5), $6, $7, $8) override", {entity, key, kind, value, until, reason, queue, who});
}

Result<std::string> QueueDesk::overrides() {
  return ask(
      "look at the overrides",
      "(select o.id as override, o.entity, o.key, o.kind, o.value, o.queue, o.until, o.reason, o.who, o.since from dunlin.override o where o.lifted_at is "
      "null and o.until > now() order by o.id) o",
      {});
}

Result<std::string> QueueDesk::lift_override(const std::string& number, Text who) {
  return ask("lift the override", "dunlin.lift_override($1::int8, $2) result", {number, who});
}

Result<std::string> QueueDesk::register_of(const std::string& queue, Text day) {
  return ask("look at the register", "dunlin.register_of($1, $2::date)", {queue, day});
}

Result<std::string> QueueDesk::post_statuses(const std::string& queue, const std::string& rows) {
  return ask("take in the statuses", "dunlin.post_statuses($1, $2::jsonb)", {queue, rows});
}

Result<std::string> QueueDesk::register_withdrawals(const std::string& queue, Text day, bool everything) {
  return ask("look at what was withdrawn", "dunlin.register_withdrawals($1, $2::date, $3::bool)", {queue, day, everything ? "true" : "false"});
}

Result<std::string> QueueDesk::acknowledge_withdrawals(const std::string& queue, const std::string& rows, Text who) {
  return ask("acknowledge what was withdrawn", "dunlin.acknowledge_withdrawals($1, $2::jsonb, $3)", {queue, rows, who});
}

}  // namespace dunlin::store
