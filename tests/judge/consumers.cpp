#include "tests/judge/consumers.h"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "tests/judge/queue_nodes.h"
#include "tests/store/office.h"

namespace dunlin::judge {

using sim_test::Compiled;
using sim_test::Dice;
using store::test::good;

namespace {

constexpr Instant second = 1'000'000, minute = 60 * second, day = 1440 * minute;

const char* const campaign = "spring";

const CampaignRules campaign_rules = {.per_day = 2, .hours = {8 * 3600, 18 * 3600}};

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
  Consumers(Ground& ground, uint64_t seed, const std::string& plant) : ground_(ground), dice_(seed * 7919), url_(ground.copy()) {
    take_version(1, 0);
    // The seeds begin all over the year, every third one in the week before clocks change.
    static const std::vector<int64_t> changes = {sim_test::date_of(2026, 3, 5), sim_test::date_of(2026, 3, 26), sim_test::date_of(2026, 10, 22),
                                                 sim_test::date_of(2026, 10, 29)};
    const int64_t date = seed % 3 == 0 ? changes[(seed / 3) % changes.size()] : sim_test::date_of(2026, 3, 2) + dice_.below(290);
    now_ = ground_.compiled(0).day_start(date) + dice_.below(1440) * minute;
    ground_.server().set_clock(now_);
    store_ = store::test::open_at(url_);
    good(store_->prepare(ground_.compiled(0).program()));
    first_ = session();
    second_ = session();
    if (!plant.empty()) good(first_->run(plant));
    for (int n = 0; n < 3; ++n) start_node("node " + std::to_string(n));
    start_node("");
  }

  ConsumersRan run(int rounds) {
    constexpr int turns = 27;
    if (!dice_.one_in(4)) start_campaign();
    for (int round = 0; round < rounds && ran_.findings.empty(); ++round) {
      for (int turn = 0; turn < turns; ++turn) live();
      judge_the_log();
    }
    ran_.dead_letters = std::stoll(ask("select count(*) from dunlin.task_open where status = 6"));
    if (ran_.findings.empty()) settle_and_judge();
    ran_.log = log_ + what_is_there();
    return std::move(ran_);
  }
  const std::string& url() const { return url_; }

 private:
  struct Part {
    std::string task, account, treatment;
    int64_t epoch = 0;
  };
  /// What one worker holds together: one task, or a conversation. The first part leads.
  struct Held {
    std::string worker, queue;
    std::vector<Part> parts;
    Instant dialled = 0, until = 0;
    std::string outcome;
    const Part& first() const { return parts.front(); }
  };
  /// An item of a register.
  struct Item {
    Held held;
    std::string number;
  };

  std::unique_ptr<store::BulkConnection> session() {
    auto made = good(store::BulkConnection::open(url_));
    good(made->run("set timezone = 'UTC'; set client_min_messages = warning; set statement_timeout = '30s'"));
    return made;
  }

  // ---- asking the database ----

  std::string ask(const std::string& sql) { return good(first_->value(sql)).value_or(""); }
  /// Nothing if it is refused by one of the queue's own errors.
  std::optional<std::string> ask_or_refused(const std::string& sql) { return ask_or_refused(*first_, sql); }
  static std::optional<std::string> ask_or_refused(store::BulkConnection& connection, const std::string& sql) {
    auto answer = connection.value(sql);
    if (answer) return answer->value_or("");
    INFO(sql << ": " << answer.error().message);
    const std::string& said = answer.error().message;
    // Anything else is no refusal: a broken statement must not pass for one.
    REQUIRE((said.contains(" is over") || said.contains(" is done ") || said.contains(" is withdrawn ") || said.contains(" is expired ") ||
             said.contains(" has no room ")));
    return std::nullopt;
  }
  static std::string instant(Instant at) {
    return fmt::format("(timestamptz 'epoch' + interval '{} seconds' + interval '{} microseconds')", at / second, at % second);
  }
  /// The clock of the caller, or none: the database's is the same.
  std::string now_or_null() { return dice_.one_in(2) ? instant(now_) : "null"; }
  const Debtor& some_debtor() { return ground_.debtors()[static_cast<size_t>(dice_.below(static_cast<int64_t>(ground_.debtors().size())))]; }
  std::string some_account() {
    const std::string debtor = some_debtor().key;
    return debtor + (dice_.one_in(2) ? "a" : "b");
  }
  std::string some_worker() { return "worker " + std::to_string(dice_.below(3)); }
  std::string some_queue() {
    static const char* const queues[] = {"call", "call", "mail", "mail", "sms", "visit", "visit", "talk", "talk", "talk", "desk", "desk", "paper", "paper"};
    return queues[dice_.below(14)];
  }
  Held* some_held() { return held_.empty() ? nullptr : &held_[static_cast<size_t>(dice_.below(static_cast<int64_t>(held_.size())))]; }

