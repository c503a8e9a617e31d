#include "tests/judge/simulation.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <tuple>

#include "compiler/abi/clock.h"

namespace dunlin::judge {

using sim_test::Compiled;
using sim_test::Dice;
using sim_test::History;
using sim_test::Portfolio;
using sim_test::Several;
using store::ModelDatabase;

namespace {

/// Besides what happens to a portfolio under the clock policy: two arms.
constexpr const char* trial = R"(
strategy gentle "Gentle" for account {
  when overdue <= 0 : go cured
  stage wait {
    keep call "early" to debtor.best while overdue > 0 { again 7 hours, priority 2 }
    every 6 days : mail "kind"
    after 9 days : go calling
  }
  stage calling { keep call "kind" to debtor.best while overdue > 0 { again 5 hours, priority 3 } }
  final stage cured { enrol again when overdue > 0 }
}
experiment kindness { champion soft 70%, challenger gentle 30%, among account where dpd in 1..60, split by debtor, run 2026-01-01 to 2027-12-31 }
)";

constexpr Instant minute = 60 * abi::us_per_second;
constexpr int lease_seconds = 600;

replay::Version version_of(const Compiled& compiled) { return {compiled.program(), compiled.evaluator(), compiled.calendar(), compiled.settings()}; }

/// One scheduler that may be stopped between any two of its calls to the store, for longer than its lease.
class Scheduler {
 public:
  /// Without a name it is no node: `dunlin run`, by hand.
  Scheduler(const Stage& stage, std::shared_ptr<ModelDatabase> database, std::string name)
      : stage_(stage), store_(store::open_model(std::move(database))), name_(std::move(name)) {}

  /// True if it did anything.
  bool act(Instant now, Dice& dice, Ran& ran) { return files_.empty() ? read_and_step(now, dice, ran) : commit(ran); }
  Instant stopped_until = 0;

 private:
  bool read_and_step(Instant now, Dice& dice, Ran& ran) {
    const auto versions = store_->versions();
    const int32_t active = std::ranges::find_if(*versions, &store::BundleVersion::active)->number;
    store::Result<std::vector<store::BucketRange>> held = std::vector<store::BucketRange>{{0, engine::bucket_count - 1}};
    if (!name_.empty()) held = store_->hold_buckets({.name = name_, .lease_seconds = lease_seconds, .keep_lease = false}, active);
    if (!held || held->empty()) return false;
    const bool first = active == 1;
    const Compiled& compiled = first ? (stage_.wrong != nullptr ? *stage_.wrong : stage_.first) : stage_.second;
    const Evaluator& evaluator = first && stage_.wrong_evaluator != nullptr ? *stage_.wrong_evaluator : compiled.evaluator();
    program_ = &compiled.program();
    // Made once a version, as a scheduler does: its calendars take longer than a step.
    if (stepping_ != active) stepper_ = std::make_unique<engine::Stepper>(*program_, evaluator, compiled.calendar(), compiled.settings());
    stepping_ = active;
    std::vector<std::unique_ptr<engine::CaseFile>> pool;
    for (const auto& range : *held) {
      auto loaded = store_->load_awake(*program_, now, false, {range.first - 1, INT64_MAX}, static_cast<size_t>(1 + dice.below(3)), pool, range.last);
      REQUIRE(loaded.has_value());
      std::ranges::move(*loaded, std::back_inserter(files_));
    }
    results_.resize(files_.size());
    for (size_t f = 0; f < files_.size(); ++f) stepper_->step(*files_[f], now, results_[f], {.version = active, .collect_reads = true, .listener = nullptr});
    at_ = now;
    ran.steps += static_cast<int64_t>(files_.size());
    return !files_.empty();
  }

  bool commit(Ran& ran) {
    std::vector<store::CaseCommit> commits;
    for (size_t f = 0; f < files_.size(); ++f) commits.push_back({files_[f].get(), &results_[f]});
    const auto done = store_->commit_all(*program_, commits, at_);
    if (!done) REQUIRE(done.error().kind == store::StoreError::Kind::conflict);
    ran.refused_commits += done ? 0 : 1;
    files_.clear();
    return true;
  }

