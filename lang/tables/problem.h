// What stands in the way of reading a table from elsewhere: where, what, and what to do.
#pragma once

#include <string>
#include <vector>

namespace dunlin::tables {

struct Problem {
  int line = 0;        // of the file, from 1; 0: unknown or not a text file
  std::string place;   // "decision `Offer`, row 3, column `age`" or "sheet `Rates`, cell B7"; may be empty
  std::string reason;  // lower case, one sentence without a full stop
  std::string help;    // may be empty
};

using Problems = std::vector<Problem>;

}  // namespace dunlin::tables
