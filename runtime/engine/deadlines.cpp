// Last days: when they are, the warning before them, what follows when they are missed, and what suspends them.
#include <algorithm>

#include "runtime/engine/run.h"

namespace dunlin::engine {

using checked::Deadline;
using checked::Rule;

const abi::Calendar& Run::work_calendar(const std::string& name, Span where) {
  if (name.empty() || name == program_.bundle.calendar) return calendar_;
  auto found = work_calendars_.find(name);
  if (found == work_calendars_.end()) {
    const auto file = std::ranges::find(program_.calendars, name, &checked::WorkCalendar::name);
    std::unique_ptr<abi::CalendarTables> tables;
    if (file != program_.calendars.end() || name == "none") {
      abi::CalendarSpec spec{.timezone = program_.bundle.timezone, .day_start_s = program_.bundle.day_start_s, .holidays = {}, .working_weekends = {}};
      const bool read = name == "none" || abi::read_calendar_csv(file->text, spec).has_value();
      if (auto made = read ? abi::CalendarTables::make(spec) : std::unexpected(std::string())) tables = std::move(*made);
    }
    found = work_calendars_.emplace(name, std::move(tables)).first;
  }
  if (found->second == nullptr) fail(abi::Fault::bad_argument, "there is no calendar `" + name + "`", where);
  return *found->second->view();
}

const abi::Calendar& Run::calendar_of(int32_t i, const Deadline& deadline, Instant& wake) {
  if (deadline.fixed_calendar != checked::none) return work_calendar(program_.calendars[deadline.fixed_calendar].name, deadline.span);
  if (deadline.calendar == checked::none) return calendar_;
  return work_calendar(std::string(text_of(deadline.calendar, i, wake)), deadline.span);
}

Run::LastDay Run::last_day_of(int32_t i, const Deadline& deadline) {
  LastDay last;
  const Value from = evaluate(deadline.from, i);
  const Moment moment = moment_of(type_of(deadline.from), from);
  last.wake = moment.wake;
  last.known = moment.known;
  if (!moment.known) return last;
  const int64_t begins = moment.is_date ? moment.date : date_of(moment.at);
  const abi::Calendar& calendar = calendar_of(i, deadline, last.wake);
  const int64_t length = whole_number(deadline.length, i, last.wake);
  check(abi::add_duration_to_date(calendar, begins, length, &last.date));
  if (deadline.hold != checked::none) {
    const bool working = abi::duration_unit(length) == abi::DurationUnit::business_day;
    for (const HeldPeriod& period : joined(held_periods(program_.holds[deadline.hold], case_->instance(i)))) {
      const int64_t first = std::max(begins, date_of(period.from));
      if (first > last.date) break;
      if (period.to == abi::never) {
        last.open = true;
        return last;
      }
      int64_t days = date_of(period.to) - first;
      if (days <= 0) continue;
      if (working) check(abi::business_days(calendar, first, date_of(period.to), &days));
      if (days > 0)
        check(abi::add_duration_to_date(calendar, last.date, abi::pack_duration(days, working ? abi::DurationUnit::business_day : abi::DurationUnit::day),
                                        &last.date));
    }
  }
  // Nobody has to act on a day on which the court is closed.
  if (deadline.calendar == checked::none && deadline.fixed_calendar == checked::none) return last;
  int64_t works = 0;
  check(abi::is_working_day(calendar, last.date, &works));
  if (works == 0) check(abi::add_business_days(calendar, last.date, 1, &last.date));
  return last;
}

void Run::look_at_deadline(int32_t i, PlacedRule placed) {
  const Rule& rule = *placed.rule;
  const Deadline& deadline = program_.deadlines[rule.deadline];
  Work& work = work_[i];
  if (deadline.hold != checked::none && look_at_suspension(i, rule)) return;
  const LastDay last = last_day_of(i, deadline);
  work.wake = std::min(work.wake, last.wake);
  if (!last.known) return;
  Instant anchor = 0, due = abi::never;
  if (!last.open) {
    anchor = day_start(last.date);
    int64_t date = last.date + 1;
    if (rule.before != checked::none) {
      const int64_t before = whole_number(rule.before, i, work.wake);
      const int64_t back = abi::pack_duration(-abi::duration_amount(before), abi::duration_unit(before));
      check(abi::add_duration_to_date(calendar_of(i, deadline, work.wake), last.date, back, &date));
    }
    due = day_start(date);
  }
  const TimerMark* mark = find_mark(i, rule);
  const bool done = !last.open && mark != nullptr && mark->anchor == anchor;
  if (options_->listener != nullptr) options_->listener->timer(i, rule, anchor, due, done);
  if (done) return;
  if (due > now_) {
    work.wake = std::min(work.wake, due);
  } else if (fired_already(i, rule)) {
    work.wake = now_;
  } else if (work.timer.rule == nullptr || due < work.timer.due) {
    work.timer = {.rule = &rule, .anchor = anchor, .due = due, .occurrence = 1};
  }
}

/// True if what suspends it has begun or ended since this was last told: that comes before everything else.
bool Run::look_at_suspension(int32_t i, const Rule& rule) {
  const Deadline& deadline = program_.deadlines[rule.deadline];
  const bool wanted = holds(deadline.suspended, i, work_[i].wake);
  const bool stands = held_until(program_.holds[deadline.hold], case_->instance(i), now_) > now_;
  if (wanted == stands) return false;
  if (std::ranges::find(fired_timers_, std::pair{i, ~static_cast<uint64_t>(rule.deadline)}) != fired_timers_.end()) {
    work_[i].wake = now_;  // once a step, as a timer
    return false;
  }
  work_[i].timer = {.rule = &rule, .anchor = now_, .due = INT64_MIN, .occurrence = wanted ? suspends : resumes};
  return true;
}

void Run::suspend_or_resume(int32_t i, const Candidate& candidate) {
  const Deadline& deadline = program_.deadlines[candidate.rule->deadline];
  const checked::Hold& hold = program_.holds[deadline.hold];
  const bool begins = candidate.occurrence == suspends;
  entered_.clear();
  touch(i);
  fired_timers_.emplace_back(i, ~static_cast<uint64_t>(candidate.rule->deadline));
  work_[i].dirty = true;
  Firing& firing = result_->firings.emplace_back(Firing{
      .instance = i, .rule = 0, .rule_name = "deadline `" + deadline.name + (begins ? "` is suspended" : "` runs again"), .where = deadline.span, .read = {}});
  read_for(firing, deadline.suspended);
  IncomingEvent event{.at = now_, .type = begins ? hold.placed : hold.lifted, .instance = i};
  const checked::EventType& type = program_.events[event.type];
  blank_fields(type.fields, type.slot_count, event.slots);
  raised_.push_back(std::move(event));
  handle_raised();
}

}  // namespace dunlin::engine
