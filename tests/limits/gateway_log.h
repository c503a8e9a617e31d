// What the gateways saw, and limits counted over it by hand: nothing of the engine, the database or its calendars is used.
#pragma once

#include <map>
#include <optional>
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
  std::string outcome;  // what really came of it, reported or not; of an agency's call: empty if nobody said
  bool ours = false;    // from a task; else it was told by others, and could not be prevented
};

/// Local time by the machine's own zone files.
struct Local {
  int64_t date = 0, seconds = 0;  // days since 1970-01-01
  int weekday = 0;                // Monday 1 … Sunday 7
  int64_t month = 0;              // year * 12 + month
};
Local local_time(Instant at, const std::string& zone);

class GatewayLog {
 public:
  GatewayLog(const Policy& policy, std::map<std::string, std::string> zones) : policy_(policy), zones_(std::move(zones)) {}
  void add(Contact contact) { contacts.push_back(std::move(contact)); }
  void complain(const std::string& debtor, Instant at) { complaints_.emplace_back(debtor, at); }
  /// The line that the last contact broke, and how.
  std::optional<std::string> broken() const;

  std::vector<Contact> contacts;

 private:
  std::optional<std::string> broken(const Line& line, const Contact& last) const;
  std::optional<std::string> too_many(const Line& line, const Contact& last) const;
  bool same_key(const Line& line, const Contact& a, const Contact& b) const;

  const Policy& policy_;
  std::map<std::string, std::string> zones_;  // by debtor
  std::vector<std::pair<std::string, Instant>> complaints_;
};

}  // namespace dunlin::limits_test
