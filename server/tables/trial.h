// Imported decisions held to test cases: each case is computed by the interpreter and by native code.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "lang/tables/test_cases.h"
#include "lang/tables/translate.h"

namespace dunlin::server {

struct TrialLine {
  enum class Outcome { equal, different, refused };
  std::string test, decision, expected;
  std::string interpreted, native;  // as shown for people; empty where refused
  Outcome outcome = Outcome::refused;
  std::string reason;  // of a refusal or a fault
};

/// An error is text for people: the diagnostics of what was made of the model.
std::expected<std::vector<TrialLine>, std::string> try_tables(const tables::Translation& translation, const std::vector<tables::TestCase>& cases,
                                                              const std::filesystem::path& stdlib, bool rounded = false);

}  // namespace dunlin::server