  const Stage& stage_;
  std::unique_ptr<store::Store> store_;
  std::string name_;
  const checked::Program* program_ = nullptr;
  std::unique_ptr<engine::Stepper> stepper_;
  int32_t stepping_ = 0;  // the version that it is for
  std::vector<std::unique_ptr<engine::CaseFile>> files_;
  std::vector<engine::StepResult> results_;
  Instant at_ = 0;
};

/// Debtors that share a bucket, two and two: only then a bucket's epoch guards more than one case file.
std::vector<std::string> neighbours() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found{"d0", "d1"};
    for (const char* with : {"d0", "d1"}) {
      for (int n = 2;; ++n) {
        std::string name = "d" + std::to_string(n);
        if (engine::bucket_of(engine::stable_id("debtor", name)) != engine::bucket_of(engine::stable_id("debtor", with))) continue;
        found.push_back(std::move(name));
        break;
      }
    }
    return found;
  }();
  return names;
}

class Simulation {
 public:
  Simulation(const Stage& stage, uint64_t seed)
      : stage_(stage),
        dice_(seed * 7919),
        history_{Dice(seed), {}, {}, stage.begins != 0 ? stage.begins : sim_test::date_of(2026, 2, 20) + static_cast<int64_t>(seed % 300)},
        database_(std::make_shared<ModelDatabase>()),
        portfolios_(std::make_unique<Portfolio>(stage.first, store::open_model(database_))) {
    history_.calls = false;
    history_.names = neighbours();
    store::Store& store = bank().store();
    REQUIRE(store.prepare(stage.first.program()).has_value());
    REQUIRE(store.activate(stage.first.program(), stage.first.sources(), "tester", 0).has_value());
    database_->make(stage.mistake);
    bank().posted = [this](const store::EventRow& row) {
      sent_.push_back({.source = row.source, .external_id = row.external_id, .accepted = true, .task = {}, .about = about(row)});
      if (stage_.first.program().events[static_cast<size_t>(row.type)].name != "payment") return;
      again_ = row;
      payers_.emplace(row.root_key, row.owner_key);
    };
    for (int n = 0; n < 3; ++n) start_scheduler();
    schedulers_.push_back(std::make_unique<Scheduler>(stage_, database_, ""));
  }

  Ran run() {
    constexpr int days = 12;
    set_clock(stage_.first.day_start(history_.date) - 10 * minute);
    found(stage_.first, portfolios_, history_, 4);
    const int changes_on = dice_.one_in(2) ? 4 : -1;
    for (int day = 0; day < days && ran_.findings.empty(); ++day, ++history_.date) {
      live_a_day(day == changes_on);
      if (day % 6 == 5) settle_and_judge();
    }
    if (auto rows = bank().store().tasks("", "", -1)) ran_.tasks = static_cast<int64_t>(rows->size());
    ran_.digest = bank().dump(history_.accounts);
    return std::move(ran_);
  }

 private:
  Portfolio& bank() { return portfolios_[0]; }
  void set_clock(Instant now) {
    now_ = now;
    database_->set_clock(now);
  }
  void start_scheduler() { schedulers_.push_back(std::make_unique<Scheduler>(stage_, database_, "node " + std::to_string(++started_))); }

  void live_a_day(bool version_changes) {
    const Instant start = stage_.first.day_start(history_.date), end = stage_.first.day_start(history_.date + 1);
    if (now_ < start) set_clock(start);
    const int64_t change_after = version_changes ? dice_.below(20) : -1;
    for (int64_t n = 0; now_ < end; ++n) {
      if (n == change_after) activate_second();
      something();
      // Most of the night passes at once.
      const Instant evening = start + 15 * 60 * minute;
      set_clock(now_ > evening ? end : now_ + (1 + dice_.below(40)) * minute);
    }
  }

  void activate_second() {
    store::Store& store = bank().store();
    REQUIRE(store.prepare(stage_.second.program()).has_value());
    REQUIRE(store.activate(stage_.second.program(), stage_.second.sources(), "tester", now_).has_value());
    active_ = 2;
  }

