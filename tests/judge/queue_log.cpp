#include "tests/judge/queue_log.h"

#include <algorithm>
#include <optional>
#include <set>

namespace dunlin::judge {

using Kind = Deed::Kind;

namespace {

constexpr Instant minute = 60'000'000;
/// The log's clock and the database's differ by seconds: whoever has so little left is not called the holder.
constexpr Instant tolerance = 3 * minute;

class QueueJudge {
 public:
  explicit QueueJudge(const QueueEvidence& evidence) : evidence_(evidence), contacts_(evidence.limits, evidence.zones) {}

  std::vector<Finding> run() {
    for (const Deed& deed : evidence_.deeds) take(deed);
    return std::move(findings_);
  }

 private:
  /// A lease as the one who has it knows it.
  struct Lease {
    int64_t epoch = 0;
    std::string worker, account, queue;
    Instant since = 0, until = 0;
    bool over = false;  // completed, given back or taken away: somebody was told
    bool held(Instant at) const { return !over && until - tolerance > at; }
  };
  struct News {
    Instant posted = 0, about = 0;
  };

  void find(const std::string& promise, const Deed& deed, const std::string& witness) {
    constexpr int witnesses_max = 3;
    if (++found_[promise] > witnesses_max) return;
    findings_.push_back({promise, "task " + deed.task + " (" + deed.account + " " + deed.queue + " \"" + deed.treatment + "\"), lease " +
                                      std::to_string(deed.epoch) + " of " + deed.worker + ": " + witness});
  }

  void take(const Deed& deed) {
    switch (deed.kind) {
      case Kind::lease:
        lease(deed);
        marked_.erase(deed.task);  // it was back in line all the same
        break;
      case Kind::contact:
        contact(deed);
        break;
      case Kind::complete:
      case Kind::heartbeat:
      case Kind::release:
        under_lease(deed);
        break;
      case Kind::reassign:
        if (deed.accepted && !leases_[deed.task].empty()) leases_[deed.task].back().over = true;
        break;
      case Kind::withdraw:
        withdrawn_[deed.task] = deed.at;
        break;
      case Kind::event:
        event(deed);
        break;
      case Kind::exclude:
        excluded_.insert(deed.account);
        // Whoever holds one of its tasks is told; such a task is out of line once its lease is over.
        for (const auto& [task, leases] : leases_) {
          if (!leases.empty() && !leases.back().over && leases.back().account == deed.account) marked_.insert(task);
        }
        break;
      case Kind::include:
        excluded_.erase(deed.account);
        break;
      case Kind::stop:
        stopped_.insert(deed.account);
        break;
      case Kind::resume:
        stopped_.erase(deed.account);
        break;
      case Kind::pause:
        paused_.insert(deed.queue);
        break;
      case Kind::unpause:
        paused_.erase(deed.queue);
        break;
    }
  }

  // ---- handing out ----

  void lease(const Deed& deed) {
    const QueueRules& rules = evidence_.queues.at(deed.queue);
    std::vector<Lease>& before = leases_[deed.task];
    if (!before.empty() && before.back().held(deed.at)) find("one lease at a time", deed, "lease " + std::to_string(before.back().epoch) + " stands");
    if (!before.empty() && before.back().epoch >= deed.epoch) find("each lease has a number of its own", deed, "there was one before it");
    if (completed_.contains(deed.task)) find("what is done stays done", deed, "it was completed before");
    const auto silent = std::ranges::count_if(before, [](const Lease& one) { return !one.over; });
    if (silent > rules.returns_max) find("what comes back too often is a dead letter", deed, std::to_string(silent) + " leases of it ended in silence");
    if (paused_.contains(deed.queue)) find("a paused queue hands nothing out", deed, "the queue stands still");
    if (excluded_.contains(deed.account)) find("who is excluded is left alone", deed, "an override excludes the account");
    may_go_out(deed);
    if (rules.one_operator) one_operator(deed);
    if (rules.in_order) in_order(deed);
    if (rules.rate > 0) rate(deed, rules);
    before.push_back({deed.epoch, deed.worker, deed.account, deed.queue, deed.at, deed.until, false});
  }