  void note(Deed deed) {
    deed.at = now_;
    (log_ += text_of(deed)) += "\n";
    deeds_.push_back(std::move(deed));
  }
  Deed deed_of(Deed::Kind kind, const Held& held, const Part& part) {
    return {.kind = kind,
            .accepted = true,
            .task = part.task,
            .epoch = part.epoch,
            .worker = held.worker,
            .queue = held.queue,
            .account = part.account,
            .treatment = part.treatment,
            .conversation = fmt::format("{} {}", held.first().task, held.first().epoch),
            .rider = &part != &held.first(),
            .about = now_,
            .source = "queue",
            .id = held.outcome};
  }
  void note(Deed::Kind kind, const Held& held, bool accepted = true, Instant until = 0) {
    for (const Part& part : held.parts) {
      Deed deed = deed_of(kind, held, part);
      deed.accepted = accepted;
      deed.until = until;
      deed.beside = beside_;
      note(std::move(deed));
    }
  }

  // ---- time ----

  void set_clock(Instant now) {
    now_ = now;
    ground_.server().set_clock(now_);
    // Nobody tells them; some find out when they come late.
    std::erase_if(held_, [&](const Held& held) {
      if (held.until > now_) return false;
      ++ran_.lost;
      late_.push_back(held);
      return true;
    });
  }
  /// No two deeds are of one instant.
  void tick() { set_clock(now_ + (1 + dice_.below(20)) * second); }
  void sleep() {
    const Instant jump = dice_.one_in(60)   ? day + dice_.below(2 * 1440) * minute
                         : dice_.one_in(12) ? (180 + dice_.below(1800)) * minute
                                            : dice_.below(45) * minute;
    set_clock(now_ + jump + (1 + dice_.below(60)) * second);
  }

  // ---- a turn ----

  void live() {
    sleep();
    if (--turns_to_switch_ == 0) switch_version();
    if (!dice_.one_in(4)) {
      for (int n = 0; n < 8; ++n) schedule();
    }
    if (dice_.one_in(6)) supervise();
    for (int64_t deeds = 3 + dice_.below(5); deeds > 0; --deeds) {
      tick();
      const int64_t what = dice_.below(22);
      if (what < 4) {
        lease(*first_, dice_.one_in(6) ? clerk : some_worker(), dice_.one_in(2), some_queue());
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
      } else if (what == 15) {
        carrier();
      } else if (what < 18) {
        tell();
      } else {
        schedule();
      }
    }
  }

  // ---- versions ----

  void take_version(int32_t number, size_t version) {
    const Compiled& compiled = ground_.compiled(version);
    programs_[number] = &compiled;
    version_of_[number] = version;
    replayed_.try_emplace(number, replay::Version{compiled.program(), compiled.evaluator(), compiled.calendar(), compiled.settings()});
    active_ = number;
    turns_to_switch_ = 6 + dice_.below(14);
    note({.kind = Deed::Kind::turn_to, .version = static_cast<int64_t>(version)});
  }

  /// There and back again. Whoever has read under the other one finds out when they commit.
  void switch_version() {
    tick();
    const size_t next = 1 - version_of_.at(active_);
    const Compiled& compiled = ground_.compiled(next);
    good(store_->prepare(compiled.program()));
    const int32_t number = good(store_->activate(compiled.program(), compiled.sources(), "tester", now_)).number;
    good(first_->run(queue_settings));
    take_version(number, next);
    ++ran_.switches;
  }

