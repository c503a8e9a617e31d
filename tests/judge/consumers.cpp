#include "tests/judge/consumers.h"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "runtime/engine/step.h"

namespace dunlin::judge {

using sim_test::Compiled;
using sim_test::Dice;
using store::test::good;

namespace {

constexpr Instant minute = 60'000'000, day = 1440 * minute;

/// Calls and visits end with a payment; letters go out in order, visits are one worker's, messages have a rate.
const char* const policy = R"(
bundle consumers "Consumers" { timezone Europe/Berlin, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text, timezone : timezone }
entity account of debtor { key id : text, overdue : money }
event payment of account { }
outcomes call of account { reached, no_answer }
outcomes mail of account { sent }
outcomes sms of account { sent }
outcomes visit of account { met, nobody }
queue call { outcomes call }
queue mail { outcomes mail, assign oldest first per account }
queue sms { outcomes sms }
queue visit { outcomes visit }
limits "Caps" {
  call at most 2 per day per debtor
  call at most 5 per calendar week per debtor
  mail at most 3 in any 2 days per account
  visit none for 2 days after visit.met per account
  sms between 08:00 and 20:00 on working days, 10:00 and 14:00 on others
}
strategy soft "Soft" for account {
  enrol when overdue > 0
  stage calling {
    keep call "script" while not exists(payment within 2 days) { again 50 minutes, window 09:00..19:00 }
    keep call "second" while not exists(payment within 2 days) { again 90 minutes }
    keep mail "first" { again 40 minutes }
    keep mail "second" { again 70 minutes }
    keep sms "sms" { again 30 minutes }
    keep visit "visit" while not exists(payment within 2 days) { again 3 hours }
  }
}
)";

const std::vector<std::pair<std::string, std::string>> debtors = {{"d1", "Asia/Tokyo"}, {"d2", "America/New_York"}};

limits_test::Policy limits() {
  using Line = limits_test::Line;
  limits_test::Policy made;
  made.lines = {{.channel = "call", .most = 2, .period = Line::Period::day, .text = "call at most 2 per day per debtor"},
                {.channel = "call", .most = 5, .period = Line::Period::week, .text = "call at most 5 per calendar week per debtor"},
                {.channel = "mail", .most = 3, .period = Line::Period::days, .length = 2, .key = Line::Key::account, .text = "mail at most 3 in any 2 days"},
                {.kind = Line::Kind::pause, .channel = "visit", .key = Line::Key::account, .after = "visit.met", .days = 2, .text = "visit none for 2 days"},
                {.kind = Line::Kind::hours, .channel = "sms", .text = "sms between 08:00 and 20:00 on working days"}};
  return made;
}

std::map<std::string, QueueRules> rules() {
  std::map<std::string, QueueRules> made;
  for (const char* queue : {"call", "mail", "sms", "visit"}) made[queue].returns_max = 1;
  made["call"].hours["script"] = {9 * 3600, 19 * 3600};
  made["mail"].in_order = true;
  made["sms"].rate = 1;
  made["sms"].rate_per = 40 * minute;
  made["visit"].one_operator = true;
  return made;
}

std::string in_database(const std::string& url, const std::string& name) { return url.substr(0, url.rfind("dbname=")) + "dbname=" + name; }

std::vector<std::string> words(const std::string& text, char between) {
  std::vector<std::string> parts;
  for (size_t from = 0; from <= text.size();) {
    const size_t to = std::min(text.find(between, from), text.size());
    if (to > from) parts.push_back(text.substr(from, to - from));
    from = to + 1;
  }
  return parts;
}

class Consumers {
 public:
  Consumers(Ground& ground, uint64_t seed, const std::string& plant)
      : compiled_(ground.compiled()),
        dice_(seed * 7919),
        url_(ground.copy()),
        store_(store::test::open_at(url_)),
        first_(good(store::BulkConnection::open(url_))),
        second_(good(store::BulkConnection::open(url_))),
        stepper_(compiled_.program(), compiled_.evaluator(), compiled_.calendar(), compiled_.settings()) {
    // The seeds begin all over the year, every third one in the week before clocks change.
    static const std::vector<int64_t> changes = {sim_test::date_of(2026, 3, 5), sim_test::date_of(2026, 3, 26), sim_test::date_of(2026, 10, 22),
                                                 sim_test::date_of(2026, 10, 29)};
    const int64_t date = seed % 3 == 0 ? changes[(seed / 3) % changes.size()] : sim_test::date_of(2026, 3, 2) + dice_.below(290);
    now_ = compiled_.day_start(date) + dice_.below(1440) * minute;
    for (auto* connection : {first_.get(), second_.get()})
      good(connection->run("set timezone = 'UTC'; set client_min_messages = warning; set statement_timeout = '30s'"));
    if (!plant.empty()) good(first_->run(plant));
  }

