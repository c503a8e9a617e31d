#include "tests/support/random_cases.h"

#include "compiler/abi/clock.h"

namespace dunlin::test {

namespace {

constexpr int64_t us_per_hour = 3600 * abi::us_per_second;
constexpr int64_t us_per_day = 24 * us_per_hour;

int64_t at(int64_t year, int64_t month, int64_t day, int64_t hour) { return abi::date_of_civil(year, month, day) * us_per_day + hour * us_per_hour; }

}  // namespace

std::vector<ZonedCalendar> zoned_calendars() {
  struct Wanted {
    const char* zone;
    int64_t day_start_s;
    std::vector<int64_t> changes;
  };
  const Wanted wanted[] = {
      {"Europe/Berlin", 6 * 3600, {at(2025, 3, 30, 1), at(2025, 10, 26, 1)}},
      {"America/New_York", 2 * 3600 + 1800, {at(2025, 3, 9, 7), at(2025, 11, 2, 6)}},
      {"Australia/Lord_Howe", 1 * 3600 + 2700, {at(2025, 4, 5, 15), at(2025, 10, 4, 15)}},
      {"America/Sao_Paulo", 0, {at(2018, 11, 4, 3), at(2019, 2, 17, 2)}},
      {"Asia/Kolkata", 5 * 3600, {at(2025, 6, 30, 18), at(2024, 2, 28, 20)}},
      {"Pacific/Apia", 3 * 3600, {at(2011, 12, 30, 10), at(2012, 4, 1, 0)}},
  };
  std::vector<ZonedCalendar> made;
  for (const auto& want : wanted) {
    abi::CalendarSpec spec;
    spec.timezone = want.zone;
    spec.day_start_s = want.day_start_s;
    for (int32_t year = 2010; year < 2027; ++year) {
      for (int32_t day = 0; day < 3; ++day) spec.holidays.push_back(static_cast<int32_t>(abi::date_of_civil(year, 4, 1)) + 9 * day);
      spec.working_weekends.push_back(static_cast<int32_t>(abi::date_of_civil(year, 11, 1)));
    }
    auto tables = abi::CalendarTables::make(spec);
    if (!tables) throw std::runtime_error(tables.error());
    made.push_back({want.zone, std::move(*tables), want.changes});
  }
  return made;
}

RandomCase random_case(const checked::Program& program, const abi::Calendar& calendar, int64_t now, std::mt19937_64& random) {
  const auto up_to = [&](int64_t below) { return static_cast<int64_t>(random() % static_cast<uint64_t>(below)); };
  RandomCase made{std::make_unique<CaseBuilder>(program), {}};
  auto& builder = *made.builder;
  int64_t today = 0;
  if (abi::date_of(calendar, now, &today) != abi::Fault::none) throw std::runtime_error("the case lies beyond the calendar");
  auto* debtor = builder.add("debtor");
  builder.set(debtor, "id", "debtor");
  const auto date_near = [&] { return today - 45 + up_to(90); };
  for (int64_t count = 1 + up_to(3); count > 0; --count) {
    auto* account = builder.add("account", debtor);
    made.accounts.push_back(account);
    builder.set(account, "id", "account " + std::to_string(count));
    builder.set(account, "balance", up_to(40'000)).set(account, "overdue", up_to(9'000));
    if (up_to(4) != 0) builder.set(account, "overdue_since", today - up_to(100) + 3);
    if (up_to(3) != 0) builder.set(account, "next_due", date_near());
    if (up_to(3) != 0) builder.set(account, "score", 300 + up_to(550));
    builder.set(account, "secured", up_to(2)).set_number(account, "rate", static_cast<double>(up_to(200)) / 8);
    builder.set(account, "share", up_to(2'000'000)).set(account, "product", up_to(3)).set(account, "agreed", date_near());
    builder.set(account, "opened", now - 20 * us_per_day + up_to(40 * us_per_day));
    auto& state = builder.state(account);
    state.strategy = 0;
    state.entered_at = now - up_to(10 * us_per_day);
    state.enrolled_at = state.entered_at - up_to(10 * us_per_day);
    for (int64_t events = up_to(7); events > 0; --events) {
      static const char* const types[] = {"payment", "call", "call.reached", "call.reached.debtor", "call.no_answer"};
      const char* const type = types[up_to(5)];
      // Some events fall exactly on day starts and on the instant itself.
      int64_t instant = now - up_to(40 * us_per_day);
      if (up_to(8) == 0) instant = calendar.day_start_us[today - calendar.first_day - up_to(20)];
      if (up_to(20) == 0) instant = now;
      auto* event = builder.event(type, account, std::min(instant, now));
      if (up_to(10) == 0) event->cancelled = 1;
      if (std::string(type) == "payment") builder.set(event, "amount", up_to(9'000)).set(event, "source", up_to(2));
      if (std::string(type) == "call.reached.debtor" && up_to(3) != 0) builder.set(event, "due", date_near());
    }
  }
  builder.view();
  return made;
}

}  // namespace dunlin::test