  // ---- nodes ----

  void start_node(const std::string& name) { nodes_.push_back(std::make_unique<Node>(programs_, url_, name, ++lives_)); }

  /// One of them acts, if it is not stopped: it reads and steps, or commits what it read before.
  void schedule() {
    tick();
    const auto which = static_cast<size_t>(dice_.below(static_cast<int64_t>(nodes_.size())));
    if (nodes_[which]->stopped_until > now_) return;
    if (dice_.one_in(20)) nodes_[which]->stopped_until = now_ + dice_.below(120) * minute;  // as SIGSTOP would have it, wherever it is
    if (dice_.one_in(60) && !nodes_[which]->name().empty()) {
      // Somebody starts it again: killed with all that it knew, or elsewhere while this one hangs.
      const std::string name = nodes_[which]->name();
      if (dice_.one_in(2)) nodes_.erase(nodes_.begin() + static_cast<int64_t>(which));
      if (nodes_.size() < 7) start_node(name);
      return;
    }
    act(*nodes_[which], which);
  }

  bool act(Node& node, size_t which, bool calm = false) {
    if (!node.stepped().empty()) return commit(node, which, calm);
    const bool something = node.read(now_, static_cast<size_t>(1 + dice_.below(3)));
    if (!node.name().empty()) {
      for (const Debtor& debtor : ground_.debtors()) {
        const bool has = std::ranges::any_of(node.held(), [&](const auto& range) { return range.first <= debtor.bucket && debtor.bucket <= range.last; });
        if (!node.held().empty())
          note({.kind = Deed::Kind::hold, .accepted = has, .worker = node.life(), .until = now_ + Node::lease_seconds * second, .bucket = debtor.bucket});
      }
    }
    for (const auto& stepped : node.stepped())
      (log_ += fmt::format("{} {} steps {} after {}", now_ / second, node.life(), stepped.debtor, stepped.step)) += "\n";
    ran_.steps += static_cast<int64_t>(node.stepped().size());
    if (node.held().empty()) return false;
    if (!calm && (!something || dice_.one_in(4))) tend(node);
    return something;
  }

  bool commit(Node& node, size_t which, bool calm) {
    const auto stepped = node.stepped();
    const int killed_at = !calm && dice_.one_in(8) ? static_cast<int>(1 + dice_.below(14)) : 0;
    // Somebody else may have stepped it since it was read.
    const auto steps_there = [&] {
      return ask(fmt::format("select step_no from dunlin.case_file where bucket = {} and case_id = {}", stepped[0].bucket, stepped[0].case_id));
    };
    const std::string before = killed_at > 0 ? steps_there() : "";
    const Node::End end = node.commit(killed_at);
    bool there = end == Node::End::committed;
    if (end == Node::End::killed) {
      ++ran_.killed;
      wait_for_the_dead();
      there = steps_there() != before;
    }
    ran_.dropped += end == Node::End::dropped;
    for (const auto& one : stepped) {
      if (there) commits_[{one.debtor, one.at}] = now_;
      note({.kind = Deed::Kind::commit,
            .accepted = there,
            .worker = node.life(),
            .account = one.debtor,
            .about = one.at,
            .bucket = one.bucket,
            .version = static_cast<int64_t>(version_of_.at(one.version))});
    }
    // Half of them are gone with all they knew; the others only never heard the answer.
    if (end == Node::End::killed && dice_.one_in(2)) {
      const std::string name = node.name();
      nodes_.erase(nodes_.begin() + static_cast<int64_t>(which));
      start_node(name);
    }
    return true;
  }