  ConsumersRan run(bool wholly) {
    constexpr int rounds = 3, turns = 50;
    for (int round = 0; round < rounds && ran_.findings.empty(); ++round) {
      for (int turn = 0; turn < turns; ++turn) live();
      judge_the_log();
    }
    if (wholly && ran_.findings.empty()) judge_the_records();
    ran_.dead_letters = std::stoll(ask("select count(*) from dunlin.task_open where status = 6"));
    return std::move(ran_);
  }
  const std::string& url() const { return url_; }

 private:
  struct Held {
    std::string task, worker, queue, account, treatment;
    int64_t epoch = 0;
    Instant dialled = 0, until = 0;
    std::string outcome;
  };

  // ---- asking the database ----

  std::string ask(const std::string& sql) { return good(first_->value(sql)).value_or(""); }
  /// Nothing if it is refused by one of the queue's own errors.
  std::optional<std::string> ask_or_refused(const std::string& sql) {
    auto answer = first_->value(sql);
    if (answer) return answer->value_or("");
    INFO(sql << ": " << answer.error().message);
    const std::string& said = answer.error().message;
    // Anything else is no refusal: a broken statement must not pass for one.
    REQUIRE((said.contains(" is over") || said.contains(" is done ") || said.contains(" is withdrawn ") || said.contains(" is expired ")));
    return std::nullopt;
  }
  static std::string instant(Instant at) {
    return fmt::format("timestamptz 'epoch' + interval '{} seconds' + interval '{} microseconds'", at / 1'000'000, at % 1'000'000);
  }
  std::string some_account() { return debtors[static_cast<size_t>(dice_.below(2))].first + (dice_.one_in(2) ? "a" : "b"); }
  std::string some_worker() { return "worker " + std::to_string(dice_.below(3)); }
  static std::string some_queue(Dice& dice) {
    static const char* const queues[] = {"call", "call", "mail", "mail", "sms", "visit", "visit"};
    return queues[dice.below(7)];
  }
  void note(Deed deed) {
    deed.at = now_;
    deeds_.push_back(std::move(deed));
  }
  void note(Deed::Kind kind, const Held& held, bool accepted = true, Instant until = 0) {
    note({.kind = kind,
          .accepted = accepted,
          .task = held.task,
          .epoch = held.epoch,
          .worker = held.worker,
          .queue = held.queue,
          .account = held.account,
          .treatment = held.treatment,
          .until = until,
          .about = now_,
          .source = "queue",
          .id = held.outcome});
  }

  // ---- a turn ----

  void live() {
    sleep(dice_.one_in(12) ? (180 + dice_.below(1800)) * minute : dice_.below(45) * minute);
    if (!dice_.one_in(4)) step();
    if (dice_.one_in(6)) supervise();
    for (int64_t deeds = 2 + dice_.below(4); deeds > 0; --deeds) {
      const int64_t what = dice_.below(16);
      if (what < 4) {
        lease(*first_, dice_.one_in(2), some_queue(dice_));
      } else if (what < 6) {
        two_at_once();
      } else if (what < 9) {
        dial_carefully();
      } else if (what < 13) {
        finish();
      } else if (what == 13) {
        heartbeat();
      } else if (what == 14) {
        come_late();
      } else {
        tell();
      }
    }
  }

