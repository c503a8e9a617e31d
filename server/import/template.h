// A text with columns in it: "D{ID}", "{first} {last}". Two braces are one brace.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dunlin::import {

/// Values by name while one row is mapped: what a repetition gives comes before the columns.
class Values {
 public:
  virtual ~Values() = default;
  /// Empty if there is no such value or it is missing.
  virtual std::string_view value(std::string_view name) const = 0;
};

class Template {
 public:
  Template() = default;
  /// Fails with one sentence: a brace that never closes, an empty name.
  static std::expected<Template, std::string> parse(std::string_view text);

  const std::string& text() const { return text_; }
  bool is_constant() const { return names_.empty(); }
  const std::vector<std::string>& names() const { return names_; }
  /// The text filled in. A value that is missing leaves nothing.
  std::string fill(const Values& values) const;
  /// The first name without a value in this row; empty if all have one.
  std::string_view first_missing(const Values& values) const;

 private:
  std::string text_;
  std::vector<std::string> literals_ = {""};  // one more than names: literal, name, literal, name … literal
  std::vector<std::string> names_;
};

/// "{paid} > 0", "{kind} = card", "{letter} known": whether a row brings this entity or event at all.
class Condition {
 public:
  static std::expected<Condition, std::string> parse(std::string_view text);
  bool holds(const Values& values) const;
  std::vector<std::string> names() const;

 private:
  enum class Test { equal, not_equal, less, less_equal, greater, greater_equal, known, missing };
  Template left_, right_;
  Test test_ = Test::known;
};

}  // namespace dunlin::import