  /// What a killed node left open is rolled back when the server finds out, which is not at once.
  void wait_for_the_dead() {
    for (int tried = 0; tried < 5000; ++tried) {
      if (ask("select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend' and "
              "state <> 'idle'") == "0")
        return;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    FAIL("a transaction that was left open does not end");
  }

  void tend(Node& node) {
    node.tend(now_);
    note({.kind = Deed::Kind::tend});
    // What a register has is out.
    const std::string made =
        ask(fmt::format("select string_agg(concat_ws(' ', i.register, i.number, i.task, i.epoch, k.key, i.treatment), ',' order by i.register, i.nth) "
                        "from dunlin.register_item i join dunlin.instance_key k on (k.bucket, k.case_id, k.id) = (i.bucket, i.case_id, i.instance_id) "
                        "where i.register > {}",
                        registers_));
    for (const std::string& row : words(made, ',')) {
      const auto parts = words(row, ' ');
      REQUIRE(parts.size() == 6);
      registers_ = std::max(registers_, static_cast<int64_t>(std::stoll(parts[0])));
      Item item{.held = {.worker = "printer",
                         .queue = "post",
                         .parts = {{.task = parts[2], .account = parts[4], .treatment = parts[5], .epoch = std::stoll(parts[3])}}},
                .number = parts[1]};
      item.held.outcome = dice_.one_in(4) ? "post.lost" : "post.delivered";
      note(Deed::Kind::lease, item.held, true, INT64_MAX);
      dial(item.held);
      ++ran_.printed;
      items_.push_back(std::move(item));
    }
    release_campaign();
  }

  void release_campaign() {
    if (campaign_.empty()) return;
    ask(fmt::format("select count(*) from dunlin.campaign_release({})", instant(now_)));
    const std::string made =
        ask(fmt::format("select string_agg(concat_ws(' ', task, key), ',' order by key) from dunlin.campaign_case where status = 'released'"));
    for (const std::string& row : words(made, ',')) {
      const auto parts = words(row, ' ');
      if (!released_.insert(parts[0]).second) continue;
      ++ran_.released;
      note({.kind = Deed::Kind::released, .task = parts[0], .account = parts[1], .treatment = campaign});
    }
  }

  // ---- workers ----

  void lease(store::BulkConnection& connection, const std::string& worker, bool dials_at_once, const std::string& queue) {
    const int64_t minutes = 20 + dice_.below(300);
    const std::string sql = fmt::format(
        "select string_agg(concat_ws(' ', task, epoch, key, treatment, coalesce(lead, task)), ',') from dunlin.lease('{}', '{}', {}, '{} minutes', {})", queue,
        worker, 1 + dice_.below(2), minutes, now_or_null());
    const auto got = ask_or_refused(connection, sql);
    note({.kind = Deed::Kind::ask, .accepted = got.has_value(), .worker = worker, .queue = queue});
    if (!got) return;
    std::vector<Held> all;
    for (const std::string& row : words(*got, ',')) {
      const auto parts = words(row, ' ');
      REQUIRE(parts.size() == 5);
      Part part{.task = parts[0], .account = parts[2], .treatment = parts[3], .epoch = std::stoll(parts[1])};
      if (parts[4] != part.task) {
        REQUIRE((!all.empty() && all.back().first().task == parts[4]));
        all.back().parts.push_back(std::move(part));
        ran_.conversations += all.back().parts.size() == 2;
      } else {
        all.push_back({.worker = worker, .queue = queue, .parts = {std::move(part)}, .until = now_ + minutes * minute});
      }
    }
    for (Held& one : all) {
      ++ran_.leases;
      note(Deed::Kind::lease, one, true, one.until);
      if (dice_.one_in(25)) continue;  // the answer was lost: nobody knows that he has it
      held_.push_back(std::move(one));
      if (dials_at_once) dial(held_.back());
    }
  }

  /// Two workers whose transactions overlap.
  void two_at_once() {
    // A lease of a queue with a rate waits for another such one, and one thread that plays both would wait for itself.
    const auto without_rate = [&] {
      const std::string queue = some_queue();
      return queue == "sms" ? "mail" : queue;
    };
    if (dice_.one_in(10)) {
      // One of them loses the connection before the end.
      good(second_->run("begin"));
      (void)good(second_->value(fmt::format("select count(*) from dunlin.lease('{}', '{}', 2)", without_rate(), some_worker())));
      second_.reset();
      wait_for_the_dead();
      second_ = session();
      return;
    }
    good(second_->run("begin"));
    lease(*second_, some_worker(), true, without_rate());
    beside_ = true;
    tick();
    // So it is with who finds nothing, turns the queues over and keeps others from that until its end.
    if (ask("select count(*) from pg_locks where locktype = 'advisory' and granted and pid <> pg_backend_pid()") == "0")
      lease(*first_, some_worker(), true, without_rate());
    beside_ = false;
    good(second_->run("commit"));
  }

  void dial(Held& held) {
    static const std::map<std::string, std::pair<const char*, const char*>> outcomes = {
        {"call", {"call.reached", "call.no_answer"}}, {"mail", {"mail.sent", "mail.sent"}},        {"sms", {"sms.sent", "sms.sent"}},
        {"visit", {"visit.met", "visit.nobody"}},     {"talk", {"talk.agreed", "talk.no_answer"}}, {"desk", {"desk.filed", "desk.filed"}},
        {"paper", {"paper.read", "paper.read"}}};
    held.dialled = now_;
    if (held.outcome.empty()) held.outcome = dice_.one_in(2) ? outcomes.at(held.queue).first : outcomes.at(held.queue).second;
    note(Deed::Kind::contact, held);
    ++ran_.contacts;
    ++ran_.by_queue[held.queue];
  }

  /// Asks before it dials, some time after the lease.
  void dial_carefully() {
    for (Held& held : held_) {
      if (held.dialled != 0) continue;
      const std::string at = now_or_null();
      const bool allowed = std::ranges::all_of(held.parts, [&](const Part& part) {
        const std::string said = ask(fmt::format("select coalesce(reason, '') from dunlin.may_contact('{}', null, {})", part.task, at));
        if (said == "the lease has ended") note(deed_of(Deed::Kind::lapsed, held, part));
        return said.empty();
      });
      if (allowed) {
        dial(held);
      } else {
        ++ran_.refused_at_dialling;
      }
      if (dice_.one_in(2)) return;
    }
  }

  std::optional<std::string> complete(const Held& held, Instant when) {
    return ask_or_refused(fmt::format("select dunlin.complete('{}', {}, '{}', at => {})", held.first().task, held.first().epoch, held.outcome,
                                      when == now_ ? now_or_null() : instant(when)));
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
      note(Deed::Kind::release, held, ask_or_refused(fmt::format("select dunlin.release('{}', {})", held.first().task, held.first().epoch)).has_value());
    } else if (held.parts.size() == 1) {
      // To somebody else: who gets what he holds keeps his lease.
      std::string other = some_worker();
      while (other == held.worker) other = some_worker();
      const bool done = ask_or_refused(fmt::format("select dunlin.reassign('{}', '{}', 'he is ill')", held.first().task, other)).has_value();
      Deed deed = deed_of(Deed::Kind::reassign, held, held.first());
      deed.accepted = done;
      deed.id = other;
      note(std::move(deed));
    }
  }