  /// Time goes on: what the database keeps by its own clock is that much older.
  void sleep(Instant for_so_long) {
    for_so_long += 1'000'000 + dice_.below(minute);
    now_ += for_so_long;
    const std::string by = fmt::format("interval '{} seconds {} microseconds'", for_so_long / 1'000'000, for_so_long % 1'000'000);
    good(first_->run(fmt::format(
        "update dunlin.task_open set wakes = wakes - {0} where isfinite(wakes); update dunlin.task_open set lease_until = lease_until - {0} where status = 1; "
        "update dunlin.hand_out set leased_at = leased_at - {0}, until = until - {0}; update dunlin.contact set recorded_at = recorded_at - {0}; "
        "delete from dunlin.queue_round; select dunlin.turn_over()",
        by)));
    // Nobody tells them; some find out when they come late.
    std::erase_if(held_, [&](const Held& held) {
      if (held.until > now_) return false;
      ++ran_.lost;
      late_.push_back(held);
      return true;
    });
  }

  void step() {
    store::Position after;
    for (;;) {
      auto cases = good(store_->load_awake(compiled_.program(), now_, false, after, 100, pool_));
      if (cases.empty()) return;
      std::vector<engine::StepResult> results(cases.size());
      std::vector<store::CaseCommit> commits;
      for (size_t n = 0; n < cases.size(); ++n) {
        stepper_.step(*cases[n], now_, results[n], {.version = 1, .collect_reads = true, .listener = nullptr});
        REQUIRE_FALSE(results[n].fault.has_value());
        commits.push_back({cases[n].get(), &results[n]});
      }
      after = {cases.back()->bucket, cases.back()->debtor_id};
      good(store_->commit_all(compiled_.program(), commits, now_));
    }
  }

  // ---- workers ----

  void lease(store::BulkConnection& connection, bool dials_at_once, const std::string& queue) {
    const std::string worker = some_worker();
    const int64_t minutes = 20 + dice_.below(300);
    const std::string got = good(connection.value(fmt::format("select string_agg(concat_ws(' ', task, epoch, key, treatment), ',') "
                                                              "from dunlin.lease('{}', '{}', {}, '{} minutes', {})",
                                                              queue, worker, 1 + dice_.below(2), minutes, instant(now_))))
                                .value_or("");
    for (const std::string& row : words(got, ',')) {
      const auto parts = words(row, ' ');
      REQUIRE(parts.size() == 4);
      held_.push_back({.task = parts[0],
                       .worker = worker,
                       .queue = queue,
                       .account = parts[2],
                       .treatment = parts[3],
                       .epoch = std::stoll(parts[1]),
                       .until = now_ + minutes * minute});
      ++ran_.leases;
      note(Deed::Kind::lease, held_.back(), true, held_.back().until);
      if (dials_at_once) dial(held_.back());
    }
  }

  /// Two workers whose transactions overlap.
  void two_at_once() {
    // A lease of a queue with a rate waits for another such one, and one thread that plays both would wait for itself.
    const auto without_rate = [&] {
      const std::string queue = some_queue(dice_);
      return queue == "sms" ? "mail" : queue;
    };
    good(second_->run("begin"));
    lease(*second_, true, without_rate());
    // So it is with who finds nothing, turns the queues over and keeps others from that until its end.
    if (ask("select count(*) from pg_locks where locktype = 'advisory' and granted and pid <> pg_backend_pid()") == "0") lease(*first_, true, without_rate());
    good(second_->run("commit"));
  }

