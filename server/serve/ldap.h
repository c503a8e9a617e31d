// People who log in with the name and password of the house's directory (LDAP, Active Directory), and the roles that their groups give them.
#pragma once

#include <deque>
#include <expected>
#include <map>
#include <mutex>
#include <string>

#include "server/serve/oidc.h"
#include "server/serve/rights.h"

namespace dunlin::server {

struct LdapOptions {
  std::string url;               // "ldaps://dc.house.example"; empty: nobody logs in this way
  bool start_tls = false;        // ldap:// that turns to TLS before anything is said
  bool plain = false;            // ldap:// without: passwords go over the network as they are
  bool plain_http = false;       // passwords may come to this server without TLS: something in front of it has it
  std::string authorities_file;  // PEM, for TLS; empty: the system's
  std::string user;              // who binds: "uid={name},ou=people,dc=house", "{name}@house.example"; empty: searched for
  std::string search_base;       // where people are searched for
  std::string user_filter = "(uid={name})";
  std::string service, service_password;  // who searches; empty: the person
  std::string name_attribute = "uid";     // what somebody is called here, however it was typed: sAMAccountName in Active Directory
  std::string group_base;                 // where groups are searched for; empty: nowhere
  std::string group_filter = "(member={dn})";
  std::string group_name = "cn";  // attribute of a group that role_names mean
  std::string member_of;          // attribute of a person that lists groups: "memberOf"; empty: none
  std::string role_names;         // "collections-change=operations,…"
  std::string bindings;           // bindings.h: what groups bind their people to
  int seconds = 5;                // for all that one login asks of the directory
  int remember_seconds = 60;      // before the directory is asked again
  int failures_a_minute = 5;      // wrong passwords for one name, before it has to wait
};
/// What is wrong with them; empty: nothing.
std::string wrong_ldap(const LdapOptions& options);

class Ldap {
 public:
  explicit Ldap(LdapOptions options);
  bool asked_for() const { return !options_.url.empty(); }
  /// `authorization`: the header, "Basic …". Thread safe; may ask the directory.
  std::expected<Caller, NotLetIn> caller(const std::string& authorization);

 private:
  struct Remembered {
    Caller caller;
    int64_t until_ms = 0;
  };
  struct Failures {
    std::deque<int64_t> at_ms;
  };
  std::expected<Caller, NotLetIn> ask(const std::string& name, const std::string& password);
  bool has_to_wait(const std::string& name);

  LdapOptions options_;
  std::map<std::string, std::string> role_names_;
  Bindings bindings_;
  std::string salt_;  // what is remembered of passwords means nothing outside of this process
  std::mutex guard_;
  std::map<std::string, Remembered> remembered_;
  std::map<std::string, Failures> failures_;
};

}  // namespace dunlin::server
