// What a directory or an identity provider calls a role, and which of ours it is.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "server/serve/rights.h"

namespace dunlin::server {

/// "theirs=ours,theirs=ours". What is wrong with it; empty: nothing.
std::string wrong_role_names(const std::string& text);
std::map<std::string, std::string> role_names_of(const std::string& text);
/// Adds the rights of each role that is known. With names given, only those count: a group that happens to be called as one of our roles gives nothing.
void give_roles(Caller& caller, const std::vector<std::string>& theirs, const std::map<std::string, std::string>& names);

}  // namespace dunlin::server