  void dial(Held& held) {
    static const std::map<std::string, std::pair<const char*, const char*>> outcomes = {{"call", {"call.reached", "call.no_answer"}},
                                                                                        {"mail", {"mail.sent", "mail.sent"}},
                                                                                        {"sms", {"sms.sent", "sms.sent"}},
                                                                                        {"visit", {"visit.met", "visit.nobody"}}};
    held.dialled = now_;
    held.outcome = dice_.one_in(2) ? outcomes.at(held.queue).first : outcomes.at(held.queue).second;
    note(Deed::Kind::contact, held);
    ++ran_.contacts;
    ++ran_.by_queue[held.queue];
  }

  /// Asks before it dials, some time after the lease.
  void dial_carefully() {
    for (Held& held : held_) {
      if (held.dialled != 0) continue;
      if (ask(fmt::format("select allowed from dunlin.may_contact('{}', null, {})", held.task, instant(now_))) == "t") {
        dial(held);
      } else {
        ++ran_.refused_at_dialling;
      }
      if (dice_.one_in(2)) return;
    }
  }

  std::optional<std::string> complete(const Held& held, Instant when) {
    return ask_or_refused(fmt::format("select dunlin.complete('{}', {}, '{}', at => {})", held.task, held.epoch, held.outcome, instant(when)));
  }

  void finish() {
    if (held_.empty()) return;
    const auto which = held_.begin() + dice_.below(static_cast<int64_t>(held_.size()));
    const Held held = *which;
    if (dice_.one_in(4)) return;  // nobody hears of it for now, perhaps for ever
    held_.erase(which);
    if (held.dialled != 0) {
      const Instant when = dice_.one_in(2) ? held.dialled : now_;
      const auto answer = complete(held, when);
      completed(held, answer, when);
      if (answer && dice_.one_in(3)) completed(held, complete(held, when), when);  // the answer was lost on its way
    } else if (dice_.one_in(2)) {
      note(Deed::Kind::release, held, ask_or_refused(fmt::format("select dunlin.release('{}', {})", held.task, held.epoch)).has_value());
    } else {
      // To somebody else: who gets what he holds keeps his lease.
      std::string other = some_worker();
      while (other == held.worker) other = some_worker();
      const bool done = ask_or_refused(fmt::format("select dunlin.reassign('{}', '{}', 'he is ill')", held.task, other)).has_value();
      note(Deed::Kind::reassign, held, done);
    }
  }

  void completed(const Held& held, const std::optional<std::string>& answer, Instant when) {
    note(Deed::Kind::complete, held, answer == "accepted");
    deeds_.back().about = when;
    const bool accepted = answer == "accepted";
    ran_.completed += accepted;
    if (accepted) sent_.push_back({.source = "queue", .external_id = fmt::format("{}:{}", held.task, held.epoch), .accepted = true, .task = held.task});
    if (dice_.one_in(4)) late_.push_back(held);
  }

  /// An answer without a time holds nothing.
  static Instant length_of(const std::string& left) { return left.empty() ? 0 : std::stoll(left); }

  void heartbeat() {
    if (held_.empty()) return;
    Held& held = held_[static_cast<size_t>(dice_.below(static_cast<int64_t>(held_.size())))];
    const auto left = ask_or_refused(
        fmt::format("select (extract(epoch from s.lease_until - clock_timestamp()) * 1000000)::int8 from dunlin.heartbeat('{}', {}) s", held.task, held.epoch));
    if (left) held.until = std::max<Instant>(held.until, now_ + length_of(*left));
    note(Deed::Kind::heartbeat, held, left.has_value(), held.until);
  }