  /// What is asked at the hand-out, and again at dialling.
  void may_go_out(const Deed& deed) {
    const auto task = evidence_.audit.tasks.find(deed.task);
    if (task == evidence_.audit.tasks.end() || task->second.created > deed.at) {
      find("only what a step has asked for goes out", deed, "no record has it");
    } else if (task->second.gone < deed.at) {
      find("nothing goes out whose reason is gone", deed, "a step has withdrawn it");
    }
    if (withdrawn_.contains(deed.task) && !asked_again(deed)) find("nothing goes out that a supervisor has withdrawn", deed, "it was withdrawn");
    if (stopped_.contains(deed.account)) find("a stop stops", deed, "contact with the account is stopped");
    if (unread(deed)) find("nothing goes out before the news is read", deed, "an event of its case file came after the last step");
    const auto& hours = evidence_.queues.at(deed.queue).hours;
    if (const auto open = hours.find(deed.treatment); open != hours.end()) {
      const int64_t now = limits_test::local_time(deed.at, evidence_.zone).seconds;
      if (now < open->second.first || now >= open->second.second) find("hours of a rule are kept", deed, std::to_string(now / 60) + " minutes after midnight");
    }
  }

  /// A worker held it when the supervisor withdrew it, and the next step found that its reason still holds.
  bool asked_again(const Deed& deed) const {
    const auto task = evidence_.audit.tasks.find(deed.task);
    if (task == evidence_.audit.tasks.end()) return false;
    const Instant withdrawn = withdrawn_.at(deed.task);
    return std::ranges::any_of(task->second.not_before, [&](const auto& said) { return said.first > withdrawn && said.first <= deed.at; });
  }

  bool unread(const Deed& deed) const {
    const std::string debtor = debtor_of(deed.account);
    const auto news = news_.find(debtor);
    if (news == news_.end()) return false;
    const auto steps = evidence_.audit.steps.find(debtor);
    return std::ranges::any_of(news->second, [&](const News& one) {
      if (one.about > deed.at) return false;
      return steps == evidence_.audit.steps.end() ||
             std::ranges::none_of(steps->second, [&](Instant at) { return at > one.posted && at >= one.about && at <= deed.at; });
    });
  }

  void one_operator(const Deed& deed) {
    for (const auto& [task, leases] : leases_) {
      const Lease* last = leases.empty() ? nullptr : &leases.back();
      if (last == nullptr || task == deed.task || last->worker == deed.worker || debtor_of(last->account) != debtor_of(deed.account)) continue;
      if (last->held(deed.at)) find("one worker at a case file", deed, last->worker + " holds task " + task);
    }
  }

  void in_order(const Deed& deed) {
    const auto mine = evidence_.audit.tasks.find(deed.task);
    if (mine == evidence_.audit.tasks.end()) return;
    for (const auto& [id, other] : evidence_.audit.tasks) {
      if (id == deed.task || other.account != deed.account || other.queue != deed.queue || other.created > deed.at) continue;
      const auto leases = leases_.find(id);
      const bool known = leases != leases_.end() && !leases->second.empty();
      if (known && leases->second.back().held(deed.at)) find("tasks of one account go out one after another", deed, "task " + id + " is with a worker");
      // In line, and made before this one: not at the same instant, where the smaller id would decide.
      if (other.gone <= deed.at || other.created >= mine->second.created || completed_.contains(id) || withdrawn_.contains(id) || marked_.contains(id))
        continue;
      if (known && std::ranges::count_if(leases->second, [](const Lease& one) { return !one.over; }) > evidence_.queues.at(deed.queue).returns_max) continue;
      Instant from = INT64_MAX;
      for (const auto& [since, not_before] : other.not_before) {
        if (since <= deed.at) from = not_before;
      }
      if (from <= deed.at) find("tasks of one account go out one after another", deed, "task " + id + " was made before it and is in line");
    }
  }

