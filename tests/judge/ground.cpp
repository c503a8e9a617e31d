#include "tests/judge/ground.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/store/office.h"

namespace dunlin::judge {

using store::test::good;

namespace {

/// Calls, visits and conversations end with a payment; letters go out in order, visits are one worker's, messages have a rate, a conversation is about both
/// accounts of a debtor, registered letters go out in a register, files are on a clerk's list of the day. Papers have no limits: nothing but their priority
/// says which goes first.
const char* const policy = R"(
bundle consumers "Consumers" { timezone Europe/Berlin, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text, timezone : timezone }
entity account of debtor { key id : text, overdue : money }
event payment of account { }
outcomes call of account { reached, no_answer }
outcomes mail of account { sent }
outcomes sms of account { sent }
outcomes visit of account { met, nobody }
outcomes talk of account { agreed, no_answer }
outcomes post of account { delivered, lost }
outcomes desk of account { filed }
outcomes paper of account { read }
queue call { outcomes call }
queue mail { outcomes mail, assign oldest first per account }
queue sms { outcomes sms }
queue visit { outcomes visit }
queue talk { outcomes talk, merge per debtor { lead by overdue desc   counts once } }
queue post { outcomes post, batch daily at 11:00 as register "post", numbers "ranges.csv", status by barcode }
queue desk { outcomes desk }
queue paper { outcomes paper }
limits "Caps" {
  call at most 2 per day per debtor
  call at most 5 per calendar week per debtor
  mail at most 3 in any 2 days per account
  visit none for 2 days after visit.met per account
  sms between 08:00 and 20:00 on working days, 10:00 and 14:00 on others
  talk at most 2 per day per debtor
  post at most 1 in any 3 days per account
}
strategy soft "Soft" for account {
  enrol when overdue > 0
  stage calling {
    keep call "script" while not exists(payment within 2 days) { again 50 minutes, window 09:00..19:00 }
    keep call "second" while not exists(payment within 2 days) { again 90 minutes, priority 3 }
    keep mail "first" { again 40 minutes }
    keep mail "second" { again 70 minutes }
    keep sms "sms" { again 30 minutes }
    keep visit "visit" while not exists(payment within 2 days) { again 3 hours }
    keep talk "ring" while not exists(payment within 1 days) { again 100 minutes }
    keep post "registered" { again 1 day }
    keep desk "file" { again 2 hours }
    keep paper "form" { again 80 minutes, priority 7 }
    keep paper "copy" { again 60 minutes, priority 5 }
  }
}
)";

/// What the second version says otherwise: tighter and looser limits, and a rule of another name.
const std::vector<std::pair<const char*, const char*>> second_says = {
    {"call at most 2 per day per debtor", "call at most 1 per day per debtor"},
    {"call at most 5 per calendar week per debtor", "call at most 6 per calendar week per debtor"},
    {"mail at most 3 in any 2 days per account", "mail at most 2 in any 3 days per account"},
    {"visit none for 2 days after", "visit none for 1 days after"},
    {"sms between 08:00 and 20:00 on working days, 10:00 and 14:00 on others", "sms between 11:00 and 22:00 on working days, 12:00 and 13:00 on others"},
    {"talk at most 2 per day per debtor", "talk at most 1 per day per debtor"},
    {"post at most 1 in any 3 days per account", "post at most 1 in any 2 days per account"},
    {"keep mail \"second\"", "keep mail \"third\""},
};

std::string second_policy() {
  std::string text = policy;
  for (const auto& [first, second] : second_says) {
    const size_t at = text.find(first);
    REQUIRE(at != std::string::npos);
    text.replace(at, std::string(first).size(), second);
  }
  return text;
}

const char* const ranges = "prefix,from,to,suffix\nRR,10000000,10099999,DE\n";

const std::vector<std::pair<const char*, const char*>> everybody = {{"d1", "Asia/Tokyo"}, {"d2", "America/New_York"}, {"", "Europe/Berlin"}};

}  // namespace

const char* const queue_settings =
    "update dunlin.queue_setting set returns_max = 1; update dunlin.queue_setting set rate = 1, rate_per = '40 minutes' where name = 'sms'; "
    "update dunlin.queue_setting set assign = 'one_operator' where name = 'visit'; update dunlin.queue_setting set lease = '3 hours' where name = 'talk'; ";

