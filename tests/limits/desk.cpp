#include "tests/limits/desk.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/engine/identity.h"

namespace dunlin::limits_test {

using store::test::good;

namespace {

constexpr Instant minute = 60'000'000;

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

std::string in_database(const std::string& url, const std::string& name) { return url.substr(0, url.rfind("dbname=")) + "dbname=" + name; }
std::string database_of(const std::string& url) { return url.substr(url.rfind("dbname=") + 7); }

/// What can come of a contact; the first of them more often.
const std::vector<std::string>& outcomes_of(const std::string& queue) {
  static const std::map<std::string, std::vector<std::string>> all = {{"call", {"call.reached.debtor", "call.no_answer", "call.reached.third_party"}},
                                                                      {"robot", {"robot.played"}},
                                                                      {"mail", {"mail.sent"}},
                                                                      {"sms", {"sms.sent"}},
                                                                      {"chat", {"chat.sent"}},
                                                                      {"letter", {"letter.sent"}},
                                                                      {"visit", {"visit.met", "visit.nobody"}},
                                                                      {"file", {}}};
  return all.at(queue);
}

}  // namespace

std::string replace_in(const std::string& function, const std::string& old_text, const std::string& new_text) {
  return fmt::format(
      "do $plant$ declare was text := pg_get_functiondef('dunlin.{0}'::regproc); begin "
      "if strpos(was, $old${1}$old$) = 0 then raise exception 'nothing to break in {0}'; end if; "
      "execute replace(was, $old${1}$old$, $new${2}$new$); end $plant$",
      function, old_text, new_text);
}

void Tally::add(const Tally& other) {
  contacts += other.contacts;
  for (const auto& [queue, count] : other.by_queue) by_queue[queue] += count;
  for (const auto& [deed, count] : other.deeds) deeds[deed] += count;
  kinds.insert(other.kinds.begin(), other.kinds.end());
}

// ---- the house ----

Ground::Ground() : place_(store::test::make_place("postgres")) {
  good(place_->open()->migrate());
  admin_ = good(store::BulkConnection::open(in_database(place_->url(), "postgres")));
}

std::string Ground::copy() {
  const std::string name = "desk" + std::to_string(++copies_);
  good(admin_->run("create database " + name + " template " + database_of(place_->url())));
  return in_database(place_->url(), name);
}

void Ground::drop(const std::string& url) { good(admin_->run("drop database " + database_of(url))); }

Desk::Desk(Ground& ground, uint64_t seed, const std::string& plant)
    : ground_(ground), dice_(seed), bank_(draw(dice_)), url_(ground.copy()), log_(bank_.versions, bank_.zones) {
  open_house();
  if (!plant.empty()) good(first_->run(plant));
}

Desk::~Desk() {
  store_.reset();
  first_.reset();
  second_.reset();
  ground_.drop(url_);
}

void Desk::open_house() {
  store_ = store::test::open_at(url_);
  first_ = good(store::BulkConnection::open(url_));
  second_ = good(store::BulkConnection::open(url_));
  for (auto* connection : {first_.get(), second_.get()})
    good(connection->run("set timezone = 'UTC'; set client_min_messages = warning; set statement_timeout = '30s'"));
  now_ = bank_.date * 1440 * minute + dice_.below(1440) * minute;
  activate(0);
  put_people(true);
  // A worker who is new in one transaction makes another wait that names him too; here one thread plays both.
  good(first_->run("select dunlin.worker_number('worker ' || n) from generate_series(0, 2) n; select dunlin.worker_number('lister')"));
  good(first_->run("update dunlin.worker set queues = '{mail}', capacity = 4 where name = 'lister'"));
  good(first_->run("insert into dunlin.webhook (name, queue, url, created_by, tries_max) values ('gate', 'chat', 'https://gate.example/', 'tester', 1)"));
  set_clock();
}

/// Debtors with two accounts each, and somebody beside each account; or only what may change of the debtors.
void Desk::put_people(bool all) {
  const auto& program = version_->compiled.program();
  std::vector<store::InstanceRow> rows;
  const auto text = [&](const std::string& value) { return reinterpret_cast<int64_t>(texts_.text(value)); };
  const auto add = [&](const char* entity, const std::string& key, const std::string& root, const std::string& parent,
                       const std::map<std::string, int64_t>& fields) {
    const checked::Index index = checked::find_entity(program, entity);
    const checked::Entity& kind = program.entities[index];
    rows.push_back({.entity = index, .key = key, .root_key = root, .parent_key = parent, .slots = std::vector<int64_t>(static_cast<size_t>(kind.slot_count))});
    for (const checked::Field& field : kind.fields) {
      if (field.type.kind == checked::TypeKind::text) rows.back().slots[field.slot] = text(field.name == "id" ? key : "");
      if (const auto given = fields.find(field.name); given != fields.end()) rows.back().slots[field.slot] = given->second;
    }
  };
  for (const auto& [debtor, zone] : bank_.zones) {
    const Facts& facts = facts_[debtor];
    add("debtor", debtor, debtor, "",
        {{"timezone", text(facts.zone.empty() ? zone : facts.zone)}, {"vip", facts.hold.contains("vip")}, {"blocked", facts.hold.contains("blocked")}});
    if (!all) continue;
    const bool same = dice_.one_in(2);  // both accounts in one strategy, so that calls about them go together
    for (const char* which : {"a", "b"}) {
      const std::string account = debtor + which;
      add("account", account, debtor, debtor, {{"overdue", 5000 + dice_.below(4000)}, {"product", same || *which == 'a' ? 1 : 2}});
      add("party", "p" + account, debtor, account, {});
    }
  }
  REQUIRE(good(store_->put_instances(program, rows, now_ - minute)).set_aside == 0);
}

/// Another version in the middle of it all: what workers hold, what waits in lines and what was told stays.
void Desk::activate(size_t version) {
  version_ = std::make_unique<Version>(bank_.versions[version]);
  active_ = version;
  pool_.clear();  // case files of the other program
  good(store_->prepare(version_->compiled.program()));
  number_ = good(store_->activate(version_->compiled.program(), version_->compiled.sources(), "tester", version == 0 ? 0 : now_)).number;
  good(first_->run("update dunlin.queue_setting set returns_max = 30000"));
}

/// The business clock, as the database knows it.
void Desk::set_clock() {
  good(first_->run(
      fmt::format("insert into dunlin.business_clock (business_at, database_at) values ({}, clock_timestamp()) on conflict (id) do update set business_at = "
                  "excluded.business_at, database_at = excluded.database_at",
                  now_sql())));
}

std::string Desk::ask(store::BulkConnection& connection, const std::string& sql) {
  INFO(sql);
  return good(connection.value(sql)).value_or("");
}

std::string Desk::sql_of(Instant at) {
  return fmt::format("timestamptz 'epoch' + interval '{} seconds' + interval '{} microseconds'", at / 1'000'000, at % 1'000'000);
}

std::optional<std::string> Desk::live(int turns) {
  for (int turn = 0; turn < turns && !broken_; ++turn) {
    sleep(dice_.one_in(12) ? 60 * (3 + dice_.below(30)) : dice_.below(50));
    if (dice_.one_in(40)) {
      complain(false);
    } else if (dice_.one_in(60)) {
      complain(true);
    }
    if (dice_.one_in(30)) turn_facts();
    if (active_ + 1 < bank_.versions.size() && dice_.one_in(40)) {
      activate(active_ + 1);
      ++tally.deeds["reload"];
    }
    if (!dice_.one_in(4)) step();
    for (int64_t deeds = 1 + dice_.below(4); deeds > 0 && !broken_; --deeds) something();
  }
  tally.deeds["held back"] = std::stoll(ask("select count(*) from dunlin.task_open where reason like 'limits%'"));
  tally.kinds = log_.kinds_judged();
  if (!broken_) return std::nullopt;
  return *broken_ + "\n" + log_.text() + bank_.versions[active_].bundle;
}

void Desk::something() {
  const int64_t what = dice_.below(20);
  if (what < 6) {
    lease(*first_, dice_.one_in(2));
  } else if (what < 8) {
    two_at_once();
  } else if (what < 11) {
    dial_carefully();
  } else if (what < 14) {
    finish();
  } else if (what == 14) {
    finish_many();
  } else if (what == 15) {
    send_webhooks();
  } else if (what == 16) {
    make_register();
    post_status();
  } else if (what == 17) {
    work_a_list();
  } else if (what == 18) {
    ask_why();
  } else if (dice_.one_in(2)) {
    tell();
  }
}

/// Time goes on: what the database keeps by its own clock is that much older.
void Desk::sleep(int64_t minutes) {
  const int64_t more = 1 + dice_.below(minute);
  now_ += minutes * minute + more;
  const std::string by = fmt::format("interval '{} minutes {} microseconds'", minutes, more);
  good(first_->run(
      fmt::format("update dunlin.task_open set wakes = wakes - {0} where isfinite(wakes); update dunlin.task_open set lease_until = lease_until - {0} "
                  "where status = 1; update dunlin.hand_out set leased_at = leased_at - {0}, until = until - {0}; update dunlin.contact set recorded_at = "
                  "recorded_at - {0}; update dunlin.webhook_delivery set next_at = next_at - {0}; delete from dunlin.queue_round; select dunlin.turn_over()",
                  by)));
  set_clock();
  const auto leased = words(ask("select string_agg(task || ':' || lease_epoch, ',') from dunlin.task_open where status = 1"), ',');
  const auto is_over = [&](const std::string& lease) { return std::ranges::find(leased, lease) == leased.end(); };
  std::erase_if(held_, [&](const Held& held) {
    const bool over = is_over(held.lead().task + ":" + held.lead().epoch);
    tally.deeds["lost"] += over && held.dialled;
    return over;
  });
  // Whoever had it is not heard of any more: it was some time during the lease, or never.
  for (auto& [lease, one] : possible_) {
    if (!one.held || !is_over(lease)) continue;
    one.held = false;
    one.last = now_;
  }
}

/// The bank says something else about a debtor; limits know of it from the next step on.
void Desk::turn_facts() {
  const std::string debtor = some_debtor();
  Facts& facts = facts_[debtor];
  const std::string fact = dice_.one_in(2) ? "vip" : "blocked";
  if (dice_.one_in(5)) {
    facts.zone = bank_.zones.at(some_debtor());  // perhaps they have moved to where the other one lives
  } else if (facts.hold.erase(fact) == 0) {
    facts.hold.insert(fact);
  }
  put_people(false);
  ++tally.deeds["facts turned"];
}

void Desk::step() {
  store::Position after;
  for (;;) {
    auto cases = good(store_->load_awake(version_->compiled.program(), now_, false, after, 100, pool_));
    if (cases.empty()) return;
    std::vector<engine::StepResult> results(cases.size());
    std::vector<store::CaseCommit> commits;
    for (size_t n = 0; n < cases.size(); ++n) {
      version_->stepper.step(*cases[n], now_, results[n], {.version = number_});
      REQUIRE_FALSE(results[n].fault.has_value());
      commits.push_back({cases[n].get(), &results[n]});
    }
    after = {cases.back()->bucket, cases.back()->debtor_id};
    good(store_->commit_all(version_->compiled.program(), commits, now_));
    for (const auto& [debtor, zone] : bank_.zones) {
      const int64_t id = engine::stable_id("debtor", debtor);
      if (std::ranges::none_of(cases, [&](const auto& file) { return file->debtor_id == id; })) continue;
      facts_[debtor].version = active_;
      log_.stepped(debtor, facts_[debtor]);
    }
  }
}

// ---- consumers ----

std::string Desk::person_of(const std::string& account, const std::string& treatment) const {
  return treatment == "party" ? "p" + account : account.substr(0, 2);
}

constexpr const char* leased_row = "concat_ws(' ', task, epoch, key, treatment, coalesce(lead::text, '-'))";

void Desk::lease(store::BulkConnection& connection, bool at_once) {
  static const char* const queues[] = {"call", "call", "call", "call", "robot", "mail", "sms", "chat", "letter", "visit", "visit", "file"};
  const std::string queue = queues[dice_.below(12)];
  if (queue == "letter" && bank_.registers) return;  // its tasks go out in registers
  take(queue,
       ask(connection, fmt::format("select string_agg({}, ',') from dunlin.lease('{}', 'worker {}', {}, '{} minutes', {})", leased_row, queue, dice_.below(3),
                                   1 + dice_.below(3), 60 + dice_.below(400), now_sql())),
       at_once);
}

/// What was handed out, conversation by conversation.
void Desk::take(const std::string& queue, const std::string& rows, bool at_once) {
  std::vector<Held> got;
  for (const std::string& row : words(rows, ',')) {
    const auto parts = words(row, ' ');
    REQUIRE(parts.size() == 5);
    if (parts[4] == "-") got.push_back({.members = {}, .queue = queue, .leased = now_});
    REQUIRE_FALSE(got.empty());
    if (parts[4] != "-") REQUIRE(got.back().lead().task == parts[4]);
    got.back().members.push_back({parts[0], parts[1], parts[2], parts[3]});
  }
  for (Held& held : got) {
    tally.deeds["together"] += held.members.size() > 1;
    if (held.members.size() > 1) held.together = ++conversations_;
    note_held(held);
    held_.push_back(std::move(held));
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
  const auto& outcomes = outcomes_of(held.queue);
  if (outcomes.empty()) return;  // work that is no contact
  held.outcome = outcomes[static_cast<size_t>(dice_.one_in(2) ? 0 : dice_.below(static_cast<int64_t>(outcomes.size())))];
  for (const Member& member : held.members) {
    ++tally.by_queue[held.queue];
    ++tally.contacts;
    log_.add({.at = now_,
              .debtor = member.account.substr(0, 2),
              .account = member.account,
              .person = person_of(member.account, member.treatment),
              .queue = held.queue,
              .treatment = member.treatment,
              .outcome = held.outcome,
              .ours = true,
              .together = held.together,
              .once = bank_.merges_once});
  }
  if (auto found = log_.broken()) broken_ = std::move(found);
}

bool Desk::may_dial(const Held& held) {
  return std::ranges::all_of(held.members, [&](const Member& member) {
    return ask(fmt::format("select allowed from dunlin.may_contact('{}', null, {})", member.task, now_sql())) == "t";
  });
}

/// Asks before it dials, some time after the lease.
void Desk::dial_carefully() {
  for (Held& held : held_) {
    if (held.dialled) continue;
    if (may_dial(held)) {
      dial(held);
    } else {
      ++tally.deeds["refused at dialling"];
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
  if (which->dialled && dice_.one_in(3)) return;  // the worker is never heard of again: the lease ends
  Held held = std::move(*which);
  held_.erase(which);
  if (held.dialled) {
    finish_with(std::move(held));
  } else {
    give_back(held);
  }
}

void Desk::give_back(const Held& held) {
  const Member& lead = held.lead();
  if (dice_.one_in(2)) {
    note_gone(held, false);
    ask(fmt::format("select dunlin.release('{}', {})", lead.task, lead.epoch));
  } else {
    ask(fmt::format("select dunlin.reassign('{}', 'worker {}', 'he is ill')", lead.task, dice_.below(3)));
  }
}

void Desk::finish_with(Held held) {
  const auto say = [&](Instant at) {
    return fmt::format("'{}', {}, {}, at => {}", held.lead().task, held.lead().epoch, held.outcome.empty() ? "null" : "'" + held.outcome + "'", sql_of(at));
  };
  const Instant when = dice_.one_in(2) ? held.at : now_;
  if (!held.outcome.empty() && held.queue != "chat" && dice_.one_in(3)) {  // of a chat the machine outside does not know when it was handed out
    ++tally.deeds["lies"];
    // Who is refused is not heard of again, or says it once more by a clock that goes right.
    const bool believed = first_->value("select dunlin.complete(" + say(lie(held)) + ")").has_value();
    tally.deeds["lies believed"] += believed;
    if (believed) note_outcome(held, when);
    if (believed || dice_.one_in(2)) return;
  } else if (dice_.one_in(4)) {
    ++tally.deeds["next at once"];
    note_outcome(held, when);
    take(held.queue,
         ask(fmt::format("select string_agg({}, ',') from dunlin.complete_and_lease({}, lasting => '{} minutes', moment => {})", leased_row, say(when),
                         60 + dice_.below(400), now_sql())),
         dice_.one_in(2));
    return;
  }
  ask("select dunlin.complete(" + say(when) + ")");
  note_outcome(held, when);
}

/// Outcomes of several in one call; some of them twice.
void Desk::finish_many() {
  std::string batch;
  std::erase_if(held_, [&](const Held& held) {
    if (!held.dialled || dice_.one_in(3)) return false;
    const Instant at = dice_.one_in(2) ? held.at : now_;
    const std::string item = fmt::format("jsonb_build_object('task', '{}', 'epoch', {}, 'outcome', {}, 'at', {})", held.lead().task, held.lead().epoch,
                                         held.outcome.empty() ? "null" : "'" + held.outcome + "'", sql_of(at));
    note_outcome(held, at);
    batch += (batch.empty() ? "" : ", ") + item + (dice_.one_in(4) ? ", " + item : "");
    return true;
  });
  if (batch.empty()) return;
  CHECK(ask("select string_agg(coalesce(message, ''), '') from dunlin.complete_many(jsonb_build_array(" + batch + ")) where result = 'refused'") == "");
  ++tally.deeds["batches"];
}

/// Tasks that are sent to a machine outside, which asks before it writes. Of what breaks off nobody knows whether it arrived.
void Desk::send_webhooks() {
  ask("select dunlin.fill_outbox((select id from dunlin.webhook), " + now_sql() + ")");
  for (const std::string& row :
       words(ask("select string_agg(concat_ws(' ', task, epoch, body ->> 'key', body ->> 'treatment'), ',') from dunlin.webhook_delivery"), ',')) {
    const auto parts = words(row, ' ');
    if (possible_.contains(parts[0] + ":" + parts[1])) continue;
    note_held({.members = {{parts[0], parts[1], parts[2], parts[3]}}, .queue = "chat", .leased = now_});
  }
  const std::string fresh =
      ask("select string_agg(concat_ws(' ', id, task, epoch, body ->> 'key', body ->> 'treatment'), ',') from "
          "(select d.* from dunlin.webhook_delivery d where d.id in (select c.id from dunlin.claim_deliveries(3, '10 minutes') c)) d");
  for (const std::string& row : words(fresh, ',')) {
    const auto parts = words(row, ' ');
    REQUIRE(parts.size() == 5);
    if (broken_ || dice_.one_in(4)) continue;  // it is tried again later
    if (ask(fmt::format("select dunlin.keep_for_delivery('{}')", parts[0])) != "t") continue;
    ++tally.deeds["deliveries"];
    Held held{.members = {{parts[1], parts[2], parts[3], parts[4]}}, .queue = "chat", .leased = now_};
    const bool arrives = !dice_.one_in(3), breaks = dice_.one_in(3);
    if (arrives && may_dial(held)) dial(held);
    if (breaks) {
      ask(fmt::format("select dunlin.delivery_failed('{}', null, 'it broke off', true, '1 minute')", parts[0]));
      ask(fmt::format("select dunlin.redrive(task => '{}')", parts[1]));
      note_gone(held, true);
    } else {
      ask(fmt::format("select dunlin.delivered('{}', 202)", parts[0]));
      held_.push_back(std::move(held));
    }
  }
}

/// Letters that go out in a register a day. What is in it was sent.
void Desk::make_register() {
  if (!bank_.registers) return;
  if (ask("select dunlin.make_registers(" + now_sql() + ")") == "0") return;
  const std::string all =
      ask("select string_agg(concat_ws(' ', i.task, i.epoch, k.key, i.treatment, i.number), ',') from dunlin.register_item i join dunlin.instance_key k on "
          "k.bucket = i.bucket "
          "and k.case_id = i.case_id and k.id = i.instance_id where i.register = (select max(r.id) from dunlin.register r)");
  // One after the other, as they were counted.
  for (const std::string& row : words(all, ',')) {
    const auto parts = words(row, ' ');
    REQUIRE(parts.size() == 5);
    Held held{.members = {{parts[0], parts[1], parts[2], parts[3]}}, .queue = "letter", .leased = now_};
    note_held(held);
    dial(held);
    possible_[parts[0] + ":" + parts[1]].held = false;
    items_.emplace_back(parts[4], held);
    ++tally.deeds["in registers"];
  }
}

void Desk::post_status() {
  if (items_.empty()) return;
  const auto item = items_.begin() + dice_.below(static_cast<int64_t>(items_.size()));
  Held& held = item->second;
  const Instant at = dice_.one_in(2) ? held.at : now_;
  held.outcome = dice_.one_in(4) ? "letter.returned" : "letter.sent";
  ask(fmt::format("select dunlin.post_status('letter', '{}', '{}', at => {})", item->first, held.outcome, sql_of(at)));
  note_outcome(held, at);
  // What becomes of it later is an outcome more, and counts as one.
  held.members[0].epoch += " " + std::to_string(++told_);
  if (!dice_.one_in(3)) items_.erase(item);
}

/// A worker whose list of the day the engine fills.
void Desk::work_a_list() {
  ask("select dunlin.fill_day_lists(" + now_sql() + ")");
  const auto got = first_->value(fmt::format("select string_agg({}, ',') from dunlin.lease('mail', 'lister', 2, '90 minutes', {})", leased_row, now_sql()));
  if (!got) {
    INFO(got.error().message);
    REQUIRE(got.error().message.contains("has no room"));
    return;
  }
  tally.deeds["from lists"] += !got->value_or("").empty();
  take("mail", got->value_or(""), dice_.one_in(2));
}

/// What the limits refuse has been counted: the reason that is given for a task must be one.
void Desk::ask_why() {
  const std::string got =
      ask(fmt::format("with looked as materialized (select o.*, s.name, k.key, b.treatment from dunlin.task_open o join dunlin.queue_setting s on s.queue = "
                      "o.queue and s.contacts join "
                      "dunlin.instance_key k on k.bucket = o.bucket and k.case_id = o.case_id and k.id = o.instance_id join dunlin.task_body b on b.bucket = "
                      "o.bucket and b.case_id = "
                      "o.case_id and b.task = o.task where o.status = 0 and not exists (select 1 from dunlin.inbox i where i.bucket = o.bucket and i.case_id = "
                      "o.case_id)) select "
                      "string_agg(concat_ws('|', name, key, treatment, dunlin.hand_out_refusal(bucket, case_id, task, {})), '#') from looked",
                      now_sql()));
  std::vector<Possible> possible;
  for (const auto& [lease, one] : possible_) possible.push_back(one);
  for (const std::string& row : words(got, '#')) {
    const auto parts = words(row, '|');
    if (parts.size() < 4 || !parts[3].starts_with("limits `")) continue;
    ++tally.deeds["reasons looked at"];
    const Contact next{
        .at = now_, .debtor = parts[1].substr(0, 2), .account = parts[1], .person = person_of(parts[1], parts[2]), .queue = parts[0], .treatment = parts[2]};
    if (!log_.refused_for_nothing(parts[3], next, possible)) continue;
    broken_ =
        "refused for nothing: " + parts[0] + " \"" + parts[2] + "\" of " + parts[1] + ": " + parts[3] + "\nat " + now_sql() + ", of these contacts:\n" +
        ask("select coalesce(string_agg(c::text, e'\\n'), '') from dunlin.contact c") + "\nand of its limits:\n" +
        ask(fmt::format(
            "select string_agg(b.limits, e'\\n') from dunlin.task_body b join dunlin.task_open o using (bucket, case_id, task) join dunlin.instance_key k on "
            "k.bucket = o.bucket and k.case_id = o.case_id and k.id = o.instance_id where k.key = '{}' and b.treatment = '{}'",
            parts[1], parts[2])) +
        "\n";
  }
}

// ---- what those inside can know ----

void Desk::note_held(const Held& held) {
  if (outcomes_of(held.queue).empty()) return;
  for (const Member& member : held.members) {
    Contact contact{.debtor = member.account.substr(0, 2),
                    .account = member.account,
                    .person = person_of(member.account, member.treatment),
                    .queue = held.queue,
                    .treatment = member.treatment,
                    .together = held.together,
                    .once = bank_.merges_once};
    possible_[member.task + ":" + member.epoch] = {.contact = std::move(contact), .first = held.leased, .last = held.leased, .held = true};
  }
}

void Desk::note_outcome(const Held& held, Instant at) {
  if (outcomes_of(held.queue).empty()) return;
  note_held(held);
  for (const Member& member : held.members) {
    Possible& one = possible_[member.task + ":" + member.epoch];
    one.contact.outcome = held.outcome;
    one.first = one.last = std::max(at, held.leased);
    one.held = false;
  }
}

void Desk::note_gone(const Held& held, bool maybe) {
  for (const Member& member : held.members) {
    const auto one = possible_.find(member.task + ":" + member.epoch);
    if (one == possible_.end()) continue;
    if (maybe) {
      one->second.held = false;
      one->second.last = now_;
    } else {
      possible_.erase(one);
    }
  }
}

// ---- the others ----

/// An agency tells of a contact, be it late, as a mere contact or as an event.
void Desk::tell() {
  const std::string account = some_account(), debtor = account.substr(0, 2);
  const Instant at = now_ - (dice_.one_in(3) ? dice_.below(600) * minute : 0);
  static const char* const channels[] = {"call", "call", "call", "mail", "sms", "letter", "chat", "message"};
  Contact contact{.at = at, .debtor = debtor, .account = account, .person = debtor, .queue = channels[dice_.below(8)]};
  const int64_t way = contact.queue == "message" ? 2 : dice_.below(3);
  if (contact.queue != "message") contact.outcome = outcomes_of(contact.queue)[dice_.below(2) % outcomes_of(contact.queue).size()];
  const bool spoken = contact.outcome.starts_with("call.reached"), party = way != 0 && dice_.one_in(4);
  if (party) contact.person = "p" + account;
  const std::string id = std::to_string(++told_);
  if (way == 0) {
    ask(fmt::format("select dunlin.post_event('agency', 'e{}', '{}', 'account', '{}', {})", id, contact.outcome, account, sql_of(at)));
  } else {
    ask(fmt::format("select dunlin.record_contact('agency', '{}', 'account', '{}', '{}', {}, '{}', outcome => {}, recipient => {})", id, account, contact.queue,
                    sql_of(at), spoken ? "conversation" : "attempt", way == 1 ? "'" + contact.outcome + "'" : "null",
                    party ? "'" + contact.person + "'" : "null"));
  }
  Contact known = contact;
  if (way == 2) known.outcome = {};
  possible_["told " + id] = {.contact = std::move(known), .first = at, .last = at};
  log_.add(std::move(contact));
  ++tally.deeds["told"];
}

void Desk::complain(bool settled) {
  const std::string debtor = some_debtor();
  ask(fmt::format("select dunlin.post_event('debtor', 'c{}', '{}', 'debtor', '{}', {})", ++told_, settled ? "settled" : "complaint", debtor, now_sql()));
  settled ? log_.settle(debtor, now_) : log_.complain(debtor, now_);
}

}  // namespace dunlin::limits_test
