// What the commands that call the SQL functions of the queues share: who does it, and how an answer is shown.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/store/store.h"
#include "server/common_options.h"
#include "server/department_desk.h"

namespace dunlin::server {

/// Who does it, for the audit: as said, else the login name.
std::optional<std::string> doer_or_login(const std::string& who);
/// Rows of a function (a JSON array) as a table of the named columns, or all of them as JSON; `otherwise` where there are none. Returns the exit code.
int show_rows(const CommonOptions& common, const store::Result<std::string>& answer, const std::vector<std::string>& columns, const std::string& otherwise);

}  // namespace dunlin::server
