// A desk where workers, agencies and machines go wrong at random, on PostgreSQL, with a clock of its own.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/store/bulk.h"
#include "tests/limits/gateway_log.h"
#include "tests/store/office.h"

namespace dunlin::limits_test {

struct Tally {
  std::map<std::string, int64_t> by_queue;  // contacts
  std::map<std::string, int64_t> deeds;     // what happened, and how often: `reload`, `told`, `lost` …
  std::set<std::string> kinds;              // of lines that judged a contact
  int64_t contacts = 0;
  void add(const Tally& other);
};

/// A database with the schema and nothing else, made once; each desk works on a copy.
class Ground {
 public:
  Ground();
  std::string copy();
  void drop(const std::string& url);

 private:
  std::unique_ptr<store::test::Place> place_;
  std::unique_ptr<store::BulkConnection> admin_;
  int copies_ = 0;
};

class Desk {
 public:
  /// `plant`: statements that break the hand-out on purpose; empty: none.
  Desk(Ground& ground, uint64_t seed, const std::string& plant = {});
  ~Desk();
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;
  /// Lives so many turns; returns what the log says was broken, with the version that was.
  std::optional<std::string> live(int turns);
  Tally tally;

 private:
  /// One task of those that went out together.
  struct Member {
    std::string task, epoch, account, treatment;
  };
  struct Held {
    std::vector<Member> members;  // the one that leads first
    std::string queue;
    Instant leased = 0;
    bool dialled = false;
    Instant at = 0;
    std::string outcome;
    int64_t together = 0;  // number of the conversation, if it is about several
    const Member& lead() const { return members.front(); }
  };
  /// A version, compiled and ready to step.
  struct Version {
    explicit Version(const Policy& policy)
        : compiled(sources_of(policy)), stepper(compiled.program(), compiled.evaluator(), compiled.calendar(), compiled.settings()) {}
    sim_test::Compiled compiled;
    engine::Stepper stepper;
  };

  // ---- the house ----
  void open_house();
  void put_people(bool all);
  void activate(size_t version);
  void sleep(int64_t minutes);
  void step();
  void turn_facts();
  void set_clock();

  // ---- consumers ----
  void something();
  void lease(store::BulkConnection& connection, bool at_once);
  void two_at_once();
  void take(const std::string& queue, const std::string& rows, bool at_once);
  void dial(Held& held);
  bool may_dial(const Held& held);
  void dial_carefully();
  void finish();
  void finish_with(Held held);
  void finish_many();
  void give_back(const Held& held);
  Instant lie(const Held& held);
  void send_webhooks();
  void make_register();
  void post_status();
  void work_a_list();
  void ask_why();

  // ---- what those inside can know ----
  void note_held(const Held& held);
  void note_outcome(const Held& held, Instant at);
  void note_gone(const Held& held, bool maybe);

  // ---- the others ----
  void tell();
  void complain(bool settled);

  std::string person_of(const std::string& account, const std::string& treatment) const;
  std::string some_debtor() { return std::next(bank_.zones.begin(), dice_.below(static_cast<int64_t>(bank_.zones.size())))->first; }
  std::string some_account() { return some_debtor() + (dice_.one_in(2) ? "a" : "b"); }
  std::string ask(const std::string& sql) { return ask(*first_, sql); }
  std::string ask(store::BulkConnection& connection, const std::string& sql);
  std::string now_sql() const { return sql_of(now_); }
  static std::string sql_of(Instant at);

  Ground& ground_;
  sim_test::Dice dice_;
  Bank bank_;
  std::string url_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::BulkConnection> first_, second_;
  std::unique_ptr<Version> version_;
  size_t active_ = 0;
  int32_t number_ = 0;
  std::vector<std::unique_ptr<engine::CaseFile>> pool_;
  abi::Arena texts_;
  GatewayLog log_;
  std::map<std::string, Facts> facts_;  // by debtor: as they are; what a step has read of them stands in the log
  std::vector<Held> held_;
  std::map<std::string, Possible> possible_;         // by task and lease, or by the number of who told it
  std::vector<std::pair<std::string, Held>> items_;  // letters that went out in a register, by their numbers
  Instant now_ = 0;
  int64_t told_ = 0, conversations_ = 0;
  std::optional<std::string> broken_;
};

/// Statements that change a text in a function of schema dunlin; an error if the text is not there.
std::string replace_in(const std::string& function, const std::string& old_text, const std::string& new_text);

}  // namespace dunlin::limits_test
