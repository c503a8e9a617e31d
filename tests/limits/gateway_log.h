// What the gateways saw, and limits counted over it by hand: nothing of the engine, the database or its calendars is used.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/limits/policy.h"

namespace dunlin::limits_test {

using Instant = int64_t;

/// A contact that was made.
struct Contact {
  Instant at = 0;
  std::string debtor, account;  // account: empty if it was about the debtor only
  std::string person;           // whom it was with
  std::string queue, treatment;
  std::string outcome;   // what really came of it, reported or not; of an agency's call: empty if nobody said
  bool ours = false;     // from a task; else it was told by others, and could not be prevented
  int64_t together = 0;  // contacts of one number were one conversation about several accounts
  bool once = false;     // … which the queue counts once
};

/// Local time by the machine's own zone files.
struct Local {
  int64_t date = 0, seconds = 0;  // days since 1970-01-01
  int weekday = 0;                // Monday 1 … Sunday 7
  int64_t month = 0;              // year * 12 + month
};
Local local_time(Instant at, const std::string& zone);
/// The first instant at which clocks show this time of that day; where they pass over it, the first instant behind the gap.
Instant instant_of(int64_t date, int64_t seconds, const std::string& zone);

/// What a step read of a debtor; limits stand as it left them until the next one.
struct Facts {
  size_t version = 0;               // of the bundle: an index
  std::set<std::string> hold = {};  // facts that are so
  std::string zone = {};            // the debtor's clock, where it is no longer the one they began with
};

/// A contact as far as those inside can know of it: what is held may happen at any moment, what is unknown was at some moment between two.
struct Possible {
  Contact contact;  // without an outcome: it may be any
  Instant first = 0, last = 0;
  bool held = false;
};

class GatewayLog {
 public:
  GatewayLog(const Policy& policy, std::map<std::string, std::string> zones) : versions_{&policy}, zones_(std::move(zones)) {}
  GatewayLog(const std::vector<Policy>& versions, std::map<std::string, std::string> zones) : zones_(std::move(zones)) {
    for (const Policy& policy : versions) versions_.push_back(&policy);
  }
  void add(Contact contact) { contacts.push_back(std::move(contact)); }
  void stepped(const std::string& debtor, Facts facts) { facts_[debtor] = std::move(facts); }
  void complain(const std::string& debtor, Instant at) { complaints_.push_back({debtor, at, false}); }
  void settle(const std::string& debtor, Instant at) { complaints_.push_back({debtor, at, true}); }
  /// The line that the last contact broke, and how. What was one conversation is looked at together.
  std::optional<std::string> broken() const;
  /// Lines that have forbidden something at least once, by what they are: `at_most quarter`, `pause business_days` …
  std::set<std::string> kinds_judged() const { return kinds_; }
  /// Whether nothing that happened, or may have happened, is in the way of this contact under the line that was given as the reason. Only lines per debtor are
  /// looked at; true means that it was refused for nothing.
  bool refused_for_nothing(const std::string& why, const Contact& next, const std::vector<Possible>& possible) const;

  /// The contacts, one a line, for people.
  std::string text() const;

  std::vector<Contact> contacts;

 private:
  struct Complaint {
    std::string debtor;
    Instant at = 0;
    bool settled = false;
  };
  std::optional<std::string> broken(const Policy& policy, const Facts& facts, const Line& line, const Contact& last) const;
  std::optional<std::string> too_many(const Line& line, const Facts& facts, const Contact& last, const std::string& zone) const;
  std::optional<std::string> too_soon(const Policy& policy, const Line& line, const Contact& last, const std::string& zone) const;
  std::optional<std::string> banned(const Policy& policy, const Facts& facts, const Line& line, const Contact& last, const std::string& zone) const;
  bool too_many_possible(const Line& line, const Facts& facts, const Contact& next, const std::vector<Possible>& possible, const std::string& zone) const;
  bool same_key(const Line& line, const Contact& a, const Contact& b) const;
  const Facts& facts_of(const std::string& debtor) const;
  bool stands(const Policy& policy, const Facts& facts, const Line& line, Instant at, const std::string& zone) const;
  const std::string& zone_of(const Facts& facts, const Line& line, const std::string& debtor) const;

  std::vector<const Policy*> versions_;
  std::map<std::string, std::string> zones_;  // by debtor
  std::map<std::string, Facts> facts_;        // by debtor
  std::vector<Complaint> complaints_;
  mutable std::set<std::string> kinds_;
};

}  // namespace dunlin::limits_test
