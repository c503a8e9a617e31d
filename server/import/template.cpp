#include "server/import/template.h"

#include <charconv>
#include <optional>

namespace dunlin::import {
namespace {

std::string_view trimmed(std::string_view text) {
  auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<double> as_figure(std::string_view text) {
  text = trimmed(text);
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::expected<Template, std::string> Template::parse(std::string_view text) {
  Template result;
  result.text_ = text;
  for (size_t at = 0; at < text.size(); ++at) {
    char c = text[at];
    bool doubled = at + 1 < text.size() && text[at + 1] == c;
    if ((c == '{' || c == '}') && doubled) {
      result.literals_.back() += c;
      ++at;
    } else if (c == '}') {
      return std::unexpected("a `}` closes nothing");
    } else if (c == '{') {
      size_t end = text.find('}', at);
      if (end == std::string_view::npos) return std::unexpected("a `{` is never closed");
      auto name = trimmed(text.substr(at + 1, end - at - 1));
      if (name.empty()) return std::unexpected("there is no name between `{` and `}`");
      result.names_.emplace_back(name);
      result.literals_.emplace_back();
      at = end;
    } else {
      result.literals_.back() += c;
    }
  }
  return result;
}

std::string Template::fill(const Values& values) const {
  std::string result = literals_[0];
  for (size_t i = 0; i < names_.size(); ++i) {
    result += values.value(names_[i]);
    result += literals_[i + 1];
  }
  return result;
}

std::string_view Template::first_missing(const Values& values) const {
  for (const auto& name : names_) {
    if (trimmed(values.value(name)).empty()) return name;
  }
  return {};
}

std::expected<Condition, std::string> Condition::parse(std::string_view text) {
  struct Word {
    std::string_view sign;
    Test test;
  };
  constexpr Word words[] = {{"<>", Test::not_equal}, {"<=", Test::less_equal}, {">=", Test::greater_equal},
                            {"=", Test::equal},      {"<", Test::less},        {">", Test::greater}};
  Condition condition;
  text = trimmed(text);
  size_t behind = text.rfind('}');
  if (behind == std::string_view::npos && text.find_first_of("<>=") == std::string_view::npos) return std::unexpected("a condition names a column in braces");
  for (const auto& [word, test] : {Word{" known", Test::known}, Word{" missing", Test::missing}}) {
    if (!text.ends_with(word)) continue;
    auto left = Template::parse(trimmed(text.substr(0, text.size() - word.size())));
    if (!left) return std::unexpected(left.error());
    condition.left_ = *left;
    condition.test_ = test;
    return condition;
  }
  size_t at = text.find_first_of("<>=");
  if (at == std::string_view::npos) return std::unexpected("a condition compares: `{paid} > 0`, `{kind} = card`, `{letter} known`");
  for (const auto& [sign, test] : words) {
    if (text.substr(at, sign.size()) != sign) continue;
    auto left = Template::parse(trimmed(text.substr(0, at)));
    auto right = Template::parse(trimmed(text.substr(at + sign.size())));
    if (!left) return std::unexpected(left.error());
    if (!right) return std::unexpected(right.error());
    condition.left_ = *left;
    condition.right_ = *right;
    condition.test_ = test;
    return condition;
  }
  return std::unexpected("a condition compares: `{paid} > 0`, `{kind} = card`, `{letter} known`");
}

bool Condition::holds(const Values& values) const {
  std::string left = left_.fill(values);
  if (test_ == Test::known) return !trimmed(left).empty();
  if (test_ == Test::missing) return trimmed(left).empty();
  std::string right = right_.fill(values);
  auto a = as_figure(left), b = as_figure(right);
  int order = 0;
  if (a && b) {
    order = *a < *b ? -1 : *a > *b ? 1 : 0;
  } else {
    // A missing value is not less than anything; only equality makes sense for texts and missing values.
    bool ordered = test_ != Test::equal && test_ != Test::not_equal;
    if (ordered && (trimmed(left).empty() || trimmed(right).empty())) return false;
    order = trimmed(left).compare(trimmed(right));
  }
  switch (test_) {
    case Test::equal:
      return order == 0;
    case Test::not_equal:
      return order != 0;
    case Test::less:
      return order < 0;
    case Test::less_equal:
      return order <= 0;
    case Test::greater:
      return order > 0;
    case Test::greater_equal:
      return order >= 0;
    default:
      return false;
  }
}

std::vector<std::string> Condition::names() const {
  auto names = left_.names();
  names.insert(names.end(), right_.names().begin(), right_.names().end());
  return names;
}

}  // namespace dunlin::import
