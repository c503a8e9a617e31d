// Nights over a portfolio: timers that move with their facts, cases set aside, counts.
#include <catch2/catch.hpp>

#include "tests/sim/world.h"

namespace dunlin::sim_test {

namespace {

using Tasks = std::vector<std::string>;

const char* const policy = R"(
bundle nights "Nights" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text }
entity account of debtor {
  key id        : text
  overdue       : money
  overdue_since : date?
  divisor       : int
  dpd           = days(overdue_since, today) default 0
}
event payment of account { amount : money }
queue sms { cost 1 }
queue call { cost 3 }
strategy soft "Soft" for account {
  enrol when dpd >= 1
  when dpd = 0 :                      go cured
  stage early {
    after overdue_since + 10 days :   sms "ten days"
    after overdue_since + 20 days :   go late
    when overdue / divisor > 1000 :   go late
  }
  stage late {
    keep call "late" while overdue > 0 { priority { age: if dpd > 40 then 2 else 1 } }
    after overdue_since + 40 days :   go last
  }
  stage last { keep call "last" while overdue > 0 { due 1 business day } }
  final stage cured { enrol again when dpd >= 1 }
}
)";

void owe(Portfolio& portfolio, const std::string& key, int64_t since, Instant at, int64_t divisor = 1) {
  portfolio.put("account", key, "d", "d", {{"overdue", 50'000}, {"overdue_since", since}, {"divisor", divisor}}, at);
}

}  // namespace

TEST_CASE("a part payment moves the dates: nothing fires on the old ones, no stage is skipped") {
  const Compiled compiled(policy);
  Portfolio portfolio(compiled);
  const int64_t start = date_of(2026, 1, 1);
  portfolio.put("debtor", "d", "d", "", {}, compiled.day_start(start));
  owe(portfolio, "a", start, compiled.day_start(start));
  std::string story;
  for (int64_t day = 0; day <= 70; ++day) {
    const auto report = portfolio.night(start + day, {});
    if (day == 8) owe(portfolio, "a", start + 6, compiled.day_start(start + day) + 1);    // before the letter
    if (day == 25) owe(portfolio, "a", start + 15, compiled.day_start(start + day) + 1);  // before the stage changes
    for (const auto& task : report.tasks) story += std::to_string(day) + " " + task.queue + " " + task.rule + "; ";
    for (const auto& went : report.transitions) story += std::to_string(day) + " " + went.from + " -> " + went.to + "; ";
  }
  // The letter falls at 6 + 10, and again when the date has moved to 15 + 10; the stages at 15 + 20 and 15 + 40.
  CHECK(portfolio.stage_of("a") == "soft.last");
  CHECK(story.find("10 sms") == std::string::npos);
  CHECK(story.find("16 sms") != std::string::npos);
  CHECK(story.find("25 sms") == std::string::npos);
  CHECK(story.find("26 sms") != std::string::npos);
  CHECK(story.find("26 soft.early") == std::string::npos);
  CHECK(story.find("35 soft.early -> soft.late") != std::string::npos);
  CHECK(story.find("55 soft.late -> soft.last") != std::string::npos);
}

TEST_CASE("a case that cannot be stepped is set aside, the night goes on, new data brings it back") {
  const Compiled compiled(policy);
  Portfolio portfolio(compiled);
  const int64_t start = date_of(2026, 1, 1);
  portfolio.put("debtor", "d", "d", "", {}, compiled.day_start(start));
  portfolio.put("debtor", "e", "e", "", {}, compiled.day_start(start));
  owe(portfolio, "bad", start - 3, compiled.day_start(start), 0);
  portfolio.put("account", "good", "e", "e", {{"overdue", 500}, {"overdue_since", start - 3}, {"divisor", 1}}, compiled.day_start(start));
  const auto first = portfolio.night(start, {});
  CHECK(first.counts.cases == 2);
  CHECK(first.counts.faults == 1);
  REQUIRE(first.faults.size() == 1);
  CHECK(first.faults[0].message.find("division by zero") != std::string::npos);
  CHECK(portfolio.stage_of("good") == "soft.early");
  CHECK(portfolio.stage_of("bad") == "none");
  const auto aside = portfolio.store().quarantine(10);
  REQUIRE(aside->size() == 1);
  CHECK(aside->front().where == "account bad");
  CHECK(aside->front().body.find("\"divisor\": \"0\"") != std::string::npos);
  CHECK(portfolio.night(start + 1, {}).counts.faults == 0);
  owe(portfolio, "bad", start - 3, compiled.day_start(start + 1), 2);
  portfolio.night(start + 2, {});
  CHECK(portfolio.stage_of("bad") == "soft.early");
}

TEST_CASE("a night counts what it does and tells how far it is") {
  const Compiled compiled(policy);
  Portfolio portfolio(compiled);
  const int64_t start = date_of(2026, 1, 1);
  for (int d = 0; d < 25; ++d) {
    const std::string debtor = "d" + std::to_string(d);
    portfolio.put("debtor", debtor, debtor, "", {}, compiled.day_start(start));
    portfolio.put("account", debtor + "-a", debtor, debtor, {{"overdue", 500}, {"overdue_since", start - 30}, {"divisor", 1}}, compiled.day_start(start));
  }
  int64_t told = 0, nights = 0;
  simulate::NightOptions options{.batch_limit = 10};
  options.progress = [&](const simulate::NightProgress& progress) { told = progress.so_far.cases; };
  options.after_night = [&](int64_t date, Instant, const simulate::NightCounts& night) {
    ++nights;
    CHECK((date == start ? night.cases == 25 : night.cases == 0));
    return date < start + 2;
  };
  const auto report = simulate::run_nights(portfolio.store(), compiled.night(), start, start + 9, options);
  REQUIRE(report.has_value());
  CHECK(nights == 3);  // stopped by the caller
  CHECK(told == 25);
  CHECK(report->counts.nights == 3);
  CHECK(report->counts.cases == 25);
  CHECK(report->counts.tasks_created == 50);
  CHECK(report->counts.transitions == 50);
  REQUIRE(report->tasks.size() == 2);
  CHECK(report->tasks[0].created == 25);
  const auto funnel = portfolio.store().funnel();
  REQUIRE(funnel->size() == 1);
  CHECK(funnel->front().stage == "late");
  CHECK(funnel->front().count == 25);
}

TEST_CASE("dates beyond the calendar are refused") {
  const Compiled compiled(policy);
  Portfolio portfolio(compiled);
  const auto report = simulate::run_nights(portfolio.store(), compiled.night(), date_of(2095, 1, 1), date_of(2095, 1, 2), {});
  REQUIRE_FALSE(report.has_value());
  CHECK(report.error().kind == store::StoreError::Kind::input);
}

TEST_CASE("the store gives a case file as it was at an instant of the past") {
  const Compiled compiled(policy);
  Portfolio portfolio(compiled);
  const int64_t start = date_of(2026, 1, 1);
  portfolio.put("debtor", "d", "d", "", {}, compiled.day_start(start));
  owe(portfolio, "a", start - 1, compiled.day_start(start));
  for (int64_t day = 0; day <= 50; ++day) {
    if (day == 30) portfolio.put("account", "a", "d", "d", {{"overdue", 777}, {"overdue_since", start - 1}, {"divisor", 1}}, compiled.day_start(start + day));
    portfolio.night(start + day, {});
  }
  const auto then = portfolio.store().load_case(compiled.program(), "account", "a", compiled.day_start(start + 25));
  REQUIRE(then.has_value());
  const engine::CaseFile& file = **then;
  const int32_t account = file.find(engine::stable_id("account", "a"));
  REQUIRE(account >= 0);
  CHECK(checked::stage_name(compiled.program(), file.state(account).stage) == "soft.late");
  CHECK(file.instance(account).slots[1] == 50'000);
  REQUIRE(file.tasks().size() == 1);  // the message nobody sent was withdrawn with its stage
  CHECK(file.tasks()[0].treatment == "late");
  CHECK(portfolio.stage_of("a") == "soft.last");
}

}  // namespace dunlin::sim_test