  void completed(const Held& held, const std::optional<std::string>& answer, Instant when) {
    const bool accepted = answer == "accepted";
    for (const Part& part : held.parts) {
      Deed deed = deed_of(Deed::Kind::complete, held, part);
      deed.accepted = accepted;
      deed.about = when;
      note(std::move(deed));
      const std::string id = fmt::format("{}:{}", held.first().task, held.first().epoch);
      if (accepted)
        sent_.push_back({.source = "queue", .external_id = &part == &held.first() ? id : id + ":" + part.task, .accepted = true, .task = part.task});
    }
    ran_.completed += accepted;
    if (dice_.one_in(4)) late_.push_back(held);
  }

  /// An answer without a time holds nothing.
  static Instant length_of(const std::string& left) { return left.empty() ? 0 : std::stoll(left); }
  std::optional<std::string> keep(const Held& held) {
    return ask_or_refused(fmt::format("select (extract(epoch from s.lease_until - clock_timestamp()) * 1000000)::int8 from dunlin.heartbeat('{}', {}) s",
                                      held.first().task, held.first().epoch));
  }

  void heartbeat() {
    Held* held = some_held();
    if (held == nullptr) return;
    // Conversations are few, and what holds for one task of them holds for all.
    const auto talk = std::ranges::find_if(held_, [](const Held& one) { return one.parts.size() > 1; });
    if (talk != held_.end() && dice_.one_in(2)) held = &*talk;
    const auto left = keep(*held);
    if (left) held->until = std::max<Instant>(held->until, now_ + length_of(*left));
    note(Deed::Kind::heartbeat, *held, left.has_value(), held->until);
  }

