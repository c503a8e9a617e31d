#include "runtime/store/postgres_feeds.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "compiler/abi/calendar.h"

namespace dunlin::store {

namespace {

using Json = nlohmann::ordered_json;

const char* what_text(checked::FeedRefusal::What what) {
  switch (what) {
    case checked::FeedRefusal::What::bad_rows:
      return "bad_rows";
    case checked::FeedRefusal::What::bad_share:
      return "bad_share";
    case checked::FeedRefusal::What::rows:
      return "rows";
    case checked::FeedRefusal::What::total:
      break;
  }
  return "total";
}

std::string time_text(int32_t seconds) { return fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60); }

Json feed_json(const checked::Feed& feed) {
  Json refusals = Json::array();
  for (const auto& one : feed.refusals) refusals.push_back({{"what", what_text(one.what)}, {"op", one.op}, {"figure", one.figure}, {"text", one.text}});
  return {{"name", feed.name},   {"title", feed.title},   {"due", feed.due_s < 0 ? Json() : Json(time_text(feed.due_s))},
          {"holds", feed.holds}, {"queues", feed.queues}, {"refusals", std::move(refusals)}};
}

/// Days since 1970 that are not what their weekday says: weekdays that are holidays, weekend days that are worked.
std::string odd_days(const std::string& holidays) {
  abi::CalendarSpec spec;
  if (const auto read = abi::read_calendar_csv(holidays, spec); !read && !holidays.empty()) throw std::runtime_error(read.error());
  std::string days;
  const auto add = [&](int32_t day, bool weekend) {
    const int32_t weekday = ((day + 3) % 7 + 7) % 7;  // 0: Monday
    if ((weekday >= 5) == weekend) days += fmt::format("{}date '1970-01-01' + {}", days.empty() ? "" : ", ", day);
  };
  for (const int32_t day : spec.holidays) add(day, false);
  for (const int32_t day : spec.working_weekends) add(day, true);
  return "array[" + days + "]::date[]";
}

}  // namespace

void remember_feeds(SmallWork& work, const checked::Department& department, const std::string& timezone, Instant at) {
  Json feeds = Json::array();
  for (const checked::Feed& feed : department.feeds) feeds.push_back(feed_json(feed));
  // A database without feeds, now and before, is left alone.
  if (feeds.empty() && work.exec("select 1 from dunlin.feed where declared limit 1").empty()) return;
  work.exec(fmt::format("select dunlin.declare_feeds({}::jsonb, {}, {}, {})", work.quote(feeds.dump()), work.quote(timezone), odd_days(department.holidays),
                        sql_instant(at)));
}

void remember_campaigns(SmallWork& work, const checked::Department& department, const std::string& timezone, const std::string& who) {
  Json campaigns = Json::array();
  const auto date = [](int32_t day) {
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  };
  for (const checked::Campaign& campaign : department.campaigns) {
    Json cases = Json::array();
    for (const auto& one : campaign.cases) cases.push_back({{"nth", one.line}, {"key", one.key}});
    campaigns.push_back({{"name", campaign.title},
                         {"file", campaign.list_file},
                         {"entity", campaign.entity},
                         {"queue", campaign.queue},
                         {"treatment", campaign.treatment},
                         {"priority", campaign.priority},
                         {"from_day", date(campaign.from_day)},
                         {"to_day", date(campaign.to_day)},
                         {"from_s", campaign.from_s},
                         {"to_s", campaign.to_s},
                         {"per_day", campaign.per_day == 0 ? Json() : Json(campaign.per_day)},
                         {"timezone", timezone},
                         {"cases", std::move(cases)}});
  }
  if (campaigns.empty() && work.exec("select 1 from dunlin.campaign where origin = 'bundle' and status = 'running' limit 1").empty()) return;
  work.exec(fmt::format("select dunlin.declare_campaigns({}::jsonb, {})", work.quote(campaigns.dump()), work.quote(who)));
}

}  // namespace dunlin::store
