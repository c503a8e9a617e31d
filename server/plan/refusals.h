// What a version is refused for, whoever would make it active.
#pragma once

#include <string>

#include "server/plan/proposal.h"

namespace dunlin::server {

/// What people wrote is compared, not what is carried along of older versions.
plan::Comparison compare_texts(const CheckedBundle& active, const CheckedBundle& next);
/// `whom`: "account"; `example`: "account A17", may be empty.
Refusal stranded_refusal(int64_t count, const std::string& whom, const std::string& stage, const std::string& example);
Refusal wider_limits_refusal();

}  // namespace dunlin::server
