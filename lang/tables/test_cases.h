// Test cases for DMN models in the XML form of the public compatibility kit: inputs, and what decisions must give.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lang/tables/problem.h"

namespace dunlin::tables {

struct TestValue {
  enum class Shape { null, scalar, record, list };
  Shape shape = Shape::null;
  std::string text;                                       // scalar
  std::vector<std::pair<std::string, TestValue>> fields;  // record
  std::vector<TestValue> items;                           // list
};

struct TestCase {
  struct Expected {
    std::string decision;
    TestValue value;
    int line = 0;
  };
  std::string id;
  std::vector<std::pair<std::string, TestValue>> inputs;
  std::vector<Expected> expected;
};

std::expected<std::vector<TestCase>, Problem> read_test_cases(std::string_view xml);

/// For people: `{Status: "Approved", Rate: null}`.
std::string shown(const TestValue& value);

}  // namespace dunlin::tables
