// The process that starts the private server and stops it when nobody uses it any more.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace dunlin::store {

/// As whom the server runs. Root must not run it: PostgreSQL refuses.
struct ServerUser {
  uid_t uid = 0;
  gid_t gid = 0;
  bool change = false;  // we are root and must become this user
  std::string name;
};

/// Forks, becomes `user`, runs the program with its output in the file behind `log`; returns its exit status, or -1.
int run_as(const ServerUser& user, const std::vector<std::string>& command, int log);

/// True if `user` may enter and write the folder.
bool may_use_folder(const ServerUser& user, const std::string& folder);

struct KeeperPlan {
  ServerUser user;
  std::vector<std::string> command;  // the server and its arguments
  std::string folder;                // to stand in
  int users_lock = -1;               // every process that uses the server holds it shared
  int keeper_lock = -1;              // held by the keeper as long as it lives; already taken
  int log = -1;
};

/// Starts the keeper, detached from this process. False if it could not fork.
bool start_keeper(const KeeperPlan& plan);

}  // namespace dunlin::store
