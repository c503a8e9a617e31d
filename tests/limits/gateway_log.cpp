#include "tests/limits/gateway_log.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>

namespace dunlin::limits_test {

Local local_time(Instant at, const std::string& zone) {
  static std::string set;
  if (set != zone) {
    setenv("TZ", zone.c_str(), 1);
    tzset();
    set = zone;
  }
  const time_t seconds = at / 1'000'000;
  tm fields{};
  localtime_r(&seconds, &fields);
  Local local;
  local.date = (seconds + fields.tm_gmtoff) / 86'400;
  local.seconds = (seconds + fields.tm_gmtoff) % 86'400;
  local.weekday = fields.tm_wday == 0 ? 7 : fields.tm_wday;
  local.month = fields.tm_year * 12 + fields.tm_mon;
  return local;
}

bool is_channel(const std::string& channel, const std::string& queue) {
  return channel == "any contact" || channel == queue || (channel == "call" && queue == "robot");
}

bool GatewayLog::same_key(const Line& line, const Contact& a, const Contact& b) const {
  if (a.debtor != b.debtor) return false;
  if (line.key == Line::Key::account) return a.account == b.account;
  if (line.key == Line::Key::person) return a.person == b.person;
  return true;
}

std::optional<std::string> GatewayLog::broken() const {
  if (contacts.empty() || !contacts.back().ours) return std::nullopt;
  const Contact& last = contacts.back();
  for (const Line& line : policy_.lines) {
    if (!is_channel(line.channel, last.queue)) continue;
    if (auto found = broken(line, last)) return "`" + line.text + "`: " + *found;
  }
  return std::nullopt;
}

std::optional<std::string> GatewayLog::broken(const Line& line, const Contact& last) const {
  const std::string& zone = zones_.at(last.debtor);
  const Local now = local_time(last.at, zone);
  switch (line.kind) {
    case Line::Kind::at_most:
      return too_many(line, last);
    case Line::Kind::hours: {
      const bool weekend = now.weekday >= 6;
      const bool open = now.seconds >= (weekend ? 10 : 8) * 3600 && now.seconds < (weekend ? 14 : 20) * 3600;
      return open ? std::nullopt : std::optional<std::string>("outside the hours");
    }
    case Line::Kind::pause:
      for (size_t n = 0; n + 1 < contacts.size(); ++n) {
        const Contact& before = contacts[n];
        if (before.outcome != line.after || !same_key(line, before, last)) continue;
        const int64_t date = local_time(before.at, zone).date;
        if (date <= now.date && now.date < date + line.days) return "within the pause after contact " + std::to_string(n);
      }
      return std::nullopt;
    case Line::Kind::never:
      for (const auto& [debtor, at] : complaints_) {
        const int64_t date = local_time(at, zone).date;
        if (debtor == last.debtor && at <= last.at && now.date < date + line.days) return "after a complaint";
      }
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::string> GatewayLog::too_many(const Line& line, const Contact& last) const {
  const std::string& zone = zones_.at(last.debtor);
  const Local now = local_time(last.at, zone);
  if (now.date < line.from || now.date > line.to) return std::nullopt;
  int64_t all = 0, others = 0;
  for (const Contact& one : contacts) {
    if (!is_channel(line.channel, one.queue) || !same_key(line, one, last) || one.at > last.at) continue;
    if (line.conversations && one.outcome != "call.reached") continue;
    const Local then = local_time(one.at, zone);
    bool within = false;
    switch (line.period) {
      case Line::Period::day:
        within = then.date == now.date;
        break;
      case Line::Period::week:
        within = (then.date + 3) / 7 == (now.date + 3) / 7;
        break;
      case Line::Period::month:
        within = then.month == now.month;
        break;
      case Line::Period::days:
        within = now.date - then.date < line.length;
        break;
      case Line::Period::hours:
        within = last.at - one.at < line.length * 3'600'000'000;
        break;
    }
    if (!within) continue;
    ++all;
    if (one.treatment != "important") ++others;
  }
  // A conversation counts when it has come about: the task could still have reached nobody.
  if (line.conversations && last.outcome != "call.reached") return std::nullopt;
  if (all > line.most) return std::to_string(all) + " contacts";
  if (line.reserved > 0 && last.treatment != "important" && others > line.most - line.reserved) return std::to_string(others) + " contacts in others' places";
  return std::nullopt;
}

}  // namespace dunlin::limits_test