std::vector<limits_test::Policy> limits() {
  using Line = limits_test::Line;
  std::vector<limits_test::Policy> made(2);
  made[0].lines = {
      {.channel = "call", .most = 2, .period = Line::Period::day, .text = "call at most 2 per day per debtor"},
      {.channel = "call", .most = 5, .period = Line::Period::week, .text = "call at most 5 per calendar week per debtor"},
      {.channel = "mail", .most = 3, .period = Line::Period::days, .length = 2, .key = Line::Key::account, .text = "mail at most 3 in any 2 days"},
      {.kind = Line::Kind::pause, .channel = "visit", .key = Line::Key::account, .after = "visit.met", .days = 2, .text = "visit none for 2 days"},
      {.kind = Line::Kind::hours, .channel = "sms", .text = "sms between 08:00 and 20:00 on working days"},
      {.channel = "talk", .most = 2, .period = Line::Period::day, .text = "talk at most 2 per day per debtor"},
      {.channel = "post", .most = 1, .period = Line::Period::days, .length = 3, .key = Line::Key::account, .text = "post at most 1 in any 3 days"}};
  made[1].lines = {
      {.channel = "call", .most = 1, .period = Line::Period::day, .text = "call at most 1 per day per debtor"},
      {.channel = "call", .most = 6, .period = Line::Period::week, .text = "call at most 6 per calendar week per debtor"},
      {.channel = "mail", .most = 2, .period = Line::Period::days, .length = 3, .key = Line::Key::account, .text = "mail at most 2 in any 3 days"},
      {.kind = Line::Kind::pause, .channel = "visit", .key = Line::Key::account, .after = "visit.met", .days = 1, .text = "visit none for 1 days"},
      {.kind = Line::Kind::hours,
       .channel = "sms",
       .text = "sms between 11:00 and 22:00 on working days",
       .hours = {{11 * 3600, 22 * 3600, "working days"}, {12 * 3600, 13 * 3600, "others"}}},
      {.channel = "talk", .most = 1, .period = Line::Period::day, .text = "talk at most 1 per day per debtor"},
      {.channel = "post", .most = 1, .period = Line::Period::days, .length = 2, .key = Line::Key::account, .text = "post at most 1 in any 2 days"}};
  return made;
}

std::map<std::string, QueueRules> rules() {
  std::map<std::string, QueueRules> made;
  for (const char* queue : {"call", "mail", "sms", "visit", "talk", "post", "desk", "paper"}) made[queue].returns_max = 1;
  made["call"].hours["script"] = {9 * 3600, 19 * 3600};
  made["mail"].in_order = true;
  made["sms"].rate = 1;
  made["sms"].rate_per = int64_t{40} * 60 * 1'000'000;
  made["visit"].one_operator = true;
  made["talk"].merges = true;
  made["post"].printed = true;
  made["paper"].by_priority = true;
  return made;
}

std::unique_ptr<Ground> Ground::make() {
  auto server = StillServer::start();
  return server == nullptr ? nullptr : std::unique_ptr<Ground>(new Ground(std::move(server)));
}

Ground::Ground(std::unique_ptr<StillServer> server) : server_(std::move(server)) {
  versions_.reserve(2);
  for (const std::string& text : {std::string(policy), second_policy()})
    versions_.emplace_back(BundleSources{{{"consumers.dun", text}, {"ranges.csv", ranges}}});
  for (const auto& [key, zone] : everybody) {
    std::string name = key;
    const auto bucket = [](const std::string& of) { return engine::bucket_of(engine::stable_id("debtor", of)); };
    for (int n = 3; name.empty(); ++n) {
      if (bucket("d" + std::to_string(n)) == debtors_[0].bucket) name = "d" + std::to_string(n);
    }
    debtors_.push_back({name, zone, bucket(name)});
  }
  admin_ = good(store::BulkConnection::open(server_->url("postgres")));
  good(admin_->run("create database ground"));
  const auto store = store::test::open_at(server_->url("ground"));
  const sim_test::Compiled& first = versions_.front();
  good(store->migrate());
  good(store->prepare(first.program()));
  good(store->activate(first.program(), first.sources(), "tester", 0));
  const auto& program = first.program();
  abi::Arena texts;
  std::vector<store::InstanceRow> rows;
  const auto text = [&](const std::string& value) { return reinterpret_cast<int64_t>(texts.text(value)); };
  const auto add = [&](const char* entity, const std::string& key, const std::string& root, const std::string& parent, const char* field, int64_t value) {
    const checked::Index index = checked::find_entity(program, entity);
    const checked::Entity& kind = program.entities[index];
    rows.push_back({.entity = index, .key = key, .root_key = root, .parent_key = parent, .slots = std::vector<int64_t>(static_cast<size_t>(kind.slot_count))});
    rows.back().slots[kind.fields[checked::find_field(kind.fields, "id")].slot] = text(key);
    rows.back().slots[kind.fields[checked::find_field(kind.fields, field)].slot] = value;
  };
  for (const Debtor& debtor : debtors_) {
    add("debtor", debtor.key, debtor.key, "", "timezone", text(debtor.zone));
    int64_t overdue = 5000;
    for (const char* which : {"a", "b"}) add("account", debtor.key + which, debtor.key, debtor.key, "overdue", overdue += 1000);
  }
  REQUIRE(good(store->put_instances(program, rows, first.day_start(sim_test::date_of(2026, 3, 1)))).set_aside == 0);
  const auto connection = good(store::BulkConnection::open(server_->url("ground")));
  // A worker who is new in one transaction makes another wait that names him too; one thread plays both. Months are made beforehand: that is no matter of the
  // queues.
  good(connection->run(
      queue_settings +
      fmt::format("do $$ begin perform dunlin.worker_number('worker ' || n) from generate_series(0, 2) n; end $$; "
                  "select dunlin.put_workers('[{{\"worker\": \"{}\", \"queues\": \"desk\", \"capacity\": {}}}]'); select dunlin.make_months(12)",
                  clerk, clerks_capacity)));
}

std::string Ground::copy() {
  const std::string name = "consumers" + std::to_string(++copies_);
  good(admin_->run("create database " + name + " template ground"));
  return server_->url(name);
}

void Ground::drop(const std::string& url) { good(admin_->run("drop database " + url.substr(url.rfind("dbname=") + 7) + " with (force)")); }

}  // namespace dunlin::judge