  void something() {
    for (int64_t actions = 1 + dice_.below(6); actions > 0; --actions) {
      const int64_t what = dice_.below(20);
      if (what < 12) {
        Scheduler& scheduler = *schedulers_[static_cast<size_t>(dice_.below(static_cast<int64_t>(schedulers_.size())))];
        if (now_ < scheduler.stopped_until) continue;
        if (dice_.one_in(15)) scheduler.stopped_until = now_ + dice_.below(90) * minute;  // as SIGSTOP would have it, wherever it is
        scheduler.act(now_, dice_, ran_);
      } else if (what == 12 && dice_.one_in(4)) {  // one is killed with all that it knew; another starts
        schedulers_.erase(schedulers_.begin() + dice_.below(static_cast<int64_t>(schedulers_.size()) - 1));
        schedulers_.insert(schedulers_.begin(), std::make_unique<Scheduler>(stage_, database_, "node " + std::to_string(++started_)));
      } else if (what < 15) {
        if (stage_.calm && !dice_.one_in(5)) continue;
        const auto account = history_.accounts[static_cast<size_t>(dice_.below(static_cast<int64_t>(history_.accounts.size())))];
        happen(stage_.first, portfolios_, history_, account);
      } else if (what == 15) {
        send_again();
      } else {
        call_somebody();
      }
    }
  }

  int64_t about(const store::EventRow& row) const {
    return engine::stable_id(stage_.first.program().entities[static_cast<size_t>(row.entity)].name, row.owner_key);
  }

  /// The bank repeats a message, or has given the id of one to a message about another account, too.
  void send_again() {
    if (again_.external_id.empty()) return;
    store::EventRow row = again_;
    if (dice_.one_in(3)) std::tie(row.root_key, row.owner_key) = *std::next(payers_.begin(), dice_.below(static_cast<int64_t>(payers_.size())));
    const auto counts = bank().store().post_events(stage_.first.program(), {row});
    REQUIRE(counts.has_value());
    sent_.push_back({.source = row.source, .external_id = row.external_id, .accepted = counts->inserted == 1, .task = {}, .about = about(row)});
  }

  /// The gateway takes a task that may go out and has a conversation at once. What the queue promises, it keeps: nothing is handed out of a case file with
  /// unread facts, when the figures of its limits hold no more, or when a limit forbids it at this moment.
  void call_somebody() {
    auto rows = bank().store().tasks("call", "ready", -1);
    if (!rows || rows->empty()) return;
    const auto first = static_cast<size_t>(dice_.below(static_cast<int64_t>(rows->size())));
    for (size_t n = 0; n < rows->size(); ++n) {
      if (call((*rows)[(first + n) % rows->size()])) return;
    }
  }

  /// False: the task may not go out now.
  bool call(const store::TaskRow& row) {
    // As the schedulers have it: a limit that they do not know nobody asks at the call either.
    const Compiled& compiled = active_ != 1 ? stage_.second : stage_.wrong != nullptr ? *stage_.wrong : stage_.first;
    auto file = bank().store().load_case(compiled.program(), row.entity, row.key, std::nullopt);
    REQUIRE(file.has_value());
    const auto& tasks = std::as_const(**file).tasks();
    const auto task = std::ranges::find_if(tasks, [&](const engine::OpenTask& open) { return open.id.text() == row.id; });
    const bool news = std::ranges::any_of((*file)->inbox(), [&](const engine::IncomingEvent& event) { return event.at <= now_; });
    if (task == tasks.end() || news || task->not_before > now_ || task->limits_until <= now_ || task->expires <= now_) return false;
    if (asked_of_ != &compiled) {
      asking_ = std::make_unique<engine::Stepper>(compiled.program(), compiled.evaluator(), compiled.calendar(), compiled.settings());
      asked_of_ = &compiled;
    }
    if (asking_->refusal(**file, static_cast<size_t>(task - tasks.begin()), now_)) return false;  // the hours of the day, for one
    static const char* const outcomes[] = {"call.reached.promises", "call.reached.refuses", "call.not_reached.no_answer", "call.not_reached.busy"};
    const std::string outcome = outcomes[dice_.below(4)];
    std::vector<sim_test::Given> fields;
    if (outcome == outcomes[0]) fields = {{"amount", 5000}, {"due", history_.date + dice_.below(9)}};
    bank().complete(row, static_cast<int64_t>(task->identity), outcome, fields, now_);
    sent_.back().task = row.id;
    contacts_.push_back({.at = now_,
                         .debtor = row.root_key,
                         .account = row.key,
                         .person = row.root_key,
                         .queue = "call",
                         .treatment = row.treatment,
                         .outcome = outcome.substr(0, outcome.rfind('.')),
                         .ours = true});
    ++ran_.contacts;
    return true;
  }

