#include "tests/judge/queue_log.h"

#include <algorithm>
#include <optional>
#include <set>

namespace dunlin::judge {

using Kind = Deed::Kind;

namespace {

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
    std::string worker, account, queue, conversation;
    Instant since = 0, until = 0;
    bool over = false;  // completed, given back or taken away: somebody was told
    Instant ended = 0;  // … when
    bool held(Instant at) const { return !over && until > at; }
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
        if (!deed.accepted) break;
        if (!leases_[deed.task].empty()) end(leases_[deed.task].back(), deed);
        given_to_[deed.task] = deed.id;
        break;
      case Kind::withdraw:
        withdrawn_[deed.task] = deed.at;
        break;
      case Kind::redrive:
        for (Lease& lease : leases_[deed.task]) end(lease, deed);
        break;
      case Kind::released:
        made_by_campaign(deed);
        news_[debtor_of(deed.account)].push_back({deed.at, deed.at});
        break;
      case Kind::keep_for:
        kept_[deed.account] = deed.worker;
        break;
      case Kind::keep_for_nobody:
        kept_.erase(deed.account);
        break;
      case Kind::hold:
        hold(deed);
        break;
      case Kind::commit:
        commit(deed);
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
      case Kind::prefer:
        preferred_[deed.account] = {deed.priority};
        break;
      case Kind::prefer_no_more:
        preferred_[deed.account].lifted = deed.at;
        break;
      case Kind::tend:
        tended_ = deed.at;
        break;
      case Kind::turn_to:
        version_ = deed.version;
        break;
      case Kind::ask:
        asked(deed);
        break;
      case Kind::lapsed:
        if (const auto& leases = leases_[deed.task]; !leases.empty() && leases.back().epoch == deed.epoch && leases.back().held(deed.at))
          find("who keeps a lease keeps all of it", deed, "the lease has ended, a worker who asks is told");
        break;
    }
  }

  static void end(Lease& lease, const Deed& deed) {
    if (!lease.over) lease.ended = deed.at;
    lease.over = true;
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
    if (rules.merges) one_conversation(deed);
    if (rules.rate > 0) rate(deed, rules);
    if (rules.by_priority && !deed.beside) by_priority(deed);
    // What a supervisor has given to somebody by name is theirs.
    if (const auto kept = kept_.find(deed.account); kept != kept_.end() && kept->second != deed.worker && given_to_[deed.task] != deed.worker && !rules.printed)
      find("what is kept for one worker goes to nobody else", deed, "the account is " + kept->second + "'s");
    if (const auto most = evidence_.capacities.find(deed.worker); most != evidence_.capacities.end()) capacity(deed, most->second);
    if (const auto campaign = evidence_.campaigns.find(deed.treatment); campaign != evidence_.campaigns.end()) of_campaign(deed, campaign->second);
    before.push_back({deed.epoch, deed.worker, deed.account, deed.queue, deed.conversation, deed.at, deed.until, false});
  }

  /// What is asked at the hand-out, and again at dialling.
  void may_go_out(const Deed& deed) {
    const auto task = evidence_.audit.tasks.find(deed.task);
    const bool known = task != evidence_.audit.tasks.end();
    if (!campaign_tasks_.contains(deed.task) && (!known || task->second.created > deed.at)) {
      find("only what a step has asked for goes out", deed, "no record has it");
    } else if (known && task->second.is_gone(deed.at)) {
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
      return steps == evidence_.audit.steps.end() || std::ranges::none_of(steps->second, [&](const Audit::Step& step) {
               return step.at > one.posted && step.at >= one.about && step.known <= deed.at;
             });
    });
  }

  void one_operator(const Deed& deed) {
    for (const auto& [task, leases] : leases_) {
      const Lease* last = leases.empty() ? nullptr : &leases.back();
      if (last == nullptr || task == deed.task || last->worker == deed.worker || debtor_of(last->account) != debtor_of(deed.account)) continue;
      if (evidence_.queues.at(last->queue).printed) continue;  // a register is no worker
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
      if (other.is_gone(deed.at) || other.created >= mine->second.created || completed_.contains(id) || withdrawn_.contains(id) || marked_.contains(id))
        continue;
      if (known && std::ranges::count_if(leases->second, [](const Lease& one) { return !one.over; }) > evidence_.queues.at(deed.queue).returns_max) continue;
      Instant from = INT64_MAX;
      for (const auto& [since, not_before] : other.not_before) {
        if (since <= deed.at) from = not_before;
      }
      if (from <= deed.at) find("tasks of one account go out one after another", deed, "task " + id + " was made before it and is in line");
    }
  }

  void one_conversation(const Deed& deed) {
    for (const auto& [task, leases] : leases_) {
      const Lease* last = leases.empty() ? nullptr : &leases.back();
      if (last == nullptr || task == deed.task || last->queue != deed.queue || debtor_of(last->account) != debtor_of(deed.account)) continue;
      if (last->held(deed.at) && last->conversation != deed.conversation)
        find("one conversation with a person at a time", deed, last->worker + " holds task " + task);
    }
  }

  /// Conversations that the worker has ended today or holds.
  void capacity(const Deed& deed, int64_t most) {
    const int64_t today = day_of(deed.at);
    std::set<std::string> busy{deed.conversation};
    for (const auto& [task, leases] : leases_) {
      for (const Lease& one : leases) {
        if (one.worker == deed.worker && one.held(deed.at)) busy.insert(one.conversation);
      }
    }
    const auto used = static_cast<int64_t>(busy.size()) + ended_[{deed.worker, today}];
    if (used > most) find("a worker gets no more than the capacity of the day", deed, std::to_string(used) + " tasks");
  }

  void of_campaign(const Deed& deed, const CampaignRules& rules) {
    auto& tasks = campaign_leased_[{deed.treatment, deed.account}];
    tasks.insert(deed.task);
    if (tasks.size() > 1) find("a campaign reaches nobody twice", deed, "another task of it was handed out before");
    auto& today = campaign_days_[{deed.treatment, day_of(deed.at)}];
    today.insert(deed.task);
    if (static_cast<int64_t>(today.size()) > rules.per_day) find("a campaign's day has no more than its cap", deed, std::to_string(today.size()) + " tasks");
    const int64_t now = limits_test::local_time(deed.at, evidence_.zone).seconds;
    if (now < rules.hours.first || now >= rules.hours.second)
      find("the hours of a campaign are kept", deed, std::to_string(now / 60) + " minutes after midnight");
  }

  void made_by_campaign(const Deed& deed) {
    campaign_tasks_.emplace(deed.task, deed.account);
    const auto made = ++campaign_made_[{deed.treatment, day_of(deed.at)}];
    if (made > evidence_.campaigns.at(deed.treatment).per_day) find("a campaign makes no more tasks a day than its cap", deed, std::to_string(made) + " tasks");
  }

  // ---- what goes first ----

  /// What a hand-out comes upon that is held back is out of line for ten minutes at most, and then until the next round.
  void asked(const Deed& deed) {
    for (const auto& [id, task] : evidence_.audit.tasks) {
      if (task.queue != deed.queue || !evidence_.queues.at(task.queue).by_priority) continue;
      if (excluded_.contains(task.account) || stopped_.contains(task.account) || unread({.at = deed.at, .account = task.account})) held_back_[id] = deed.at;
    }
  }

  /// The least and the greatest priority that the task may have. When an override is lifted, the next step gives it that of its rule again.
  std::pair<int64_t, int64_t> priority_of(const AuditedTask& task) const {
    const auto preferred = preferred_.find(task.account);
    if (preferred == preferred_.end()) return {task.priority, task.priority};
    const auto& [value, lifted] = preferred->second;
    const auto step = last_steps_.find(debtor_of(task.account));
    const Audit::Step last = step == last_steps_.end() ? Audit::Step{} : step->second;
    if (lifted == INT64_MAX) return {value, value};
    if (last.at > lifted) return {task.priority, task.priority};
    return std::minmax(task.priority, value);
  }

  /// Since when the task is in line for sure; nothing: it may not be.
  std::optional<Instant> in_line_since(const std::string& id, const AuditedTask& task, const Deed& deed) const {
    if (task.is_gone(deed.at) || task.not_before.empty() || completed_.contains(id) || withdrawn_.contains(id) || marked_.contains(id)) return std::nullopt;
    if (const auto kept = kept_.find(task.account); kept != kept_.end() && kept->second != deed.worker) return std::nullopt;
    if (const auto given = given_to_.find(id); given != given_to_.end()) return std::nullopt;
    Instant since = 0, from = INT64_MAX;
    for (const auto& [known, not_before] : task.not_before) {
      if (known > deed.at) continue;
      since = std::max(since, known);
      from = not_before;
    }
    if (from > deed.at) return std::nullopt;
    since = std::max(since, from);
    if (const auto leases = leases_.find(id); leases != leases_.end()) {
      for (const Lease& one : leases->second) {
        if (!one.over) return std::nullopt;
        since = std::max(since, one.ended);
      }
    }
    if (const auto back = held_back_.find(id); back != held_back_.end()) since = std::max(since, back->second + 600 * Instant{1'000'000});
    return since;
  }

  void by_priority(const Deed& deed) {
    const auto mine = evidence_.audit.tasks.find(deed.task);
    if (mine == evidence_.audit.tasks.end() || given_to_.contains(deed.task)) return;
    const int64_t most = priority_of(mine->second).second;
    for (const auto& [id, other] : evidence_.audit.tasks) {
      if (id == deed.task || other.queue != deed.queue) continue;
      const auto since = in_line_since(id, other, deed);
      if (!since || *since >= tended_) continue;
      const int64_t least = priority_of(other).first;
      if (least > most)
        find("the higher priority goes first", deed, "task " + id + " is in line with " + std::to_string(least) + ", this one has " + std::to_string(most));
    }
  }

  int64_t day_of(Instant at) const { return limits_test::local_time(at, evidence_.zone).date; }

  void rate(const Deed& deed, const QueueRules& rules) {
    int64_t taken = 1;
    for (const auto& [task, leases] : leases_) {
      taken += std::ranges::count_if(leases, [&](const Lease& one) { return one.queue == deed.queue && deed.at - one.since < rules.rate_per; });
    }
    if (taken > rules.rate) find("a queue's rate is kept", deed, std::to_string(taken) + " leases");
  }

  // ---- contacts ----

  void contact(const Deed& deed) {
    may_go_out(deed);
    if (deed.rider) return;
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
    end(leases.back(), deed);
    if (deed.kind != Kind::complete) return;
    if (!completed_.insert(deed.task).second) find("what is done stays done", deed, "an outcome was accepted twice");
    if (!deed.rider) ++ended_[{deed.worker, day_of(deed.about)}];
    news_[debtor_of(deed.account)].push_back({deed.at, deed.about});
  }

  void event(const Deed& deed) {
    if (!deed.accepted) return;
    if (!events_.insert(deed.source + " " + deed.id + " " + deed.account).second)
      find("the same event twice is one event", deed, deed.source + " " + deed.id + " was accepted twice");
    news_[debtor_of(deed.account)].push_back({deed.at, deed.about});
  }

  // ---- nodes ----

  /// Not accepted: the node does not hold this one. A name that has another life leaves behind what the one before it held.
  void hold(const Deed& deed) {
    const std::string name = deed.worker.substr(0, deed.worker.find('/') + 1);
    std::erase_if(holders_, [&](const auto& holder) {
      const bool same_name = holder.second.worker.starts_with(name);
      return same_name && (holder.second.worker != deed.worker || (holder.first == deed.bucket && !deed.accepted));
    });
    if (deed.accepted) holders_[deed.bucket] = deed;
  }

  /// Until its lease ends, a bucket is that node's which was given it last.
  void commit(const Deed& deed) {
    if (!deed.accepted) return;
    last_steps_[deed.account] = {deed.about, deed.at};
    contacts_.stepped(deed.account, {.version = static_cast<size_t>(deed.version)});
    if (deed.version != version_) find("what was stepped under a version that is active no more is dropped", deed, "it was committed");
    const auto holder = holders_.find(deed.bucket);
    if (holder == holders_.end() || holder->second.worker == deed.worker) return;
    if (deed.worker != "by hand") {
      find("what a node made of case files that another has taken over is dropped", deed, "the bucket is with " + holder->second.worker);
    } else if (holder->second.until > deed.at) {
      find("nobody steps by hand what a live node holds", deed, "the bucket is with " + holder->second.worker);
    }
  }

  const QueueEvidence& evidence_;
  limits_test::GatewayLog contacts_;
  std::map<std::string, std::vector<Lease>> leases_;  // by task
  std::map<std::string, std::vector<News>> news_;     // by debtor
  std::map<std::string, Instant> withdrawn_;          // by task
  std::set<std::string> completed_, marked_, excluded_, stopped_, paused_, events_;
  std::map<std::string, std::string> given_to_;                                           // worker by task
  std::map<std::string, std::string> campaign_tasks_, kept_;                              // account by task; worker by account
  std::map<std::pair<std::string, int64_t>, int64_t> ended_;                              // by worker and day
  std::map<std::pair<std::string, std::string>, std::set<std::string>> campaign_leased_;  // by treatment and account
  std::map<std::pair<std::string, int64_t>, std::set<std::string>> campaign_days_;        // by treatment and day
  std::map<std::pair<std::string, int64_t>, int64_t> campaign_made_;                      // by treatment and day
  struct Preferred {
    int64_t value = 0;
    Instant lifted = INT64_MAX;
  };
  std::map<std::string, Preferred> preferred_;     // by account
  std::map<std::string, Instant> held_back_;       // by task: when a hand-out may have come upon it
  std::map<std::string, Audit::Step> last_steps_;  // by debtor
  Instant tended_ = 0;
  int64_t version_ = 0;              // that is active
  std::map<int32_t, Deed> holders_;  // by bucket
  std::map<std::string, int> found_;
  std::vector<Finding> findings_;
};

}  // namespace

