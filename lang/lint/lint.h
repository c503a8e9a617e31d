// Style and likely mistakes in a bundle that is right: what a colleague would say in review. Each finding can be mended by a tool or allowed with a reason:
//
//   // dunlin: allow L0002 because the contract says it in these words
//
// on the line before or behind what is found.
#pragma once

#include <string>
#include <vector>

#include "lang/service/features.h"

namespace dunlin::lint {

struct Rule {
  const char* code;
  const char* title;
};
/// All rules; each has a page docs/lint/CODE.md.
const std::vector<Rule>& rules();

struct Finding {
  Diagnostic diagnostic;             // a warning with an L code
  std::vector<service::Edit> edits;  // that mend it; never empty
  bool allowed = false;              // silenced by a comment with a reason
  std::string reason;
};

/// Findings in the bundle's own files, by place. The snapshot must be good.
std::vector<Finding> lint(const service::Snapshot& snapshot);

/// The file's text with the edits of all findings that are not allowed and do not touch one another. Run again until nothing is found.
std::string mended(const service::Snapshot& snapshot, uint32_t file, const std::vector<Finding>& findings);

}  // namespace dunlin::lint
