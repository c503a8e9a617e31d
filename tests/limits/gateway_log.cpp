#include "tests/limits/gateway_log.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>

namespace dunlin::limits_test {

namespace {

constexpr Instant second = 1'000'000;

tm fields_of(time_t seconds, const std::string& zone) {
  static std::string set;
  if (set != zone) {
    setenv("TZ", zone.c_str(), 1);
    tzset();
    set = zone;
  }
  tm fields{};
  localtime_r(&seconds, &fields);
  return fields;
}

int64_t offset_at(int64_t seconds, const std::string& zone) { return fields_of(seconds, zone).tm_gmtoff; }

/// Whether one name of a comma-separated list is so.
template <class Fits>
bool any_of(const std::string& list, Fits fits) {
  for (size_t from = 0; from <= list.size();) {
    const size_t to = std::min(list.find(", ", from), list.size());
    if (fits(list.substr(from, to - from))) return true;
    from = to + 2;
  }
  return false;
}

bool below(const std::string& outcome, const std::string& branch) { return outcome == branch || outcome.starts_with(branch + "."); }

bool is_conversation(const std::string& outcome) {
  return outcome.ends_with(".reached") || outcome.ends_with(".met") || outcome.contains(".reached.") || outcome.contains(".met.");
}

int weekday_of(int64_t date) { return static_cast<int>((date + 3) % 7) + 1; }  // 1970-01-01 was a Thursday

bool works(const Policy& policy, int64_t date) { return (weekday_of(date) < 6) != policy.odd_days.contains(date); }

bool in_group(const Policy& policy, const std::string& days, int64_t date) {
  static const char* const names[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
  const int weekday = weekday_of(date);
  if (days == "working days") return works(policy, date);
  if (days == "weekends") return weekday >= 6;
  return days == "others" || days == names[weekday - 1];
}

struct Civil {
  int64_t year = 0, month = 0, day = 0;  // month 1 … 12
};

Civil civil_of(int64_t date) {
  const tm fields = fields_of(date * 86'400, "UTC");
  return {fields.tm_year + 1900, fields.tm_mon + 1, fields.tm_mday};
}

/// A month has 28 to 31 days: what lies behind its end is its last day.
int64_t add_months(int64_t date, int64_t months) {
  Civil civil = civil_of(date);
  const int64_t all = civil.year * 12 + civil.month - 1 + months;
  for (int64_t day = civil.day;; --day) {
    tm fields{};
    fields.tm_year = static_cast<int>(all / 12 - 1900);
    fields.tm_mon = static_cast<int>(all % 12);
    fields.tm_mday = static_cast<int>(day);
    const int64_t found = timegm(&fields) / 86'400;
    if (civil_of(found).month == all % 12 + 1) return found;
  }
}

/// When something is over that began at `since` and lasts so long; its day is the first.
Instant end_of(const Policy& policy, const Line& line, Instant since, const std::string& zone) {
  if (line.unit == Line::Unit::hours) return since + line.days * 3600 * second;
  int64_t date = local_time(since, zone).date;
  if (line.unit == Line::Unit::days) date += line.days;
  if (line.unit == Line::Unit::months) date = add_months(date, line.days);
  if (line.unit == Line::Unit::business_days) {
    for (int64_t left = line.days; left > 0; left -= works(policy, date)) ++date;
  }
  return instant_of(date, 0, zone);
}

/// Whether a contact of before stands in the window that a contact now ends.
bool in_window(const Line& line, Instant before, Instant at, const std::string& zone) {
  const Local then = local_time(before, zone), now = local_time(at, zone);
  switch (line.period) {
    case Line::Period::day:
      return then.date == now.date;
    case Line::Period::week:
      return (then.date + 3) / 7 == (now.date + 3) / 7;
    case Line::Period::month:
      return then.month == now.month;
    case Line::Period::quarter:
      return then.month / 3 == now.month / 3;
    case Line::Period::year:
      return then.month / 12 == now.month / 12;
    case Line::Period::days:
      return now.date - then.date < line.length;
    case Line::Period::hours:
      return at - before < line.length * 3600 * second;
  }
  return false;
}

std::string kind_of(const Line& line) {
  static const char* const periods[] = {"day", "week", "month", "days", "hours", "quarter", "year"};
  static const char* const units[] = {"days", "hours", "business days", "months"};
  static const char* const keys[] = {" per debtor", " per account", " per person", " per account and person"};
  const std::string key = keys[static_cast<int>(line.key)];
  switch (line.kind) {
    case Line::Kind::at_most:
      return std::string("at most per ") + periods[static_cast<int>(line.period)] + key;
    case Line::Kind::hours:
      return "hours";
    case Line::Kind::pause:
      return std::string("pause of ") + units[static_cast<int>(line.unit)] + key;
    case Line::Kind::never:
      break;
  }
  return line.fact.empty() ? "never from event" : "never when";
}

}  // namespace

Local local_time(Instant at, const std::string& zone) {
  const time_t seconds = at / second;
  const tm fields = fields_of(seconds, zone);
  Local local;
  local.date = (seconds + fields.tm_gmtoff) / 86'400;
  local.seconds = (seconds + fields.tm_gmtoff) % 86'400;
  local.weekday = fields.tm_wday == 0 ? 7 : fields.tm_wday;
  local.month = fields.tm_year * 12 + fields.tm_mon;
  return local;
}

Instant instant_of(int64_t date, int64_t seconds, const std::string& zone) {
  const int64_t shown = date * 86'400 + seconds;
  const int64_t before = offset_at(shown - 86'400 * 3 / 2, zone), behind = offset_at(shown + 86'400 * 3 / 2, zone);
  for (const int64_t offset : {std::max(before, behind), std::min(before, behind)}) {
    if (offset_at(shown - offset, zone) == offset) return (shown - offset) * second;
  }
  // Clocks pass over it: the instant at which they do.
  int64_t low = shown - 86'400 * 3 / 2, high = shown + 86'400 * 3 / 2;
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (offset_at(middle, zone) == before ? low : high) = middle;
  }
  return high * second;
}

bool is_channel(const std::string& channel, const std::string& queue) {
  return any_of(channel, [&](const std::string& one) {
    if (one == "any contact") return queue != "file";
    return one == queue || (one == "call" && queue == "robot") || (one == "message" && (queue == "sms" || queue == "chat"));
  });
}

bool GatewayLog::same_key(const Line& line, const Contact& a, const Contact& b) const {
  if (a.debtor != b.debtor) return false;
  const bool account = line.key == Line::Key::account || line.key == Line::Key::account_and_person;
  const bool person = line.key == Line::Key::person || line.key == Line::Key::account_and_person;
  return (!account || a.account == b.account) && (!person || a.person == b.person);
}

std::string GatewayLog::text() const {
  std::string text;
  for (const Contact& one : contacts) {
    const time_t seconds = one.at / second;
    tm fields{};
    gmtime_r(&seconds, &fields);
    char when[32];
    std::strftime(when, sizeof when, "%F %T", &fields);
    text += std::string(when) + "Z " + one.account + " " + one.person + " " + one.queue + " " + one.treatment + " " + one.outcome +
            (one.ours ? "" : " (told)") + (one.together != 0 ? " together " + std::to_string(one.together) : "") + "\n";
  }
  return text;
}

std::optional<std::string> GatewayLog::broken() const {
  if (contacts.empty() || !contacts.back().ours) return std::nullopt;
  const int64_t together = contacts.back().together;
  for (size_t n = contacts.size(); n-- > 0;) {
    const Contact& last = contacts[n];
    if (n + 1 < contacts.size() && (together == 0 || last.together != together)) break;
    const Facts& facts = facts_of(last.debtor);
    const Policy& policy = *versions_[facts.version];
    for (const Line& line : policy.lines) {
      if (!is_channel(line.channel, last.queue)) continue;
      if (auto found = broken(policy, facts, line, last)) return "`" + line.text + "` (version " + std::to_string(facts.version + 1) + "): " + *found;
    }
  }
  return std::nullopt;
}

std::optional<std::string> GatewayLog::broken(const Policy& policy, const Facts& facts, const Line& line, const Contact& last) const {
  const std::string& zone = zone_of(facts, line, last.debtor);
  if (!stands(policy, facts, line, last.at, zone)) return std::nullopt;
  const Local now = local_time(last.at, zone);
  kinds_.insert(kind_of(line));
  switch (line.kind) {
    case Line::Kind::at_most:
      return too_many(line, facts, last, zone);
    case Line::Kind::hours: {
      static const std::vector<Line::Hours> usual = {{10 * 3600, 14 * 3600, "weekends"}, {8 * 3600, 20 * 3600, "others"}};
      const std::vector<Line::Hours>& hours = line.hours.empty() ? usual : line.hours;
      const auto first = std::ranges::find_if(hours, [&](const Line::Hours& one) { return in_group(policy, one.days, now.date); });
      for (auto one = first; one != hours.end(); ++one) {
        if (one->days == first->days && last.at >= instant_of(now.date, one->from, zone) && last.at < instant_of(now.date, one->to, zone)) return std::nullopt;
      }
      return "outside the hours";
    }
    case Line::Kind::pause:
      return too_soon(policy, line, last, zone);
    case Line::Kind::never:
      return banned(policy, facts, line, last, zone);
  }
  return std::nullopt;
}

const Facts& GatewayLog::facts_of(const std::string& debtor) const {
  static const Facts none;
  const auto known = facts_.find(debtor);
  return known == facts_.end() ? none : known->second;
}

const std::string& GatewayLog::zone_of(const Facts& facts, const Line& line, const std::string& debtor) const {
  return !line.zone.empty() ? line.zone : !facts.zone.empty() ? facts.zone : zones_.at(debtor);
}

/// Whether the line's block is in force and applies.
bool GatewayLog::stands(const Policy& policy, const Facts& facts, const Line& line, Instant at, const std::string& zone) const {
  const int64_t date = local_time(at, zone).date;
  if (date < line.from || date > line.to) return false;
  if (!line.applies.empty()) {
    const bool turned = line.applies.starts_with("not ");
    if (facts.hold.contains(turned ? line.applies.substr(4) : line.applies) == turned) return false;
  }
  if (line.applies_from == INT64_MIN && line.applies_to == INT64_MAX) return true;
  Local house = local_time(at, policy.zone);
  if (house.seconds < 6 * 3600) --house.date;
  return house.date >= line.applies_from && house.date <= line.applies_to;
}

std::optional<std::string> GatewayLog::too_soon(const Policy& policy, const Line& line, const Contact& last, const std::string& zone) const {
  if (line.after == "complaint") {
    for (const Complaint& one : complaints_) {
      if (!one.settled && one.debtor == last.debtor && one.at <= last.at && last.at < end_of(policy, line, one.at, zone))
        return "within the pause after a complaint";
    }
    return std::nullopt;
  }
  for (size_t n = 0; n < contacts.size(); ++n) {
    const Contact& before = contacts[n];
    if (&before == &last || (before.together != 0 && before.together == last.together)) continue;
    if (!below(before.outcome, line.after) || !same_key(line, before, last) || before.at > last.at) continue;
    if (last.at < end_of(policy, line, before.at, zone)) return "within the pause after contact " + std::to_string(n);
  }
  return std::nullopt;
}

std::optional<std::string> GatewayLog::banned(const Policy& policy, const Facts& facts, const Line& line, const Contact& last, const std::string& zone) const {
  if (line.to_parties && last.person == last.debtor) return std::nullopt;
  if (!line.except.empty() && is_channel(line.except, last.queue)) return std::nullopt;
  if (!line.fact.empty()) return facts.hold.contains(line.fact) ? std::optional<std::string>("while " + line.fact) : std::nullopt;
  if (line.days == 0) return "never";
  Instant complained = INT64_MIN, settled = INT64_MIN;
  for (const Complaint& one : complaints_) {
    if (one.debtor != last.debtor || one.at > last.at) continue;
    Instant& latest = one.settled ? settled : complained;
    latest = std::max(latest, one.at);
  }
  if (complained == INT64_MIN || settled > complained) return std::nullopt;
  if (last.at < end_of(policy, line, complained, zone)) return "after a complaint";
  return std::nullopt;
}

std::optional<std::string> GatewayLog::too_many(const Line& line, const Facts& facts, const Contact& last, const std::string& zone) const {
  const std::string& counted = line.counts.empty() ? line.channel : line.counts;
  int64_t kept = 0, others = 0;  // contacts that places are reserved for, and all others, besides the last
  std::set<int64_t> conversations;
  for (const Contact& one : contacts) {
    if (&one == &last || !is_channel(counted, one.queue) || !same_key(line, one, last) || one.at > last.at) continue;
    if (line.conversations && !is_conversation(one.outcome)) continue;
    if (one.once && one.together != 0) {
      if (one.together == last.together || !conversations.insert(one.together).second) continue;
    }
    if (in_window(line, one.at, last.at, zone)) ++(one.treatment == "important" ? kept : others);
  }
  const int64_t most = line.most_of_vips > 0 && facts.hold.contains("vip") ? line.most_of_vips : line.most;
  // Whatever comes of the contact, it took a place: it could have come to what is counted.
  const bool important = last.treatment == "important";
  const int64_t all = kept + others + 1;
  if (all > most) return std::to_string(all) + " contacts";
  if (line.reserved > 0 && !important && others + 1 + std::max(kept, line.reserved) > most) return std::to_string(others + 1) + " contacts in others' places";
  return std::nullopt;
}

bool GatewayLog::refused_for_nothing(const std::string& why, const Contact& next, const std::vector<Possible>& possible) const {
  const size_t said = why.find("`: ");
  if (said == std::string::npos) return false;
  const Facts& facts = facts_of(next.debtor);
  const Policy& policy = *versions_[facts.version];
  bool known = false;
  for (const Line& line : policy.lines) {
    if (!why.substr(said + 3).starts_with(line.text) || !is_channel(line.channel, next.queue)) continue;
    if (line.key != Line::Key::debtor) return false;
    known = true;
    const std::string& zone = zone_of(facts, line, next.debtor);
    if (!stands(policy, facts, line, next.at, zone)) continue;
    if (line.kind == Line::Kind::at_most) {
      if (too_many_possible(line, facts, next, possible, zone)) return false;
    } else if (line.kind == Line::Kind::pause && line.after != "complaint") {
      const bool closed = std::ranges::any_of(possible, [&](const Possible& one) {
        if (one.contact.debtor != next.debtor || (!one.contact.outcome.empty() && !below(one.contact.outcome, line.after))) return false;
        return one.held || next.at < end_of(policy, line, one.last, zone);
      });
      if (closed) return false;
    } else if (broken(policy, facts, line, next)) {
      return false;
    }
  }
  return known;
}

bool GatewayLog::too_many_possible(const Line& line, const Facts& facts, const Contact& next, const std::vector<Possible>& possible,
                                   const std::string& zone) const {
  int64_t kept = 0, others = 0;
  std::set<int64_t> conversations;
  for (const Possible& one : possible) {
    if (one.contact.debtor != next.debtor || !is_channel(line.counts.empty() ? line.channel : line.counts, one.contact.queue)) continue;
    if (line.conversations && !one.contact.outcome.empty() && !is_conversation(one.contact.outcome)) continue;
    if (!one.held && one.first > next.at) continue;
    if (!one.held && !in_window(line, one.last, next.at, zone)) continue;
    if (one.contact.once && one.contact.together != 0 && !conversations.insert(one.contact.together).second) continue;
    ++(one.contact.treatment == "important" ? kept : others);
  }
  const int64_t most = line.most_of_vips > 0 && facts.hold.contains("vip") ? line.most_of_vips : line.most;
  const bool important = next.treatment == "important";
  return kept + others + 1 > most || (!important && others + 1 + std::max(kept, line.reserved) > most);
}

}  // namespace dunlin::limits_test
