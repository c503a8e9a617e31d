// A desk where workers, agencies and machines go wrong at random, on PostgreSQL, with a clock of its own.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/store/bulk.h"
#include "tests/limits/gateway_log.h"
#include "tests/store/office.h"

namespace dunlin::limits_test {

struct Tally {
  int64_t switches = 0;                     // of versions
  std::map<std::string, int64_t> by_queue;  // contacts
  int64_t contacts = 0, told = 0, lost = 0, refused_at_dialling = 0, held_back = 0, lies = 0, lies_believed = 0;
};

class Desk {
 public:
  /// `plant`: statements that break the hand-out on purpose; empty: none.
  Desk(uint64_t seed, const std::string& plant = {});
  /// Lives so many turns; returns what the log says was broken, with the seed's policy.
  std::optional<std::string> live(int turns);
  Tally tally;

 private:
  struct Held {
    std::string task, epoch, queue, account, treatment;
    Instant leased = 0;
    bool dialled = false;
    Instant at = 0;
    std::string outcome;
  };
  void sleep(int64_t minutes);
  void step();
  void reload();
  engine::Stepper& stepper() { return version_ == 1 ? stepper_ : second_stepper_; }
  const sim_test::Compiled& compiled() const { return version_ == 1 ? compiled_ : second_compiled_; }
  void lease(store::BulkConnection& connection, bool at_once);
  void two_at_once();
  void dial(Held& held);
  void dial_carefully();
  void finish();
  Instant lie(const Held& held);
  void set_clock();
  void tell();
  void complain();
  std::string person_of(const Held& held) const;
  std::string ask(const std::string& sql) { return ask(*first_, sql); }
  std::string ask(store::BulkConnection& connection, const std::string& sql);
  std::string now_sql() const;

  sim_test::Dice dice_;
  Policy policy_;
  sim_test::Compiled compiled_, second_compiled_;
  int32_t version_ = 1;
  std::unique_ptr<store::test::Place> place_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::BulkConnection> first_, second_;
  engine::Stepper stepper_, second_stepper_;
  std::vector<std::unique_ptr<engine::CaseFile>> pool_;
  abi::Arena texts_;
  GatewayLog log_;
  std::vector<Held> held_;
  Instant now_ = 0;
  int64_t told_ = 0;
  std::optional<std::string> broken_;
};

/// Statements that change a text in a function of schema dunlin; an error if the text is not there.
std::string replace_in(const std::string& function, const std::string& old_text, const std::string& new_text);

}  // namespace dunlin::limits_test
