// Every rule file of the repository: on disk, inside golden cases, and in the blocks of the documentation.
#pragma once

#include <string>
#include <vector>

namespace dunlin::test {

struct Sample {
  std::string name;
  std::string text;
};

std::vector<Sample> rule_texts();

}  // namespace dunlin::test