  /// Somebody whose lease ended long ago, or who has said all before, is heard of again.
  void come_late() {
    if (late_.empty()) return;
    const Held held = late_[static_cast<size_t>(dice_.below(static_cast<int64_t>(late_.size())))];
    ++ran_.late;
    if (dice_.one_in(2)) {
      const auto left = ask_or_refused(fmt::format(
          "select (extract(epoch from s.lease_until - clock_timestamp()) * 1000000)::int8 from dunlin.heartbeat('{}', {}) s", held.task, held.epoch));
      note(Deed::Kind::heartbeat, held, left.has_value(), left ? now_ + length_of(*left) : 0);
    } else if (held.dialled != 0) {
      note(Deed::Kind::complete, held, complete(held, now_) == "accepted");
    } else {
      note(Deed::Kind::release, held, ask_or_refused(fmt::format("select dunlin.release('{}', {})", held.task, held.epoch)).has_value());
    }
  }

  // ---- the bank and supervisors ----

  void tell() {
    if (told_.empty() || dice_.one_in(2)) {
      told_.push_back({.kind = Deed::Kind::event,
                       .account = some_account(),
                       .about = now_ - (dice_.one_in(3) ? dice_.below(600) * minute : 0),
                       .source = "bank",
                       .id = "p" + std::to_string(told_.size())});
    }
    Deed deed = dice_.one_in(3) ? told_[static_cast<size_t>(dice_.below(static_cast<int64_t>(told_.size())))] : told_.back();
    deed.accepted = ask(fmt::format("select dunlin.post_event('{}', '{}', 'payment', 'account', '{}', {})", deed.source, deed.id, deed.account,
                                    instant(deed.about))) == "accepted";
    sent_.push_back({.source = deed.source, .external_id = deed.id, .accepted = deed.accepted, .task = {}});
    note(std::move(deed));
  }

  void supervise() {
    const int64_t what = dice_.below(4);
    if (what == 0) {
      // Of one account at a time, for some turns.
      if (excluded_.empty()) {
        excluded_ = some_account();
        // Beyond both clocks: that of the database, and the one of the business.
        order_ = ask(fmt::format(
            "select dunlin.set_override('account', '{}', 'exclude', null, greatest(clock_timestamp(), {}) + interval '1 year', 'his lawyer writes')", excluded_,
            instant(now_)));
        note({.kind = Deed::Kind::exclude, .account = excluded_});
      } else {
        ask(fmt::format("select dunlin.lift_override({})", order_));
        note({.kind = Deed::Kind::include, .account = std::exchange(excluded_, "")});
      }
    } else if (what == 1) {
      if (stopped_.empty()) {
        stopped_ = some_account();
        stop_ = ask(fmt::format("select dunlin.stop_contact('the court forbids it', entity => 'account', key => '{}')", stopped_));
        note({.kind = Deed::Kind::stop, .account = stopped_});
      } else {
        ask(fmt::format("select dunlin.resume_contact({})", stop_));
        note({.kind = Deed::Kind::resume, .account = std::exchange(stopped_, "")});
      }
    } else if (what == 2) {
      if (paused_.empty()) {
        paused_ = some_queue(dice_);
        ask(fmt::format("select dunlin.pause_queue('{}', 'the line is down')", paused_));
        note({.kind = Deed::Kind::pause, .queue = paused_});
      } else {
        ask(fmt::format("select dunlin.resume_queue('{}')", paused_));
        note({.kind = Deed::Kind::unpause, .queue = std::exchange(paused_, "")});
      }
    } else if (!held_.empty()) {
      const Held& held = held_[static_cast<size_t>(dice_.below(static_cast<int64_t>(held_.size())))];
      const auto answer = ask_or_refused(fmt::format("select dunlin.withdraw('{}', 'he has died')", held.task));
      if (!answer) return;
      ran_.marked += answer == "marked";
      note(Deed::Kind::withdraw, held);
    }
  }

  // ---- judging ----

  std::vector<std::string> roots() const {
    std::vector<std::string> keys;
    for (const auto& [debtor, zone] : debtors) keys.push_back(debtor);
    return keys;
  }
  replay::Versions versions() {
    return [this](int32_t) -> store::Result<const replay::Version*> { return &version_; };
  }