  /// Somebody whose lease ended long ago, or who has said all before, is heard of again.
  void come_late() {
    if (late_.empty()) return;
    const Held held = late_[static_cast<size_t>(dice_.below(static_cast<int64_t>(late_.size())))];
    ++ran_.late;
    if (dice_.one_in(2)) {
      const auto left = keep(held);
      note(Deed::Kind::heartbeat, held, left.has_value(), left ? now_ + length_of(*left) : 0);
    } else if (held.dialled != 0) {
      completed(held, complete(held, now_), now_);
    } else {
      note(Deed::Kind::release, held, ask_or_refused(fmt::format("select dunlin.release('{}', {})", held.first().task, held.first().epoch)).has_value());
    }
  }

  /// The carrier says what became of an item, and says it again.
  void carrier() {
    if (items_.empty()) return;
    Item& item = items_[static_cast<size_t>(dice_.below(static_cast<int64_t>(items_.size())))];
    if (item.held.until == 0) item.held.until = now_;
    const std::string id = item.number + " " + item.held.outcome;
    const auto answer = ask_or_refused(fmt::format("select dunlin.post_status('post', '{}', '{}', at => {}, external_id => '{}')", item.number,
                                                   item.held.outcome, instant(item.held.until), id));
    Deed deed = deed_of(Deed::Kind::complete, item.held, item.held.first());
    deed.accepted = answer == "accepted";
    deed.about = item.held.until;
    if (deed.accepted) sent_.push_back({.source = "queue", .external_id = id, .accepted = true, .task = deed.task});
    ran_.completed += deed.accepted;
    note(std::move(deed));
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

  /// Beyond all that is to come.
  std::string in_a_year() const { return instant(now_ + 365 * day); }

  void supervise() {
    tick();
    const int64_t what = dice_.below(9);
    if (what == 0) {
      // Of one account at a time, for some turns.
      if (excluded_.empty()) {
        excluded_ = some_account();
        order_ = ask(fmt::format("select dunlin.set_override('account', '{}', 'exclude', null, {}, 'his lawyer writes')", excluded_, in_a_year()));
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
        paused_ = some_queue();
        ask(fmt::format("select dunlin.pause_queue('{}', 'the line is down')", paused_));
        note({.kind = Deed::Kind::pause, .queue = paused_});
      } else {
        ask(fmt::format("select dunlin.resume_queue('{}')", paused_));
        note({.kind = Deed::Kind::unpause, .queue = std::exchange(paused_, "")});
      }
    } else if (what == 3) {
      if (kept_.empty()) {
        kept_ = some_account();
        const std::string worker = some_worker();
        keeping_ = ask(fmt::format("select dunlin.set_override('account', '{}', 'worker', '{}', {}, 'she knows him')", kept_, worker, in_a_year()));
        note({.kind = Deed::Kind::keep_for, .worker = worker, .account = kept_});
      } else {
        ask(fmt::format("select dunlin.lift_override({})", keeping_));
        note({.kind = Deed::Kind::keep_for_nobody, .account = std::exchange(kept_, "")});
      }
    } else if (what == 4) {
      const std::string task = ask("select task from dunlin.task_open where status = 6 order by task limit 1");
      if (task.empty()) return;
      ask(fmt::format("select dunlin.redrive(task => '{}')", task));
      note({.kind = Deed::Kind::redrive, .task = task});
    } else if (what == 5) {
      start_campaign();
    } else if (what == 6) {
      if (preferred_.empty()) {
        preferred_ = some_account();
        static const int64_t priorities[] = {50, 6, -5};
        const int64_t priority = priorities[dice_.below(3)];
        preference_ =
            ask(fmt::format("select dunlin.set_override('account', '{}', 'priority', '{}', {}, 'the board asks')", preferred_, priority, in_a_year()));
        note({.kind = Deed::Kind::prefer, .account = preferred_, .priority = priority});
      } else {
        prefer_no_more();
      }
    } else if (const Held* held = some_held()) {
      const auto undialled = std::ranges::find(held_, Instant{0}, &Held::dialled);
      if (undialled != held_.end()) held = &*undialled;
      const Part& part = held->parts[static_cast<size_t>(dice_.below(static_cast<int64_t>(held->parts.size())))];
      const auto answer = ask_or_refused(fmt::format("select dunlin.withdraw('{}', 'he has died')", part.task));
      if (!answer) return;
      ran_.marked += answer == "marked";
      note(deed_of(Deed::Kind::withdraw, *held, part));
      if (dice_.one_in(2)) dial_carefully();
    }
  }

  void prefer_no_more() {
    ask(fmt::format("select dunlin.lift_override({})", preference_));
    note({.kind = Deed::Kind::prefer_no_more, .account = std::exchange(preferred_, "")});
  }

  void start_campaign() {
    // One that is over by the calendar makes room for the next one; each is one campaign of its own.
    if (!campaign_.empty() && ask(fmt::format("select status from dunlin.campaign where id = {}", campaign_)) == "running") return;
    std::string cases;
    for (const Debtor& debtor : ground_.debtors()) {
      for (const char* which : {"a", "b"})
        cases += fmt::format("{}{{\"nth\": {}, \"key\": \"{}{}\"}}", cases.empty() ? "" : ", ", cases.size() + 1, debtor.key, which);
    }
    campaign_ = ask(fmt::format(
        "select s.campaign from (select ({5} at time zone 'Europe/Berlin')::date as d) x, dunlin.campaign_start(jsonb_build_object('name', '{0}', 'entity', "
        "'account', 'queue', 'desk', 'treatment', '{0}', "
        "'priority', 5, 'from_day', d, 'to_day', d + 4, 'from_s', {1}, 'to_s', {2}, 'per_day', {3}, 'who', 'ina', 'reason', 'it is spring'), '[{4}]') s",
        campaign, campaign_rules.hours.first, campaign_rules.hours.second, campaign_rules.per_day, cases, instant(now_)));
    (log_ += fmt::format("{} campaign {}", now_ / second, campaign_)) += "\n";
  }

  // ---- judging ----

  std::vector<std::string> roots() const {
    std::vector<std::string> keys;
    for (const Debtor& debtor : ground_.debtors()) keys.push_back(debtor.key);
    return keys;
  }
  replay::Versions versions() {
    return [this](int32_t number) -> store::Result<const replay::Version*> { return &replayed_.at(number); };
  }

  void judge_the_log() {
    const Audit audit = good(read_audit(*store::step_log_of(*store_), versions(), roots(), commits_));
    const auto lines = limits();
    const auto queues = rules();
    std::map<std::string, std::string> zones;
    for (const Debtor& debtor : ground_.debtors()) zones[debtor.key] = debtor.zone;
    ran_.findings = judge_queue({.deeds = deeds_,
                                 .audit = audit,
                                 .queues = queues,
                                 .zone = "Europe/Berlin",
                                 .limits = lines,
                                 .zones = zones,
                                 .capacities = {{clerk, clerks_capacity}},
                                 .campaigns = {{campaign, campaign_rules}}});
  }

  /// Everybody goes on, leases run out, nodes do what is left; then the records are judged.
  void settle_and_judge() {
    set_clock(now_ + 400 * minute);  // longer than any lease, of a task or of a node
    ask("select dunlin.turn_over()");
    // A step gives a task the priority of its rule, and the database keeps it from that: such a step always has something to do.
    if (!preferred_.empty()) prefer_no_more();
    for (auto& node : nodes_) node->stopped_until = 0;
    Instant quiet_since = now_;
    for (int round = 0, quiet = 0; round < 100 && quiet < 2; ++round) {
      bool any = false;
      quiet_since = now_;
      for (size_t which = 0; which < nodes_.size(); ++which) {
        tick();
        any = act(*nodes_[which], which, true) || any;
      }
      quiet = any ? 0 : quiet + 1;
    }
    judge_the_log();
    if (!ran_.findings.empty()) return;
    Evidence evidence{.store = *store_, .log = *store::step_log_of(*store_), .versions = versions(), .active = active_, .now = quiet_since, .sent = sent_};
    evidence.put_in = released_;
    for (const Debtor& debtor : ground_.debtors()) evidence.buckets.insert(debtor.bucket);
    evidence.audit_trouble = ask("select string_agg(v.what, ', ') from dunlin.audit_verify() v where not v.good");
    ran_.findings = good(judge(evidence));
    std::erase_if(ran_.findings, [&](const Finding& finding) { return by_hand(finding); });
  }

  /// The judge of the records does not know of supervisors. What one of them has withdrawn is open no more, and no step has ended it; nobody is woken by that:
  /// what the rule asks for anew comes at the next step of the case file.
  bool by_hand(const Finding& finding) const {
    return std::ranges::any_of(deeds_, [&](const Deed& deed) {
      if (deed.kind != Deed::Kind::withdraw) return false;
      if (finding.witness.starts_with(deed.task)) return true;
      const std::string debtor = debtor_of(deed.account);
      return finding.promise.starts_with("nobody sleeps late") && finding.witness.starts_with(debtor + " ") &&
             std::ranges::none_of(commits_, [&](const auto& commit) { return commit.first.first == debtor && commit.first.second > deed.at; });
    });
  }

  std::string what_is_there() {
    std::string all;
    for (const char* sql : {"select task, status, priority, not_before, wakes, lease_epoch, returns, reason, marked, seq from dunlin.task_open order by task",
                            "select task, status, done_at, reason, outcome, lease_epoch from dunlin.task_done order by task",
                            "select bucket, case_id, step_no, wake_at from dunlin.case_file order by 1, 2",
                            "select bucket, epoch, batch, node from dunlin.bucket where batch > 0 order by 1",
                            "select at, kind, task, epoch, outcome from dunlin.contact order by at, task, epoch",
                            "select bucket, at, source, external_id from dunlin.event order by bucket, at, source, external_id"})
      all += ask(fmt::format("select string_agg(x::text, e'\\n') from ({}) x", sql)) + "\n";
    return all;
  }

  Ground& ground_;
  Dice dice_;
  std::string url_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::BulkConnection> first_, second_;
  std::vector<std::unique_ptr<Node>> nodes_;
  Programs programs_;
  std::map<int32_t, size_t> version_of_;  // the number of the database: which of the two
  std::map<int32_t, replay::Version> replayed_;
  int32_t active_ = 0;
  int64_t turns_to_switch_ = 0;
  std::vector<Held> held_, late_;
  std::vector<Item> items_;
  std::vector<Deed> deeds_, told_;
  std::vector<Sent> sent_;
  Commits commits_;
  std::set<std::string> released_;
  std::string excluded_, order_, stopped_, stop_, paused_, kept_, keeping_, preferred_, preference_, campaign_, log_;
  bool beside_ = false;  // another transaction is under way
  int64_t registers_ = 0;
  int lives_ = 0;
  Instant now_ = 0;
  ConsumersRan ran_;
};

}  // namespace

ConsumersRan run_consumers(Ground& ground, uint64_t seed, const std::string& plant, int rounds) {
  std::string url;
  ConsumersRan ran;
  {
    Consumers consumers(ground, seed, plant);
    url = consumers.url();
    ran = consumers.run(rounds);
  }
  ground.drop(url);
  return ran;
}

}  // namespace dunlin::judge
