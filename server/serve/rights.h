// Who may do what: single rights, roles made of them, and the tokens that carry them.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dunlin::server {

/// "read", "personal", "work", "events", "supervise", "design", "activate", "approve", "audit", "admin"
const std::vector<std::string>& all_rights();
/// The rights of a role; nothing where there is no such role.
std::optional<std::vector<std::string>> rights_of_role(const std::string& role);
/// Whether somebody may have it who is bound to queues or to a part of the portfolio: the others concern everything.
bool may_be_bound(const std::string& right);
std::vector<std::string> all_roles();

struct Caller {
  std::string name, role;
  std::set<std::string> rights;
  std::string scope = {};  // what a token is bound to, as the database has it (migration `bound`); empty: nothing
  bool bound() const { return !scope.empty(); }
  bool may(const std::string& right) const { return rights.contains(right); }
};

/// A fresh secret: "dun_" and 43 letters, from the system's source of randomness.
std::string make_token();
/// What is kept of it: sha-256 in hex.
std::string token_hash(const std::string& token);

}  // namespace dunlin::server