std::string text_of(const Deed& deed) {
  static const char* const kinds[] = {"lease",   "contact", "complete", "heartbeat", "release", "reassign",       "withdraw",
                                      "redrive", "event",   "released", "exclude",   "include", "keep_for",       "keep_for_nobody",
                                      "stop",    "resume",  "pause",    "unpause",   "prefer",  "prefer_no_more", "hold",
                                      "commit",  "tend",    "turn_to",  "ask",       "lapsed"};
  std::string text = std::to_string(deed.at / 1'000'000) + " " + kinds[static_cast<size_t>(deed.kind)] + (deed.accepted ? "" : " refused");
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) ((text += " ") += name) += " " + value;
  };
  add("task", deed.task);
  add("lease", deed.epoch == 0 ? "" : std::to_string(deed.epoch));
  add("of", deed.worker);
  add("queue", deed.queue);
  add("account", deed.account);
  add("treatment", deed.treatment);
  add("with", deed.conversation == deed.task ? "" : deed.conversation);
  add("until", deed.until == 0 ? "" : std::to_string(deed.until));
  add("about", deed.about == 0 ? "" : std::to_string(deed.about));
  add("bucket", deed.bucket < 0 ? "" : std::to_string(deed.bucket));
  add("version", deed.version < 0 ? "" : std::to_string(deed.version));
  add("priority", deed.kind != Kind::prefer ? "" : std::to_string(deed.priority));
  add("id", deed.id);
  return text;
}