  void rate(const Deed& deed, const QueueRules& rules) {
    int64_t taken = 1;
    for (const auto& [task, leases] : leases_) {
      taken += std::ranges::count_if(leases, [&](const Lease& one) { return one.queue == deed.queue && deed.at - one.since < rules.rate_per - tolerance; });
    }
    if (taken > rules.rate) find("a queue's rate is kept", deed, std::to_string(taken) + " leases");
  }

  // ---- contacts ----

  void contact(const Deed& deed) {
    may_go_out(deed);
    contacts_.add({deed.at, debtor_of(deed.account), deed.account, debtor_of(deed.account), deed.queue, deed.treatment, deed.id, true});
    if (const auto broken = contacts_.broken()) find("no limit is exceeded", deed, *broken);
  }

  // ---- under a lease ----

  void under_lease(const Deed& deed) {
    if (!deed.accepted) return;
    std::vector<Lease>& leases = leases_[deed.task];
    const char* const what = deed.kind == Kind::complete ? "an outcome" : deed.kind == Kind::heartbeat ? "a heartbeat" : "a return";
    if (leases.empty() || leases.back().epoch != deed.epoch || leases.back().over) {
      find("nothing is accepted under an old lease", deed, std::string(what) + " was accepted");
      return;
    }
    if (deed.kind == Kind::heartbeat) {
      leases.back().until = std::max(leases.back().until, deed.until);
      return;
    }
    leases.back().over = true;
    if (deed.kind != Kind::complete) return;
    if (!completed_.insert(deed.task).second) find("what is done stays done", deed, "an outcome was accepted twice");
    news_[debtor_of(deed.account)].push_back({deed.at, deed.about});
  }

  void event(const Deed& deed) {
    if (!deed.accepted) return;
    if (!events_.insert(deed.source + " " + deed.id + " " + deed.account).second)
      find("the same event twice is one event", deed, deed.source + " " + deed.id + " was accepted twice");
    news_[debtor_of(deed.account)].push_back({deed.at, deed.about});
  }

  const QueueEvidence& evidence_;
  limits_test::GatewayLog contacts_;
  std::map<std::string, std::vector<Lease>> leases_;  // by task
  std::map<std::string, std::vector<News>> news_;     // by debtor
  std::map<std::string, Instant> withdrawn_;          // by task
  std::set<std::string> completed_, marked_, excluded_, stopped_, paused_, events_;
  std::map<std::string, int> found_;
  std::vector<Finding> findings_;
};

}  // namespace

store::Result<Audit> read_audit(store::StepLog& log, const replay::Versions& versions, const std::vector<std::string>& debtors) {
  Audit audit;
  for (const std::string& debtor : debtors) {
    const int64_t id = engine::stable_id("debtor", debtor);
    replay::Options options;
    options.buckets = {engine::bucket_of(id), engine::bucket_of(id)};
    options.only_case = id;
    options.seen = [&](const engine::CaseFile& file, const engine::StepResult& result, const store::StepRecord&, Instant at) {
      audit.steps[debtor].push_back(at);
      for (const auto& effect : result.tasks) {
        AuditedTask& task = audit.tasks[effect.task.id.text()];
        if (effect.change == engine::TaskChange::withdraw || effect.change == engine::TaskChange::mark) {
          task.gone = std::min(task.gone, at);
          continue;
        }
        const checked::Program& program = file.program();
        task.account = engine::key_text(program, file.instance(effect.task.instance));
        task.queue = program.queues[static_cast<size_t>(effect.task.queue)].name;
        task.treatment = effect.task.treatment;
        task.priority = effect.task.priority;
        if (effect.change == engine::TaskChange::create) task.created = effect.task.created_at;
        task.not_before.emplace_back(at, effect.task.status == engine::TaskStatus::withheld ? INT64_MAX : effect.task.not_before);
      }
    };
    auto report = replay::replay_decisions(log, versions, options);
    if (!report) return std::unexpected(report.error());
  }
  return audit;
}

std::vector<Finding> judge_queue(const QueueEvidence& evidence) { return QueueJudge(evidence).run(); }

}  // namespace dunlin::judge