  void judge_the_log() {
    const Audit audit = good(read_audit(*store::step_log_of(*store_), versions(), roots()));
    const auto lines = limits();
    const auto queues = rules();
    ran_.findings =
        judge_queue({.deeds = deeds_, .audit = audit, .queues = queues, .zone = "Europe/Berlin", .limits = lines, .zones = {debtors.begin(), debtors.end()}});
  }

  void judge_the_records() {
    step();
    ran_.findings = good(judge({.store = *store_, .log = *store::step_log_of(*store_), .versions = versions(), .active = 1, .now = now_, .sent = sent_}));
    // The judge of the records does not know of supervisors: what one of them has withdrawn is open no more, and no step has ended it.
    const auto by_hand = [&](const Finding& finding) {
      return std::ranges::any_of(deeds_, [&](const Deed& deed) { return deed.kind == Deed::Kind::withdraw && finding.witness.starts_with(deed.task); });
    };
    // What comes back to a queue, or leaves it by hand, wakes nobody: its place under a limit is given anew at the next step of its case file.
    const auto places = [](const Finding& finding) { return finding.promise.starts_with("nobody sleeps late"); };
    std::erase_if(ran_.findings, [&](const Finding& finding) { return by_hand(finding) || places(finding); });
  }

  const Compiled& compiled_;
  Dice dice_;
  std::string url_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::BulkConnection> first_, second_;
  engine::Stepper stepper_;
  replay::Version version_{compiled_.program(), compiled_.evaluator(), compiled_.calendar(), compiled_.settings()};
  std::vector<std::unique_ptr<engine::CaseFile>> pool_;
  std::vector<Held> held_, late_;
  std::vector<Deed> deeds_, told_;
  std::vector<Sent> sent_;
  std::string excluded_, order_, stopped_, stop_, paused_;
  Instant now_ = 0;
  ConsumersRan ran_;
};

}  // namespace

Ground::Ground() : compiled_(policy), place_(store::test::make_place("postgres")) {
  const auto store = place_->open();
  good(store->migrate());
  good(store->prepare(compiled_.program()));
  good(store->activate(compiled_.program(), compiled_.sources(), "tester", 0));
  const auto& program = compiled_.program();
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
  for (const auto& [debtor, zone] : debtors) {
    add("debtor", debtor, debtor, "", "timezone", text(zone));
    for (const char* which : {"a", "b"}) add("account", debtor + which, debtor, debtor, "overdue", 5000);
  }
  REQUIRE(good(store->put_instances(program, rows, compiled_.day_start(sim_test::date_of(2026, 3, 1)))).set_aside == 0);
  admin_ = good(store::BulkConnection::open(in_database(place_->url(), "postgres")));
  const auto connection = good(store::BulkConnection::open(place_->url()));
  // A worker who is new in one transaction makes another wait that names him too; one thread plays both.
  good(
      connection->run("update dunlin.queue_setting set returns_max = 1; update dunlin.queue_setting set rate = 1, rate_per = '40 minutes' where name = 'sms'; "
                      "update dunlin.queue_setting set assign = 'one_operator' where name = 'visit'; "
                      "do $$ begin perform dunlin.worker_number('worker ' || n) from generate_series(0, 2) n; end $$"));
}

Ground::~Ground() = default;

std::string Ground::copy() {
  const std::string name = "consumers" + std::to_string(++copies_), of = place_->url().substr(place_->url().rfind("dbname=") + 7);
  good(admin_->run("create database " + name + " template " + of));
  return in_database(place_->url(), name);
}

void Ground::drop(const std::string& url) { good(admin_->run("drop database " + url.substr(url.rfind("dbname=") + 7))); }

ConsumersRan run_consumers(Ground& ground, uint64_t seed, const std::string& plant, bool wholly) {
  std::string url;
  ConsumersRan ran;
  {
    Consumers consumers(ground, seed, plant);
    url = consumers.url();
    ran = consumers.run(wholly);
  }
  ground.drop(url);
  return ran;
}

}  // namespace dunlin::judge