store::Result<Audit> read_audit(store::StepLog& log, const replay::Versions& versions, const std::vector<std::string>& debtors, const Commits& commits) {
  Audit audit;
  for (const std::string& debtor : debtors) {
    const int64_t id = engine::stable_id("debtor", debtor);
    replay::Options options;
    options.buckets = {engine::bucket_of(id), engine::bucket_of(id)};
    options.only_case = id;
    options.seen = [&](const engine::CaseFile& file, const engine::StepResult& result, const store::StepRecord&, Instant at) {
      const auto committed = commits.find({debtor, at});
      const Instant known = committed == commits.end() ? at : committed->second;
      audit.steps[debtor].push_back({at, known});
      for (const auto& effect : result.tasks) {
        AuditedTask& task = audit.tasks[effect.task.id.text()];
        if (effect.change == engine::TaskChange::withdraw || effect.change == engine::TaskChange::mark) {
          task.gone[known] = true;
          continue;
        }
        const checked::Program& program = file.program();
        task.account = engine::key_text(program, file.instance(effect.task.instance));
        task.queue = program.queues[static_cast<size_t>(effect.task.queue)].name;
        task.treatment = effect.task.treatment;
        task.priority = effect.task.priority;
        if (effect.change == engine::TaskChange::create) task.created = effect.task.created_at;
        task.gone[known] = effect.task.status == engine::TaskStatus::expired;
        task.not_before.emplace_back(known, effect.task.status == engine::TaskStatus::withheld ? INT64_MAX : effect.task.not_before);
      }
    };
    auto report = replay::replay_decisions(log, versions, options);
    if (!report) return std::unexpected(report.error());
  }
  return audit;
}

std::vector<Finding> judge_queue(const QueueEvidence& evidence) { return QueueJudge(evidence).run(); }

}  // namespace dunlin::judge
