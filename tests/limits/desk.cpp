#include "tests/limits/desk.h"

#include <fmt/format.h>

#include <algorithm>

namespace dunlin::limits_test {

using store::test::good;

namespace {

constexpr Instant minute = 60'000'000;

const std::vector<std::pair<std::string, std::string>> debtors = {{"d1", "Asia/Tokyo"}, {"d2", "America/New_York"}};

std::map<std::string, std::string> zones() { return {debtors.begin(), debtors.end()}; }

std::vector<std::string> words(const std::string& text, char between) {
  std::vector<std::string> parts;
  size_t from = 0;
  while (from <= text.size()) {
    const size_t to = std::min(text.find(between, from), text.size());
    if (to > from) parts.push_back(text.substr(from, to - from));
    from = to + 1;
  }
  return parts;
}

}  // namespace

std::string replace_in(const std::string& function, const std::string& old_text, const std::string& new_text) {
  return fmt::format(
      "do $plant$ declare was text := pg_get_functiondef('dunlin.{0}'::regproc); begin "
      "if strpos(was, $old${1}$old$) = 0 then raise exception 'nothing to break in {0}'; end if; "
      "execute replace(was, $old${1}$old$, $new${2}$new$); end $plant$",
      function, old_text, new_text);
}

Desk::Desk(uint64_t seed, const std::string& plant)
    : dice_(seed),
      policy_(draw(dice_)),
      compiled_(policy_.bundle),
      second_compiled_(policy_.second),
      place_(store::test::make_place("postgres")),
      store_(place_->open()),
      first_(good(store::BulkConnection::open(place_->url()))),
      second_(good(store::BulkConnection::open(place_->url()))),
      stepper_(compiled_.program(), compiled_.evaluator(), compiled_.calendar(), compiled_.settings()),
      second_stepper_(second_compiled_.program(), second_compiled_.evaluator(), second_compiled_.calendar(), second_compiled_.settings()),
      log_(policy_, zones()) {
  good(store_->migrate());
  good(store_->prepare(compiled_.program()));
  good(store_->activate(compiled_.program(), compiled_.sources(), "tester", 0));
  now_ = compiled_.day_start(sim_test::date_of(2026, 3, 2) + dice_.below(200)) + dice_.below(1440) * minute;
  std::vector<store::InstanceRow> rows;
  const auto& program = compiled_.program();
  const auto text = [&](const std::string& value) { return reinterpret_cast<int64_t>(texts_.text(value)); };
  const auto add = [&](const char* entity, const std::string& key, const std::string& root, const std::string& parent) -> std::vector<int64_t>& {
    const checked::Index index = checked::find_entity(program, entity);
    const checked::Entity& kind = program.entities[index];
    rows.push_back({.entity = index, .key = key, .root_key = root, .parent_key = parent, .slots = std::vector<int64_t>(static_cast<size_t>(kind.slot_count))});
    for (const checked::Field& field : kind.fields) {
      if (field.type.kind == checked::TypeKind::text) rows.back().slots[field.slot] = text(field.name == "id" ? key : "");
    }
    return rows.back().slots;
  };
  for (const auto& [debtor, zone] : debtors) {
    const checked::Entity& kind = program.entities[0];
    add("debtor", debtor, debtor, "")[kind.fields[checked::find_field(kind.fields, "timezone")].slot] = text(zone);
    for (const char* which : {"a", "b"}) {
      const std::string account = debtor + which;
      const checked::Entity& own = program.entities[checked::find_entity(program, "account")];
      add("account", account, debtor, debtor)[own.fields[checked::find_field(own.fields, "overdue")].slot] = 5000;
      add("party", "p" + account, debtor, account);
    }
  }
  const auto counts = good(store_->put_instances(program, rows, now_ - minute));
  REQUIRE(counts.set_aside == 0);
  for (auto* connection : {first_.get(), second_.get()})
    good(connection->run("set timezone = 'UTC'; set client_min_messages = warning; set statement_timeout = '30s'"));
  good(first_->run("update dunlin.queue_setting set returns_max = 30000"));
  // A worker who is new in one transaction makes another wait that names him too; here one thread plays both.
  good(first_->run("select dunlin.worker_number('worker ' || n) from generate_series(0, 2) n"));
  if (!plant.empty()) good(first_->run(plant));
  set_clock();
}

/// The business clock, as the database knows it.
void Desk::set_clock() {
  good(first_->run(
      fmt::format("insert into dunlin.business_clock (business_at, database_at) values ({}, clock_timestamp()) on conflict (id) do update set business_at = "
                  "excluded.business_at, database_at = excluded.database_at",
                  now_sql())));
}

std::string Desk::ask(store::BulkConnection& connection, const std::string& sql) { return good(connection.value(sql)).value_or(""); }

std::string Desk::now_sql() const {
  return fmt::format("timestamptz 'epoch' + interval '{} seconds' + interval '{} microseconds'", now_ / 1'000'000, now_ % 1'000'000);
}

std::optional<std::string> Desk::live(int turns) {
  for (int turn = 0; turn < turns && !broken_; ++turn) {
    sleep(dice_.one_in(12) ? 60 * (3 + dice_.below(30)) : dice_.below(50));
    if (dice_.one_in(40)) complain();
    if (version_ == 1 && dice_.one_in(50)) reload();
    if (!dice_.one_in(4)) step();
    const int64_t deeds = 1 + dice_.below(4);
    for (int64_t n = 0; n < deeds && !broken_; ++n) {
      switch (dice_.below(9)) {
        case 0:
        case 1:
        case 2:
          lease(*first_, dice_.one_in(2));
          break;
        case 3:
          two_at_once();
          break;
        case 4:
        case 5:
          dial_carefully();
          break;
        case 6:
        case 7:
          finish();
          break;
        default:
          if (dice_.one_in(3)) tell();
      }
    }
  }
  tally.held_back = std::stoll(ask("select count(*) from dunlin.task_open where reason like 'limits%'"));
  if (!broken_) return std::nullopt;
  return *broken_ + "\n" + policy_.bundle;
}

/// Time goes on: what the database keeps by its own clock is that much older.
void Desk::sleep(int64_t minutes) {
  const int64_t more = dice_.below(minute);
  now_ += minutes * minute + more;
  const std::string by = fmt::format("interval '{} minutes {} microseconds'", minutes, more);
  good(first_->run(
      fmt::format("update dunlin.task_open set wakes = wakes - {0} where isfinite(wakes); update dunlin.task_open set lease_until = lease_until - {0} "
                  "where status = 1; update dunlin.hand_out set leased_at = leased_at - {0}, until = until - {0}; update dunlin.contact set recorded_at = "
                  "recorded_at - {0}; delete from dunlin.queue_round; select dunlin.turn_over()",
                  by)));
  set_clock();
  std::erase_if(held_, [&](const Held& held) {
    const bool over =
        ask(fmt::format("select count(*) from dunlin.task_open where task = '{}' and lease_epoch = {} and status = 1", held.task, held.epoch)) == "0";
    tally.lost += over && held.dialled;
    return over;
  });
}

/// Another version in the middle of it all: what workers hold, what waits in lines and what was told stays.
void Desk::reload() {
  good(store_->prepare(second_compiled_.program()));
  good(store_->activate(second_compiled_.program(), second_compiled_.sources(), "tester", now_));
  version_ = 2;
  pool_.clear();  // case files of the other program
  ++tally.switches;
}

void Desk::step() {
  store::Position after;
  for (;;) {
    auto cases = good(store_->load_awake(compiled().program(), now_, false, after, 100, pool_));
    if (cases.empty()) return;
    std::vector<engine::StepResult> results(cases.size());
    std::vector<store::CaseCommit> commits;
    for (size_t n = 0; n < cases.size(); ++n) {
      stepper().step(*cases[n], now_, results[n], {.version = version_});
      REQUIRE_FALSE(results[n].fault.has_value());
      commits.push_back({cases[n].get(), &results[n]});
    }
    after = {cases.back()->bucket, cases.back()->debtor_id};
    good(store_->commit_all(compiled().program(), commits, now_));
  }
}

std::string Desk::person_of(const Held& held) const { return held.treatment == "party" ? "p" + held.account : held.account.substr(0, 2); }

void Desk::lease(store::BulkConnection& connection, bool at_once) {
  static const char* const queues[] = {"call", "call", "call", "robot", "mail", "sms", "letter", "visit"};
  const std::string queue = queues[dice_.below(8)];
  const std::string got = ask(
      connection, fmt::format("select string_agg(concat_ws(' ', task, epoch, key, treatment), ',') from dunlin.lease('{}', 'worker {}', {}, '{} minutes', {})",
                              queue, dice_.below(3), 1 + dice_.below(2), 60 + dice_.below(400), now_sql()));
  for (const std::string& row : words(got, ',')) {
    const auto parts = words(row, ' ');
    REQUIRE(parts.size() == 4);
    held_.push_back({.task = parts[0], .epoch = parts[1], .queue = queue, .account = parts[2], .treatment = parts[3], .leased = now_});
    if (at_once && !broken_) dial(held_.back());
  }
}

/// Two workers whose transactions overlap.
void Desk::two_at_once() {
  good(second_->run("begin"));
  lease(*second_, true);
  // Who finds nothing turns the queues over at once and keeps others from that until its end; one thread that plays both would wait for itself.
  if (ask("select count(*) from pg_locks where locktype = 'advisory' and granted and pid <> pg_backend_pid()") == "0") lease(*first_, true);
  good(second_->run("commit"));
}

void Desk::dial(Held& held) {
  held.dialled = true;
  held.at = now_;
  static const std::map<std::string, std::pair<const char*, const char*>> outcomes = {
      {"call", {"call.reached", "call.no_answer"}}, {"robot", {"robot.played", "robot.played"}},
      {"mail", {"mail.sent", "mail.sent"}},         {"sms", {"sms.sent", "sms.sent"}},
      {"letter", {"letter.sent", "letter.sent"}},   {"visit", {"visit.met", "visit.nobody"}}};
  held.outcome = dice_.one_in(2) ? outcomes.at(held.queue).first : outcomes.at(held.queue).second;
  ++tally.by_queue[held.queue];
  log_.add({now_, held.account.substr(0, 2), held.account, person_of(held), held.queue, held.treatment, held.outcome, true});
  ++tally.contacts;
  broken_ = log_.broken();
}

/// Asks before it dials, some time after the lease.
void Desk::dial_carefully() {
  for (Held& held : held_) {
    if (held.dialled) continue;
    if (ask(fmt::format("select allowed from dunlin.may_contact('{}', null, {})", held.task, now_sql())) == "t") {
      dial(held);
    } else {
      ++tally.refused_at_dialling;
    }
    return;
  }
}

/// A time that the contact cannot have been at: before the task was handed out, or not yet.
Instant Desk::lie(const Held& held) {
  const Instant by = minute * (dice_.one_in(2) ? 11 + dice_.below(120) : 1440 * (1 + dice_.below(40)));
  return dice_.one_in(3) ? now_ + by : held.leased - by;
}

void Desk::finish() {
  if (held_.empty()) return;
  const auto which = held_.begin() + dice_.below(static_cast<int64_t>(held_.size()));
  const Held held = *which;
  if (held.dialled) {
    if (dice_.one_in(3)) return;  // the worker is never heard of again: the lease ends
    const bool lies = dice_.one_in(3);
    const Instant when = lies ? lie(held) : dice_.one_in(2) ? held.at : now_;
    const Instant now = std::exchange(now_, when);
    const std::string complete = fmt::format("dunlin.complete('{}', {}, '{}', at => {})", held.task, held.epoch, held.outcome, now_sql());
    now_ = now;
    if (lies) {
      ++tally.lies;
      // Who is refused is not heard of again, or says it once more by a clock that goes right.
      const bool believed = first_->value("select " + complete).has_value();
      tally.lies_believed += believed;
      if (!believed) {
        if (dice_.one_in(2)) return;
        ask(fmt::format("select dunlin.complete('{}', {}, '{}', at => {})", held.task, held.epoch, held.outcome, now_sql()));
      }
    } else {
      ask("select " + complete);
    }
  } else if (dice_.one_in(2)) {
    ask(fmt::format("select dunlin.release('{}', {})", held.task, held.epoch));
  } else {
    ask(fmt::format("select dunlin.reassign('{}', 'worker {}', 'he is ill')", held.task, dice_.below(3)));
  }
  held_.erase(which);
}

/// An agency tells of a contact, be it late, as a mere contact or as an event.
void Desk::tell() {
  const std::string account = debtors[static_cast<size_t>(dice_.below(2))].first + (dice_.one_in(2) ? "a" : "b");
  const bool spoken = dice_.one_in(2);
  const Instant at = now_ - (dice_.one_in(3) ? dice_.below(600) * minute : 0);
  const Instant now = std::exchange(now_, at);
  Contact contact{.at = at, .debtor = account.substr(0, 2), .account = account, .person = account.substr(0, 2), .queue = "call"};
  static const char* const machines[] = {"mail", "sms", "letter"};
  if (dice_.one_in(3)) contact.queue = machines[dice_.below(3)];
  contact.outcome = contact.queue != "call" ? contact.queue + ".sent" : spoken ? "call.reached" : "call.no_answer";
  const std::string id = std::to_string(++told_);
  const int64_t way = dice_.below(3);
  if (way == 0) {
    ask(fmt::format("select dunlin.post_event('agency', 'e{}', '{}', 'account', '{}', {})", id, contact.outcome, account, now_sql()));
  } else {
    ask(fmt::format("select dunlin.record_contact('agency', '{}', 'account', '{}', '{}', {}, '{}', outcome => {})", id, account, contact.queue, now_sql(),
                    spoken ? "conversation" : "attempt", way == 1 ? "'" + contact.outcome + "'" : "null"));
  }
  now_ = now;
  log_.add(std::move(contact));
  ++tally.told;
}

void Desk::complain() {
  const std::string debtor = debtors[static_cast<size_t>(dice_.below(2))].first;
  ask(fmt::format("select dunlin.post_event('debtor', 'c{}', 'complaint', 'debtor', '{}', {})", ++told_, debtor, now_sql()));
  log_.complain(debtor, now_);
}

}  // namespace dunlin::limits_test
