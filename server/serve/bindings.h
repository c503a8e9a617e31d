// What groups of a directory, or values of an identity provider's claim, bind their people to: queues, and parts of the portfolio by a field. The same as
// `dunlin token create --queues --only`, from the configuration.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/serve/rights.h"

namespace dunlin::server {

/// "North Desk=queues:call+sms&account.region:north+south,Legal=queues:legal"
class Bindings {
 public:
  explicit Bindings(const std::string& text);
  /// What is wrong with such a text; empty: nothing.
  static std::string wrong(const std::string& text);
  /// Binds somebody who is in these groups. Somebody in several has what any of them gives, where that can be said as one part; else, and where a right
  /// of theirs concerns the whole portfolio, the answer says why they are not let in.
  std::optional<std::string> bind(Caller& caller, const std::vector<std::string>& theirs) const;

 private:
  /// By "queues" or "account.region": one of these values. What is not there is not bound.
  using Part = std::map<std::string, std::set<std::string>>;
  static std::optional<Part> read(const std::string& text);
  static bool within(const Part& inner, const Part& outer);
  static bool unite(Part& one, const Part& other);
  static std::string scope_of(const Part& part);

  std::map<std::string, Part> parts_;
};

}  // namespace dunlin::server