  void settle_and_judge() {
    for (auto& scheduler : schedulers_) scheduler->stopped_until = 0;
    set_clock(now_ + 2 * lease_seconds * abi::us_per_second);  // leases of those who are gone run out
    for (int round = 0, quiet = 0; round < 400 && quiet < 2; ++round) {
      bool any = false;
      for (auto& scheduler : schedulers_) any = scheduler->act(now_, dice_, ran_) || any;
      quiet = any ? 0 : quiet + 1;
    }
    const replay::Version one = version_of(stage_.first), two = version_of(stage_.second);
    Evidence evidence{.store = bank().store(),
                      .log = *store::step_log_of(bank().store()),
                      .versions = [&](int32_t number) -> store::Result<const replay::Version*> { return number == 1 ? &one : &two; },
                      .active = active_,
                      .now = now_,
                      .sent = sent_,
                      .contacts = contacts_,
                      .limits = limits(),
                      .zones = {}};
    for (const std::string& debtor : history_.debtors) evidence.zones[debtor] = "Europe/Berlin";
    auto findings = judge(evidence);
    REQUIRE(findings.has_value());
    ran_.findings = std::move(*findings);
  }

  /// The caps of the policy, said again: nothing of the engine reads them.
  static limits_test::Policy limits() {
    using Line = limits_test::Line;
    const auto most = [](int64_t contacts, Line::Period period, int64_t length, Line::Key key) {
      return Line{.channel = "call", .most = contacts, .period = period, .length = length, .key = key, .text = "call at most " + std::to_string(contacts)};
    };
    limits_test::Policy policy;
    policy.lines = {most(1, Line::Period::day, 0, Line::Key::debtor), most(3, Line::Period::week, 0, Line::Key::debtor),
                    most(5, Line::Period::days, 10, Line::Key::debtor), most(2, Line::Period::hours, 72, Line::Key::account),
                    most(1, Line::Period::days, 3, Line::Key::account)};
    policy.lines[1].reserved = 1;  // for "nobody"
    policy.lines.back().from = sim_test::date_of(2026, 3, 20);
    policy.lines.back().to = sim_test::date_of(2026, 6, 15);
    policy.lines.push_back({.kind = Line::Kind::pause,
                            .channel = "call",
                            .key = Line::Key::account,
                            .after = "call.reached",
                            .days = 3,
                            .text = "call none for 3 days after call.reached"});
    policy.lines.push_back({.kind = Line::Kind::hours, .channel = "any contact", .text = "any contact between 08:00 and 20:00 on working days"});
    return policy;
  }

  const Stage& stage_;
  Dice dice_;
  History history_;
  std::shared_ptr<ModelDatabase> database_;
  Several portfolios_;
  std::vector<std::unique_ptr<Scheduler>> schedulers_;
  std::vector<Sent> sent_;
  std::vector<limits_test::Contact> contacts_;
  std::unique_ptr<engine::Stepper> asking_;  // what limits say at the moment of a call
  const Compiled* asked_of_ = nullptr;
  store::EventRow again_;
  std::set<std::pair<std::string, std::string>> payers_;  // debtor and account
  int32_t active_ = 1;
  int started_ = 0;
  Instant now_ = 0;
  Ran ran_;
};

}  // namespace

std::string judged_policy() { return std::string(sim_test::clock_policy) + trial; }
std::string edited_judged_policy() { return sim_test::edited_clock_policy() + trial; }

Ran simulate(const Stage& stage, uint64_t seed) { return Simulation(stage, seed).run(); }

}  // namespace dunlin::judge
